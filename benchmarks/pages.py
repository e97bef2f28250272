"""The pages that quote a report, between two marks each: the README in short, the page about speed in full."""

from __future__ import annotations

import os

from benchmarks.markdown import in_full, in_short
from benchmarks.plot import as_plot
from benchmarks.report import FULL, Report, ReportError

__all__ = ["BEGIN", "END", "write_pages"]

BEGIN = "<!-- benchmarks: from here on written by benchmarks/run.py -->"
END = "<!-- benchmarks: to here -->"

_PLOT = "docs/benchmarks.svg"
_README = "README.md"
_PAGE = "docs/explanation/speed.md"


def write_pages(report: Report, root: str) -> tuple[str, ...]:
    """Write the table into the README below `root`, all tables into the page about speed, and the plot; return which.

    Raises:
        ReportError: the report is not of a full run, or a page has lost its marks; then nothing is written.

    """
    if report.mode != FULL:
        raise ReportError(f"the pages quote full runs only, and this one is {report.mode!r}")
    image = "Bars: how many times slower in-toto is. Diamonds: what no tool can beat. Curves: time by size."
    short = f"{in_short(report)}\n\n![{image}]({_PLOT})"
    full = f"![{image}](../benchmarks.svg)\n\n{in_full(report)}".replace("\n## ", "\n### ")
    pages = {
        _README: _replaced(os.path.join(root, _README), short),
        _PAGE: _replaced(os.path.join(root, _PAGE), full),
        _PLOT: as_plot(report),
    }
    for name, text in pages.items():
        with open(os.path.join(root, name), "w", encoding="utf-8") as file:
            file.write(text)
    return tuple(pages)


def _replaced(path: str, text: str) -> str:
    """Return the page with `text` between its marks."""
    with open(path, encoding="utf-8") as file:
        page = file.read()
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ReportError(f"{os.path.basename(path)} has no lines {BEGIN!r} and {END!r} to write between")
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{after}"
