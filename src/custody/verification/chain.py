"""One layout judged with its evidence, sublayouts included, up to but without any inspection that runs a command.

Everything that can be judged without running anything is judged first, on every level, so that nobody who may only
sign a link gets a command run before the owner's rules have spoken (A1).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from custody.keys.keyid import short_id
from custody.models.layout import Layout, read_layout
from custody.models.link import Link
from custody.rules.engine import Item, Sides
from custody.value import Value
from custody.verdict import Finding, Reason, Severity, StepReport, Verdict
from custody.verification.agreement import Agreement, agree
from custody.verification.case import Evidence
from custody.verification.commands import check_commands
from custody.verification.digests import check_digests
from custody.verification.inspections import Presigned, judge_presigned
from custody.verification.layouts import check_layout
from custody.verification.ledger import Ledger
from custody.verification.parameters import substitute
from custody.verification.place import Pending, Place, Sublayout
from custody.verification.rulings import rule_on
from custody.verification.votes import cast_votes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from custody.keys.key import Key
    from custody.models.layout import Step
    from custody.rules.variants import ItemSide, Rule

__all__ = [
    "Chain",
    "judge_chain",
    "judge_steps",
    "summary_of",
]

MAX_SUBLAYOUT_DEPTH = 8
"""How deep sublayouts may nest."""


class Chain(Value):
    """What was found about one layout.

    `links` are those that functionaries agreed on, by step; `counted` is the evidence that counted, on all levels.
    """

    layout: Layout
    findings: tuple[Finding, ...]
    steps: tuple[StepReport, ...] = ()
    links: Mapping[str, Sides] = {}
    counted: tuple[Evidence, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether every step is verified and nothing rejects."""
        return (
            bool(self.steps)
            and all(step.verified for step in self.steps)
            and not any(finding.rejects for finding in self.findings)
        )


def judge_chain(layout: Layout, place: Place) -> Chain:
    """Return what `layout` and the evidence at `place` say, without inspections."""
    ledger = Ledger()
    check_layout(layout, place, ledger)
    return judge_steps(layout, layout.steps, place, ledger)


def judge_steps(
    layout: Layout,
    steps: Sequence[Step],
    place: Place,
    ledger: Ledger,
    known: Mapping[str, Sides] | None = None,
) -> Chain:
    """Return what the evidence says about `steps`, which are some of the layout's, and their rules.

    `known` is what rules may also refer to, such as the materials of a step that is about to be performed.
    """
    agreements = {step.name: _agreement(step, layout, place, ledger) for step in steps}
    if not place.lineage:  # all evidence of all levels was read
        place.tree.seen.forget()
    links = {
        name: Sides(materials=agreement.link.materials, products=agreement.link.products)
        for name, agreement in agreements.items()
        if agreement.link is not None
    }
    reports = [_report(step, agreements[step.name]) for step in steps]
    if len(links) == len(steps):  # otherwise rules would complain about links that are not there
        for step in steps:
            check_commands(step, agreements[step.name].votes, place, ledger)
        seen = {**links, **(known or {})}
        reports = [_apply_rules(step, report, seen, place, ledger) for step, report in zip(steps, reports, strict=True)]
        for report in reports:
            if report.verified and report.link is not None:
                check_digests(report.name, report.link, place, ledger)
    counted = {
        evidence.source: evidence
        for agreement in agreements.values()
        for vote in agreement.votes
        for evidence in (vote.evidence, *(vote.sublayout.counted if vote.sublayout is not None else ()))
    }
    return Chain(
        layout=layout,
        findings=tuple(ledger.findings),
        steps=tuple(reports),
        links=links,
        counted=tuple(counted.values()),
    )


def _agreement(step: Step, layout: Layout, place: Place, ledger: Ledger) -> Agreement:
    votes, skipped = cast_votes(step, layout, place, _judge_sublayout)
    agreement, findings = agree(step, votes, skipped, place)
    ledger.extend(findings)
    won = {vote.sublayout.lineage: vote.sublayout for vote in agreement.votes if vote.sublayout is not None}
    for sublayout in won.values():
        ledger.extend(sublayout.verdict.findings)
    for vote in votes:
        if vote.sublayout is not None and vote.sublayout.lineage not in won:
            place.tree.forget(vote.sublayout.lineage)
    return agreement


def summary_of(name: str, chain: Chain) -> Link | None:
    """Return the link that stands for the whole chain: first materials, last products (section 5.2, step 8)."""
    links = [report.link for report in chain.steps]
    first, last = (links[0], links[-1]) if links else (None, None)
    if first is None or last is None:
        return None
    return Link(
        name=name,
        materials=first.materials,
        products=last.products,
        command=last.command,
        byproducts=last.byproducts,
    )


