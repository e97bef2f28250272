from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custody.errors import FormatError
from custody.linting.globs import can_match, covers, is_all, may_meet, reach, sets_of, sought
from custody.rules.artifacts import is_well_formed
from custody.rules.grammar import parse_text
from custody.rules.patterns import Pattern, check_pattern
from custody.rules.variants import Match

PATTERNS = st.text(alphabet="ab/.*?[]!-", min_size=1, max_size=7)
NAMES = st.text(alphabet="ab/.*[]-", min_size=1, max_size=7)


def accepted(pattern: str) -> bool:
    try:
        check_pattern(pattern, "")
    except FormatError:
        return False
    return True


@given(PATTERNS.filter(accepted), PATTERNS.filter(accepted), NAMES)
def test_a_covering_pattern_matches_whatever_the_other_matches(wide: str, narrow: str, name: str) -> None:
    if covers(wide, narrow) and Pattern(narrow).matches(name):
        assert Pattern(wide).matches(name)


@given(PATTERNS.filter(accepted), PATTERNS.filter(accepted), NAMES)
def test_patterns_that_cannot_meet_never_match_one_name(one: str, other: str, name: str) -> None:
    if Pattern(one).matches(name) and Pattern(other).matches(name):
        assert may_meet(one, other)


@given(PATTERNS.filter(accepted), NAMES.filter(is_well_formed))
def test_what_cannot_match_matches_no_normalised_path(pattern: str, name: str) -> None:
    if Pattern(pattern).matches(name):
        assert can_match(pattern)


@pytest.mark.parametrize(
    ("wide", "narrow", "answer"),
    [
        ("*", "anything", True),
        ("**", "[ab]*", True),
        ("src/*", "src/a", True),
        ("src/*", "src/*.py", True),
        ("src/*", "lib/a", False),
        ("*.py", "src/*.py", True),
        ("*.py", "src/*", False),
        ("src/a", "src/a", True),
        ("src/a", "src/*", False),
        ("a[*]", "a[*]", True),
        ("a?", "ab", True),
    ],
)
def test_covering_is_told(wide: str, narrow: str, answer: bool) -> None:
    assert covers(wide, narrow) is answer


@pytest.mark.parametrize(
    ("one", "other", "answer"),
    [
        ("src/*", "src/a", True),
        ("src/*", "lib/*", False),
        ("*.py", "*.pyc", False),
        ("*.py", "src/*", True),
        ("a[*]", "a*", True),
        ("a[*]", "b*", False),
        ("b*", "a[*]", False),
    ],
)
def test_meeting_is_told(one: str, other: str, answer: bool) -> None:
    assert may_meet(one, other) is answer


def test_prefixes_are_part_of_what_a_match_looks_at() -> None:
    rule = parse_text("MATCH *.py IN a[b WITH PRODUCTS IN c FROM s", "")
    assert isinstance(rule, Match)
    assert reach(rule) == "a[[]b/*.py"
    assert sought(rule) == "c/*.py"


def test_sets_are_found() -> None:
    assert sets_of("a[bc]d[!e]f[]]") == ["[bc]", "[!e]", "[]]"]


def test_only_stars_are_everything() -> None:
    assert is_all("*")
    assert is_all("**")
    assert not is_all("")
    assert not is_all("?*")
