"""The plot of a report: how many times faster than the reference, how far from the limit, and how time grows.

All axes are logarithmic, so that twice as fast and half as fast are equally far from the middle, and so that what grows
in proportion to its data is a line as steep as the dashed one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.markdown import DAGGER
from benchmarks.measuring import COMPATIBLE, CUSTODY, REFERENCE, Measured
from benchmarks.report import Report, Result, is_disturbed
from benchmarks.summary import Row, rows, times
from benchmarks.svg import Drawing

__all__ = ["Scale", "as_plot"]

_WIDTH, _MARGIN = 920, 24
_TITLES = 372
_TOP, _ROW, _BAR = 92, 26, 14
_PANEL, _PANEL_TOP, _PANEL_BOTTOM = 236, 46, 34
_STEPS = (1, 2, 5)
_FINE_DECADES = 2.2
"""On an axis no longer than this, there is room for the steps between powers of ten."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scale:
    """A logarithmic axis: `place(low) == start`, `place(high) == end`; a single value is in the middle."""

    low: float
    high: float
    start: float
    end: float

    def place(self, value: float) -> float:
        """Return where `value` is."""
        part = math.log(value / self.low) / math.log(self.high / self.low) if self.high > self.low else 0.5
        return self.start + part * (self.end - self.start)

    def ticks(self) -> Iterator[float]:
        """Yield the round values on the axis: powers of ten, on a short one also twice and five times those."""
        steps = _STEPS if math.log10(self.high / self.low) <= _FINE_DECADES else _STEPS[:1]
        for exponent in range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1):
            for step in steps:
                if self.low * 0.999 <= step * 10.0**exponent <= self.high * 1.001:
                    yield step * 10.0**exponent


