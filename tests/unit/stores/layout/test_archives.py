"""Archives: OCI layouts in tar files, and those of `docker save`, of which some are both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from custody.errors import CustodyError, FormatError, StoreError
from custody.oci.digest import Digest
from custody.oci.manifest import OCI_INDEX, OCI_MANIFEST, Index, Manifest, read_manifest
from custody.stores.contents import check_content
from custody.stores.images import NotFoundError
from custody.stores.layout import open_archive, open_layout
from custody.stores.layout.store import CONTAINERD_NAME
from tests.archives import write_tar
from tests.attachments import layout_with_image, put_image, put_index


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    """Return a layout with the image `v1`, called as docker calls it."""
    path = tmp_path / "app"
    layout_with_image(path)
    index = json.loads((path / "index.json").read_text())
    index["manifests"][0]["annotations"][CONTAINERD_NAME] = "docker.io/library/app:v1"
    (path / "index.json").write_text(json.dumps(index))
    return path


def saved(layout: Path, name: str = "v1") -> dict[str, Any]:
    """Return what docker writes of an image in `manifest.json`."""
    image = open_layout(str(layout)).manifest(name)
    assert isinstance(image, Manifest)
    return {
        "Config": f"blobs/sha256/{image.config.digest.hex}",
        "RepoTags": ["app:v1"],
        "Layers": [f"blobs/sha256/{layer.digest.hex}" for layer in image.layers],
    }


def archive(layout: Path, *entries: dict[str, Any]) -> str:
    files = [(str(file.relative_to(layout)), file.read_bytes()) for file in layout.rglob("*") if file.is_file()]
    if entries:
        files.append(("manifest.json", json.dumps(entries).encode()))
    return str(write_tar(layout.parent / "app.tar", files))


def test_an_oci_archive_is_the_layout_that_is_in_it(layout: Path) -> None:
    store, original = open_archive(archive(layout)), open_layout(str(layout))

    assert store.tags() == ("v1",)
    assert store.resolve("app:v1") == original.resolve("v1")
    check_content(store, store.manifest(""))


def test_an_archive_is_only_read(layout: Path) -> None:
    store = open_archive(archive(layout))
    image = store.manifest("v1")

    for write in (
        lambda: store.put_manifest(image.raw, OCI_MANIFEST, "v2"),
        lambda: store.put_blob(image.descriptor, [image.raw]),
    ):
        with pytest.raises(StoreError, match="is only read; copy the image"):
            write()


def test_a_blob_in_an_archive_that_was_changed_is_refused(layout: Path) -> None:
    image = open_layout(str(layout)).manifest("v1")
    assert isinstance(image, Manifest)
    (layout / "blobs" / "sha256" / image.layers[0].digest.hex).write_bytes(b"y")
    store = open_archive(archive(layout))

    with pytest.raises(StoreError, match="expected the digest"):
        check_content(store, store.manifest("v1"))


def test_a_layout_that_docker_saved_is_read_as_one(layout: Path) -> None:
    store = open_archive(archive(layout, saved(layout)))

    assert store.resolve("app:v1").digest == open_layout(str(layout)).resolve("v1").digest


def test_an_index_that_docker_saved_is_read_as_one(layout: Path) -> None:
    store = open_layout(str(layout))
    inner = put_image(store, content=b"inner")
    index = put_index(store, "v2", {"linux/amd64": inner})
    listed = saved(layout, str(inner.digest)) | {"RepoTags": None}

    assert open_archive(archive(layout, listed)).resolve("v2").digest == index.digest


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"Config": f"blobs/sha256/{'0' * 64}"}, id="config"),
        pytest.param({"Layers": []}, id="layers"),
        pytest.param({"RepoTags": ["app:v2"]}, id="unknown-name"),
        pytest.param({"RepoTags": ["app:v1", "app:v2"]}, id="one-more-name"),
        pytest.param({"RepoTags": None, "Layers": []}, id="nowhere"),
    ],
)
def test_an_archive_with_two_meanings_is_refused(layout: Path, change: dict[str, Any]) -> None:
    path = archive(layout, saved(layout) | change)

    with pytest.raises(StoreError, match=r"manifest\.json and index\.json differ about the image"):
        open_archive(path)


def test_a_name_that_means_another_image_to_docker_is_refused(layout: Path) -> None:
    other = put_image(open_layout(str(layout)), "v2", b"other")
    path = archive(layout, saved(layout, str(other.digest)))

    with pytest.raises(StoreError, match="differ about the image 'app:v1'"):
        open_archive(path)


def test_what_two_long_lists_name_is_looked_into_once(layout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = saved(layout)
    entry = {**named, "RepoTags": None}
    index = json.loads((layout / "index.json").read_text())
    index["manifests"] += [{**index["manifests"][0], "annotations": {}}] * 20
    (layout / "index.json").write_text(json.dumps(index))
    parsed: list[str] = []

    def counted(raw: bytes, media_type: str = "", digest: Digest | None = None) -> Manifest | Index:
        parsed.append(media_type)
        return read_manifest(raw, media_type, digest)

    monkeypatch.setattr("custody.stores.layout.store.parse_manifest", counted)
    store = open_archive(archive(layout, *[entry] * 20, named))

    assert parsed == [OCI_INDEX, OCI_MANIFEST]
    check_content(store, store.manifest("v1"))
    with pytest.raises(StoreError, match="differ about the image"):
        open_archive(archive(layout, *[entry] * 20, {**entry, "Config": "1"}))


def test_names_without_end_are_refused(layout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("custody.stores.layout.archives.MAX_MANIFESTS", 2)
    open_archive(archive(layout, {**saved(layout), "RepoTags": ["v1", "app:v1"]}))

    with pytest.raises(FormatError, match="expected 1 to 2 images and names, got 3"):
        open_archive(archive(layout, {**saved(layout), "RepoTags": ["v1", "app:v1", "v1"]}))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"[]", "expected 1 to 10000 images, got 0"),
        (b"{}", "expected a list"),
        (b'[{"Config":1,"Layers":[]}]', r"\[0\]\.Config: expected text"),
        (b'[{"Config":"a","Layers":"b"}]', r"\[0\]\.Layers: expected a list"),
        (b'[{"Config":"a","Config":"b"}]', "appears twice"),
        (b"not json", "not JSON"),
    ],
)
def test_a_list_of_images_that_is_none_is_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    path = write_tar(tmp_path / "a.tar", [("manifest.json", content)])

    with pytest.raises(CustodyError, match=problem):
        open_archive(str(path))


def test_what_is_no_archive_of_images_is_refused(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar", [("README", b"hello")])

    with pytest.raises(StoreError, match="is no archive of images: expected oci-layout"):
        open_archive(str(path))
    with pytest.raises(NotFoundError):
        open_archive(str(tmp_path / "nothing.tar"))
