"""Uniform objects: thousands of members `"NAME": {"KEY": "TEXT"}`, kept as they are written.

Most members of a chain of documents were in the document before, too: `Seen` knows them by what is written, so that
only what is new is parsed and checked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, KeysView, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from custody.encoding.rows import Accepts, Decode, Kind, Shape

__all__ = ["BETWEEN", "LARGE_TEXT", "Seen", "UniformObject", "canonical_middles", "plain"]

LARGE_TEXT = 64 * 1024
"""Characters from which on it pays to look for uniform objects."""

BETWEEN = '"},"'
"""What stands between the last text of a member and the name of the next in canonical JSON."""

_AT_ONCE = 1024
"""Members that are written together."""

_JOINED = 128 * 1024
"""Characters of members up to which they are joined to be compared."""

_REMEMBERED = 8
"""Objects that are kept for later documents: what a step made is what the next ones start from."""

_AT_LEAST = 2
"""Objects of those that are kept however large they are: what a step takes and what it makes."""

_KEPT = 64 * 1024 * 1024
"""Bytes, about, that members of earlier documents may take, whether anyone counts those documents or not."""


class UniformObject(Mapping[str, dict[str, str]]):
    """An object whose members are objects of texts, nearly all of them with the same keys, accepted by `accepts`.

    It is kept as it was written: `rows` are the members' texts by name, and `obj[name]` is parsed anew each time. It
    never changes, and what is written alike in two objects of one `kind` is the same row.
    """

    __slots__ = ("_odd", "_rows", "_size", "kind")

    def __init__(self, kind: Kind, rows: dict[str, str], size: int) -> None:
        """Take members that were found in a text of `size` characters."""
        self.kind = kind
        self._rows = rows
        self._odd = {row: kind.odd[row] for row in kind.odd.keys() & rows.values()} if kind.odd else {}
        self._size = size

    @property
    def rows(self) -> dict[str, str]:
        """How each member is written, by its name, in the order in which they were written."""
        return self._rows

    def __len__(self) -> int:
        """Return how many members there are."""
        return len(self.rows)

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names, in the order in which they were written."""
        return iter(self.rows)

    def __contains__(self, name: object) -> bool:
        """Return whether there is a member of that name."""
        return name in self.rows

    def keys(self) -> KeysView[str]:
        """Return the names, as those of a dict."""
        return self.rows.keys()

    def __getitem__(self, name: str) -> dict[str, str]:
        """Return the content of a member; changing it changes nothing here."""
        row = self.rows[name]
        if row in self._odd:
            return dict(self._odd[row])
        shape = self.kind.shape
        keys, (first, *others) = shape.keys, shape.middles
        rest = row[len(name) + len(first) :]
        if not others:
            return {keys[0]: rest}
        content = {}
        for key, middle in zip(keys, others, strict=False):
            content[key], _, rest = rest.partition(middle)
        content[keys[-1]] = rest
        return content

    def __eq__(self, other: object) -> bool:
        """Compare with any mapping."""
        if self is other:
            return True
        if isinstance(other, UniformObject) and self.kind.shape == other.kind.shape and self.rows == other.rows:
            return True
        return super().__eq__(other)

    __hash__ = None  # type: ignore[assignment]  # as that of every mapping

    def __repr__(self) -> str:
        """Return what the object that the ordinary parser reads shows."""
        return repr(self.plain())

    @property
    def accepts(self) -> Accepts:
        """What accepted the members."""
        return self.kind.accepts

    def all_have(self, keys: frozenset[str]) -> bool:
        """Return whether every member certainly has all of `keys`."""
        return keys <= self.kind.keys and not self._odd

    def plain(self) -> dict[str, dict[str, str]]:
        """Return the object as the ordinary parser reads it."""
        return {name: self[name] for name in self.rows}

    def odd(self) -> dict[str, dict[str, str]]:
        """Return the members that are written in another way than most: nothing else has escapes in it."""
        odd = self._odd
        return {name: odd[row] for name, row in self.rows.items() if row in odd} if odd else {}

    def sharing(self, _other: object) -> UniformObject:
        """Return an equal object that has as much in common with another as can be had."""
        return self

    def without(self, names: Collection[str]) -> UniformObject:
        """Return an object without the members `names`; one is left."""
        rows = {name: row for name, row in self.rows.items() if name not in names}
        return UniformObject(self.kind, rows, len(self.kind.shape.between.join(rows.values())))

    def is_sorted(self) -> bool:
        """Return whether no member is odd, and the texts of each are in the order of their keys."""
        keys = self.kind.shape.keys
        return not self._odd and list(keys) == sorted(keys)

    def canonical_parts(self, encode: Callable[[object], str]) -> Iterator[str]:
        """Yield the parts of its canonical JSON; `encode` gives that of anything else."""
        start = '{"'
        for block in self.blocks(encode):
            yield start
            yield block
            start = BETWEEN
        yield '"}}'

    def blocks(self, encode: Callable[[object], str]) -> Iterator[str]:
        """Yield the parts of its canonical JSON between `{"` and `"}}`, many members each, without what is `BETWEEN`.

        `encode` gives the canonical JSON of anything else; of what `is_sorted`, it is not asked.
        """
        names, known = sorted(self.rows), self.rows
        for at in range(0, len(names), _AT_ONCE):
            some = names[at : at + _AT_ONCE]
            yield BETWEEN.join(self._canonical_rows(some, list(map(known.__getitem__, some)), encode))

    def _canonical_rows(self, names: Sequence[str], rows: list[str], encode: Callable[[object], str]) -> list[str]:
        shape = self.kind.shape
        wanted = canonical_middles(shape.keys)
        if not self._odd.keys().isdisjoint(rows) or list(shape.keys) != sorted(shape.keys):
            return [f"{encode(name)[1:]}:{encode(self[name])[:-2]}" for name in names]
        if shape.middles == wanted:
            return rows
        (first, *others), middle = shape.middles, wanted[0]
        skip = len(first)
        found = [f"{name}{middle}{row[len(name) + skip :]}" for name, row in zip(names, rows, strict=True)]
        for old, new in zip(others, wanted[1:], strict=True):
            found = [row.replace(old, new) for row in found]
        return found

    def ends_in(self, text: str, begin: int, ending: str, kind: Kind) -> int:
        """Return where its members end in `text` if they stand there from `begin` on, before `ending`; -1 if not."""
        end = begin + self._size
        if self.kind is not kind or not text.startswith(ending, end):
            return -1
        return end if _end_of(self.rows.values(), kind.shape.between, text, begin) == end else -1

    @property
    def weight(self) -> int:
        """About how many bytes it takes if it shares nothing."""
        return self.kind.weigh(self._size, len(self.rows))


