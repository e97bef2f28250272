"""Reading an OCI layout: what its index names, verified, and nothing outside of it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from custody.errors import CustodyError, FormatError, StoreError, UsageError
from custody.oci.descriptor import Descriptor, describe_bytes
from custody.oci.digest import Digest
from custody.oci.manifest import MAX_MANIFEST_BYTES, OCI_INDEX, Manifest, make_index
from custody.oci.referrers import MAX_REFERRERS
from custody.stores.contents import check_content
from custody.stores.images import ImageStore, NotFoundError
from custody.stores.layout import is_layout, open_layout
from custody.stores.layout.store import CONTAINERD_NAME, MAX_SCANNED_BYTES, REF_NAME
from tests.attachments import layout_with_image, put_image, put_index, put_referrer


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a layout with the image `v1`."""
    layout_with_image(tmp_path / "app")
    return tmp_path / "app"


def store_at(path: Path) -> ImageStore:
    return open_layout(str(path))


def blob_file(path: Path, digest: Digest) -> Path:
    return path / "blobs" / digest.algorithm / digest.hex


def image_in(path: Path, name: str = "v1") -> Manifest:
    found = store_at(path).manifest(name)
    assert isinstance(found, Manifest)
    return found


def change_index(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    document = json.loads((path / "index.json").read_text())
    change(document)
    (path / "index.json").write_text(json.dumps(document))


def test_an_image_is_found_by_tag_by_digest_and_as_the_only_one(path: Path) -> None:
    store = store_at(path)
    descriptor = store.resolve("v1")

    assert store.resolve(str(descriptor.digest)) == descriptor
    assert store.resolve("") == descriptor
    assert store.tags() == ("v1",)
    assert is_layout(str(path))
    check_content(store, store.manifest("v1"))


def test_a_tag_or_digest_that_is_not_there_is_not_found(path: Path) -> None:
    store = store_at(path)

    with pytest.raises(NotFoundError, match="no image is called 'v2'; there is v1"):
        store.resolve("v2")
    with pytest.raises(NotFoundError, match="there is no sha256:0000"):
        store.resolve(f"sha256:{'0' * 64}")
    with pytest.raises(NotFoundError, match="there is no blob sha512:"):
        list(store.blob(Descriptor(media_type="a/b", digest=Digest(algorithm="sha512", hex="0" * 128), size=1)))


def test_an_image_that_only_an_index_names_is_found_by_digest(path: Path) -> None:
    store = store_at(path)
    inner = put_image(store, content=b"inner")
    put_index(store, "multi", {"linux/amd64": inner})

    assert inner.digest not in {entry["digest"] for entry in json.loads((path / "index.json").read_text())["manifests"]}
    assert store.resolve(str(inner.digest)) == inner


@pytest.mark.parametrize("part", ["manifest", "config", "layer"])
def test_a_blob_that_was_changed_is_refused(path: Path, part: str) -> None:
    image = image_in(path)
    digests = {"manifest": image.digest, "config": image.config.digest, "layer": image.layers[0].digest}
    file = blob_file(path, digests[part])
    file.write_bytes(bytes([file.read_bytes()[0] ^ 1]) + file.read_bytes()[1:])
    store = store_at(path)

    with pytest.raises(StoreError, match="expected the digest sha256"):
        check_content(store, store.manifest("v1"))
    assert not store.has(describe_bytes(b"x", "a/b")) or part != "layer"


@pytest.mark.parametrize(("change", "problem"), [(b"more", "sent more than"), (b"", "which has 1")])
def test_a_blob_of_another_size_is_refused(path: Path, change: bytes, problem: str) -> None:
    layer = image_in(path).layers[0]
    blob_file(path, layer.digest).write_bytes(change)
    store = store_at(path)

    with pytest.raises(StoreError, match=problem):
        list(store.blob(layer))
    assert not store.has(layer)


def test_a_blob_is_read_up_to_a_limit_only(path: Path) -> None:
    image = image_in(path)
    store = store_at(path)

    assert store.read_blob(image.layers[0], 1) == b"x"
    with pytest.raises(StoreError, match="has 1 bytes, expected at most 0"):
        store.read_blob(image.layers[0], 0)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        pytest.param(lambda d: d["manifests"][0].update(size=1), "sent more", id="size"),
        pytest.param(lambda d: d["manifests"][0].update(mediaType=OCI_INDEX), "mediaType", id="media-type"),
        pytest.param(lambda d: d["manifests"][0].update(digest="sha256:../../etc"), "expected a digest", id="path"),
        pytest.param(lambda d: d["manifests"][0].update(digest=f"sha256:{'A' * 64}"), "expected a digest", id="upper"),
        pytest.param(lambda d: d.update(manifests={}), "expected a list", id="no-list"),
        pytest.param(lambda d: d.update(layers=[]), "index.json", id="two-things"),
        pytest.param(lambda d: d.update(schemaVersion=1), "schemaVersion", id="version"),
    ],
)
def test_an_index_that_was_changed_is_refused(
    path: Path, change: Callable[[dict[str, Any]], None], problem: str
) -> None:
    change_index(path, change)

    with pytest.raises(CustodyError, match=problem):
        store_at(path).manifest("v1")


