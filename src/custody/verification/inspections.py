"""What inspections say: those that run here, and those of sublayouts that came signed.

Specification 1.0, sections 4.3.4 and 4.5.3.

An inspection that runs goes: record materials, judge them, run, demand status 0, record products, judge both sides.
The first failure ends it all, and nothing runs on materials that the owner's rules refuse (A9).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.envelopes.reader import read_envelope
from custody.envelopes.signers import signed_by
from custody.errors import FormatError
from custody.models.link import Link, read_link
from custody.rules.engine import Item, Sides
from custody.verdict import InspectionReport, Reason
from custody.verification.rulings import rule_on

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from custody.keys.public import PublicKey
    from custody.models.layout import Inspection, Layout
    from custody.rules.engine import Trace
    from custody.verification.case import Completed, Evidence, Inspector
    from custody.verification.chain import Place
    from custody.verification.ledger import Ledger

__all__ = ["judge_presigned", "run_inspections"]


def run_inspections(
    layout: Layout,
    links: Mapping[str, Sides],
    counted: Sequence[Evidence],
    inspector: Inspector,
    place: Place,
    ledger: Ledger,
) -> tuple[InspectionReport, ...]:
    """Return how the inspections of `layout` came through, up to the first that failed."""
    known = dict(links)
    reports: list[InspectionReport] = []
    for inspection in layout.inspect:
        report = _run(inspection, known, counted, inspector, place, ledger)
        reports.append(report)
        if not report.verified or report.link is None:
            break
        known[inspection.name] = _sides(report.link)
    return tuple(reports)


def judge_presigned(
    layout: Layout,
    links: Mapping[str, Sides],
    signers: tuple[PublicKey, ...],
    place: Place,
    ledger: Ledger,
) -> tuple[InspectionReport, ...] | None:
    """Return how the inspections came through by links that `signers` signed, None if one has no such link."""
    known = dict(links)
    found: list[tuple[Inspection, Link]] = []
    for inspection in layout.inspect:
        link = _presigned_link(inspection, signers, place)
        if link is None:
            return None
        found.append((inspection, link))
    reports = []
    for inspection, link in found:
        known[inspection.name] = _sides(link)
        traces, good = _judge_sides(inspection, known, place, ledger)
        reports.append(
            InspectionReport(
                name=inspection.name,
                verified=good,
                return_value=link.return_value,
                link=link,
                traces=traces,
                presigned=True,
            )
        )
    return tuple(reports)


def _presigned_link(inspection: Inspection, signers: tuple[PublicKey, ...], place: Place) -> Link | None:
    """Return the link of this inspection that every signer of the sublayout stands behind, None without one."""
    for evidence in place.evidence.get(inspection.name, ()):
        try:
            envelope = read_envelope(evidence.content)
            if len(signed_by(envelope, signers)) < len(signers):
                continue
            link = read_link(envelope.content())
        except FormatError:
            continue
        if (link.name, link.command) == (
            inspection.name,
            inspection.run,
        ) and link.return_value == 0:
            return link
    return None


def _run(
    inspection: Inspection,
    known: dict[str, Sides],
    counted: Sequence[Evidence],
    inspector: Inspector,
    place: Place,
    ledger: Ledger,
) -> InspectionReport:
    subject = place.subject("inspection", inspection.name)
    # 1. Record and judge what is there, before anything is done with it.
    materials = inspector.record(counted)
    item = _item(inspection, Sides(materials=materials), known, place)
    before = rule_on(inspection.expected_materials, item, subject, strict=False)
    if before.trace.failure is not None:
        ledger.extend(before.findings)
        return InspectionReport(name=inspection.name, verified=False, traces=(before.trace,))
    # 2. Run, and demand success (section 5.2, step 7).
    completed = inspector.run(inspection.name, inspection.run)
    if not _succeeded(completed, subject, inspection, ledger):
        return InspectionReport(
            name=inspection.name,
            verified=False,
            return_value=completed.return_value,
            traces=(before.trace,),
        )
    # 3. Record what is there now, and judge both sides.
    link = Link(
        name=inspection.name,
        materials=materials,
        products=inspector.record(counted),
        command=inspection.run,
        byproducts={
            "stdout": completed.stdout,
            "stderr": completed.stderr,
            "return-value": completed.return_value,
        },
    )
    inspector.keep(link)
    known[inspection.name] = _sides(link)
    traces, good = _judge_sides(inspection, known, place, ledger)
    return InspectionReport(
        name=inspection.name,
        verified=good,
        return_value=completed.return_value,
        link=link,
        traces=traces,
    )


def _succeeded(completed: Completed, subject: str, inspection: Inspection, ledger: Ledger) -> bool:
    command = " ".join(inspection.run)
    if completed.timed_out:
        message = f"'{command:.200}' did not end in time"
        ledger.reject(Reason.INSPECTION_TIMED_OUT, subject, message)
    elif completed.return_value != 0:
        output = (completed.stderr or completed.stdout).strip()
        message = f"'{command:.200}' ended with status {completed.return_value}" + (
            f": {output[-500:]}" if output else ""
        )
        ledger.reject(Reason.INSPECTION_FAILED, subject, message)
    else:
        return True
    return False


def _judge_sides(
    inspection: Inspection, known: Mapping[str, Sides], place: Place, ledger: Ledger
) -> tuple[tuple[Trace, ...], bool]:
    subject = place.subject("inspection", inspection.name)
    item = _item(inspection, known[inspection.name], known, place)
    rulings = [
        rule_on(inspection.expected_materials, item, subject, strict=place.demands.strict),
        rule_on(
            inspection.expected_products,
            item.replace(side="products"),
            subject,
            strict=place.demands.strict,
        ),
    ]
    for ruling in rulings:
        ledger.extend(ruling.findings)
    good = not any(finding.rejects for ruling in rulings for finding in ruling.findings)
    return tuple(ruling.trace for ruling in rulings), good


def _item(inspection: Inspection, sides: Sides, known: Mapping[str, Sides], place: Place) -> Item:
    return Item(
        name=inspection.name,
        sides=sides,
        side="materials",
        links=known,
        comparison=place.comparison,
    )


def _sides(link: Link) -> Sides:
    return Sides(materials=link.materials, products=link.products)
