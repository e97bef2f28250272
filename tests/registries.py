"""Registries for tests, all on loopback and gone with the test that asked for them.

- `debian_registry` starts Debian's docker-registry, which has no referrers API::

      with debian_registry(tmp_path) as registry:           # also tls=True, password="..."
          reference = registry.reference("shop/app:v1")
          options = registry.options()

- `FakeRegistry` is one in this process: with the referrers API, pages and a token service if they are asked for, and
  with whatever a hostile one does, see `Behaviour`::

      with FakeRegistry() as registry:
          digest = registry.put("shop/app", b"...", OCI_MANIFEST, tag="v1")
          registry.behaviour.replies = [Reply(429, headers={"Retry-After": "1"})]
"""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
import os
import socket
import subprocess
import time
from typing import TYPE_CHECKING, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from custody.oci.reference import Reference, read_reference
from custody.stores.registry.options import RegistryOptions
from tests.fake_registry import USER, Behaviour, FakeRegistry, Reply, Seen
from tests.x509 import usage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = [
    "USER",
    "Behaviour",
    "DebianRegistry",
    "FakeRegistry",
    "Reply",
    "Seen",
    "TLSFiles",
    "debian_registry",
    "free_port",
    "no_waiting",
    "tls_files",
]

_START_SECONDS = 20.0


def no_waiting(_seconds: float) -> None:
    """Pass at once where a client would wait."""


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


class TLSFiles(NamedTuple):
    """The files of a server on loopback, and of the authority that stands for it."""

    ca: Path
    certificate: Path
    key: Path


def tls_files(directory: Path) -> TLSFiles:
    """Return a new authority and a certificate of it for localhost, 127.0.0.1 and registry.example."""
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
    ca = _certificate(ca_name, ca_name, ca_key).add_extension(
        x509.BasicConstraints(ca=True, path_length=0), critical=True
    )
    ca = ca.add_extension(usage("key_cert_sign", "crl_sign"), critical=True)
    names = x509.SubjectAlternativeName(
        [x509.DNSName("localhost"), x509.DNSName("registry.example"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    )
    leaf = _certificate(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]), ca_name, key)
    leaf = leaf.add_extension(names, critical=False).add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False
    )
    files = TLSFiles(directory / "ca.pem", directory / "server.pem", directory / "server.key")
    files.ca.write_bytes(ca.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    files.certificate.write_bytes(leaf.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    files.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


def _certificate(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


class DebianRegistry:
    """A running docker-registry; `host` is `localhost:PORT`."""

    def __init__(self, host: str, ca: Path | None, password: str) -> None:
        self.host = host
        self.ca = ca
        self.password = password

    @property
    def arguments(self) -> list[str]:
        """The options of a command that reaches it; a password is passed in `REGISTRY_PASSWORD`."""
        arguments = ["--ca-file", str(self.ca)] if self.ca else ["--plain-http"]
        if self.password:
            arguments += ["--registry-username", USER, "--registry-password-env", "REGISTRY_PASSWORD"]
        return arguments

    def reference(self, text: str) -> Reference:
        """Return the reference of `text`, such as `shop/app:v1`, in this registry."""
        return read_reference(f"{self.host}/{text}")

    def options(self) -> RegistryOptions:
        """Return how to reach it, without waiting between tries."""
        options = RegistryOptions(plain_http=self.ca is None, ca_file=str(self.ca or ""), sleep=no_waiting)
        if self.password:
            options = options.replace(username=USER, password=lambda: self.password)
        return options


@contextlib.contextmanager
def debian_registry(directory: Path, *, tls: bool = False, password: str = "") -> Iterator[DebianRegistry]:
    """Run docker-registry with its files in `directory`; with a `password`, `USER` has to give it.

    A test that uses it is marked with `component("docker-registry")`, and `component("htpasswd")` for a password.
    """
    directory.mkdir(parents=True, exist_ok=True)
    port = free_port()
    files = tls_files(directory) if tls else None
    config = directory / "config.yml"
    config.write_text(_configuration(directory, port, files, password))
    with (
        (directory / "registry.log").open("wb") as log,
        subprocess.Popen(
            ["docker-registry", "serve", str(config)],
            stdout=log,
            stderr=log,
            env={"PATH": os.environ["PATH"], "OTEL_TRACES_EXPORTER": "none"},
        ) as process,
    ):
        try:
            _wait_for(port, process, directory / "registry.log")
            yield DebianRegistry(f"localhost:{port}", files.ca if files else None, password)
        finally:
            process.kill()


def _configuration(directory: Path, port: int, files: TLSFiles | None, password: str) -> str:
    lines = [
        "version: 0.1",
        "log: {level: warn}",
        f"storage: {{filesystem: {{rootdirectory: {directory / 'data'}}}, delete: {{enabled: true}}}}",
        "http:",
        f"  addr: 127.0.0.1:{port}",
    ]
    if files:
        lines += ["  tls:", f"    certificate: {files.certificate}", f"    key: {files.key}"]
    if password:
        htpasswd = directory / "htpasswd"
        hashed = subprocess.run(["htpasswd", "-Bbn", USER, password], check=True, capture_output=True).stdout
        htpasswd.write_bytes(hashed)
        lines += ["auth:", f"  htpasswd: {{realm: test, path: {htpasswd}}}"]
    return "\n".join([*lines, ""])


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return when somebody listens on `port`."""
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)  # nothing tells when it listens
    raise RuntimeError(f"docker-registry did not start: {log.read_text()[-2000:]}")
