"""What a store of evidence offers to the one who gathers: which files may be links of a step, and their bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["EvidenceStore"]


class EvidenceStore(Protocol):
    """A place with links in it, and with places inside for the links of sublayouts."""

    def links(self, step: str) -> Sequence[str]:
        """Return the names of what may be links of `step`, sorted; names prove nothing."""

    def read(self, name: str) -> bytes:
        """Return the bytes of one of them."""

    def source(self, name: str) -> str:
        """Return how to call it in messages."""

    def nested(self, name: str) -> Self | None:
        """Return the place with the links that belong to `name` as a sublayout, None if there is none."""
