from __future__ import annotations

import pytest

from custody.errors import RejectedError
from custody.verdict import Finding, Reason, Severity, StepReport, Verdict
from tests.simulator import AT

GOOD = StepReport(name="build", verified=True)
BAD = StepReport(name="build", verified=False)


def finding(severity: Severity, subject: str = "step 'build'") -> Finding:
    return Finding(reason=Reason.LINK_MISSING, severity=severity, subject=subject, message="found none")


ACCEPTED = Verdict(accepted=True, at=AT, steps=(GOOD,))
REJECTED = Verdict(accepted=False, at=AT, findings=(finding(Severity.REJECTION),))


@pytest.mark.parametrize("verdict", [ACCEPTED, REJECTED])
def test_a_verdict_is_never_a_boolean(verdict: Verdict) -> None:
    with pytest.raises(TypeError, match=r"use verdict\.accepted"):
        bool(verdict)


def test_require_returns_an_acceptance_and_raises_a_rejection() -> None:
    assert ACCEPTED.require() is ACCEPTED
    with pytest.raises(RejectedError, match="rejected: step 'build': found none") as caught:
        REJECTED.require()
    assert caught.value.verdict is REJECTED


def test_an_acceptance_with_a_rejection_in_it_is_impossible() -> None:
    Verdict(accepted=True, at=AT, steps=(GOOD,), findings=(finding(Severity.WARNING),))
    with pytest.raises(ValueError, match="is no acceptance"):
        Verdict(accepted=True, at=AT, steps=(GOOD,), findings=(finding(Severity.REJECTION),))
    with pytest.raises(ValueError, match="is no acceptance"):
        REJECTED.replace(accepted=True, steps=(GOOD,))


@pytest.mark.parametrize("steps", [(), (BAD,), (GOOD, BAD)])
def test_an_acceptance_without_verified_steps_is_impossible(steps: tuple[StepReport, ...]) -> None:
    Verdict(accepted=False, at=AT, steps=steps)
    with pytest.raises(ValueError, match="without verified steps"):
        Verdict(accepted=True, at=AT, steps=steps)


def test_reasons_are_those_of_rejections() -> None:
    findings = (finding(Severity.NOTE), finding(Severity.WARNING), finding(Severity.REJECTION))
    verdict = Verdict(accepted=False, at=AT, findings=findings)
    assert verdict.rejections == findings[2:]
    assert verdict.reasons == {Reason.LINK_MISSING}
    assert verdict.replace(findings=findings[:2]).reasons == set()


def test_the_summary_is_the_first_rejection_and_how_many_more_there_are() -> None:
    first, second = finding(Severity.REJECTION), finding(Severity.REJECTION, "layout")
    assert ACCEPTED.summary == "accepted"
    assert REJECTED.summary == "rejected: step 'build': found none"
    assert REJECTED.replace(findings=(first, second)).summary.endswith("found none (and 1 more finding)")
    assert REJECTED.replace(findings=(first, second, first)).summary.endswith("(and 2 more findings)")
    assert REJECTED.replace(findings=()).summary == "rejected: nothing was verified"


def test_a_finding_can_be_made_a_rejection() -> None:
    warning = finding(Severity.WARNING)
    assert not warning.rejects
    assert warning.escalated().rejects
    assert warning.escalated().message == warning.message


def test_reason_codes_are_words_with_dashes_and_all_different() -> None:
    values = [reason.value for reason in Reason]
    assert len(set(values)) == len(values)
    assert all(value.replace("-", "").isalpha() and value.islower() for value in values)
