from __future__ import annotations

import fnmatch
import posixpath
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from custody.errors import FormatError
from custody.rules.artifacts import is_well_formed, normal_form, read_artifacts
from custody.rules.digests import Comparison
from custody.rules.engine import Item, Sides, apply_rules
from custody.rules.grammar import parse_rule, parse_text, write_rule, write_text
from custody.rules.patterns import Pattern, check_pattern, escape
from custody.rules.variants import Allow, Create, Delete, Disallow, ItemSide, Match, Modify, Require, Rule

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
AWKWARD = st.text("ab '\"#\\-é\t\n[]*?!^:/.", max_size=10) | TEXT
SMALL = st.sampled_from(["a", "b", "src/a", "src/b", "src/d/a", "dst/a", "d/a", "../a", "/a", "x.py"])
PATTERNS = st.sampled_from(["*", "a", "b", "src/*", "*/a", "[ab]", "[!a]*", "?", "d/*", "*.py", "src/a"])
PREFIXES = st.sampled_from(["", "src", "dst", "d", "src/d", ".."])
DIGESTS = st.fixed_dictionaries(
    {}, optional={"sha256": st.sampled_from(["a" * 64, "A" * 64, "b" * 64, "a" * 8]), "sha1": st.sampled_from("ab")}
)
ARTIFACTS = st.dictionaries(SMALL, DIGESTS, max_size=6)
SIDES: st.SearchStrategy[ItemSide] = st.sampled_from(["materials", "products"])
RULES: st.SearchStrategy[Rule] = st.one_of(
    *(st.builds(kind, pattern=PATTERNS) for kind in (Create, Delete, Modify, Allow)),
    st.builds(Disallow, pattern=st.sampled_from(["*", "x.py", "[ab]"])),
    st.builds(Require, name=SMALL),
    st.builds(
        Match,
        pattern=PATTERNS,
        source_prefix=PREFIXES,
        side=SIDES,
        step_prefix=PREFIXES,
        step=st.sampled_from(["one", "two"]),
    ),
)


# --- patterns ---------------------------------------------------------------------------------------


@given(st.text("ab-[]!*?.c", max_size=10), st.text("abc-[]!.", max_size=6))
def test_an_accepted_pattern_matches_what_fnmatch_matches(pattern: str, name: str) -> None:
    try:
        check_pattern(pattern, "")
    except FormatError:
        return
    assert Pattern(pattern).matches(name) == fnmatch.fnmatchcase(name, pattern)


@given(st.text("ab-[]!^*?\\:", max_size=10))
def test_what_verifiers_read_differently_is_never_accepted(pattern: str) -> None:
    try:
        check_pattern(pattern, "")
    except FormatError:
        return
    assert "\\" not in pattern
    assert pattern
    # Every bracket that fnmatch takes for itself is one that does not open anything.
    left = pattern
    while "[" in left:
        left = left[left.index("[") + 1 :]
        assert not left.startswith("^")
        body = left.removeprefix("!")
        assert "]" in body[1:]
        left = body[body.index("]", 1) + 1 :]


@given(TEXT, TEXT)
def test_an_escaped_text_matches_itself_only(text: str, other: str) -> None:
    if not text or "\\" in text:
        return
    check_pattern(escape(text), "")
    assert Pattern(escape(text)).matches(other) == (text == other)
    assert Pattern(escape(text)).matches(text)


# --- grammar ----------------------------------------------------------------------------------------


@given(AWKWARD, st.sampled_from(["CREATE", "DELETE", "MODIFY", "ALLOW", "DISALLOW", "REQUIRE"]))
def test_a_rule_survives_both_of_its_forms(operand: str, keyword: str) -> None:
    try:
        rule = parse_rule([keyword, operand], "")
    except FormatError:
        return
    assert parse_rule(write_rule(rule), "") == rule
    assert parse_text(write_text(rule), "") == rule


