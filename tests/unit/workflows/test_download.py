"""Finding what hangs on an image: both places, neither hiding the other, and the bad not in the way of the good."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from custody.errors import FormatError, StoreError
from custody.oci.descriptor import Descriptor, describe_bytes
from custody.oci.documents import MAX_ATTESTATION_BYTES, read_documents
from custody.oci.manifest import EMPTY_DESCRIPTOR, OCI_MANIFEST, Manifest, make_manifest
from custody.stores.images import ImageStore
from custody.workflows import download
from custody.workflows.attach import attach
from custody.workflows.download import Attached, found_on
from tests.attachments import (
    TYPE,
    Overlaid,
    attestation,
    layout_with_image,
    link,
    put_image,
    put_index,
    put_referrer,
    statement,
)
from tests.simulator import actor, signed

BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
OTHER = "https://example.com/other"


@pytest.fixture
def place(tmp_path: Path) -> tuple[ImageStore, Descriptor]:
    return layout_with_image(tmp_path / "layout")


def types(found: list[Attached]) -> list[str]:
    return sorted(each.document.predicate_type if each.document else f"problem: {each.problem}" for each in found)


def hang(place: tuple[ImageStore, Descriptor], *predicate_types: str, legacy: bool = False) -> None:
    store, image = place
    lines = b"\n".join(attestation(statement(image, each)) for each in predicate_types)
    attach(store, image, read_documents(lines), legacy=legacy)


def test_nothing_hangs_on_a_new_image(place: tuple[ImageStore, Descriptor]) -> None:
    store, image = place
    assert list(found_on(store, image.digest)) == []


def test_referrers_and_the_legacy_manifest_are_both_read(place: tuple[ImageStore, Descriptor]) -> None:
    store, image = place
    hang(place, TYPE)
    hang(place, OTHER, legacy=True)

    found = list(found_on(store, image.digest))

    assert types(found) == [TYPE, OTHER]
    assert [each.place.partition(" in ")[0] for each in found] == [
        "a referrer",
        f"sha256-{image.digest.hex}.att",
    ]
    assert all(each.document and each.document.envelope.signatures for each in found)


def test_foreign_referrer_does_not_hide_the_legacy_attestations(place: tuple[ImageStore, Descriptor]) -> None:
    """As cosign#4573: where any bundle is a referrer, the `.att` manifest is not looked at."""
    store, image = place
    hang(place, TYPE, legacy=True)
    put_referrer(store, image, b"not a bundle", BUNDLE)
    put_referrer(store, image, b"{}", "application/spdx+json")

    found = types(list(found_on(store, image.digest)))

    assert len(found) == 2
    assert found[0] == TYPE
    assert found[1].startswith("problem: not JSON")


@pytest.mark.parametrize("error", [StoreError("the registry answered 500"), FormatError("expected an index")])
def test_neither_place_stands_in_the_way_of_the_other(place: tuple[ImageStore, Descriptor], error: Exception) -> None:
    store, image = place
    hang(place, TYPE)
    hang(place, OTHER, legacy=True)

    no_list = list(found_on(Overlaid(store, referrers=error), image.digest))
    assert types(no_list) == [OTHER, f"problem: the referrers cannot be listed: {error}"]

    tag = f"sha256-{image.digest.hex}.att"
    no_legacy = list(found_on(Overlaid(store, manifests={tag: error}), image.digest))
    assert types(no_legacy) == [TYPE, f"problem: {error}"]


