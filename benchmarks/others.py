"""What else ran on the machine while something was measured."""

from __future__ import annotations

import os
import resource
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["BUSY", "Others", "Watch"]

BUSY = 0.1
"""From this share of the machine's CPU time on, others may have decided what was measured."""

_TICKS = os.sysconf("SC_CLK_TCK")
_BUSY_FIELDS = (0, 1, 2, 5, 6, 7)
"""Of the first line of /proc/stat: user, nice, system, irq, softirq, and stolen by whoever runs this machine."""

_ALL_FIELDS = 8  # those after them are counted in the first two already
_NAMED = 3
_WORTH_NAMING = 0.005


@dataclass(frozen=True, kw_only=True, slots=True)
class Others:
    """The share of the machine's CPU time that went to others, and the programs that took the most of it.

    What the kernel did on its own, and what was stolen from a virtual machine, is the others' too. Programs are known
    by their names only, and those that had ended by the end of the case are in the share alone.
    """

    share: float
    programs: Mapping[str, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Clock:
    """CPU seconds since the machine started: busy, all there were, ours, and those of each process with its name."""

    busy: float
    total: float
    ours: float
    processes: Mapping[int, tuple[str, float]]


class Watch:
    """Looks when it is made, and again when it is asked."""

    def __init__(self) -> None:
        self._begun = _now()

    def others(self) -> Others | None:
        """Return what others have used since the watch was made; None where the system does not say."""
        begun, ended = self._begun, _now()
        if begun is None or ended is None or ended.total <= begun.total:
            return None
        total = ended.total - begun.total
        theirs = (ended.busy - begun.busy) - (ended.ours - begun.ours)
        return Others(share=min(max(theirs / total, 0.0), 1.0), programs=_programs(begun, ended, total))


def _programs(begun: _Clock, ended: _Clock, total: float) -> dict[str, float]:
    """Return the share of each of the busiest programs, the greatest first."""
    used: dict[str, float] = {}
    for process, (name, seconds) in ended.processes.items():
        before = begun.processes.get(process, (name, 0.0))[1]
        used[name] = used.get(name, 0.0) + max(seconds - before, 0.0) / total
    busiest = sorted(used.items(), key=lambda item: -item[1])[:_NAMED]
    return {name: share for name, share in busiest if share >= _WORTH_NAMING}


def _now() -> _Clock | None:
    words = _read("/proc/stat").split("\n", 1)[0].split()[1:]
    if len(words) < _ALL_FIELDS:
        return None
    seconds = [int(word) / _TICKS for word in words[:_ALL_FIELDS]]
    return _Clock(
        busy=sum(seconds[field] for field in _BUSY_FIELDS),
        total=sum(seconds),
        ours=sum(_used(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)),
        processes=_processes(),
    )


def _used(who: int) -> float:
    """Return the CPU seconds of this process, or of its children that have ended and all of theirs."""
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


def _processes() -> dict[int, tuple[str, float]]:
    """Return the name and the CPU seconds of every process but this one."""
    found = {}
    for number in os.listdir("/proc"):
        if not number.isdigit() or int(number) == os.getpid():
            continue
        before, _, after = _read(f"/proc/{number}/stat").rpartition(")")
        words = after.split()
        if words:
            found[int(number)] = (before.partition("(")[2], (int(words[11]) + int(words[12])) / _TICKS)
    return found


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
