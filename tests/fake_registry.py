"""A registry in this process, as good or as hostile as a test wants it.

It keeps everything in memory, listens on loopback, and writes down what it was asked and how many bytes it sent.
Nothing in it decides what a client should do: it only says and sends things.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from urllib.parse import parse_qs, urlencode, urlsplit

from custody.oci.manifest import OCI_INDEX
from custody.oci.reference import Reference, read_reference
from custody.stores.registry.options import RegistryOptions

if TYPE_CHECKING:
    from types import TracebackType

    from tests.registries import TLSFiles

__all__ = ["USER", "Behaviour", "FakeRegistry", "Reply", "Seen"]

USER = "robot"
"""The user of every registry in the tests that wants one."""

_PIECE = 64 * 1024


class Seen(NamedTuple):
    """A request as it arrived; `headers` by lower-case name."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def authorization(self) -> str:
        """What it was sent with, empty if nothing."""
        return self.headers.get("authorization", "")


class Reply(NamedTuple):
    """What to answer; `length` is what Content-Length says, the truth if None, and nothing if negative."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = {}
    length: int | None = None
    endless: bool = False
    """The body is repeated until the client goes away."""
    piece: int = _PIECE


class Behaviour:
    """What it does otherwise than a plain registry; tests set what they need.

    `replies` are given before anything else, one a request, and None lets a request through. `answer` is asked first of
    all what to reply, and `change` may change what would be replied.
    """

    def __init__(self) -> None:
        self.referrers_api = True
        self.applies_filters = False
        self.page = 0
        """Entries a page of tags and referrers; 0 puts all into one."""
        self.password = ""
        """Who asks has to be `USER` with this password."""
        self.identity_token = ""
        """What is exchanged for a token instead of a password."""
        self.tokens = False
        """Tokens are demanded, from the service of this registry or at `realm`; else Basic if there is a password."""
        self.realm = ""
        self.token_seconds: int | None = 300
        self.upload_location: Callable[[str], str] = lambda path: path
        """Given the path of an upload, what Location says."""
        self.replies: list[Reply | None] = []
        self.answer: Callable[[Seen], Reply | None] = lambda _seen: None
        self.change: Callable[[Seen, Reply], Reply] = lambda _seen, reply: reply


class FakeRegistry:
    """A running registry; `host` is `127.0.0.1:PORT`, `base` its URL."""

    def __init__(self, tls: TLSFiles | None = None) -> None:
        self.behaviour = Behaviour()
        self.seen: list[Seen] = []
        self.sent = 0
        """Bytes of bodies that were sent."""
        self.blobs: dict[tuple[str, str], bytes] = {}
        self.manifests: dict[tuple[str, str], tuple[str, bytes]] = {}
        """By repository, and digest or tag."""
        self.issued: dict[str, str] = {}
        """Tokens and their scopes."""
        self.lock = threading.Lock()
        self._tls = tls
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.registry = self
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls.certificate, tls.key)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.hang_up()
        self._server.server_close()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def base(self) -> str:
        return f"{'https' if self._tls else 'http'}://{self.host}"

    def reference(self, text: str) -> Reference:
        """Return the reference of `text`, such as `shop/app:v1`, in this registry."""
        return read_reference(f"{self.host}/{text}")

    def options(self) -> RegistryOptions:
        """Return how to reach it, without waiting between tries."""
        options = RegistryOptions(
            plain_http=self._tls is None, ca_file=str(self._tls.ca if self._tls else ""), sleep=lambda _seconds: None
        )
        password = self.behaviour.password
        return options.replace(username=USER, password=lambda: password) if password else options

    def put(self, repository: str, raw: bytes, media_type: str, tag: str = "") -> str:
        """Store a manifest and return its digest as text."""
        digest = f"sha256:{hashlib.sha256(raw).hexdigest()}"
        for name in filter(None, (digest, tag)):
            self.manifests[repository, name] = (media_type, raw)
        return digest

    def put_blob(self, repository: str, data: bytes) -> str:
        """Store a blob and return its digest as text."""
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        self.blobs[repository, digest] = data
        return digest

    def asked(self, method: str, part: str) -> list[Seen]:
        """Return the requests of that method with `part` in their path."""
        return [seen for seen in self.seen if seen.method == method and part in seen.path]

    def reply(self, seen: Seen) -> Reply:
        """Return what to answer."""
        behaviour = self.behaviour
        chosen = behaviour.answer(seen)
        if chosen is None and behaviour.replies:
            chosen = behaviour.replies.pop(0)
        if chosen is None:
            chosen = self._token(seen) if seen.path.startswith("/token") else self._refusal(seen) or self._route(seen)
        return behaviour.change(seen, chosen)

    def _token(self, seen: Seen) -> Reply:
        behaviour = self.behaviour
        if seen.method == "POST":
            form = parse_qs(seen.body.decode())
            allowed = bool(behaviour.identity_token) and form["refresh_token"] == [behaviour.identity_token]
            scopes = form["scope"]
        else:
            allowed = seen.authorization == _basic(behaviour.password) or not behaviour.password
            scopes = parse_qs(urlsplit(seen.path).query)["scope"]
        if not allowed:
            return _error(401, "UNAUTHORIZED", "wrong password")
        token = f"token-{len(self.issued)}"
        self.issued[token] = " ".join(scopes)
        document: dict[str, object] = {"token": token}
        if behaviour.token_seconds is not None:
            document |= {"expires_in": behaviour.token_seconds}
        return _json(document)

    def _refusal(self, seen: Seen) -> Reply | None:
        """Return the demand for credentials, None if what was shown is enough."""
        behaviour = self.behaviour
        if behaviour.tokens:
            repository, action = _wanted(seen)
            scopes = self.issued.get(seen.authorization.removeprefix("Bearer "), "").split()
            if any(_grants(scope, repository, action) for scope in scopes):
                return None
            realm = behaviour.realm or f"{self.base}/token"
            demand = f'Bearer realm="{realm}",service="test",scope="repository:{repository}:{action}"'
        elif behaviour.password and seen.authorization != _basic(behaviour.password):
            demand = 'Basic realm="test"'
        else:
            return None
        return _error(401, "UNAUTHORIZED", "authentication required")._replace(headers={"WWW-Authenticate": demand})

    def _route(self, seen: Seen) -> Reply:
        parts = urlsplit(seen.path)
        found = re.fullmatch(r"/v2/(.+?)/(manifests|blobs|tags|referrers)/(.*)", parts.path)
        if found is None:
            return _error(404, "NOT_FOUND", "no such path")
        repository, kind, name = found.groups()
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        routes: dict[str, Callable[..., Reply]] = {
            "manifests": self._manifest,
            "blobs": self._blob,
            "tags": self._tags,
            "referrers": self._referrers,
        }
        return routes[kind](seen, repository, name, query)

    def _manifest(self, seen: Seen, repository: str, name: str, _query: Mapping[str, str]) -> Reply:
        if seen.method == "PUT":
            return self._put_manifest(seen, repository, name)
        if (repository, name) not in self.manifests:
            return _error(404, "MANIFEST_UNKNOWN", "manifest unknown")
        media_type, raw = self.manifests[repository, name]
        digest = f"sha256:{hashlib.sha256(raw).hexdigest()}"
        headers = {"Content-Type": media_type, "Docker-Content-Digest": digest, "ETag": f'"{digest}"'}
        return Reply(body=raw, headers=headers)

    def _put_manifest(self, seen: Seen, repository: str, name: str) -> Reply:
        current = self.manifests.get((repository, name))
        match = seen.headers.get("if-match")
        if match and (current is None or match != f'"sha256:{hashlib.sha256(current[1]).hexdigest()}"'):
            return _error(412, "DENIED", "precondition failed")
        digest = self.put(repository, seen.body, seen.headers["content-type"], "" if ":" in name else name)
        headers = {"Docker-Content-Digest": digest}
        subject = json.loads(seen.body).get("subject")
        if subject and self.behaviour.referrers_api:
            headers["OCI-Subject"] = subject["digest"]
        return Reply(201, headers=headers)

    def _blob(self, seen: Seen, repository: str, name: str, query: Mapping[str, str]) -> Reply:
        if name.startswith("uploads/"):
            return self._upload(seen, repository, query)
        if (repository, name) not in self.blobs:
            return _error(404, "BLOB_UNKNOWN", "blob unknown")
        return Reply(body=self.blobs[repository, name], headers={"Content-Type": "application/octet-stream"})

    def _upload(self, seen: Seen, repository: str, query: Mapping[str, str]) -> Reply:
        if seen.method == "POST":
            source = (query.get("from", ""), query.get("mount", ""))
            if source in self.blobs:
                self.blobs[repository, source[1]] = self.blobs[source]
                return Reply(201)
            location = self.behaviour.upload_location(f"/v2/{repository}/blobs/uploads/1?state=a%2Fb")
            return Reply(202, headers={"Location": location})
        if query["digest"] != f"sha256:{hashlib.sha256(seen.body).hexdigest()}":
            return _error(400, "DIGEST_INVALID", "digest invalid")
        self.put_blob(repository, seen.body)
        return Reply(201)

    def _tags(self, seen: Seen, repository: str, _name: str, query: Mapping[str, str]) -> Reply:
        if not any(repository == known for known, _ in self.manifests):
            return _error(404, "NAME_UNKNOWN", "repository name not known to registry")
        tags = sorted(name for known, name in self.manifests if known == repository and ":" not in name)
        page, headers = self._page(seen, tags, query)
        return _json({"name": repository, "tags": page}, headers)

    def _referrers(self, seen: Seen, repository: str, name: str, query: Mapping[str, str]) -> Reply:
        if not self.behaviour.referrers_api:
            return _error(404, "NOT_FOUND", "no such path")
        found = []
        for (known, digest), (media_type, raw) in self.manifests.items():
            document = json.loads(raw)
            if known == repository and ":" in digest and (document.get("subject") or {}).get("digest") == name:
                artifact_type = document.get("artifactType") or document.get("config", {}).get("mediaType", "")
                entry = {"mediaType": media_type, "digest": digest, "size": len(raw), "artifactType": artifact_type}
                found.append(entry | {"annotations": document.get("annotations", {})})
        headers: dict[str, str] = {"Content-Type": OCI_INDEX}
        if self.behaviour.applies_filters and "artifactType" in query:
            found = [entry for entry in found if entry["artifactType"] == query["artifactType"]]
            headers["OCI-Filters-Applied"] = "artifactType"
        page, more = self._page(seen, found, query)
        return _json({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": page}, headers | more)

    def _page(self, seen: Seen, entries: list[Any], query: Mapping[str, str]) -> tuple[list[Any], dict[str, str]]:
        size = self.behaviour.page
        start = int(query.get("start", "0"))
        if not size or start + size >= len(entries):
            return entries[start:], {}
        target = urlsplit(seen.path).path + "?" + urlencode({**query, "start": start + size})
        return entries[start : start + size], {"Link": f'<{target}>; rel="next"'}


class _Server(ThreadingHTTPServer):
    """Hangs up on everybody when it ends, so that no thread outlives the test."""

    daemon_threads = False
    request_queue_size = 64
    registry: FakeRegistry

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self.open: set[socket.socket] = set()
        super().__init__(address, handler)

    def hang_up(self) -> None:
        for connection in list(self.open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing about clients that went away."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.open.add(self.connection)

    def finish(self) -> None:
        self.server.open.discard(self.connection)
        with contextlib.suppress(OSError):
            super().finish()

    def do_GET(self) -> None:  # the name the standard library calls
        headers = {name.lower(): value for name, value in self.headers.items()}
        seen = Seen(self.command, self.path, headers, self._read_body())
        with self.server.registry.lock:
            self.server.registry.seen.append(seen)
            reply = self.server.registry.reply(seen)
        self._send(reply)

    do_HEAD = do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815  # the names the standard library calls

    def _read_body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", "0")))

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        length = len(reply.body) if reply.length is None and not reply.endless else reply.length
        if length is None or length < 0:
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        if self.command != "HEAD":
            self._send_body(reply)
        if length != len(reply.body):
            self.close_connection = True

    def _send_body(self, reply: Reply) -> None:
        body = memoryview(reply.body)
        while True:
            for start in range(0, len(body), reply.piece):
                piece = body[start : start + reply.piece]
                self.wfile.write(piece)
                self.server.registry.sent += len(piece)
            if not reply.endless:
                return

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
        """Write nothing to stderr."""


def _wanted(seen: Seen) -> tuple[str, str]:
    """Return the repository and what is done to it."""
    found = re.match(r"/v2/(.+?)/(?:manifests|blobs|tags|referrers)/", seen.path)
    return found[1] if found else "", "pull" if seen.method in {"GET", "HEAD"} else "push"


def _grants(scope: str, repository: str, action: str) -> bool:
    kind, _, rest = scope.partition(":")
    name, _, actions = rest.rpartition(":")
    return kind == "repository" and name == repository and action in actions.split(",")


def _basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"{USER}:{password}".encode()).decode()


def _json(document: object, headers: Mapping[str, str] | None = None) -> Reply:
    return Reply(body=json.dumps(document).encode(), headers={"Content-Type": "application/json", **(headers or {})})


def _error(status: int, code: str, message: str) -> Reply:
    return _json({"errors": [{"code": code, "message": message}]})._replace(status=status)