def test_broken_one_beside_good_ones_is_a_problem_of_its_own(place: tuple[ImageStore, Descriptor]) -> None:
    store, image = place
    hang(place, TYPE, OTHER)
    first = next(iter(found_on(store, image.digest)))
    broken = Overlaid(store, blobs={first.layer: StoreError("expected the digest, got another")})

    found = list(found_on(broken, image.digest))

    assert len(found) == 2
    assert sum(each.problem == "expected the digest, got another" for each in found) == 1
    assert sum(each.document is not None for each in found) == 1


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b'{"payload": "e30=", "payload": "e30=", "payloadType": "x", "signatures": []}', "appears twice"),
        (b'{"payload": "e30=", "payloadType": "x", "signatures": []}', "nobody signed it"),
        (b'{"payload": "W10=", "payloadType": "x", "signatures": [{"sig": "YQ=="}]}', "expected an object"),
        (b'{"payload": "bm8=", "payloadType": "x", "signatures": [{"sig": "YQ=="}]}', "payload: not JSON"),
        (b'{"signed": {"_type": "link"}, "signatures": [{"keyid": "a", "sig": "00"}]}', "got a Metablock"),
    ],
    ids=["duplicate-key", "unsigned", "payload-no-object", "payload-no-json", "metablock"],
)
def test_ill_formed_layer_is_a_problem(place: tuple[ImageStore, Descriptor], data: bytes, problem: str) -> None:
    store, image = place
    hang(place, TYPE)
    put_referrer(store, image, data, "application/vnd.dsse.envelope.v1+json")

    found = list(found_on(store, image.digest))

    assert sorted(each.problem == "" for each in found) == [False, True]
    assert any(problem in each.problem for each in found)


@pytest.mark.parametrize("lost", ["", "application/vnd.oci.empty.v1+json"], ids=["skopeo", "cosign-2"])
def test_type_of_artifact_that_a_list_does_not_have_is_looked_up(
    place: tuple[ImageStore, Descriptor], lost: str
) -> None:
    store, image = place
    hang(place, TYPE)
    put_referrer(store, image, b"{}", "application/spdx+json")
    without = tuple(each.replace(artifact_type=lost, document={}) for each in store.referrers(image.digest))

    assert types(list(found_on(Overlaid(store, referrers=without), image.digest))) == [TYPE]


def test_manifest_that_is_missing_in_a_layout_is_a_problem_and_hides_no_other(
    place: tuple[ImageStore, Descriptor], tmp_path: Path
) -> None:
    store, image = place
    hang(place, TYPE, OTHER)
    lost = next(iter(found_on(store, image.digest)))
    (tmp_path / "layout" / "blobs" / "sha256" / lost.manifest.removeprefix("sha256:")).unlink()

    found = list(found_on(store, image.digest))

    assert [each.manifest for each in found if each.problem] == [lost.manifest]
    assert sum(each.document is not None for each in found) == 1


def test_other_artifacts_are_not_read(place: tuple[ImageStore, Descriptor]) -> None:
    store, image = place
    put_referrer(store, image, b"{}", "application/spdx+json")
    watched = Overlaid(store)

    assert list(found_on(watched, image.digest)) == []
    assert watched.read == [f"sha256-{image.digest.hex}.att"]


def test_signature_of_the_image_in_a_bundle_is_no_attestation(place: tuple[ImageStore, Descriptor]) -> None:
    store, image = place
    put_referrer(store, image, b"{}", BUNDLE, **{"dev.sigstore.bundle.content": "message-signature"})
    assert list(found_on(store, image.digest)) == []


def test_referrer_of_another_image_that_is_listed_all_the_same_is_a_problem(
    place: tuple[ImageStore, Descriptor],
) -> None:
    store, image = place
    other = put_image(store, content=b"y")
    attach(store, other, read_documents(attestation(statement(other))))
    lying = Overlaid(store, referrers=store.referrers(other.digest))

    (found,) = found_on(lying, image.digest)

    assert found.document is None
    assert found.problem == f"expected a referrer of {image.digest}, got one of {other.digest}"
    assert types(list(found_on(store, other.digest))) == [TYPE]


def test_attestations_of_an_index_and_of_its_platforms_are_apart(place: tuple[ImageStore, Descriptor]) -> None:
    store, image = place
    index = put_index(store, "multi", {"linux/amd64": image})
    hang(place, TYPE)
    hang((store, index), OTHER)

    assert types(list(found_on(store, image.digest))) == [TYPE]
    assert types(list(found_on(store, index.digest))) == [OTHER]


