"""JUnit XML, as pytest, Maven Surefire, gotestsum, jest-junit, GoogleTest and many others write it.

There is no one specification. What is read is what they agree on: `testsuites` and `testsuite` hold `testcase`s, and
an element in a test case says how it ended::

    nothing                            passed
    failure, error, rerunFailure, ...  failed
    skipped                            not run: neither passed nor failed
    flakyFailure, flakyError           passed, but only when run again: warned
    anything unknown                   warned

A suite whose own numbers tell of failures that none of its test cases has, or that has an error of its own, is a failed
test by its name. An unknown element in a suite is refused, since it could hold test cases.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from custody.encoding.fields import describe
from custody.errors import FormatError
from custody.sources.reports.elements import read_xml
from custody.sources.reports.report import Outcome, TestReport

if TYPE_CHECKING:
    from collections.abc import Iterable

    from custody.sources.reports.elements import Element

__all__ = ["ROOTS", "read_junit"]

ROOTS = frozenset({"testsuites", "testsuite"})
"""The elements that reports begin with."""

_SUITE = "testsuite"
_CASE = "testcase"
_TELLS_NOTHING = frozenset({"properties", "property", "system-out", "system-err"})
_FAILS = frozenset({"failure", "error", "rerunFailure", "rerunError"})
_SKIPS = frozenset({"skipped", "disabled"})
_STATUS = {
    "": Outcome.PASSED,
    "run": Outcome.PASSED,
    "passed": Outcome.PASSED,
    "pass": Outcome.PASSED,
    "success": Outcome.PASSED,
    "completed": Outcome.PASSED,
    "notrun": Outcome.SKIPPED,
    "skipped": Outcome.SKIPPED,
    "suppressed": Outcome.SKIPPED,
    "disabled": Outcome.SKIPPED,
    "fail": Outcome.FAILED,
    "failed": Outcome.FAILED,
    "failure": Outcome.FAILED,
    "error": Outcome.FAILED,
}
"""What the attributes `status` and `result` of test cases mean; whatever else they hold is a warning."""

_NUMBER = re.compile(r"[0-9]{1,12}")


def read_junit(data: bytes) -> TestReport:
    """Return how the tests of the report `data` ended.

    Raises:
        FormatError: it is no such report, or there is no test in it.

    """
    root = read_xml(data)
    if root.name not in ROOTS:
        raise FormatError(f"expected <testsuites> or <testsuite>, got <{root.name:.60}>", where=f"line {root.line}")
    tests = _Tests()
    tests.add_suite(root)
    if not tests.outcomes:
        raise FormatError("there is no test in the report", remedy="did the tests run? nothing is no success")
    return TestReport(outcomes=tests.outcomes)


class _Tests:
    """The outcomes found so far; a name that appears twice has the worse one."""

    def __init__(self) -> None:
        self.outcomes: dict[str, Outcome] = {}

    def add_suite(self, suite: Element) -> bool:
        """Add what the suite holds and return whether anything in it failed."""
        failed = False
        for child in suite.children:
            if child.name == _CASE:
                failed |= self._add(_name(child), _outcome(child)) is Outcome.FAILED
            elif child.name == _SUITE:
                failed |= self.add_suite(child)
            elif child.name in _FAILS:  # the suite's set-up, or what could not be compiled
                failed |= self._add(_suite_name(suite), Outcome.FAILED) is Outcome.FAILED
            elif child.name not in _TELLS_NOTHING:
                raise FormatError(
                    "expected testcase, testsuite, properties, system-out or system-err, got something else",
                    where=child.where,
                )
        if not failed and _number(suite, "failures") + _number(suite, "errors"):
            self._add(_suite_name(suite), Outcome.FAILED)
            return True
        return failed

    def _add(self, name: str, outcome: Outcome) -> Outcome:
        self.outcomes[name] = max(outcome, self.outcomes.get(name, outcome))
        return outcome


def _name(case: Element) -> str:
    """Return the name of a test: that of its class or package, a dot, and its own."""
    name, owner = case.attributes.get("name", "").strip(), case.attributes.get("classname", "").strip()
    if not name:
        raise FormatError("expected the name of a test, got none", where=case.where)
    return name if owner in {"", name} else f"{owner}.{name}"


def _suite_name(suite: Element) -> str:
    return suite.attributes.get("name", "").strip() or suite.name


def _outcome(case: Element) -> Outcome:
    names = {child.name for child in case.children} - _TELLS_NOTHING
    said = [_STATUS.get(value.lower(), Outcome.WARNED) for value in _attributes(case, "status", "result")]
    if names & _FAILS or Outcome.FAILED in said:
        return Outcome.FAILED
    if names & _SKIPS or Outcome.SKIPPED in said:
        return Outcome.SKIPPED
    return Outcome.WARNED if names or Outcome.WARNED in said else Outcome.PASSED


def _attributes(case: Element, *names: str) -> Iterable[str]:
    return (case.attributes.get(name, "").strip() for name in names)


def _number(suite: Element, name: str) -> int:
    text = suite.attributes.get(name, "").strip() or "0"
    if not _NUMBER.fullmatch(text):
        raise FormatError(f"expected a number in {name!r}, got {describe(text)}", where=suite.where)
    return int(text)
