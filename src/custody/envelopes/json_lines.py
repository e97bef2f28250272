"""Attestations in one file: an envelope, a Sigstore bundle, or many of them as JSON Lines (`.intoto.jsonl`).

Every line is an envelope of its own, signed by itself: whoever adds or takes away a line changes none of the others.
Lines that are none are left for the reader to skip, as the specification of in-toto's bundle has it, and to count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.encoding.strict import MAX_DOCUMENT_BYTES, read_json
from custody.errors import FormatError
from custody.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["MAX_LINES", "Line", "split_lines", "write_lines"]

MAX_LINES = 1000
"""The most envelopes of one file."""

_ENVELOPES = (b'"payload"', b'"dsseEnvelope"')
"""What an envelope has, and no line of an indented one beside a brace."""


class Line(Value):
    """What may be an envelope, with the number of its line, from 1; 0 if the file is one document."""

    data: bytes
    number: int = 0


def split_lines(data: bytes) -> tuple[Line, ...]:
    """Return the documents in `data`, one if it is JSON as a whole, else one a line; empty lines are nothing.

    Raises:
        FormatError: there are more than `MAX_LINES`, or `data` is too large.

    """
    if len(data) > MAX_DOCUMENT_BYTES:
        raise FormatError(f"expected at most {MAX_DOCUMENT_BYTES} bytes, got {len(data)}")
    found: list[Line] = []
    for number, line in enumerate(_lines(data), 1):
        if line.strip():
            found.append(Line(data=line.strip(), number=number))
        if len(found) > MAX_LINES:
            break
    if len(found) > 1 and _is_one_document(data, found):
        return (Line(data=data),)
    if len(found) > MAX_LINES:
        raise FormatError(f"expected at most {MAX_LINES} lines with an envelope, got more")
    return (Line(data=found[0].data),) if len(found) == 1 else tuple(found)


def write_lines(envelopes: Iterable[bytes]) -> bytes:
    """Return the file of `envelopes`, each on one line: `split_lines(write_lines(e))` has them again.

    Raises:
        FormatError: one has a line break in it.

    """
    found = list(envelopes)
    if any(b"\n" in envelope or b"\r" in envelope for envelope in found):
        raise FormatError("an envelope with a line break in it cannot be a line of a bundle")
    return b"".join(b"%b\n" % envelope for envelope in found)


def _lines(data: bytes) -> Iterator[bytes]:
    """Yield the lines one by one: a list of millions of empty ones would be as large as many files."""
    begin = 0
    while begin < len(data):
        end = data.find(b"\n", begin)
        end = len(data) if end < 0 else end
        yield data[begin:end]
        begin = end + 1


def _is_one_document(data: bytes, lines: Iterable[Line]) -> bool:
    """Return whether `data` is one indented document.

    Its first line is no document then, and no line is an envelope: whoever adds a `[` before and a `]` behind an
    envelope has hidden nothing.
    """
    first, *others = lines
    return not (_is_json(first.data) or any(_is_envelope(line.data) for line in others)) and _is_json(data)


def _is_envelope(line: bytes) -> bool:
    return line.startswith(b"{") and any(name in line for name in _ENVELOPES) and _is_json(line)


def _is_json(data: bytes) -> bool:
    try:
        read_json(data)
    except FormatError:
        return False
    return True
