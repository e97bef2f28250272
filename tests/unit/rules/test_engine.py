from __future__ import annotations

from collections.abc import Mapping

import pytest

from custody.rules.digests import Comparison
from custody.rules.engine import Applied, Item, Sides, Trace, apply_rules, match_pairs, select
from custody.rules.grammar import parse_text
from custody.rules.queue import Queue
from custody.rules.variants import Allow, Disallow, ItemSide, Match, Require

A, B, C = ({"sha256": letter * 64} for letter in "abc")
Artifacts = Mapping[str, Mapping[str, str]]


def apply(
    *rules: str,
    materials: Artifacts | None = None,
    products: Artifacts | None = None,
    side: ItemSide = "products",
    links: Mapping[str, Sides] | None = None,
) -> Trace:
    item = Item(
        name="item", sides=Sides(materials=materials or {}, products=products or {}), side=side, links=links or {}
    )
    return apply_rules([parse_text(rule, "") for rule in rules], item)


def consumed(trace: Trace) -> list[tuple[str, ...]]:
    assert trace.failure is None
    return [applied.consumed for applied in trace.applied]


# --- each rule, and its tampered twin ---------------------------------------------------------------


def test_create_consumes_what_is_new() -> None:
    trace = apply("CREATE *", materials={"old": A}, products={"old": A, "new": B})
    assert consumed(trace) == [("new",)]
    assert trace.unconsumed == ("old",)


def test_create_does_not_consume_what_was_there_before_even_if_it_changed() -> None:
    assert consumed(apply("CREATE new", materials={"new": A}, products={"new": B})) == [()]


def test_create_among_materials_consumes_nothing() -> None:
    assert consumed(apply("CREATE *", materials={"a": A}, products={"a": A, "b": B}, side="materials")) == [()]


def test_delete_consumes_what_is_gone() -> None:
    trace = apply("DELETE *", materials={"kept": A, "gone": B}, products={"kept": A}, side="materials")
    assert consumed(trace) == [("gone",)]


def test_delete_does_not_consume_what_is_still_there() -> None:
    trace = apply("DELETE gone", materials={"gone": B}, products={"gone": A}, side="materials")
    assert consumed(trace) == [()]


@pytest.mark.parametrize("side", ["materials", "products"])
def test_modify_consumes_what_changed(side: ItemSide) -> None:
    trace = apply("MODIFY *", materials={"same": A, "other": A}, products={"same": A, "other": B}, side=side)
    assert consumed(trace) == [("other",)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (A, A),
        (A, {"sha256": "A" * 64}),
        (A, {"sha512": "b" * 128}),
        ({"sha512": "a" * 128}, {"sha512": "b" * 128}),
        (A, {"sha256": "b" * 8}),
        ({"md5": "a"}, {"md5": "b"}),
    ],
)
def test_d11_modify_needs_a_comparable_and_differing_digest(
    before: Mapping[str, str], after: Mapping[str, str]
) -> None:
    assert consumed(apply("MODIFY *", materials={"a": before}, products={"a": after})) == [()]


def test_modify_does_not_consume_what_is_on_one_side_only() -> None:
    assert consumed(apply("MODIFY *", materials={"x": A}, products={"a": A})) == [()]


def test_allow_consumes_what_matches_only() -> None:
    trace = apply("ALLOW *.py", products={"a.py": A, "dir/.b.py": B, "c": C})
    assert consumed(trace) == [("a.py", "dir/.b.py")]
    assert trace.unconsumed == ("c",)


def test_disallow_fails_for_what_is_left() -> None:
    trace = apply("ALLOW a", "DISALLOW *", products={"a": A, "evil": B})
    assert trace.failure is not None
    assert trace.failure == Applied(rule=Disallow(pattern="*"), failed=("evil",))
    assert trace.unconsumed == ("evil",)


def test_disallow_does_not_see_what_was_consumed() -> None:
    assert consumed(apply("ALLOW a", "DISALLOW *", products={"a": A})) == [("a",), ()]


def test_require_consumes_nothing() -> None:
    trace = apply("REQUIRE a", "REQUIRE a", "DISALLOW *", products={"a": A})
    assert trace.failure is not None
    assert trace.failure.rule == Disallow(pattern="*")
    assert trace.applied[:2] == (Applied(rule=Require(name="a")),) * 2


@pytest.mark.parametrize("name", ["a", "*", "[x]", "?"])
def test_require_is_literal(name: str) -> None:
    assert apply(f"REQUIRE {name}", products={name: A}).failure is None
    failure = apply(f"REQUIRE {name}", products={"x": A}).failure
    assert failure is not None
    assert failure.failed == (name,)


def test_require_does_not_see_what_was_consumed() -> None:
    failure = apply("ALLOW a", "REQUIRE a", products={"a": A}).failure
    assert failure is not None
    assert failure.rule == Require(name="a")


def test_match_consumes_what_is_equal_in_the_other_link() -> None:
    clone = Sides(materials={}, products={"a": A, "b": B})
    trace = apply("MATCH * WITH PRODUCTS FROM clone", products={"a": A, "b": C, "c": C}, links={"clone": clone})
    assert consumed(trace) == [("a",)]
    assert trace.unconsumed == ("b", "c")


