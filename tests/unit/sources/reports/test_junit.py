from __future__ import annotations

import pytest

from custody.errors import FormatError
from custody.sources.reports.junit import read_junit
from custody.sources.reports.report import Outcome
from tests.reports import recorded

P, S, W, F = Outcome.PASSED, Outcome.SKIPPED, Outcome.WARNED, Outcome.FAILED


def case(inside: str = "", attributes: str = "") -> bytes:
    return f'<testsuite name="s"><testcase classname="c" name="t" {attributes}>{inside}</testcase></testsuite>'.encode()


def test_recorded_report_of_gotestsum_is_read() -> None:
    assert read_junit(recorded("gotestsum.xml")).outcomes == {
        "example.com/greeting.TestBroken": F,
        "example.com/greeting.TestLater": S,
        "example.com/greeting.TestHello/short": P,
        "example.com/greeting.TestHello/long_name": P,
        "example.com/greeting.TestHello": P,
    }


def test_recorded_report_of_surefire_is_read_and_a_flaky_test_warns() -> None:
    assert read_junit(recorded("surefire.xml")).outcomes == {
        "com.example.GreetingTest.greets": P,
        "com.example.GreetingTest.greetsSlowly": W,
        "com.example.GreetingTest.greetsLater": S,
    }


def test_suite_of_jest_that_could_not_run_is_a_failed_test() -> None:
    assert read_junit(recorded("jest.xml")).outcomes == {
        "greeting says hello": P,
        "greeting says goodbye": P,
        "parting": F,
    }


def test_disabled_test_of_googletest_has_not_passed() -> None:
    assert read_junit(recorded("googletest.xml")).outcomes == {
        "Greeting.SaysHello": P,
        "Greeting.DISABLED_SaysGoodbye": S,
    }


@pytest.mark.parametrize(
    ("inside", "attributes", "outcome"),
    [
        ("", "", P),
        ("<system-out>noise</system-out><properties/>", "", P),
        ('<failure message="no"/>', "", F),
        ("<error/>", "", F),
        ("<skipped/><error/>", "", F),
        ("<rerunFailure/>", "", F),
        ("<failure/><rerunFailure/>", "", F),
        ("<flakyError/>", "", W),
        ("<flakyFailure/><failure/>", "", F),
        ("<skipped/>", "", S),
        ("<warning/>", "", W),
        ("<Failure/>", "", W),
        ("", 'status="passed"', P),
        ("", 'status="failed"', F),
        ("", 'status="FAILED"', F),
        ("", 'status="disabled"', S),
        ("", 'result="suppressed"', S),
        ("", 'status="run" result="failure"', F),
        ("", 'status="whatever"', W),
    ],
)
def test_what_is_in_a_test_case_says_how_it_ended(inside: str, attributes: str, outcome: Outcome) -> None:
    assert read_junit(case(inside, attributes)).outcomes == {"c.t": outcome}


def test_of_two_tests_with_one_name_the_worse_counts() -> None:
    both = '<testcase name="t"/>', '<testcase name="t"><failure/></testcase>'

    for pair in (both, both[::-1]):
        assert read_junit(f"<testsuite>{''.join(pair)}</testsuite>".encode()).outcomes == {"t": F}


@pytest.mark.parametrize("count", ['failures="1"', 'errors="2"'])
def test_failures_that_only_the_suite_tells_of_are_a_failed_test(count: str) -> None:
    report = f'<testsuites><testsuite name="s" {count}><testcase name="t"/></testsuite></testsuites>'

    assert read_junit(report.encode()).outcomes == {"t": P, "s": F}


def test_failures_that_only_the_root_tells_of_are_a_failed_test() -> None:
    report = b'<testsuites errors="1"><testsuite name="s"><testcase name="t"/></testsuite></testsuites>'

    assert read_junit(report).outcomes == {"t": P, "testsuites": F}


def test_error_of_a_suite_is_a_failed_test() -> None:
    assert read_junit(b'<testsuite name="s"><testcase name="t"/><error/></testsuite>').outcomes == {"t": P, "s": F}


def test_suites_in_suites_are_read() -> None:
    report = b'<testsuites><testsuite><testsuite><testcase name="t"/></testsuite></testsuite></testsuites>'

    assert read_junit(report).outcomes == {"t": P}


@pytest.mark.parametrize(
    ("report", "problem"),
    [
        (b"<testsuites/>", "there is no test in the report"),
        (b'<testsuites tests="5"><testsuite tests="5"/></testsuites>', "there is no test in the report"),
        (b"<results/>", "expected <testsuites> or <testsuite>, got <results>"),
        (b'<testsuite>\n<group><testcase name="t"/></group></testsuite>', "line 2: <group>: expected testcase"),
        (b'<testsuite><testcase name=" "/></testsuite>', "expected the name of a test, got none"),
        (b"<testsuite><testcase/></testsuite>", "expected the name of a test, got none"),
        (b'<testsuite failures="-1"><testcase name="t"/></testsuite>', "expected a number in 'failures', got '-1'"),
        (b'<testsuite errors="many"><testcase name="t"/></testsuite>', "expected a number in 'errors', got 'many'"),
    ],
)
def test_what_is_no_report_of_tests_is_refused(report: bytes, problem: str) -> None:
    with pytest.raises(FormatError, match=problem):
        read_junit(report)
