"""Bytes written as text: UTF-8, base64 in both alphabets (RFC 4648) and hexadecimal."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable
from io import BytesIO

from custody.errors import FormatError

__all__ = ["from_base64", "from_hex", "is_hex", "join_utf8", "to_base64", "to_utf8"]

_URL_SAFE = str.maketrans("-_", "+/")
_HEX = re.compile(r"[0-9a-fA-F]+")


def from_base64(text: str, where: str) -> bytes:
    """Return the bytes of standard or URL-safe base64, padded or not.

    Raises:
        FormatError: `text` is not base64.

    """
    standard = text.translate(_URL_SAFE) if "-" in text or "_" in text else text
    if "=" not in standard:
        standard += "=" * (-len(standard) % 4)
    try:
        return binascii.a2b_base64(standard, strict_mode=True)
    except ValueError as error:
        raise FormatError(f"expected base64: {error}", where=where) from None


def to_base64(data: bytes) -> str:
    """Return standard base64 with padding and without line breaks."""
    return binascii.b2a_base64(data, newline=False).decode("ascii")


def from_hex(text: str, where: str) -> bytes:
    """Return the bytes of hexadecimal `text`.

    Raises:
        FormatError: `text` is not an even number of hexadecimal digits.

    """
    if not is_hex(text) or len(text) % 2:
        raise FormatError(f"expected an even number of hexadecimal digits, got {text[:40]!r}", where=where)
    return bytes.fromhex(text)


def is_hex(text: str) -> bool:
    """Return whether `text` is one or more ASCII hexadecimal digits and nothing else."""
    return _HEX.fullmatch(text) is not None


def join_utf8(parts: Iterable[str]) -> bytes:
    """Return the bytes of all `parts` in UTF-8, of which there is never a second copy in memory.

    Raises:
        FormatError: as `to_utf8`.

    """
    joined = BytesIO()
    for part in parts:
        joined.write(to_utf8(part))
    return joined.getvalue()


def to_utf8(text: str) -> bytes:
    """Return `text` in UTF-8.

    Raises:
        FormatError: it holds half of a surrogate pair, such as the system puts for a byte of a file
            name or argument that is not UTF-8.

    """
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        around = text[max(0, error.start - 20) : error.end + 20]
        raise FormatError(
            f"half of a surrogate pair, which is no character, in {around!r}",
            remedy="was it made from bytes that are not UTF-8?",
        ) from None