def test_match_looks_at_the_side_it_names() -> None:
    links = {"s": Sides(materials={"a": A}, products={"a": B})}
    assert consumed(apply("MATCH a WITH MATERIALS FROM s", products={"a": A}, links=links)) == [("a",)]
    assert consumed(apply("MATCH a WITH PRODUCTS FROM s", products={"a": A}, links=links)) == [()]


def test_match_with_a_step_that_has_no_link_consumes_nothing() -> None:
    assert consumed(apply("MATCH * WITH PRODUCTS FROM gone", products={"a": A})) == [()]


@pytest.mark.parametrize(
    ("ours", "theirs", "matches"),
    [
        (A, {"sha256": "A" * 64}, True),
        (A, {**A, "sha512": "c" * 128}, True),
        ({**A, "sha512": "b" * 128}, {**A, "sha512": "c" * 128}, False),
        ({"sha512": "c" * 128}, {"sha512": "c" * 128}, False),
        ({"sha256": "a"}, {"sha256": "a"}, False),
    ],
)
def test_d11_match_compares_every_pinned_digest(
    ours: Mapping[str, str], theirs: Mapping[str, str], matches: bool
) -> None:
    links = {"s": Sides(materials={}, products={"a": theirs})}
    trace = apply("MATCH a WITH PRODUCTS FROM s", products={"a": ours}, links=links)
    assert consumed(trace) == [("a",) if matches else ()]


def test_d11_the_pinned_algorithms_are_the_callers() -> None:
    sha512 = {"sha512": "c" * 128}
    item = Item(
        name="item",
        sides=Sides(materials={}, products={"a": sha512}),
        side="products",
        links={"s": Sides(materials={}, products={"a": sha512})},
        comparison=Comparison(pinned=frozenset({"sha512"})),
    )
    rule = parse_text("MATCH a WITH PRODUCTS FROM s", "")
    assert apply_rules([rule], item).applied[0].consumed == ("a",)
    assert apply_rules([rule], item.replace(comparison=Comparison())).applied[0].consumed == ()


# --- prefixes ---------------------------------------------------------------------------------------

PREFIXES: list[tuple[str, list[str], list[str], list[str]]] = [
    # rule (without WITH PRODUCTS ... FROM), ours, theirs, consumed
    ("* IN src WITH PRODUCTS", ["src/a", "src/d/b", "a", "srcx/a"], ["a", "d/b", "x/a"], ["src/a", "src/d/b"]),
    ("* WITH PRODUCTS IN dst", ["a", "dst/a"], ["dst/a"], ["a"]),
    ("* IN src WITH PRODUCTS IN dst", ["src/a", "a"], ["dst/a", "dst/src/a"], ["src/a"]),
    ("a IN src WITH PRODUCTS IN dst", ["src/a", "src/b"], ["dst/a", "dst/b"], ["src/a"]),
    (
        "*.py IN src WITH PRODUCTS",
        ["src/a.py", "src/.b.py", "src/c"],
        ["a.py", ".b.py", "c"],
        ["src/.b.py", "src/a.py"],
    ),
    # D8: an artifact outside the prefix is not consumed, though its own name is in the other link.
    ("* IN src WITH PRODUCTS", ["other/a", "a"], ["other/a", "a"], []),
    ("a IN src WITH PRODUCTS", ["a"], ["a"], []),
    # D9: `.` is where everything is.
    ("* IN . WITH PRODUCTS", ["a", "d/b"], ["a", "d/b"], ["a", "d/b"]),
    ("* WITH PRODUCTS IN .", ["a"], ["a"], ["a"]),
    # D10: what is left after a prefix never becomes an absolute or an outer path.
    ("* IN /abs WITH PRODUCTS", ["/abs/a", "abs/a"], ["a", "/a"], ["/abs/a"]),
    ("* IN / WITH PRODUCTS", ["/abs/a", "abs/a"], ["abs/a"], ["/abs/a"]),
    ("* WITH PRODUCTS IN /", ["abs/a"], ["/abs/a", "//abs/a"], ["abs/a"]),
    ("* IN git:lib WITH PRODUCTS", ["git:lib//abs", "git:lib/../x", "git:lib/a"], ["/abs", "../x", "a"], ["git:lib/a"]),
    ("* IN git:lib WITH PRODUCTS", ["git:lib/a/../../x", "git:lib/git:y", "git:lib/"], ["a/../../x", "git:y", ""], []),
    ("* IN ../src WITH PRODUCTS", ["../src/a", "src/a"], ["a"], ["../src/a"]),
    # A prefix is never a pattern.
    ("* IN s* WITH PRODUCTS", ["src/a", "s*/a"], ["a"], ["s*/a"]),
]


