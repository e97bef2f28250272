"""What belongs to an image: found to the last blob, and never without end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from custody.errors import StoreError
from custody.oci.descriptor import Descriptor, describe_bytes
from custody.oci.manifest import EMPTY_DESCRIPTOR, MANIFEST_TYPES, make_index, make_manifest
from custody.stores.contents import MAX_INDEX_DEPTH, blobs_of, check_content, is_elsewhere, manifests_of
from custody.stores.images import ImageStore, NotFoundError
from custody.stores.layout import open_layout
from tests.attachments import put_image, put_index

FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    """Return an empty layout."""
    return open_layout(str(tmp_path / "layout"), create=True)


def nested(store: ImageStore, depth: int) -> Descriptor:
    found = put_image(store)
    for _ in range(depth):
        index = make_index([found])
        found = store.put_manifest(index.raw, index.media_type)
    return found


def test_parts_come_before_what_they_are_part_of_and_once(store: ImageStore) -> None:
    one, two = put_image(store, content=b"1"), put_image(store, content=b"2")
    index = put_index(store, "v1", {"linux/amd64": one, "linux/arm64": two, "linux/386": one})
    found = [document.digest for document in manifests_of(store, store.manifest("v1"))]

    assert found == [one.digest, two.digest, index.digest]


def test_indexes_are_followed_to_a_depth(store: ImageStore) -> None:
    deep = nested(store, MAX_INDEX_DEPTH)
    assert len(list(manifests_of(store, store.manifest(str(deep.digest))))) == MAX_INDEX_DEPTH + 1

    with pytest.raises(StoreError, match=f"at most {MAX_INDEX_DEPTH} indexes within each other"):
        list(manifests_of(store, store.manifest(str(nested(store, MAX_INDEX_DEPTH + 1).digest))))


def test_manifests_of_an_index_are_counted(store: ImageStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("custody.stores.contents.MAX_MANIFESTS", 1)
    images = {f"linux/{n}": put_image(store, content=str(n).encode()) for n in range(2)}
    put_index(store, "v1", images)

    with pytest.raises(StoreError, match="at most 1 manifests in an index"):
        list(manifests_of(store, store.manifest("v1")))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"size": 1}, "expected application/.* of 1 bytes"),
        ({"media_type": "application/json"}, "is application/json, expected a manifest"),
    ],
)
def test_an_entry_that_says_something_else_is_refused(
    store: ImageStore, change: dict[str, int | str], problem: str
) -> None:
    image = put_image(store)
    index = make_index([image.replace(**change)])

    with pytest.raises(StoreError, match=problem):
        list(manifests_of(store, index))


def test_an_index_may_be_sparse_where_that_is_said(store: ImageStore) -> None:
    image = put_image(store)
    missing = image.replace(digest=image.digest.replace(hex="0" * 64))
    index = make_index([image, missing])

    assert [each.digest for each in manifests_of(store, index, sparse=True)] == [image.digest, index.digest]
    with pytest.raises(NotFoundError):
        list(manifests_of(store, index))
    check_content(store, index)
    with pytest.raises(NotFoundError, match="there is no image in the index"):
        check_content(store, make_index([missing]))


def test_a_layer_that_images_share_is_read_once(store: ImageStore, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = describe_bytes(b"layer", "application/x")
    for blob, data in ((layer, b"layer"), (EMPTY_DESCRIPTOR, b"{}")):
        store.put_blob(blob, [data])
    images = [make_manifest(EMPTY_DESCRIPTOR, [layer], annotations={"number": number}) for number in "123"]
    for image in images:
        store.put_manifest(image.raw, image.media_type)
    read: list[Descriptor] = []
    stored = store.blob

    def counted(descriptor: Descriptor) -> Iterator[bytes]:
        read.append(descriptor)
        return stored(descriptor)

    monkeypatch.setattr(store, "blob", counted)
    check_content(store, make_index([image.descriptor for image in images]))

    assert [each.digest for each in read if each.media_type not in MANIFEST_TYPES] == [
        EMPTY_DESCRIPTOR.digest,
        layer.digest,
    ]
    with pytest.raises(StoreError, match="sent 5 bytes"):
        check_content(store, make_manifest(EMPTY_DESCRIPTOR, [layer, layer.replace(size=6, digest=layer.digest)]))


def test_only_layers_that_lie_elsewhere_may_be_missing(store: ImageStore) -> None:
    store.put_blob(EMPTY_DESCRIPTOR, [b"{}"])
    foreign = EMPTY_DESCRIPTOR.replace(media_type=FOREIGN, digest=EMPTY_DESCRIPTOR.digest.replace(hex="0" * 64))
    assert is_elsewhere(foreign)
    check_content(store, make_manifest(EMPTY_DESCRIPTOR, [foreign]))

    with pytest.raises(NotFoundError, match="there is no blob"):
        check_content(store, make_manifest(EMPTY_DESCRIPTOR, [foreign.replace(media_type="a/b")]))


def test_blobs_are_config_and_layers_each_once() -> None:
    layer = EMPTY_DESCRIPTOR.replace(digest=EMPTY_DESCRIPTOR.digest.replace(hex="1" * 64))
    found = blobs_of(make_manifest(EMPTY_DESCRIPTOR, [layer, layer]))

    assert [blob.digest for blob in found] == [EMPTY_DESCRIPTOR.digest, layer.digest]
    assert blobs_of(make_index([])) == ()
