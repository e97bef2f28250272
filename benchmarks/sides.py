"""The commands that are timed: custody, the reference, and what no tool can beat."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.measuring import COMPATIBLE, CUSTODY, REFERENCE, Side
from benchmarks.tools import Custody, Reference

__all__ = ["Tools", "compatible_side", "custody_side", "no_op", "openssl", "reference_side", "walk"]

_STAT_WALK = os.path.join(os.path.dirname(os.path.abspath(__file__)), "stat_walk.py")


@dataclass(frozen=True, kw_only=True, slots=True)
class Tools:
    """What there is to run; without `reference` custody and the limits are measured alone."""

    custody: Custody
    reference: Reference | None


def custody_side(tools: Tools, directory: str, *arguments: str, rejects_with: str = "") -> Side:
    """Return `custody ARGUMENTS`; it must succeed, or else reject with these words."""
    return Side(
        label=CUSTODY,
        tool=CUSTODY,
        argv=(*tools.custody.argv, *arguments),
        directory=directory,
        environment=tools.custody.environment,
        exit_code=1 if rejects_with else 0,
        says=rejects_with,
    )


def reference_side(
    tools: Tools, directory: str, name: str, *arguments: str, rejects_with: str = ""
) -> tuple[Side, ...]:
    """Return the reference's command `name`, which must come to the same; none if it is not there."""
    if tools.reference is None:
        return ()
    side = Side(
        label=REFERENCE,
        tool=REFERENCE,
        argv=(tools.reference.command(name), *arguments),
        directory=directory,
        environment=tools.reference.environment,
        exit_code=1 if rejects_with else 0,
        says=rejects_with,
    )
    return (side,)


def compatible_side(tools: Tools, directory: str, name: str, *arguments: str) -> tuple[Side, ...]:
    """Return the command `name` of custody-in-toto; none if that is not installed."""
    custody = tools.custody
    if not custody.scripts:
        return ()
    argv = (os.path.join(custody.scripts, name), *arguments)
    side = Side(label=COMPATIBLE, tool=COMPATIBLE, argv=argv, directory=directory, environment=custody.environment)
    return (side,)


def no_op(tools: Tools, directory: str) -> Side:
    """Return a Python that starts and ends, of the interpreter that custody runs on."""
    return _limit("no-op Python", tools, directory, sys.executable, "-c", "pass")


def walk(tools: Tools, tree: str, *, times: int, skipping: Sequence[str] = ()) -> Side:
    """Return a walk over `tree` that only looks at each file, so many times, but not into directories to be skipped."""
    arguments = (_STAT_WALK, tree, str(times), *skipping)
    return _limit("walk and stat", tools, tree, sys.executable, "-I", "-S", *arguments)


def openssl(tools: Tools, directory: str, files: Sequence[str], *, algorithm: str, times: int = 1) -> tuple[Side, ...]:
    """Return openssl hashing `files` of `directory` so many times, in as few processes as their names fit.

    Where there is no openssl or xargs there is no such limit.
    """
    if shutil.which("openssl") is None or shutil.which("xargs") is None:
        return ()
    names = f"{directory}.names"
    with open(names, "wb") as file:
        file.write(b"".join(os.fsencode(name) + b"\0" for name in [*files] * times))
    arguments = ("-0", "-a", names, "openssl", "dgst", f"-{algorithm}")
    return (_limit(f"openssl {algorithm}", tools, directory, "xargs", *arguments),)


def _limit(label: str, tools: Tools, directory: str, *argv: str) -> Side:
    return Side(label=label, argv=argv, directory=directory, environment=tools.custody.environment)
