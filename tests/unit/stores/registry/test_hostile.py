"""What a hostile registry may do, and what it costs: every case is refused within stated bytes, memory or requests."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from custody.errors import StoreError
from custody.oci import protocol, referrers
from custody.oci.descriptor import describe_bytes
from custody.oci.digest import sha256_of
from custody.oci.manifest import EMPTY_DESCRIPTOR, MAX_MANIFEST_BYTES, OCI_INDEX, OCI_MANIFEST, make_manifest
from custody.oci.messages import MAX_ANSWER_BYTES
from custody.oci.reference import Reference, read_reference
from custody.stores.registry import RegistryOptions, open_repository
from custody.stores.registry.repository import RegistryRepository
from custody.stores.registry.retries import MAX_TRIES
from custody.stores.registry.session import MAX_REDIRECTS
from tests.registries import FakeRegistry, Reply, Seen, no_waiting, tls_files

MIB = 1024 * 1024
IN_FLIGHT = 16 * MIB
"""What the system's buffers between two sockets may hold beyond what was read."""

DATA = b"attestation" * 1000
BLOB = describe_bytes(DATA, "application/x")
IMAGE = make_manifest(EMPTY_DESCRIPTOR, [BLOB])
NAME = str(IMAGE.digest)


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry() as running:
        running.put_blob("shop/app", DATA)
        running.put("shop/app", IMAGE.raw, OCI_MANIFEST, "v1")
        yield running


@pytest.fixture
def other() -> Iterator[FakeRegistry]:
    """Return a registry on another host, as far as ports make one."""
    with FakeRegistry() as running:
        yield running


class Dripping:
    """A server that answers with one more byte of a header whenever its client looks at the clock."""

    def __init__(self) -> None:
        self.ticks = 0
        self.connections: list[socket.socket] = []
        self.listening = socket.create_server(("127.0.0.1", 0))

    def reference(self, text: str) -> Reference:
        return read_reference(f"127.0.0.1:{self.listening.getsockname()[1]}/{text}")

    def options(self) -> RegistryOptions:
        return RegistryOptions(plain_http=True, clock=self.tick, sleep=no_waiting)

    def tick(self) -> float:
        """Return the time, a second later each time."""
        self.ticks += 1
        self.listening.settimeout(0)
        with contextlib.suppress(BlockingIOError):
            self.connections.append(self.listening.accept()[0])
            self.connections[-1].send(b"HTTP/1.1 200 OK\r\nX: ")
        for connection in self.connections[-1:]:
            with contextlib.suppress(OSError):  # the client gave up
                connection.send(b"x")
        return float(self.ticks)

    def close(self) -> None:
        for each in (*self.connections, self.listening):
            each.close()


@pytest.fixture
def dripping() -> Iterator[Dripping]:
    running = Dripping()
    yield running
    running.close()


def opened(registry: FakeRegistry) -> RegistryRepository:
    return open_repository(registry.reference("shop/app"), options=registry.options())


def answering(registry: FakeRegistry, part: str, reply: Reply) -> None:
    """Let every request with `part` in its path be answered by `reply`."""
    registry.behaviour.answer = lambda seen: reply if part in seen.path else None


def peak_of(call: Callable[[], object], message: str) -> int:
    """Return the most memory that `call` takes until it is refused with `message`, in bytes."""
    tracemalloc.start()
    try:
        with pytest.raises(StoreError, match=message):
            call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def read_all(store: RegistryRepository) -> list[bytes]:
    """Return what a caller gets of the blob before it is refused."""
    got: list[bytes] = []
    with pytest.raises(StoreError):
        got.extend(store.blob(BLOB))
    return got


