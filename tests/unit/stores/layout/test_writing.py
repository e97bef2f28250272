"""Writing into an OCI layout: whole things under their digests, or nothing at all."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from custody.errors import FormatError, StoreError, UsageError
from custody.oci.descriptor import Descriptor, describe_bytes
from custody.oci.digest import Digest
from custody.oci.manifest import EMPTY_DESCRIPTOR, OCI_CONFIG, OCI_MANIFEST, make_manifest
from custody.stores.images import ImageStore
from custody.stores.layout import open_layout
from tests.attachments import layout_with_image, put_image, put_index, put_referrer

LAYER = "application/vnd.oci.image.layer.v1.tar"
FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a layout with the image `v1`."""
    layout_with_image(tmp_path / "app")
    return tmp_path / "app"


def files_in(path: Path) -> set[str]:
    return {str(file.relative_to(path)) for file in path.rglob("*") if file.is_file()}


def names_in(path: Path) -> list[str]:
    entries = json.loads((path / "index.json").read_text())["manifests"]
    return [entry.get("annotations", {}).get("org.opencontainers.image.ref.name", "") for entry in entries]


def test_a_layout_is_made_when_something_is_first_put_into_it(tmp_path: Path) -> None:
    store = open_layout(str(tmp_path / "a" / "b"), create=True)

    assert not (tmp_path / "a").exists()
    assert store.tags() == ()
    store.put_blob(describe_bytes(b"x", LAYER), [b"x"])
    assert {"index.json", "oci-layout"} < files_in(tmp_path / "a" / "b")
    assert open_layout(str(tmp_path / "a" / "b")).tags() == ()


def test_an_empty_directory_becomes_a_layout_and_another_does_not(tmp_path: Path) -> None:
    put_image(open_layout(str(tmp_path), create=True), "v1")
    assert open_layout(str(tmp_path)).tags() == ("v1",)

    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine").write_text("precious")
    with pytest.raises(StoreError, match="other files are in it, such as 'mine'"):
        open_layout(str(tmp_path / "other"), create=True)
    with pytest.raises(StoreError, match="Not a directory"):
        open_layout(str(tmp_path / "other" / "mine"), create=True)


def test_a_manifest_gets_the_tag_and_the_image_that_had_it_loses_it(path: Path) -> None:
    store = open_layout(str(path))
    first = store.resolve("v1")
    second = put_image(store, "v1", b"second")

    assert store.resolve("v1").digest == second.digest
    assert names_in(path) == ["v1"]
    assert store.manifest(str(first.digest)).digest == first.digest


def test_an_image_may_have_two_tags(path: Path) -> None:
    store = open_layout(str(path))
    put_image(store, "v2")

    assert store.resolve("v1").digest == store.resolve("v2").digest
    assert store.tags() == ("v1", "v2")


def test_putting_the_same_again_changes_nothing(path: Path) -> None:
    store = open_layout(str(path))
    before = (path / "index.json").read_bytes()
    put_image(store, "v1")
    put_image(store)

    assert (path / "index.json").read_bytes() == before


def test_an_image_without_tag_is_in_the_index_until_another_index_has_it(path: Path) -> None:
    store = open_layout(str(path))
    inner = put_image(store, content=b"inner")
    assert names_in(path) == ["v1", ""]
    put_index(store, "multi", {"linux/amd64": inner})

    assert names_in(path) == ["v1", "multi"]


def test_unknown_fields_of_the_index_are_kept(path: Path) -> None:
    document = json.loads((path / "index.json").read_text())
    document["annotations"] = {"owner": "me"}
    document["manifests"][0]["annotations"]["mine"] = "yes"
    (path / "index.json").write_text(json.dumps(document))
    put_image(open_layout(str(path)), "v2", b"other")

    changed = json.loads((path / "index.json").read_text())
    assert changed["annotations"] == {"owner": "me"}
    assert changed["manifests"][0]["annotations"]["mine"] == "yes"


def test_a_referrer_stays_in_the_index(path: Path) -> None:
    store = open_layout(str(path))
    put_referrer(store, store.resolve("v1"), b"1", "application/one")

    assert json.loads((path / "index.json").read_text())["manifests"][1]["artifactType"] == "application/one"


@pytest.mark.parametrize("chunks", [[b"y"], [b""], [b"x", b"x"]], ids=["other", "fewer", "more"])
def test_a_blob_that_is_something_else_is_not_stored(path: Path, chunks: list[bytes]) -> None:
    before = files_in(path)
    blob = describe_bytes(b"z" if chunks == [b"y"] else b"q", LAYER)

    with pytest.raises(StoreError, match="nothing was stored"):
        open_layout(str(path)).put_blob(blob, chunks)
    assert files_in(path) == before


