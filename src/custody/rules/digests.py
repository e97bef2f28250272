"""When two artifacts are the same (D11).

One set of algorithms is pinned for a whole verification. Comparing "any algorithm in common" would let a step in
the middle swap the content from one algorithm to the next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.errors import UsageError
from custody.rules.artifacts import DIGEST_SIZES
from custody.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterable

    from custody.rules.artifacts import Artifacts, Digests

__all__ = ["DEFAULT_PINNED", "MODE", "Comparison", "check_algorithms", "short"]

MODE = "mode"
"""A pseudo-algorithm: the permission bits of a file as four octal digits, judged like a digest."""

_MODE_DIGITS = 4

DEFAULT_PINNED = frozenset({"sha256"})


def check_algorithms(algorithms: Iterable[str]) -> frozenset[str]:
    """Return the set of `algorithms` to pin; an unknown one, or none but `mode`, is a UsageError."""
    pinned = frozenset(algorithms)
    known = {*DIGEST_SIZES, MODE}
    if unknown := sorted(pinned - known):
        raise UsageError(f"unknown digest {unknown[0]!r}; choose from {', '.join(sorted(known))}")
    if not pinned - {MODE}:
        raise UsageError("no digest to compare; choose at least one, such as sha256")
    return pinned


def short(digests: Digests | None) -> str:
    """Return `digests` in one line for people, or `nothing`."""
    if not digests:
        return "nothing"
    return " ".join(f"{algorithm}:{digest}" for algorithm, digest in sorted(digests.items()))


class Comparison(Value):
    """The digests that must agree. Comparable: every pinned one is there and well formed on both sides."""

    pinned: frozenset[str] = DEFAULT_PINNED

    def comparable(self, one: Digests, other: Digests) -> bool:
        """Return whether both carry every pinned digest in full length."""
        return self._whole(one) and self._whole(other)

    def same(self, one: Digests, other: Digests) -> bool:
        """Return whether both are comparable and no algorithm that they share differs, ignoring hex case."""
        if one == other:
            return self._whole(one)
        return _agree(one, other) and self.comparable(one, other)

    def changed(self, one: Digests, other: Digests) -> bool:
        """Return whether both are comparable and not the same."""
        return self.comparable(one, other) and not _agree(one, other)

    def same_artifacts(self, one: Artifacts, other: Artifacts) -> bool:
        """Return whether both list the same names, each with the same digests."""
        if one.keys() != other.keys():
            return False
        return all(self.same(digests, other[name]) for name, digests in one.items())

    def _whole(self, digests: Digests) -> bool:
        for algorithm in self.pinned:
            if len(digests.get(algorithm, "")) != DIGEST_SIZES.get(algorithm, _MODE_DIGITS):
                return False
        return True


def _agree(one: Digests, other: Digests) -> bool:
    for algorithm, digest in one.items():
        theirs = other.get(algorithm, digest)
        if theirs != digest and theirs.lower() != digest.lower():
            return False
    return True
