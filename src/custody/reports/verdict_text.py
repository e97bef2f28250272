"""A verdict as people read it: a line a step, why not, and on request how every artifact came through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.keys.keyid import short_id
from custody.rules.digests import short
from custody.rules.grammar import write_text
from custody.rules.variants import Match
from custody.verdict import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sized

    from custody.models.link import Link
    from custody.rules.engine import Trace
    from custody.verdict import ArtifactFinding, Finding, InspectionReport, StepReport, Verdict

__all__ = ["MAX_ARTIFACTS", "PASSED", "explain_lines", "finding_lines", "verdict_lines"]

PASSED = "The software product passed all verification."

MAX_ARTIFACTS = 20
"""How many artifacts of one finding are written out; the rest is counted."""

_ALL = "--format json --all-artifacts lists all"

MAX_TEXT = 500
"""How much of a name or digest is written out; those who sign links may put megabytes there."""


def verdict_lines(verdict: Verdict, *, notes: bool = False) -> Iterator[str]:
    """Yield the lines of the report; `notes` adds findings that are neither rejections nor warnings."""
    yield from _item_lines(verdict)
    for binding in verdict.bindings:
        yield (
            f"artifact {binding.target!r} verified (product {binding.product!r} of step {binding.step!r},"
            f" by '{binding.rule}')"
        )
    for finding in verdict.findings:
        if finding.severity is Severity.NOTE and not notes:
            continue
        yield from finding_lines(finding)
    yield _last_line(verdict)


def explain_lines(verdict: Verdict) -> Iterator[str]:
    """Yield every rule of every step and inspection with what it consumed and where the digests came from."""
    for item in verdict.steps:
        for trace in item.traces:
            yield f"step {item.name!r}, {trace.side}:"
            yield from _trace_lines(trace, item.link)
        if item.sublayout is not None:
            yield f"step {item.name!r} is a sublayout:"
            yield from (f"    {line}" for line in explain_lines(item.sublayout))
    for inspected in verdict.inspections:
        for trace in inspected.traces:
            yield f"inspection {inspected.name!r}, {trace.side}:"
            yield from _trace_lines(trace, inspected.link)


def _item_lines(verdict: Verdict) -> Iterator[str]:
    """Yield a line a step and inspection, those of a sublayout below its step."""
    for step in verdict.steps:
        yield _step_line(step)
        if step.sublayout is not None:
            yield from (f"    {line}" for line in _item_lines(step.sublayout))
    for inspection in verdict.inspections:
        yield _inspection_line(inspection)


def _step_line(step: StepReport) -> str:
    if step.link is None:
        return f"step {step.name!r} not verified (no link of it counts)"
    signers = ", ".join(short_id(keyid) for keyid in step.signers)
    kind = "sublayout" if step.sublayout is not None else "link"
    what = (
        f"{kind} signed by {signers}, "
        f"{_count(step.link.materials, 'material')}, {_count(step.link.products, 'product')}"
    )
    if step.verified:
        return f"step {step.name!r} verified ({what})"
    # Without the links of all steps no rule was applied, so that nothing is said against this step, nor for it.
    why = "its rules were broken" if step.traces else "not judged further, since other steps lack evidence"
    return f"step {step.name!r} not verified ({what}; {why})"


def _inspection_line(inspection: InspectionReport) -> str:
    if not inspection.verified:
        return f"inspection {inspection.name!r} not verified"
    how = "signed beforehand" if inspection.presigned else f"status {inspection.return_value}"
    return f"inspection {inspection.name!r} verified ({how})"


def _count(things: Sized, singular: str) -> str:
    return f"{len(things)} {singular}" if len(things) == 1 else f"{len(things)} {singular}s"


def finding_lines(finding: Finding) -> Iterator[str]:
    """Yield what one finding says, its first artifacts below it."""
    yield f"{finding.severity}: {finding.subject}: {finding.message} [{finding.reason}]"
    for artifact in finding.artifacts[:MAX_ARTIFACTS]:
        yield from _artifact_lines(artifact)
    if len(finding.artifacts) > MAX_ARTIFACTS:
        yield f"    and {len(finding.artifacts) - MAX_ARTIFACTS} more; {_ALL}"


def _artifact_lines(artifact: ArtifactFinding) -> Iterator[str]:
    yield f"    {artifact.name:.{MAX_TEXT}}" + (f": {artifact.explanation}" if artifact.explanation else "")
    if artifact.expected is not None:
        yield f"        expected {short(artifact.expected):.{MAX_TEXT}}"
    if artifact.found is not None:
        yield f"        found    {short(artifact.found):.{MAX_TEXT}}"
    if artifact.last_seen:
        yield f"        what was found was last seen among {artifact.last_seen}"


def _last_line(verdict: Verdict) -> str:
    if verdict.accepted:
        return PASSED
    reasons = ", ".join(sorted(verdict.reasons)) or "nothing was verified"
    return f"The software product did not pass verification: {reasons}."


def _trace_lines(trace: Trace, link: Link | None) -> Iterator[str]:
    artifacts = {} if link is None else link.materials if trace.side == "materials" else link.products
    for number, applied in enumerate(trace.applied, start=1):
        yield f"    {number} {write_text(applied.rule)}" + (" FAILED" if applied.failed else "")
        rule = applied.rule
        origin = f" from the {rule.side} of {rule.step!r}" if isinstance(rule, Match) else ""
        for name in applied.consumed:
            yield f"        {name} {short(artifacts.get(name))}{origin}"
        for name in applied.failed[:MAX_ARTIFACTS]:
            yield f"        {name:.{MAX_TEXT}} {short(artifacts.get(name)):.{MAX_TEXT}} FAILED"
        if len(applied.failed) > MAX_ARTIFACTS:
            yield f"        and {len(applied.failed) - MAX_ARTIFACTS} more FAILED; {_ALL}"
    if trace.failure is None and trace.unconsumed:
        yield "    (no rule: allowed)"
        yield from (f"        {name} {short(artifacts.get(name))}" for name in trace.unconsumed)