class TestWrongBytes:
    def test_a_manifest_that_is_another_one_is_refused(self, registry: FakeRegistry) -> None:
        store = opened(registry)
        assert store.manifest(NAME) == IMAGE
        registry.manifests["shop/app", NAME] = (OCI_MANIFEST, IMAGE.raw + b" ")
        with pytest.raises(StoreError, match=r"the registry calls it|expected a manifest with the digest"):
            store.manifest(NAME)

    def test_a_tag_is_refused_whose_bytes_are_not_what_the_registry_calls_them(self, registry: FakeRegistry) -> None:
        headers = {"Content-Type": OCI_MANIFEST, "Docker-Content-Digest": str(sha256_of(b"other"))}
        answering(registry, "/manifests/", Reply(body=IMAGE.raw, headers=headers))
        with pytest.raises(StoreError, match="expected a manifest with the digest"):
            opened(registry).resolve("v1")

    def test_a_digest_is_refused_that_the_registry_calls_otherwise(self, registry: FakeRegistry) -> None:
        headers = {"Content-Type": OCI_MANIFEST, "Docker-Content-Digest": str(sha256_of(b"other"))}
        answering(registry, "/manifests/", Reply(body=IMAGE.raw, headers=headers))
        with pytest.raises(StoreError, match=f"the registry calls it {sha256_of(b'other')}"):
            opened(registry).resolve(NAME)

    def test_a_blob_of_the_right_size_and_other_bytes_is_refused(self, registry: FakeRegistry) -> None:
        answering(registry, "/blobs/", Reply(body=DATA[:-1] + b"?"))
        with pytest.raises(StoreError, match="sent other bytes than asked for"):
            opened(registry).read_blob(BLOB, len(DATA))

    @pytest.mark.parametrize("body", [DATA[:-1], DATA + b"x", b""])
    def test_a_blob_of_another_announced_size_is_refused_unread(self, registry: FakeRegistry, body: bytes) -> None:
        answering(registry, "/blobs/", Reply(body=body))
        assert read_all(opened(registry)) == []

    @pytest.mark.parametrize("body", [DATA[:-1], b""])
    def test_a_blob_that_ends_early_is_refused(self, registry: FakeRegistry, body: bytes) -> None:
        answering(registry, "/blobs/", Reply(body=body, length=-1))
        with pytest.raises(StoreError, match=f"sent {len(body)} bytes of .*, which has {len(DATA)}"):
            opened(registry).read_blob(BLOB, len(DATA))

    def test_a_blob_that_breaks_off_is_refused(self, registry: FakeRegistry) -> None:
        answering(registry, "/blobs/", Reply(body=DATA[:-1], length=len(DATA)))
        with pytest.raises(StoreError, match="cannot get an answer"):
            opened(registry).read_blob(BLOB, len(DATA))

    def test_a_digest_that_a_push_is_answered_with_must_be_its_own(self, registry: FakeRegistry) -> None:
        answering(registry, "/manifests/", Reply(201, headers={"Docker-Content-Digest": str(sha256_of(b"other"))}))
        with pytest.raises(StoreError, match=f"the registry calls {NAME} sha256:"):
            opened(registry).put_manifest(IMAGE.raw, OCI_MANIFEST, "v1")


