"""The queue, which uses indexes, against one look at every name, which is what patterns are specified by."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from custody.rules import engine, queue, search
from custody.rules.artifacts import has_scheme
from custody.rules.engine import Item, Sides, apply_rules, match_pairs
from custody.rules.patterns import Pattern, has_wildcard
from custody.rules.queue import Queue
from custody.rules.search import END, JoinedNames
from custody.rules.variants import Match

# Few letters, so that they meet: separators, wildcards, what orders oddly (U+10FFFF, a surrogate's neighbour), NUL.
LETTERS = "ab/.\0é\ud7ff\U0001f600\U0010ffff"
NAMES = st.sets(st.text("ab", max_size=6) | st.text("ab/.", max_size=12) | st.text(LETTERS, max_size=6), max_size=30)
SHORT = st.text("ab", max_size=2)
PATTERNS = (
    st.builds("{}*{}".format, SHORT, SHORT)
    | st.builds("{}*{}*{}".format, SHORT, SHORT, SHORT)
    | st.text(LETTERS + "**?[]!-", max_size=7)
    | st.lists(st.sampled_from(["*", "?", "[ab]", "[!a]", "[]a]", "[*]", "a", "b", "/", "ab", ".a"]), max_size=6).map(
        "".join
    )
)
BELOW = st.sampled_from(["", "", "a", "a/", "/", "ab/"])
STEPS = st.lists(st.tuples(PATTERNS, BELOW, st.sampled_from(["all", "none", "half"])), max_size=12)


def one_by_one(names: list[str], pattern: str, below: str) -> list[str]:
    return [n for n in names if n.startswith(below) and fnmatch.fnmatchcase(n[len(below) :], pattern)]


@contextmanager
def searching(*, few: int, longest: int, most: int) -> Iterator[None]:
    """Search for everything, as if names and patterns were many, and for all pieces in one pass."""
    with (
        patch.multiple(queue, _FEW=few, _MANY=1, _PART=1000, _SPARSE=1),
        patch.multiple(search, _SMALL=0, _PASS=0, _TRY=0, _BRANCH=0, _EXPECTED=1000, _LONGEST=longest, _MOST=most),
    ):
        yield


@given(NAMES, STEPS, st.integers(0, 3), st.integers(1, 6), st.sampled_from([0, 1, 1000]), st.integers(0, 12))
def test_rules_see_in_the_queue_what_one_look_at_every_name_shows(
    names: set[str], steps: list[tuple[str, str, str]], few: int, longest: int, most: int, planned: int
) -> None:
    left = sorted(names)
    with searching(few=few, longest=longest, most=most):
        fast = Queue(names, [(pattern, below) for pattern, below, _ in steps[:planned]])
        for pattern, below, taken in steps:
            expected = one_by_one(left, pattern, below)
            found = fast.select(pattern, below)
            assert found == expected
            gone = expected if taken == "all" else expected[::2] if taken == "half" else []
            fast.remove(gone)
            left = [name for name in left if name not in gone]
            assert (list(fast), len(fast)) == (left, len(left))
            assert all((name in fast) == (name in left) for name in names)


@given(NAMES, st.sampled_from(["a", "b", "/a", ".a", "aa"]), st.integers(1, 20))
def test_a_search_that_is_given_up_changes_nothing(names: set[str], needle: str, sparse: int) -> None:
    with patch.multiple(queue, _FEW=0, _SPARSE=sparse):
        for pattern in (f"*{needle}*", f"*{needle}", f"a*{needle}*"):
            assert Queue(names).select(pattern) == one_by_one(sorted(names), pattern, "")


SPECIAL = "ab/.\U0001f600[^]-\\"
PIECES = st.sets(st.text(SPECIAL, min_size=1, max_size=5), max_size=12)


@given(st.sets(st.text(SPECIAL, max_size=8), min_size=1, max_size=20), PIECES, PIECES, st.integers(1, 6))
def test_one_pass_finds_every_name_that_holds_a_piece_or_ends_with_it(
    names: set[str], inside: set[str], ends: set[str], longest: int
) -> None:
    pieces = inside | {end + END for end in ends}
    with searching(few=0, longest=longest, most=1000):
        joined = JoinedNames(sorted(names))
        found = joined.holding_each(pieces)
    assert found.keys() == pieces
    for piece in found:
        holding = [name for name in sorted(names) if piece in name + END]
        assert joined.holding(piece, 1000) == holding
        assert [name for name in found[piece] if name in holding] == holding
        assert list(dict.fromkeys(found[piece])) == found[piece] == [n for n in sorted(names) if n in found[piece]]


@given(PATTERNS, st.text(LETTERS, max_size=8))
def test_the_literal_parts_of_a_pattern_are_in_every_name_that_matches(pattern: str, name: str) -> None:
    shape = Pattern(pattern)
    between = name[len(shape.head) : len(name) - len(shape.tail)]
    fits = name.startswith(shape.head) and name.endswith(shape.tail) and shape.needle in between
    fits = fits and len(name) >= len(shape.head) + len(shape.tail)
    if fnmatch.fnmatchcase(name, pattern):
        assert fits
    elif shape.exact:
        assert not fits


# --- MATCH ------------------------------------------------------------------------------------------

PREFIXES = st.sampled_from(["", "a", "b", "a/b", "/", "..", "git:a", "git:"])
PATHS = st.sets(
    st.builds(
        "".join,
        st.tuples(
            st.sampled_from(["", "a/", "b/", "a/b/", "../", "/", "git:a/", "git:"]), st.text("ab./:", max_size=4)
        ),
    ),
    max_size=20,
)


def plain_pairs(rule: Match, names: list[str]) -> list[tuple[str, str]]:
    """Return the pairs as the specification has them, and D10: nothing leads out of the other prefix."""
    prefix, base = (p if not p or p.endswith("/") else f"{p}/" for p in (rule.source_prefix, rule.step_prefix))
    pairs = []
    for name in one_by_one(names, "*", prefix):
        rest = name[len(prefix) :]
        literal = not has_wildcard(rule.pattern) and rest == rule.pattern
        outside = has_scheme(prefix) and engine._leads_out(rest)
        if literal or (has_wildcard(rule.pattern) and fnmatch.fnmatchcase(rest, rule.pattern) and not outside):
            pairs.append((name, base + rest))
    return pairs


@given(PATHS, st.sampled_from(["*", "a", "*a", "b*", "*a*", "?", "[ab]*"]), PREFIXES, PREFIXES)
def test_pairs_of_a_match_are_those_of_one_look_at_every_name(
    names: set[str], pattern: str, source: str, target: str
) -> None:
    rule = Match(pattern=pattern, step="s", side="products", source_prefix=source, step_prefix=target)
    with patch.object(queue, "_FEW", 0):
        assert list(match_pairs(rule, Queue(names))) == plain_pairs(rule, sorted(names))


@given(PATHS, PATHS, PREFIXES, PREFIXES)
def test_a_match_goes_through_the_smaller_side_with_the_same_result(
    ours: set[str], theirs: set[str], source: str, target: str
) -> None:
    digests: Mapping[str, str] = {"sha256": "a" * 64}
    rule = Match(pattern="*", step="s", side="products", source_prefix=source, step_prefix=target)
    item = Item(
        name="i",
        sides=Sides(materials={}, products=dict.fromkeys(ours, digests)),
        side="products",
        links={"s": Sides(materials={}, products=dict.fromkeys(theirs, digests))},
    )
    traces = []
    for fewer in (0, 10**9):
        with patch.object(engine, "_FEWER", fewer):
            traces.append(apply_rules([rule], item))
    assert traces[0] == traces[1]
    assert list(traces[0].applied[0].consumed) == [n for n, other in plain_pairs(rule, sorted(ours)) if other in theirs]
