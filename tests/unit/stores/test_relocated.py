"""A store whose attestations hang elsewhere is, but for them, the store of the images."""

from __future__ import annotations

from pathlib import Path

from custody.oci.descriptor import describe_bytes
from custody.oci.documents import read_documents
from custody.oci.manifest import Manifest
from custody.stores.relocated import RelocatedImages, hanging_places
from custody.workflows.attach import attach
from custody.workflows.download import found_on
from tests.attachments import TYPE, attestation, layout_with_image, put_image, statement


def test_images_are_read_and_written_where_they_are(tmp_path: Path) -> None:
    images, image = layout_with_image(tmp_path / "images")
    elsewhere, _ = layout_with_image(tmp_path / "elsewhere")
    store = RelocatedImages(images, elsewhere)

    second = put_image(store, "v2", b"y")
    manifest = store.manifest("v2")

    assert isinstance(manifest, Manifest)
    assert store.title == images.title
    assert store.tags() == images.tags() == ("v1", "v2")
    assert elsewhere.tags() == ("v1",)
    assert store.resolve("v2").digest == second.digest
    assert store.has(manifest.layers[0])
    assert not elsewhere.has(describe_bytes(b"y", manifest.layers[0].media_type))
    assert b"".join(store.blob(manifest.layers[0])) == store.read_blob(manifest.layers[0], 10) == b"y"
    assert store.referrers(image.digest) == ()


def test_what_hangs_on_them_is_read_in_both_and_written_elsewhere(tmp_path: Path) -> None:
    images, image = layout_with_image(tmp_path / "images")
    elsewhere, _ = layout_with_image(tmp_path / "elsewhere")
    store = RelocatedImages(images, elsewhere)
    other = "https://example.com/other"
    attach(images, image, read_documents(attestation(statement(image, other))))

    attach(store, image, read_documents(attestation(statement(image))))

    assert hanging_places(store) == (images, elsewhere)
    assert hanging_places(images) == (images,)
    found = [each.document.predicate_type for each in found_on(store, image.digest) if each.document]
    assert found == [other, TYPE]
    assert len(store.referrers(image.digest)) == len(elsewhere.referrers(image.digest)) == 1
