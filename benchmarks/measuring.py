"""Measuring: every side of a case once a round, in an order that rotates, after a round that only warms up and checks.

Sides are whole commands, started as a user starts them. Rounds are interleaved, so that a machine that gets slower or
busier does so for all of them. The round that warms up is not timed: it weighs the memory of all processes together.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

__all__ = [
    "COMPATIBLE",
    "CUSTODY",
    "LIMIT",
    "REFERENCE",
    "VARIANT",
    "CaseFailedError",
    "Measured",
    "Prepared",
    "Side",
    "Trial",
    "measure",
]

CUSTODY = "custody"
COMPATIBLE = "custody-in-toto"
VARIANT = "variant"
REFERENCE = "reference"
LIMIT = "limit"
"""What a side is: custody, the in-toto-* commands on it, custody used otherwise, the reference, what none can beat."""

LIMIT_SECONDS = 900
"""A command that takes longer is ended, and its case has failed."""

_LAUNCHER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "launcher.py")
_SHOWN = 300


class CaseFailedError(Exception):
    """A side failed, or did not do the same work as another: there is nothing to compare."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """One command of a case, with what it must come to: its exit code, and words in what it prints.

    `size` is that of its data, in a case whose sides are at growing sizes.
    """

    label: str
    argv: tuple[str, ...]
    directory: str
    environment: Mapping[str, str]
    tool: str = LIMIT
    size: int = 0
    exit_code: int = 0
    says: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared:
    """A case whose data is there; `check` raises CaseFailedError unless all sides did the same work."""

    sides: tuple[Side, ...]
    check: Callable[[], None] = field(default=lambda: None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """What one run of a command took; `peak_kib` is of the largest of its processes, `printed` are bytes."""

    seconds: float
    cpu_seconds: float
    peak_kib: int
    printed: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """The trials of one side, and the most memory that all its processes had together in the round that warmed up."""

    label: str
    tool: str
    trials: Sequence[Trial]
    size: int = 0
    together_kib: int = 0


def measure(prepared: Prepared, *, rounds: int, scratch: str) -> tuple[Measured, ...]:
    """Return what each side took, with as many trials as `rounds`, the same round at the same place.

    Raises:
        CaseFailedError: a side did not come to what it must.

    """
    sides = prepared.sides
    weights = {side.label: _run(side, scratch, how="weigh").peak_kib for side in sides}
    prepared.check()
    trials: dict[str, list[Trial]] = {side.label: [] for side in sides}
    for number in range(rounds):
        for side in _rotated(sides, number):
            trials[side.label].append(_run(side, scratch, how="time"))
    return tuple(
        Measured(
            label=side.label,
            tool=side.tool,
            size=side.size,
            trials=tuple(trials[side.label]),
            together_kib=weights[side.label],
        )
        for side in sides
    )


def _rotated(sides: Sequence[Side], by: int) -> tuple[Side, ...]:
    """Return all sides, each first in its turn: who comes after whom must not decide anything."""
    start = by % len(sides)
    return (*sides[start:], *sides[:start])


def _run(side: Side, scratch: str, *, how: str) -> Trial:
    """Return what the command of `side` took; `how` tells the launcher what to look at."""
    output = os.path.join(scratch, "output")
    answer = _launch(side, output, how)
    seconds, cpu_seconds, peak_kib, exit_code = answer.split()
    if int(exit_code) != side.exit_code:
        raise CaseFailedError(
            f"{side.label} ended with exit code {exit_code}, expected {side.exit_code}: {_printed(output)}"
        )
    if side.says and not _has(output, side.says):
        raise CaseFailedError(f"{side.label} did not print {side.says!r}: {_printed(output)}")
    return Trial(
        seconds=float(seconds),
        cpu_seconds=float(cpu_seconds),
        peak_kib=int(peak_kib),
        printed=os.path.getsize(output),
    )


def _launch(side: Side, output: str, how: str) -> str:
    """Return the answer of the launcher; it and what it started are ended when their time is over."""
    argv = [sys.executable, "-I", "-S", _LAUNCHER, how, side.directory, output, *side.argv]
    with subprocess.Popen(
        argv,
        env=dict(side.environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            answer, errors = process.communicate(timeout=LIMIT_SECONDS)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            if isinstance(error, subprocess.TimeoutExpired):
                raise CaseFailedError(f"{side.label} took longer than {LIMIT_SECONDS} s") from error
            raise
    if process.returncode:
        raise CaseFailedError(f"{side.label} could not be started: {errors.strip().splitlines()[-1:]}")
    return answer


def _printed(output: str) -> str:
    """Return the beginning of what a command printed, on one line."""
    with open(output, "rb") as file:
        text = file.read(_SHOWN).decode(errors="replace")
    return " / ".join(text.split("\n")).strip(" /") or "it printed nothing"


def _has(output: str, words: str) -> bool:
    with open(output, "rb") as file:
        return words.encode() in file.read()
