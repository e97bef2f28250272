"""Key management services on loopback, which speak as much of each wire protocol as the real clients use to sign.

    with KMSServers(directory) as servers:
        servers.keys["builder"] = new_key("p256")
        os.environ |= servers.environment       # only variables that the clients themselves know
        servers.fault = "other-key"             # from now on every signature is by another key

AWS's and Vault's clients have variables for the address of a server. Azure's and Google's have none, so theirs reach a
proxy, which passes what is for their hosts on to servers with certificates for them. Every key is in every service, at
every version that it has: `servers.keys[name]` is a list of versions, of which the last is the newest.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeAlias, cast

import grpc  # type: ignore[import-untyped]
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.x509.oid import NameOID
from google.cloud import kms_v1

from tests.x509 import usage

__all__ = ["AZURE_HOST", "GCP_KEYS", "VARIABLES", "KMSServers", "PrivateKey", "new_key", "spki_of"]

PrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey

AZURE_HOST = "release.vault.azure.net"
GCP_KEYS = "projects/p/locations/global/keyRings/r/cryptoKeys"
VARIABLES = ("AWS_", "AZURE_", "CLOUDSDK_", "GOOGLE_", "GRPC_", "VAULT_", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""How the variables begin that the clients look at."""

_AZURE_LOGIN, _GCP_HOST = "login.microsoftonline.com", "cloudkms.googleapis.com"
_TENANT = "11111111-2222-3333-4444-555555555555"
_TOKEN = "vault-token"
_CURVES: Mapping[str, Callable[[], ec.EllipticCurve]] = {
    "p256": ec.SECP256R1,
    "p384": ec.SECP384R1,
    "p521": ec.SECP521R1,
    "k1": ec.SECP256K1,
}
_HASHES: Mapping[str, Callable[[], hashes.HashAlgorithm]] = {
    "256": hashes.SHA256,
    "384": hashes.SHA384,
    "512": hashes.SHA512,
}
_LONGEST = 30.0
"""Seconds after which a server that hangs gives up, if nobody ends it before."""


class Answer(NamedTuple):
    """What a server says over HTTP."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str] = {}


def new_key(kind: str) -> PrivateKey:
    """Return a new key: `p256`, `p384`, `p521`, `k1`, `rsa` or `ed25519`."""
    if kind == "rsa":
        return rsa.generate_private_key(65537, 2048)
    return ed25519.Ed25519PrivateKey.generate() if kind == "ed25519" else ec.generate_private_key(_CURVES[kind]())


def spki_of(key: PrivateKey) -> bytes:
    """Return the public half."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.DER, form)


def _sign_digest(key: PrivateKey, digest: bytes, *, pkcs1: bool = False) -> bytes:
    algorithm = _HASHES[str(len(digest) * 8)]()
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(digest, ec.ECDSA(utils.Prehashed(algorithm)))
    if isinstance(key, rsa.RSAPrivateKey):
        pss = padding.PSS(padding.MGF1(algorithm), padding.PSS.DIGEST_LENGTH)
        return key.sign(digest, padding.PKCS1v15() if pkcs1 else pss, utils.Prehashed(algorithm))
    raise TypeError(key)


