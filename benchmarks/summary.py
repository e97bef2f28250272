"""Figures of one case, as the tables and the plot show them: medians, ranges, and ratios pair by pair."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.measuring import COMPATIBLE, CUSTODY, LIMIT, REFERENCE, Measured
from benchmarks.ratios import Spread, pair_ratios, spread

__all__ = ["Line", "Row", "peak_mib", "rows", "summarise", "times"]

_MILLI = 1000
_KIB_A_MIB = 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One side of a case; `ratio` is to what it is compared with, `memory_ratio` to the reference's peak, if any."""

    label: str
    milliseconds: Spread
    cpu_milliseconds: float
    peak_mib: float
    ratio: Spread | None
    memory_ratio: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A comparison in short: one tool of ours, the reference, and the greatest of the limits, where they are there."""

    ours: Measured
    reference: Measured | None
    limit: Measured | None
    faster: Spread | None
    """The reference's time, divided by ours of the same round."""

    from_limit: Spread | None
    """Our time, divided by the limit's of the same round."""


def summarise(sides: Sequence[Measured], *, grows: bool) -> Iterator[Line]:
    """Yield a line of each side: in a comparison against custody, in growth against its own size before."""
    before: dict[str, Measured] = {}
    for side in sides:
        against = before.get(side.tool) if grows else _first(sides, CUSTODY)
        compared = against is not None and against is not side
        reference = next((each for each in sides if each.tool == REFERENCE and each.size == side.size), None)
        yield Line(
            label=side.label,
            milliseconds=times(side),
            cpu_milliseconds=spread([_MILLI * trial.cpu_seconds for trial in side.trials]).median,
            peak_mib=peak_mib(side),
            ratio=_ratio(side, against) if compared else None,
            memory_ratio=peak_mib(side) / peak_mib(reference) if reference and _is_ours(side) else None,
        )
        before[side.tool] = side


def rows(sides: Sequence[Measured]) -> Iterator[Row]:
    """Yield the rows of a comparison: custody's, and that of the in-toto-* commands on it if they were measured."""
    reference = _first(sides, REFERENCE)
    limits = [side for side in sides if side.tool == LIMIT]
    limit = max(limits, key=lambda side: times(side).median, default=None)
    for ours in sides:
        if ours.tool in {CUSTODY, COMPATIBLE}:
            yield Row(
                ours=ours,
                reference=reference,
                limit=limit,
                faster=_ratio(reference, ours),
                from_limit=_ratio(ours, limit),
            )


def times(side: Measured) -> Spread:
    """Return the milliseconds that the trials of a side took."""
    return spread([_MILLI * trial.seconds for trial in side.trials])


def peak_mib(side: Measured) -> float:
    """Return the most memory that all processes of a side had together, and that any of them ever had."""
    return max(side.together_kib, *(trial.peak_kib for trial in side.trials)) / _KIB_A_MIB


def _ratio(above: Measured | None, below: Measured | None) -> Spread | None:
    if above is None or below is None:
        return None
    return spread(pair_ratios([each.seconds for each in above.trials], [each.seconds for each in below.trials]))


def _first(sides: Sequence[Measured], tool: str) -> Measured | None:
    return next((side for side in sides if side.tool == tool), None)


def _is_ours(side: Measured) -> bool:
    return side.tool not in {LIMIT, REFERENCE}