@given(AWKWARD, AWKWARD, AWKWARD, AWKWARD, SIDES)
def test_a_match_survives_both_of_its_forms(pattern: str, source: str, target: str, step: str, side: str) -> None:
    tokens = ["MATCH", pattern, "IN", source, "WITH", side, "IN", target, "FROM", step]
    try:
        rule = parse_rule(tokens, "")
    except FormatError:
        return
    assert parse_rule(write_rule(rule), "") == rule
    assert parse_text(write_text(rule), "") == rule


@given(AWKWARD)
def test_any_name_survives_as_text(name: str) -> None:
    rule = Require(name=name.removeprefix("file:").removeprefix("file:"))
    assert parse_text(write_text(rule), "") == rule


@given(
    st.lists(AWKWARD | st.sampled_from(["MATCH", "IN", "with", "PRODUCTS", "FROM", "ALLOW"]) | st.none(), max_size=9)
)
def test_any_list_is_a_rule_or_a_format_error(tokens: list[str | None]) -> None:
    try:
        rule = parse_rule(tokens, "r")
    except FormatError as error:
        assert error.where.startswith("r")  # noqa: PT017  # refusing is half of the property
    else:
        assert parse_rule(write_rule(rule), "r") == rule


@given(AWKWARD | st.text("ALOW aI'\" "))
def test_any_text_is_a_rule_or_a_format_error(text: str) -> None:
    try:
        rule = parse_text(text, "")
    except FormatError:
        return
    assert parse_text(write_text(rule), "") == rule


# --- artifacts --------------------------------------------------------------------------------------


@given(st.text("a./:", max_size=8) | TEXT)
def test_every_name_has_one_normal_form(name: str) -> None:
    normal = normal_form(name)
    assert is_well_formed(normal)
    assert normal_form(normal) == normal
    if is_well_formed(name) and ":" not in name:
        assert name == normal == posixpath.normpath(name)


@given(st.lists(st.text("a./", max_size=6).map(lambda t: f"file:{t}") | st.text("a./", max_size=6), max_size=5))
def test_no_two_artifacts_that_are_read_are_the_same_file(names: list[str]) -> None:
    document = {name: {"sha256": "a" * 64} for name in names}
    try:
        found = read_artifacts(document, "")
    except FormatError:
        return
    places = {posixpath.normpath(posixpath.join("/w/x/y/z/1/2/3", name)) for name in found}
    absolute = {name for name in found if name.startswith("/")}
    assert len(places) == len(found) == len(document)
    assert all(not name.startswith("//") for name in absolute)


# --- the engine against the specification's text ----------------------------------------------------


