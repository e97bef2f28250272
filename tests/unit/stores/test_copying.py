"""Copying: everything with its digests, what hangs on it too, and the tag at the very end."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from custody.errors import FormatError, StoreError
from custody.oci.attached import attestation_tag, extended
from custody.oci.descriptor import Descriptor, describe_bytes
from custody.oci.manifest import EMPTY_DESCRIPTOR, Manifest, make_index, make_manifest
from custody.oci.platforms import read_platform
from custody.stores.contents import check_content
from custody.stores.copying import MAX_ATTACHED_DEPTH, CopyOptions, copy_image
from custody.stores.images import ImageStore, NotFoundError
from custody.stores.layout import open_layout
from custody.stores.registry import open_repository
from tests.attachments import Overlaid, Watched, put_image, put_index, put_referrer
from tests.registries import FakeRegistry

DSSE = "application/vnd.dsse.envelope.v1+json"


@pytest.fixture
def source(tmp_path: Path) -> ImageStore:
    """Return a layout with the image `v1`."""
    store = open_layout(str(tmp_path / "source"), create=True)
    put_image(store, "v1")
    return store


@pytest.fixture
def target(tmp_path: Path) -> ImageStore:
    """Return a layout that is yet to be made."""
    return open_layout(str(tmp_path / "target"), create=True)


class Recording(Overlaid):
    """A store that writes down what is put, and may break at a tag."""

    def __init__(self, store: ImageStore, **answers: Any) -> None:  # noqa: ANN401  # passed on
        super().__init__(store, **answers)
        self.put: list[str] = []

    def put_manifest(self, raw: bytes, media_type: str, tag: str = "") -> Descriptor:
        stored = super().put_manifest(raw, media_type, tag)
        self.put.append(tag or str(stored.digest))
        return stored

    def put_blob(self, descriptor: Descriptor, chunks: Any) -> None:  # noqa: ANN401  # passed on
        super().put_blob(descriptor, chunks)
        self.put.append(f"blob {descriptor.digest}")


def attach_legacy(store: ImageStore, image: Descriptor, *envelopes: bytes) -> Descriptor:
    layers = [describe_bytes(data, DSSE) for data in envelopes]
    for layer, data in zip(layers, envelopes, strict=True):
        store.put_blob(layer, [data])
    made = extended(None, layers)
    assert made is not None
    config, manifest = made
    store.put_blob(config.descriptor, [config.data])
    return store.put_manifest(manifest.raw, manifest.media_type, attestation_tag(image.digest))


def layers_of(store: ImageStore, tag: str) -> set[bytes]:
    manifest = store.manifest(tag)
    assert isinstance(manifest, Manifest)
    return {store.read_blob(layer, 1000) for layer in manifest.layers}


def test_an_image_keeps_its_digest_and_the_tag_comes_last(source: ImageStore, target: ImageStore) -> None:
    image = source.resolve("v1")
    referrer = put_referrer(source, image, b"1", "application/one")
    watched = Recording(target)
    copied = copy_image(source, "v1", watched, "v9")

    assert copied.top.digest == image.digest == target.resolve("v9").digest
    assert (copied.manifests, copied.attached, copied.blobs, copied.skipped) == (2, 1, 4, 0)
    assert watched.put[-1] == "v9"
    assert watched.put.index(str(image.digest)) < watched.put.index(str(referrer.digest)) < len(watched.put) - 1
    assert watched.put[:2] == [entry for entry in watched.put[:2] if entry.startswith("blob ")]
    check_content(target, target.manifest("v9"))


def test_what_is_there_already_is_not_read_again(source: ImageStore, target: ImageStore) -> None:
    copy_image(source, "v1", target, "v1")
    again = copy_image(source, "v1", target, "v2")

    assert (again.blobs, again.skipped, again.bytes) == (0, 2, 0)
    assert target.tags() == ("v1", "v2")


def test_an_index_is_copied_with_all_platforms_or_one(source: ImageStore, target: ImageStore, tmp_path: Path) -> None:
    images = {f"linux/{name}": put_image(source, content=name.encode()) for name in ("amd64", "arm64")}
    index = put_index(source, "multi", images)
    put_referrer(source, images["linux/arm64"], b"of one platform", "application/one")
    assert copy_image(source, "multi", target, "all").top.digest == index.digest
    check_content(target, target.manifest("all"))
    assert len(target.referrers(images["linux/arm64"].digest)) == 1

    one = open_layout(str(tmp_path / "one"), create=True)
    copied = copy_image(source, "multi", one, "arm", CopyOptions(platform=read_platform("linux/arm64")))
    assert copied.top.digest == images["linux/arm64"].digest == one.resolve("arm").digest
    assert not one.has(source.manifest(str(images["linux/amd64"].digest)).descriptor)
    with pytest.raises(FormatError, match="nothing for the platform linux/386"):
        copy_image(source, "multi", one, "x", CopyOptions(platform=read_platform("linux/386")))


def test_an_image_for_another_platform_is_refused(source: ImageStore, target: ImageStore) -> None:
    assert copy_image(source, "v1", target, "v1", CopyOptions(platform=read_platform("linux/amd64"))).manifests == 1
    with pytest.raises(StoreError, match="is for linux/amd64, and not for linux/arm64"):
        copy_image(source, "v1", target, "v2", CopyOptions(platform=read_platform("linux/arm64")))


def test_another_image_than_the_expected_one_is_not_copied(source: ImageStore, target: ImageStore) -> None:
    digest = str(source.resolve("v1").digest)
    copy_image(source, "v1", target, options=CopyOptions(expected=digest))

    with pytest.raises(StoreError, match="expected the image sha256:0000"):
        copy_image(source, "v1", target, options=CopyOptions(expected=f"sha256:{'0' * 64}"))


@pytest.mark.parametrize("suffix", [".att", ".sig", ".sbom"])
def test_what_cosign_hangs_on_an_image_by_tags_is_copied(source: ImageStore, target: ImageStore, suffix: str) -> None:
    image = source.resolve("v1")
    tag = f"sha256-{image.digest.hex}{suffix}"
    put_image(source, tag, b"attached")
    put_image(source, f"sha256-{'0' * 64}{suffix}", b"of another image")
    copy_image(source, "v1", target, "v1")

    assert target.tags() == (tag, "v1") if tag < "v1" else ("v1", tag)


def test_attestations_of_attestations_are_copied_to_a_depth(source: ImageStore, target: ImageStore) -> None:
    last = source.resolve("v1")
    for number in range(MAX_ATTACHED_DEPTH):
        last = put_referrer(source, last, str(number).encode(), "application/one")
    assert copy_image(source, "v1", target, "v1").attached == MAX_ATTACHED_DEPTH
    put_referrer(source, last, b"one more", "application/one")

    with pytest.raises(StoreError, match="too much is attached"):
        copy_image(source, "v1", target, "v2")
    assert target.tags() == ("v1",)


def test_what_is_attached_is_counted(source: ImageStore, target: ImageStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("custody.stores.copying.MAX_ATTACHED", 1)
    image = source.resolve("v1")
    put_referrer(source, image, b"1", "application/one")
    assert copy_image(source, "v1", target).attached == 1
    put_referrer(source, image, b"2", "application/one")

    with pytest.raises(StoreError, match="expected at most 1 manifests"):
        copy_image(source, "v1", target, "v1")


def test_a_referrer_of_another_image_is_not_copied(source: ImageStore, target: ImageStore) -> None:
    foreign = put_referrer(source, put_image(source, "v2", b"other"), b"1", "application/one")
    lying = Overlaid(source, referrers=(foreign,))
    copied = copy_image(lying, "v1", target, "v1")

    assert copied.attached == 0
    assert "is listed as attached to sha256:" in copied.warnings[0]
    with pytest.raises(NotFoundError):
        target.resolve(str(foreign.digest))


def test_the_image_or_what_hangs_on_it_may_be_copied_alone(source: ImageStore, target: ImageStore) -> None:
    image = source.resolve("v1")
    put_referrer(source, image, b"1", "application/one")
    with pytest.raises(NotFoundError):
        copy_image(source, "v1", target, options=CopyOptions(image=False))
    copy_image(source, "v1", target, "v1", CopyOptions(attached=False))
    assert target.referrers(image.digest) == ()
    copied = copy_image(source, "v1", target, "v2", CopyOptions(image=False))

    assert (copied.attached, target.tags()) == (1, ("v1",))
    assert len(target.referrers(image.digest)) == 1


def test_attestations_that_the_target_has_are_kept(source: ImageStore, target: ImageStore) -> None:
    image = source.resolve("v1")
    copy_image(source, "v1", target, "v1")
    attach_legacy(source, image, b'{"a":1}', b'{"b":1}')
    attach_legacy(target, image, b'{"b":1}', b'{"c":1}')
    tag = attestation_tag(image.digest)
    copy_image(source, "v1", target, "v1")

    assert layers_of(target, tag) == {b'{"a":1}', b'{"b":1}', b'{"c":1}'}
    before = target.resolve(tag)
    copy_image(source, "v1", target, "v1")
    assert target.resolve(tag) == before


def test_nobody_writes_attestations_of_a_layout_between_reading_and_writing(
    source: ImageStore, target: ImageStore, tmp_path: Path
) -> None:
    image = source.resolve("v1")
    copy_image(source, "v1", target, "v1")
    attach_legacy(source, image, b'{"a":1}')
    watched = Watched(tmp_path / "target")
    copy_image(source, "v1", watched, "v1")

    assert watched.read_alone == {attestation_tag(image.digest)}


def test_an_image_whose_digest_the_target_changes_gets_no_tag(tmp_path: Path, target: ImageStore) -> None:
    """Stores name what they are given by its sha256, and what was signed is another digest then."""
    path = tmp_path / "source"
    source = open_layout(str(path), create=True)
    image = source.manifest(str(put_image(source, "v1").digest))
    digest = hashlib.sha512(image.raw).hexdigest()
    (path / "blobs" / "sha512").mkdir()
    (path / "blobs" / "sha512" / digest).write_bytes(image.raw)

    with pytest.raises(StoreError, match=f"expected sha512:{digest} to be stored, got {image.digest}"):
        copy_image(source, f"sha512:{digest}", target, "v1")
    assert target.tags() == ()


def test_an_sbom_that_the_target_has_is_kept(source: ImageStore, target: ImageStore) -> None:
    image = source.resolve("v1")
    tag = f"sha256-{image.digest.hex}.sbom"
    copy_image(source, "v1", target, "v1")
    put_image(source, tag, b"new")
    kept = put_image(target, tag, b"old")
    copied = copy_image(source, "v1", target, "v1")

    assert target.resolve(tag).digest == kept.digest
    assert f"{tag} is there already and differs" in copied.warnings[0]


@pytest.mark.parametrize("part", ["layer", "config"])
def test_a_blob_that_was_changed_is_not_copied(
    source: ImageStore, target: ImageStore, tmp_path: Path, part: str
) -> None:
    image = source.manifest("v1")
    assert isinstance(image, Manifest)
    digest = (image.layers[0] if part == "layer" else image.config).digest
    file = tmp_path / "source" / "blobs" / "sha256" / digest.hex
    file.write_bytes(file.read_bytes()[:-1] + b"!")

    with pytest.raises(StoreError, match="sent other bytes than asked for"):
        copy_image(source, "v1", target, "v1")
    assert target.tags() == ()
    assert json.loads((tmp_path / "target" / "index.json").read_text())["manifests"] == []


def test_a_copy_that_breaks_off_leaves_the_tag_as_it_was(source: ImageStore, target: ImageStore) -> None:
    old = put_image(target, "v1", b"old")
    image = source.resolve("v1")
    broken = put_referrer(source, image, b"1", "application/one")
    hostile = Overlaid(source, manifests={str(broken.digest): StoreError("the connection broke")})

    with pytest.raises(StoreError, match="the connection broke"):
        copy_image(hostile, "v1", target, "v1")
    assert target.resolve("v1").digest == old.digest


def test_a_missing_layer_is_an_error_unless_it_lies_elsewhere(source: ImageStore, target: ImageStore) -> None:
    source.put_blob(EMPTY_DESCRIPTOR, [b"{}"])
    layer = describe_bytes(b"of windows", "application/vnd.oci.image.layer.nondistributable.v1.tar")
    manifest = make_manifest(EMPTY_DESCRIPTOR, [layer])
    source.put_manifest(manifest.raw, manifest.media_type, "windows")
    assert copy_image(source, "windows", target, "windows").blobs == 1

    near = make_manifest(EMPTY_DESCRIPTOR, [layer.replace(media_type="application/vnd.oci.image.layer.v1.tar")])
    hostile = Overlaid(source, manifests={"near": near})
    with pytest.raises(NotFoundError):
        copy_image(hostile, "near", target, "near")
    assert target.tags() == ("windows",)


@pytest.mark.parametrize("api", [True, False], ids=["referrers-api", "fallback-tag"])
def test_an_image_goes_through_a_registry_and_comes_back(source: ImageStore, target: ImageStore, api: bool) -> None:
    image = source.resolve("v1")
    put_referrer(source, image, b"1", "application/one")
    attach_legacy(source, image, b'{"a":1}')
    with FakeRegistry() as registry:
        registry.behaviour.referrers_api = api
        repository = open_repository(registry.reference("shop/app:v1"), options=registry.options())
        copy_image(source, "v1", repository, "v1")
        copied = copy_image(repository, "v1", target, "v1")
        repository.close()

    assert copied.attached == 2
    assert [each.artifact_type for each in target.referrers(image.digest)] == ["application/one"]
    assert layers_of(target, attestation_tag(image.digest)) == {b'{"a":1}'}
    check_content(target, target.manifest("v1"))


def test_an_index_that_hangs_on_an_image_is_copied_with_what_is_in_it(source: ImageStore, target: ImageStore) -> None:
    image = source.resolve("v1")
    inner = put_image(source, content=b"inner")
    index = make_index([inner], subject=image, artifact_type="application/one")
    put = source.put_manifest(index.raw, index.media_type)
    tag = attestation_tag(image.digest)
    source.put_manifest(index.raw, index.media_type, tag)
    copied = copy_image(source, "v1", target, "v1")

    assert copied.attached == 1
    assert [each.digest for each in target.referrers(image.digest)] == [put.digest]
    check_content(target, target.manifest(tag))
    kept = put_image(target, tag, b"another")
    assert "is there already and differs" in copy_image(source, "v1", target, "v1").warnings[0]
    assert target.resolve(tag).digest == kept.digest


def test_one_manifest_may_hang_on_two_platforms(source: ImageStore, target: ImageStore) -> None:
    images = {f"linux/{name}": put_image(source, content=name.encode()) for name in ("amd64", "arm64")}
    put_index(source, "multi", images)
    tags = {f"sha256-{image.digest.hex}.sbom" for image in images.values()}
    for tag in tags:
        put_image(source, tag, b"the same for both")
    copied = copy_image(source, "multi", target, "v1")

    assert copied.attached == 1
    assert set(target.tags()) == {*tags, "v1"}