def test_a_blob_that_breaks_off_is_not_stored(path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield b"b"
        raise StoreError("the connection broke")

    before = files_in(path)
    with pytest.raises(StoreError, match="the connection broke"):
        open_layout(str(path)).put_blob(describe_bytes(b"bb", LAYER), broken())
    assert files_in(path) == before


def test_a_blob_that_was_changed_is_written_anew(path: Path) -> None:
    store = open_layout(str(path))
    layer = describe_bytes(b"x", LAYER)
    (path / "blobs" / "sha256" / layer.digest.hex).write_bytes(b"!")
    assert not store.has(layer)
    store.put_blob(layer, [b"x"])

    assert store.has(layer)


def test_a_manifest_whose_parts_are_missing_is_refused(path: Path) -> None:
    missing = describe_bytes(b"missing", LAYER)
    manifest = make_manifest(describe_bytes(b"no config", OCI_CONFIG), [missing])
    store = open_layout(str(path))

    with pytest.raises(StoreError, match=r"needs sha256:.* which is not there"):
        store.put_manifest(manifest.raw, manifest.media_type, "v2")
    assert store.tags() == ("v1",)


def test_a_layer_that_lies_elsewhere_may_be_missing(path: Path) -> None:
    store = open_layout(str(path))
    store.put_blob(EMPTY_DESCRIPTOR, [b"{}"])
    manifest = make_manifest(EMPTY_DESCRIPTOR, [describe_bytes(b"of windows", FOREIGN)])
    store.put_manifest(manifest.raw, manifest.media_type, "windows")

    assert store.tags() == ("v1", "windows")


def test_what_is_no_manifest_or_no_tag_is_refused(path: Path) -> None:
    store = open_layout(str(path))
    raw = store.manifest("v1").raw

    with pytest.raises(FormatError):
        store.put_manifest(b"{}", OCI_MANIFEST)
    with pytest.raises(UsageError, match="cannot be a tag"):
        store.put_manifest(raw, OCI_MANIFEST, "../v1")


@pytest.mark.parametrize("name", ["blobs", "blobs/sha256"])
def test_nothing_is_written_through_a_symbolic_link(path: Path, tmp_path: Path, name: str) -> None:
    outside = tmp_path / "outside"
    (path / name).rename(outside)
    (path / name).symlink_to(outside)
    before = files_in(outside)

    with pytest.raises(StoreError, match="links are not followed here"):
        open_layout(str(path)).put_blob(describe_bytes(b"new", LAYER), [b"new"])
    assert files_in(outside) == before


def test_an_index_that_is_a_link_gives_way(path: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.json"
    (path / "index.json").rename(outside)
    (path / "index.json").symlink_to(outside)

    with pytest.raises(StoreError, match="links are not followed here"):
        put_image(open_layout(str(path)), "v2", b"other")


def test_a_full_index_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("custody.stores.layout.writing.MAX_MANIFESTS", 1)
    with pytest.raises(StoreError, match="is full: expected at most 1 entries"):
        put_image(open_layout(str(path)), "v2", b"other")
    assert names_in(path) == ["v1"]


def put_ten(path: str, start: int) -> None:
    store: ImageStore = open_layout(path)
    for number in range(start, start + 10):
        put_image(store, f"t{number}", b"same")


def test_images_that_are_put_at_once_are_all_there(path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=put_ten, args=(str(path), start)) for start in (0, 10, 20)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert set(open_layout(str(path)).tags()) == {"v1", *(f"t{number}" for number in range(30))}
    assert not [name for name in os.listdir(path / "blobs" / "sha256") if name.startswith(".")]


def test_a_descriptor_that_was_put_can_be_asked_for(path: Path) -> None:
    store = open_layout(str(path))
    put: Descriptor = put_image(store, "v2", b"other")

    assert store.resolve("v2").replace(annotations={}, document={}) == put


def test_a_layout_that_is_gone_meanwhile_is_not_written(path: Path) -> None:
    store = open_layout(str(path))
    (path / "oci-layout").unlink()

    with pytest.raises(StoreError, match="cannot lock"):
        put_image(store, "v2", b"other")
    assert names_in(path) == ["v1"]


@pytest.mark.parametrize("name", ["blobs", "blobs/sha256"])
def test_a_file_in_place_of_a_directory_is_refused(path: Path, tmp_path: Path, name: str) -> None:
    (path / name).rename(tmp_path / "moved")
    (path / name).touch()

    with pytest.raises(StoreError, match="cannot write into blobs/sha256"):
        open_layout(str(path)).put_blob(describe_bytes(b"new", LAYER), [b"new"])


def test_a_directory_in_place_of_a_blob_is_refused(path: Path) -> None:
    blob = describe_bytes(b"new", LAYER)
    (path / "blobs" / "sha256" / blob.digest.hex).mkdir()

    with pytest.raises(StoreError, match=f"cannot write blobs/sha256/{blob.digest.hex}"):
        open_layout(str(path)).put_blob(blob, [b"new"])
    assert not [name for name in os.listdir(path / "blobs" / "sha256") if name.startswith(".")]


def test_a_blob_of_another_algorithm_has_a_directory_of_its_own(path: Path) -> None:
    digest = Digest(algorithm="sha512", hex=hashlib.sha512(b"new").hexdigest())
    blob = Descriptor(media_type=LAYER, digest=digest, size=3)
    store = open_layout(str(path))
    store.put_blob(blob, [b"n", b"ew"])

    assert store.read_blob(blob, 3) == b"new"
    with pytest.raises(StoreError, match="nothing was stored"):
        store.put_blob(blob, [b"old"])
