"""The queue of a list of rules: the names that no rule consumed yet, found by pattern without looking at all of them.

Rules times artifacts is what a list of rules costs if every pattern meets every name. Here what is literal in a
pattern is looked up in an index, and only what that leaves is matched. `queue.select(pattern)` gives what
`Pattern(pattern).filter(queue)` gives; that, one name after the other, is how it is specified and tested.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from custody.rules.patterns import Pattern, has_wildcard

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

__all__ = ["Queue"]

_FEW = 50
"""So many names are looked at one by one: no index is faster."""

_SEARCHES = 16
"""Sorting names by their ends costs about as much as searching the joined text so many times."""

_WIDE = 8
"""What begins alike is searched by its end, too, if it is at least such a part of all names."""

_SPARSE = 16
"""Finding one name in the joined text costs about as much as looking at so many."""

_BETWEEN = "\0"


class Queue:
    """Names in order, of which rules take some away.

    An index is made when it is asked for often enough to pay, so that a short queue costs no more than a list. Names
    that are gone stay in the indexes until passing them over has cost as much as dropping them.
    """

    __slots__ = ("_by_end", "_gone", "_joined", "_known", "_names", "_searched", "_waste")

    def __init__(self, names: Collection[str]) -> None:
        """Queue all of `names`, a set or mapping that does not change."""
        self._known = names
        self._gone: set[str] = set()
        self._names = sorted(names)
        self._by_end: list[str] | None = None
        self._joined: str | None = None
        self._searched = 0
        self._waste = 0

    def __contains__(self, name: str) -> bool:
        """Return whether `name` is still there."""
        return name in self._known and name not in self._gone

    def __iter__(self) -> Iterator[str]:
        """Yield what is still there, in order."""
        return iter(self._still_there(self._names))

    def __len__(self) -> int:
        """Return how many names are still there."""
        return len(self._known) - len(self._gone)

    def remove(self, names: Collection[str]) -> None:
        """Take away `names`, all of which are there."""
        self._gone.update(names)
        self._waste += 2 * len(names)

    def select(self, pattern: str, below: str = "") -> list[str]:
        """Return the names, in order, that begin with `below` and go on with what `pattern` matches."""
        if not has_wildcard(pattern):
            return [below + pattern] if below + pattern in self else []
        self._tidy()
        shape = Pattern(pattern)
        head, needle, tail = below + shape.head, shape.needle, shape.tail
        names = self._still_there(self._candidates(head, needle, tail))
        if not shape.exact:
            return shape.filter(names, len(below))
        if not needle:
            return list(names)
        start, end = len(head), len(tail)
        return [name for name in names if name.find(needle, start, len(name) - end) >= 0]

    def _candidates(self, head: str, needle: str, tail: str) -> list[str]:
        """Return the names, in order and gone or not, with this beginning, this end, and `needle` anywhere."""
        start, stop = self._span(head)
        found = None
        if stop - start > _FEW:
            if tail:
                found = self._ending(tail, stop - start)
            elif needle:
                found = self._holding(needle, stop - start)
        if found is None:
            found = self._names[start:stop]
        elif head:
            found = [name for name in found if name.startswith(head)]
        if tail:
            found = [name for name in found if name.endswith(tail)]
        if head and tail:
            size = len(head) + len(tail)
            found = [name for name in found if len(name) >= size]
        if needle:
            found = [name for name in found if needle in name]
        return found

    def _span(self, head: str) -> tuple[int, int]:
        """Return from where to where names begin with `head`."""
        names, size = self._names, len(head)
        if not head:
            return 0, len(names)
        return _first(names, lambda name: name >= head), _first(names, lambda name: name[:size] > head)

    def _ending(self, tail: str, others: int) -> list[str] | None:
        """Return the names that end with `tail`; None if it is cheaper to look at `others`."""
        if self._by_end is None:
            if others * _WIDE < len(self._names):
                return None
            self._searched += 1
            if self._searched <= _SEARCHES:
                return self._holding(tail + _BETWEEN, others)
            self._by_end = sorted(self._names, key=lambda name: name[::-1])
        names, stop, backwards = self._by_end, -len(tail) - 1, tail[::-1]
        start = _first(names, lambda name: name[:stop:-1] >= backwards)
        end = _first(names, lambda name: name[:stop:-1] > backwards)
        return sorted(self._still_there(names[start:end])) if end - start < others else None

    def _holding(self, needle: str, others: int) -> list[str] | None:
        """Return the names that hold `needle`; None if it is cheaper to look at `others`."""
        if others * 2 < len(self._names):
            return None
        if self._joined is None:
            self._joined = f"{_BETWEEN}{_BETWEEN.join(self._names)}{_BETWEEN}"
            if self._joined.count(_BETWEEN) != len(self._names) + 1:
                self._joined = ""  # a name holds what stands between names
        text, found, end = self._joined, [], 0
        if not text:
            return None
        for count, hit in enumerate(re.finditer(re.escape(needle), text)):
            position = hit.start()
            if position < end:  # in the same name again
                continue
            if count * _SPARSE > others:
                return None
            end = text.index(_BETWEEN, position)
            found.append(text[text.rindex(_BETWEEN, 0, position) + 1 : end])
        return found

    def _still_there(self, names: list[str]) -> list[str]:
        gone = self._gone
        if not gone:
            return names
        left = [name for name in names if name not in gone]
        self._waste += len(names) - len(left)
        return left

    def _tidy(self) -> None:
        if self._waste <= len(self._names):
            return
        gone, self._waste, self._joined = self._gone, 0, None
        self._names = [name for name in self._names if name not in gone]
        if self._by_end is not None:
            self._by_end = [name for name in self._by_end if name not in gone]


def _first(names: list[str], test: Callable[[str], bool]) -> int:
    """Return the index of the first name that passes `test`, which all names after it pass, too."""
    low, high = 0, len(names)
    while low < high:
        middle = (low + high) // 2
        if test(names[middle]):
            high = middle
        else:
            low = middle + 1
    return low
