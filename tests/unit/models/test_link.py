from __future__ import annotations

from typing import Any

import pytest

from custody.errors import FormatError
from custody.models.link import Link, read_link

SHA = {"sha256": "ab" * 32}
LINK = {
    "_type": "link",
    "name": "build",
    "command": ["make", "all"],
    "materials": {"src/a": SHA},
    "products": {"app": SHA, "git:x": {"sha1": "cd" * 20}},
    "byproducts": {"stdout": "", "stderr": "", "return-value": 0},
    "environment": {"workdir": "/w", "startedOn": "2030-01-01T00:00:00Z"},
}


def link(**changes: object) -> dict[str, Any]:
    return {name: value for name, value in {**LINK, **changes}.items() if value is not ...}


def refused(document: object) -> str:
    with pytest.raises(FormatError) as caught:
        read_link(document)
    return str(caught.value)


def test_a_link_is_read_and_written_back() -> None:
    found = read_link(LINK)
    assert (found.name, found.command, found.return_value) == ("build", ("make", "all"), 0)
    assert found.materials == {"src/a": SHA}
    assert found.document() == LINK
    assert read_link(found.document()) == found


def test_a_link_without_a_command_is_read() -> None:
    assert read_link(link(command=[], byproducts={})).command == ()


def test_unknown_fields_are_ignored() -> None:
    assert read_link(link(extra={"a": 1})) == read_link(LINK)


@pytest.mark.parametrize("field", ["byproducts", "environment"])
def test_claims_that_nobody_made_may_be_left_out(field: str) -> None:
    assert getattr(read_link(link(**{field: ...})), field) == {}


@pytest.mark.parametrize("field", ["_type", "name", "command", "materials", "products"])
def test_evidence_may_not_be_left_out(field: str) -> None:
    assert refused(link(**{field: ...})) == f"{field}: missing"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"_type": "layout"}, "_type: expected 'link', got 'layout'"),
        ({"name": "../evil"}, "name: expected a plain name, got '../evil' with '/' in it"),
        ({"name": ""}, "name: expected a name"),
        ({"command": "make"}, "command: expected a list, got 'make'"),
        ({"command": ["make", 1]}, "command[1]: expected text, got 1"),
        ({"materials": None}, "materials: expected an object, got null"),
        ({"materials": []}, "materials: expected an object, got an empty list"),
        ({"products": {"a": "ab"}}, "products['a']: expected an object, got 'ab'"),
        ({"products": {"a": {}}}, "products['a']: expected at least one digest, got none"),
        ({"products": {"a": {"sha256": 1}}}, "products['a'].sha256: expected hexadecimal digits, got 1"),
        ({"byproducts": None}, "byproducts: expected an object, got null"),
        ({"environment": []}, "environment: expected an object, got an empty list"),
    ],
)
def test_wrong_fields_are_refused_with_their_path(changes: dict[str, object], message: str) -> None:
    assert refused(link(**changes)).startswith(message)


@pytest.mark.parametrize("side", ["materials", "products"])
@pytest.mark.parametrize("name", ["dir/../foo", "./foo", "foo/", "//foo", "file:./foo", ""])
def test_cve_2021_41087_a_malformed_artifact_is_refused(side: str, name: str) -> None:
    assert refused(link(**{side: {name: SHA}})).startswith(f"{side}: expected a normalised path, got {name!r}")


def test_d7_an_artifact_may_be_a_uri_outside_or_absolute() -> None:
    names = ["../src/a", "/abs/a", "git:https://x//y", "myapp:1.0.0"]
    assert list(read_link(link(products=dict.fromkeys(names, SHA))).products) == names


def test_d7_file_is_a_spelling_of_the_path() -> None:
    assert list(read_link(link(products={"file:foo": SHA})).products) == ["foo"]
    assert "stands here twice" in refused(link(products={"file:foo": SHA, "foo": SHA}))


@pytest.mark.parametrize("value", [0, 1, -9, 247])
def test_d25_a_return_value_is_an_integer(value: int) -> None:
    assert read_link(link(byproducts={"return-value": value})).return_value == value


@pytest.mark.parametrize("value", [..., None, "0", 0.0, True, False, [0]])
def test_d25_anything_else_is_an_unknown_return_value(value: object) -> None:
    byproducts = {} if value is ... else {"return-value": value}
    assert read_link(link(byproducts=byproducts)).return_value is None


@pytest.mark.parametrize("value", [None, [], "link", 1])
def test_what_is_no_object_is_refused(value: object) -> None:
    assert refused(value).startswith("expected an object, got ")


def test_a_link_has_no_artifacts_unless_it_says_so() -> None:
    assert Link(name="x").materials == Link(name="x").products == {}
