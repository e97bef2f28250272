"""Who the client is to a registry, and who gets to see it."""

from __future__ import annotations

import json
import select
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs

import pytest

from custody.errors import StoreError
from custody.oci.manifest import EMPTY_BLOB, EMPTY_DESCRIPTOR, OCI_MANIFEST, make_manifest
from custody.stores.registry import RegistryOptions, open_repository
from custody.stores.registry.repository import RegistryRepository
from tests.registries import USER, FakeRegistry, Reply, tls_files

IMAGE = make_manifest(EMPTY_DESCRIPTOR, [])


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry() as running:
        running.put("shop/app", IMAGE.raw, OCI_MANIFEST, "v1")
        running.put("shop/other", IMAGE.raw, OCI_MANIFEST, "v1")
        running.behaviour.tokens = True
        running.behaviour.password = "secret"
        yield running


def opened(registry: FakeRegistry, options: RegistryOptions | None = None) -> RegistryRepository:
    return open_repository(registry.reference("shop/app"), options=options or registry.options())


def login(home: Path, registry: FakeRegistry, **entry: str) -> None:
    (home / ".docker").mkdir(exist_ok=True)
    (home / ".docker" / "config.json").write_text(json.dumps({"auths": {registry.host: entry}}))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_a_token_is_asked_for_once_a_scope(registry: FakeRegistry) -> None:
    store = opened(registry)
    store.resolve("v1")
    store.tags()
    assert list(registry.issued.values()) == ["repository:shop/app:pull"]
    store.put_manifest(IMAGE.raw, OCI_MANIFEST, "v2")
    store.put_manifest(IMAGE.raw, OCI_MANIFEST, "v3")
    assert list(registry.issued.values()) == ["repository:shop/app:pull", "repository:shop/app:pull,push"]


def test_only_the_token_service_sees_the_password(registry: FakeRegistry) -> None:
    opened(registry).resolve("v1")
    kinds = [(seen.path.partition("?")[0], seen.authorization.partition(" ")[0]) for seen in registry.seen]
    path = "/v2/shop/app/manifests/v1"
    assert kinds == [(path, ""), ("/token", "Basic"), (path, "Bearer")]
    assert "service=test&scope=repository%3Ashop%2Fapp%3Apull" in registry.seen[1].path


def test_what_a_challenge_asks_for_does_not_widen_the_scope(registry: FakeRegistry) -> None:
    registry.behaviour.change = lambda _seen, reply: reply._replace(
        headers={key: value.replace("shop/app:pull", "*:*") for key, value in reply.headers.items()}
    )
    opened(registry).resolve("v1")
    assert list(registry.issued.values()) == ["repository:shop/app:pull"]


def test_nobody_is_anonymous_where_no_password_is_wanted(registry: FakeRegistry, home: Path) -> None:
    registry.behaviour.password = ""
    opened(registry).resolve("v1")
    assert registry.asked("GET", "/token")[0].authorization == ""
    assert list(home.iterdir()) == []


def test_a_token_that_expires_is_renewed_before(registry: FakeRegistry) -> None:
    now = [0.0]
    store = opened(registry, registry.options().replace(clock=lambda: now[0]))
    store.resolve("v1")
    now[0] = 280.0
    store.resolve("v1")
    assert len(registry.issued) == 1
    now[0] = 295.0
    store.resolve("v1")
    assert len(registry.issued) == 2


def test_a_token_that_is_refused_is_renewed_once(registry: FakeRegistry) -> None:
    store = opened(registry)
    store.resolve("v1")
    registry.issued["token-0"] = ""
    store.resolve("v1")
    assert len(registry.issued) == 2
    registry.behaviour.change = lambda seen, reply: (
        reply if seen.path.startswith("/token") else Reply(401, headers={"WWW-Authenticate": demand(registry)})
    )
    with pytest.raises(StoreError, match="answered 401"):
        store.resolve("v1")
    assert len(registry.issued) == 3


def demand(registry: FakeRegistry) -> str:
    return f'Bearer realm="{registry.base}/token"'


def test_a_wrong_password_is_told_as_such(registry: FakeRegistry) -> None:
    options = registry.options().replace(password=lambda: "guessed")
    with pytest.raises(
        StoreError, match=r"cannot get a token .* answered 401 \(UNAUTHORIZED: wrong password\); log in"
    ):
        opened(registry, options).resolve("v1")


def test_an_identity_token_is_exchanged(registry: FakeRegistry, home: Path) -> None:
    registry.behaviour.password = ""
    registry.behaviour.identity_token = "refresh"
    login(home, registry, identitytoken="refresh")
    opened(registry).resolve("v1")
    (post,) = registry.asked("POST", "/token")
    form = parse_qs(post.body.decode())
    assert (post.authorization, form["grant_type"], form["refresh_token"]) == ("", ["refresh_token"], ["refresh"])
    login(home, registry, identitytoken="other")
    with pytest.raises(StoreError, match="answered 401"):
        opened(registry).resolve("v1")