class TestEndlessBodies:
    def test_a_blob_without_end_is_cut_at_its_size(self, registry: FakeRegistry) -> None:
        answering(registry, "/blobs/", Reply(body=b"x" * 65536, endless=True))
        assert sum(map(len, read_all(opened(registry)))) <= len(DATA)
        assert registry.sent <= len(DATA) + IN_FLIGHT

    def test_a_large_blob_never_is_in_memory_as_a_whole(self, registry: FakeRegistry) -> None:
        large = BLOB.replace(size=64 * MIB)
        answering(registry, "/blobs/", Reply(body=b"x" * 65536, endless=True))
        store = opened(registry)

        def read() -> None:
            for _ in store.blob(large):
                pass

        assert peak_of(read, "more than the") < 4 * MIB
        assert registry.sent <= 64 * MIB + IN_FLIGHT

    def test_a_blob_larger_than_the_caller_takes_is_never_asked_for(self, registry: FakeRegistry) -> None:
        with pytest.raises(StoreError, match="expected at most 10 bytes"):
            opened(registry).read_blob(BLOB, 10)
        assert registry.seen == []

    @pytest.mark.parametrize(
        ("part", "ask"),
        [
            ("/manifests/", lambda store: store.resolve("v1")),
            ("/tags/", lambda store: store.tags()),
            ("/referrers/", lambda store: store.referrers(IMAGE.digest)),
        ],
    )
    def test_a_document_without_end_costs_no_more_than_a_manifest_may(
        self, registry: FakeRegistry, part: str, ask: Callable[[RegistryRepository], object]
    ) -> None:
        headers = {"Content-Type": OCI_INDEX}
        answering(registry, part, Reply(body=b" " * 65536, headers=headers, endless=True))
        store = opened(registry)
        assert peak_of(lambda: ask(store), f"more than the {MAX_MANIFEST_BYTES} bytes") < 3 * MAX_MANIFEST_BYTES
        assert registry.sent <= MAX_MANIFEST_BYTES + IN_FLIGHT

    def test_an_announced_size_does_not_make_memory_be_taken(self, registry: FakeRegistry) -> None:
        answering(registry, "/manifests/", Reply(body=IMAGE.raw, length=10**12))
        store = opened(registry)
        assert peak_of(lambda: store.resolve("v1"), "cannot get an answer") < 4 * MIB

    def test_an_error_without_end_is_cut(self, registry: FakeRegistry) -> None:
        answering(registry, "/manifests/", Reply(500, body=b"x" * 65536, endless=True))
        store = opened(registry)
        assert peak_of(lambda: store.resolve("v1"), "answered 500") < 4 * MIB
        assert registry.sent <= MAX_ANSWER_BYTES + IN_FLIGHT

    def test_compressed_answers_are_refused_before_they_unfold(self, registry: FakeRegistry) -> None:
        bomb = gzip.compress(b" " * (64 * MIB))
        for part in ("/manifests/", "/blobs/"):
            answering(registry, part, Reply(body=bomb, headers={"Content-Encoding": "gzip"}, length=-1))
            store = opened(registry)
            ask = (lambda: store.resolve("v1")) if "man" in part else (lambda: store.read_blob(BLOB, len(DATA)))  # noqa: B023  # called at once
            assert peak_of(ask, "answered compressed") < 4 * MIB

    def test_headers_without_end_are_refused(self, registry: FakeRegistry) -> None:
        headers = {f"X-{number}": "x" * 1000 for number in range(300)}
        answering(registry, "/manifests/", Reply(body=IMAGE.raw, headers=headers))
        store = opened(registry)
        assert peak_of(lambda: store.resolve("v1"), "cannot get an answer") < 4 * MIB


class TestTime:
    def test_a_body_that_drips_is_given_up_when_its_time_is_over(self, registry: FakeRegistry) -> None:
        answering(registry, "/manifests/", Reply(body=b" ", endless=True, piece=1))
        clock = iter(range(10**6))
        options = registry.options().replace(clock=lambda: float(next(clock)))
        store = open_repository(registry.reference("shop/app"), options=options)
        with pytest.raises(StoreError, match=r"127.0.0.1:\d+ took too long"):
            store.resolve("v1")
        assert next(clock) < 100 * MAX_TRIES

    def test_headers_that_drip_are_given_up_when_their_time_is_over(self, dripping: Dripping) -> None:
        options = dripping.options()
        store = open_repository(dripping.reference("shop/app"), options=options)
        with pytest.raises(StoreError, match="took too long"):
            store.resolve("v1")
        assert dripping.ticks < 100 * MAX_TRIES

    def test_a_blob_gets_time_for_its_size_and_no_more(self, registry: FakeRegistry) -> None:
        answering(registry, "/blobs/", Reply(body=b"x", endless=True, piece=1))
        clock = iter(range(0, 10**9, 10))
        options = registry.options().replace(clock=lambda: float(next(clock)))
        store = open_repository(registry.reference("shop/app"), options=options)
        with pytest.raises(StoreError, match="took too long"):
            list(store.blob(BLOB.replace(size=32 * 1024 * 100)))
        assert next(clock) <= 60 + 100 + 50


