"""Inspections of a layout that is put together by a program: run by custody, without rules."""

from __future__ import annotations

from custody.models.layout import Inspection as CoreInspection
from in_toto._boundary.failures import Translated

TYPE_CHECKING = False  # known to checkers; importing it from `typing` takes longer than this module
if TYPE_CHECKING:
    from collections.abc import Iterable

    from custody.verdict import InspectionReport
    from custody.verification.ledger import Ledger
    from in_toto.models.layout import Inspection
    from in_toto.models.link import Link

__all__ = ["run_inspections"]


def run_inspections(inspections: Iterable[Inspection], *, keeps: bool, timeout: float | None) -> dict[str, Link]:
    """Return the links of `inspections`, having run them here, up to the first that fails.

    Raises:
        BadReturnValueError: one ended with something else than 0.
        subprocess.TimeoutExpired: one took too long.
        FormatError: a name is no plain file name, or a command is missing.
        OSError: one cannot be started, or its link cannot be written.

    """
    from datetime import UTC, datetime

    from custody.models.layout import Layout
    from custody.rules.digests import DEFAULT_PINNED
    from custody.verification.case import Demands
    from custody.verification.inspections import run_inspections as run
    from custody.verification.ledger import Ledger
    from custody.verification.place import Place, Tree
    from custody.workflows.inspect import DirectoryInspector
    from in_toto._boundary.judging import inspection_options, link_of_inspection

    options = inspection_options(keeps=keeps, timeout=timeout)
    at, ledger = datetime.now(UTC), Ledger()
    place = Place(evidence={}, at=at, demands=Demands(), parameters={}, tree=Tree(""))
    with Translated():
        wanted = tuple(_without_rules(inspection) for inspection in inspections)
        with DirectoryInspector(options, DEFAULT_PINNED, _tell) as inspector:
            inspector.expect(wanted)
            reports = run(Layout(expires=at, inspect=wanted), {}, (), inspector, place, ledger)
    for inspection, report in zip(wanted, reports, strict=False):
        if not report.verified:
            raise _failure(inspection, report, ledger, timeout)
    return {report.name: link_of_inspection(report.link) for report in reports if report.link is not None}


def _without_rules(inspection: Inspection) -> CoreInspection:
    """Return the inspection if it can be run and kept; its name becomes a file name (A3)."""
    from custody.encoding.fields import plain_name
    from custody.errors import FormatError

    name = plain_name(inspection.name, "inspect.name")
    if not inspection.run or not all(isinstance(word, str) for word in inspection.run):
        raise FormatError("expected a command to run", where=f"inspection {name!r}")
    return CoreInspection(name=name, run=tuple(inspection.run))


def _failure(inspection: CoreInspection, report: InspectionReport, ledger: Ledger, timeout: float | None) -> Exception:
    from custody.verdict import Reason
    from in_toto._boundary.rejections import bad_return_value

    if any(finding.reason is Reason.INSPECTION_TIMED_OUT for finding in ledger.findings):
        from subprocess import TimeoutExpired

        return TimeoutExpired(list(inspection.run), timeout or 0)
    return bad_return_value(report.return_value, list(inspection.run))


def _tell(progress: str) -> None:
    from in_toto._boundary import talk

    talk.info("in_toto.verifylib", f"Executing command for {progress}...")