def test_an_index_is_parsed_again_when_it_has_changed(path: Path) -> None:
    store = store_at(path)
    image = store.resolve("v1")
    put_image(open_layout(str(path)), "v1", b"another")

    assert store.resolve("v1").digest != image.digest
    assert store.resolve(str(image.digest)).digest == image.digest


def test_an_index_with_a_key_twice_is_refused(path: Path) -> None:
    (path / "index.json").write_text('{"schemaVersion":2,"manifests":[],"manifests":[]}')

    with pytest.raises(FormatError, match="'manifests' appears twice"):
        store_at(path).tags()


def test_two_images_of_one_name_are_refused(path: Path) -> None:
    store = store_at(path)
    other = put_image(store, "v2", b"other")
    change_index(path, lambda d: d["manifests"][1]["annotations"].update({REF_NAME: "v1"}))

    with pytest.raises(StoreError, match="2 images are called 'v1', expected one"):
        store.resolve("v1")
    assert store.resolve(str(other.digest)).digest == other.digest


def test_of_several_images_one_has_to_be_named(path: Path) -> None:
    put_image(store_at(path), "v2", b"other")

    with pytest.raises(UsageError, match=r"has 2 images: say which one.*there is v1, v2"):
        store_at(path).resolve("")


def test_what_hangs_on_the_only_image_is_not_another(path: Path) -> None:
    store = store_at(path)
    image = store.resolve("v1")
    put_referrer(store, image, b"{}", "application/example")
    put_image(store, f"sha256-{image.digest.hex}.att", b"attestations")

    assert store.resolve("").digest == image.digest
    put_image(store, content=b"without a name")
    with pytest.raises(UsageError, match="has 2 images"):
        store.resolve("")


def test_an_empty_layout_has_no_image(tmp_path: Path) -> None:
    store, _ = layout_with_image(tmp_path / "app")
    change_index(tmp_path / "app", lambda d: d.update(manifests=[]))

    with pytest.raises(NotFoundError, match="there is no image in it"):
        store.resolve("")


def test_a_name_in_full_may_be_shortened_as_docker_does(path: Path) -> None:
    name = "docker.io/library/app:v7"
    change_index(path, lambda d: d["manifests"][0]["annotations"].update({CONTAINERD_NAME: name}))
    store = store_at(path)

    assert store.resolve("app:v7") == store.resolve(name) == store.resolve("v1")
    with pytest.raises(NotFoundError, match="'app:v8'"):
        store.resolve("app:v8")
    with pytest.raises(NotFoundError, match="'APP'"):
        store.resolve("APP")


def test_referrers_are_those_whose_subject_is_the_image(path: Path) -> None:
    store = store_at(path)
    image, other = store.resolve("v1"), put_image(store, "v2", b"other")
    found = put_referrer(store, image, b"1", "application/one")
    put_referrer(store, image, b"2", "application/two")
    put_referrer(store, other, b"3", "application/one")

    assert {each.artifact_type for each in store.referrers(image.digest)} == {"application/one", "application/two"}
    assert [each.digest for each in store.referrers(image.digest, "application/one")] == [found.digest]
    assert store.referrers(found.digest) == ()


def test_referrers_in_the_index_of_a_registry_without_the_api_are_found(path: Path) -> None:
    store = store_at(path)
    image = store.resolve("v1")
    one = put_referrer(store, image, b"1", "application/one")
    other = put_image(store, "other", b"no referrer")
    index = make_index([one, other])
    store.put_manifest(index.raw, index.media_type, f"sha256-{image.digest.hex}")
    change_index(path, lambda d: d.update(manifests=[e for e in d["manifests"] if e["digest"] != str(one.digest)]))

    assert [each.digest for each in store.referrers(image.digest)] == [one.digest]