class TestRetries:
    @pytest.mark.parametrize("status", [429, 502, 503, 504])
    def test_what_may_pass_is_tried_again_after_the_time_that_was_asked_for(
        self, registry: FakeRegistry, status: int
    ) -> None:
        waited: list[float] = []
        registry.behaviour.replies = [Reply(status, headers={"Retry-After": "7"}), Reply(status)]
        store = open_repository(registry.reference("shop/app"), options=registry.options().replace(sleep=waited.append))
        assert store.resolve("v1").digest == IMAGE.digest
        assert waited == [7.0, 1.0]

    def test_tries_end(self, registry: FakeRegistry) -> None:
        answering(registry, "/manifests/", Reply(503))
        with pytest.raises(StoreError, match="answered 503"):
            opened(registry).resolve("v1")
        assert len(registry.seen) == MAX_TRIES

    @pytest.mark.parametrize("status", [400, 403, 500, 501])
    def test_what_will_not_pass_is_asked_once(self, registry: FakeRegistry, status: int) -> None:
        answering(registry, "/manifests/", Reply(status))
        with pytest.raises(StoreError, match=f"answered {status}"):
            opened(registry).resolve("v1")
        assert len(registry.seen) == 1

    def test_a_registry_that_wants_to_be_left_alone_for_long_is_not_waited_for(self, registry: FakeRegistry) -> None:
        answering(registry, "/manifests/", Reply(429, headers={"Retry-After": "3600"}))
        with pytest.raises(StoreError, match="asked again in 3600 seconds; at most 60 are waited"):
            opened(registry).resolve("v1")
        assert len(registry.seen) == 1

    @pytest.mark.parametrize(
        ("value", "waited"),
        [("Sun, 06 Nov 1994 08:49:37 GMT", 0.0), ("soon", 0.5), ("-5", 0.5), ("1e3", 0.5), ("\u0664", 0.5)],
    )
    def test_a_time_that_is_past_or_no_time_is_not_waited_for(
        self, registry: FakeRegistry, value: str, waited: float
    ) -> None:
        pauses: list[float] = []
        registry.behaviour.replies = [Reply(503, headers={"Retry-After": value.encode().decode("latin-1")})]
        options = registry.options().replace(sleep=pauses.append)
        open_repository(registry.reference("shop/app"), options=options).resolve("v1")
        assert pauses == [waited]

    def test_a_blob_that_was_partly_taken_is_not_put_again(self, registry: FakeRegistry) -> None:
        registry.behaviour.answer = lambda seen: Reply(503) if seen.method == "PUT" else None
        with pytest.raises(StoreError, match="answered 503"):
            opened(registry).put_blob(describe_bytes(b"new", "text/plain"), [b"new"])
        assert len(registry.asked("PUT", "/uploads/")) == 1


