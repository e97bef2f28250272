"""Strict JSON (RFC 8259): one meaning for every document, or an error.

Refused: duplicate keys (also after unescaping), NaN and Infinity, numbers that overflow, lone
surrogates, bytes that are not UTF-8, anything after the document, more than `MAX_DEPTH` levels, more
than `limit` bytes.
"""

from __future__ import annotations

import json
import re
from typing import Any

from custody.encoding.indented import compact_parts, indented_parts
from custody.encoding.text import join_utf8, to_utf8
from custody.encoding.uniform import LARGE_TEXT, Seen, UniformObject
from custody.errors import FormatError

__all__ = [
    "MAX_DEPTH",
    "MAX_DIGITS",
    "MAX_DOCUMENT_BYTES",
    "json_text",
    "parse_json",
    "read_json",
    "write_json",
]

MAX_DOCUMENT_BYTES = 256 * 1024 * 1024
"""The largest document that is parsed; a link of a million artifacts has about 120 MB."""

MAX_DEPTH = 64
"""The deepest nesting that is parsed; layouts need 7 levels."""

MAX_DIGITS = 4000
"""The longest integer that is parsed: longer ones take quadratic time, and Python stops at 4300."""

_ESCAPED_SURROGATE = rb"\ud"
"""What half of a surrogate pair begins with as it is written here, and a few other characters."""

_MAY_BE_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def read_json(data: bytes, *, limit: int = MAX_DOCUMENT_BYTES, seen: Seen | None = None) -> Any:
    """Return the one document that `data` holds.

    Whoever gives what was `seen` before gets large documents faster: their uniform objects are no dicts, but
    `UniformObject`s, and what is written alike, in one document or in several, is one.

    Raises:
        FormatError: `data` is not strict JSON, or is larger than `limit` bytes.

    """
    return parse_json(json_text(data, limit=limit), seen=seen)


def json_text(data: bytes, *, limit: int = MAX_DOCUMENT_BYTES) -> str:
    """Return the text in `data`, for `parse_json`: whoever lets go of `data` in between needs less memory.

    Raises:
        FormatError: `data` is not UTF-8, or is larger than `limit` bytes.

    """
    if len(data) > limit:
        raise FormatError(f"expected at most {limit} bytes of JSON, got {len(data)}")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(f"not UTF-8: byte {error.start} is 0x{data[error.start]:02x}") from None


def parse_json(text: str, *, seen: Seen | None = None) -> Any:
    """Return the one document that `text` holds: `read_json(data)` is `parse_json(json_text(data))`."""
    document = None
    if seen is not None and len(text) >= LARGE_TEXT:
        from custody.encoding.large import parse_large  # most documents are small

        document = parse_large(text, _DECODER.raw_decode, seen)
    if document is None:
        document = _parse(text)
    _refuse_depth(document, MAX_DEPTH)
    if "\\" in text and _MAY_BE_SURROGATE.search(text):
        _refuse_surrogates(document)
    return document


def write_json(document: object, *, indent: int | None = 1, ensure_ascii: bool = False) -> bytes:
    """Return `document` as sorted JSON text in UTF-8; `read_json(write_json(x)) == x`.

    `indent` is the number of blanks a level, on one line if None. With `ensure_ascii` all but ASCII is escaped.

    Raises:
        FormatError: it holds NaN, an infinity, an integer of thousands of digits, or half of a
            surrogate pair.

    """
    try:
        if indent is not None:
            data = join_utf8(indented_parts(document, indent, ensure_ascii=ensure_ascii))
        elif _has_uniform(document):
            data = join_utf8(compact_parts(document, ensure_ascii=ensure_ascii))
        else:
            text = json.dumps(document, sort_keys=True, ensure_ascii=ensure_ascii, allow_nan=False, default=_object_of)
            data = to_utf8(text)
    except ValueError as error:
        raise FormatError(f"cannot be written as JSON: {error}") from None
    if ensure_ascii and b"\\" in data and _ESCAPED_SURROGATE in data:  # a single byte is found many times faster
        _refuse_surrogates(document)
    return data


def _has_uniform(document: object) -> bool:
    """Return whether one of the values of `document` is a uniform object."""
    return isinstance(document, dict) and any(isinstance(value, UniformObject) for value in document.values())


def _object_of(value: object) -> dict[str, Any]:
    """Return the object that a uniform one is, wherever it stands."""
    if isinstance(value, UniformObject):
        return value.plain()
    raise TypeError(f"not JSON: {type(value).__name__}")


def _parse(text: str) -> Any:
    _refuse_what_looks_otherwise(text)
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise FormatError(f"not JSON: {error.msg} at {place}") from None
    except RecursionError:
        raise FormatError(f"nested more than {MAX_DEPTH} levels deep") from None


def _refuse_what_looks_otherwise(text: str) -> None:
    """Name what people take for JSON by mistake: "expecting value" would leave them guessing."""
    if not text.strip():
        raise FormatError("not JSON: there is nothing in it")
    if text.startswith("\ufeff"):
        raise FormatError("not JSON: it begins with a byte order mark", remedy="save it as UTF-8 without one")
    if text.startswith("-----BEGIN "):
        raise FormatError("not JSON: it is a PEM file, such as a key")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the object; a key that appears twice is refused: readers differ on which one wins."""
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise FormatError(f"the key {key!r:.80} appears twice in one object")
            seen.add(key)
    return result


def _constant(name: str) -> float:
    raise FormatError(f"{name} is not JSON")


def _float(text: str) -> float:
    number = float(text)
    if number in {float("inf"), float("-inf")}:
        raise FormatError(f"the number {text[:40]} is too large")
    return number


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise FormatError(f"expected at most {MAX_DIGITS} digits in a number, got {len(text)}")
    return int(text)


def _refuse_surrogates(document: object) -> None:
    try:
        to_utf8(json.dumps(document, ensure_ascii=False, default=UniformObject.odd))
    except FormatError:
        to_utf8(json.dumps(document, ensure_ascii=False, default=UniformObject.plain))  # says where it stands
        raise


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_constant=_constant,
    parse_float=_float,
    parse_int=_integer,
)


def _refuse_depth(value: object, left: int) -> None:
    if not isinstance(value, dict | list):
        return
    if left == 0:
        raise FormatError(f"nested more than {MAX_DEPTH} levels deep")
    for item in value.values() if isinstance(value, dict) else value:
        if isinstance(item, dict | list):
            _refuse_depth(item, left - 1)
