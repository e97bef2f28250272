"""A whole Sigstore instance on loopback: identity provider, certificate authority, logs and timestamps.

::

    with SigstoreInstance(directory) as instance:
        instance.trusted_root      # the file that verifiers need
        instance.config            # the file that signers need: the same, and where everything is
        instance.token("alice@example.com")

Every part has keys of its own and does what the real one does as far as the `sigstore` library looks: certificates that
live for ten minutes and carry the timestamp of a log of certificates, a Merkle log with signed checkpoints that speaks
Rekor's version 1 or 2, and RFC 3161 timestamps by openssl.
"""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from custody.keys.trusted_root import TrustedRoot
from custody.signing.keyless import KeylessSigner
from tests.sigstore_parts import (
    CertificateAuthority,
    CertificateLog,
    MerkleLog,
    b64,
    canonical,
    key_id,
    spki,
)

__all__ = ["SigstoreInstance"]

_AUDIENCE = "sigstore"


class SigstoreInstance:
    """The servers, which run from `__enter__` to `__exit__`. Attributes may be set to make them misbehave."""

    def __init__(self, directory: Path, *, rekor: int = 1, tsa: bool = False) -> None:
        """Put the files for users into `directory`; `rekor` is the log's version, which needs `tsa` from 2 on."""
        self.directory = directory
        self.version = rekor
        self.authority = CertificateAuthority()
        self.ct = CertificateLog()
        self.log = MerkleLog()
        self.provider = ec.generate_private_key(ec.SECP256R1())
        self.tsa = TimestampAuthority(directory / "tsa") if tsa else None
        self.log_ahead = timedelta(0)
        self.requests: list[str] = []
        self.codes: dict[str, str] = {}
        self.browser_identity = "olga@example.com"
        self.job_identity = ""
        self.silent = threading.Event()
        self.silent.set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def url(self) -> str:
        """Where all of it is."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def issuer(self) -> str:
        """Who vouches for identities."""
        return f"{self.url}/oidc"

    @property
    def trusted_root(self) -> Path:
        """The file that says whom to trust."""
        return self.directory / "trusted-root.json"

    @property
    def config(self) -> Path:
        """The file that says whom to trust and where to sign."""
        return self.directory / "instance.json"

    def __enter__(self) -> Self:
        """Start."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self.write()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def write(self) -> None:
        """Write the files anew."""
        self.trusted_root.write_text(json.dumps(self.root_document()), encoding="utf-8")
        config = {
            "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
            "trustedRoot": self.root_document(),
            "signingConfig": self._signing_config(),
        }
        self.config.write_text(json.dumps(config), encoding="utf-8")

    def token(self, identity: str, *, lasts: timedelta = timedelta(minutes=5)) -> str:
        """Return the identity token that says its bearer is `identity`."""
        now = datetime.now(UTC)
        claims = {
            "iss": self.issuer,
            "aud": _AUDIENCE,
            "sub": identity,
            "iat": now - timedelta(seconds=30),
            "exp": now + lasts,
        }
        return jwt.encode(claims, self.provider, algorithm="ES256")

    def uri(self, identity: str, *more: str, lasts: timedelta = timedelta(minutes=5)) -> str:
        """Return the URI to sign with as `identity`; `more` are parameters of it."""
        file = self.directory / f"token-{hashlib.sha256(identity.encode()).hexdigest()[:8]}"
        file.write_text(self.token(identity, lasts=lasts), encoding="ascii")
        return "sigstore:?" + "&".join([f"config={self.config}", f"token-file={file}", *more])

    def signer(self, identity: str, *, lasts: timedelta = timedelta(minutes=5)) -> KeylessSigner:
        """Return a signer as `identity`, whose token lasts so long."""
        return KeylessSigner(self.uri(identity, lasts=lasts).removeprefix("sigstore:"))

    def root(self) -> TrustedRoot:
        """Return the trusted root as verifiers have it."""
        data = self.trusted_root.read_bytes()
        return TrustedRoot(lambda: data, "trusted-root.json")

    def root_document(self) -> dict[str, Any]:
        """Return the trusted root as JSON data."""
        start = "2020-01-01T00:00:00Z"
        return {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [_log_instance(f"{self.url}", self.log.key, start)],
            "certificateAuthorities": [_authority(self.url, self.authority.chain, start)],
            "ctlogs": [_log_instance(f"{self.url}/ct", self.ct.key, start)],
            "timestampAuthorities": [_authority(f"{self.url}/tsa", self.tsa.chain, start)] if self.tsa else [],
        }

    def _signing_config(self) -> dict[str, Any]:
        def service(path: str, version: int = 1) -> list[dict[str, Any]]:
            start = {"start": "2020-01-01T00:00:00Z"}
            return [{"url": self.url + path, "majorApiVersion": version, "validFor": start, "operator": "tests"}]

        return {
            "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
            "caUrls": service(""),
            "oidcUrls": service("/oidc"),
            "rekorTlogUrls": service("", self.version),
            "tsaUrls": service("/tsa") if self.tsa else [],
            "rekorTlogConfig": {"selector": "ANY"},
            "tsaConfig": {"selector": "ANY"},
        }

    def answer(self, method: str, target: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes, str]:
        """Return status, body and place to go of the answer to a request."""
        self.silent.wait()  # while it is cleared, nothing is answered
        address = urlsplit(target)
        self.requests.append(f"{method} {address.path}")
        if address.path == "/oidc/auth":
            return 302, b"", self._authorise(parse_qs(address.query))
        found = self._answered(address.path, body, headers)
        return (404, b"{}", "") if found is None else (201 if method == "POST" else 200, found, "")

    def _answered(self, path: str, body: bytes, headers: dict[str, str]) -> bytes | None:
        answers: dict[str, Callable[[], bytes]] = {
            "/api/v2/signingCert": lambda: self._certificate(body, headers),
            "/api/v1/log/entries": lambda: json.dumps(self._entry_v1(json.loads(body))).encode(),
            "/api/v2/log/entries": lambda: json.dumps(self._entry_v2(json.loads(body))).encode(),
            "/actions/token": lambda: json.dumps({"count": 1, "value": self.token(self.job_identity)}).encode(),
            "/oidc/.well-known/openid-configuration": lambda: json.dumps(self._openid()).encode(),
            "/oidc/token": lambda: self._redeem(parse_qs(body.decode())),
        }
        if self.tsa is not None:
            tsa = self.tsa
            answers["/tsa"] = lambda: tsa.reply(body)
        return answers[path]() if path in answers else None

    def _certificate(self, body: bytes, headers: dict[str, str]) -> bytes:
        bearer = headers.get("authorization", "").removeprefix("Bearer ")
        options: Any = {"verify_exp": True, "verify_iat": False}
        claims = jwt.decode(
            bearer, self.provider.public_key(), algorithms=["ES256"], audience=_AUDIENCE, options=options
        )
        request = x509.load_pem_x509_csr(base64.b64decode(json.loads(body)["certificateSigningRequest"]))
        public = request.public_key()
        if not request.is_signature_valid or not isinstance(public, ec.EllipticCurvePublicKey):
            raise ValueError("not a request for a certificate")
        leaf = self.authority.certify(public, claims["sub"], claims["iss"], self.ct)
        chain = [leaf, *self.authority.chain]
        pems = [certificate.public_bytes(serialization.Encoding.PEM).decode() for certificate in chain]
        return json.dumps({"signedCertificateEmbeddedSct": {"chain": {"certificates": pems}}}).encode()

    def _entry_v1(self, proposed: dict[str, Any]) -> dict[str, Any]:
        """Log what was signed, and promise so at the log's time."""
        entry = self.log.add(canonical(_logged_dsse(proposed) if proposed["kind"] == "dsse" else proposed))
        promised = {
            "body": b64(entry.body),
            "integratedTime": int((datetime.now(UTC) + self.log_ahead).timestamp()),
            "logID": key_id(self.log.key).hex(),
            "logIndex": entry.index,
        }
        proof = {
            "logIndex": entry.index,
            "rootHash": entry.root.hex(),
            "treeSize": entry.size,
            "hashes": [one.hex() for one in entry.path],
            "checkpoint": entry.checkpoint,
        }
        promise = b64(self.log.sign(canonical(promised)))
        return {"24": {**promised, "verification": {"inclusionProof": proof, "signedEntryTimestamp": promise}}}

    def _entry_v2(self, request: dict[str, Any]) -> dict[str, Any]:
        """Log what was signed; this version has no time of its own."""
        wanted = request["hashedRekordRequestV002"]
        data = {"algorithm": "SHA2_256", "digest": wanted["digest"]}
        spec = {"hashedRekordV002": {"data": data, "signature": wanted["signature"]}}
        entry = self.log.add(canonical({"apiVersion": "0.0.2", "kind": "hashedrekord", "spec": spec}))
        return {
            "logIndex": str(entry.index),
            "logId": {"keyId": b64(key_id(self.log.key))},
            "kindVersion": {"kind": "hashedrekord", "version": "0.0.2"},
            "inclusionProof": {
                "logIndex": str(entry.index),
                "rootHash": b64(entry.root),
                "treeSize": str(entry.size),
                "hashes": [b64(one) for one in entry.path],
                "checkpoint": {"envelope": entry.checkpoint},
            },
            "canonicalizedBody": b64(entry.body),
        }

    def _openid(self) -> dict[str, str]:
        return {"authorization_endpoint": f"{self.issuer}/auth", "token_endpoint": f"{self.issuer}/token"}

    def _authorise(self, query: dict[str, list[str]]) -> str:
        """Return where the browser of somebody who logged in goes next."""
        code = f"code-{len(self.codes)}"
        self.codes[code] = query["code_challenge"][0]
        return f"{query['redirect_uri'][0]}?{urlencode({'code': code, 'state': query['state'][0]})}"

    def _redeem(self, form: dict[str, list[str]]) -> bytes:
        challenge = hashlib.sha256(form["code_verifier"][0].encode()).digest()
        if self.codes.pop(form["code"][0]) != base64.urlsafe_b64encode(challenge).rstrip(b"=").decode():
            raise ValueError("somebody else's code")
        return json.dumps({"access_token": self.token(self.browser_identity)}).encode()


