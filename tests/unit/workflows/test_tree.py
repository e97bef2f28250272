"""The tree of what hangs on an image."""

from __future__ import annotations

from pathlib import Path

import pytest

from custody.errors import StoreError
from custody.oci.descriptor import Descriptor
from custody.oci.documents import read_documents
from custody.stores.images import ImageStore
from custody.stores.relocated import RelocatedImages
from custody.workflows import tree
from custody.workflows.attach import attach
from custody.workflows.tree import hanging_tree
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


@pytest.fixture
def place(tmp_path: Path) -> tuple[ImageStore, Descriptor]:
    return layout_with_image(tmp_path / "layout")


def test_bare_image_has_no_branches(place: tuple[ImageStore, Descriptor]) -> None:
    store, image = place
    assert hanging_tree(store, image).document() == {"kind": "image", "digest": str(image.digest)}


def test_everything_that_hangs_on_the_image_is_in_its_tree(place: tuple[ImageStore, Descriptor]) -> None:
    store, image = place
    attach(store, image, read_documents(attestation(statement(image))))
    attach(store, image, read_documents(attestation(statement(image))), legacy=True)
    attach(store, image, read_documents(signed(link("build"), actor("alice")).write()))
    put_referrer(store, image, b"{}", "application/spdx+json")
    put_referrer(store, image, b"broken", "application/vnd.dsse.envelope.v1+json")
    put_image(store, f"sha256-{image.digest.hex}.sig", b"s")

    found = hanging_tree(store, image).branches

    assert sorted((each.kind, each.text) for each in found if each.kind != "problem") == [
        ("attestation", TYPE),
        ("attestation", TYPE),
        ("link", "build"),
        ("referrer", "application/spdx+json"),
        ("signatures", ""),
    ]
    assert [each.text.startswith("not JSON") for each in found if each.kind == "problem"] == [True]
    assert all(each.digest.startswith("sha256:") and each.place for each in found)


def test_platforms_have_branches_of_their_own(place: tuple[ImageStore, Descriptor]) -> None:
    store, image = place
    index = put_index(store, "multi", {"linux/amd64": image, "unknown/unknown": put_image(store, content=b"y")})
    attach(store, image, read_documents(attestation(statement(image))))
    attach(store, index, read_documents(attestation(statement(index, "https://example.com/i"))))

    found = hanging_tree(store, index)

    assert found.kind == "index"
    assert [(each.kind, each.text) for each in found.branches] == [
        ("attestation", "https://example.com/i"),
        ("image", "linux/amd64"),
        ("attached", "unknown/unknown"),
    ]
    assert [each.text for each in found.branches[1].branches] == [TYPE]


def test_more_platforms_than_are_looked_at_are_counted(
    place: tuple[ImageStore, Descriptor], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, image = place
    monkeypatch.setattr(tree, "MAX_PLATFORMS", 1)
    index = put_index(store, "multi", {"linux/amd64": image, "linux/arm64": put_image(store, content=b"y")})

    found = hanging_tree(store, index).branches

    assert [each.kind for each in found] == ["image", "problem"]
    assert found[1].text == "1 more images of the index were not looked at"


def test_referrer_without_a_type_is_called_what_its_manifest_says(place: tuple[ImageStore, Descriptor]) -> None:
    store, image = place
    put_referrer(store, image, b"{}", "application/spdx+json")
    attach(store, image, read_documents(attestation(statement(image))))
    without = tuple(each.replace(artifact_type="", document={}) for each in store.referrers(image.digest))

    found = hanging_tree(Overlaid(store, referrers=without), image).branches

    assert sorted(each.text for each in found) == ["application/spdx+json", TYPE]


def test_list_that_cannot_be_read_is_one_problem(place: tuple[ImageStore, Descriptor]) -> None:
    store, image = place
    found = hanging_tree(Overlaid(store, referrers=StoreError("it answered 500")), image).branches
    assert [(each.kind, each.text) for each in found] == [
        ("problem", "the referrers cannot be listed: it answered 500")
    ]


def test_both_repositories_are_looked_at(place: tuple[ImageStore, Descriptor], tmp_path: Path) -> None:
    store, image = place
    elsewhere, _ = layout_with_image(tmp_path / "elsewhere")
    attach(elsewhere, image, read_documents(attestation(statement(image))), legacy=True)

    assert [each.text for each in hanging_tree(RelocatedImages(store, elsewhere), image).branches] == [TYPE]


def test_referrer_that_cannot_be_read_is_one_problem(place: tuple[ImageStore, Descriptor]) -> None:
    store, image = place
    lost = put_referrer(store, image, b"{}", "application/spdx+json")
    error = StoreError("it cannot be read")
    without = tuple(each.replace(artifact_type="", document={}) for each in store.referrers(image.digest))
    broken = Overlaid(store, referrers=without, manifests={str(lost.digest): error})

    found = hanging_tree(broken, image).branches

    assert [(each.kind, each.text, each.digest) for each in found] == [("problem", str(error), str(lost.digest))]


def test_tag_that_means_two_things_is_a_problem_beside_the_others(
    place: tuple[ImageStore, Descriptor], tmp_path: Path
) -> None:
    store, image = place
    put_image(store, f"sha256-{image.digest.hex}.sbom", b"s")
    put_image(store, "two", b"t")
    index = tmp_path / "layout" / "index.json"
    index.write_text(index.read_text().replace('"two"', f'"sha256-{image.digest.hex}.sig"'))
    put_image(store, "three", b"u")
    index.write_text(index.read_text().replace('"three"', f'"sha256-{image.digest.hex}.sig"'))

    found = {each.kind: each.text for each in hanging_tree(store, image).branches}

    assert set(found) == {"sbom", "problem"}
    assert "2 images are called" in found["problem"]
