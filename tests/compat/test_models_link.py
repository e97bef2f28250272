"""Tests of `in_toto.models.link` and `in_toto.models.common`."""

from __future__ import annotations

import json

import pytest

from custody.encoding.canonical import canonical_json
from in_toto.exceptions import FormatError
from in_toto.models.common import Signable, ValidationMixin
from in_toto.models.link import FILENAME_FORMAT, FILENAME_FORMAT_SHORT, UNFINISHED_FILENAME_FORMAT, Link

DIGEST = {"sha256": "ab" * 32}


def whole() -> Link:
    """Return a link with something in every field."""
    return Link(
        name="build",
        materials={"src": DIGEST},
        products={"app": DIGEST},
        byproducts={"return-value": 0},
        command=["make"],
        environment={"workdir": "/src"},
    )


def test_a_link_says_what_it_was_given() -> None:
    assert whole().document() == {
        "_type": "link",
        "name": "build",
        "materials": {"src": DIGEST},
        "products": {"app": DIGEST},
        "byproducts": {"return-value": 0},
        "command": ["make"],
        "environment": {"workdir": "/src"},
    }
    assert whole().type_ == "link"
    assert Link.read(whole().document()) == Link.read_signed(whole().document()) == whole()


def test_an_empty_link_has_every_field() -> None:
    assert Link().document() == {
        "_type": "link",
        "name": None,
        "materials": {},
        "products": {},
        "byproducts": {},
        "command": [],
        "environment": {},
    }


def test_links_are_equal_by_their_fields() -> None:
    changed = whole()
    changed.products["app"] = {"sha256": "cd" * 32}
    assert whole() == whole() != changed
    assert json.loads(repr(changed)) == changed.document()


def test_signable_bytes_follow_every_change() -> None:
    link = whole()
    before = link.signable_bytes
    assert before == canonical_json(link.document())
    link.command.append("all")
    assert link.signable_bytes == canonical_json(link.document()) != before


def test_what_has_no_canonical_form_cannot_be_signed() -> None:
    link = Link(name="a", byproducts={"seconds": 1})
    assert link.signable_bytes
    link.byproducts["seconds"] = 1.5
    with pytest.raises(FormatError, match="fractions"):
        _ = link.signable_bytes


def test_d2_a_signed_link_is_written_as_it_was() -> None:
    document = {"_type": "link", "name": "a", "materials": {}, "products": {}, "command": [], "comment": "mine"}
    assert Link.read_signed(document).document() == document
    assert Link.read(document).document() == {**document, "byproducts": {}, "environment": {}}
    link = Link.read_signed(document)
    link.byproducts = {"return-value": 1}
    assert link.document() == {**document, "byproducts": {"return-value": 1}}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("_type", "layout"),
        ("materials", "a"),
        ("materials", {"a": "b"}),
        ("materials", {"a": {"sha256": False}}),
        ("materials", {"a": {False: "ab"}}),
        ("products", ["a"]),
        ("products", {"a": {"sha256": "ghijk"}}),
        ("products", {"a": {"sha256": ""}}),
        ("byproducts", "a"),
        ("command", "make"),
        ("environment", []),
    ],
)
def test_what_is_malformed_is_refused(name: str, value: object) -> None:
    link = whole()
    link.validate()
    setattr(link, name, value)
    with pytest.raises(FormatError):
        link.validate()
    with pytest.raises(FormatError):
        Link.read({**whole().document(), name: value})


@pytest.mark.parametrize("document", [None, [], "link"])
def test_what_is_no_object_is_no_link(document: object) -> None:
    with pytest.raises(FormatError, match="expected dict"):
        Link.read(document)  # type: ignore[arg-type]  # the point
    with pytest.raises(FormatError, match="expected dict"):
        Link.read_signed(document)  # type: ignore[arg-type]  # the point


def test_files_are_named_after_step_and_key() -> None:
    keyid = "0123456789"
    assert FILENAME_FORMAT.format(step_name="a", keyid=keyid) == "a.01234567.link"
    assert FILENAME_FORMAT_SHORT.format(step_name="a") == "a.link"
    assert UNFINISHED_FILENAME_FORMAT.format(step_name="a", keyid=keyid) == ".a.01234567.link-unfinished"


def test_validation_asks_every_method_for_it() -> None:
    class Even(ValidationMixin):
        def __init__(self, number: int) -> None:
            self.number = number

        def _validate_number(self) -> None:
            if self.number % 2:
                raise FormatError("odd")

    Even(2).validate()
    with pytest.raises(FormatError, match="odd"):
        Even(3).validate()


def test_what_has_no_fields_is_an_empty_document() -> None:
    assert repr(Signable()) == "{}"
    assert Signable().signable_bytes == b"{}"