def _logged_dsse(proposed: dict[str, Any]) -> dict[str, Any]:
    """Return what version 1 of the log keeps of an envelope: hashes, and the signature with its certificate."""
    content = proposed["spec"]["proposedContent"]
    envelope = json.loads(content["envelope"])
    payload = base64.b64decode(envelope["payload"])
    (signature,), (verifier,) = envelope["signatures"], content["verifiers"]
    spec = {
        "envelopeHash": {"algorithm": "sha256", "value": hashlib.sha256(content["envelope"].encode()).hexdigest()},
        "payloadHash": {"algorithm": "sha256", "value": hashlib.sha256(payload).hexdigest()},
        "signatures": [{"signature": signature["sig"], "verifier": verifier}],
    }
    return {"apiVersion": "0.0.1", "kind": "dsse", "spec": spec}


class TimestampAuthority:
    """RFC 3161 timestamps by openssl."""

    def __init__(self, directory: Path) -> None:
        """Make its keys, which lie in `directory`."""
        directory.mkdir(parents=True)
        self._directory = directory
        authority = CertificateAuthority()
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = authority.certify_timestamps(key.public_key())
        self.chain = [certificate, *authority.chain]
        pem = serialization.Encoding.PEM
        (directory / "tsa.pem").write_bytes(certificate.public_bytes(pem))
        (directory / "key.pem").write_bytes(
            key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
        (directory / "openssl.cnf").write_text(_TSA_CONFIG.format(directory=directory), encoding="utf-8")
        (directory / "serial").write_text("01", encoding="utf-8")
        self._lock = threading.Lock()

    def reply(self, query: bytes) -> bytes:
        """Return the answer to a request for a timestamp."""
        with self._lock:
            (self._directory / "query").write_bytes(query)
            argv = ["openssl", "ts", "-reply", "-config", "openssl.cnf", "-queryfile", "query", "-out", "reply"]
            subprocess.run(argv, cwd=self._directory, check=True, capture_output=True)
            return (self._directory / "reply").read_bytes()


_TSA_CONFIG = """\
[tsa]
default_tsa = tests
[tests]
dir = {directory}
serial = $dir/serial
signer_cert = $dir/tsa.pem
signer_key = $dir/key.pem
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
"""


def _log_instance(url: str, key: ec.EllipticCurvePrivateKey, start: str) -> dict[str, Any]:
    return {
        "baseUrl": url,
        "hashAlgorithm": "SHA2_256",
        "publicKey": {
            "rawBytes": b64(spki(key)),
            "keyDetails": "PKIX_ECDSA_P256_SHA_256",
            "validFor": {"start": start},
        },
        "logId": {"keyId": b64(key_id(key))},
    }


def _authority(url: str, chain: list[x509.Certificate], start: str) -> dict[str, Any]:
    certificates = [{"rawBytes": b64(one.public_bytes(serialization.Encoding.DER))} for one in chain]
    return {
        "subject": {"organization": "tests", "commonName": "tests"},
        "uri": url,
        "certChain": {"certificates": certificates},
        "validFor": {"start": start},
    }


def _handler(instance: SigstoreInstance) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer("GET")

        def do_POST(self) -> None:
            self._answer("POST")

        def _answer(self, method: str) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            try:
                status, data, location = instance.answer(method, self.path, body, headers)
            except (ValueError, LookupError, jwt.PyJWTError) as error:
                status, data, location = 400, json.dumps({"code": 400, "message": str(error)}).encode(), ""
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            kind = "application/timestamp-reply" if self.path == "/tsa" else "application/json"
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class calls it so
            """Say nothing."""

    return Handler