def _judge_sublayout(content: Mapping[str, Any], signers: tuple[Key, ...], place: Place) -> Sublayout:
    tree, digest = place.tree, place.digest
    if digest in tree.met:
        return _refused(place, Reason.SUBLAYOUT_REPEATED, "this layout already stands elsewhere in the tree")
    if len(place.lineage) > MAX_SUBLAYOUT_DEPTH:
        message = f"sublayouts nest more than {MAX_SUBLAYOUT_DEPTH} deep"
        return _refused(place, Reason.SUBLAYOUT_TOO_DEEP, message)
    layout = read_layout(substitute(content, place.parameters)).trusting(place.demands.trust)
    tree.met[digest] = place.lineage
    chain = judge_chain(layout, place)
    ledger = Ledger()
    ledger.extend(chain.findings)
    names = ", ".join(short_id(key.keyid) for key in signers)
    ledger.note(Reason.SUBLAYOUT_USED, place.layout_subject, f"the step is a sublayout signed by {names}")
    inspected = _inspect(chain, signers, place, ledger)
    accepted = chain.sound and not ledger.rejects()
    if not accepted:
        tree.forget(place.lineage)
    verdict = Verdict(
        accepted=accepted,
        at=place.at,
        findings=tuple(ledger.findings),
        layout_digest=digest,
        layout_expires=layout.expires,
        owners=tuple(key.keyid for key in signers),
        steps=chain.steps,
        inspections=inspected.reports,
        summary_link=summary_of(place.path[-1], chain) if accepted else None,
    )
    return Sublayout(verdict=verdict, lineage=place.lineage, counted=(*chain.counted, *inspected.counted))


def _inspect(chain: Chain, signers: tuple[Key, ...], place: Place, ledger: Ledger) -> Presigned:
    """Judge inspections by the links that came along (section 4.5.3), or leave them to be run if that is allowed."""
    tree = place.tree
    if not chain.sound or not chain.layout.inspect:
        return Presigned()
    if place.lineage in tree.failed:
        ledger.extend([tree.failed[place.lineage]])
        return Presigned()
    before = tree.passed.get(place.lineage)
    if before is not None and before.links == chain.links:
        ledger.extend(before.findings)
        return Presigned(reports=before.reports)
    presigned = judge_presigned(chain.layout, chain.links, signers, place, ledger)
    if presigned is not None:
        return presigned
    if place.demands.sublayout_inspections:
        tree.pending.append(Pending(layout=chain.layout, links=chain.links, place=place))
        return Presigned()
    names = ", ".join(repr(inspection.name) for inspection in chain.layout.inspect)
    ledger.reject(
        Reason.SUBLAYOUT_UNINSPECTED,
        place.layout_subject,
        f"its inspection(s) {names} neither came as links signed by the sublayout's signer nor may run here"
        " (--sublayout-inspections runs them)",
    )
    return Presigned()


def _refused(place: Place, reason: Reason, message: str) -> Sublayout:
    finding = Finding(reason=reason, severity=Severity.REJECTION, subject=place.layout_subject, message=message)
    return Sublayout(verdict=Verdict(accepted=False, at=place.at, findings=(finding,)), lineage=place.lineage)


def _report(step: Step, agreement: Agreement) -> StepReport:
    """Return what is known before any rule has spoken; that alone verifies nothing."""
    votes = agreement.votes
    return StepReport(
        name=step.name,
        verified=False,
        signers=tuple(dict.fromkeys(vote.key.keyid for vote in votes)),
        link=agreement.link,
        sublayout=next((vote.sublayout.verdict for vote in votes if vote.sublayout is not None), None),
    )


def _lists_of(step: Step) -> tuple[tuple[ItemSide, tuple[Rule, ...]], ...]:
    return ("materials", step.expected_materials), ("products", step.expected_products)


def _apply_rules(
    step: Step, report: StepReport, links: Mapping[str, Sides], place: Place, ledger: Ledger
) -> StepReport:
    rulings = [
        rule_on(
            rules,
            Item(
                name=step.name,
                sides=links[step.name],
                side=side,
                links=links,
                comparison=place.comparison,
            ),
            place.subject("step", step.name),
            strict=place.demands.strict,
            may_search=place.tree.may_search,
        )
        for side, rules in _lists_of(step)
    ]
    for ruling in rulings:
        ledger.extend(ruling.findings)
    failed = any(finding.rejects for ruling in rulings for finding in ruling.findings)
    return report.replace(verified=not failed, traces=tuple(ruling.trace for ruling in rulings))
