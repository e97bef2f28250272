"""Tests of `in_toto.rulelib`: rules are taken apart and put together, and what has no shape is refused."""

from __future__ import annotations

from typing import Any

import pytest

from in_toto import rulelib
from in_toto.exceptions import FormatError
from in_toto.rulelib import ALL_RULES, GENERIC_RULES, pack_rule, pack_rule_data, unpack_rule

MATCHES: list[tuple[list[str], dict[str, str]]] = [
    (
        ["MATCH", "*", "WITH", "PRODUCTS", "FROM", "build"],
        {"source_prefix": "", "dest_prefix": "", "dest_type": "products", "dest_name": "build"},
    ),
    (
        ["MATCH", "*", "IN", "a", "WITH", "MATERIALS", "FROM", "build"],
        {"source_prefix": "a", "dest_prefix": "", "dest_type": "materials", "dest_name": "build"},
    ),
    (
        ["MATCH", "*", "WITH", "PRODUCTS", "IN", "b", "FROM", "build"],
        {"source_prefix": "", "dest_prefix": "b", "dest_type": "products", "dest_name": "build"},
    ),
    (
        ["MATCH", "*", "IN", "a/", "WITH", "PRODUCTS", "IN", "./b", "FROM", "../build"],
        {"source_prefix": "a/", "dest_prefix": "./b", "dest_type": "products", "dest_name": "../build"},
    ),
]


@pytest.mark.parametrize(("rule", "parts"), MATCHES)
def test_every_shape_of_match_is_taken_apart_and_put_together(rule: list[str], parts: dict[str, str]) -> None:
    data = unpack_rule(rule)
    assert data == {"rule_type": "match", "pattern": "*", **parts}
    assert pack_rule_data(data) == rule
    assert unpack_rule([rule[0].lower(), *rule[1:]]) == data


@pytest.mark.parametrize("keyword", sorted(GENERIC_RULES))
def test_a_rule_with_a_pattern_is_taken_apart_and_put_together(keyword: str) -> None:
    rule = [keyword.upper(), "FOO"]
    assert unpack_rule([keyword.title(), "FOO"]) == {"rule_type": keyword, "pattern": "FOO"}
    assert pack_rule_data(unpack_rule(rule)) == rule
    assert getattr(rulelib, f"pack_{keyword}_rule")("FOO") == rule
    with pytest.raises(FormatError, match="Wrong rule format"):
        unpack_rule([*rule, "BAR"])


@pytest.mark.parametrize("pattern", ["[^a]", "a\\b", "[", "a//b", "", "[z-a]"])
def test_a_pattern_that_no_verifier_takes_can_be_looked_at(pattern: str) -> None:
    assert unpack_rule(["DISALLOW", pattern])["pattern"] == pattern


@pytest.mark.parametrize(
    "rule",
    [
        "CREATE a",
        ("CREATE", "a"),
        None,
        [],
        ["CREATE"],
        ["SUBVERT", "a"],
        ["CREATE", 1],
        ["CREATE", "a", "b"],
        ["MATCH", "a"],
        ["MATCH", "a", "WITH", "PRODUCTS"],
        ["MATCH", "a", "WITH", "PONIES", "FROM", "build"],
        ["MATCH", "a", "WITH", "PRODUCTS", "FROM", "build", "really?"],
        ["MATCH", "a", "IN", "b", "WITH", "PRODUCTS", "IN", "c", "FROM", ("build",)],
        ["MATCH", "a", "IN", "b", "IN", "c", "WITH", "PRODUCTS", "FROM", "build"],
    ],
)
def test_what_has_no_shape_is_refused(rule: object) -> None:
    with pytest.raises(FormatError):
        unpack_rule(rule)  # type: ignore[arg-type]  # the point


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((1, "a"), "expected str"),
        (("create", None), "expected str"),
        (("subvert", "a"), "is not a valid 'type'"),
        (("match", "a"), "is not a valid 'dest_type'"),
        (("match", "a", None, "ponies", None, "build"), "is not a valid 'dest_type'"),
        (("match", "a", None, "products"), "is not a valid 'dest_name'"),
        (("match", "a", None, "products", None, ""), "is not a valid 'dest_name'"),
        (("match", "a", 1, "products", None, "build"), "expected str"),
        (("match", "a", None, "products", ["b"], "build"), "expected str"),
    ],
)
def test_parts_that_make_no_rule_are_refused(arguments: tuple[Any, ...], says: str) -> None:
    with pytest.raises(FormatError, match=says):
        pack_rule(*arguments)


def test_keywords_of_a_packed_rule_are_in_upper_case() -> None:
    assert pack_rule("Match", "a", "", "materials", None, "b") == ["MATCH", "a", "WITH", "MATERIALS", "FROM", "b"]
    assert pack_rule("allow", "a") == ["ALLOW", "a"]
    assert {"match"} == ALL_RULES - GENERIC_RULES
