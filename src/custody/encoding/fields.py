"""Reading a parsed document field by field, with the path in every error.

::

    fields = Fields(document, "steps[0]")
    name = fields.text("name")            # FormatError: steps[0].name: expected text, got 3
    threshold = fields.integer("threshold", minimum=1)
    fields.unknown()                      # names that nobody asked for
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeAlias

from custody.encoding.uniform import UniformObject
from custody.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "MAX_NAME_BYTES",
    "Fields",
    "as_list",
    "as_object",
    "as_text",
    "describe",
    "path_to",
    "plain_name",
]

MAX_NAME_BYTES = 200
"""The longest name of a step, inspection or key: with `.12345678.link-unfinished` it still is a
file name."""

_LONGEST_SHOWN = 60
_REQUIRED: Any = object()
_PLAIN_FIELD = r"[A-Za-z0-9_-]{1,100}"
_Object: TypeAlias = object  # inside `Fields`, `object` is one of its methods


def describe(value: object) -> str:
    """Return what `value` is in JSON's words, shortened for an error message."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, dict | UniformObject):
        return "an object" if value else "an empty object"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    text = f"{value!r}"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 3]}..."


def path_to(where: str, name: str) -> str:
    """Return the path of the field `name` of the object at `where`.

    A name with a dot, a bracket or anything else but letters, digits, `_` and `-` is quoted, so that
    no field can pass for one at another place.
    """
    if not re.fullmatch(_PLAIN_FIELD, name):
        return f"{where}[{name!r:.120}]"
    return f"{where}.{name}" if where else name


def as_object(value: object, where: str) -> dict[str, Any]:
    """Return `value` as an object or raise a FormatError."""
    if isinstance(value, UniformObject):
        return value.plain()
    if not isinstance(value, dict):
        raise FormatError(f"expected an object, got {describe(value)}", where=where)
    return value


def as_list(value: object, where: str) -> list[Any]:
    """Return `value` as a list or raise a FormatError."""
    if not isinstance(value, list):
        raise FormatError(f"expected a list, got {describe(value)}", where=where)
    return value


def as_text(value: object, where: str) -> str:
    """Return `value` as text or raise a FormatError."""
    if not isinstance(value, str):
        raise FormatError(f"expected text, got {describe(value)}", where=where)
    return value


def plain_name(value: object, where: str) -> str:
    """Return `value` if it can be part of a file name in one directory, else raise a FormatError.

    A name that reached the file system unchecked would let its author choose the directory.
    """
    name = as_text(value, where)
    if not name or name in {".", ".."}:
        raise FormatError(f"expected a name, got {name!r}", where=where)
    if len(name) > MAX_NAME_BYTES:
        raise FormatError(f"expected a name of at most {MAX_NAME_BYTES} bytes", where=where)
    for character in name:
        if character in "/\\" or not character.isprintable():
            raise FormatError(
                f"expected a plain name, got {name!r:.80} with {character!r} in it",
                where=where,
                remedy="names become file names: leave out slashes, backslashes and control characters",
            )
    if len(name.encode("utf-8")) > MAX_NAME_BYTES:
        raise FormatError(f"expected a name of at most {MAX_NAME_BYTES} bytes", where=where)
    return name


class Fields:
    """An object of a document that remembers which of its fields were asked for."""

    __slots__ = ("_asked", "_object", "where")

    def __init__(self, value: _Object, where: str = "") -> None:
        """Wrap `value`, which must be an object, found at path `where`."""
        self._object = as_object(value, where)
        self._asked: set[str] = set()
        self.where = where

    def path(self, name: str) -> str:
        """Return the path of the field `name`."""
        return path_to(self.where, name)

    def has(self, name: str) -> bool:
        """Return whether the field is there."""
        return name in self._object

    def any(self, name: str, default: _Object = _REQUIRED) -> Any:
        """Return the field as it is; without a default it must be there."""
        self._asked.add(name)
        if name in self._object:
            return self._object[name]
        if default is _REQUIRED:
            raise FormatError("missing", where=self.path(name))
        return default

    def text(self, name: str, default: _Object = _REQUIRED) -> str:
        """Return the field as text."""
        return as_text(self.any(name, default), self.path(name))

    def list(self, name: str, default: _Object = _REQUIRED) -> list[Any]:
        """Return the field as a list."""
        return as_list(self.any(name, default), self.path(name))

    def object(self, name: str, default: _Object = _REQUIRED) -> dict[str, Any]:
        """Return the field as an object."""
        return as_object(self.any(name, default), self.path(name))

    def texts(self, name: str, default: _Object = _REQUIRED) -> tuple[str, ...]:
        """Return the field as a list of texts."""
        where = self.path(name)
        return tuple(as_text(v, f"{where}[{i}]") for i, v in enumerate(self.list(name, default)))

    def integer(self, name: str, default: _Object = _REQUIRED, *, minimum: int) -> int:
        """Return the field as an integer of at least `minimum`; true is not 1."""
        value = self.any(name, default)
        if type(value) is not int or value < minimum:
            problem = f"expected an integer >= {minimum}, got {describe(value)}"
            raise FormatError(problem, where=self.path(name))
        return value

    def constant(self, name: str, expected: str) -> None:
        """Demand that the field is exactly `expected`."""
        value = self.any(name)
        if value != expected:
            problem = f"expected {expected!r}, got {describe(value)}"
            raise FormatError(problem, where=self.path(name))

    def unknown(self) -> Iterator[tuple[str, Any]]:
        """Yield path and value of the fields that nobody asked for."""
        for name in self._object:
            if name not in self._asked:
                yield self.path(name), self._object[name]
