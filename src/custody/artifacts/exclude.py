"""What is left out, by gitignore patterns.

Most patterns in use name one path component with a star at either end (`.git`, `*.pyc`, `build*`).
Those are compared as strings: loading `pathspec` for them takes as long as starting Python.
Anything else goes to `pathspec`, and where a `!` takes something back everything does, because then
the order of patterns decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from custody.errors import UsageError

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

__all__ = ["Exclusion"]

_NOT_SIMPLE = frozenset("*?[]\\/!#")


class Exclusion:
    """The paths that `patterns` leave out.

    `covers(path, name)` says whether the entry `name` at `path` is left out, given that its
    directory is not; `spares(names)` is true only if that is no entry of a directory with these names, whatever its
    path. `pattern_for(path)` returns the pattern that leaves out `path`, or a directory
    above it, or None.
    """

    __slots__ = ("_others", "_probes", "_simple", "_spec", "covers")

    covers: Callable[[str, str], bool]

    def __init__(self, patterns: Sequence[str]) -> None:
        """Prepare the patterns.

        Raises:
            UsageError: one of them is no gitignore pattern.

        """
        given = [pattern for pattern in patterns if pattern]
        ordered = any(pattern.startswith("!") for pattern in given)
        self._simple = [] if ordered else [pattern for pattern in given if _is_simple(pattern)]
        simple = frozenset(self._simple)
        self._others = [pattern for pattern in given if pattern not in simple]
        self._spec = _compile(self._others) if self._others else None
        self._probes = [_probe(pattern) for pattern in self._simple]
        self.covers = _either(_component_test(self._simple), self._spec)

    def spares(self, names: Iterable[str]) -> bool:
        """Return whether certainly none of `names` is left out: asked of all of them at once, which is quick."""
        joined = "\0".join(("", *names, ""))
        return self._spec is None and not any(probe in joined for probe in self._probes)

    def pattern_for(self, path: str) -> str | None:
        """Return the pattern that leaves out `path` or a directory above it, or None."""
        for pattern in self._simple:
            covers = _component_test([pattern])
            if any(covers(path, name) for name in path.split("/")):
                return pattern
        if self._spec is None:
            return None
        found = self._spec.check_file(_one_line(path))
        return self._others[found.index] if found.include and found.index is not None else None


def _is_simple(pattern: str) -> bool:
    """Return whether `pattern` is one literal component with at most one star at either end."""
    literal = pattern.removeprefix("*").removesuffix("*")
    if not literal or literal in {".", ".."} or any(char.isspace() for char in literal):
        return False
    return _NOT_SIMPLE.isdisjoint(literal)


def _probe(pattern: str) -> str:
    """Return what stands among names, with NUL around each, if the simple `pattern` covers one of them."""
    start = "" if pattern[0] == "*" else "\0"
    end = "" if pattern[-1] == "*" else "\0"
    return start + pattern.removeprefix("*").removesuffix("*") + end


def _component_test(patterns: Sequence[str]) -> Callable[[str, str], bool]:
    """Return the test whether one component is covered by one of the simple `patterns`."""
    equal = frozenset(p for p in patterns if "*" not in p)
    endings = tuple(p[1:] for p in patterns if p[0] == "*" != p[-1])
    beginnings = tuple(p[:-1] for p in patterns if p[-1] == "*" != p[0])
    infixes = tuple(p[1:-1] for p in patterns if p[0] == "*" == p[-1])

    def covers(_path: str, name: str) -> bool:
        if name in equal or name.endswith(endings) or name.startswith(beginnings):
            return True
        for infix in infixes:  # noqa: SIM110  # any() takes three times as long
            if infix in name:
                return True
        return False

    return covers


def _either(component: Callable[[str, str], bool], spec: GitIgnoreSpec | None) -> Callable[[str, str], bool]:
    """Return the test that is true where either test is."""
    if spec is None:
        return component

    def covers(path: str, name: str) -> bool:
        return component(path, name) or spec.match_file(_one_line(path))

    return covers


def _compile(patterns: Sequence[str]) -> GitIgnoreSpec:
    """Return the compiled `patterns`, always by the same engine, whatever else is installed."""
    import re
    import warnings

    from pathspec import GitIgnoreSpec

    try:
        with warnings.catch_warnings():
            # `[[]` is a set of one bracket to git and here; Python's regular expressions muse about their future.
            warnings.simplefilter("ignore", FutureWarning)
            return GitIgnoreSpec.from_lines(patterns, backend="simple")
    except (ValueError, re.error) as error:
        raise UsageError(f"exclude: expected gitignore patterns, got {list(patterns)}: {error}") from error


def _one_line(path: str) -> str:
    """Return `path` without line feeds, which gitignore patterns cannot hold.

    In pathspec `$` also stands before a last line feed, and `*.py?` would leave out a file called
    "evil.pyc" plus a line feed.
    """
    return path.replace("\n", "\0") if "\n" in path else path
