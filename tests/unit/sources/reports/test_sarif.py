from __future__ import annotations

from typing import Any

import pytest

from custody.errors import FormatError
from custody.models.predicates import check_predicate, scai
from custody.sources.reports.attributes import make_scai
from custody.sources.reports.report import Outcome
from custody.sources.reports.sarif import analysed_tests, read_sarif
from tests.reports import changed, recorded_json

P, S, W, F = Outcome.PASSED, Outcome.SKIPPED, Outcome.WARNED, Outcome.FAILED
SEMGREP = recorded_json("semgrep.sarif")
EVIDENCE = {"name": "semgrep.sarif", "digest": {"sha256": "0" * 64}, "mediaType": "application/sarif+json"}
RULES: list[dict[str, Any]] = [{"id": "R1", "defaultConfiguration": {"level": "error"}}, {"id": "R2"}]


def log(*results: dict[str, Any], **more: object) -> dict[str, Any]:
    tool = {"driver": {"name": "lint", "rules": RULES}}
    return {"version": "2.1.0", "runs": [{"tool": tool, "results": list(results), **more}]}


def outcomes(*results: dict[str, Any], **more: object) -> dict[str, Outcome]:
    return dict(analysed_tests(read_sarif(log(*results, **more))).outcomes)


def test_recorded_log_is_read_and_what_is_suppressed_does_not_count() -> None:
    report = analysed_tests(read_sarif(SEMGREP))

    assert report.outcomes == {"Semgrep OSS": W, "Semgrep OSS/python.flask.debug-enabled": W}
    assert report.remarks == ("suppressed, and not counted: 1 finding",)


def test_recorded_log_with_its_suppression_rejected_fails() -> None:
    log = changed(SEMGREP, "runs", 0, "results", 1, "suppressions", 0, "status", to="rejected")

    assert analysed_tests(read_sarif(log)).outcomes["Semgrep OSS/python.lang.eval"] is F


def test_run_that_found_nothing_has_passed() -> None:
    assert outcomes() == {"lint": P}


@pytest.mark.parametrize(
    "invocation",
    [
        {"executionSuccessful": False},
        {"executionSuccessful": True, "toolExecutionNotifications": [{"level": "error"}]},
        {"executionSuccessful": True, "toolConfigurationNotifications": [{"level": "error"}]},
        {"executionSuccessful": 1},
    ],
)
def test_run_that_did_not_get_through_has_failed(invocation: dict[str, Any]) -> None:
    assert outcomes(invocations=[invocation]) == {"lint": F}


def test_run_that_got_through_with_a_warning_of_the_tool_has_passed() -> None:
    invocation = {"executionSuccessful": True, "toolExecutionNotifications": [{"level": "warning"}]}

    assert outcomes(invocations=[invocation]) == {"lint": P}


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ({"ruleId": "R", "level": "error"}, {"lint": F, "lint/R": F}),
        ({"ruleId": "R", "level": "warning"}, {"lint": W, "lint/R": W}),
        ({"ruleId": "R", "level": "note"}, {"lint": P}),
        ({"ruleId": "R", "level": "none"}, {"lint": P}),
        ({"ruleId": "R"}, {"lint": W, "lint/R": W}),
        ({"ruleId": "R1"}, {"lint": F, "lint/R1": F}),
        ({"ruleId": "R1/sub"}, {"lint": F, "lint/R1/sub": F}),
        ({"ruleId": "R10"}, {"lint": W, "lint/R10": W}),
        ({"ruleIndex": 0}, {"lint": F, "lint/R1": F}),
        ({"ruleId": "R2", "ruleIndex": 1}, {"lint": W, "lint/R2": W}),
        ({"rule": {"id": "R1"}}, {"lint": F, "lint/R1": F}),
        ({"ruleId": "R1", "kind": "pass"}, {"lint": P, "lint/R1": P}),
        ({"ruleId": "R1", "kind": "pass", "level": "error"}, {"lint": F, "lint/R1": F}),
        ({"ruleId": "R1", "kind": "open"}, {"lint": W, "lint/R1": W}),
        ({"ruleId": "R1", "kind": "review"}, {"lint": W, "lint/R1": W}),
        ({"ruleId": "R1", "kind": "notApplicable"}, {"lint": P, "lint/R1": S}),
        ({"ruleId": "R1", "kind": "informational"}, {"lint": P, "lint/R1": S}),
        ({"level": "error"}, {"lint": F, "lint/a rule without a name": F}),
        ({"ruleId": "R1", "baselineState": "absent"}, {"lint": P}),
        ({"ruleId": "R1", "baselineState": "unchanged"}, {"lint": F, "lint/R1": F}),
        ({"ruleId": "R1", "suppressions": [{"kind": "external", "status": "accepted"}]}, {"lint": P}),
        ({"ruleId": "R1", "suppressions": [{"kind": "external", "status": "underReview"}]}, {"lint": F, "lint/R1": F}),
        ({"ruleId": "R1", "suppressions": []}, {"lint": F, "lint/R1": F}),
    ],
)
def test_kind_and_level_say_how_a_rule_ended(result: dict[str, Any], expected: dict[str, Outcome]) -> None:
    assert outcomes(result) == expected


