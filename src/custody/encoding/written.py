"""Uniform objects that were never read: their members are written once, as canonical JSON has them, and kept so.

A recording makes such objects. Hardly anybody looks at one of its members, and a hundred thousand of them in a few
texts are a tenth of what they are as dicts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from custody.encoding.rows import Kind, Shape
from custody.encoding.uniform import BETWEEN, UniformObject, canonical_middles

if TYPE_CHECKING:
    from custody.encoding.rows import Accepts

__all__ = ["WrittenObject", "canonical_kind", "stands_for_itself"]


def canonical_kind(keys: Sequence[str], accepts: Accepts) -> Kind:
    """Return the kind of members that have `keys`, in order, and are written as in canonical JSON."""
    middles = canonical_middles(keys)
    return Kind(Shape(keys=tuple(keys), middles=middles, close=BETWEEN[:2], comma=BETWEEN[2:]), accepts)


def stands_for_itself(text: str) -> bool:
    """Return whether nothing in `text` is escaped in any JSON that need not be ASCII."""
    return text.isprintable() and '"' not in text and "\\" not in text


class WrittenObject(UniformObject):
    """At least one member, each NAME `middles[0]` TEXT `middles[1]` TEXT ..., sorted by name, `BETWEEN` between them.

    Names and texts stand for themselves, and the texts of one key are equally long.
    """

    __slots__ = ("_blocks", "_count")

    def __init__(self, kind: Kind, blocks: Sequence[str], count: int) -> None:
        """Take `blocks` with `count` members, which `kind` accepts."""
        super().__init__(kind, {}, sum(map(len, blocks)))
        self._blocks = tuple(blocks)
        self._count = count

    @property
    def rows(self) -> dict[str, str]:
        """How each member is written, by its name; found out when first asked for."""
        if not self._rows:
            first = self._blocks[0].partition(BETWEEN)[0]
            behind = first.index('"') - len(first)
            self._rows = {row[:behind]: row for block in self._blocks for row in block.split(BETWEEN)}
        return self._rows

    def __len__(self) -> int:
        """Return how many members there are."""
        return self._count

    def blocks(self, encode: Callable[[object], str]) -> Iterator[str]:  # noqa: ARG002  # nothing is odd
        """Yield the members as they are kept."""
        return iter(self._blocks)

    def plain(self) -> dict[str, dict[str, str]]:
        """Return the object as the ordinary parser reads it."""
        if len(self.kind.shape.keys) > 1:
            return super().plain()
        (key,), (middle,) = self.kind.shape.keys, self.kind.shape.middles
        pairs = (row.split(middle) for block in self._blocks for row in block.split(BETWEEN))
        return {name: {key: text} for name, text in pairs}

    def sharing(self, other: object) -> UniformObject:
        """Return an equal object in which no block stands that `other` has, too, in memory twice."""
        if not isinstance(other, WrittenObject):
            return self
        known = {block: block for block in other._blocks}  # noqa: SLF001  # its own kind
        return WrittenObject(self.kind, [known.get(block, block) for block in self._blocks], self._count)
