"""Patterns of rules: what `*`, `?` and `[...]` mean, and which patterns are refused.

`*` and `?` cross `/` and match leading dots, `[!a]` negates (glob(7)). Patterns that implementations read
differently, so that a DISALLOW of one is no DISALLOW of another (GHSA-pmwq-pjrm-6p5r), are refused with the reason.
"""

from __future__ import annotations

import fnmatch
import re
from typing import TYPE_CHECKING

from custody.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["Pattern", "check_pattern", "escape", "has_wildcard"]

_WILD = re.compile(r"[*?\[]")
_NOT_LITERAL = re.compile(r"[*?]|\[!?\]?[^\]]*\]|\[")
_CLASS = re.compile(r"\[[:.=]")


def has_wildcard(pattern: str) -> bool:
    """Return whether `pattern` can match anything but itself."""
    return _WILD.search(pattern) is not None


def escape(text: str) -> str:
    """Return a pattern that matches `text` and nothing else."""
    return _WILD.sub(r"[\g<0>]", text)


def check_pattern(pattern: str, where: str) -> None:
    """Refuse a pattern that another implementation would read differently (D6).

    Raises:
        FormatError: it holds a backslash, an unbalanced `[`, `[^`, a class such as `[[:alpha:]]`, or a
            range that is reversed or runs into the next.

    """
    if not pattern:
        raise FormatError("expected a pattern, got ''", where=where, remedy="write '*' for all")
    if "\\" in pattern:
        raise FormatError(
            f"the backslash in {pattern!r:.120} is an escape to some verifiers and itself to others",
            where=where,
            remedy="put the special character in brackets, as in 'a[*]b'",
        )
    position = pattern.find("[")
    while position >= 0:
        position = pattern.find("[", _check_set(pattern, position, where))


class Pattern:
    """A pattern, and what is literal in it; `pattern.filter(names)` keeps those that match.

    A name that matches begins with `head`, ends with `tail` and has `needle` between them, without overlap. If the
    pattern is `exact`, every name of which this is true matches.
    """

    __slots__ = ("_match", "exact", "head", "needle", "tail", "text")

    def __init__(self, text: str) -> None:
        """Take `text` apart, which `check_pattern` accepted."""
        self.text = text
        self._match: Callable[..., object] | None = None
        literals = _NOT_LITERAL.split(text)
        self.head = literals[0]
        self.tail = literals[-1] if len(literals) > 1 else ""
        self.needle = max(literals[1:-1], key=len, default="")
        middle = text[len(self.head) : len(text) - len(self.tail)]
        self.exact = middle in {"*", f"*{self.needle}*"}

    def matches(self, name: str, start: int = 0) -> bool:
        """Return whether the whole of `name` matches, from `start` on."""
        return self._compiled()(name, start) is not None

    def filter(self, names: Iterable[str], start: int = 0) -> list[str]:
        """Return those of `names` that match from `start` on, in their order."""
        if self.text == "*":
            return list(names)
        match = self._compiled()
        return [name for name in names if match(name, start)]

    def _compiled(self) -> Callable[..., object]:
        """Compile the pattern when it is needed: what is literal in it may have settled everything."""
        if self._match is None:
            self._match = re.compile(fnmatch.translate(self.text)).match
        return self._match


def _check_set(pattern: str, start: int, where: str) -> int:
    """Check the set that begins at `start` and return the position behind it."""
    inside = start + 1
    if pattern[inside : inside + 1] == "^":
        raise FormatError(
            f"'[^' in {pattern!r:.120} negates for some verifiers and is a plain '^' to others",
            where=where,
            remedy="write '[!' to negate",
        )
    first = inside + 1 if pattern[inside : inside + 1] == "!" else inside
    # A bracket that stands first in a set is a member of it, as in '[]a]'.
    end = pattern.find("]", first + 1)
    if end < 0:
        raise FormatError(
            f"the '[' in {pattern!r:.120} is never closed",
            where=where,
            remedy="write '[[]' for a plain bracket",
        )
    members = pattern[first:end]
    if _CLASS.search(members):
        raise FormatError(
            f"the class in '[{members}]' of {pattern!r:.120} is a plain set of characters to some verifiers",
            where=where,
            remedy="list the characters, as in '[a-z]'",
        )
    _check_ranges(members, pattern, where)
    return end + 1


def _check_ranges(members: str, pattern: str, where: str) -> None:
    dash = members.find("-", 1)
    while 0 < dash < len(members) - 1:
        if members[dash + 2 : dash + 3] == "-" and dash + 3 < len(members):
            raise FormatError(
                f"'{members[dash - 1 : dash + 4]}' in {pattern!r:.120} may be one range or two",
                where=where,
                remedy="put the '-' last, as in '[a-c-]'",
            )
        if members[dash - 1] > members[dash + 1]:
            raise FormatError(
                f"the range '{members[dash - 1 : dash + 2]}' in {pattern!r:.120} is reversed",
                where=where,
                remedy="write the smaller character first",
            )
        dash = members.find("-", dash + 2)
