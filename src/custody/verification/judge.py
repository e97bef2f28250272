"""The order of judgement (specification 1.0, section 5.2).

1. The owners' signatures, over the bytes as they are. Nothing is parsed before they are good.
2. The layout itself: its digest, parameters, fields, expiry, and whether an owner has replaced it.
3. Every step of every level: whose links count, whether they agree, sublayouts in place of links.
4. Commands and rules of every step, and whether the artifact under test is what the chain made.
5. Only if all of that is good: inspections, first those of sublayouts that may run, then the layout's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.encoding.instants import require_aware
from custody.envelopes.reader import digest_of
from custody.errors import CustodyError
from custody.models.layout import read_layout
from custody.value import Value
from custody.verdict import Finding, Reason, Severity, Verdict
from custody.verification.binding import bind
from custody.verification.chain import Chain, judge_chain, summary_of
from custody.verification.inspections import run_inspections
from custody.verification.ledger import Ledger
from custody.verification.owners import check_owners, check_remembered
from custody.verification.parameters import substitute
from custody.verification.place import Inspected, Place, Tree

if TYPE_CHECKING:
    from custody.keys.key import Key
    from custody.models.layout import Layout
    from custody.verdict import Binding, InspectionReport
    from custody.verification.case import Case, Evidence, Inspector
    from custody.verification.place import Lineage, Pending

__all__ = ["Opening", "judge", "open_layout"]

SUMMARY = "summary"
"""The name of the link that stands for a whole chain; one that stands for a sublayout has the name of its step."""


class Opening(Value):
    """The layout after steps 1 and 2; `layout` is None if its signatures are not good."""

    digest: str
    signed: tuple[Key, ...] = ()
    layout: Layout | None = None


def judge(case: Case, inspector: Inspector | None = None) -> Verdict:
    """Return the verdict on `case`; without an inspector a layout with inspections is rejected.

    Raises:
        FormatError: the layout is signed by its owners and yet is not one.
        CustodyError: an inspection could not be carried out at all.

    """
    ledger = Ledger()
    opening = open_layout(case, ledger)
    if opening.layout is None or ledger.rejects():
        return _verdict(case, opening, ledger)
    chain, bindings = _judge_levels(case, opening.digest, opening.layout, inspector, ledger)
    inspections: tuple[InspectionReport, ...] = ()
    if chain.sound and not ledger.rejects() and opening.layout.inspect:
        inspections = _inspect(chain, case, opening.digest, inspector, ledger)
    return _verdict(case, opening, ledger, chain, inspections, bindings)


def open_layout(case: Case, ledger: Ledger) -> Opening:
    """Return the layout if its owners signed it, with what speaks against it in `ledger`.

    Its steps say what evidence to look for.

    Raises:
        FormatError: the layout is signed by its owners and yet is not one.
        UsageError: the instant to judge at has no time zone.

    """
    require_aware(case.at)
    digest = digest_of(case.layout)
    signed = check_owners(case, digest, ledger)
    if ledger.rejects():
        return Opening(digest=digest, signed=signed)
    document = substitute(case.layout.content(), case.parameters)
    layout = read_layout(document, ignore=case.demands.ignore_fields).trusting(case.demands.trust)
    check_remembered(layout, digest, signed, case, ledger)
    return Opening(digest=digest, signed=signed, layout=layout)


def _place(case: Case, tree: Tree, inspector: Inspector | None) -> Place:
    # D18: a sublayout whose inspections nobody can run is a bad link, like one whose inspections may not run.
    demands = case.demands if inspector is not None else case.demands.replace(sublayout_inspections=False)
    return Place(
        evidence=case.evidence,
        at=case.at,
        demands=demands,
        parameters=case.parameters,
        tree=tree,
    )


def _judge_levels(
    case: Case, digest: str, layout: Layout, inspector: Inspector | None, ledger: Ledger
) -> tuple[Chain, tuple[Binding, ...]]:
    """Judge all levels, running inspections of sublayouts only once everything else of every level is good.

    A sublayout whose inspection fails is a bad link: all is judged again without it (D18).
    """
    passed: dict[Lineage, Inspected] = {}
    failed: dict[Lineage, Finding] = {}
    while True:
        tree = Tree(digest, passed, failed)
        place = _place(case, tree, inspector)
        chain = judge_chain(layout, place)
        round_ledger = Ledger()
        bindings = bind(chain, place, round_ledger) if chain.sound else ()
        if not (chain.sound and tree.pending) or inspector is None or round_ledger.rejects():
            ledger.extend([*chain.findings, *round_ledger.findings])
            return chain, bindings
        for pending in tree.pending:  # the innermost first
            if not _inspect_sublayout(pending, chain.counted, inspector, passed, failed):
                # Those that passed did not see evidence which no longer counts, so they must look again.
                passed.clear()
                break


def _inspect_sublayout(
    pending: Pending,
    counted: tuple[Evidence, ...],
    inspector: Inspector,
    passed: dict[Lineage, Inspected],
    failed: dict[Lineage, Finding],
) -> bool:
    """Return whether the sublayout's inspections passed, having noted it by where the sublayout stands."""
    ledger, place = Ledger(), pending.place
    try:
        reports = run_inspections(pending.layout, pending.links, counted, inspector, place, ledger)
    except CustodyError as error:  # such as a command that is not there: its layout is to blame, not ours
        ledger.reject(Reason.INSPECTION_FAILED, place.layout_subject, f"its inspections cannot be run: {error}")
        reports = ()
    rejection = next((finding for finding in ledger.findings if finding.rejects), None)
    if rejection is not None:
        failed[place.lineage] = rejection
        return False
    findings = tuple(ledger.findings)
    passed[place.lineage] = Inspected(links=pending.links, reports=reports, findings=findings)
    return True


def _inspect(
    chain: Chain, case: Case, digest: str, inspector: Inspector | None, ledger: Ledger
) -> tuple[InspectionReport, ...]:
    place = _place(case, Tree(digest), inspector)
    if inspector is None:
        _refuse(ledger, place)
        return ()
    return run_inspections(chain.layout, chain.links, chain.counted, inspector, place, ledger)


def _refuse(ledger: Ledger, place: Place) -> None:
    ledger.add(
        Reason.INSPECTION_REFUSED,
        Severity.REJECTION,
        place.layout_subject,
        "it has inspections, and this verification was told to run none",
    )


def _verdict(
    case: Case,
    opening: Opening,
    ledger: Ledger,
    chain: Chain | None = None,
    inspections: tuple[InspectionReport, ...] = (),
    bindings: tuple[Binding, ...] = (),
) -> Verdict:
    sound = chain is not None and chain.sound
    all_inspected = all(report.verified for report in inspections) and (
        opening.layout is not None and len(inspections) == len(opening.layout.inspect)
    )
    accepted = sound and all_inspected and not ledger.rejects()
    return Verdict(
        accepted=accepted,
        at=case.at,
        findings=tuple(ledger.findings),
        layout_digest=opening.digest,
        layout_expires=opening.layout.expires if opening.layout is not None else None,
        owners=tuple(key.keyid for key in opening.signed),
        steps=chain.steps if chain is not None else (),
        inspections=inspections,
        bindings=bindings,
        summary_link=summary_of(SUMMARY, chain) if chain is not None and accepted else None,
    )