def _end_of(rows: Iterable[str], between: str, text: str, at: int) -> int:
    """Return where `rows` end in `text` if they stand there from `at` on, with `between` between them; -1 if not.

    If not, little more was looked at than what is the same: many objects may begin like one that was seen.
    """
    left, count, gap = iter(rows), 1, ""
    while batch := list(islice(left, count)):
        parts = [between.join(batch)] if sum(map(len, batch)) <= _JOINED else batch
        for part in parts:
            if not text.startswith(gap, at) or not text.startswith(part, at + len(gap)):
                return -1
            at += len(gap) + len(part)
            gap = between
        count = min(2 * count, _AT_ONCE)
    return at


def plain(value: Any) -> Any:
    """Return `value`, or a copy as the ordinary parser reads it if it is or has uniform objects."""
    if isinstance(value, UniformObject):
        return value.plain()
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return value


def canonical_middles(keys: Sequence[str]) -> tuple[str, ...]:
    """Return what stands before each text of a member in canonical JSON, from the quote behind its name on."""
    first, *others = keys
    return (f'":{{"{first}":"', *(f'","{key}":"' for key in others))


class Seen:
    """The members of uniform objects of earlier documents, and the last few of those objects.

    `accepts` says which names, keys and texts may be members of uniform objects: all others are parsed as usual.
    """

    __slots__ = ("_accepts", "_kinds", "_objects", "_weight")

    def __init__(self, accepts: Accepts) -> None:
        """Start with nothing."""
        self._accepts = accepts
        self._kinds: dict[Shape, Kind] = {}
        self._objects: list[UniformObject] = []
        self._weight = 0

    def read(self, text: str, begin: int, ending: str, shape: Shape, decode: Decode) -> tuple[UniformObject, int]:
        """Return the object whose members stand in `text` from `begin` on, and where they end, which is at `ending`.

        It is the same as before if it was seen.

        Raises:
            UnsureError: not all of them are certainly members that are accepted.

        """
        from custody.encoding.rows import Kind, UnsureError  # most documents are small

        self._make_room()
        kind = self._kinds.get(shape)
        if kind is None:
            kind = self._kinds[shape] = Kind(shape, self._accepts)
        for known in reversed(self._objects):
            end = known.ends_in(text, begin, ending, kind)
            if end >= 0:
                self._remember(known)
                return known, end
        end = text.find(ending, begin)
        if end < 0:
            raise UnsureError
        found = UniformObject(kind, self._rows(kind, text, begin, end, decode), end - begin)
        self._remember(found)
        return found, end

    def forget(self) -> None:
        """Let go of everything; the objects that were read have what they need."""
        self._objects = []
        self._forget_members()

    def _rows(self, kind: Kind, text: str, begin: int, end: int, decode: Decode) -> dict[str, str]:
        before = kind.weight
        try:
            return kind.rows(text, begin, end, decode)
        finally:
            self._weight += kind.weight - before

    def _remember(self, found: UniformObject) -> None:
        """Keep `found` as the last of the objects, of which the first go if there are too many or they are large."""
        kept, weight = [found], found.weight
        for each in reversed(self._objects):
            if each is not found and len(kept) < _REMEMBERED:
                weight += each.weight
                if weight <= _KEPT or len(kept) < _AT_LEAST:
                    kept.append(each)
        self._objects = kept[::-1]

    def _make_room(self) -> None:
        """Let go of the members if they take more than they may, or twice what one of the objects does."""
        largest = max((each.weight for each in self._objects), default=0)
        if self._weight > max(_KEPT, 2 * largest):
            self._forget_members()

    def _forget_members(self) -> None:
        for kind in self._kinds.values():
            kind.forget()
        self._kinds = {each.kind.shape: each.kind for each in self._objects}
        self._weight = 0