class TestOtherHosts:
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_a_blob_comes_from_where_it_is_and_credentials_stay(
        self, registry: FakeRegistry, other: FakeRegistry, status: int
    ) -> None:
        registry.behaviour.password = "secret"
        other.put_blob("shop/app", DATA)
        store = opened(registry)
        store.resolve("v1")
        registry.behaviour.answer = lambda seen: (
            Reply(status, headers={"Location": f"{other.base}{seen.path}"}) if "/blobs/" in seen.path else None
        )
        assert store.read_blob(BLOB, len(DATA)) == DATA
        assert registry.seen[-1].authorization.startswith("Basic ")
        assert [seen.authorization for seen in other.seen] == [""]

    def test_what_comes_from_another_host_is_verified_too(self, registry: FakeRegistry, other: FakeRegistry) -> None:
        answering(registry, "/blobs/", Reply(307, headers={"Location": f"{other.base}/blob"}))
        answering(other, "/blob", Reply(body=DATA[:-1] + b"?"))
        with pytest.raises(StoreError, match="sent other bytes than asked for"):
            opened(registry).read_blob(BLOB, len(DATA))

    def test_what_another_host_demands_is_not_answered(self, registry: FakeRegistry, other: FakeRegistry) -> None:
        registry.behaviour.password = other.behaviour.password = "secret"
        store = opened(registry)
        store.resolve("v1")
        other.behaviour.tokens = True
        answering(registry, "/blobs/", Reply(307, headers={"Location": f"{other.base}/v2/shop/app/blobs/x"}))
        with pytest.raises(StoreError, match="answered 401"):
            store.read_blob(BLOB, len(DATA))
        assert [(seen.path, seen.authorization) for seen in other.seen] == [("/v2/shop/app/blobs/x", "")]

    def test_credentials_stay_away_when_the_way_leads_back(self, registry: FakeRegistry, other: FakeRegistry) -> None:
        registry.behaviour.password = "secret"
        store = opened(registry)
        store.resolve("v1")
        answering(registry, "/blobs/", Reply(307, headers={"Location": f"{other.base}/there"}))
        answering(other, "/there", Reply(307, headers={"Location": f"{registry.base}/v2/shop/app/manifests/back"}))
        with pytest.raises(StoreError):
            store.read_blob(BLOB, len(DATA))
        back = registry.asked("GET", "/manifests/back")
        assert back[0].authorization == ""

    def test_an_upload_to_another_host_goes_without_credentials(
        self, registry: FakeRegistry, other: FakeRegistry
    ) -> None:
        registry.behaviour.password = "secret"
        registry.behaviour.upload_location = lambda path: f"{other.base}{path}"
        blob = describe_bytes(b"new", "text/plain")
        opened(registry).put_blob(blob, [b"new"])
        assert other.blobs["shop/app", str(blob.digest)] == b"new"
        assert [seen.authorization for seen in other.seen] == [""]

    def test_redirects_end(self, registry: FakeRegistry) -> None:
        registry.behaviour.answer = lambda seen: Reply(302, headers={"Location": seen.path})
        with pytest.raises(StoreError, match=f"redirects more than {MAX_REDIRECTS} times"):
            opened(registry).resolve("v1")
        assert len(registry.seen) == MAX_REDIRECTS + 1

    @pytest.mark.parametrize(
        "location",
        [
            "file:///etc/passwd",
            "ftp://127.0.0.1/",
            "http://robot:secret@127.0.0.1/",
            "http://@127.0.0.1/",
            "http://[::1/",
            "http://127.0.0.1:99999/",
            "/" + "x" * 9000,
            "/a b",
        ],
    )
    def test_what_is_no_place_to_go_is_refused(self, registry: FakeRegistry, location: str) -> None:
        answering(registry, "/manifests/", Reply(307, headers={"Location": location}))
        with pytest.raises(StoreError, match=r"leads to what is no URL|Invalid URL in location"):
            opened(registry).resolve("v1")

    def test_nothing_leads_from_tls_into_the_clear(self, other: FakeRegistry, tmp_path: Path) -> None:
        with FakeRegistry(tls_files(tmp_path)) as registry:
            registry.put("shop/app", IMAGE.raw, OCI_MANIFEST, "v1")
            store = opened(registry)
            store.resolve("v1")
            answering(registry, "/blobs/", Reply(307, headers={"Location": f"{other.base}/blob"}))
            with pytest.raises(StoreError, match="leads from https to"):
                store.read_blob(BLOB, len(DATA))
            registry.behaviour.answer = lambda _seen: None
            registry.behaviour.upload_location = lambda path: f"{other.base}{path}"
            with pytest.raises(StoreError, match="leads from https to"):
                store.put_blob(BLOB, [DATA])
        assert other.seen == []

    def test_pushes_are_not_redirected(self, registry: FakeRegistry, other: FakeRegistry) -> None:
        registry.behaviour.answer = lambda seen: (
            Reply(307, headers={"Location": other.base}) if seen.method in {"POST", "PUT"} else None
        )
        with pytest.raises(StoreError, match="answered 307"):
            opened(registry).put_manifest(IMAGE.raw, OCI_MANIFEST, "v1")
        assert other.seen == []

    def test_cookies_are_not_kept(self, registry: FakeRegistry) -> None:
        registry.behaviour.change = lambda _seen, reply: reply._replace(headers={**reply.headers, "Set-Cookie": "a=b"})
        store = opened(registry)
        store.resolve("v1")
        store.resolve("v1")
        assert ["cookie" in seen.headers for seen in registry.seen] == [False, False]


