"""Reports of benchmarks that nobody has measured, and sides that are quickly run."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.measuring import (
    CUSTODY,
    LIMIT,
    REFERENCE,
    Measured,
    Side,
    Trial,
)
from benchmarks.others import Others
from benchmarks.report import FULL, Report, Result


def side(label: str, script: str, directory: Path, *, exit_code: int = 0, says: str = "") -> Side:
    return Side(
        label=label,
        argv=("sh", "-c", script),
        directory=str(directory),
        environment={"PATH": os.environ["PATH"]},
        exit_code=exit_code,
        says=says,
    )


def trials(*seconds: float, mib: int = 1) -> tuple[Trial, ...]:
    return tuple(Trial(seconds=each, cpu_seconds=each, peak_kib=1024 * mib) for each in seconds)


def measured(tool: str, *seconds: float, label: str = "", mib: int = 1, size: int = 0) -> Measured:
    return Measured(label=label or tool, tool=tool, trials=trials(*seconds, mib=mib), size=size)


def result(*sides: Measured, grows: str = "", busy: float = 0) -> Result:
    others = Others(share=busy, programs={"make": busy})
    return Result(name="case", title="some `case`", sides=sides, grows=grows, others=others)


def report(*results: Result, mode: str = FULL) -> Report:
    facts = {"begun": "2026-01-02T03:04:05Z", "custody": "custody 1", "reference": "in-toto-run 2"}
    return Report(mode=mode, facts=facts, results=results)


COMPARED = result(measured(CUSTODY, 1, 2, 4), measured(REFERENCE, 3, 4, 20), measured(LIMIT, 0.5, 1, 1, label="hash"))
GROWN = result(
    *(
        measured(tool, *seconds, size=size)
        for size, times in {10: (1, 3), 100: (2, 9), 1000: (8, 27)}.items()
        for tool, seconds in zip((CUSTODY, REFERENCE), ((times[0],), (times[1],)), strict=True)
    ),
    grows="files",
)
