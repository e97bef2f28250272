"""The queue of a list of rules: the names that no rule consumed yet, found by pattern without looking at all of them.

Rules times artifacts is what a list of rules costs if every pattern meets every name. Here what is literal in a
pattern is looked up: how a name begins in the order of the names, what else it holds in a text that joins them. Only
what that leaves is matched. `queue.select(pattern)` gives what `Pattern(pattern).filter(queue)` gives; that, one name
after the other, is how it is specified and tested.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

from custody.rules.patterns import Pattern, has_wildcard
from custody.rules.search import END, JoinedNames

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

__all__ = ["Queue"]

_FEW = 50
"""So many names are looked at one by one: no search is faster."""

_MANY = 10
"""So many pieces are looked for at once, if that pays; of fewer, each when it is needed."""

_PART = 2
"""To search the joined text costs as much as looking at such a part of the names."""

_SPARSE = 16
"""Finding one name in the joined text costs about as much as looking at so many."""


class Queue:
    """Names in order, of which rules take some away.

    The names are joined when they are first searched, so that a short queue costs no more than a list. Names that are
    gone stay in the order and in the text until passing them over has cost as much as dropping them.
    """

    __slots__ = ("_found", "_gone", "_joined", "_known", "_names", "_planned", "_waste")

    def __init__(self, names: Collection[str], planned: Iterable[tuple[str, str]] = ()) -> None:
        """Queue all of `names`, a set or mapping that does not change.

        `planned` are pairs of a pattern and what it stands below, as `select` will be asked for: the first that needs
        a search searches for many of them.
        """
        self._known = names
        self._gone: set[str] = set()
        self._names = sorted(names)
        self._planned: Iterable[tuple[str, str]] | None = planned
        self._found: dict[str, list[str]] = {}
        self._joined: JoinedNames | None = None
        self._waste = 0

    def __contains__(self, name: str) -> bool:
        """Return whether `name` is still there."""
        return name in self._known and name not in self._gone

    def __iter__(self) -> Iterator[str]:
        """Yield what is still there, in order."""
        return iter(self._still_there(self._names) if len(self) else ())

    def __len__(self) -> int:
        """Return how many names are still there."""
        return len(self._known) - len(self._gone)

    def remove(self, names: Collection[str]) -> None:
        """Take away `names`, all of which are there."""
        self._gone.update(names)

    def select(self, pattern: str, below: str = "") -> list[str]:
        """Return the names, in order, that begin with `below` and go on with what `pattern` matches."""
        if not has_wildcard(pattern):
            return [below + pattern] if below + pattern in self else []
        if not len(self):
            return []
        self._tidy()
        shape = Pattern(pattern)
        head, needle, tail = below + shape.head, shape.needle, shape.tail
        names = self._still_there(self._between(head, needle, tail))
        start, end = len(head), len(tail)
        if needle and (head or tail):
            names = [name for name in names if name.find(needle, start, len(name) - end) >= 0]
        elif needle:
            names = [name for name in names if needle in name]
        elif head and tail:
            names = [name for name in names if len(name) >= start + end]
        return names if shape.exact else shape.filter(names, len(below))

    def _between(self, head: str, needle: str, tail: str) -> list[str]:
        """Return the names, in order and gone or not, with this beginning and end, among them all with `needle`."""
        start, stop = self._span(head)
        found = self._holding(_piece(needle, tail), stop - start)
        if found is None:
            found = self._names[start:stop]
        elif head:
            found = [name for name in found if name.startswith(head)]
        return [name for name in found if name.endswith(tail)] if tail else found

    def _span(self, head: str) -> tuple[int, int]:
        """Return from where to where names begin with `head`."""
        names, size = self._names, len(head)
        if not head:
            return 0, len(names)
        start = bisect_left(names, head)
        return start, bisect_right(names, head, start, key=lambda name: name[:size])

    def _holding(self, piece: str, others: int) -> list[str] | None:
        """Return names that may hold `piece`, and all that do; None if it is cheaper to look at `others`."""
        if not self._searches(piece, others):
            return None
        if self._joined is None:
            self._joined = JoinedNames(self._names)
        if self._planned is not None:
            self._found, self._planned = self._holding_each(self._planned, self._joined), None
        found = self._found.get(piece)
        if found is not None:
            return found
        self._waste += (len(self._names) - len(self)) // _PART
        return self._joined.holding(piece, others // _SPARSE)

    def _holding_each(self, planned: Iterable[tuple[str, str]], joined: JoinedNames) -> dict[str, list[str]]:
        """Return what is found for those of the `planned` patterns that need a search, if they are many."""
        pieces = set()
        for pattern, below in planned:
            if has_wildcard(pattern):
                shape = Pattern(pattern)
                piece, (start, stop) = _piece(shape.needle, shape.tail), self._span(below + shape.head)
                if self._searches(piece, stop - start):
                    pieces.add(piece)
        return joined.holding_each(pieces) if len(pieces) >= _MANY else {}

    def _searches(self, piece: str, others: int) -> bool:
        """Return whether searching for `piece` may be cheaper than looking at `others`."""
        return bool(piece) and others > _FEW and others * _PART >= len(self._names)

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


def _piece(needle: str, tail: str) -> str:
    """Return what to look for, the longer of the two; nothing if it cannot stand in names that are joined."""
    end = tail and tail + END
    piece = needle if len(needle) >= len(end) else end
    return "" if END in needle + tail else piece
