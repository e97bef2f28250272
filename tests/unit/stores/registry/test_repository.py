"""The registry client against docker-registry, which has no referrers API, and a registry in this process."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from custody.errors import StoreError, UsageError
from custody.oci.descriptor import Descriptor, describe_bytes
from custody.oci.digest import read_digest, sha256_of
from custody.oci.manifest import EMPTY_BLOB, EMPTY_DESCRIPTOR, OCI_INDEX, OCI_MANIFEST, make_index, make_manifest
from custody.oci.reference import read_reference
from custody.oci.referrers import fallback_tag
from custody.stores.images import ImageStore, NotFoundError
from custody.stores.registry import RegistryOptions, open_repository
from custody.stores.registry.repository import RegistryRepository
from tests.registries import FakeRegistry, Reply, Seen, debian_registry, free_port, tls_files

DATA = bytes(range(256)) * 1000
BLOB = describe_bytes(DATA, "application/vnd.oci.image.layer.v1.tar")
IMAGE = make_manifest(EMPTY_DESCRIPTOR, [BLOB])
SBOM, NOTE = "application/spdx+json", "text/note"


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry() as running:
        yield running


def opened(registry: FakeRegistry, name: str = "shop/app") -> RegistryRepository:
    return open_repository(registry.reference(name), options=registry.options())


def push_image(store: ImageStore, tag: str = "v1") -> Descriptor:
    store.put_blob(EMPTY_DESCRIPTOR, [EMPTY_BLOB])
    store.put_blob(BLOB, [DATA[:1000], DATA[1000:]])
    return store.put_manifest(IMAGE.raw, IMAGE.media_type, tag)


def push_referrer(store: ImageStore, artifact_type: str, note: str = "") -> Descriptor:
    made = make_manifest(
        EMPTY_DESCRIPTOR,
        [],
        artifact_type=artifact_type,
        subject=IMAGE.descriptor,
        annotations={"note": note} if note else {},
    )
    return store.put_manifest(made.raw, made.media_type)


def check_round_trip(store: ImageStore) -> None:
    """Push an image and its referrers, and find all of it again."""
    image = push_image(store)
    assert store.resolve("v1").digest == store.resolve(str(image.digest)).digest == IMAGE.digest
    assert store.manifest("v1") == IMAGE
    assert store.read_blob(BLOB, len(DATA)) == DATA
    assert b"".join(store.blob(BLOB)) == DATA
    assert store.has(BLOB)
    assert store.has(image)
    assert not store.has(describe_bytes(b"absent", "text/plain"))
    assert not store.has(image.replace(digest=sha256_of(b"absent")))
    assert store.referrers(image.digest) == ()
    sbom, note = push_referrer(store, SBOM, "a"), push_referrer(store, NOTE, "b")
    assert push_referrer(store, SBOM, "a") == sbom
    found = {each.digest: each for each in store.referrers(image.digest)}
    assert len(store.referrers(image.digest)) == len(found) == 2
    assert {(each.artifact_type, each.annotations["note"]) for each in found.values()} == {(SBOM, "a"), (NOTE, "b")}
    assert [each.digest for each in store.referrers(image.digest, NOTE)] == [note.digest]
    with pytest.raises(NotFoundError, match="there is no v2 in"):
        store.resolve("v2")
    with pytest.raises(NotFoundError):
        list(store.blob(describe_bytes(b"absent", "text/plain")))


@pytest.mark.component("docker-registry")
@pytest.mark.component("htpasswd")
@pytest.mark.parametrize(("tls", "password"), [(False, ""), (True, ""), (True, "secret"), (False, "secret")])
def test_what_is_pushed_to_docker_registry_is_found_there(tmp_path: Path, tls: bool, password: str) -> None:
    with debian_registry(tmp_path / "registry", tls=tls, password=password) as running:
        store = open_repository(running.reference("shop/app"), options=running.options())
        check_round_trip(store)
        assert store.tags() == tuple(sorted(["v1", fallback_tag(IMAGE.digest)]))
        assert store.title == f"{running.host}/shop/app"


@pytest.mark.component("docker-registry")
@pytest.mark.component("htpasswd")
def test_a_wrong_password_is_refused(tmp_path: Path) -> None:
    with debian_registry(tmp_path / "registry", password="secret") as running:
        options = running.options().replace(password=lambda: "guessed")
        with pytest.raises(StoreError, match=r"answered 401 .*log in with `docker login`"):
            open_repository(running.reference("shop/app"), options=options).tags()


@pytest.mark.component("docker-registry")
def test_a_certificate_of_an_unknown_authority_is_refused(tmp_path: Path) -> None:
    with debian_registry(tmp_path / "registry", tls=True) as running:
        options = running.options().replace(ca_file="")
        with pytest.raises(StoreError, match=r"does not prove who it is .*--ca-file"):
            open_repository(running.reference("shop/app"), options=options).tags()


@pytest.mark.component("docker-registry")
def test_plain_http_is_spoken_only_when_asked_on_loopback_too(tmp_path: Path) -> None:
    with debian_registry(tmp_path / "registry") as running:
        options = running.options().replace(plain_http=False)
        with pytest.raises(StoreError, match="--plain-http"):
            open_repository(running.reference("shop/app"), options=options).tags()


@pytest.mark.component("docker-registry")
def test_a_repository_that_does_not_exist_is_not_found(tmp_path: Path) -> None:
    with debian_registry(tmp_path / "registry") as running:
        store = open_repository(running.reference("shop/none"), options=running.options())
        with pytest.raises(NotFoundError, match="there is no repository"):
            store.tags()


@pytest.mark.component("docker-registry")
def test_a_large_blob_is_pushed_and_pulled_in_pieces(tmp_path: Path) -> None:
    piece = bytes(64 * 1024)
    hasher = hashlib.sha256()
    for _ in range(1024):
        hasher.update(piece)
    large = BLOB.replace(digest=read_digest(f"sha256:{hasher.hexdigest()}"), size=64 * 1024 * 1024)
    with debian_registry(tmp_path / "registry") as running:
        store = open_repository(running.reference("shop/app"), options=running.options())
        tracemalloc.start()
        try:
            store.put_blob(large, (piece for _ in range(1024)))
            assert sum(map(len, store.blob(large))) == large.size
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 4 * 1024 * 1024


@pytest.mark.parametrize("api", [True, False])
@pytest.mark.parametrize("tokens", [True, False])
@pytest.mark.parametrize("password", ["", "secret"])
def test_what_is_pushed_is_found_with_and_without_the_referrers_api(
    registry: FakeRegistry, api: bool, tokens: bool, password: str
) -> None:
    registry.behaviour.referrers_api = api
    registry.behaviour.tokens = tokens
    registry.behaviour.password = password
    check_round_trip(opened(registry))
    assert (("shop/app", fallback_tag(IMAGE.digest)) in registry.manifests) is not api


def test_a_registry_with_tls_in_this_process_is_reached(tmp_path: Path) -> None:
    with FakeRegistry(tls_files(tmp_path)) as registry:
        check_round_trip(opened(registry))


def test_a_file_without_certificates_is_a_usage_error(registry: FakeRegistry, tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    for path in (empty, tmp_path / "missing.pem"):
        with pytest.raises(UsageError, match="expected certificate authorities as PEM"):
            open_repository(registry.reference("a/b"), options=registry.options().replace(ca_file=str(path)))


def test_nothing_slow_is_imported_before_a_repository_is_opened() -> None:
    program = (
        "import sys, custody.stores.registry, custody.stores.images, custody.oci.protocol, custody.oci.referrers;"
        "print(sorted({'httpx', 'httpcore', 'ssl', 'urllib', 'cryptography'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_without_the_extra_it_says_how_to_get_it(registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("custody.stores.registry.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(UsageError, match=r"pip install 'custody\[oci\]'"):
        opened(registry)


def test_a_registry_that_is_not_there_is_named(registry: FakeRegistry) -> None:
    waited: list[float] = []
    reference = registry.reference("shop/app").replace(registry=f"127.0.0.1:{free_port()}")
    store = open_repository(reference, options=registry.options().replace(sleep=waited.append))
    with pytest.raises(StoreError, match=rf"cannot get an answer of {reference.registry}: .*refused"):
        store.tags()
    assert waited == [0.5, 1.0, 2.0]


def test_docker_hub_is_reached_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeRegistry() as proxy:
        proxy.behaviour.answer = lambda _seen: Reply(body=IMAGE.raw, headers={"Content-Type": OCI_MANIFEST})
        monkeypatch.setenv("http_proxy", proxy.base)
        store = open_repository(read_reference("app"), options=RegistryOptions(plain_http=True))
        store.resolve("latest")
        assert store.title == "docker.io/library/app"
        assert proxy.seen[0].path == "http://registry-1.docker.io/v2/library/app/manifests/latest"


class TestUploads:
    @pytest.mark.parametrize("absolute", [True, False])
    def test_an_upload_goes_where_the_registry_says(self, registry: FakeRegistry, absolute: bool) -> None:
        registry.behaviour.upload_location = lambda path: f"{registry.base}{path}" if absolute else path
        opened(registry).put_blob(BLOB, [DATA])
        assert registry.blobs["shop/app", str(BLOB.digest)] == DATA
        (put,) = registry.asked("PUT", "/uploads/")
        assert "?state=a%2Fb&digest=sha256%3A" in put.path
        assert put.headers["content-length"] == str(len(DATA))

    def test_what_is_there_already_is_not_sent_again(self, registry: FakeRegistry) -> None:
        registry.put_blob("shop/app", DATA)
        opened(registry).put_blob(BLOB, [DATA])
        assert registry.asked("POST", "") == []

    def test_what_was_just_looked_for_is_not_looked_for_again(self, registry: FakeRegistry) -> None:
        store = opened(registry)
        assert not store.has(BLOB)
        store.put_blob(BLOB, [DATA])
        assert len(registry.asked("HEAD", "")) == 1
        store.put_blob(BLOB, [DATA])
        assert (len(registry.asked("HEAD", "")), len(registry.asked("POST", ""))) == (2, 1)

    def test_a_push_asks_for_a_token_to_push_from_the_beginning(self, registry: FakeRegistry) -> None:
        registry.behaviour.tokens = True
        opened(registry).put_blob(BLOB, [DATA])
        assert list(registry.issued.values()) == ["repository:shop/app:pull,push"]

    @pytest.mark.parametrize("data", [DATA[:-1], DATA + b"x", DATA[:-1] + b"x"])
    def test_other_bytes_than_described_are_never_stored(self, registry: FakeRegistry, data: bytes) -> None:
        with pytest.raises(StoreError, match="what is to be pushed sent"):
            opened(registry).put_blob(BLOB, [data])
        assert registry.blobs == {}

    def test_an_upload_that_breaks_off_is_begun_anew(self, registry: FakeRegistry) -> None:
        broken: list[Seen] = []

        def break_once(seen: Seen, reply: Reply) -> Reply:
            if seen.method == "PUT" and not broken:
                broken.append(seen)
                return Reply(201, b"half", length=100)
            return reply

        registry.behaviour.change = break_once
        opened(registry).put_blob(BLOB, [DATA])
        assert len(registry.asked("POST", "/uploads/")) == len(registry.asked("PUT", "/uploads/")) == 2

    def test_what_can_be_read_once_is_sent_once(self, registry: FakeRegistry) -> None:
        registry.behaviour.change = lambda seen, reply: Reply(201, b"", length=9) if seen.method == "PUT" else reply
        with pytest.raises(StoreError, match="cannot get an answer"):
            opened(registry).put_blob(BLOB, iter([DATA]))
        assert len(registry.asked("PUT", "/uploads/")) == 1

    def test_an_upload_without_a_location_is_an_error(self, registry: FakeRegistry) -> None:
        registry.behaviour.change = lambda seen, reply: Reply(202) if seen.method == "POST" else reply
        with pytest.raises(StoreError, match="does not say where to"):
            opened(registry).put_blob(BLOB, [DATA])

    def test_a_blob_is_taken_over_from_another_repository(self, registry: FakeRegistry) -> None:
        registry.behaviour.tokens = True
        registry.put_blob("shop/base", DATA)
        store = opened(registry)
        assert store.mount(BLOB, "shop/base")
        assert store.read_blob(BLOB, len(DATA)) == DATA
        assert "repository:shop/app:pull,push repository:shop/base:pull" in registry.issued.values()

    def test_a_blob_that_is_nowhere_is_not_taken_over(self, registry: FakeRegistry) -> None:
        assert not opened(registry).mount(BLOB, "shop/base")

    def test_progress_is_told_with_bytes_so_far_and_altogether(self, registry: FakeRegistry) -> None:
        told: list[tuple[str, int, int]] = []
        options = registry.options().replace(progress=lambda what, done, total: told.append((what, done, total)))
        store = open_repository(registry.reference("shop/app"), options=options)
        store.put_blob(BLOB, [DATA[:1000], DATA[1000:]])
        assert told == [(f"push {BLOB.digest}", 1000, len(DATA)), (f"push {BLOB.digest}", len(DATA), len(DATA))]
        told.clear()
        store.read_blob(BLOB, len(DATA))
        assert told[-1] == (f"pull {BLOB.digest}", len(DATA), len(DATA))

    def test_progress_is_told_to_be_over_when_it_broke_off(self, registry: FakeRegistry) -> None:
        """Or what is printed next would stand behind half a line of progress."""
        told: list[tuple[str, int, int]] = []
        options = registry.options().replace(progress=lambda what, done, total: told.append((what, done, total)))
        registry.behaviour.replies = [Reply(body=DATA[:1000], length=len(DATA))]
        with pytest.raises(StoreError):
            open_repository(registry.reference("shop/app"), options=options).read_blob(BLOB, len(DATA))
        assert told == [(f"pull {BLOB.digest}", 1000, len(DATA)), (f"pull {BLOB.digest}", len(DATA), len(DATA))]


class TestReferrers:
    def test_the_index_keeps_what_it_has_and_gets_type_and_annotations(self, registry: FakeRegistry) -> None:
        registry.behaviour.referrers_api = False
        foreign = describe_bytes(b"foreign", OCI_MANIFEST, annotations={"by": "others"}).replace(artifact_type="a/b")
        kept = make_index([foreign], annotations={"of": "all"})
        registry.put("shop/app", kept.raw, OCI_INDEX, fallback_tag(IMAGE.digest))
        pushed = push_referrer(opened(registry), SBOM, "mine")
        _, index = registry.manifests["shop/app", fallback_tag(IMAGE.digest)]
        entries = json.loads(index)["manifests"]
        assert entries[0] == foreign.write()
        assert entries[1] == pushed.replace(artifact_type=SBOM, annotations={"note": "mine"}).write()

    def test_an_index_that_somebody_else_overwrote_is_written_again(self, registry: FakeRegistry) -> None:
        registry.behaviour.referrers_api = False
        tag = fallback_tag(IMAGE.digest)
        others = make_index([describe_bytes(b"other", OCI_MANIFEST).replace(artifact_type="a/b")])
        rivals = [others, others]

        def overwrite(seen: Seen, reply: Reply) -> Reply:
            if seen.method == "PUT" and seen.path.endswith(tag) and rivals:
                registry.put("shop/app", rivals.pop().raw, OCI_INDEX, tag)
            return reply

        registry.behaviour.change = overwrite
        pushed = push_referrer(opened(registry), SBOM)
        entries = json.loads(registry.manifests["shop/app", tag][1])["manifests"]
        assert [entry["digest"] for entry in entries] == [str(others.manifests[0].digest), str(pushed.digest)]

    def test_a_write_that_was_too_late_is_done_again(self, registry: FakeRegistry) -> None:
        registry.behaviour.referrers_api = False
        tag = fallback_tag(IMAGE.digest)
        registry.put("shop/app", make_index([]).raw, OCI_INDEX, tag)
        rival = make_index([describe_bytes(b"other", OCI_MANIFEST).replace(artifact_type="a/b")])

        def outrun(seen: Seen) -> None:
            if seen.method == "PUT" and seen.path.endswith(tag) and len(registry.asked("PUT", tag)) == 1:
                registry.put("shop/app", rival.raw, OCI_INDEX, tag)

        registry.behaviour.answer = outrun
        push_referrer(opened(registry), SBOM)
        assert len(json.loads(registry.manifests["shop/app", tag][1])["manifests"]) == 2

    def test_a_list_that_never_stays_is_given_up(self, registry: FakeRegistry) -> None:
        registry.behaviour.referrers_api = False
        registry.behaviour.change = lambda seen, reply: (
            Reply(404) if seen.method == "GET" and "manifests/sha256-" in seen.path else reply
        )
        with pytest.raises(StoreError, match="others keep writing the list"):
            push_referrer(opened(registry), SBOM)
        assert len(registry.asked("PUT", "manifests/sha256-")) == 5

    @pytest.mark.parametrize("filters", [True, False])
    def test_pages_are_followed_and_types_filtered(self, registry: FakeRegistry, filters: bool) -> None:
        registry.behaviour.applies_filters = filters
        registry.behaviour.page = 2
        store = opened(registry)
        for number in range(5):
            push_referrer(store, SBOM, str(number))
            push_referrer(store, NOTE, str(number))
        assert len(store.referrers(IMAGE.digest)) == 10
        assert {each.artifact_type for each in store.referrers(IMAGE.digest, SBOM)} == {SBOM}
        assert len(store.referrers(IMAGE.digest, SBOM)) == 5

    def test_an_entry_without_a_type_gets_that_of_its_manifest(self, registry: FakeRegistry) -> None:
        registry.behaviour.referrers_api = False
        store = opened(registry)
        push_referrer(store, SBOM, "kept")
        tag = fallback_tag(IMAGE.digest)
        index = json.loads(registry.manifests["shop/app", tag][1])
        for entry in index["manifests"]:
            del entry["artifactType"], entry["annotations"]
        registry.put("shop/app", json.dumps(index).encode(), OCI_INDEX, tag)
        (found,) = store.referrers(IMAGE.digest, SBOM)
        assert (found.artifact_type, found.annotations) == (SBOM, {"note": "kept"})
        assert store.referrers(IMAGE.digest, NOTE) == ()

    @pytest.mark.parametrize("status", [400, 404, 405, 406])
    def test_a_registry_without_the_api_has_the_index(self, registry: FakeRegistry, status: int) -> None:
        registry.behaviour.referrers_api = False
        store = opened(registry)
        push_referrer(store, SBOM)
        registry.behaviour.answer = lambda seen: Reply(status) if "/referrers/" in seen.path else None
        assert len(store.referrers(IMAGE.digest)) == 1

    def test_an_answer_that_is_no_index_is_that_of_a_registry_without_the_api(self, registry: FakeRegistry) -> None:
        registry.behaviour.answer = lambda seen: (
            Reply(body=b"<html>", headers={"Content-Type": "text/html"}) if "/referrers/" in seen.path else None
        )
        assert opened(registry).referrers(IMAGE.digest) == ()

    def test_a_refusal_is_no_empty_list(self, registry: FakeRegistry) -> None:
        registry.behaviour.answer = lambda seen: Reply(403) if "/referrers/" in seen.path else None
        with pytest.raises(StoreError, match="answered 403; ask for access"):
            opened(registry).referrers(IMAGE.digest)

    def test_a_manifest_in_the_place_of_the_index_is_refused(self, registry: FakeRegistry) -> None:
        registry.behaviour.referrers_api = False
        registry.put("shop/app", IMAGE.raw, OCI_MANIFEST, fallback_tag(IMAGE.digest))
        with pytest.raises(StoreError, match="expected an index called sha256-"):
            opened(registry).referrers(IMAGE.digest)


class TestNames:
    def test_tags_are_listed_over_all_pages(self, registry: FakeRegistry) -> None:
        registry.behaviour.page = 2
        for tag in ("c", "a", "e", "b", "d"):
            registry.put("shop/app", IMAGE.raw, OCI_MANIFEST, tag)
        assert opened(registry).tags() == ("a", "b", "c", "d", "e")
        assert len(registry.asked("GET", "/tags/")) == 3

    @pytest.mark.parametrize("name", ["", "../x", "a b", "sha256:12", "v1?x=y", "-a"])
    def test_what_is_neither_tag_nor_digest_is_never_asked_for(self, registry: FakeRegistry, name: str) -> None:
        with pytest.raises(UsageError, match="expected a tag or a digest"):
            opened(registry).manifest(name)
        assert registry.seen == []

    def test_only_manifests_are_put_as_manifests(self, registry: FakeRegistry) -> None:
        store = opened(registry)
        with pytest.raises(StoreError, match="cannot write to"):
            store.put_manifest(b"{}", OCI_MANIFEST, "v1")
        with pytest.raises(UsageError, match="expected a tag"):
            store.put_manifest(IMAGE.raw, OCI_MANIFEST, "sha256:12")
        assert registry.seen == []

    def test_a_closed_repository_keeps_no_connection(self, registry: FakeRegistry) -> None:
        registry.put("shop/app", IMAGE.raw, OCI_MANIFEST, "v1")
        store = opened(registry)
        store.resolve("v1")
        store.close()
        with pytest.raises(RuntimeError, match="closed"):
            store.resolve("v1")
