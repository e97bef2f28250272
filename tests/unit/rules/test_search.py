"""Names that are joined in one text are found by what they hold, and nothing that stands between them counts."""

from __future__ import annotations

from collections import Counter

import pytest

from custody.rules import search
from custody.rules.search import END, JoinedNames

NAMES = [f"dir{number % 10}/file-{number:04}.c" for number in range(1000)]


def test_a_name_is_found_once_however_often_it_holds_the_piece() -> None:
    joined = JoinedNames(["aa/aa", "b", "ba"])
    assert joined.holding("a", 10) == ["aa/aa", "ba"]
    assert joined.holding("a", 3) is None
    assert joined.holding("c", 0) == []


def test_a_tail_is_no_piece_inside_a_name() -> None:
    assert JoinedNames(["a.c", "a.cc", "a.c.d"]).holding(".c" + END, 10) == ["a.c"]


def test_nothing_is_told_about_names_that_hold_what_stands_between_them() -> None:
    joined = JoinedNames(["a", f"b{END}"])
    assert joined.holding("a", 10) is None
    with pytest.MonkeyPatch.context() as patched:
        for cost in ("_SMALL", "_PASS", "_TRY", "_BRANCH"):
            patched.setattr(search, cost, 0)
        assert joined.holding_each(["a", "b"]) == {}
        assert JoinedNames(["a", "b"]).holding_each(["a", "b"]) == {"a": ["a"], "b": ["b"]}


def test_pieces_that_begin_alike_are_told_apart_in_one_pass() -> None:
    pieces = [f"-{number:04}.c{END}" for number in range(200)]
    found = JoinedNames(NAMES).holding_each(pieces)
    assert list(found.keys() ^ set(pieces)) == []
    for number, piece in enumerate(pieces):  # others that end like a piece may be there, too
        assert [name for name in found[piece] if name.endswith(piece[:-1])] == [NAMES[number]]
    assert sum(map(len, found.values())) < len(NAMES) * 2


def test_pieces_that_are_too_few_or_too_common_are_not_looked_for_in_one_pass() -> None:
    assert JoinedNames(NAMES).holding_each([f"-{number:04}." for number in range(3)]) == {}
    rare = [f"-{number:04}." for number in range(100)]
    assert JoinedNames(NAMES).holding_each([*rare, "/file-"]).keys() == set(rare)


def test_a_pass_with_more_hits_than_expected_is_given_up() -> None:
    pieces = [f"-{number:04}." for number in range(100)]
    assert JoinedNames(NAMES).holding_each(pieces)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(search, "_MOST", 0)
        assert JoinedNames(NAMES).holding_each(pieces) == {}


def test_few_names_are_not_searched_in_one_pass() -> None:
    pieces = [f"-{number:04}." for number in range(100)]
    assert JoinedNames(NAMES[: search._SMALL]).holding_each(pieces) == {}
    assert JoinedNames(NAMES[: search._SMALL + 1]).holding_each(pieces).keys() == set(pieces)


def test_pieces_that_go_on_differently_at_many_places_are_not_looked_for_in_one_pass() -> None:
    names = [f"-abc-abc-{number:07}" for number in range(1000)]
    pieces = [f"-{chr(0x4E00 + number)}" for number in range(200)]
    assert JoinedNames(names).holding_each(pieces) == {}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(search, "_BRANCH", 0)
        assert JoinedNames(names).holding_each(pieces) == {piece: [] for piece in pieces}


class Counting(Counter[str]):
    """How common characters are, and how often that was asked."""

    asked = 0

    def __getitem__(self, char: str) -> int:
        self.asked += 1
        return super().__getitem__(char)


def test_what_planning_costs_grows_with_the_pieces_however_many_characters_they_have() -> None:
    apart = ["".join(chr(0x4E00 + 10 * number + place) for place in range(20)) for number in range(1000)]
    alike = ["".join(chr(0x4E00 + (number * place) % 997) for place in range(1, 21)) for number in range(1000)]
    for pieces in (apart, alike):
        common = Counting()
        starts = search._starts(pieces, common)
        assert starts.keys() == set(pieces)
        assert 0 < common.asked <= 2 * 10 * len(pieces)  # the first half of each, counted and corrected


def test_of_a_long_piece_only_the_beginning_is_planned_with() -> None:
    long, short = "a" * search._REACH + "b" * 1000, "ab"
    assert search._starts([long, "b" * 9], Counting(a=50)) == {long: 0, "b" * 9: 0}
    assert search._starts([long[1:], short * 2], Counting(a=50)) == {long[1:]: search._REACH - 1, short * 2: 1}
