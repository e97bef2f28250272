"""Uniform objects: thousands of members `"NAME": {"KEY": "TEXT"}`, kept as they are written.

Most members of a chain of documents were in the document before, too: `Seen` knows them by what is written, so that
only what is new is parsed and checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, KeysView, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from custody.encoding.rows import Accepts, Decode, Kind, Shape

__all__ = ["LARGE_TEXT", "Seen", "UniformObject", "plain"]

LARGE_TEXT = 64 * 1024
"""Characters from which on it pays to look for uniform objects."""

_AT_ONCE = 1024
"""Members that are written together."""

_REMEMBERED = 8
"""Objects that are kept for later documents: what a step made is what the next ones start from."""


class UniformObject(Mapping[str, dict[str, str]]):
    """An object whose members are objects of texts, nearly all of them with the same keys, accepted by `accepts`.

    It is kept as it was written: `rows` are the members' texts by name, and `obj[name]` is parsed anew each time. It
    never changes, and what is written alike in two objects of one `kind` is the same row.
    """

    __slots__ = ("_alike", "_size", "kind", "rows")

    def __init__(self, kind: Kind, rows: dict[str, str], size: int) -> None:
        """Take members that were found in a text of `size` characters."""
        self.kind = kind
        self.rows = rows
        self._alike = kind.odd.keys().isdisjoint(rows.values() if kind.odd else ())
        self._size = size

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
        kind = self.kind
        if not self._alike and row in kind.odd:
            return dict(kind.odd[row])
        keys, (first, *others) = kind.shape.keys, kind.shape.middles
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
        if isinstance(other, UniformObject) and self.kind is other.kind and self.rows == other.rows:
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
        return keys <= self.kind.keys and self._alike

    def plain(self) -> dict[str, dict[str, str]]:
        """Return the object as the ordinary parser reads it."""
        return {name: self[name] for name in self.rows}

    def odd(self) -> dict[str, dict[str, str]]:
        """Return the members that are written in another way than most: nothing else has escapes in it."""
        odd = self.kind.odd
        return {} if self._alike else {name: odd[row] for name, row in self.rows.items() if row in odd}

    def canonical_parts(self, encode: Callable[[object], str]) -> Iterator[str]:
        """Yield the parts of its canonical JSON; `encode` gives that of anything else."""
        names, start = sorted(self.rows), '{"'
        for at in range(0, len(names), _AT_ONCE):
            yield start
            yield '"},"'.join(self._canonical_rows(names[at : at + _AT_ONCE], encode))
            start = '"},"'
        yield '"}}'

    def _canonical_rows(self, names: Sequence[str], encode: Callable[[object], str]) -> list[str]:
        shape, rows = self.kind.shape, list(map(self.rows.__getitem__, names))
        wanted = _canonical_middles(shape.keys)
        if not self.kind.odd.keys().isdisjoint(rows) or list(shape.keys) != sorted(shape.keys):
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
        section = kind.shape.between.join(self.rows.values())
        return end if len(section) == self._size and text.startswith(section, begin) else -1


def plain(value: Any) -> Any:
    """Return `value`, or a copy as the ordinary parser reads it if it is or has uniform objects."""
    if isinstance(value, UniformObject):
        return value.plain()
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return value


def _canonical_middles(keys: Sequence[str]) -> tuple[str, ...]:
    first, *others = keys
    return (f'":{{"{first}":"', *(f'","{key}":"' for key in others))


class Seen:
    """The members of uniform objects of earlier documents, and the last few of those objects.

    `accepts` says which names, keys and texts may be members of uniform objects: all others are parsed as usual.
    """

    __slots__ = ("_accepts", "_kinds", "_objects")

    def __init__(self, accepts: Accepts) -> None:
        """Start with nothing."""
        self._accepts = accepts
        self._kinds: dict[Shape, Kind] = {}
        self._objects: list[UniformObject] = []

    def read(self, text: str, begin: int, ending: str, shape: Shape, decode: Decode) -> tuple[UniformObject, int]:
        """Return the object whose members stand in `text` from `begin` on, and where they end, which is at `ending`.

        It is the same as before if it was seen.

        Raises:
            UnsureError: not all of them are certainly members that are accepted.

        """
        from custody.encoding.rows import Kind, UnsureError  # most documents are small

        kind = self._kinds.get(shape)
        if kind is None:
            kind = self._kinds[shape] = Kind(shape, self._accepts)
        for known in reversed(self._objects):
            end = known.ends_in(text, begin, ending, kind)
            if end >= 0:
                return known, end
        end = text.find(ending, begin)
        if end < 0:
            raise UnsureError
        found = UniformObject(kind, kind.rows(text, begin, end, decode), end - begin)
        self._objects = [*self._objects[1 - _REMEMBERED :], found]
        return found, end

    def forget(self) -> None:
        """Let go of everything but what the objects need that were read."""
        self._objects = []
        for kind in self._kinds.values():
            kind.known = {}
