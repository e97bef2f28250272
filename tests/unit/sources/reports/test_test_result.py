from __future__ import annotations

import pytest

from custody.errors import FormatError
from custody.models.predicates import check_predicate, test_result
from custody.sources.reports.report import Outcome, TestReport
from custody.sources.reports.test_result import joined, make_test_result

P, S, W, F = Outcome.PASSED, Outcome.SKIPPED, Outcome.WARNED, Outcome.FAILED
CONFIGURATION = [{"name": "pyproject.toml", "digest": {"sha256": "0" * 64}}]


@pytest.mark.parametrize(
    ("outcomes", "result"),
    [
        ({"a": P}, "PASSED"),
        ({"a": P, "b": S}, "PASSED"),
        ({"a": P, "b": W}, "WARNED"),
        ({"a": P, "b": W, "c": F}, "FAILED"),
        ({"a": S, "b": F}, "FAILED"),
    ],
)
def test_worst_test_is_the_result(outcomes: dict[str, Outcome], result: str) -> None:
    predicate = make_test_result(TestReport(outcomes=outcomes), configuration=CONFIGURATION)

    assert predicate["result"] == result
    assert predicate["configuration"] == CONFIGURATION
    assert "url" not in predicate
    check_predicate(test_result.TYPE, predicate)


def test_every_test_that_ran_is_in_one_list() -> None:
    report = TestReport(outcomes={"a": P, "b": S, "c": W, "d": F, "e": P})
    predicate = make_test_result(report, configuration=CONFIGURATION, url="https://ci.example.com/7")

    assert (predicate["passedTests"], predicate["warnedTests"], predicate["failedTests"]) == (["a", "e"], ["c"], ["d"])
    assert predicate["url"] == "https://ci.example.com/7"


@pytest.mark.parametrize(
    ("outcomes", "problem"), [({}, "there are none"), ({"a": S, "b": S}, "all 2 are skipped")], ids=["none", "skipped"]
)
def test_nothing_that_ran_is_no_result(outcomes: dict[str, Outcome], problem: str) -> None:
    with pytest.raises(FormatError, match=f"no test was run: {problem}"):
        make_test_result(TestReport(outcomes=outcomes), configuration=CONFIGURATION)


def test_reports_are_joined_and_the_worse_of_namesakes_counts() -> None:
    report = joined([TestReport(outcomes={"a": F, "b": P}), TestReport(outcomes={"a": P, "c": S})])

    assert report.outcomes == {"a": F, "b": P, "c": S}
    assert report.remarks == ("1 of 3 tests skipped; they are in no list",)
