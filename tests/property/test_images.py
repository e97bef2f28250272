"""Whatever is changed in an image on disk: it is refused, or it is another image, and nothing else ever happens."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from custody.errors import CustodyError
from custody.oci.manifest import Manifest
from custody.stores.contents import check_content
from custody.stores.layout import open_archive, open_layout
from custody.stores.layout.store import LayoutStore
from tests.archives import LAYER, docker_save
from tests.attachments import layout_with_image


def content_of(store: LayoutStore) -> tuple[bytes, ...]:
    """Return everything that the only image has, verified."""
    image = store.manifest("")
    check_content(store, image)
    assert isinstance(image, Manifest)
    return image.raw, *(b"".join(store.blob(layer)) for layer in image.layers)


def changed(path: Path, place: int, byte: int) -> None:
    data = bytearray(path.read_bytes())
    data[place % len(data)] ^= byte
    path.write_bytes(data)


@given(place=st.integers(min_value=0, max_value=20_000), byte=st.integers(min_value=1, max_value=255))
def test_a_byte_of_an_archive_is_changed(place: int, byte: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = docker_save(Path(directory) / "app.tar")
        before = content_of(open_archive(str(path)))
        changed(path, place, byte)
        try:
            after = content_of(open_archive(str(path)))
        except CustodyError:
            return
    assert after == before
    assert after[1] == LAYER


@given(data=st.data(), place=st.integers(min_value=0, max_value=1000), byte=st.integers(min_value=1, max_value=255))
def test_a_byte_of_a_layout_is_changed(data: st.DataObject, place: int, byte: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        layout_with_image(Path(directory) / "app")
        before = content_of(open_layout(f"{directory}/app"))
        files = sorted(file for file in Path(directory).rglob("*") if file.is_file())
        changed(data.draw(st.sampled_from(range(len(files))).map(files.__getitem__)), place, byte)
        try:
            after = content_of(open_layout(f"{directory}/app"))
        except CustodyError:
            return
    assert after == before


@given(content=st.binary(max_size=2048))
def test_any_bytes_are_an_archive_or_refused(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "any.tar"
        path.write_bytes(content)
        try:
            content_of(open_archive(str(path)))
        except CustodyError:
            return
        raise AssertionError("random bytes are no image")