class KMSServers:
    """All four services. `fault` is what is wrong with them now, `asked` what they were asked to sign or show."""

    def __init__(self, directory: Path) -> None:
        """Have no keys; files for the clients go into `directory`."""
        self.keys: dict[str, list[PrivateKey]] = {}
        self.fault = ""
        self.asked: list[str] = []
        self.environment: dict[str, str] = {}
        self._directory = directory
        self._ended = threading.Event()
        self._closing: list[Callable[[], object]] = []

    def __enter__(self) -> Self:
        """Start."""
        authority = _authority()
        (self._directory / "ca.pem").write_bytes(authority.pem)
        (self._directory / "google.json").write_text(json.dumps(_service_account()))
        certificate = authority.certificate(self._directory / "server.pem", AZURE_HOST, _AZURE_LOGIN, _GCP_HOST)
        ports = {name: self._serve_http(handle) for name, handle in (("aws", self._aws), ("vault", self._vault))}
        azure = self._serve_http(self._azure, certificate)
        google = self._serve_grpc(certificate.read_bytes())
        proxy = self._serve_proxy({AZURE_HOST: azure, _AZURE_LOGIN: azure, _GCP_HOST: google})
        self.environment = self._variables(ports, proxy)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Answer what hangs, wait until whoever asked has ended, and end.

        A client left behind would ask again beside later tests, and draw random numbers for its pauses there.
        """
        self._ended.set()
        for thread in threading.enumerate():
            if thread.name.startswith("custody-"):
                thread.join(_LONGEST)
                assert not thread.is_alive(), thread.name
        for close in reversed(self._closing):
            close()

    def put(self, name: str, *kinds: str) -> None:
        """Make a key with a version of each of `kinds`."""
        self.keys[name] = [new_key(kind) for kind in kinds]

    def _variables(self, ports: Mapping[str, int], proxy: int) -> dict[str, str]:
        return {
            "AWS_ACCESS_KEY_ID": "id",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_ENDPOINT_URL_KMS": f"http://127.0.0.1:{ports['aws']}",
            "AWS_MAX_ATTEMPTS": "1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AZURE_CLIENT_ID": "client",
            "AZURE_CLIENT_SECRET": "secret",
            "AZURE_TENANT_ID": _TENANT,
            "GOOGLE_APPLICATION_CREDENTIALS": str(self._directory / "google.json"),
            "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(self._directory / "ca.pem"),
            "GRPC_VERBOSITY": "NONE",
            "HTTPS_PROXY": f"http://127.0.0.1:{proxy}",
            "https_proxy": f"http://127.0.0.1:{proxy}",
            "REQUESTS_CA_BUNDLE": str(self._directory / "ca.pem"),
            "VAULT_ADDR": f"http://127.0.0.1:{ports['vault']}",
            "VAULT_TOKEN": _TOKEN,
        }

    # --- what every service does -----------------------------------------------------------------

    def _version(self, name: str, version: int) -> PrivateKey | None:
        versions = self.keys.get(name, [])
        return versions[version - 1] if 0 < version <= len(versions) and self.fault != "unknown" else None

    def _wait_if_hanging(self, action: str) -> None:
        if self.fault in {"hangs", f"{action}-hangs"}:
            self._ended.wait(_LONGEST)

    def _faults(self, action: str) -> str:
        """Return what is wrong with an answer to `action`, `read` or `sign`, having waited if nothing comes."""
        self.asked.append(action)
        self._wait_if_hanging(action)
        return self.fault.removeprefix(f"{action}-")

    def _signature(self, key: PrivateKey, digest: bytes, *, pkcs1: bool = False) -> bytes:
        return self._spoiled(key, digest, lambda k, d: _sign_digest(k, d, pkcs1=pkcs1))

    def _spoiled(self, key: PrivateKey, content: bytes, sign: Callable[[PrivateKey, bytes], bytes]) -> bytes:
        """Return a signature, or what stands in its place while something is wrong."""
        if self.fault == "other-key":
            key = _another(key)
        if self.fault == "other-content":
            content = content[:-1] + bytes([content[-1] ^ 1])
        made = sign(key, content)
        return {"truncated": made[:-2], "empty": b""}.get(self.fault, made)

    # --- AWS: JSON 1.1 over HTTP -----------------------------------------------------------------

    def _aws(self, request: Request) -> Answer:
        action = {"TrentService.GetPublicKey": "read", "TrentService.Sign": "sign"}[request.headers["X-Amz-Target"]]
        asked = json.loads(request.body)
        fault, name = self._faults(action), str(asked["KeyId"]).rpartition("/")[2]
        key = self._version(name, len(self.keys.get(name, [])))
        if fault == "error":
            return Answer(500, {"__type": "KMSInternalException", "message": "out of order"})
        if fault == "denied":
            return Answer(400, {"__type": "AccessDeniedException", "message": f"not authorized to {action}\nGo away"})
        if fault == "nonsense":
            return Answer(200, {"PublicKey": "AAAA", "Signature": "AAAA", "SigningAlgorithms": ["RSASSA_PSS_SHA_256"]})
        if key is None:
            return Answer(400, {"__type": "NotFoundException", "message": f"Key '{name}' does not exist"})
        if action == "read":
            usage = {"SigningAlgorithms": _aws_algorithms(key)} if fault != "encrypts" else {}
            return Answer(200, {"KeyId": name, "PublicKey": _b64(spki_of(key)), **usage})
        if asked["MessageType"] != "DIGEST" or asked["SigningAlgorithm"] not in _aws_algorithms(key):
            return Answer(400, {"__type": "ValidationException", "message": "wrong type or algorithm"})
        signature = self._signature(key, base64.b64decode(asked["Message"]), pkcs1="PKCS1" in asked["SigningAlgorithm"])
        return Answer(200, {"KeyId": name, "Signature": _b64(signature)})

    # --- Vault: JSON over HTTP -------------------------------------------------------------------

    def _vault(self, request: Request) -> Answer:
        match = re.fullmatch(r"/v1/transit/(keys|sign)/([^/]+)(?:/[^/]+)?", request.path)
        if match is None:
            return Answer(404, {"errors": [f"no handler for route {request.path}"]})
        fault, (place, name) = self._faults({"keys": "read", "sign": "sign"}[match[1]]), match.groups()
        if request.headers.get("X-Vault-Token") != _TOKEN or fault == "denied":
            return Answer(403, {"errors": ["permission denied"]})
        if fault == "error":
            return Answer(500, {"errors": ["internal error"]})
        if fault == "nonsense":
            return Answer(200, {"data": {"type": "ed25519", "keys": {"1": {"public_key": "AAAA"}}, "signature": "x"}})
        if self._version(name, 1) is None:
            return Answer(404, {"errors": []})
        data = (
            self._vault_key(name, fault) if place == "keys" else self._vault_signature(name, json.loads(request.body))
        )
        return Answer(200, {"data": data})

    def _vault_key(self, name: str, fault: str) -> dict[str, Any]:
        if fault == "encrypts":
            return {"type": "aes256-gcm96", "keys": {"1": 1700000000}}
        versions = {str(n): {"public_key": _vault_public(key)} for n, key in enumerate(self.keys[name], 1)}
        return {"type": _vault_type(self.keys[name][0]), "keys": versions}

    def _vault_signature(self, name: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        version = int(asked["key_version"])
        key = self._version(name, version)
        if not isinstance(key, ed25519.Ed25519PrivateKey):
            raise TypeError(key)
        made = self._spoiled(key, base64.b64decode(asked["input"]), lambda k, d: cast("Any", k).sign(d))
        return {"signature": f"vault:v{version}:{_b64(made)}"}

    # --- Azure: JSON over HTTPS, and the login ---------------------------------------------------

    def _azure(self, request: Request) -> Answer:
        if request.headers["Host"] == _AZURE_LOGIN:
            return self._azure_login(request)
        if "Authorization" not in request.headers:
            where = f'Bearer authorization="https://{_AZURE_LOGIN}/{_TENANT}", resource="https://vault.azure.net"'
            return Answer(401, {"error": {"code": "Unauthorized", "message": "log in"}}, {"WWW-Authenticate": where})
        match = re.fullmatch(r"/keys/([^/]+)/([^/]*?)(/sign)?/?", request.path.partition("?")[0])
        if match is None:
            return Answer(404, {"error": {"code": "NotFound", "message": request.path}})
        problem = self._azure_problem(self._faults("sign" if match[3] else "read"))
        version = int(match[2] or "0", 16) or len(self.keys.get(match[1], []))
        key = self._version(match[1], version)
        if problem is not None:
            return problem
        if key is None:
            return Answer(404, {"error": {"code": "KeyNotFound", "message": f"A key {match[1]} was not found"}})
        kid = f"https://{AZURE_HOST}/keys/{match[1]}/{version:032x}"
        if not match[3]:
            jwk = {"kid": kid, "key_ops": ["sign"], **_jwk(key)}
            return Answer(200, {"key": jwk, "attributes": {"enabled": True, "created": 1700000000}})
        signature = self._signature(key, _from_b64url(json.loads(request.body)["value"]))
        return Answer(200, {"kid": kid, "value": _b64url(_raw_signature(key, signature))})

    def _azure_problem(self, fault: str) -> Answer | None:
        point = {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}
        kid = f"https://{AZURE_HOST}/keys/k/1"
        return {
            "error": Answer(501, {"error": {"code": "NotImplemented", "message": "out of order"}}),
            "denied": Answer(403, {"error": {"code": "Forbidden", "message": "the caller may not"}}),
            "nonsense": Answer(200, {"key": {"kid": kid, **point}, "attributes": {}, "value": "AA"}),
        }.get(fault)

    def _azure_login(self, request: Request) -> Answer:
        base = f"https://{_AZURE_LOGIN}/{_TENANT}"
        if request.path.partition("?")[0].endswith("/token"):
            if self.fault == "login":
                return Answer(401, {"error": "invalid_client", "error_description": "AADSTS7000215: wrong secret"})
            return Answer(200, {"token_type": "Bearer", "expires_in": 3600, "access_token": "token"})
        return Answer(
            200,
            {
                "issuer": f"{base}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "tenant_discovery_endpoint": f"{base}/v2.0/.well-known/openid-configuration",
                "metadata": [],
            },
        )

    # --- Google: gRPC ----------------------------------------------------------------------------

    def _google_key(self, name: str, action: str, context: Any) -> PrivateKey:  # noqa: ANN401  # grpc has no types
        fault, parts = self._faults(action), name.split("/")
        if fault == "error":
            context.abort(grpc.StatusCode.UNIMPLEMENTED, "out of order")
        if fault == "denied":
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "the caller may not")
        key = self._version(parts[-3], int(parts[-1]))
        if key is None:
            context.abort(grpc.StatusCode.NOT_FOUND, f"{name} not found.")
        return cast("PrivateKey", key)

    def _google_read(self, asked: Any, context: Any) -> Any:  # noqa: ANN401  # the same
        key = self._google_key(asked.name, "read", context)
        algorithms: Any = kms_v1.CryptoKeyVersion.CryptoKeyVersionAlgorithm
        algorithm = algorithms["RSA_DECRYPT_OAEP_2048_SHA256" if self.fault == "encrypts" else _google_algorithm(key)]
        pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        data = b"nonsense" if self.fault == "nonsense" else pem
        return kms_v1.PublicKey(
            name=asked.name, algorithm=algorithm, public_key=kms_v1.ChecksummedData(data=data), pem=pem.decode()
        )

    def _google_sign(self, asked: Any, context: Any) -> Any:  # noqa: ANN401  # the same
        key = self._google_key(asked.name, "sign", context)
        digest = asked.digest.sha256 or asked.digest.sha384 or asked.digest.sha512
        return kms_v1.AsymmetricSignResponse(name=asked.name, signature=self._signature(key, digest))

    # --- servers ---------------------------------------------------------------------------------

    def _serve_http(self, handle: Callable[[Request], Answer], certificate: Path | None = None) -> int:
        handler = type("Handler", (_Handler,), {"handle_request": staticmethod(handle)})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        self._closing += [thread.join, server.server_close, server.shutdown]
        return int(server.server_address[1])

    def _serve_grpc(self, pem: bytes) -> int:
        pool = ThreadPoolExecutor(4)
        server = grpc.server(pool)
        service = "google.cloud.kms.v1.KeyManagementService"
        methods = {
            "GetPublicKey": _unary(self._google_read, kms_v1.GetPublicKeyRequest, kms_v1.PublicKey),
            "AsymmetricSign": _unary(self._google_sign, kms_v1.AsymmetricSignRequest, kms_v1.AsymmetricSignResponse),
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, methods),))
        port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials(((pem, pem),)))
        server.start()
        self._closing += [pool.shutdown, lambda: server.stop(None).wait()]
        return int(port)

    def _serve_proxy(self, ports: Mapping[str, int]) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        thread = threading.Thread(target=_accept, args=(listener, ports), daemon=True)
        thread.start()
        self._closing += [thread.join, listener.close, lambda: listener.shutdown(socket.SHUT_RDWR)]
        return int(listener.getsockname()[1])


class Request(NamedTuple):
    """What a client asks over HTTP."""

    path: str
    headers: Mapping[str, str]
    body: bytes


class _Handler(BaseHTTPRequestHandler):
    """Answers every request with what `handle_request` says."""

    handle_request: Callable[[Request], Answer]
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        answer = type(self).handle_request(Request(self.path, cast("Mapping[str, str]", self.headers), body))
        data = json.dumps(answer.body).encode()
        try:
            self.send_response(answer.status)
            for name, value in {**answer.headers, "Content-Type": "application/json"}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
        except OSError:  # the client waited no longer
            self.close_connection = True

    do_GET = do_POST  # noqa: N815  # the base class's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
        """Print nothing."""


def _accept(listener: socket.socket, ports: Mapping[str, int]) -> None:
    while True:
        try:
            client = listener.accept()[0]
        except OSError:  # closed
            return
        threading.Thread(target=_tunnel, args=(client, ports), daemon=True).start()


def _tunnel(client: socket.socket, ports: Mapping[str, int]) -> None:
    """Do what CONNECT asks for, if it is for a known host."""
    with client:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = client.recv(1)
            if not byte:
                return
            head += byte
        match = re.match(rb"CONNECT ([^: ]+):443 ", head)
        port = ports.get(match[1].decode()) if match else None
        if port is None:
            client.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            return
        with socket.create_connection(("127.0.0.1", port)) as server:
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            back = threading.Thread(target=_pass_on, args=(server, client), daemon=True)
            back.start()
            _pass_on(client, server)
            back.join()


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:  # one of the two has gone
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


def _unary(act: Callable[[Any, Any], Any], asked: Any, answer: Any) -> Any:  # noqa: ANN401  # grpc has no types
    return grpc.unary_unary_rpc_method_handler(
        act, request_deserializer=asked.deserialize, response_serializer=answer.serialize
    )


# --- what each service calls things ------------------------------------------------------------------


def _aws_algorithms(key: PrivateKey) -> list[str]:
    if isinstance(key, rsa.RSAPrivateKey):
        return [f"RSASSA_{kind}_SHA_{size}" for kind in ("PKCS1_V1_5", "PSS") for size in _HASHES]
    size = {256: "256", 384: "384", 521: "512"}[cast("ec.EllipticCurvePrivateKey", key).key_size]
    return [f"ECDSA_SHA_{size}"]


def _google_algorithm(key: PrivateKey) -> str:
    if isinstance(key, rsa.RSAPrivateKey):
        return "RSA_SIGN_PSS_2048_SHA256"
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "EC_SIGN_ED25519"
    return {256: "EC_SIGN_P256_SHA256", 384: "EC_SIGN_P384_SHA384"}[key.key_size]


def _vault_type(key: PrivateKey) -> str:
    return "ed25519" if isinstance(key, ed25519.Ed25519PrivateKey) else "ecdsa-p256"


def _vault_public(key: PrivateKey) -> str:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return _b64(key.public_key().public_bytes_raw())
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def _jwk(key: PrivateKey) -> dict[str, str]:
    if isinstance(key, rsa.RSAPrivateKey):
        return {"kty": "RSA", "n": _b64url(b"\x01" * 256), "e": "AQAB"}
    numbers = cast("ec.EllipticCurvePrivateKey", key).public_key().public_numbers()
    size = (numbers.curve.key_size + 7) // 8
    curve = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521", "secp256k1": "P-256K"}
    point = {"x": _b64url(numbers.x.to_bytes(size, "big")), "y": _b64url(numbers.y.to_bytes(size, "big"))}
    return {"kty": "EC", "crv": curve[numbers.curve.name], **point}


def _raw_signature(key: PrivateKey, der: bytes) -> bytes:
    """Return an ECDSA signature as Azure writes it: both numbers, each as long as the curve; others as they are."""
    size = (cast("ec.EllipticCurvePrivateKey", key).key_size + 7) // 8
    try:
        r, s = utils.decode_dss_signature(der)
    except ValueError:  # truncated
        return der
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def _another(key: PrivateKey) -> PrivateKey:
    """Return another key of the same kind, always the same one for RSA, which is slow to make."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return ec.generate_private_key(key.curve)
    return _another_rsa() if isinstance(key, rsa.RSAPrivateKey) else ed25519.Ed25519PrivateKey.generate()