@pytest.mark.parametrize("descriptor", [{"id": "R2"}, {"index": 1}, {"id": "R2", "index": 1}])
def test_configuration_of_a_run_says_how_bad_a_rule_is(descriptor: dict[str, Any]) -> None:
    override = {"descriptor": descriptor, "configuration": {"level": "error"}}
    invocation = {"executionSuccessful": True, "ruleConfigurationOverrides": [override]}

    assert outcomes({"ruleId": "R2"}, invocations=[invocation]) == {"lint": F, "lint/R2": F}
    assert outcomes({"ruleId": "R2", "level": "note"}, invocations=[invocation]) == {"lint": P}
    assert outcomes({"ruleId": "R2"}) == {"lint": W, "lint/R2": W}


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ({"ruleId": "X1"}, {"lint": F, "lint/X1": F}),
        ({"ruleId": "R2"}, {"lint": W, "lint/R2": W}),
        ({"rule": {"index": 1, "toolComponent": {"index": 0}}}, {"lint": F, "lint/X1": F}),
        ({"ruleIndex": 1, "rule": {"toolComponent": {"index": 0}}}, {"lint": F, "lint/X1": F}),
        ({"ruleIndex": 0, "rule": {"toolComponent": {"index": 0}}}, {"lint": P}),
        ({"ruleIndex": 0, "rule": {"toolComponent": {"name": "pack"}}}, {"lint": W, "lint/a rule without a name": W}),
        ({"rule": {"index": 0}}, {"lint": F, "lint/R1": F}),
    ],
)
def test_rules_of_an_extension_have_their_levels(result: dict[str, Any], expected: dict[str, Outcome]) -> None:
    """As CodeQL writes them, with a pack of queries for each extension."""
    rules = [{"id": "R2", "defaultConfiguration": {"level": "note"}}, {**RULES[0], "id": "X1"}]
    tool = {"driver": {"name": "lint", "rules": RULES}, "extensions": [{"name": "pack", "rules": rules}]}

    assert outcomes(result, tool=tool) == expected


def test_rule_that_passed_once_and_failed_once_has_failed() -> None:
    results = {"ruleId": "R1", "kind": "pass"}, {"ruleId": "R1"}

    assert outcomes(*results) == outcomes(*reversed(results)) == {"lint": F, "lint/R1": F}


@pytest.mark.parametrize(
    ("log", "problem"),
    [
        (changed(SEMGREP, "version", to="2.0.0"), "version: expected '2.1.0', got '2.0.0'"),
        (changed(SEMGREP, "runs"), "runs: missing"),
        (changed(SEMGREP, "runs", to=[]), "runs: expected at least one run, got none"),
        (changed(SEMGREP, "runs", 0, "results"), r"runs\[0\].results: missing: nothing was analysed"),
        (changed(SEMGREP, "runs", 0, "results", to={}), r"runs\[0\].results: expected a list"),
        (changed(SEMGREP, "runs", 0, "tool"), r"runs\[0\].tool: missing"),
        (changed(SEMGREP, "runs", 0, "tool", "driver", "name", to=" "), "expected the name of a tool, got none"),
        (changed(SEMGREP, "runs", 0, "results", 0, "level", to="fatal"), "level: expected one of .*, got 'fatal'"),
        (changed(SEMGREP, "runs", 0, "results", 0, "level", to=[]), "level: expected one of .*, got an empty list"),
        (changed(SEMGREP, "runs", 0, "results", 0, "kind", to="good"), "kind: expected one of .*, got 'good'"),
        (changed(SEMGREP, "runs", 0, "results", 0, "kind", to={"a": 1}), "kind: expected one of .*, got an object"),
        (
            changed(SEMGREP, "runs", 0, "tool", "driver", "rules", 0, "defaultConfiguration", "level", to="bad"),
            "level: expected one of .*, got 'bad'",
        ),
    ],
)
def test_malformed_logs_are_refused(log: dict[str, Any], problem: str) -> None:
    with pytest.raises(FormatError, match=problem):
        read_sarif(log)


def test_results_in_other_files_are_refused() -> None:
    with pytest.raises(FormatError, match="the results are in other files"):
        outcomes(externalPropertyFileReferences={"results": [{"location": {"uri": "more.sarif-external"}}]})


def test_attributes_tell_by_their_name_how_the_analysis_ended() -> None:
    predicate = make_scai(read_sarif(SEMGREP), evidence=EVIDENCE)

    check_predicate(scai.TYPE, predicate)
    assert predicate == {
        "attributes": [
            {
                "attribute": "STATIC_ANALYSIS_WARNED",
                "conditions": {
                    "tool": "Semgrep OSS",
                    "version": "1.140.0",
                    "errors": 0,
                    "warnings": 1,
                    "notes": 0,
                    "suppressed": 1,
                },
                "evidence": EVIDENCE,
            }
        ]
    }


@pytest.mark.parametrize(
    ("results", "name"),
    [([], "PASSED"), ([{"ruleId": "R", "level": "note"}], "PASSED"), ([{"ruleId": "R1"}], "FAILED")],
)
def test_attribute_of_each_outcome(results: list[dict[str, Any]], name: str) -> None:
    (attribute,) = make_scai(read_sarif(log(*results)), evidence=EVIDENCE)["attributes"]

    assert attribute["attribute"] == f"STATIC_ANALYSIS_{name}"
