"""Links as statements and back: nothing is lost, or it is refused."""

from __future__ import annotations

from typing import Any

import pytest

from custody.encoding.strict import read_json, write_json
from custody.encoding.uniform import Seen, UniformObject
from custody.errors import FormatError, UsageError
from custody.models.link import Link, read_link
from custody.models.link_statement import LINK_TYPES, link_to_statement, statement_to_link
from custody.models.resource_descriptor import ResourceDescriptor
from custody.models.statement import make_statement, read_statement
from custody.rules.artifacts import are_plain

NEW, LEGACY, OLDER = LINK_TYPES
SHA, OTHER = {"sha256": "ab" * 32}, {"sha256": "cd" * 32}
LINK = Link(
    name="build",
    materials={"src/b": SHA, "src/a": {**OTHER, "mode": "0644"}},
    products={"app": SHA, "git:.": {"gitCommit": "ab" * 20}},
    command=("make", "all"),
    byproducts={"return-value": 0, "stdout": "", "stderr": ""},
    environment={"startedOn": "2030-01-01T00:00:00Z"},
)
IMAGE = ResourceDescriptor(name="registry.example.com/app", digest=OTHER)


def back(document: dict[str, Any], *, strict: bool = True) -> Link:
    return statement_to_link(read_statement(document), strict=strict)


def refused(document: dict[str, Any], *, strict: bool = True) -> str:
    with pytest.raises(FormatError) as caught:
        back(document, strict=strict)
    return str(caught.value)


def new(**predicate: object) -> dict[str, Any]:
    return make_statement([{"name": "app", "digest": SHA}], NEW, {"name": "build", **predicate})


def legacy(**predicate: object) -> dict[str, Any]:
    return make_statement([{"name": "app", "digest": SHA}], LEGACY, {"name": "build", "materials": {}, **predicate})


def test_a_link_is_a_statement_about_its_products() -> None:
    assert link_to_statement(LINK) == {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "app", "digest": SHA}, {"name": "git:.", "digest": {"gitCommit": "ab" * 20}}],
        "predicateType": "https://in-toto.io/attestation/link/v0.3",
        "predicate": {
            "name": "build",
            "command": ["make", "all"],
            "materials": [
                {"name": "src/a", "digest": {**OTHER, "mode": "0644"}},
                {"name": "src/b", "digest": SHA},
            ],
            "byproducts": LINK.byproducts,
            "environment": LINK.environment,
        },
    }


@pytest.mark.parametrize("kind", [LEGACY, OLDER])
def test_a_link_in_the_older_form_is_in_there_as_it_is(kind: str) -> None:
    document = link_to_statement(LINK, predicate_type=kind, version="v0.1")

    assert document["_type"] == "https://in-toto.io/Statement/v0.1"
    assert document["predicate"] == LINK.document()
    assert [subject["name"] for subject in document["subject"]] == ["app", "git:."]


@pytest.mark.parametrize("kind", LINK_TYPES)
@pytest.mark.parametrize("version", ["v0.1", "v1"])
def test_a_link_comes_back_as_it_was(kind: str, version: str) -> None:
    assert back(link_to_statement(LINK, predicate_type=kind, version=version)) == LINK


@pytest.mark.parametrize("kind", LINK_TYPES)
def test_a_tampered_artifact_comes_back_as_another_link(kind: str) -> None:
    tampered = LINK.replace(products={**LINK.products, "app": OTHER})

    assert back(link_to_statement(tampered, predicate_type=kind)) != LINK


def test_the_older_form_may_be_about_an_image() -> None:
    document = link_to_statement(LINK, predicate_type=LEGACY, subjects=[IMAGE])

    assert document["subject"] == [{"name": IMAGE.name, "digest": OTHER}]
    assert back(document, strict=False) == LINK
    assert refused(document) == (
        "subject[0]: 'registry.example.com/app' is no product of the link,"
        " which has no place for what it is about otherwise"
    )


def test_the_newer_form_is_about_its_products_only() -> None:
    with pytest.raises(UsageError, match="the subjects of this type of link are its products"):
        link_to_statement(LINK, subjects=[IMAGE])


@pytest.mark.parametrize("kind", LINK_TYPES)
def test_a_link_without_products_is_about_nothing(kind: str) -> None:
    with pytest.raises(FormatError, match=r"^products: the link 'build' has no products, and a statement about no"):
        link_to_statement(LINK.replace(products={}), predicate_type=kind)


def test_a_link_without_products_may_be_about_an_image() -> None:
    link = LINK.replace(products={})

    assert back(link_to_statement(link, predicate_type=LEGACY, subjects=[IMAGE]), strict=False) == link


