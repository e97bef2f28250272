"""A verdict as programs read it. The fields and reason codes are stable."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.encoding.instants import write_instant
from custody.reports.verdict_text import MAX_ARTIFACTS
from custody.rules.grammar import write_text
from custody.rules.variants import Match

if TYPE_CHECKING:
    from custody.rules.engine import Applied, Trace
    from custody.verdict import ArtifactFinding, Finding, InspectionReport, StepReport, Verdict

__all__ = ["verdict_document"]

Document = dict[str, object]


def verdict_document(verdict: Verdict, *, explain: bool = False, all_artifacts: bool = False) -> Document:
    """Return the verdict as JSON data.

    `explain` adds every rule's trace; `all_artifacts` lists all artifacts of every finding instead of the first few.
    """
    expires = verdict.layout_expires
    return {
        "verdict": "accepted" if verdict.accepted else "rejected",
        "at": write_instant(verdict.at),
        "layout": {
            "sha256": verdict.layout_digest,
            "expires": write_instant(expires) if expires is not None else None,
            "owners": list(verdict.owners),
        },
        "findings": [_finding(finding, all_artifacts=all_artifacts) for finding in verdict.findings],
        "steps": [_step(step, explain=explain, all_artifacts=all_artifacts) for step in verdict.steps],
        "inspections": [_inspection(report, explain=explain) for report in verdict.inspections],
        "artifacts": [
            {"artifact": b.target, "step": b.step, "product": b.product, "rule": b.rule} for b in verdict.bindings
        ],
    }


def _finding(finding: Finding, *, all_artifacts: bool) -> Document:
    shown = finding.artifacts if all_artifacts else finding.artifacts[:MAX_ARTIFACTS]
    return {
        "reason": str(finding.reason),
        "severity": str(finding.severity),
        "subject": finding.subject,
        "message": finding.message,
        "evidence": finding.evidence,
        "rule": finding.rule,
        "artifacts": [_artifact(artifact) for artifact in shown],
        "artifact_count": len(finding.artifacts),
    }


def _artifact(artifact: ArtifactFinding) -> Document:
    return {
        "name": artifact.name,
        "expected": artifact.expected,
        "found": artifact.found,
        "explanation": artifact.explanation,
        "last_seen": artifact.last_seen,
    }


def _step(step: StepReport, *, explain: bool, all_artifacts: bool) -> Document:
    inner = step.sublayout
    document: Document = {
        "name": step.name,
        "verified": step.verified,
        "signers": list(step.signers),
        "materials": len(step.link.materials) if step.link is not None else None,
        "products": len(step.link.products) if step.link is not None else None,
        "sublayout": (
            verdict_document(inner, explain=explain, all_artifacts=all_artifacts) if inner is not None else None
        ),
    }
    return document | _traces(step.traces, explain=explain)


def _inspection(report: InspectionReport, *, explain: bool) -> Document:
    document: Document = {
        "name": report.name,
        "verified": report.verified,
        "return_value": report.return_value,
        "presigned": report.presigned,
    }
    return document | _traces(report.traces, explain=explain)


def _traces(traces: tuple[Trace, ...], *, explain: bool) -> Document:
    if not explain:
        return {}
    return {
        "rules": [
            {
                "side": trace.side,
                "applied": [_applied(applied) for applied in trace.applied],
                "unconsumed": list(trace.unconsumed),
            }
            for trace in traces
        ]
    }


def _applied(applied: Applied) -> Document:
    rule = applied.rule
    return {
        "rule": write_text(rule),
        "consumed": list(applied.consumed),
        "failed": list(applied.failed),
        "from": f"{rule.side} of {rule.step}" if isinstance(rule, Match) else None,
    }