class TestDocuments:
    @pytest.mark.parametrize(
        ("body", "message"),
        [
            (b"[" * 100_000, "nested more than"),
            (b'{"layers": [' + b"{}," * 300_000 + b"{}]}", "schemaVersion: missing"),
            (IMAGE.raw.replace(b'"layers"', b'"layers":[],"layers"'), "appears twice"),
            (json.dumps({"schemaVersion": 2, "config": {}, "layers": [], "manifests": []}).encode(), "could be both"),
            (b"\xff\xfe", "not UTF-8"),
            (b"", "there is nothing in it"),
            (b"null", "expected an object"),
            (b'{"schemaVersion": 1' + b"0" * 5000 + b"}", "digits"),
        ],
    )
    def test_a_manifest_bomb_is_refused_in_bounded_memory(
        self, registry: FakeRegistry, body: bytes, message: str
    ) -> None:
        answering(registry, "/manifests/", Reply(body=body, headers={"Content-Type": OCI_MANIFEST}))
        store = opened(registry)
        assert peak_of(lambda: store.resolve("v1"), message) < 16 * MAX_MANIFEST_BYTES

    @pytest.mark.parametrize(
        "media_type", ["text/html", "", OCI_INDEX, "application/vnd.oci.artifact.manifest.v1+json"]
    )
    def test_a_manifest_of_another_type_than_it_says_is_refused(self, registry: FakeRegistry, media_type: str) -> None:
        headers = {"Content-Type": media_type}
        answering(registry, "/manifests/", Reply(body=IMAGE.raw, headers=headers))
        store = opened(registry)
        if not media_type:  # says nothing, and the document does
            assert store.manifest("v1") == IMAGE
            return
        with pytest.raises(StoreError, match="expected"):
            store.manifest("v1")

    @pytest.mark.parametrize(
        ("document", "message"),
        [
            (b'{"tags": ["a"], "tags": ["b"]}', "appears twice"),
            (b'{"tags": ["../x"]}', r"expected tags, got '../x'"),
            (b'{"tags": ["\\u001b[2Jx"]}', r"expected tags, got '\?\[2Jx'"),
            (b'{"tags": [1]}', r"tags\[0\]: expected text"),
            (b"{}", "tags: missing"),
        ],
    )
    def test_tags_that_are_none_are_refused(self, registry: FakeRegistry, document: bytes, message: str) -> None:
        answering(registry, "/tags/", Reply(body=document))
        with pytest.raises(StoreError, match=message):
            opened(registry).tags()

    def test_no_tags_are_none(self, registry: FakeRegistry) -> None:
        answering(registry, "/tags/", Reply(body=b'{"tags": null}'))
        assert opened(registry).tags() == ()

    def test_what_an_error_says_cannot_write_to_the_terminal(self, registry: FakeRegistry) -> None:
        said = json.dumps({"errors": [{"code": "X", "message": "\x1b[2J" + "y" * 1000}]}).encode()
        answering(registry, "/manifests/", Reply(400, body=said))
        with pytest.raises(StoreError, match=r"answered 400 \(X: \?\[2Jy") as caught:
            opened(registry).resolve("v1")
        assert len(str(caught.value)) < 400