def test_a_registry_token_is_sent_as_it_is(registry: FakeRegistry, home: Path) -> None:
    registry.behaviour.password = ""
    registry.issued["mine"] = "repository:shop/app:pull"
    login(home, registry, registrytoken="mine")
    opened(registry).resolve("v1")
    assert registry.asked("GET", "/token") == []


def test_a_registry_token_that_cannot_be_sent_is_not_shown(registry: FakeRegistry, home: Path) -> None:
    registry.behaviour.password = ""
    login(home, registry, registrytoken="secret\r\nX: y")
    with pytest.raises(StoreError, match="cannot be sent") as caught:
        opened(registry).resolve("v1")
    assert "secret" not in str(caught.value)


def test_what_docker_login_wrote_is_used(registry: FakeRegistry, home: Path) -> None:
    options = registry.options().replace(username="", password=None)
    with pytest.raises(StoreError, match="answered 401"):
        opened(registry, options).resolve("v1")
    login(home, registry, username=USER, password="secret")
    assert opened(registry, options).resolve("v1").digest == IMAGE.digest


def test_a_netrc_file_is_not_read(registry: FakeRegistry, home: Path) -> None:
    (home / ".netrc").write_text(f"machine 127.0.0.1 login {USER} password secret\n")
    (home / ".netrc").chmod(0o600)
    options = registry.options().replace(username="", password=None)
    with pytest.raises(StoreError, match="answered 401"):
        opened(registry, options).resolve("v1")
    assert {seen.authorization for seen in registry.seen} == {""}


class TestRealms:
    """A registry names its token service itself: what that may be, and what it gets."""

    def test_a_service_elsewhere_gets_what_is_kept_for_this_registry_only(
        self, registry: FakeRegistry, home: Path
    ) -> None:
        with FakeRegistry() as service:
            service.behaviour.password = "secret"
            registry.behaviour.realm = f"{service.base}/token"
            login(home, service, username="robot", password="of the service")
            registry.behaviour.change = lambda seen, reply: Reply(200) if seen.authorization else reply
            with pytest.raises(StoreError):
                opened(registry).resolve("v1")
            assert len(service.asked("GET", "/token")) == 1
            options = registry.options().replace(username="", password=None)
            with pytest.raises(StoreError):
                opened(registry, options).resolve("v1")
            assert service.seen[-1].authorization == ""

    def test_a_registry_with_tls_cannot_name_one_in_the_clear(self, registry: FakeRegistry, tmp_path: Path) -> None:
        with FakeRegistry(tls_files(tmp_path)) as secure:
            secure.behaviour.tokens = True
            secure.behaviour.password = "secret"
            secure.behaviour.realm = f"{registry.base}/token"
            with pytest.raises(StoreError, match="leads from https to"):
                opened(secure).resolve("v1")
            assert registry.seen == []
            secure.behaviour.realm = ""
            with pytest.raises(StoreError, match="there is no v1"):
                opened(secure).resolve("v1")

    @pytest.mark.parametrize("realm", ["ftp://127.0.0.1/", "http://robot@127.0.0.1/", "a b", "file:///etc/passwd"])
    def test_what_is_no_service_is_refused(self, registry: FakeRegistry, realm: str) -> None:
        registry.behaviour.realm = realm
        with pytest.raises(StoreError, match="leads to what is no URL"):
            opened(registry).resolve("v1")

    def test_a_service_does_not_redirect(self, registry: FakeRegistry) -> None:
        with FakeRegistry() as other:
            registry.behaviour.answer = lambda seen: (
                Reply(307, headers={"Location": f"{other.base}/token"}) if seen.path.startswith("/token") else None
            )
            with pytest.raises(StoreError, match="answered 307"):
                opened(registry).resolve("v1")
            assert other.seen == []

    @pytest.mark.parametrize("challenge", ["Bearer service=x", "Bearer", 'Bearer realm="', "Negotiate", ""])
    def test_a_demand_that_cannot_be_met_ends_it(self, registry: FakeRegistry, challenge: str) -> None:
        registry.behaviour.answer = lambda _seen: Reply(401, headers={"WWW-Authenticate": challenge})
        with pytest.raises(StoreError, match=r"no realm|cannot be understood|answered 401"):
            opened(registry).resolve("v1")
        assert len(registry.seen) == 1

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"[]",
            b"{}",
            b'{"token": ""}',
            b'{"token": 1}',
            b'{"token": "a\\r\\nX-Other: b"}',
            b'{"token": "a", "token": "b"}',
            b'{"token": "a", "expires_in": "soon"}',
            b'{"token": "' + b"a" * 40_000 + b'"}',
            b'{"token": "' + b"a" * 70_000 + b'"}',
        ],
    )
    def test_what_is_no_token_is_refused(self, registry: FakeRegistry, body: bytes) -> None:
        registry.behaviour.answer = lambda seen: Reply(body=body) if seen.path.startswith("/token") else None
        with pytest.raises(StoreError, match=r"no token|a token for|more than the 65536 bytes"):
            opened(registry).resolve("v1")


