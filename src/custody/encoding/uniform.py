"""Large JSON documents, most of which is uniform: objects of thousands of members `"NAME": {"KEY": "TEXT"}`.

`parse_large(text, decode)` returns what `decode(text)` does, many times faster, or None where it is not sure, so that
the ordinary parser decides. What is written twice in the same way is parsed once: `Seen` remembers it.

A uniform object is taken apart at the text between its members, and put together again: only if that is the text
that was there, and neither names nor texts hold a quote, a backslash or anything unprintable, is it one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

__all__ = ["LARGE_TEXT", "Seen", "UniformObject", "parse_large"]

LARGE_TEXT = 64 * 1024
"""Characters from which on it pays to look for uniform objects."""

_LEVELS = 3
"""An envelope, the document in it, its fields."""

_Decode = Callable[[str, int], tuple[Any, int]]

_WHITE = re.compile(r"[ \t\n\r]*")
_FIRST = re.compile(
    r'\{(?P<outer>[ \t\n\r]*)"[^"\\]*'
    r'(?P<middle>"[ \t\n\r]*:[ \t\n\r]*\{(?P<inner>[ \t\n\r]*)'
    r'"(?P<key>[A-Za-z0-9_-]{1,100})"[ \t\n\r]*:[ \t\n\r]*")[^"\\]*'
    r'(?P<between>(?P<close>"[ \t\n\r]*\})[ \t\n\r]*,[ \t\n\r]*")'
)


class UniformObject(dict[str, Any]):
    """An object whose members all are objects with the one member `key`, a text; nothing in it needs escaping.

    It is never changed: it can stand in several places, and what was found out about it is kept. `checked` is for
    whoever has looked at it to leave a note.
    """

    __slots__ = ("_canonical", "checked", "key")

    def __init__(self, key: str, members: Any) -> None:
        super().__init__(members)
        self.key = key
        self.checked: object = None
        self._canonical = ""

    def canonical_text(self) -> str:
        """Return its canonical JSON."""
        if not self._canonical:
            names = sorted(self)
            middle = f'":{{"{self.key}":"'
            members = '"},"'.join([f"{name}{middle}{self[name][self.key]}" for name in names])
            self._canonical = f'{{"{members}"}}}}'
        return self._canonical


_REMEMBERED = 8
"""Objects that are kept for later documents: what a step made is what the next ones start from."""


class Seen:
    """The last few uniform objects of earlier documents, by their text."""

    __slots__ = ("_objects",)

    def __init__(self) -> None:
        self._objects: dict[str, UniformObject] = {}

    def get(self, text: str) -> UniformObject | None:
        """Return the object that `text` was, None if it was not seen."""
        return self._objects.get(text)

    def add(self, text: str, found: UniformObject) -> None:
        """Remember what `text` is, instead of the oldest of many."""
        if len(self._objects) >= _REMEMBERED:
            del self._objects[next(iter(self._objects))]
        self._objects[text] = found


class _UnsureError(Exception):
    """Something is not as expected; the ordinary parser will say what."""


def parse_large(text: str, decode: _Decode, seen: Seen) -> Any | None:
    """Return the object that `text` holds, None if that has to be found out otherwise.

    `decode` parses the value at a place of a text and returns it with the place behind it.
    """
    reader = _Reader(text, decode, seen)
    start = _skip(text, 0)
    if not text.startswith("{", start):
        return None
    try:
        found, end = reader.object(start, _LEVELS)
    except (_UnsureError, ValueError, IndexError, RecursionError):
        return None
    return found if _skip(text, end) == len(text) else None


def _skip(text: str, at: int) -> int:
    """Return the place behind the white space at `at`."""
    return _WHITE.match(text, at).end()  # type: ignore[union-attr]  # it matches nothing, too


class _Reader:
    """Reads the outer levels of a text member by member."""

    def __init__(self, text: str, decode: _Decode, seen: Seen) -> None:
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
                raise _UnsureError
            name, at = self._decode(text, at)
            at = _skip(text, at)
            if text[at] != ":" or name in found:
                raise _UnsureError
            found[name], at = self._value(_skip(text, at + 1), levels)
            at = _skip(text, at)
            if text[at] == "}":
                return found, at + 1
            if text[at] != ",":
                raise _UnsureError
            at = _skip(text, at + 1)

    def _value(self, start: int, levels: int) -> tuple[Any, int]:
        if self._text[start] == "{" and levels:
            return self._uniform(start) or self.object(start, levels - 1)
        return self._decode(self._text, start)

    def _uniform(self, start: int) -> tuple[UniformObject, int] | None:
        """Return the uniform object at `start` and the place behind it, None if there is none."""
        text = self._text
        shape = _FIRST.match(text, start)
        if shape is None:
            return None
        outer, close = shape["outer"], shape["close"]
        # An object ends one level further out than its members are, if it has levels.
        step = len(shape["inner"]) - len(outer)
        ending = f"{close}{outer[: len(outer) - step]}}}"
        begin, end = start + 1 + len(outer) + 1, text.find(ending, shape.end())
        if end < 0 or step < 0:
            return None
        section = text[begin:end]
        known = self._seen.get(section)
        if known is None:
            known = _take_apart(section, shape["middle"], shape["between"], shape["key"])
            if known is None:
                return None
            self._seen.add(section, known)
        return known, end + len(ending)


def _take_apart(section: str, middle: str, between: str, key: str) -> UniformObject | None:
    flat = section.replace(between, middle).split(middle)
    names, texts = flat[::2], flat[1::2]
    plain = "".join(flat)
    if '"' in plain or "\\" in plain or not plain.isprintable():
        return None
    if between.join(map(middle.join, zip(names, texts, strict=False))) != section:
        return None
    found = UniformObject(key, zip(names, [{key: text} for text in texts], strict=True))
    return found if len(found) == len(names) else None
