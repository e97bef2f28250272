"""The single rules and lists of rules of `in_toto.verifylib`."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from in_toto.exceptions import FormatError, RuleVerificationError
from in_toto.models.layout import Step
from in_toto.models.link import Link
from in_toto.rulelib import unpack_rule
from in_toto.verifylib import (
    verify_all_item_rules,
    verify_allow_rule,
    verify_create_rule,
    verify_delete_rule,
    verify_disallow_rule,
    verify_item_rules,
    verify_match_rule,
    verify_modify_rule,
    verify_require_rule,
)
from tests.simulator import hashed

LINK = Link(
    name="item",
    materials=hashed({"same": "1", "changed": "1", "deleted": "1"}),
    products=hashed({"same": "1", "changed": "2", "created": "1"}),
)
LINKS = {
    "item": LINK,
    "other": Link(name="other", materials=hashed({"a/x": "1"}), products=hashed({"b/x": "1", "b/y": "2", "x": "1"})),
}

FAULTY = ["[^a]", "a\\b", "[a", "[z-a]", ""]


@pytest.mark.parametrize(
    ("pattern", "queue", "expected"),
    [("created", {"created"}, {"created"}), ("*", {"same", "created"}, {"created"}), ("created", set(), set())],
)
def test_create_consumes_what_is_new(pattern: str, queue: set[str], expected: set[str]) -> None:
    assert verify_create_rule(pattern, queue, set(LINK.materials), set(LINK.products)) == expected


@pytest.mark.parametrize(
    ("pattern", "queue", "expected"),
    [("deleted", {"deleted"}, {"deleted"}), ("*", {"same", "deleted"}, {"deleted"}), ("same", {"same"}, set())],
)
def test_delete_consumes_what_is_gone(pattern: str, queue: set[str], expected: set[str]) -> None:
    assert verify_delete_rule(pattern, queue, set(LINK.materials), set(LINK.products)) == expected


@pytest.mark.parametrize(
    ("pattern", "queue", "expected"),
    [("changed", {"changed"}, {"changed"}), ("*", {"same", "changed", "created"}, {"changed"}), ("*", set(), set())],
)
def test_modify_consumes_what_has_other_digests(pattern: str, queue: set[str], expected: set[str]) -> None:
    assert verify_modify_rule(pattern, queue, LINK.materials, LINK.products) == expected


def test_d11_what_cannot_be_compared_was_not_modified() -> None:
    one, other = {"a": {"md5": "00"}}, {"a": {"md5": "01"}}
    assert verify_modify_rule("a", {"a"}, one, other) == set()


def test_allow_consumes_what_matches() -> None:
    assert verify_allow_rule("a*", ["a", "ab", "b"]) == {"a", "ab"}
    assert verify_allow_rule("c", ["a", "ab", "b"]) == set()


def test_disallow_fails_on_what_matches() -> None:
    verify_disallow_rule("a*", {"b"})
    verify_disallow_rule("*", {})
    with pytest.raises(RuleVerificationError) as caught:
        verify_disallow_rule("a*", {"b", "ab", "a"})
    assert str(caught.value) == "'DISALLOW a*' matched the following artifacts: ['a', 'ab']"


def test_require_is_literal() -> None:
    verify_require_rule("*", {"*", "b"})
    with pytest.raises(RuleVerificationError) as caught:
        verify_require_rule("*", {"a"})
    assert str(caught.value) == "'REQUIRE *' did not find * in: ['a']"


@pytest.mark.parametrize(
    ("rule", "queue", "expected"),
    [
        ("MATCH x WITH PRODUCTS FROM other", {"x": "1"}, {"x"}),
        ("MATCH x WITH PRODUCTS FROM other", {"x": "2"}, set()),
        ("MATCH x WITH MATERIALS FROM other", {"x": "1"}, set()),
        ("MATCH x WITH MATERIALS IN a FROM other", {"x": "1"}, {"x"}),
        ("MATCH * IN c WITH PRODUCTS IN b FROM other", {"c/x": "1", "c/y": "1", "x": "1"}, {"c/x"}),
        ("MATCH * IN c/ WITH PRODUCTS IN b/ FROM other", {"c/x": "1", "c/y": "2"}, {"c/x", "c/y"}),
        ("MATCH x WITH PRODUCTS FROM nobody", {"x": "1"}, set()),
    ],
)
def test_match_compares_with_another_link(rule: str, queue: dict[str, str], expected: set[str]) -> None:
    artifacts = hashed(queue)
    assert verify_match_rule(unpack_rule(rule.split()), set(artifacts), artifacts, LINKS) == expected
    assert verify_match_rule(unpack_rule(rule.split()), set(), artifacts, LINKS) == set()


@pytest.mark.parametrize("pattern", FAULTY)
def test_d6_patterns_that_verifiers_disagree_about_are_refused(pattern: str) -> None:
    data = {**unpack_rule(["MATCH", "x", "WITH", "PRODUCTS", "FROM", "other"]), "pattern": pattern}
    calls: list[tuple[Any, ...]] = [
        (verify_create_rule, pattern, set(), set(), set()),
        (verify_delete_rule, pattern, set(), set(), set()),
        (verify_modify_rule, pattern, set(), {}, {}),
        (verify_allow_rule, pattern, set()),
        (verify_disallow_rule, pattern, set()),
        (verify_match_rule, data, set(), {}, LINKS),
    ]
    for function, *arguments in calls:
        with pytest.raises(FormatError):
            function(*arguments)


ALL_KINDS = [
    ["DELETE", "deleted"],
    ["CREATE", "created"],
    ["MODIFY", "changed"],
    ["REQUIRE", "same"],
    ["MATCH", "same", "WITH", "MATERIALS", "FROM", "item"],
    ["ALLOW", "nothing"],
    ["disallow", "*"],
]


@pytest.mark.parametrize("side", ["materials", "products"])
def test_a_list_of_rules_of_every_kind_holds_until_one_of_them_is_missing(side: str) -> None:
    verify_item_rules("item", side, ALL_KINDS, LINKS)
    for missing in (2, 4):
        with pytest.raises(RuleVerificationError):
            verify_item_rules("item", side, ALL_KINDS[:missing] + ALL_KINDS[missing + 1 :], LINKS)


def test_what_no_rule_consumes_is_allowed() -> None:
    verify_item_rules("item", "materials", [], LINKS)
    with pytest.raises(RuleVerificationError):
        verify_item_rules("item", "materials", [["DISALLOW", "deleted"]], LINKS)


def test_a_failure_tells_what_was_in_the_queue() -> None:
    rules = [["ALLOW", "same"], ["DELETE", "deleted"], ["DISALLOW", "*"]]
    with pytest.raises(RuleVerificationError) as caught:
        verify_item_rules("item", "materials", rules, LINKS)
    assert str(caught.value) == (
        "'DISALLOW *' matched the following artifacts: ['changed']\n"
        "Full trace for 'expected_materials' of item 'item':\n"
        "Available materials (used for queue):\n"
        "['same', 'changed', 'deleted']\n"
        "Available products:\n"
        "['same', 'changed', 'created']\n"
        "Queue after 'ALLOW same':\n"
        "['changed', 'deleted']\n"
        "Queue after 'DELETE deleted':\n"
        "['changed']\n"
    )
    with pytest.raises(RuleVerificationError) as caught:
        verify_item_rules("item", "products", [["ALLOW", "s*"], ["REQUIRE", "same"]], LINKS)
    assert str(caught.value).startswith("'REQUIRE same' did not find same in: ['changed', 'created']\nFull trace for")
    assert "Available products (used for queue):" in str(caught.value)


def test_a_failure_about_a_hundred_thousand_artifacts_is_told_in_a_few_kilobytes() -> None:
    products = hashed({f"{'x' * 300}/{number:06}": "1" for number in range(100_000)})
    links = {"item": Link(name="item", products=products)}
    rules = [["ALLOW", f"{'x' * 300}/{number:05}*"] for number in range(200)]
    for last in (["DISALLOW", "*"], ["REQUIRE", "y"]):
        with pytest.raises(RuleVerificationError) as caught:
            verify_item_rules("item", "products", [*rules, last], links)
        text = str(caught.value)
        assert len(text) < 100_000
        assert text.splitlines()[0].endswith("] and 97980 more")
        assert "(190 rules, after the last of which 98100 artifacts were in the queue)\n" in text
        assert text.count("Queue after ") == 10
        assert text.endswith("] and 97980 more\n")


def test_a_failure_names_what_each_rule_left_in_order() -> None:
    products = hashed({f"{letter}{number:02}": "1" for letter in "ab" for number in range(15)})
    links = {"item": Link(name="item", products=products)}
    rules = [["ALLOW", "a*1"], ["ALLOW", "b0*"], ["ALLOW", "*2"], ["DISALLOW", "*"]]
    with pytest.raises(RuleVerificationError) as caught:
        verify_item_rules("item", "products", rules, links)
    lines = str(caught.value).splitlines()
    queue = sorted(products)
    for rule, taken in zip(rules, ({"a01", "a11"}, {f"b0{n}" for n in range(10)}, {"a02", "a12", "b12"}), strict=False):
        queue = [name for name in queue if name not in taken]
        more = f" and {len(queue) - 20} more" if len(queue) > 20 else ""
        assert lines[lines.index(f"Queue after '{' '.join(rule)}':") + 1] == f"{queue[:20]}{more}"


def test_d7_an_artifact_has_one_name_among_rules_for_links() -> None:
    rules = [["DISALLOW", "evil"]]
    verify_item_rules("build", "products", rules, {"build": Link(name="build", products=hashed({"good": "1"}))})
    for second_name in ("./evil", "dir/../evil", "//evil", "evil/"):
        links = {"build": Link(name="build", products=hashed({second_name: "1"}))}
        with pytest.raises(FormatError, match="expected a normalised path"):
            verify_item_rules("build", "products", rules, links)
    links = {"build": Link(name="build", products=hashed({"file:evil": "1"}))}
    with pytest.raises(RuleVerificationError, match=r"'DISALLOW evil' matched the following artifacts: \['evil'\]"):
        verify_item_rules("build", "products", rules, links)


def test_d7_an_artifact_has_one_name_among_links_that_rules_match() -> None:
    rules = [["MATCH", "a", "WITH", "PRODUCTS", "FROM", "other"], ["DISALLOW", "*"]]
    own = Link(name="item", materials=hashed({"a": "1"}))
    others = {"item": own, "other": Link(name="other", products=hashed({"a": "1"}))}
    verify_item_rules("item", "materials", rules, others)
    others["other"] = Link(name="other", products=hashed({"a": "1", "./a": "1"}))
    with pytest.raises(FormatError, match="products of 'other'"):
        verify_item_rules("item", "materials", rules, others)


def test_a_side_that_there_is_not_is_an_error() -> None:
    with pytest.raises(FormatError, match="one of 'materials' or 'products'"):
        verify_item_rules("item", "artifacts", [], LINKS)


@pytest.mark.parametrize("rule", [["src/**"], ["ALLOW"], ["ALLOW", "[^a]"], ["ALLOW", "./a"], ["MATCH", "a"]])
def test_a_malformed_rule_is_an_error(rule: list[str]) -> None:
    with pytest.raises(FormatError, match=r"expected_products of 'item'\[1\]"):
        verify_item_rules("item", "products", [["ALLOW", "*"], rule], LINKS)


def test_the_rules_of_all_items_are_looked_at(caplog: pytest.LogCaptureFixture) -> None:
    first = Step(name="item", expected_materials=[["ALLOW", "*"]], expected_products=[["ALLOW", "*"]])
    second = Step(name="other", expected_products=[["DISALLOW", "z"]])
    with caplog.at_level(logging.INFO, "in_toto"):
        verify_all_item_rules([first, second], LINKS)
    assert [record.getMessage() for record in caplog.records] == [
        "Verifying material rules for 'item'...",
        "Verifying 'ALLOW *'...",
        "Verifying product rules for 'item'...",
        "Verifying 'ALLOW *'...",
        "Verifying material rules for 'other'...",
        "Verifying product rules for 'other'...",
        "Verifying 'DISALLOW z'...",
    ]
    assert {record.name for record in caplog.records} == {"in_toto.verifylib"}
    second.expected_products = [["DISALLOW", "x"]]
    with pytest.raises(RuleVerificationError, match="of item 'other'"):
        verify_all_item_rules([first, second], LINKS)
