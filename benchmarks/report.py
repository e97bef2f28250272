"""What was measured, as people read it and as programs do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.cases import Case
from benchmarks.measuring import CUSTODY, Trial
from benchmarks.ratios import Spread, pair_ratios, spread

__all__ = ["Report", "Result", "as_document", "as_markdown"]

_READING = """\
Whole commands, interleaved round by round, warm page cache. A time is divided by that of the same round. The peak is
of the largest process of a command, and never below that of the bare Python which starts it, about 8 MiB.
"""

_MILLI = 1000
_KIB_A_MIB = 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What came of one case: the trials of each side, or why it failed."""

    case: Case
    trials: Mapping[str, Sequence[Trial]]
    failure: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """A whole run; `facts` say when, where and what, each under its name."""

    facts: Mapping[str, str]
    results: Sequence[Result]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Line:
    """One side of a case, summarised; `ratio` is to what the case compares it with, if anything."""

    label: str
    milliseconds: Spread
    cpu_milliseconds: float
    peak_mib: float
    ratio: Spread | None


def as_document(report: Report) -> dict[str, Any]:
    """Return the report as JSON data, every single trial included."""
    return {
        "facts": dict(report.facts),
        "cases": [
            {
                "name": result.case.name,
                "title": result.case.title,
                "failure": result.failure,
                "sides": [asdict(line) for line in _lines(result)],
                "trials": {label: [asdict(trial) for trial in trials] for label, trials in result.trials.items()},
            }
            for result in report.results
        ],
    }


def as_markdown(report: Report) -> str:
    """Return the report as Markdown: what was measured where, the comparisons, the growth, what failed."""
    comparisons = [result for result in report.results if not result.case.grows and not result.failure]
    growth = [result for result in report.results if result.case.grows and not result.failure]
    failed = [result for result in report.results if result.failure]
    parts = ["# Benchmarks\n", *(f"- {name}: {value}" for name, value in report.facts.items()), "", _READING]
    if comparisons:
        parts += [*_table("Time / custody's", comparisons), ""]
    if growth:
        parts += ["## Growth of custody\n", *_table("Time / the size before", growth), ""]
    if failed:
        parts += ["## Failed, not timed\n", *(f"- {each.case.title}: {each.failure}" for each in failed), ""]
    return "\n".join(parts)


def _table(ratio: str, results: Sequence[Result]) -> Iterator[str]:
    yield f"| Case | | ms, median (min-max) | CPU ms | peak MiB | {ratio}, pair by pair |"
    yield "|---|---|---|---|---|---|"
    for result in results:
        title = result.case.title
        for line in _lines(result):
            time = f"{_number(line.milliseconds.median)} ({_range(line.milliseconds)})"
            compared = f"{_number(line.ratio.median)} ({_range(line.ratio)})" if line.ratio else ""
            cpu, peak = _number(line.cpu_milliseconds), _number(line.peak_mib)
            yield f"| {title} | {line.label} | {time} | {cpu} | {peak} | {compared} |"
            title = ""


def _lines(result: Result) -> Iterator[_Line]:
    """Yield a summary of each side; in a comparison against custody, in growth against the size before."""
    before: Sequence[Trial] | None = None
    for label, trials in result.trials.items():
        against = before if result.case.grows else result.trials[CUSTODY] if label != CUSTODY else None
        yield _line(label, trials, against)
        before = trials


def _line(label: str, trials: Sequence[Trial], against: Sequence[Trial] | None) -> _Line:
    seconds = [trial.seconds for trial in trials]
    ratios = pair_ratios(seconds, [trial.seconds for trial in against]) if against is not None else ()
    return _Line(
        label=label,
        milliseconds=spread([_MILLI * each for each in seconds]),
        cpu_milliseconds=spread([_MILLI * trial.cpu_seconds for trial in trials]).median,
        peak_mib=max(trial.peak_kib for trial in trials) / _KIB_A_MIB,
        ratio=spread(ratios) if ratios else None,
    )


def _range(values: Spread) -> str:
    return f"{_number(values.low)}-{_number(values.high)}"


def _number(value: float) -> str:
    """Return three digits of `value`, or all of those before the point."""
    digits = 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:.{digits}f}"
