"""A report as people read it: in short, as the README quotes it, and in full."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median
from textwrap import wrap

from benchmarks.measuring import COMPATIBLE
from benchmarks.ratios import Spread
from benchmarks.report import Report, Result, is_disturbed
from benchmarks.summary import peak_mib, rows, summarise, times

__all__ = ["DAGGER", "as_markdown", "in_full", "in_short"]

DAGGER = "\u2020"
"""Marks what others may have decided."""

_READING = """\
Whole commands, interleaved round by round, warm page cache: median (least-greatest). Each time is divided by that of
the same round. The peak is that of all processes of a command together, and never below that of the bare Python which
starts it, about 8 MiB."""

_SHORT_HEAD = """\
| | custody ms | in-toto ms | times faster | limit ms | custody / limit | custody MiB | in-toto MiB |
|---|--:|--:|--:|--:|--:|--:|--:|"""

_MACHINE = ("processor", "cores usable", "memory", "file system of the data", "system", "Python", "openssl")
"""What of the machine is said in short, too."""

_WIDTH = 120
_SHORT_CELLS = 7
"""After the title."""


def as_markdown(report: Report) -> str:
    """Return all there is to say: in short first, then in full."""
    return f"# Benchmarks\n\n{in_short(report)}\n\n{in_full(report)}\n"


def in_short(report: Report) -> str:
    """Return where, when and against what was measured, and a line for each comparison, also for those that failed."""
    compared = [result for result in report.results if not result.grows]
    lines = [line for result in compared for line in _short_lines(result)]
    return "\n".join([*_measured_on(report), "", _SHORT_HEAD, *lines, *_about_disturbed(compared)])


def in_full(report: Report) -> str:
    """Return what is known of the machine and the run, every side of every case, and what failed or was left out."""
    done = [result for result in report.results if result.sides]
    comparisons = [result for result in done if not result.grows]
    growth = [result for result in done if result.grows]
    failed = [f"- {each.title}: {each.failure}" for each in report.results if each.failure]
    left_out = [f"- {each.title}: {each.left_out}" for each in report.results if each.left_out]
    parts = [*(f"- {name}: {value}" for name, value in report.facts.items()), f"- {_others(report)}", "", _READING, ""]
    if comparisons:
        parts += ["## Comparisons\n", *_table("time / custody's", comparisons), ""]
    if growth:
        parts += ["## Growth\n", *_table("time / the size before", growth), ""]
    if failed:
        parts += ["## Failed, not timed\n", *failed, ""]
    if left_out:
        parts += ["## Left out\n", *left_out, ""]
    return "\n".join(parts).rstrip("\n")


# --- in short -------------------------------------------------------------------------------------


def _measured_on(report: Report) -> list[str]:
    facts = report.facts
    day = facts.get("begun", "an unknown day").partition("T")[0]
    machine = ", ".join(f"{name} {facts[name]}" for name in _MACHINE if name in facts)
    text = f"Measured on {day}: {facts.get('custody', 'custody')} against {facts.get('reference', 'nothing')}. "
    text += f"The machine: {machine}. " if machine else ""
    return wrap(f"{text}{_capital(_others(report))}.", _WIDTH, break_on_hyphens=False)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _short_lines(result: Result) -> Iterator[str]:
    if not result.sides:
        why = "failed" if result.failure else f"left out: {result.left_out}"
        yield f"| {result.title} | {why} |{' |' * (_SHORT_CELLS - 1)}"
        return
    for row in rows(result.sides):
        title = f"{result.title}, {row.ours.label}" if row.ours.tool == COMPATIBLE else f"{result.title}"
        cells = [
            f"{title}{_disturbed(result)}",
            _number(times(row.ours).median),
            _number(times(row.reference).median) if row.reference else "",
            f"**{_number(row.faster.median)}** ({_range(row.faster)})" if row.faster else "",
            f"{_number(times(row.limit).median)} ({row.limit.label})" if row.limit else "",
            _spread(row.from_limit),
            _number(peak_mib(row.ours)),
            _number(peak_mib(row.reference)) if row.reference else "",
        ]
        yield f"| {' | '.join(cells)} |"


# --- in full --------------------------------------------------------------------------------------


def _table(ratio: str, results: Sequence[Result]) -> Iterator[str]:
    yield f"| case | | ms | CPU ms | {ratio} | peak MiB | peak / in-toto's |"
    yield "|---|---|--:|--:|--:|--:|--:|"
    for result in results:
        title = f"{result.title}{_disturbed(result)}"
        for line in summarise(result.sides, grows=bool(result.grows)):
            cells = [
                title,
                line.label,
                _spread(line.milliseconds),
                _number(line.cpu_milliseconds),
                _spread(line.ratio),
                _number(line.peak_mib),
                _number(line.memory_ratio) if line.memory_ratio else "",
            ]
            yield f"| {' | '.join(cells)} |"
            title = ""
    yield from _about_disturbed(results)


def _others(report: Report) -> str:
    """Return what else ran: how much in the median and in the worst case, and which programs."""
    known = [(result.others, result.title) for result in report.results if result.others]
    if not known:
        return "what else ran is not known"
    most, title = max(known, key=lambda each: each[0].share)
    middle = median(others.share for others, _ in known)
    text = f"other processes: {middle:.0%} of the machine's CPU time in the median case, {most.share:.0%} at most"
    programs = sorted({name for others, _ in known for name in others.programs})
    text = f"{text} ({title})"
    return f"{text}; the busiest were {', '.join(programs)}" if programs else text


def _disturbed(result: Result) -> str:
    """Return a mark where others took so much of the machine that they may have decided the figures."""
    return f" {DAGGER} {result.others.share:.0%}" if result.others and is_disturbed(result) else ""


def _about_disturbed(results: Sequence[Result]) -> Iterator[str]:
    if any(is_disturbed(result) for result in results):
        yield ""
        yield f"{DAGGER} Others used that share of the machine's CPU time meanwhile: it may have decided the result."


def _spread(values: Spread | None) -> str:
    return f"{_number(values.median)} ({_range(values)})" if values else ""


def _range(values: Spread) -> str:
    return f"{_number(values.low)}-{_number(values.high)}"


def _number(value: float) -> str:
    """Return three digits of `value`, or all of those before the point."""
    digits = 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:.{digits}f}"
