"""Artifacts as links have them, made of many records at once.

An object for each file would take seven times as much memory as its line in the link. So the records become the lines,
many together, where no name has to be escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice

from custody.artifacts.digest import Part, parts_of
from custody.artifacts.options import Recording
from custody.artifacts.reading import Packet
from custody.encoding.uniform import BETWEEN
from custody.encoding.written import WrittenObject, canonical_kind, stands_for_itself
from custody.rules.artifacts import are_plain
from custody.rules.digests import MODE

__all__ = ["written_artifacts"]

_AT_ONCE = 1024
"""Artifacts that are written together: always as many, so that equal recordings have equal texts."""


def written_artifacts(packets: Iterable[Packet], recording: Recording) -> WrittenObject | None:
    """Return the artifacts in `packets`, at least one, or None if a name has to be escaped.

    No name stands there twice, and each is one that a link may have.
    """
    found = sorted(packets, key=_first)
    if not all(stands_for_itself("".join(names)) for names, _ in found):
        return None
    parts = sorted({part[0]: part for part in parts_of(recording)}.values())  # an algorithm may be asked for twice
    kind = canonical_kind([part for part, _, _ in parts], are_plain)
    columns = [*zip(parts, kind.shape.middles, strict=True)]
    rows: Iterator[str] = chain.from_iterable(_rows(packet, columns) for packet in found)
    names = list(chain.from_iterable(some for some, _ in found))
    ordered = sorted(names)
    if ordered != names:  # as a rule they are the same where no directory has both files and directories
        rows = map(dict(zip(names, rows, strict=True)).__getitem__, ordered)
    blocks: list[str] = []
    while block := BETWEEN.join(islice(rows, _AT_ONCE)):
        blocks.append(block)
    return WrittenObject(kind, blocks, len(names))


def _first(packet: Packet) -> str:
    return packet[0][0]


def _rows(packet: Packet, columns: Sequence[tuple[Part, str]]) -> Iterable[str]:
    """Return how each artifact in `packet` is written; `columns` are the parts, each with what stands before it."""
    rows, content = packet
    size, digits = len(content) // len(rows), content.hex()
    for part, middle in columns:
        rows = [*map(middle.join, zip(rows, _texts(digits, size, part), strict=True))]
    return rows


def _texts(digits: str, size: int, part: Part) -> list[str]:
    """Return what links write of `part` of each record; all of them, `size` bytes each, are `digits` in hexadecimal."""
    name, start, end = part
    length = 2 * (end - start)
    texts = [digits[at : at + length] for at in range(2 * start, len(digits), 2 * size)]
    return [f"{int(text, 16):04o}" for text in texts] if name == MODE else texts
