"""Tests of `custody.artifacts.exclude`: fast patterns mean exactly what pathspec says."""

from __future__ import annotations

import subprocess
import sys

import pytest

from custody.artifacts.exclude import Exclusion
from custody.artifacts.options import DEFAULT_EXCLUDES


def covers(patterns: tuple[str, ...], path: str) -> bool:
    return Exclusion(patterns).covers(path, path.rpartition("/")[2])


@pytest.mark.parametrize(
    ("pattern", "left_out", "kept"),
    [
        (".git", ["a/.git", ".git"], [".github", "x.git"]),
        ("*.pyc", [".pyc", "a/b.pyc"], ["b.pyc.txt", "pyc"]),
        ("build*", ["build", "a/build-1"], ["rebuild"]),
        ("*.link*", ["x.link", "x.link.sh", ".link"], ["link"]),
        ("a?", ["ab"], ["a", "abc"]),
        ("[ab]", ["a"], ["[ab]", "c"]),
        ("/a", ["a"], ["b/a"]),
        ("x/y", ["x/y"], ["z/x/y"]),
        ("**/y", ["x/y", "y"], ["x/yy"]),
        ("\\!a", ["!a"], ["a"]),
        ("#a", [], ["#a", "a"]),
        ("", [], ["a"]),
        ("trailing ", ["trailing"], ["trailing "]),
        ("*", ["a", "x/y"], []),
    ],
)
def test_patterns_mean_what_gitignore_says(pattern: str, left_out: list[str], kept: list[str]) -> None:
    assert all(covers((pattern,), path) for path in left_out)
    assert not any(covers((pattern,), path) for path in kept)


def test_simple_and_other_patterns_work_together() -> None:
    patterns = ("*.pyc", "a?", "")
    assert [covers(patterns, path) for path in ["x.pyc", "ab", "abc"]] == [True, True, False]


def test_with_a_negation_the_order_of_all_patterns_decides() -> None:
    assert not covers(("*.pyc", "!keep.pyc"), "keep.pyc")
    assert covers(("!keep.pyc", "*.pyc"), "keep.pyc")


@pytest.mark.parametrize("pattern", ["*.pyc", "evil.pyc", "*.py?", "evil.py[c]"])
def test_a4_a_line_feed_at_the_end_does_not_hide_a_file(pattern: str) -> None:
    assert covers((pattern,), "evil.pyc")
    assert not covers((pattern,), "evil.pyc\n")


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        ("a/.git/config", ".git"),
        ("x/y.o", "*.o"),
        ("out/x/z", "out/x"),
        ("out/y", None),
        ("/abs/.git", ".git"),
    ],
)
def test_the_pattern_that_leaves_out_a_path_is_named(path: str, pattern: str | None) -> None:
    assert Exclusion(("", "*.o", "# comment", "out/x", ".git")).pattern_for(path) == pattern


def test_the_last_pattern_that_decides_is_named() -> None:
    assert Exclusion(("*.o", "!a.o", "*/a.o")).pattern_for("x/a.o") == "*/a.o"
    assert Exclusion(("*.o", "!a.o")).pattern_for("a.o") is None


def test_the_default_patterns_do_not_load_pathspec() -> None:
    program = (
        "import sys; from custody.artifacts.recording import record; record(['.']);"
        f" assert {DEFAULT_EXCLUDES!r};"
        " print(*({'dataclasses', 'logging', 'pathlib', 'pathspec', 'subprocess', 'tempfile'}"
        " & set(sys.modules)))"
    )
    done = subprocess.run(
        # -S: what an installed package loads at start-up is not what recording loads.
        [sys.executable, "-S", "-c", program],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == []
