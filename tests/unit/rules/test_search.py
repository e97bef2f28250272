"""Names that are joined in one text are found by what they hold, and nothing that stands between them counts."""

from __future__ import annotations

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
        patched.setattr(search, "_PASS", 0)
        patched.setattr(search, "_TRY", 0)
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