def test_another_type_is_no_link() -> None:
    with pytest.raises(UsageError, match=r"^expected the type of a link, .*, got 'https://slsa\.dev/provenance/v1'$"):
        link_to_statement(LINK, predicate_type="https://slsa.dev/provenance/v1")
    assert refused(make_statement([{"digest": SHA}], "https://slsa.dev/provenance/v1", {})) == (
        "predicateType: expected a link, got 'https://slsa.dev/provenance/v1'"
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"products": {"app": {"sha256": "ab"}}}, "subject[0].digest.sha256: expected 64 lower-case"),
        ({"products": {"app": {"sha256": "AB" * 32}}}, "subject[0].digest.sha256: expected 64 lower-case"),
        ({"materials": {"a": {"sha256": "AB" * 32}}}, "predicate.materials[0].digest.sha256: expected 64 lower-case"),
    ],
)
def test_a_digest_that_no_statement_may_have_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(FormatError) as caught:
        link_to_statement(LINK.replace(**changes))
    assert str(caught.value).startswith(said)


def test_what_may_be_left_out_is_empty() -> None:
    expected = Link(name="build", products={"app": SHA})

    assert back(new()) == back(legacy()) == expected
    empty = {"command": None, "byproducts": None, "environment": None}
    assert back(new(**empty, materials=None)) == back(legacy(**empty, products=None)) == expected


def test_early_statements_have_their_products_as_subjects() -> None:
    assert back(legacy()).products == {"app": SHA}
    assert back(legacy(products={"app": SHA})).products == {"app": SHA}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (new(name="../x"), "predicate.name: expected a plain name"),
        (new(name=None), "predicate.name: expected text"),
        (new(command="make"), "predicate.command: expected a list"),
        (new(byproducts=[]), "predicate.byproducts: expected an object"),
        (new(materials=[{"name": "./a", "digest": SHA}]), "predicate.materials: expected a normalised path"),
        (new(materials=[{"name": "a", "digest": {"x": "?"}}]), "predicate.materials['a'].x: expected hexadecimal"),
        (new(materials=[{"name": n, "digest": SHA} for n in ("a", "file:a")]), "predicate.materials: 'a' stands here"),
        (new(materials=[{"digest": SHA}]), "predicate.materials[0].name: missing"),
        (legacy(materials={"a//b": SHA}), "predicate.materials: expected a normalised path"),
        (legacy(products={"a": SHA}), "subject[0]: 'app' is no product of the link"),
        (legacy(products={"app": OTHER}), "subject[0]: 'app' is no product of the link"),
        (make_statement([{"digest": SHA}], NEW, {"name": "build"}), "subject[0].name: missing"),
        (make_statement([{"digest": SHA}], LEGACY, {"name": "b", "materials": {}}), "subject[0].name: missing"),
        (
            make_statement([{"name": "a/../b", "digest": SHA}], NEW, {"name": "b"}),
            "subject: expected a normalised path",
        ),
    ],
)
def test_what_no_link_may_be_is_refused_with_its_path(document: dict[str, Any], said: str) -> None:
    assert refused(document).startswith(said)


MORE = {"name": "a", "digest": SHA, "mediaType": "text/plain"}


@pytest.mark.parametrize(
    ("document", "where"),
    [
        ({**new(), "example_more": 1}, "example_more"),
        (new(example_more={"a": 1}), "predicate.example_more"),
        (new(materials=[MORE]), "predicate.materials[0].mediaType"),
        (new(materials=[{"name": "a", "digest": SHA, "uri": "pkg:oci/a"}]), "predicate.materials[0].uri"),
        ({**new(), "subject": [MORE]}, "subject[0].mediaType"),
        (new(products={"a": SHA}), "predicate.products"),
        (legacy(example_more=False), "predicate.example_more"),
    ],
)
def test_what_a_link_has_no_place_for_is_refused_or_left_out_knowingly(document: dict[str, Any], where: str) -> None:
    assert refused(document) == f"{where}: a link has no place for this field, and it would be lost"

    assert back(document, strict=False).name == "build"


def test_a_field_that_says_nothing_is_nothing_lost() -> None:
    material = {"name": "a", "digest": SHA, "uri": "", "annotations": {}, "mediaType": None}

    assert back(new(materials=[material], example_more=None)).materials == {"a": SHA}


def test_a_link_that_was_read_from_a_large_document_is_written_plainly() -> None:
    many = {f"src/{i}": {"sha256": f"{i:064x}"} for i in range(2000)}
    small = LINK.replace(materials=many, products=many)

    found = read_link(read_json(write_json(small.document()), seen=Seen(are_plain)))

    assert isinstance(found.materials, UniformObject)
    assert link_to_statement(found) == link_to_statement(small)
    assert link_to_statement(found, predicate_type=LEGACY) == link_to_statement(small, predicate_type=LEGACY)
    assert back(link_to_statement(found)) == small