@pytest.mark.parametrize(("rule", "ours", "theirs", "expected"), PREFIXES)
def test_match_with_prefixes(rule: str, ours: list[str], theirs: list[str], expected: list[str]) -> None:
    links = {"s": Sides(materials={}, products=dict.fromkeys(theirs, A))}
    trace = apply(f"MATCH {rule} FROM s", products=dict.fromkeys(ours, A), links=links)
    assert consumed(trace) == [tuple(expected)]
    other = {"s": Sides(materials={}, products=dict.fromkeys(theirs, B))}
    assert consumed(apply(f"MATCH {rule} FROM s", products=dict.fromkeys(ours, A), links=other)) == [()]


def test_match_pairs_say_under_which_name_is_sought() -> None:
    rule = Match(pattern="*", source_prefix="src", side="products", step_prefix="dst", step="s")
    queue = Queue({"src/a", "b"})
    assert list(match_pairs(rule, queue)) == [("src/a", "dst/a")]
    assert list(match_pairs(rule.replace(pattern="a"), queue)) == [("src/a", "dst/a")]
    assert list(match_pairs(rule.replace(pattern="b"), queue)) == []


# --- the queue and the trace ------------------------------------------------------------------------


def test_rules_apply_in_order() -> None:
    products = {"a": A}
    assert apply("ALLOW a", "DISALLOW a", products=products).failure is None
    assert apply("DISALLOW a", "ALLOW a", products=products).failure is not None


def test_the_first_rule_that_matches_consumes() -> None:
    trace = apply("ALLOW a*", "ALLOW *", products={"b": A, "ab": A})
    assert consumed(trace) == [("ab",), ("b",)]
    consumer = trace.consumer("ab")
    assert consumer is not None
    assert consumer.rule == Allow(pattern="a*")
    assert trace.consumer("c") is None


def test_a_trace_ends_at_the_first_failure() -> None:
    trace = apply("DISALLOW a", "ALLOW *", products={"a": A, "b": B})
    assert len(trace.applied) == 1
    assert trace.unconsumed == ("a", "b")


def test_what_no_rule_consumed_is_allowed_and_shown() -> None:
    for rules in ((), ("ALLOW x",)):
        trace = apply(*rules, products={"b": B, "a": A})
        assert trace.failure is None
        assert trace.unconsumed == ("a", "b")


def test_names_are_in_order_whatever_the_link_says() -> None:
    assert consumed(apply("ALLOW *", products={"c": A, "a": A, "b": A})) == [("a", "b", "c")]


def test_d27_a_rule_that_consumed_nothing_is_idle_if_it_consumes_at_all() -> None:
    trace = apply("CREATE x", "ALLOW *", "DISALLOW *", "MATCH * WITH PRODUCTS FROM s", products={"a": A})
    assert [applied.idle for applied in trace.applied] == [True, False, False, True]
    assert not apply("REQUIRE a", products={"a": A}).applied[0].idle


def test_no_artifacts_satisfy_every_rule_but_require() -> None:
    rules = ("CREATE *", "DELETE *", "MODIFY *", "ALLOW *", "DISALLOW *", "MATCH * WITH PRODUCTS FROM s")
    assert apply(*rules).failure is None
    assert apply("REQUIRE a").failure is not None


@pytest.mark.parametrize(
    ("pattern", "names"), [("a", ["a"]), ("x", []), ("*", ["a", "b"]), ("[b]", ["b"]), ("[!b]", ["a"])]
)
def test_select_keeps_the_order(pattern: str, names: list[str]) -> None:
    assert list(select(pattern, {"a": None, "b": None})) == names


# --- before an item ran -----------------------------------------------------------------------------


def test_a9_before_a_run_later_products_may_still_explain_a_material() -> None:
    item = Item(name="item", sides=Sides(materials={"a": A, "b": B}), side="materials", links={})
    for text in ("DELETE a", "MODIFY a", "ALLOW a"):
        trace = apply_rules([parse_text(text, ""), parse_text("ALLOW b", ""), parse_text("DISALLOW *", "")], item)
        assert trace.failure is None
        assert trace.applied[0].consumed == ("a",)


@pytest.mark.parametrize("rule", ["CREATE *", "MATCH * WITH PRODUCTS FROM s", "REQUIRE a"])
def test_a9_before_a_run_the_other_rules_mean_what_they_mean(rule: str) -> None:
    item = Item(name="item", sides=Sides(materials={"a": A}), side="materials", links={})
    trace = apply_rules([parse_text(rule, ""), parse_text("DISALLOW *", "")], item)
    assert trace.failure is not None
    assert trace.failure.rule == Disallow(pattern="*")


def test_a9_after_the_run_what_was_granted_is_judged() -> None:
    ran = Item(name="item", sides=Sides(materials={"a": A}, products={"a": A}), side="materials", links={})
    for text in ("DELETE a", "MODIFY a"):
        assert apply_rules([parse_text(text, ""), parse_text("DISALLOW *", "")], ran).failure is not None
    empty = ran.replace(sides=Sides(materials={"a": A}, products={}))
    assert apply_rules([parse_text("DELETE a", ""), parse_text("DISALLOW *", "")], empty).failure is None
    assert apply_rules([parse_text("MODIFY a", ""), parse_text("DISALLOW *", "")], empty).failure is not None
