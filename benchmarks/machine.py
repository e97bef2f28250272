"""The machine that measured: what it is, and what else it was doing."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from datetime import UTC, datetime

__all__ = ["describe_machine", "load", "now", "too_small"]

_USEFUL_FLAGS = ("sha_ni", "sha2", "avx2", "avx512f")
_GIB = 1 << 30
_ROOM_TO_SPARE = 8
"""One part in so many has to be left over."""


def describe_machine(scratch: str) -> dict[str, str]:
    """Return what about this machine decides how fast things are; no name, address or path of it."""
    return {
        "processor": _processor(),
        "cores usable": str(len(os.sched_getaffinity(0))),
        "memory": _memory(),
        "system": f"{platform.system()} {platform.release()}",
        "file system of the data": _file_system(scratch),
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "openssl": _first_line("openssl", "version").partition(" (")[0],
    }


def load() -> str:
    """Return the load averages over 1, 5 and 15 minutes, and the runnable and existing tasks where the system says."""
    averages = " ".join(f"{average:.2f}" for average in os.getloadavg())
    words = _read("/proc/loadavg").split()
    return f"{averages}, tasks {words[3]}" if len(words) > 3 else averages


def now() -> str:
    """Return the present instant in UTC."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def too_small(directory: str, needed: int) -> str:
    """Return why data of `needed` bytes cannot be measured in `directory`; empty if it can be.

    It has to fit on the disk, and into the page cache, or else the disk is measured.
    """
    wanted = needed + needed // _ROOM_TO_SPARE
    there = {"disk": shutil.disk_usage(directory).free, "memory": _available_memory()}
    for what, free in there.items():
        if needed and free < wanted:
            return f"it needs {wanted / _GIB:.1f} GiB of {what}, and {free / _GIB:.1f} GiB are free"
    return ""


def _available_memory() -> int:
    """Return the bytes that a page cache could have; all of the memory where the system does not say."""
    for line in _read("/proc/meminfo").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _processor() -> str:
    lines = [line.partition(":") for line in _read("/proc/cpuinfo").splitlines()]
    facts = {name.strip(): value.strip() for name, _, value in lines}
    model = facts.get("model name") or platform.machine()
    flags = (facts.get("flags") or facts.get("Features") or "").split()
    known = [flag for flag in _USEFUL_FLAGS if flag in flags]
    return f"{model} ({', '.join(known)})" if known else model


def _memory() -> str:
    size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{size / _GIB:.1f} GiB"


def _file_system(directory: str) -> str:
    """Return the type of the file system that `directory` is on: that of the longest mount point above it."""
    best, kind = "", "unknown"
    for line in _read("/proc/mounts").splitlines():
        _, point, this, *_ = line.split()
        inside = os.path.commonpath([os.path.realpath(directory), point]) == point
        if inside and len(point) >= len(best):
            best, kind = point, this
    return kind


def _first_line(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "not there"
    return done.stdout.partition("\n")[0]


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""