class TestLists:
    def test_a_list_of_tags_that_leads_to_itself_ends(self, registry: FakeRegistry) -> None:
        registry.behaviour.answer = lambda seen: Reply(
            body=b'{"tags": ["a"]}', headers={"Link": f'<{seen.path}>; rel="next"'}
        )
        with pytest.raises(StoreError, match="the next page brings nothing new"):
            opened(registry).tags()
        assert len(registry.seen) == 2

    def test_a_list_of_ever_new_tags_ends(self, registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(protocol, "MAX_PAGES", 20)
        registry.behaviour.answer = lambda _seen: Reply(
            body=json.dumps({"tags": [f"t{len(registry.seen)}"]}).encode(),
            headers={"Link": f'</v2/shop/app/tags/list?n={len(registry.seen)}>; rel="next"'},
        )
        with pytest.raises(StoreError, match="at most 20 pages"):
            opened(registry).tags()
        assert len(registry.seen) == 20

    def test_more_tags_than_allowed_are_refused(self, registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(protocol, "MAX_TAGS", 3)
        for tag in ("a", "b", "c"):
            registry.put("shop/app", IMAGE.raw, OCI_MANIFEST, tag)
        with pytest.raises(StoreError, match="expected at most 3, got more"):
            opened(registry).tags()

    @pytest.mark.parametrize("part", ["/tags/", "/referrers/"])
    def test_the_next_page_is_on_the_same_host(self, registry: FakeRegistry, other: FakeRegistry, part: str) -> None:
        body = json.dumps({"tags": ["a"], "schemaVersion": 2, "manifests": []}).encode()
        headers = {"Link": f'<{other.base}/next>; rel="next"', "Content-Type": OCI_INDEX}
        answering(registry, part, Reply(body=body, headers=headers))
        store = opened(registry)
        with pytest.raises(StoreError, match=r"the next page .* is on another host"):
            store.tags() if "tags" in part else store.referrers(IMAGE.digest)
        assert other.seen == []

    def test_thousands_of_referrers_are_refused_in_bounded_memory(self, registry: FakeRegistry) -> None:
        entries = [
            describe_bytes(str(number).encode(), OCI_MANIFEST).replace(artifact_type="a/b").write()
            for number in range(referrers.MAX_REFERRERS + 1)
        ]
        registry.behaviour.answer = lambda _seen: index_of(entries)
        store = opened(registry)
        message = f"expected at most {referrers.MAX_REFERRERS}, got more"
        assert peak_of(lambda: store.referrers(IMAGE.digest, "a/b"), message) < 16 * MIB
        assert len(registry.seen) == 1
        assert store.referrers(IMAGE.digest, "other/type") == ()
        entries.pop()
        assert len(store.referrers(IMAGE.digest, "a/b")) == referrers.MAX_REFERRERS

    def test_pages_of_referrers_without_end_are_refused_in_bounded_memory(self, registry: FakeRegistry) -> None:
        entries = [describe_bytes(b"x", OCI_MANIFEST).replace(artifact_type="a/b").write()] * 1000
        page = index_of(entries)

        def next_one(seen: Seen) -> Reply:
            return page._replace(headers={**page.headers, "Link": f'<{seen.path}>; rel="next"'})

        registry.behaviour.answer = next_one
        store = opened(registry)
        assert peak_of(lambda: store.referrers(IMAGE.digest), "expected at most 10000, got more") < 64 * MIB
        assert len(registry.seen) <= 11

    def test_large_pages_of_referrers_are_refused_in_bounded_memory(
        self, registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(referrers, "MAX_LISTED_BYTES", 4 * MIB)
        long = describe_bytes(b"x", OCI_MANIFEST).replace(artifact_type="a/b", annotations={"a": "x" * MIB})
        page = index_of([long.write()])
        registry.behaviour.answer = lambda seen: page._replace(
            headers={**page.headers, "Link": f'<{seen.path}>; rel="next"'}
        )
        message = f"expected at most 10000, in {4 * MIB} bytes, got more"
        assert peak_of(lambda: opened(registry).referrers(IMAGE.digest), message) < 24 * MIB
        assert len(registry.seen) == 4

    def test_large_referrers_without_a_type_are_refused_in_bounded_memory(
        self, registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(referrers, "MAX_LISTED_BYTES", 4 * MIB)
        large = [
            make_manifest(EMPTY_DESCRIPTOR, [], subject=IMAGE.descriptor, annotations={"a": f"{number}" * MIB})
            for number in range(8)
        ]
        for manifest in large:
            registry.put("shop/app", manifest.raw, OCI_MANIFEST)
        answering(registry, "/referrers/", index_of([manifest.descriptor.write() for manifest in large]))
        message = f"expected manifests of at most {4 * MIB} bytes"
        assert peak_of(lambda: opened(registry).referrers(IMAGE.digest), message) < 24 * MIB
        assert len(registry.asked("GET", "/manifests/")) == 4

    def test_empty_pages_of_referrers_without_end_are_refused(
        self, registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(referrers, "MAX_PAGES", 20)
        page = index_of([])
        registry.behaviour.answer = lambda seen: page._replace(
            headers={**page.headers, "Link": f'<{seen.path}>; rel="next"'}
        )
        with pytest.raises(StoreError, match="at most 20 pages"):
            opened(registry).referrers(IMAGE.digest)
        assert len(registry.seen) == 20

    def test_a_referrer_that_is_listed_twice_is_one(self, registry: FakeRegistry) -> None:
        entry = describe_bytes(b"x", OCI_MANIFEST).replace(artifact_type="a/b").write()
        registry.behaviour.answer = lambda _seen: index_of([entry, entry])
        assert len(opened(registry).referrers(IMAGE.digest)) == 1


def index_of(entries: list[dict[str, object]]) -> Reply:
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
    return Reply(body=json.dumps(document).encode(), headers={"Content-Type": OCI_INDEX})