@pytest.mark.parametrize("legacy", [False, True])
def test_more_than_are_looked_at_are_said_to_be(
    place: tuple[ImageStore, Descriptor], monkeypatch: pytest.MonkeyPatch, legacy: bool
) -> None:
    store, image = place
    hang(place, *(f"https://example.com/{number}" for number in range(4)), legacy=legacy)
    hang(place, OTHER, legacy=not legacy)
    monkeypatch.setattr(download, "MAX_ATTESTATIONS", 3)

    found = list(found_on(store, image.digest))

    assert sum(each.document is not None for each in found) == 4  # three, and the one in the other place
    assert [each.problem for each in found if each.problem] == [
        "more than 3 attestations hang there; the rest was not looked at"
    ]
    monkeypatch.setattr(download, "MAX_ATTESTATIONS", 4)
    assert not any(each.problem for each in found_on(store, image.digest))


def test_thousands_of_referrers_cost_a_thousand_requests_at_most(place: tuple[ImageStore, Descriptor]) -> None:
    store, image = place
    hang(place, TYPE)
    (real,) = store.referrers(image.digest)
    hang(place, OTHER, legacy=True)
    flood = Overlaid(store, referrers=(real.replace(artifact_type=""),) * 5000)

    found = list(found_on(flood, image.digest))

    assert len(found) == download.MAX_ATTESTATIONS + 2
    assert found[-1].document is not None
    assert found[-1].document.predicate_type == OTHER
    assert len(flood.read) <= 2 * download.MAX_ATTESTATIONS + 4


def test_referrer_with_a_thousand_layers_is_bounded(place: tuple[ImageStore, Descriptor]) -> None:
    store, image = place
    data = attestation(statement(image))
    layer = describe_bytes(data, "application/vnd.dsse.envelope.v1+json")
    store.put_blob(layer, (data,))
    store.put_blob(EMPTY_DESCRIPTOR, (b"{}",))
    bomb = make_manifest(EMPTY_DESCRIPTOR, [layer] * 1000, artifact_type=layer.media_type, subject=image)
    descriptor = store.put_manifest(bomb.raw, OCI_MANIFEST).replace(artifact_type=layer.media_type)
    flood = Overlaid(store, referrers=(descriptor,) * 5)

    found = list(found_on(flood, image.digest))

    assert len(found) == download.MAX_ATTESTATIONS + 1
    assert "the rest was not looked at" in found[-1].problem


def test_blob_larger_than_an_attestation_may_be_is_not_read(place: tuple[ImageStore, Descriptor]) -> None:
    store, image = place
    hang(place, TYPE)
    (listed,) = store.referrers(image.digest)
    manifest = store.manifest(str(listed.digest))
    assert isinstance(manifest, Manifest)
    large = manifest.layers[0].replace(size=MAX_ATTESTATION_BYTES + 1)
    lying = Overlaid(store, manifests={str(listed.digest): manifest.replace(layers=(large,))})

    (found,) = found_on(lying, image.digest)

    assert f"expected at most {MAX_ATTESTATION_BYTES}" in found.problem


def test_link_is_found_as_it_was_written(place: tuple[ImageStore, Descriptor]) -> None:
    store, image = place
    data = signed(link("build"), actor("alice")).write()
    attach(store, image, read_documents(data, title="build.link"))

    (found,) = found_on(store, image.digest)

    assert found.document is not None
    assert found.document.raw == data
    assert found.document.is_link
    assert found.document.step == "build"
    assert found.document.title == "build.link"


def test_legacy_manifest_that_is_an_index_is_a_problem(place: tuple[ImageStore, Descriptor]) -> None:
    store, image = place
    hang(place, TYPE)
    put_index(store, f"sha256-{image.digest.hex}.att", {"linux/amd64": image})

    assert types(list(found_on(store, image.digest))) == [
        TYPE,
        "problem: expected a manifest of attestations, got an index",
    ]


def test_payload_is_handed_on_byte_for_byte(place: tuple[ImageStore, Descriptor]) -> None:
    store, image = place
    document = json.dumps(statement(image), indent=7).encode()
    envelope = json.loads(attestation(statement(image)))
    import base64

    envelope["payload"] = base64.b64encode(document).decode()
    for legacy in (False, True):
        attach(store, image, read_documents(json.dumps(envelope).encode()), legacy=legacy)

    found = list(found_on(store, image.digest))

    assert [each.document.envelope.payload for each in found if each.document] == [document] * 2
