"""What reports say, whoever wrote them: outcomes of tests, and findings of a vulnerability scanner."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import Any

from custody.value import Value

__all__ = ["Database", "Finding", "Outcome", "ScanReport", "Severity", "TestReport", "worst"]


class Outcome(IntEnum):
    """How a test ended; of several with one name the greatest counts, so that nothing bad is hidden by a namesake."""

    PASSED = 0
    SKIPPED = 1
    WARNED = 2
    FAILED = 3


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """Return the worst of `outcomes`, `SKIPPED` if there are none: what did not run has not passed."""
    return max(outcomes, default=Outcome.SKIPPED)


class TestReport(Value):
    """How each test ended, by name and in the order of the report; `remarks` are what its reader should know."""

    __test__ = False  # no class of tests

    outcomes: Mapping[str, Outcome]
    remarks: tuple[str, ...] = ()


class Severity(Value):
    """How bad somebody says that a vulnerability is, by a method of theirs."""

    method: str
    score: str


class Finding(Value):
    """A vulnerability in one place; `annotation` says where."""

    id: str
    severities: tuple[Severity, ...]
    annotation: Mapping[str, str] = {}


class Database(Value):
    """The vulnerability database that a scanner used, as far as its report says; '' for what it does not."""

    uri: str = ""
    version: str = ""
    updated: str = ""


class ScanReport(Value):
    """What a vulnerability scanner found; '' for what its report does not say. Times are as `times` writes them.

    It is `silent` if there are no findings and nothing says whether the scanner looked for any.
    """

    scanner: str
    uri: str
    findings: tuple[Finding, ...]
    document: Mapping[str, Any]
    version: str = ""
    started: str = ""
    finished: str = ""
    database: Database = Database()
    silent: bool = False
    remarks: tuple[str, ...] = ()
