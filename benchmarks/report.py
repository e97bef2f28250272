"""What was measured: as values, and as the JSON document from which they can be read again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.measuring import Measured, Trial
from benchmarks.others import BUSY, Others
from benchmarks.summary import summarise

__all__ = ["FULL", "QUICK", "SOME", "Report", "ReportError", "Result", "as_document", "is_disturbed", "read_document"]

FULL, QUICK, SOME = "full", "quick", "some"
"""Which cases a report is of: all of a full run, all of a quick one, or a choice of either."""

_FORMAT = 2


class ReportError(Exception):
    """A document is no report, or one of another version of this program."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What came of one case: what each side took, or why it failed, or why it was left out.

    `grows` says of what there is more from side to side, and is empty for a comparison.
    """

    name: str
    title: str
    grows: str = ""
    sides: Sequence[Measured] = ()
    failure: str = ""
    left_out: str = ""
    others: Others | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """A whole run; `facts` say when, where and what, each under its name."""

    mode: str
    facts: Mapping[str, str]
    results: Sequence[Result]


def is_disturbed(result: Result) -> bool:
    """Say whether others took so much of the machine that they may have decided the figures."""
    return result.others is not None and result.others.share >= BUSY


def as_document(report: Report) -> dict[str, Any]:
    """Return the report as JSON data, every single trial included; `read_document(as_document(r)) == r`."""
    return {
        "format": _FORMAT,
        "mode": report.mode,
        "facts": dict(report.facts),
        "cases": [_case(result) for result in report.results],
    }


def read_document(document: Any) -> Report:  # noqa: ANN401  (it is read here)
    """Return the report that `document` is; what can be computed from the trials is computed again.

    Raises:
        ReportError: it is none, or not of this version.

    """
    found = document.get("format") if isinstance(document, dict) else None
    if found != _FORMAT:
        raise ReportError(f"expected results with format {_FORMAT}, found {found!r:.40}; measure again")
    try:
        results = tuple(_result(case) for case in document["cases"])
        return Report(mode=document["mode"], facts=dict(document["facts"]), results=results)
    except (KeyError, TypeError) as error:
        raise ReportError(f"the results are not as this program writes them: {error!r}") from error


def _case(result: Result) -> dict[str, Any]:
    return {
        "name": result.name,
        "title": result.title,
        "grows": result.grows,
        "failure": result.failure,
        "left_out": result.left_out,
        "others": asdict(result.others) if result.others else None,
        "summary": [asdict(line) for line in summarise(result.sides, grows=bool(result.grows))],
        "sides": [asdict(side) for side in result.sides],
    }


def _result(case: Mapping[str, Any]) -> Result:
    others = case["others"]
    return Result(
        name=case["name"],
        title=case["title"],
        grows=case["grows"],
        sides=tuple(_side(side) for side in case["sides"]),
        failure=case["failure"],
        left_out=case["left_out"],
        others=Others(**others) if others else None,
    )


def _side(side: Mapping[str, Any]) -> Measured:
    return Measured(**{**side, "trials": tuple(Trial(**trial) for trial in side["trials"])})
