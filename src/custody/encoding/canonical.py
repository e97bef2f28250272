r"""Canonical JSON (OLPC): the bytes under the signatures of a Metablock.

Keys sorted by code point, no white space, only `\` and `"` escaped (control characters stay raw),
integers of any size, no floats, UTF-8. Two documents have the same canonical bytes exactly if they
are the same JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import chain
from typing import Any

from custody.encoding.fields import path_to
from custody.encoding.members import MANY_MEMBERS, uniform_members
from custody.encoding.text import join_utf8
from custody.encoding.uniform import UniformObject
from custody.errors import FormatError

__all__ = ["canonical_json", "check_canonical"]

_ARRAYS = frozenset({list, tuple})
_KINDS = _ARRAYS | {dict, UniformObject, str, int, bool, type(None)}

_ESCAPED_CONTROL = re.compile(r"\\[bfnrtu]")
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"'})


def canonical_json(document: object) -> bytes:
    """Return the canonical bytes of `document`.

    Raises:
        FormatError: it holds a float, an integer of thousands of digits, half a surrogate pair, a
            key that is not a string, or a type that JSON does not have.

    """
    check_canonical(document)
    try:
        return join_utf8(_parts(document))
    except ValueError as error:  # an integer beyond the interpreter's limit of digits
        raise FormatError(f"cannot be written as canonical JSON: {error}") from None


def _parts(value: object) -> Iterator[str]:
    if isinstance(value, UniformObject):
        yield from value.canonical_parts(_encode)
    elif isinstance(value, dict):
        yield from _parts_of(value)
    else:
        yield _text(value)


def _parts_of(value: dict[str, object]) -> Iterator[str]:
    members = uniform_members(value)
    if members and members.are_unescaped():
        yield from members.parts('{"', f'":{{"{members.key}":"', '"},"', '"}}')
    elif any(_is_large(item) for item in value.values()):
        start = "{"
        for key in sorted(value):
            yield f"{start}{_encode(key)}:"
            yield from _parts(value[key])
            start = ","
        yield "}"
    else:
        yield _text(value)


def _text(value: object) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=UniformObject.plain)
    if _ESCAPED_CONTROL.search(text):
        # Standard JSON escapes control characters, canonical JSON does not: write it ourselves. An
        # escaped backslash before one of these letters also leads here, which costs time only.
        return _encode(value)
    return text


def _is_large(value: object) -> bool:
    if not isinstance(value, dict):
        return isinstance(value, UniformObject)
    return len(value) >= MANY_MEMBERS or any(isinstance(item, UniformObject) for item in value.values())


def check_canonical(document: object, where: str = "") -> None:
    """Refuse what has no canonical JSON, with its path below `where`.

    Raises:
        FormatError: as for `canonical_json`, except for what only shows when it is written.

    """
    if not _is_plainly_canonical(document):
        _refuse_uncanonical(document, where)


def _is_plainly_canonical(document: object) -> bool:
    """Return whether a fast look, level by level, finds nothing; it knows no paths, since most documents are fine."""
    level: list[Any] = [document]
    while level:
        kinds = set(map(type, level))
        if not kinds <= _KINDS and not all(issubclass(kind, UniformObject) for kind in kinds - _KINDS):
            return False
        objects = [value for value in level if type(value) is dict]
        if not set(map(type, chain.from_iterable(objects))) <= {str}:
            return False
        arrays = [value for value in level if type(value) in _ARRAYS] if kinds & _ARRAYS else []
        level = [*chain.from_iterable(map(dict.values, objects)), *chain.from_iterable(arrays)]
    return True


def _refuse_uncanonical(value: object, where: str) -> None:
    if isinstance(value, str | int | UniformObject | None):
        return
    if isinstance(value, dict):
        for key, item in value.items():
            if type(key) is not str:
                raise FormatError(f"expected text as a key, got {key!r}", where=where)
            if type(item) is not str:
                _refuse_uncanonical(item, path_to(where, key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            if type(item) is not str:
                _refuse_uncanonical(item, f"{where}[{index}]")
    elif isinstance(value, float):
        raise FormatError(f"canonical JSON has no fractions, got {value!r}", where=where)
    else:
        raise FormatError(f"not JSON: {type(value).__name__}", where=where)


def _encode(value: object) -> str:
    if isinstance(value, UniformObject):
        return "".join(value.canonical_parts(_encode))
    if isinstance(value, str):
        return f'"{value.translate(_ESCAPES)}"'
    if isinstance(value, dict):
        return "{" + ",".join(f"{_encode(k)}:{_encode(value[k])}" for k in sorted(value)) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_encode, value)) + "]"
    return json.dumps(value)
