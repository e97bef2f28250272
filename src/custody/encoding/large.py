"""Reading large JSON documents, most of which are uniform objects.

`parse_large(text, decode, seen)` returns what `decode(text)` does, many times faster, or None where it is not sure, so
that the ordinary parser decides.

A uniform object is cut at the text between its members. Each piece, in its braces, is a valid object with one member,
so all of them are one valid object, too, and JSON has only one reading of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from custody.encoding.rows import Shape, UnsureError
from custody.errors import FormatError

if TYPE_CHECKING:
    from custody.encoding.rows import Decode
    from custody.encoding.uniform import Seen

__all__ = ["parse_large"]

_LEVELS = 2
"""An envelope, and the fields of the document in it."""

_WS = r"[ \t\n\r]{0,40}"  # in a shape, which is put between all members: few levels are indented further
_WHITE = re.compile(r"[ \t\n\r]*")
_STRING = r'"[^"\\]*(?:\\.[^"\\]*){0,100}"'  # each escape takes memory while it is matched
_START = re.compile(rf"\{{(?P<outer>{_WS}){_STRING}(?P<colon>{_WS}:{_WS}\{{(?P<inner>{_WS}))")
_FIELD = re.compile(rf'(?P<lead>"(?P<key>[A-Za-z0-9_-]{{1,100}})"{_WS}:{_WS}"){_STRING[1:-1]}"')
_COMMA = re.compile(rf"{_WS},{_WS}")
_END = re.compile(rf"{_WS}\}}")

_SMALL = 4 * 1024
"""Characters up to which an object is left to the ordinary parser: a document may have very many small ones."""

_MAX_KEYS = 8
"""The most texts that the members of a uniform object may have."""


def parse_large(text: str, decode: Decode, seen: Seen) -> Any | None:
    """Return the object that `text` holds, None if that has to be found out otherwise.

    `decode` parses the value at a place of a text and returns it with the place behind it.
    """
    reader = _Reader(text, decode, seen)
    start = _skip(text, 0)
    if not text.startswith("{", start):
        return None
    try:
        found, end = reader.object(start, _LEVELS)
    except (UnsureError, FormatError, ValueError, IndexError, RecursionError):
        return None  # what was cut off wrongly may look like anything
    return found if _skip(text, end) == len(text) else None


def _skip(text: str, at: int) -> int:
    """Return the place behind the white space at `at`."""
    return _WHITE.match(text, at).end()  # type: ignore[union-attr]  # it matches nothing, too


class _Reader:
    """Reads the outer levels of a text member by member."""

    def __init__(self, text: str, decode: Decode, seen: Seen) -> None:
        self._text = text
        self._decode = decode
        self._seen = seen

    def object(self, start: int, levels: int) -> tuple[dict[str, Any], int]:
        """Return the object that begins at `start`, and the place behind it."""
        text, found = self._text, {}
        at = _skip(text, start + 1)
        if text[at] == "}":
            return {}, at + 1
        while True:
            if text[at] != '"':
                raise UnsureError
            name, at = self._decode(text, at)
            at = _skip(text, at)
            if text[at] != ":" or name in found:
                raise UnsureError
            found[name], at = self._value(_skip(text, at + 1), levels)
            at = _skip(text, at)
            if text[at] == "}":
                return found, at + 1
            if text[at] != ",":
                raise UnsureError
            at = _skip(text, at + 1)

    def _value(self, start: int, levels: int) -> tuple[Any, int]:
        if self._text[start] == "{" and levels:
            return self._uniform(start) or self.object(start, levels - 1)
        return self._decode(self._text, start)

    def _uniform(self, start: int) -> tuple[Any, int] | None:
        """Return the object at `start` and the place behind it, None if it is none that may be uniform."""
        text = self._text
        begun = _START.match(text, start)
        shape = _shape_at(text, begun) if begun is not None else None
        if begun is None or shape is None:
            return None
        outer = begun["outer"]
        # An object ends one level further out than its members are, if it has levels.
        step = len(begun["inner"]) - len(outer)
        if step < 0:
            return None
        ending = f"{shape.close}{outer[: len(outer) - step]}}}"
        if text.find(ending, start, start + _SMALL) >= 0:
            return self._decode(text, start)
        found, end = self._seen.read(text, begun.end("outer") + 1, ending, shape, self._decode)
        return found, end + len(ending)


def _shape_at(text: str, begun: re.Match[str]) -> Shape | None:
    """Return how the first member is written, whose name `begun` leads to, None if it is no object of texts."""
    keys: list[str] = []
    middles: list[str] = []
    lead, at = begun["colon"], begun.end()
    while len(keys) < _MAX_KEYS:
        found = _FIELD.match(text, at)
        if found is None or found["key"] in keys:
            return None
        keys.append(found["key"])
        middles.append(f'"{lead}{found["lead"]}')
        gap = _COMMA.match(text, found.end())
        if gap is None:
            return _closed(text, found.end(), keys, middles)
        lead, at = gap[0], gap.end()
    return None


def _closed(text: str, at: int, keys: Sequence[str], middles: Sequence[str]) -> Shape | None:
    """Return the shape with what stands at `at`, between the first member and the second."""
    close = _END.match(text, at)
    comma = _COMMA.match(text, close.end()) if close is not None else None
    if close is None or comma is None:
        return None
    return Shape(keys=tuple(keys), middles=tuple(middles), close=f'"{close[0]}', comma=f'{comma[0]}"')
