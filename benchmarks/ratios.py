"""Statistics: medians and ranges, and ratios pair by pair.

Times of one round are divided by each other before anything is averaged: what slowed the machine in that round slowed
both sides, and cancels out. A ratio of two medians would keep it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

__all__ = ["Spread", "pair_ratios", "spread"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """The median of some numbers, the least and the greatest of them."""

    median: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """Return the spread of `values`; of no values there is none, which is a ValueError."""
    if not values:
        raise ValueError("expected at least one value, got none")
    return Spread(median=median(values), low=min(values), high=max(values))


def pair_ratios(numerators: Sequence[float], denominators: Sequence[float]) -> tuple[float, ...]:
    """Return each numerator divided by the denominator of the same round.

    Raises:
        ValueError: there are more of one than of the other, so that they are no pairs.

    """
    return tuple(above / below for above, below in zip(numerators, denominators, strict=True))
