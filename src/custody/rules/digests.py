"""When two artifacts are the same (D11).

One set of algorithms is pinned for a whole verification. Comparing "any algorithm in common" would let a step in
the middle swap the content from one algorithm to the next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.encoding.uniform import UniformObject
from custody.errors import UsageError
from custody.rules.artifacts import DIGEST_SIZES, are_plain
from custody.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from custody.rules.artifacts import Artifacts, Digests

__all__ = ["DEFAULT_PINNED", "MODE", "Comparison", "check_algorithms", "column", "short"]

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


def column(artifacts: Artifacts, algorithm: str) -> list[str]:
    """Return the digest by `algorithm` of each of `artifacts`, in their order, '' where there is none."""
    place = _place(artifacts, algorithm)
    if place is None or not isinstance(artifacts, UniformObject):
        return [digests.get(algorithm, "") for digests in artifacts.values()]
    return [row[place] for row in artifacts.rows.values()]


def _place(artifacts: Artifacts, algorithm: str) -> slice | None:
    """Return where the digest stands in how each of `artifacts` is written; None if that is not known to be one place.

    Digests of known algorithms have one length, so it is known from the end.
    """
    if not isinstance(artifacts, UniformObject) or artifacts.accepts is not are_plain:
        return None
    shape = artifacts.kind.shape
    if not artifacts.all_have(frozenset({algorithm})) or not {algorithm, *shape.keys} <= DIGEST_SIZES.keys():
        return None
    index = shape.keys.index(algorithm)
    behind = zip(shape.keys[index + 1 :], shape.middles[index + 1 :], strict=True)
    end = sum(len(middle) + DIGEST_SIZES[key] for key, middle in behind)
    return slice(-end - DIGEST_SIZES[algorithm], -end or None)


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

    def sort_out(
        self, names: Iterable[str], ours: Iterable[Digests], theirs: Iterable[Digests | None]
    ) -> tuple[list[str], list[str]]:
        """Return those of `names` whose digests in `ours` and `theirs` are the same, and those whose are not.

        All three are in the same order. A name with None in `theirs` is neither. What `same` says of most pairs is
        clear at first sight, and is settled here without asking it.
        """
        algorithm, size = self._first()
        alone = len(self.pinned) == 1
        same: list[str] = []
        differing: list[str] = []
        for name, one, other in zip(names, ours, theirs, strict=True):
            if other is None:
                continue
            mine = one.get(algorithm, "")
            if alone and one == other:
                agree = len(mine) == size
            else:
                yours = other.get(algorithm, "")
                agree = (mine == yours or mine.lower() == yours.lower()) and self.same(one, other)
            (same if agree else differing).append(name)
        return same, differing

    def sort_out_rows(
        self, names: Sequence[str], others: Sequence[str], ours: Artifacts, theirs: Artifacts
    ) -> tuple[list[str], list[str]]:
        """Return what `sort_out` says about `names` of `ours` and `others` of `theirs`, in the same order.

        Artifacts that are written alike are compared by that, without being parsed.
        """
        skips = self._skips(ours, theirs)
        if skips is None:
            return self.sort_out(names, map(ours.__getitem__, names), map(theirs.get, others))
        (mine, skip), (yours, skip_there) = skips
        same: list[str] = []
        differing: list[str] = []
        for name, other in zip(names, others, strict=True):
            row, there = mine[name], yours.get(other)
            if row is there:
                same.append(name)
            elif there is not None:
                one, two = row[len(name) + skip :], there[len(other) + skip_there :]
                (same if one == two or one.lower() == two.lower() else differing).append(name)
        return same, differing

    def changed_among(self, names: Iterable[str], before: Artifacts, after: Artifacts) -> list[str]:
        """Return those of `names` that are in both and `changed`."""
        skips = self._skips(before, after)
        if skips is None:
            known, later = before.keys(), after.keys()
            both = [name for name in names if name in known and name in later]
            return [name for name in both if before[name] != after[name] and self.changed(before[name], after[name])]
        (old, skip), (new, skip_later) = skips
        found: list[str] = []
        for name in names:
            row, later_row = old.get(name), new.get(name)
            if row is later_row or row is None or later_row is None:
                continue
            one, two = row[len(name) + skip :], later_row[len(name) + skip_later :]
            if one != two and one.lower() != two.lower():
                found.append(name)
        return found

    def _skips(self, one: Artifacts, other: Artifacts) -> tuple[tuple[Mapping[str, str], int], ...] | None:
        """Return for both how each is written, and how much behind its name tells nothing; None if that is not sure.

        What is written then has all pinned digests in full length and the same algorithms on both sides. So two are the
        same if the rest is, ignoring case, and else they have changed.
        """
        if not (isinstance(one, UniformObject) and isinstance(other, UniformObject)):
            return None
        if not all(each.accepts is are_plain and each.all_have(self.pinned) for each in (one, other)):
            return None
        shape, theirs = one.kind.shape, other.kind.shape
        if shape == theirs:
            return (one.rows, 0), (other.rows, 0)
        if shape.keys != theirs.keys or len(shape.keys) > 1:
            return None
        return (one.rows, len(shape.middles[0])), (other.rows, len(theirs.middles[0]))

    def same_artifacts(self, one: Artifacts, other: Artifacts) -> bool:
        """Return whether both list the same names, each with the same digests."""
        if one.keys() != other.keys():
            return False
        return all(self.same(digests, other[name]) for name, digests in one.items())

    def _first(self) -> tuple[str, int]:
        """Return a pinned algorithm and how many digits its digests have."""
        algorithm = min(self.pinned)
        return algorithm, DIGEST_SIZES.get(algorithm, _MODE_DIGITS)

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
