from __future__ import annotations

from typing import Any

import pytest

from custody.errors import FormatError, UsageError
from custody.verification.parameters import ParameterMissingError, substitute


def layout(*rules: list[str], command: list[str] | None = None) -> dict[str, Any]:
    return {"steps": [{"expected_products": list(rules), "expected_command": command or []}], "readme": "{v}"}


def put(*tokens: str, **values: str) -> list[str]:
    document: Any = substitute(layout(list(tokens)), values)
    rule: list[str] = document["steps"][0]["expected_products"][0]
    return rule


@pytest.mark.parametrize(
    ("tokens", "values", "expected"),
    [
        (["CREATE", "app-{v}"], {"v": "1.0"}, ["CREATE", "app-1.0"]),
        (["CREATE", "{v}{v}"], {"v": "a"}, ["CREATE", "aa"]),
        (["CREATE", "{v}"], {"v": "*?[x"}, ["CREATE", "[*][?][[]x"]),
        (["REQUIRE", "{v}"], {"v": "*"}, ["REQUIRE", "*"]),
        (["require", "{v}"], {"v": "*"}, ["require", "*"]),
        (
            ["MATCH", "*", "IN", "{d}", "WITH", "PRODUCTS", "IN", "{d}", "FROM", "{s}"],
            {"d": "a*", "s": "build"},
            ["MATCH", "*", "IN", "a*", "WITH", "PRODUCTS", "IN", "a*", "FROM", "build"],
        ),
        (["CREATE", "{a}"], {"a": "{b}", "b": "x"}, ["CREATE", "{b}"]),
        (["CREATE", "[ab]{v}[!]x][[]{v}"], {"v": "!*"}, ["CREATE", "[ab]![*][!]x][[]![*]"]),
        (["CREATE", "{v}]"], {"v": "[a"}, ["CREATE", "[[]a]"]),
        (["MATCH", "*", "IN", "[{v}]", "WITH"], {"v": "!a"}, ["MATCH", "*", "IN", "[!a]", "WITH"]),
        (["REQUIRE", "[{v}]"], {"v": "!a"}, ["REQUIRE", "[!a]"]),
        (["CREATE", "{x.y} {0} {} {a b} {a"], {"a": "x"}, ["CREATE", "{x.y} {0} {} {a b} {a"]),
        (["{v}", "x"], {"v": "CREATE"}, ["{v}", "x"]),
    ],
)
def test_a_value_goes_where_its_name_stands(tokens: list[str], values: dict[str, str], expected: list[str]) -> None:
    assert put(*tokens, **values) == expected


def test_a_name_without_a_value_is_an_error_in_rules_and_stays_in_commands() -> None:
    document: Any = substitute(layout(command=["echo", "{other}", "{v}"]), {"v": "1"})
    assert document["steps"][0]["expected_command"] == ["echo", "{other}", "1"]
    with pytest.raises(ParameterMissingError) as caught:
        substitute(layout(["CREATE", "{v}"], ["MATCH", "*", "IN", "{other}"]), {"v": "1"})
    assert caught.value.where == "steps[0].expected_products[1][3]"
    assert type(caught.value.within("a.layout")) is ParameterMissingError


@pytest.mark.parametrize("pattern", ["v[{v}]", "[!{v}]", "[]{v}]", "[!]{v}]", "[a]b[c{v}]", "[{v}"])
@pytest.mark.parametrize("value", ["!a", "a-z", "a]", "a"])
def test_a_value_never_stands_inside_a_set_where_it_would_not_be_literal(pattern: str, value: str) -> None:
    with pytest.raises(FormatError, match="inside a set") as caught:
        put("ALLOW", pattern, v=value)
    assert caught.value.where == "steps[0].expected_products[0][1]"


def test_only_rules_and_commands_are_touched_and_the_document_stays_as_it_was() -> None:
    document = layout(["CREATE", "{v}"])
    result = substitute(document, {"v": "1"})
    assert result["readme"] == "{v}"
    assert document == layout(["CREATE", "{v}"])
    assert substitute(document, {}) is document


def test_inspections_are_treated_alike() -> None:
    document = {"inspect": [{"run": ["tar", "{v}"], "expected_materials": [["ALLOW", "{v}"]]}]}
    result: Any = substitute(document, {"v": "x*"})
    assert result["inspect"][0] == {"run": ["tar", "x*"], "expected_materials": [["ALLOW", "x[*]"]]}


@pytest.mark.parametrize("name", ["", "1a", "a b", "a.b", "{a}", "é"])
def test_a_name_that_is_no_identifier_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="identifier"):
        substitute(layout(), {name: "x"})


@pytest.mark.parametrize(
    "document",
    [{"steps": 1}, {"steps": [1]}, {"steps": [{"expected_products": 1}]}, {"steps": [{"expected_products": [1, []]}]}],
)
def test_what_is_no_layout_is_left_for_its_reader_to_refuse(document: dict[str, Any]) -> None:
    assert substitute(document, {"v": "1"}) == document
