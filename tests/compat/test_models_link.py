"""Tests of `in_toto.models.link` and `in_toto.models.common`."""

from __future__ import annotations

import copy
import json
from hashlib import sha256
from pathlib import Path

import pytest

from custody.encoding.canonical import canonical_json
from in_toto.exceptions import FormatError
from in_toto.models.common import Signable, ValidationMixin
from in_toto.models.link import FILENAME_FORMAT, FILENAME_FORMAT_SHORT, UNFINISHED_FILENAME_FORMAT, Link
from in_toto.models.metadata import Envelope, Metablock
from in_toto.runlib import in_toto_run

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


@pytest.fixture
def many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Link:
    """Return the unsigned link of a step with many files, which nobody has looked into."""
    for number in range(600):
        (tmp_path / f"{number}é").write_text(f"{number}")
    monkeypatch.chdir(tmp_path)
    payload = in_toto_run("build", ["."], ["."], []).get_payload()
    assert isinstance(payload, Link)
    return payload


def test_artifacts_of_a_recording_are_dicts_that_can_be_changed(many: Link) -> None:
    expected = {f"{number}é": {"sha256": sha256(f"{number}".encode()).hexdigest()} for number in range(600)}
    assert json.loads(json.dumps(many.materials)) == json.loads(json.dumps(many.document()))["products"] == expected
    many.products["7é"]["sha256"] = "ab" * 32
    many.materials.pop("8é")
    assert many.products == {**expected, "7é": DIGEST}
    assert many.materials == {name: digests for name, digests in expected.items() if name != "8é"}
    assert many.document()["products"] == many.products
    assert json.loads(many.signable_bytes) == many.document()


@pytest.mark.parametrize("compact", [False, True])
def test_link_of_a_recording_is_written_as_one_that_somebody_made(many: Link, compact: bool) -> None:
    same = copy.copy(many)
    taken_apart = Link(**{name: getattr(same, name) for name in Link._FIELDS if name != "_type"})
    assert many.signable_bytes == taken_apart.signable_bytes == canonical_json(many.document())
    assert str(Metablock(signed=many, compact_json=compact)) == str(Metablock(signed=taken_apart, compact_json=compact))
    assert Envelope.from_signable(many).payload == Envelope.from_signable(taken_apart).payload
    assert many == taken_apart
    many.validate()
    taken_apart.products["7é"] = {"sha256": "no digits"}
    assert many != taken_apart
    with pytest.raises(FormatError):
        taken_apart.validate()
