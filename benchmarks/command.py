"""The command line of the benchmarks: which cases, how often, and where the results go."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from benchmarks.cases import Case, full_cases, huge_cases, quick_cases
from benchmarks.growth import full_growth, quick_growth
from benchmarks.machine import describe_machine, load, now, too_small
from benchmarks.markdown import as_markdown
from benchmarks.measuring import CaseFailedError, measure
from benchmarks.others import Watch
from benchmarks.pages import write_pages
from benchmarks.plot import as_plot
from benchmarks.report import FULL, QUICK, SOME, Report, ReportError, Result, as_document, read_document
from benchmarks.sides import Tools
from benchmarks.tools import BENCH, find_custody, install_reference
from scripts.reference import MissingError

if TYPE_CHECKING:
    from argparse import Namespace

__all__ = ["main"]

_ROUNDS = {
    "full": {"light": 21, "heavy": 5, "growth": 5},
    "quick": {"light": 9, "heavy": 5, "growth": 3},
}
_ROOT = os.path.dirname(BENCH)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and save, and return 0; 1 if a case failed, 2 if there is nothing to measure or to show."""
    options = _parse(arguments)
    cases = _chosen(options)
    if options.list:
        for case in cases:
            print(f"{case.name:<26} {case.title}")
        return 0
    if not cases:
        print(f"no case has {' or '.join(options.only)} in its name; --list lists them", file=sys.stderr)
        return 2
    try:
        report = _read(options.source) if options.source else _report(cases, options)
        text = as_markdown(report)
        print(text, end="")
        _save(report, text)
        if options.readme:
            _progress(f"written: {', '.join(write_pages(report, _ROOT))}")
    except ReportError as error:
        print(error, file=sys.stderr)
        return 2
    return 1 if any(result.failure for result in report.results) else 0


def _parse(arguments: Sequence[str] | None) -> Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks/run.py",
        description="Time whole commands of custody against the reference and the physical limit, in one run.",
        epilog="Results are printed, and saved in .bench/results/ as Markdown, JSON and a plot. Exit codes: 0 measured,"
        " 1 a case failed, 2 nothing to measure or to show.",
    )
    _add_choice(parser)
    parser.add_argument("--rounds", type=_positive, metavar="N", help="time every command N times")
    parser.add_argument("--scratch", metavar="DIR", help="make the data below DIR instead of the temporary directory")
    parser.add_argument("--list", action="store_true", help="list the cases and measure nothing")
    parser.add_argument("--from", dest="source", metavar="FILE", help="measure nothing, show the results in this JSON")
    parser.add_argument(
        "--readme", action="store_true", help="put the table into README.md and all of it into docs/ (full runs only)"
    )
    options = parser.parse_args(arguments)
    if options.readme and not options.source and _mode(options) != FULL:
        parser.error("--readme quotes a full run: leave out what makes it smaller")
    return options


def _add_choice(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose what is measured."""
    parser.add_argument("--quick", action="store_true", help="small data, few rounds: under two minutes")
    parser.add_argument("--no-huge", action="store_true", help="do not record a file of 4 GiB")
    parser.add_argument(
        "--only", action="append", default=[], metavar="WORD", help="only cases with WORD in their name; repeatable"
    )
    parser.add_argument("--no-reference", action="store_true", help="measure custody and the limits only")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a number from 1, got {number}")
    return number


def _mode(options: Namespace) -> str:
    if options.only or options.no_reference or options.no_huge:
        return SOME
    return QUICK if options.quick else FULL


def _chosen(options: Namespace) -> tuple[Case, ...]:
    huge = () if options.no_huge else huge_cases()
    cases = (*quick_cases(), *quick_growth()) if options.quick else (*full_cases(), *huge, *full_growth())
    words: list[str] = options.only
    return tuple(case for case in cases if not words or any(word in case.name for word in words))


def _read(path: str) -> Report:
    """Return the report in a file that a run before has saved.

    Raises:
        ReportError: there is none, or it is none.

    """
    try:
        with open(path, encoding="utf-8") as file:
            return read_document(json.load(file))
    except (OSError, ValueError) as error:
        raise ReportError(f"{path} cannot be read: {error}") from error


def _report(cases: Sequence[Case], options: Namespace) -> Report:
    """Measure every case and return what came of them, with what was known before and after."""
    tools, missing = _tools(options)
    facts = {"begun": now(), "load at the start": load(), "rounds": _rounds(options), **_versions(tools, missing)}
    with tempfile.TemporaryDirectory(prefix="custody-bench-", dir=options.scratch) as scratch:
        facts |= describe_machine(scratch)
        results = [_measured(case, tools, options, scratch) for case in cases]
    mode = _mode(options) if tools.reference else SOME
    return Report(mode=mode, facts={**facts, "ended": now(), "load at the end": load()}, results=results)


def _rounds(options: Namespace) -> str:
    """Return how often every command is timed, in words."""
    weights = _ROUNDS["quick" if options.quick else "full"]
    return str(options.rounds) if options.rounds else ", ".join(f"{weight} {n}" for weight, n in weights.items())


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
        "custody": tools.custody.version,
        "started as": tools.custody.started_as,
        "reference": reference.version if reference else f"none: {missing}",
    }


def _measured(case: Case, tools: Tools, options: Namespace, scratch: str) -> Result:
    """Return what came of `case`; its data is gone afterwards."""
    _progress(case.title)
    weights = _ROUNDS["quick" if options.quick else "full"]
    weight = "growth" if case.grows else "heavy" if case.heavy else "light"
    rounds: int = options.rounds or weights[weight]
    plain = Result(name=case.name, title=case.title, grows=case.grows)
    why = too_small(scratch, case.bytes_needed)
    if why:
        _progress(f"left out: {why}")
        return replace(plain, left_out=why)
    with tempfile.TemporaryDirectory(prefix=f"{case.name}-", dir=scratch) as directory:
        try:
            data = os.path.join(directory, "data")
            os.mkdir(data)
            prepared = case.prepare(tools, data)
            os.sync()  # or what was just written is still being written while the first rounds are timed
            watch = Watch()
            sides = measure(prepared, rounds=rounds, scratch=directory)
            return replace(plain, sides=sides, others=watch.others())
        except CaseFailedError as error:
            _progress(f"failed: {error}")
            return replace(plain, failure=str(error).replace(directory, "DIR"))


def _save(report: Report, text: str) -> None:
    """Write all forms of the report into `.bench/results`, under the time at which it began."""
    results = os.path.join(BENCH, "results")
    os.makedirs(results, exist_ok=True)
    stem = f"{report.facts.get('begun', '').replace(':', '')}-{report.mode}"
    forms = {"md": text, "json": json.dumps(as_document(report), indent=1) + "\n", "svg": as_plot(report)}
    for ending, content in forms.items():
        with open(os.path.join(results, f"{stem}.{ending}"), "w", encoding="utf-8") as file:
            file.write(content)
    _progress(f"saved as .bench/results/{stem}.md, .json and .svg")


def _progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
