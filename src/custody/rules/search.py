"""Finding pieces of text in many names: in one text that joins them, and many pieces in one pass.

To search the joined text costs a fraction of looking at every name. To search it for a hundred pieces that begin alike
costs about as much as to search it ten times: one regular expression, a tree of them, fails at the first character that
none of them has. Both give names that may hold a piece; whether one does, the caller looks up in the name. No name that
holds it is left out. A piece is not empty, and has `END` at most at its end.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

__all__ = ["END", "JoinedNames"]

END = "\0"
"""What stands behind each name: `tail + END` is a piece that only names hold that end with `tail`."""

_SAMPLED = 500
"""From so many names it is estimated what a pass over all of them costs."""

_PASS = 5
"""To look for the places where pieces may begin costs as much as so many searches for one piece."""

_TRY = 180
"""To try pieces at one such place costs as much as searching so many characters for one piece."""

_BRANCH = 8
"""To try one piece more there, if all begin differently, costs as much as searching so many characters."""

_SMALL = 500
"""So many names are searched for one piece after the other: to plan a pass would cost as much."""

_REACH = 32
"""A part of a piece that is looked for begins among so many characters, which bounds what planning costs."""

_LONGEST = 16
"""So many characters of a piece are looked for in one pass, which bounds what a place costs."""

_EXPECTED = 1
"""A pass looks for what is expected to be found at most so many times in a name, on average."""

_MOST = 2
"""A pass that finds so many times more hits than there are names was estimated wrongly and is given up."""


class JoinedNames:
    """Sorted names in one text, unless one holds what stands between them; then nothing is found out about any."""

    __slots__ = ("_names", "_text")

    def __init__(self, names: Sequence[str]) -> None:
        """Join `names`, which do not change."""
        text = f"{END}{END.join(names)}{END}"
        joined = text.count(END) == len(names) + 1
        self._names = names if joined else ()
        self._text = text if joined else ""

    def holding(self, piece: str, most: int) -> list[str] | None:
        """Return the names, in order, that hold `piece`; None if it is there over `most` times, or cannot be told."""
        if not self._text:
            return None
        text, end = self._text, 0
        found: list[str] = []
        for count, hit in enumerate(re.finditer(re.escape(piece), text)):
            position = hit.start()
            if position < end:  # in the same name again
                continue
            if count > most:
                return None
            end = text.index(END, position)
            found.append(text[text.rindex(END, 0, position) + 1 : end])
        return found

    def holding_each(self, pieces: Collection[str]) -> dict[str, list[str]]:
        """Return for some of `pieces` the names, in order, that may hold it; nothing if that cannot be told.

        Those are left out that many names hold, and those for which searching for one after the other costs less.
        """
        if len(self._names) <= _SMALL:
            return {}
        sampled = self._names[:: len(self._names) // _SAMPLED + 1]
        found: dict[str, list[str]] = {}
        for first, group in _groups(pieces, sampled).items():
            for rest, names in self._pass(first, group).items():
                found.update(dict.fromkeys(group[rest], names))
        return found

    def _pass(self, first: str, rests: Iterable[str]) -> dict[str, list[str]]:
        """Return for each of `rests` the names in which it follows `first`; nothing if hits are too many."""
        found: dict[str, list[str]] = {rest: [] for rest in rests}
        names, name, end = iter(self._names), "", 0
        left = _MOST * len(self._names)
        for hit in islice(_expression(first, found).finditer(self._text), left + 1):
            position = hit.start()
            while end < position:
                name = next(names)
                end += len(name) + 1
            found[hit[1]].append(name)
        if sum(map(len, found.values())) > left:
            return {}
        # The longest rest is what was found; shorter ones with which it begins are there, too.
        longer: dict[str, list[str]] = {}
        for rest, held in found.items():
            for size in range(len(rest)):
                if rest[:size] in found:
                    longer.setdefault(rest[:size], []).extend(held)
        found.update((rest, sorted(found[rest] + held)) for rest, held in longer.items())
        return {rest: list(dict.fromkeys(held)) for rest, held in found.items()}


def _groups(pieces: Collection[str], sampled: Sequence[str]) -> dict[str, dict[str, list[str]]]:
    """Return what to look for in one pass each: by the first character, by what follows, the pieces that hold it."""
    sample = f"{END}{END.join(sampled)}{END}"
    common = Counter(sample)
    parts: dict[str, list[str]] = {}
    for piece, start in _starts(pieces, common).items():
        parts.setdefault(piece[start : start + _LONGEST], []).append(piece)
    groups: dict[str, dict[str, list[str]]] = {}
    for part in _rarest(parts, sample, _EXPECTED * len(sampled)):
        groups.setdefault(part[0], {})[part[1:]] = parts[part]
    return {first: group for first, group in groups.items() if _pays(len(group), common[first], len(sample))}


def _pays(pieces: int, places: int, size: int) -> bool:
    """Return whether one pass for `pieces`, which may begin at `places` of `size`, costs no more than searches."""
    return size * _PASS + places * max(_TRY, pieces * _BRANCH) <= size * pieces


def _starts(pieces: Iterable[str], common: Mapping[str, int]) -> dict[str, int]:
    """Return from where on to look for each piece, near its beginning, so that first characters are few and rare.

    Each time the character that begins the most pieces for how common it is, and of equals the last one, is chosen. How
    many pieces are left for a character is looked up when its turn seems to have come, which bounds the work by the
    length of what is looked at.
    """
    from heapq import heapify, heappop, heappush  # only many rules for many names need it

    firsts = {piece: set(piece[: min((len(piece) + 1) // 2, _REACH)]) for piece in pieces}
    having: dict[str, list[str]] = {}
    for piece, chars in firsts.items():
        for char in chars:
            having.setdefault(char, []).append(piece)
    left = {char: len(those) for char, those in having.items()}
    heap = [(-count / (common[char] + 1), -ord(char)) for char, count in left.items()]
    heapify(heap)
    starts: dict[str, int] = {}
    while heap:
        rank, code = heappop(heap)
        best = chr(-code)
        now = -left[best] / (common[best] + 1)
        if now != rank:  # pieces were given to others since
            if left[best]:
                heappush(heap, (now, code))
            continue
        for piece in having[best]:
            if piece not in starts:
                starts[piece] = piece.index(best)
                for char in firsts[piece]:
                    left[char] -= 1
    return starts


def _rarest(parts: Iterable[str], sample: str, most: int) -> list[str]:
    """Return the rarest of `parts`, which together stand in `sample` at most so many times."""
    hits = {part: sample.count(part) for part in parts}
    chosen = []
    for part in sorted(hits, key=lambda part: (hits[part], part)):
        most -= hits[part]
        if most < 0:
            break
        chosen.append(part)
    return chosen


def _expression(first: str, rests: Iterable[str]) -> re.Pattern[str]:
    """Return an expression that stops at every `first` behind which one of `rests` stands, and sees the longest."""
    return re.compile(f"{re.escape(first)}(?=({_tree(sorted(rests))}))")


def _tree(texts: Iterable[str]) -> str:
    """Return an expression for the longest of `texts`, in which no two branches begin alike."""
    branches: dict[str, list[str]] = {}
    for text in texts:
        branches.setdefault(text[:1], []).append(text[1:])
    ends = branches.pop("", None) is not None
    written = [re.escape(char) + _tree(rests) for char, rests in branches.items()]
    if len(written) == 1 and not ends:
        return written[0]
    return f"(?:{'|'.join([*written, *([''] if ends else [])])})" if written else ""
