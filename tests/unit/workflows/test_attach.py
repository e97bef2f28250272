"""Attaching: what is stored where, once, and next to what is there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from custody.errors import FormatError, StoreError, UsageError
from custody.oci import attached
from custody.oci.descriptor import Descriptor
from custody.oci.documents import read_documents
from custody.oci.manifest import Manifest
from custody.stores.images import ImageStore
from custody.workflows.attach import MAX_ATTEMPTS, attach
from tests.attachments import (
    TYPE,
    Overlaid,
    Watched,
    attestation,
    layout_with_image,
    link,
    put_image,
    put_index,
    statement,
)
from tests.simulator import actor, signed

BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"


@pytest.fixture
def place(tmp_path: Path) -> tuple[ImageStore, Descriptor]:
    return layout_with_image(tmp_path / "layout")


def tag_of(image: Descriptor) -> str:
    return f"sha256-{image.digest.hex}.att"


def stored(store: ImageStore, descriptor: Descriptor) -> Manifest:
    manifest = store.manifest(str(descriptor.digest))
    assert isinstance(manifest, Manifest)
    return manifest


def test_attestation_becomes_a_referrer_with_a_bundle_as_cosign_writes_it(place: tuple[ImageStore, Descriptor]) -> None:
    store, image = place

    (made,) = attach(store, image, read_documents(attestation(statement(image))))

    manifest = json.loads(stored(store, made).raw)
    layer = manifest["layers"][0]
    assert manifest["artifactType"] == layer["mediaType"] == BUNDLE
    assert manifest["config"]["mediaType"] == "application/vnd.oci.empty.v1+json"
    assert manifest["subject"] == {"digest": str(image.digest), "mediaType": image.media_type, "size": image.size}
    assert manifest["annotations"] == {
        "dev.sigstore.bundle.content": "dsse-envelope",
        "dev.sigstore.bundle.predicateType": TYPE,
    }
    bundle = json.loads(store.read_blob(stored(store, made).layers[0], 10_000))
    assert set(bundle) == {"mediaType", "verificationMaterial", "dsseEnvelope"}
    assert [each.digest for each in store.referrers(image.digest, BUNDLE)] == [made.digest]


def test_key_id_is_a_hint_of_the_bundle_and_not_beside_the_signature(place: tuple[ImageStore, Descriptor]) -> None:
    store, image = place
    data = attestation(statement(image), keyids=True)

    (made,) = attach(store, image, read_documents(data))

    bundle = json.loads(store.read_blob(stored(store, made).layers[0], 10_000))
    assert bundle["verificationMaterial"] == {"publicKey": {"hint": actor("alice").keyid}}
    assert list(bundle["dsseEnvelope"]["signatures"][0]) == ["sig"]
    assert bundle["dsseEnvelope"]["payload"] == json.loads(data)["payload"]


def test_two_signatures_become_two_bundles(place: tuple[ImageStore, Descriptor]) -> None:
    store, image = place
    data = attestation(statement(image), actor("alice"), actor("bob"))

    made = attach(store, image, read_documents(data))

    assert len(made) == len({each.digest for each in made}) == 2
    (only,) = attach(store, image, read_documents(data), legacy=True)
    assert len(stored(store, only).layers) == 1


def test_bundle_is_stored_byte_for_byte(place: tuple[ImageStore, Descriptor]) -> None:
    store, image = place
    (first,) = attach(store, image, read_documents(attestation(statement(image))))
    bundle = json.dumps(json.loads(store.read_blob(stored(store, first).layers[0], 10_000)), indent=4).encode()

    (second,) = attach(store, image, read_documents(bundle))

    assert store.read_blob(stored(store, second).layers[0], 10_000) == bundle


def test_legacy_manifest_is_as_cosign_writes_it(place: tuple[ImageStore, Descriptor]) -> None:
    store, image = place

    (made,) = attach(store, image, read_documents(attestation(statement(image))), legacy=True)

    assert store.resolve(tag_of(image)).digest == made.digest
    manifest = json.loads(stored(store, made).raw)
    assert "subject" not in manifest
    assert "artifactType" not in manifest
    assert manifest["config"]["mediaType"] == "application/vnd.oci.image.config.v1+json"
    layer = manifest["layers"][0]
    assert layer["mediaType"] == "application/vnd.dsse.envelope.v1+json"
    assert layer["annotations"] == {"dev.cosignproject.cosign/signature": "", "predicateType": TYPE}
    config = json.loads(store.read_blob(stored(store, made).config, 10_000))
    assert config["rootfs"]["diff_ids"] == [layer["digest"]]
    envelope = json.loads(store.read_blob(stored(store, made).layers[0], 10_000))
    assert set(envelope) == {"payload", "payloadType", "signatures"}


def test_url_safe_base64_is_stored_as_the_standard_one_that_cosign_reads(place: tuple[ImageStore, Descriptor]) -> None:
    store, image = place
    data = json.loads(attestation(statement(image, predicate={"text": "???>>>"})))
    standard = data["payload"]
    data["payload"] = standard.replace("+", "-").replace("/", "_")
    assert data["payload"] != standard

    for legacy in (True, False):
        (made,) = attach(store, image, read_documents(json.dumps(data).encode()), legacy=legacy)
        stored_now = json.loads(store.read_blob(stored(store, made).layers[0], 10_000))
        assert stored_now.get("dsseEnvelope", stored_now)["payload"] == standard


@pytest.mark.parametrize("legacy", [False, True])
def test_same_attestation_is_stored_once(place: tuple[ImageStore, Descriptor], legacy: bool) -> None:
    store, image = place
    data = attestation(statement(image))
    made = attach(store, image, read_documents(data + b"\n" + data), legacy=legacy)

    assert attach(store, image, read_documents(data), legacy=legacy) == made
    assert len(made) == 1
    assert len(stored(store, made[0]).layers) == 1
    assert len(store.referrers(image.digest)) == (0 if legacy else 1)


def test_legacy_manifest_is_extended_and_keeps_what_others_put_there(place: tuple[ImageStore, Descriptor]) -> None:
    store, image = place
    attach(store, image, read_documents(attestation(statement(image))), legacy=True)
    before = store.manifest(tag_of(image))
    assert isinstance(before, Manifest)

    attach(store, image, read_documents(attestation(statement(image, "https://example.com/other"))), legacy=True)

    after = store.manifest(tag_of(image))
    assert isinstance(after, Manifest)
    assert after.layers[:1] == before.layers
    assert len(after.layers) == 2
    config = json.loads(store.read_blob(after.config, 10_000))
    assert config["rootfs"]["diff_ids"] == [str(layer.digest) for layer in after.layers]


def test_nobody_writes_a_legacy_manifest_of_a_layout_between_reading_and_writing(
    place: tuple[ImageStore, Descriptor], tmp_path: Path
) -> None:
    _, image = place
    store = Watched(tmp_path / "layout")
    documents = read_documents(attestation(statement(image)))

    attach(store, image, documents, legacy=True)

    assert store.read_alone == {tag_of(image)}
    attach(store, image, documents)  # others can go on
    with store.alone(), store.alone():
        store.manifest("v1")
    store.manifest(str(image.digest))
    assert store.read_alone == {tag_of(image), "v1"}


def test_attestation_that_a_race_took_away_is_put_in_again(place: tuple[ImageStore, Descriptor]) -> None:
    store, image = place
    rivals = [attestation(statement(image, f"https://example.com/{number}")) for number in range(2)]

    class Racing(Overlaid):
        def put_manifest(self, raw: bytes, media_type: str, tag: str = "") -> Descriptor:
            made = super().put_manifest(raw, media_type, tag)
            if rivals:  # somebody who had read before us writes after us
                rival_writes(rivals.pop())
            return made

    def rival_writes(data: bytes) -> None:
        changed = attached.extended(None, [attached.legacy_blob(d).descriptor for d in read_documents(data)])
        assert changed is not None
        for blob in (changed[0], *(attached.legacy_blob(d) for d in read_documents(data))):
            store.put_blob(blob.descriptor, (blob.data,))
        store.put_manifest(changed[1].raw, changed[1].media_type, tag_of(image))

    mine = read_documents(attestation(statement(image)))
    attach(Racing(store), image, mine, legacy=True)

    assert not rivals
    found = store.manifest(tag_of(image))
    assert isinstance(found, Manifest)
    assert attached.legacy_blob(mine[0]).descriptor.digest in {layer.digest for layer in found.layers}
    assert len(found.layers) == 2


def test_endless_race_is_given_up(place: tuple[ImageStore, Descriptor]) -> None:
    store, image = place
    wrote: list[str] = []

    class Forgetful(Overlaid):
        def put_manifest(self, raw: bytes, media_type: str, tag: str = "") -> Descriptor:
            wrote.append(tag)
            return super().put_manifest(raw, media_type)  # under no tag: as if somebody had removed it

    with pytest.raises(StoreError, match="somebody else's was there afterwards"):
        attach(Forgetful(store), image, read_documents(attestation(statement(image))), legacy=True)
    assert wrote == [tag_of(image)] * MAX_ATTEMPTS


def test_more_attestations_than_cosign_reads_are_refused_and_nothing_changes(
    place: tuple[ImageStore, Descriptor], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, image = place
    monkeypatch.setattr(attached, "MAX_LAYERS", 2)
    lines = b"\n".join(attestation(statement(image, f"https://example.com/{number}")) for number in range(3))

    with pytest.raises(FormatError, match="expected at most 2 attestations"):
        attach(store, image, read_documents(lines), legacy=True)
    assert tag_of(image) not in store.tags()

    attach(store, image, read_documents(b"\n".join(lines.split(b"\n")[:2])), legacy=True)
    assert tag_of(image) in store.tags()


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("dsse", [False, True])
def test_link_is_a_referrer_of_its_own_type_and_stays_as_it_was_written(
    place: tuple[ImageStore, Descriptor], dsse: bool, legacy: bool
) -> None:
    store, image = place
    data = signed(link("build"), actor("alice"), dsse=dsse).write()

    (made,) = attach(store, image, read_documents(data, title="build.1.link"), legacy=legacy)

    manifest = stored(store, made)
    assert manifest.artifact_type == "application/vnd.custody.link.v1+json"
    assert manifest.subject is not None
    assert manifest.subject.digest == image.digest
    (layer,) = manifest.layers
    assert layer.annotations == {"org.opencontainers.image.title": "build.1.link"}
    assert store.read_blob(layer, 10_000) == data
    assert tag_of(image) not in store.tags()


def test_legacy_tag_that_is_an_index_is_left_alone(place: tuple[ImageStore, Descriptor]) -> None:
    store, image = place
    index = put_index(store, tag_of(image), {"linux/arm64": put_image(store, content=b"y")})

    with pytest.raises(StoreError, match="and is an index"):
        attach(store, image, read_documents(attestation(statement(image))), legacy=True)
    assert store.resolve(tag_of(image)).digest == index.digest


def test_nothing_to_attach_is_refused(place: tuple[ImageStore, Descriptor]) -> None:
    with pytest.raises(UsageError, match="nothing to attach"):
        attach(*place, ())
