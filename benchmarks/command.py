"""The command line of the benchmarks: which cases, how often, and where the results go."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from benchmarks.cases import Case, full_cases, huge_cases, quick_cases
from benchmarks.machine import describe_machine, load, now
from benchmarks.measuring import CaseFailedError, measure
from benchmarks.report import Report, Result, as_document, as_markdown
from benchmarks.sides import Tools
from benchmarks.tools import BENCH, find_custody, install_reference
from scripts.reference import MissingError

if TYPE_CHECKING:
    from argparse import Namespace

__all__ = ["main"]

_ROUNDS = {"quick": {"light": 9, "heavy": 5}, "full": {"light": 21, "heavy": 5}}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and save, and return 0; 1 if a case failed, 2 if there is nothing to measure."""
    options = _parse(arguments)
    cases = _chosen(options)
    if options.list:
        for case in cases:
            print(f"{case.name:<24} {case.title}")
        return 0
    if not cases:
        print(f"no case has {' or '.join(options.only)} in its name; --list lists them", file=sys.stderr)
        return 2
    report = _report(cases, options)
    text = as_markdown(report)
    print(text)
    _save(report, text, "quick" if options.quick else "full")
    return 1 if any(result.failure for result in report.results) else 0


def _parse(arguments: Sequence[str] | None) -> Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks/run.py",
        description="Time whole commands of custody against the reference and the physical limit, in one run.",
        epilog="Results are printed and saved in .bench/results/. Exit codes: 0 measured, 1 a case failed.",
    )
    parser.add_argument("--quick", action="store_true", help="small data, few rounds: under two minutes")
    parser.add_argument("--huge", action="store_true", help="also record one file of 4 GiB")
    parser.add_argument(
        "--only", action="append", default=[], metavar="WORD", help="only cases with WORD in their name; repeatable"
    )
    parser.add_argument("--rounds", type=_positive, metavar="N", help="time every command N times")
    parser.add_argument("--no-reference", action="store_true", help="measure custody and the limits only")
    parser.add_argument("--scratch", metavar="DIR", help="make the data below DIR instead of the temporary directory")
    parser.add_argument("--list", action="store_true", help="list the cases and measure nothing")
    return parser.parse_args(arguments)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a number from 1, got {number}")
    return number


def _chosen(options: Namespace) -> tuple[Case, ...]:
    cases = (quick_cases() if options.quick else full_cases()) + (huge_cases() if options.huge else ())
    words: list[str] = options.only
    return tuple(case for case in cases if not words or any(word in case.name for word in words))


def _report(cases: Sequence[Case], options: Namespace) -> Report:
    """Measure every case and return what came of them, with what was known before and after."""
    tools, missing = _tools(options)
    facts = {"begun": now(), "load at the start": load(), **_versions(tools, missing)}
    with tempfile.TemporaryDirectory(prefix="custody-bench-", dir=options.scratch) as scratch:
        facts |= describe_machine(scratch)
        results = [_measured(case, tools, options, scratch) for case in cases]
    return Report(facts={**facts, "ended": now(), "load at the end": load()}, results=results)


def _tools(options: Namespace) -> tuple[Tools, str]:
    """Return what there is to run, and why there is no reference if there is none."""
    custody = find_custody()
    if options.no_reference:
        return Tools(custody=custody, reference=None), "left out"
    try:
        _progress("installing the reference into .reference/venv, unless it is there")
        return Tools(custody=custody, reference=install_reference()), ""
    except MissingError as error:
        _progress(f"the reference could not be installed, so it is left out: {error}")
        return Tools(custody=custody, reference=None), f"could not be installed: {error}"


def _versions(tools: Tools, missing: str) -> Mapping[str, str]:
    reference = tools.reference
    return {
        "custody": f"{tools.custody.version}, started as {tools.custody.started_as}",
        "reference": f"{reference.version}, started as its console scripts" if reference else f"none: {missing}",
    }


def _measured(case: Case, tools: Tools, options: Namespace, scratch: str) -> Result:
    """Return what came of `case`; its data is gone afterwards."""
    _progress(case.title)
    weights = _ROUNDS["quick" if options.quick else "full"]
    rounds: int = options.rounds or weights["heavy" if case.heavy else "light"]
    with tempfile.TemporaryDirectory(prefix=f"{case.name}-", dir=scratch) as directory:
        try:
            data = os.path.join(directory, "data")
            os.mkdir(data)
            prepared = case.prepare(tools, data)
            os.sync()  # or what was just written is still being written while the first rounds are timed
            return Result(case=case, trials=measure(prepared, rounds=rounds, scratch=directory))
        except CaseFailedError as error:
            _progress(f"failed: {error}")
            return Result(case=case, trials={}, failure=str(error))


def _save(report: Report, text: str, mode: str) -> None:
    """Write both forms of the report into `.bench/results`, under the time at which it began."""
    results = os.path.join(BENCH, "results")
    os.makedirs(results, exist_ok=True)
    stem = f"{report.facts['begun'].replace(':', '')}-{mode}"
    forms = {"md": text, "json": json.dumps(as_document(report), indent=1) + "\n"}
    for ending, content in forms.items():
        with open(os.path.join(results, f"{stem}.{ending}"), "w", encoding="utf-8") as file:
            file.write(content)
    _progress(f"saved as .bench/results/{stem}.md and .json")


def _progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
