r"""Canonical JSON (OLPC): the bytes under the signatures of a Metablock.

Keys sorted by code point, no white space, only `\` and `"` escaped (control characters stay raw),
integers of any size, no floats, UTF-8. Two documents have the same canonical bytes exactly if they
are the same JSON.
"""

from __future__ import annotations

import json
import re
from typing import Any

from custody.encoding.fields import path_to
from custody.encoding.text import to_utf8
from custody.encoding.uniform import UniformObject
from custody.errors import FormatError

__all__ = ["canonical_json", "check_canonical"]

_SCALARS = frozenset({str, int, bool, type(None)})
_CONTAINERS = frozenset({dict, list, tuple, UniformObject})

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
        return to_utf8(_text(document))
    except ValueError as error:  # an integer beyond the interpreter's limit of digits
        raise FormatError(f"cannot be written as canonical JSON: {error}") from None


def _text(value: object) -> str:
    if isinstance(value, UniformObject):
        return value.canonical_text()
    if isinstance(value, dict) and any(isinstance(item, UniformObject) for item in value.values()):
        return "{" + ",".join(f"{_encode(key)}:{_text(value[key])}" for key in sorted(value)) + "}"
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    if _ESCAPED_CONTROL.search(text):
        # Standard JSON escapes control characters, canonical JSON does not: write it ourselves. An
        # escaped backslash before one of these letters also leads here, which costs time only.
        return _encode(value)
    return text


def check_canonical(document: object, where: str = "") -> None:
    """Refuse what has no canonical JSON, with its path below `where`.

    Raises:
        FormatError: as for `canonical_json`, except for what only shows when it is written.

    """
    if not _is_plainly_canonical(document):
        _refuse_uncanonical(document, where)


def _is_plainly_canonical(document: object) -> bool:
    """Return whether a fast look finds nothing; it knows no paths, since most documents are fine."""
    containers: list[Any] = [document] if type(document) in _CONTAINERS else []
    if not containers and type(document) not in _SCALARS:
        return False
    for container in containers:  # grows while it is walked
        if type(container) is UniformObject:  # text, all of it
            continue
        if type(container) is dict and not all(type(key) is str for key in container):
            return False
        for item in container.values() if type(container) is dict else container:
            kind = type(item)
            if kind in _CONTAINERS:
                containers.append(item)
            elif kind not in _SCALARS:
                return False
    return True


def _refuse_uncanonical(value: object, where: str) -> None:
    if isinstance(value, str | int | None):
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
    if isinstance(value, str):
        return f'"{value.translate(_ESCAPES)}"'
    if isinstance(value, dict):
        return "{" + ",".join(f"{_encode(k)}:{_encode(value[k])}" for k in sorted(value)) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_encode, value)) + "]"
    return json.dumps(value)
