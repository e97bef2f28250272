"""What inspections say: those that run here, and those of sublayouts that came signed.

Specification 1.0, sections 4.3.4 and 4.5.3.

An inspection that runs goes: record materials, judge them, run, demand status 0, record products, judge both sides.
The first failure ends it all, and nothing runs on materials that the owner's rules refuse (A9).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.envelopes.dsse import IN_TOTO_PAYLOAD
from custody.envelopes.reader import read_envelope
from custody.envelopes.signers import signed_by
from custody.errors import FormatError
from custody.models.link import Link, read_link
from custody.rules.engine import Item, Sides
from custody.value import Value
from custody.verdict import InspectionReport, Reason
from custody.verification.case import UnreadableError
from custody.verification.rulings import rule_on
from custody.verification.votes import age_problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from custody.keys.key import Key
    from custody.models.layout import Inspection, Layout
    from custody.rules.engine import Trace
    from custody.verification.case import Completed, Evidence, Inspector
    from custody.verification.ledger import Ledger
    from custody.verification.place import Place

__all__ = ["Presigned", "judge_presigned", "run_inspections"]


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


class Presigned(Value):
    """How inspections came through by links that were signed beforehand, and those links as evidence."""

    reports: tuple[InspectionReport, ...] = ()
    counted: tuple[Evidence, ...] = ()


def judge_presigned(
    layout: Layout,
    links: Mapping[str, Sides],
    signers: tuple[Key, ...],
    place: Place,
    ledger: Ledger,
) -> Presigned | None:
    """Return how the inspections came through by links that `signers` signed, None if one has no such link."""
    known = dict(links)
    found: list[tuple[Inspection, Link]] = []
    counted: list[Evidence] = []
    for inspection in layout.inspect:
        candidates = _presigned_links(inspection, signers, place)
        if not candidates:
            return None
        found.append((inspection, _only(candidates, place, inspection, ledger)))
        counted += [evidence for evidence, _ in candidates]
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
    return Presigned(reports=tuple(reports), counted=tuple(counted))


def _presigned_links(inspection: Inspection, signers: tuple[Key, ...], place: Place) -> list[tuple[Evidence, Link]]:
    """Return the links of this inspection that every signer of the sublayout stands behind."""
    found = []
    for evidence in place.evidence.get(inspection.name, ()):
        try:
            envelope = read_envelope(evidence.read())
            # Whoever else signed it proves nothing: the sublayout's signers vouch for its inspections.
            if envelope.payload_type != IN_TOTO_PAYLOAD or len(signed_by(envelope, signers, at=place.at)) < len(
                signers
            ):
                continue
            link = read_link(envelope.content())
            same = (link.name, link.command, link.return_value) == (inspection.name, inspection.run, 0)
            if same and not age_problem(link, place):
                found.append((evidence, link))
        except (FormatError, UnreadableError):
            continue
    return found


def _only(candidates: Sequence[tuple[Evidence, Link]], place: Place, inspection: Inspection, ledger: Ledger) -> Link:
    """Return the link; several are as good as one only if they say the same, or the choice would be an attacker's."""
    (_, first), *others = candidates
    same = place.comparison.same_artifacts
    for evidence, link in others:
        if not (same(first.materials, link.materials) and same(first.products, link.products)):
            ledger.reject(
                Reason.LINKS_AMBIGUOUS,
                place.subject("inspection", inspection.name),
                f"{evidence.source} and {candidates[0][0].source} are both signed links of it and differ; remove the"
                " one that is not meant",
            )
            break
    return first


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
        message = f"'{command:.200}' did not end in time and was stopped"
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