def as_plot(report: Report) -> str:
    """Return the plot as an SVG document; without cases it has nothing but headings."""
    compared = [(result, row) for result in report.results if not result.grows for row in rows(result.sides)]
    grown = [result for result in report.results if result.grows and result.sides]
    bars_end = _TOP + _ROW * len(compared) + 34
    drawing = Drawing(_WIDTH, bars_end + _PANEL * math.ceil(len(grown) / 2) + (_MARGIN if grown else 0))
    _draw_comparisons(drawing, compared)
    for number, result in enumerate(grown):
        _draw_growth(drawing, result, top=bars_end + _PANEL * (number // 2), column=number % 2)
    day = report.facts.get("begun", "").partition("T")[0]
    return drawing.write(
        title=f"custody, in-toto 3.1.0 and the limits of the machine, measured on {day}",
        description="; ".join(_in_words(result, row) for result, row in compared),
    )


# --- comparisons ----------------------------------------------------------------------------------


def _draw_comparisons(drawing: Drawing, compared: Sequence[tuple[Result, Row]]) -> None:
    scale = _ratio_scale([row for _, row in compared])
    bottom = _TOP + _ROW * len(compared)
    drawing.heading((_MARGIN, 32), "Time of whole commands, custody = 1")
    _draw_legend(drawing, scale.start)
    for tick in scale.ticks():
        x = scale.place(tick)
        drawing.line((x, _TOP - 8), (x, bottom), "grid")
        drawing.text((x, bottom + 18), f"{tick:g}", "muted", anchor="middle")
    for number, (result, row) in enumerate(compared):
        _draw_row(drawing, scale, _title(result, row), row, middle=_TOP + _ROW * number + _ROW / 2 - 4)
    one = scale.place(1)
    drawing.line((one, _TOP - 8), (one, bottom), "ours")
    drawing.line((one + 1, _TOP - 8), (one + 1, bottom), "ours")


def _draw_legend(drawing: Drawing, x: float) -> None:
    drawing.bar((x, 50), (18, 10), "ours")
    drawing.text((x + 24, 60), "custody")
    drawing.bar((x + 104, 50), (18, 10), "theirs")
    drawing.text((x + 128, 60), "in-toto 3.1.0 (thin: range)")
    drawing.mark((x + 322, 55), "bound")
    drawing.text((x + 334, 60), "physical limit")
    drawing.text((_MARGIN, 60), "logarithmic; dashed: in proportion to the data", "muted")


def _draw_row(drawing: Drawing, scale: Scale, title: str, row: Row, *, middle: float) -> None:
    drawing.text((_TITLES - 8, middle + 4.5), title, anchor="end")
    if row.faster:
        ends = sorted((scale.place(1), scale.place(row.faster.median)))
        drawing.bar((ends[0], middle - _BAR / 2), (ends[1] - ends[0], _BAR), "theirs")
        drawing.line((scale.place(row.faster.low), middle), (scale.place(row.faster.high), middle), "ink")
        right = max(ends[1], scale.place(row.faster.high))
        drawing.text((right + 6, middle + 4.5), f"{row.faster.median:.3g} x")
    if row.from_limit:
        drawing.mark((scale.place(1 / row.from_limit.median), middle), "bound")


def _ratio_scale(compared: Sequence[Row]) -> Scale:
    """Return an axis on which every ratio has room, with a margin for the figures beside the bars."""
    values = [1.0]
    for row in compared:
        values += [row.faster.low, row.faster.high] if row.faster else []
        values += [1 / row.from_limit.median] if row.from_limit else []
    return Scale(low=min(values) / 1.3, high=max(values) * 1.8, start=_TITLES, end=_WIDTH - _MARGIN)


def _title(result: Result, row: Row) -> str:
    plain = result.title.replace("`", "")
    named = f"{plain}, in-toto-*" if row.ours.tool == COMPATIBLE else plain
    return f"{named} {DAGGER}" if is_disturbed(result) else named


def _in_words(result: Result, row: Row) -> str:
    words = f"{_title(result, row)}: {times(row.ours).median:.3g} ms"
    words += f", {row.faster.median:.3g} times faster than in-toto" if row.faster else ""
    return words + (f", {row.from_limit.median:.3g} times the limit" if row.from_limit else "")


# --- growth ---------------------------------------------------------------------------------------


def _draw_growth(drawing: Drawing, result: Result, *, top: float, column: int) -> None:
    width = (_WIDTH - 2 * _MARGIN) / 2
    left = _MARGIN + column * width
    points = {tool: _points(result, tool) for tool in (REFERENCE, CUSTODY)}
    every = [point for found in points.values() for point in found]
    edges = left + 52, left + width - 24
    across, up = _axes(every, left=edges[0] + 28, right=edges[1] - 28, top=top)
    drawing.heading((left, top + 22), f"{result.title}: ms by number of {result.grows}")
    for tick in up.ticks():
        drawing.line((edges[0], up.place(tick)), (edges[1], up.place(tick)), "grid")
        drawing.text((edges[0] - 8, up.place(tick) + 4), f"{tick:,g}", "muted", anchor="end")
    for size in sorted({size for size, _ in every}):
        drawing.text((across.place(size), up.start + 20), f"{size:,g}", "muted", anchor="middle")
    _draw_proportional(drawing, across, up, points[CUSTODY][-1])
    for tool, role, below in ((REFERENCE, "theirs", -10), (CUSTODY, "ours", 18)):
        places = [(across.place(size), up.place(time)) for size, time in points[tool]]
        drawing.curve(places, role)
        for (x, y), (_, time) in zip(places, points[tool], strict=True):
            drawing.mark((x, y), role)
            drawing.text((x, y + below), f"{time:,.0f}", role, anchor="middle")


def _axes(points: Sequence[tuple[float, float]], *, left: float, right: float, top: float) -> tuple[Scale, Scale]:
    sizes, found = [size for size, _ in points], [time for _, time in points]
    across = Scale(low=min(sizes), high=max(sizes), start=left, end=right)
    bottom = top + _PANEL - _PANEL_BOTTOM
    return across, Scale(low=min(found) / 2, high=max(found) * 1.6, start=bottom, end=top + _PANEL_TOP - 8)


def _points(result: Result, tool: str) -> list[tuple[float, float]]:
    """Return size and milliseconds of each side of `tool`."""
    return [(float(side.size), times(side).median) for side in _sides(result, tool)]


def _sides(result: Result, tool: str) -> Iterator[Measured]:
    return (side for side in result.sides if side.tool == tool)


def _draw_proportional(drawing: Drawing, across: Scale, up: Scale, last: tuple[float, float]) -> None:
    """Draw how it would grow that is ten times as slow with ten times as much, down from the last point."""
    size, time = last
    lowest = max(across.low, size * up.low / time)
    start = (across.place(lowest), up.place(time * lowest / size))
    drawing.line(start, (across.place(size), up.place(time)), "muted", dashed=True)
