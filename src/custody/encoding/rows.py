"""The members of uniform objects as they are written: rows, each of which is taken apart once.

Objects whose members are written alike are of one kind, and share the rows that they have in common.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from custody.value import Value

__all__ = ["Accepts", "Decode", "Kind", "Shape", "UnsureError"]

Accepts = Callable[[Sequence[str], Sequence[str], Sequence[Sequence[str]]], bool]
"""Whether these names, keys and texts (a list of texts for each key) may be members of uniform objects."""

Decode = Callable[[str, int], tuple[Any, int]]

_PIECE = 64 * 1024
"""Characters of a uniform object that are taken apart together."""

_PLAIN = bytes(code for code in range(0x20, 0x7F) if chr(code) not in '"\\')
"""What stands in a JSON string for itself, of ASCII."""


_ROW = 250
"""Bytes that a member takes beyond its characters, about."""


class UnsureError(Exception):
    """Something is not as expected; the ordinary parser will say what."""


class Shape(Value):
    """How the members of an object are written: NAME `middles[0]` TEXT `middles[1]` TEXT ... `close`, then `comma`."""

    keys: tuple[str, ...]
    middles: tuple[str, ...]
    close: str
    comma: str

    @property
    def between(self) -> str:
        """What stands between the last text of a member and the name of the next."""
        return f"{self.close}{self.comma}"


class Kind:
    """The members that were seen in one shape: each by its text, with its name, and the odd ones with their content.

    They take about `weight` bytes.
    """

    __slots__ = ("accepts", "keys", "known", "odd", "shape", "weight")

    def __init__(self, shape: Shape, accepts: Accepts) -> None:
        self.shape = shape
        self.keys = frozenset(shape.keys)
        self.accepts = accepts
        self.known: dict[str, tuple[str, str]] = {}
        self.odd: dict[str, dict[str, str]] = {}
        self.weight = 0

    @staticmethod
    def weigh(characters: int, members: int) -> int:
        """Return about how many bytes so many members of so many characters take."""
        return characters + _ROW * members

    def forget(self) -> None:
        """Let go of all members."""
        self.known, self.odd, self.weight = {}, {}, 0

    def rows(self, text: str, begin: int, end: int, decode: Decode) -> dict[str, str]:
        """Return the members in `text[begin:end]` by their names."""
        between = self.shape.between
        found: list[tuple[str, str]] = []
        while begin <= end:  # piece by piece: what is cut off does not leave the processor's cache
            cut = text.find(between, begin + _PIECE, end)
            cut = cut if cut >= 0 else end
            found += self._found(text[begin:cut].split(between), decode)
            begin = cut + len(between)
        result = dict(found)
        if len(result) != len(found):
            raise UnsureError  # a name stands there twice
        return result

    def _found(self, rows: list[str], decode: Decode) -> list[tuple[str, str]]:
        """Return the names of `rows`, each with its row, which is the same as before if it was seen."""
        found = list(map(self.known.get, rows))
        if None in found:
            self._learn([row for row, pair in zip(rows, found, strict=True) if pair is None], decode)
            found = list(map(self.known.get, rows))
        return found  # type: ignore[return-value]  # all of them are known by now

    def _learn(self, rows: list[str], decode: Decode) -> None:
        self.weight += self.weigh(sum(map(len, rows)), len(rows))
        names = self._plain(rows)
        if names is None:
            self.known.update((row, self._one(row, decode)) for row in rows)
        else:
            self.known.update(zip(rows, zip(names, rows, strict=True), strict=True))

    def _plain(self, rows: list[str]) -> list[str] | None:
        """Return the names in `rows` if all are of the shape and nothing in them needs escaping, else None."""
        middles = self.shape.middles
        mark = min(middles, key=len)  # so that the text never gets longer
        text = mark.join(rows)
        for middle in middles:
            text = text if middle == mark else text.replace(middle, mark)
        flat = text.split(mark)
        if not _is_plain("".join(flat)):
            return None
        step = len(middles) + 1
        names, texts = flat[::step], [flat[index::step] for index in range(1, step)]
        again: Any = names
        for middle, column in zip(middles, texts, strict=True):
            again = map(middle.join, zip(again, column, strict=False))
        if list(again) != rows:
            return None
        if not self.accepts(names, self.shape.keys, texts):
            raise UnsureError
        return names

    def _one(self, row: str, decode: Decode) -> tuple[str, str]:
        """Return the name of the member `row` and the row, which may be odd: with other keys, or more, or escapes.

        Where nothing but the name was escaped without need, the row is as if it were not, if that makes it no longer.
        """
        names = self._plain([row])
        if names is not None:
            return names[0], row
        text = f'{{"{row}{self.shape.close}}}'
        document, end = decode(text, 0)
        if end != len(text) or len(document) != 1:
            raise UnsureError
        ((name, content),) = document.items()
        if type(content) is not dict or not content or set(map(type, content.values())) != {str}:
            raise UnsureError
        if not self.accepts([name], tuple(content), [[each] for each in content.values()]):
            raise UnsureError
        if tuple(content) == self.shape.keys and _is_plain("".join((name, *content.values()))):
            members = zip(self.shape.middles, content.values(), strict=True)
            usual = "".join((name, *(f"{middle}{each}" for middle, each in members)))
            if len(usual) <= len(row):
                return name, usual
        self.odd[row] = content
        self.weight += _ROW * (1 + len(content))
        return name, row


def _is_plain(text: str) -> bool:
    """Return whether `text` is itself inside a JSON string; not sure about all of it beyond ASCII."""
    if text.isascii():
        return not text.encode("ascii").translate(None, _PLAIN)
    return '"' not in text and "\\" not in text and text.isprintable()
