"""A verdict on attestations as JSON data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from custody.encoding.instants import write_instant
from custody.encoding.strict import read_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custody.verdict import Finding
    from custody.verification.attestation_case import AttestationReport, AttestationVerdict

__all__ = ["attestation_verdict_document"]


def attestation_verdict_document(verdict: AttestationVerdict, title: str) -> dict[str, Any]:
    """Return the verdict on what is called `title`; docs/reference/formats.md describes the fields."""
    return {
        "artifact": title,
        "verdict": "accepted" if verdict.accepted else "rejected",
        "at": write_instant(verdict.at),
        "predicate_type": verdict.predicate_type,
        "threshold": verdict.threshold,
        "signers": list(verdict.signers),
        "subject": [
            {"digest": dict(each.digest), **({"name": each.name} if each.name else {})} for each in verdict.subjects
        ],
        "attestations": [_report(each) for each in verdict.attestations],
        "findings": [_finding(each) for each in verdict.findings],
        "envelopes": [read_json(envelope.write()) for envelope in verdict.envelopes],
    }


def _report(report: AttestationReport) -> dict[str, Any]:
    return {
        "source": report.source,
        "counts": report.counts,
        "reason": str(report.reason or ""),
        "message": report.message or report.note,
        "predicate_type": report.predicate_type,
        "signers": sorted(report.signers.values()),
    }


def _finding(finding: Finding) -> Mapping[str, str]:
    return {
        "reason": str(finding.reason),
        "severity": str(finding.severity),
        "subject": finding.subject,
        "message": finding.message,
        "evidence": finding.evidence,
    }
