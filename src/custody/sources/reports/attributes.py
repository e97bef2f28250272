"""SCAI attributes (v0.3) of what was analysed: one for every run of an analyser, with the report as evidence.

The attribute's name says how it ended. Were that in the conditions alone, who looks at names only would take an
analysis that failed for one that passed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from custody.sources.reports.sarif import Analysis

__all__ = ["SARIF_MEDIA_TYPE", "make_scai"]

SARIF_MEDIA_TYPE = "application/sarif+json"


def make_scai(analyses: Sequence[Analysis], *, evidence: Mapping[str, Any]) -> dict[str, Any]:
    """Return the predicate; `evidence` is the resource descriptor of the report."""
    return {"attributes": [{**_attribute(each), "evidence": dict(evidence)} for each in analyses]}


def _attribute(analysis: Analysis) -> dict[str, Any]:
    conditions: dict[str, Any] = {
        "tool": analysis.tool,
        "errors": analysis.errors,
        "warnings": analysis.warnings,
        "notes": analysis.notes,
        "suppressed": analysis.suppressed,
    }
    if analysis.version:
        conditions["version"] = analysis.version
    return {"attribute": f"STATIC_ANALYSIS_{analysis.outcome.name}", "conditions": conditions}