@pytest.mark.parametrize("content", [None, b"{}", b"no manifest"], ids=["missing", "another", "no-manifest"])
def test_an_entry_that_cannot_be_read_hides_no_referrer(path: Path, content: bytes | None) -> None:
    """It is listed as it is: nobody knows what it refers to, and whoever reads it is told."""
    store = store_at(path)
    image = store.resolve("v1")
    good = put_referrer(store, image, b"1", "application/one")
    broken = put_referrer(store, put_image(store, "v2", b"other"), b"2", "application/two")
    blob_file(path, broken.digest).unlink()
    if content is not None:
        blob_file(path, broken.digest).write_bytes(content)

    assert {each.digest for each in store.referrers(image.digest)} == {good.digest, broken.digest}
    with pytest.raises(StoreError):
        store.manifest(str(broken.digest))


def test_too_many_referrers_are_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("custody.stores.layout.store.MAX_REFERRERS", 1)
    store = store_at(path)
    image = store.resolve("v1")
    put_referrer(store, image, b"1", "application/one")
    assert len(store.referrers(image.digest)) == 1 < MAX_REFERRERS
    put_referrer(store, image, b"2", "application/one")

    with pytest.raises(StoreError, match="expected at most 1 referrers"):
        store.referrers(image.digest)


def test_manifests_are_looked_through_up_to_a_limit(path: Path) -> None:
    image = image_in(path)
    change_index(path, lambda d: d["manifests"].append({**d["manifests"][0], "digest": f"sha256:{'0' * 64}"}))
    change_index(path, lambda d: d["manifests"][1].update(size=MAX_SCANNED_BYTES))
    store = store_at(path)

    with pytest.raises(StoreError, match=f"larger than {MAX_SCANNED_BYTES} bytes together"):
        store.referrers(image.digest)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "nothing in it"),
        (b'{"imageLayoutVersion":"2.0.0"}', "expected a version 1.x, got '2.0.0'"),
        (b"[]", "expected an object"),
        (b" " * 5000, "at most 4096 bytes"),
    ],
)
def test_a_layout_of_another_kind_is_refused(path: Path, content: bytes, problem: str) -> None:
    (path / "oci-layout").write_bytes(content)

    with pytest.raises(CustodyError, match=problem):
        store_at(path)


def test_what_is_no_layout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no such directory"):
        store_at(tmp_path / "nothing")
    with pytest.raises(NotFoundError, match="there is no oci-layout"):
        store_at(tmp_path)
    assert not is_layout(str(tmp_path))


@pytest.mark.parametrize("name", ["index.json", "blob", "blobs", "algorithm"])
def test_symbolic_links_in_a_layout_are_not_followed(path: Path, tmp_path: Path, name: str) -> None:
    layer = image_in(path).layers[0]
    places = {
        "index.json": path / "index.json",
        "blob": blob_file(path, layer.digest),
        "blobs": path / "blobs",
        "algorithm": path / "blobs" / "sha256",
    }
    outside = tmp_path / "outside"
    places[name].rename(outside)
    places[name].symlink_to(outside)
    store = store_at(path)

    with pytest.raises(StoreError, match="links are not followed here"):
        check_content(store, store.manifest("v1"))


def test_the_layout_itself_may_be_reached_through_a_link(path: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(path)

    assert store_at(tmp_path / "link").resolve("v1") == store_at(path).resolve("v1")


def test_a_pipe_in_place_of_a_blob_does_not_block(path: Path) -> None:
    layer = image_in(path).layers[0]
    blob_file(path, layer.digest).unlink()
    os.mkfifo(blob_file(path, layer.digest))

    with pytest.raises(StoreError, match="is no regular file"):
        list(store_at(path).blob(layer))


def test_an_index_that_is_too_large_is_refused(path: Path) -> None:
    with (path / "index.json").open("ab") as file:
        file.truncate(MAX_MANIFEST_BYTES + 1)

    with pytest.raises(StoreError, match=rf"index\.json: expected at most {MAX_MANIFEST_BYTES} bytes, got more"):
        store_at(path).tags()