@cache
def _another_rsa() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _from_b64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@cache
def _service_account() -> dict[str, str]:
    private = _another_rsa().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {
        "type": "service_account",
        "project_id": "p",
        "private_key_id": hashlib.sha256(private).hexdigest(),
        "private_key": private.decode(),
        "client_email": "signer@p.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
    }


class _Authority(NamedTuple):
    """Who vouches for the servers; one a process, since gRPC reads its roots only once."""

    key: ec.EllipticCurvePrivateKey
    name: x509.Name
    pem: bytes

    def certificate(self, path: Path, *hosts: str) -> Path:
        """Write key and certificate of a server for `hosts` to `path`."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        made = _certificate(x509.Name([]), self.name, key.public_key())
        made = made.add_extension(names, critical=True).add_extension(issuer, critical=False)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.write_bytes(private + made.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        return path


@cache
def _authority() -> _Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an authority for tests")])
    constraints = x509.BasicConstraints(ca=True, path_length=None)
    made = _certificate(name, name, key.public_key())
    made = made.add_extension(constraints, critical=True)
    made = made.add_extension(usage("key_cert_sign", "crl_sign"), critical=True)
    return _Authority(key, name, made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))


def _certificate(subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    """Return a certificate to be signed, with what Python 3.13 and later insist on."""
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(
        issuer, subject, public, x509.random_serial_number(), now - timedelta(days=1), now + timedelta(days=1)
    )
    return made.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