class Tunnel:
    """A proxy that leads every CONNECT to one registry."""

    def __init__(self, target: FakeRegistry) -> None:
        self._target = target
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)
        self.host = f"127.0.0.1:{self._listening.getsockname()[1]}"
        self.asked = b""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.join()
        self._listening.close()

    def _serve(self) -> None:
        """Serve one client until it hangs up."""
        client, _ = self._listening.accept()
        host, _, port = self._target.host.partition(":")
        with client, socket.create_connection((host, int(port))) as server:
            while b"\r\n\r\n" not in self.asked:
                self.asked += client.recv(4096)
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            peers = {client: server, server: client}
            while True:
                for ready in select.select(list(peers), [], [])[0]:
                    data = ready.recv(65536)
                    if not data:
                        return
                    peers[ready].sendall(data)


class TestProxies:
    def test_the_environment_names_the_proxy(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with FakeRegistry() as proxy:
            proxy.behaviour.answer = lambda _seen: Reply(body=IMAGE.raw, headers={"Content-Type": OCI_MANIFEST})
            monkeypatch.setenv("http_proxy", f"http://me:pass@{proxy.host}")
            store = opened_at("registry.example:5000/shop/app")
            assert store.manifest("v1") == IMAGE
            (seen,) = proxy.seen
            assert seen.path == "http://registry.example:5000/v2/shop/app/manifests/v1"
            assert seen.headers["proxy-authorization"].startswith("Basic ")

    def test_tls_goes_through_a_proxy_and_ends_at_the_registry(
        self, registry: FakeRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with FakeRegistry(tls_files(tmp_path)) as secure, Tunnel(secure) as tunnel:
            secure.put("shop/app", IMAGE.raw, OCI_MANIFEST, "v1")
            monkeypatch.setenv("https_proxy", f"http://{tunnel.host}")
            reference = secure.reference("shop/app").replace(registry="registry.example:5000")
            store = open_repository(reference, options=secure.options())
            assert store.manifest("v1") == IMAGE
            store.close()
            assert tunnel.asked.startswith(b"CONNECT registry.example:5000 HTTP/1.1\r\n")
            monkeypatch.setenv("https_proxy", f"http://{registry.host}")
            with pytest.raises(StoreError, match=r"cannot get an answer of registry\.example:5000"):
                open_repository(reference, options=secure.options()).manifest("v1")

    def test_this_machine_is_reached_directly(self, registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
        assert opened(registry).resolve("v1").digest == IMAGE.digest

    @pytest.mark.parametrize("proxy", ["socks5://me:pass@127.0.0.1:1", "http://127.0.0.1:x", "http://"])
    def test_a_proxy_of_another_kind_is_refused_without_its_password(
        self, monkeypatch: pytest.MonkeyPatch, proxy: str
    ) -> None:
        monkeypatch.setenv("http_proxy", proxy)
        with pytest.raises(StoreError, match="the proxy that the environment names") as caught:
            opened_at("registry.example:5000/shop/app").resolve("v1")
        assert "pass" not in str(caught.value)


def opened_at(name: str) -> RegistryRepository:
    from custody.oci.reference import read_reference

    return open_repository(read_reference(name), options=RegistryOptions(plain_http=True))


def test_what_was_streamed_once_is_not_sent_again_for_a_new_token(registry: FakeRegistry) -> None:
    registry.behaviour.answer = lambda seen: (
        Reply(401, headers={"WWW-Authenticate": demand(registry)}) if seen.method == "PUT" else None
    )
    with pytest.raises(StoreError, match="answered 401"):
        opened(registry).put_blob(EMPTY_DESCRIPTOR, [EMPTY_BLOB])
    assert len(registry.asked("PUT", "")) == 1


def test_two_repositories_do_not_share_a_token(registry: FakeRegistry) -> None:
    opened(registry).resolve("v1")
    open_repository(registry.reference("shop/other"), options=registry.options()).resolve("v1")
    assert list(registry.issued.values()) == ["repository:shop/app:pull", "repository:shop/other:pull"]


def test_a_push_with_basic_authentication_is_authorized(registry: FakeRegistry) -> None:
    registry.behaviour.tokens = False
    store = opened(registry)
    store.put_blob(EMPTY_DESCRIPTOR, [EMPTY_BLOB])
    assert [bool(seen.authorization) for seen in registry.seen] == [False, True, True, True]
