"""The judge of attestations: whether enough people attest the same about an artifact.

Pure: what was found, keys, demands and an instant in, a verdict out. Signers are counted over equal content, which is
the subjects by their digests, the type, and the predicate: two who attest different things agree on neither. One
identity has one vote, however many attestations, keys ids and certificates it has.

What does not count is listed with the reason, and takes nothing away: however many attestations are added, by whomever,
an accepted artifact stays accepted, and whatever is removed, a rejected one stays rejected. The exception is a flood
beyond `MAX_ATTESTATIONS`, of which only the first are looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.encoding.hashing import sha256
from custody.verdict import Finding, Reason, Severity
from custody.verification.attestation_case import AttestationReport, AttestationVerdict
from custody.verification.attestation_check import check_attestation

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from custody.envelopes.dsse import DSSEEnvelope
    from custody.verification.attestation_case import Attestation, AttestationDemands

__all__ = ["MAX_ATTESTATIONS", "judge_attestations"]

MAX_ATTESTATIONS = 4000
"""The most attestations of one artifact that are looked at: more than both places of an image have."""


def judge_attestations(
    attestations: Iterable[Attestation], demands: AttestationDemands, *, at: datetime, title: str = "the artifact"
) -> AttestationVerdict:
    """Return the verdict on what was found of an artifact, which findings call `title`; nothing is fetched.

    `attestations` may be read while they are judged, one after another.

    Raises:
        UsageError, StoreError, FormatError: identities are demanded, and there is no trusted root to check them with.

    """
    findings: list[Finding] = []
    reports: list[AttestationReport] = []
    for attestation in attestations:
        if len(reports) == MAX_ATTESTATIONS:
            many = f"there are more than {MAX_ATTESTATIONS} attestations; only the first were looked at"
            findings.append(_finding(Reason.TOO_MANY_ATTESTATIONS, Severity.WARNING, title, many))
            break
        reports.append(check_attestation(attestation, demands, at))
    reports = _outvoted(reports, demands.threshold)
    findings += [each for report in reports for each in _findings(report, title)]
    rejections = _rejections(reports, demands, title)
    return AttestationVerdict(
        accepted=not rejections,
        at=at,
        subjects=demands.subjects,
        predicate_type=demands.predicate_type,
        threshold=demands.threshold,
        findings=(*rejections, *findings),
        attestations=tuple(reports),
        envelopes=() if rejections else _envelopes(reports),
    )


def _outvoted(reports: Sequence[AttestationReport], threshold: int) -> list[AttestationReport]:
    """Return the reports; those whose content has too few signers do not count."""
    signers: dict[str, set[str]] = {}
    for report in reports:
        if report.counts:
            signers.setdefault(report.content, set()).update(report.signers)
    result = []
    for report in reports:
        if report.counts and len(signers[report.content]) < threshold:
            problem = f"{len(signers[report.content])} of {threshold} signers say so"
            result.append(report.replace(reason=Reason.TOO_FEW_SIGNERS, message=problem))
        else:
            result.append(report)
    return result


def _rejections(reports: Sequence[AttestationReport], demands: AttestationDemands, title: str) -> tuple[Finding, ...]:
    """Return why the artifact is rejected, nothing if an attestation counts; without keys none ever does."""
    if any(report.counts for report in reports) and demands.keys:
        return ()
    if not demands.keys:
        return (_finding(Reason.NO_KEYS, Severity.REJECTION, title, "no key or identity was given to check it with"),)
    if not reports:
        nothing = f"no attestation of type {demands.predicate_type} was found, and no other either"
        return (_finding(Reason.ATTESTATION_MISSING, Severity.REJECTION, title, nothing),)
    almost = [report for report in reports if report.reason is Reason.TOO_FEW_SIGNERS]
    reason = Reason.TOO_FEW_SIGNERS if almost else Reason.ATTESTATION_MISSING
    who = {name for report in almost for name in report.signers.values()}
    problem = (
        f"expected {demands.threshold} signers of the same attestation, got fewer: {', '.join(sorted(who)):.400}"
        if almost
        else f"no attestation of type {demands.predicate_type} counts; {len(reports)} found"
    )
    return (_finding(reason, Severity.REJECTION, title, problem),)


def _findings(report: AttestationReport, title: str) -> list[Finding]:
    if report.reason is not None:
        message = f"{report.source} is not counted: {report.message}"
        return [_finding(report.reason, Severity.WARNING, title, message, report.source)]
    found = []
    if report.note:
        found.append(
            _finding(Reason.COVERED_BY_OTHER, Severity.NOTE, title, f"{report.source}: {report.note}", report.source)
        )
    return found


def _envelopes(reports: Sequence[AttestationReport]) -> tuple[DSSEEnvelope, ...]:
    """Return the envelopes that count; what hangs at two places, with the same signers, is one."""
    found: dict[tuple[str, tuple[str, ...]], DSSEEnvelope] = {}
    for report in reports:
        if report.counts and report.envelope is not None:
            found.setdefault((sha256(report.envelope.payload), tuple(sorted(report.signers))), report.envelope)
    return tuple(found.values())


def _finding(reason: Reason, severity: Severity, subject: str, message: str, evidence: str = "") -> Finding:
    return Finding(reason=reason, severity=severity, subject=subject, message=message, evidence=evidence)
