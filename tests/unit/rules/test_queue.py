"""The queue finds by index what one look at every name finds."""

from __future__ import annotations

from unittest.mock import patch

import pytest

from custody.rules.engine import select
from custody.rules.queue import Queue
from custody.rules.search import JoinedNames

MANY = {
    f"part{number % 7}/file@{number % 11:02}@{number:04}.{('py', 'c', 'txt')[number % 3]}": None
    for number in range(700)
}
PATTERNS = [
    *(
        "*",
        "**",
        "part3/*",
        "*.py",
        "*@07@*",
        "part*.txt",
        "part3/*@07@*.c",
        "*@07@0*7*",
        "?art3/*",
        "*.[ct]*",
        "part[35]*",
    ),
    *("*0100.c", "*.pyc", "zzz*", "*zzz*", "part6/file@02@0629.txt", "nothing", "*part*", "*/*", "part0/file@*@*.txt"),
]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_many_names_are_selected_as_one_by_one(pattern: str) -> None:
    queue = Queue(MANY)
    expected = list(select(pattern, dict.fromkeys(sorted(MANY))))
    for _ in range(3):
        assert queue.select(pattern) == expected


@pytest.mark.parametrize("repeated", [0, 1, 20])
def test_planned_patterns_are_selected_as_others(repeated: int) -> None:
    pieces = [f"*@{number:02}@*" for number in range(11)] + [f"*-{number}.py" for number in range(11)]
    queue = Queue(MANY, [(pattern, "") for pattern in [*PATTERNS, *pieces] * repeated])
    for pattern in [*pieces, *PATTERNS]:
        assert queue.select(pattern) == list(select(pattern, dict.fromkeys(sorted(MANY))))


def test_names_are_joined_only_when_that_pays() -> None:
    queue = Queue(MANY, [("*@07@*", ""), ("part3/*", "")])
    joined = []
    for pattern in ("part3/*", "*@07@*"):
        queue.select(pattern)
        joined.append(queue._joined is not None)
    assert joined == [False, True]
    assert queue._found == {}
    short = Queue({"a.py", "b.py"}, [(f"*{number}*", "") for number in range(100)])
    for pattern in ("*.py", "*b*"):
        short.select(pattern)
    assert (short._joined, short._found) == (None, {})


def test_many_planned_patterns_are_looked_for_in_one_pass() -> None:
    wanted = [f"*@{number:04}.*" for number in range(60)]
    queue = Queue(MANY, [(pattern, "") for pattern in wanted])
    assert queue.select(wanted[3]) == ["part3/file@03@0003.py"]
    assert sorted(queue._found) == [pattern.strip("*") for pattern in wanted]
    with patch.object(JoinedNames, "holding", side_effect=AssertionError):
        for pattern in wanted:
            assert queue.select(pattern) == list(select(pattern, dict.fromkeys(sorted(MANY))))


def test_what_was_removed_is_not_selected_and_is_dropped() -> None:
    queue = Queue(MANY, [(f"*@{number:02}@*", "") for number in range(11)])
    for pattern in ("*.py", "part3/*", "*@07@*"):
        queue.remove(queue.select(pattern))
        assert queue.select(pattern) == []
    left = [name for name in sorted(MANY) if not name.endswith(".py") and "part3/" not in name and "@07@" not in name]
    assert list(queue) == queue.select("*") == left
    assert len(queue) == len(left)
    assert queue._names == left
    assert queue.select("*.c") == [name for name in left if name.endswith(".c")]
    queue.remove(left)
    assert queue.select("*") == queue.select("*.c") == queue.select("*@*") == list(queue) == []
    assert left[0] not in queue


def test_names_below_a_prefix_are_matched_without_it() -> None:
    queue = Queue({"src/a.py", "src/d/b.py", "srcx/c.py", "a.py", "src/src/a.py"})
    assert queue.select("*", "src/") == ["src/a.py", "src/d/b.py", "src/src/a.py"]
    assert queue.select("src/*", "src/") == ["src/src/a.py"]
    assert queue.select("*src*", "src/") == ["src/src/a.py"]
    assert queue.select("?.py", "src/") == ["src/a.py"]
    assert queue.select("a.py", "src/") == ["src/a.py"]
    assert queue.select("*", "none/") == []


@pytest.mark.parametrize("pattern", ["ab*ba", "ab*b*ba", "a*a"])
def test_the_literal_parts_of_a_pattern_do_not_overlap(pattern: str) -> None:
    for names in (
        {"aba", "abba", "abbba", "a", "aa"},
        {**MANY, "aba": None, "abba": None, "abbba": None, "a": None, "aa": None},
    ):
        assert Queue(names).select(pattern) == list(select(pattern, dict.fromkeys(sorted(names))))


def test_a_name_may_hold_what_stands_between_names() -> None:
    names = {**MANY, "a\0part3": None, "x\0": None, "\0": None, "": None}
    queue = Queue(names, [(f"*@{number:04}.*", "") for number in range(60)])
    assert queue.select("*@0003.*") == ["part3/file@03@0003.py"]
    for pattern in ("*a\0p*", "*\0", "*\0*", "*part3*", "*\0part*", "?"):
        assert queue.select(pattern) == list(select(pattern, dict.fromkeys(sorted(names))))


def test_a_hit_across_two_names_is_none() -> None:
    queue = Queue(MANY)
    assert queue.select("*.c\0part*") == []


def test_an_empty_queue_has_nothing() -> None:
    queue = Queue({})
    assert [queue.select(pattern) for pattern in PATTERNS] == [[]] * len(PATTERNS)
    assert not list(queue)
    assert len(queue) == 0
    assert "" not in queue