def equal(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Both have a whole sha256, and whatever both have is equal in lower case."""
    if len(one.get("sha256", "")) != 64 or len(other.get("sha256", "")) != 64:
        return False
    return all(one[k].lower() == other[k].lower() for k in set(one) & set(other))


def matches(pattern: str, name: str) -> bool:
    return fnmatch.fnmatchcase(name, pattern)


def naive_match(rule: Match, path: str, item: Item) -> bool:
    ours = item.sides.materials if item.side == "materials" else item.sides.products or {}
    head, tail = rule.source_prefix, path
    if head:
        if not path.startswith(head + "/"):
            return False
        tail = path[len(head) + 1 :]
    link = item.links.get(rule.step)
    if link is None:
        return False
    theirs = (link.materials if rule.side == "materials" else link.products) or {}
    there = f"{rule.step_prefix}/{tail}" if rule.step_prefix else tail
    return matches(rule.pattern, tail) and there in theirs and equal(ours[path], theirs[there])


def naive_consumed(rule: Rule, queue: list[str], item: Item) -> list[str]:
    before, after = item.sides.materials, item.sides.products or {}
    result = []
    for path in queue:
        match rule:
            case Create():
                yes = matches(rule.pattern, path) and path in after and path not in before
            case Delete():
                yes = matches(rule.pattern, path) and path in before and path not in after
            case Modify():
                both = path in before and path in after
                whole = both and len(before[path].get("sha256", "")) == len(after[path].get("sha256", "")) == 64
                yes = matches(rule.pattern, path) and whole and not equal(before[path], after[path])
            case Allow():
                yes = matches(rule.pattern, path)
            case Match():
                yes = naive_match(rule, path, item)
            case _:
                yes = False
        if yes:
            result.append(path)
    return result


def naive(rules: list[Rule], item: Item) -> tuple[list[list[str]], list[str], list[str]]:
    """Return what each rule consumed, what the last one complained about, and what is left."""
    queue = sorted((item.sides.materials if item.side == "materials" else item.sides.products) or {})
    steps: list[list[str]] = []
    for rule in rules:
        bad: list[str] = []
        if isinstance(rule, Disallow):
            bad = [path for path in queue if matches(rule.pattern, path)]
        if isinstance(rule, Require) and rule.name not in queue:
            bad = [rule.name]
        if bad:
            return [*steps, []], bad, queue
        taken = naive_consumed(rule, queue, item)
        queue = [path for path in queue if path not in taken]
        steps.append(taken)
    return steps, [], queue


@given(
    st.lists(RULES, max_size=6),
    ARTIFACTS,
    ARTIFACTS,
    SIDES,
    st.dictionaries(st.sampled_from(["one", "two"]), st.tuples(ARTIFACTS, ARTIFACTS)),
)
def test_the_engine_does_what_a_naive_reading_of_the_specification_does(
    rules: list[Rule],
    materials: dict[str, dict[str, str]],
    products: dict[str, dict[str, str]],
    side: ItemSide,
    others: dict[str, tuple[dict[str, dict[str, str]], dict[str, dict[str, str]]]],
) -> None:
    links = {name: Sides(materials=one, products=two) for name, (one, two) in others.items()}
    item = Item(name="item", sides=Sides(materials=materials, products=products), side=side, links=links)
    trace = apply_rules(rules, item)
    steps, bad, left = naive(rules, item)
    assert [list(applied.consumed) for applied in trace.applied] == steps
    assert (list(trace.failure.failed) if trace.failure else []) == bad
    assert list(trace.unconsumed) == left


@given(st.lists(RULES, max_size=5), ARTIFACTS, ARTIFACTS, SIDES)
def test_every_artifact_is_consumed_once_or_left(
    rules: list[Rule], materials: dict[str, dict[str, str]], products: dict[str, dict[str, str]], side: ItemSide
) -> None:
    sides = Sides(materials=materials, products=products)
    trace = apply_rules(rules, Item(name="item", sides=sides, side=side, links={}))
    seen = [name for applied in trace.applied for name in applied.consumed] + list(trace.unconsumed)
    assert sorted(seen) == sorted(sides.of(side))


@given(st.lists(RULES, max_size=5), ARTIFACTS, SIDES)
def test_a_final_disallow_leaves_nothing_or_fails(
    rules: list[Rule], artifacts: dict[str, dict[str, str]], side: ItemSide
) -> None:
    item = Item(name="item", sides=Sides(materials=artifacts, products=artifacts), side=side, links={})
    trace = apply_rules([*rules, Disallow(pattern="*")], item)
    assert (trace.failure is None) == (not trace.unconsumed and not _failed_earlier(rules, trace.applied))


def _failed_earlier(rules: list[Rule], applied: tuple[object, ...]) -> bool:
    return len(applied) <= len(rules)


@given(DIGESTS, DIGESTS)
def test_sameness_is_symmetric_and_excludes_change(one: dict[str, str], other: dict[str, str]) -> None:
    comparison = Comparison()
    assert comparison.same(one, other) == comparison.same(other, one) == equal(one, other)
    assert comparison.changed(one, other) == comparison.changed(other, one)
    assert not (comparison.same(one, other) and comparison.changed(one, other))
    assert comparison.comparable(one, other) == (comparison.same(one, other) or comparison.changed(one, other))
