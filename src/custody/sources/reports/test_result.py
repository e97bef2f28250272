"""The predicate test-result v0.1 of what tests ended how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from custody.errors import FormatError
from custody.sources.reports.report import Outcome, TestReport, worst

__all__ = ["joined", "make_test_result"]

_LISTS = {"passedTests": Outcome.PASSED, "warnedTests": Outcome.WARNED, "failedTests": Outcome.FAILED}


def make_test_result(
    report: TestReport, *, configuration: Sequence[Mapping[str, Any]], url: str = ""
) -> dict[str, Any]:
    """Return the predicate: FAILED if any test failed, else WARNED if any warned, else PASSED.

    A test that was skipped is in no list. `configuration` are resource descriptors of what decided which tests run,
    `url` leads to the run.

    Raises:
        FormatError: no test was run.

    """
    outcomes = report.outcomes
    run = [outcome for outcome in outcomes.values() if outcome is not Outcome.SKIPPED]
    if not run:
        skipped = f"all {len(outcomes)} are skipped" if outcomes else "there are none"
        raise FormatError(f"no test was run: {skipped}", remedy="nothing is no success, so nothing can be attested")
    predicate: dict[str, Any] = {"result": worst(run).name, "configuration": [dict(each) for each in configuration]}
    if url:
        predicate["url"] = url
    for key, wanted in _LISTS.items():
        predicate[key] = [name for name, outcome in outcomes.items() if outcome is wanted]
    return predicate


def joined(reports: Sequence[TestReport]) -> TestReport:
    """Return one report of several, such as Maven writes them, a file for every class."""
    outcomes: dict[str, Outcome] = {}
    for report in reports:
        for name, outcome in report.outcomes.items():
            outcomes[name] = max(outcome, outcomes.get(name, outcome))
    skipped = sum(outcome is Outcome.SKIPPED for outcome in outcomes.values())
    note = (f"{skipped} of {len(outcomes)} tests skipped; they are in no list",) if skipped else ()
    return TestReport(outcomes=outcomes, remarks=(*(text for report in reports for text in report.remarks), *note))
