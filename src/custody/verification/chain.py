"""One layout judged with its evidence, sublayouts included, up to but without any inspection that runs a command.

Everything that can be judged without running anything is judged first, on every level, so that nobody who may only
sign a link gets a command run before the owner's rules have spoken (A1).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from custody.encoding.instants import write_instant
from custody.models.layout import Layout, read_layout
from custody.models.link import Link
from custody.rules.digests import Comparison
from custody.rules.engine import Item, Sides
from custody.value import Value
from custody.verdict import Finding, InspectionReport, Reason, Severity, StepReport, Verdict
from custody.verification.agreement import Agreement, agree
from custody.verification.case import Demands, Evidence, EvidenceSet
from custody.verification.inspections import judge_presigned
from custody.verification.ledger import Ledger
from custody.verification.parameters import substitute
from custody.verification.rulings import rule_on
from custody.verification.votes import cast_votes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from custody.keys.public import PublicKey
    from custody.models.layout import Step
    from custody.rules.variants import ItemSide, Rule

__all__ = [
    "Chain",
    "Pending",
    "Place",
    "Tree",
    "check_layout",
    "judge_chain",
    "judge_steps",
    "summary_of",
]

MAX_SUBLAYOUT_DEPTH = 8
"""How deep sublayouts may nest."""


class Pending(Value):
    """A sublayout that is good but for its inspections, which have to run."""

    digest: str
    layout: Layout
    links: Mapping[str, Sides]
    counted: tuple[Evidence, ...]
    place: Place


class Chain(Value):
    """What was found about one layout; `links` are those that functionaries agreed on, by step."""

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


class Tree:
    """What the levels of one judgement share: layouts met so far, inspections still to run and those that failed."""

    __slots__ = ("failed", "met", "passed", "pending")

    def __init__(
        self,
        digest: str,
        passed: Mapping[str, tuple[InspectionReport, ...]] | None = None,
        failed: Mapping[str, Finding] | None = None,
    ) -> None:
        """Start at the layout with `digest`, knowing by digest whose inspections have run and how."""
        self.met = {digest}
        self.passed = passed or {}
        self.failed = failed or {}
        self.pending: list[Pending] = []


class Place(Value):
    """Where in the tree a layout stands: its evidence, and the steps that lead to it."""

    evidence: EvidenceSet
    at: datetime
    demands: Demands
    parameters: Mapping[str, str]
    tree: Tree
    path: tuple[str, ...] = ()

    @property
    def comparison(self) -> Comparison:
        """How digests are compared here."""
        return Comparison(pinned=self.demands.pinned)

    def subject(self, kind: str, name: str) -> str:
        """Return how findings name an item of this layout."""
        return " > ".join([*(f"step {step!r}" for step in self.path), f"{kind} {name!r}"])

    @property
    def layout_subject(self) -> str:
        """How findings name the layout itself."""
        return " > ".join([*(f"step {step!r}" for step in self.path), "layout"])

    def judge_sublayout(
        self,
        content: Mapping[str, Any],
        digest: str,
        signers: tuple[PublicKey, ...],
        evidence: Evidence,
        step: str,
    ) -> Verdict:
        """Return the verdict on a layout that a functionary signed in place of a link."""
        inner = self.replace(
            evidence=evidence.nested,
            path=(*self.path, step),
            parameters=self.parameters if self.demands.sublayout_parameters else {},
            demands=self.demands.replace(ignore_fields=()),
        )
        return _judge_sublayout(content, digest, signers, inner)


def judge_chain(layout: Layout, place: Place) -> Chain:
    """Return what `layout` and the evidence at `place` say, without inspections."""
    ledger = Ledger()
    check_layout(layout, place, ledger)
    return judge_steps(layout, layout.steps, place, ledger)


def judge_steps(layout: Layout, steps: Sequence[Step], place: Place, ledger: Ledger) -> Chain:
    """Return what the evidence says about `steps`, which are some of the layout's, and their rules."""
    agreements = {step.name: _agreement(step, layout, place, ledger) for step in steps}
    links = {
        name: Sides(materials=agreement.link.materials, products=agreement.link.products)
        for name, agreement in agreements.items()
        if agreement.link is not None
    }
    reports = [_report(step, agreements[step.name]) for step in steps]
    if all(report.verified for report in reports):
        for step in steps:
            _check_commands(step, agreements[step.name], place, ledger)
        reports = [
            _apply_rules(step, report, links, place, ledger) for step, report in zip(steps, reports, strict=True)
        ]
    return Chain(
        layout=layout,
        findings=tuple(ledger.findings),
        steps=tuple(reports),
        links=links,
        counted=tuple(vote.evidence for a in agreements.values() for vote in a.votes),
    )


def _agreement(step: Step, layout: Layout, place: Place, ledger: Ledger) -> Agreement:
    votes, skipped = cast_votes(step, layout, place)
    agreement, findings = agree(step, votes, skipped, place)
    ledger.extend(findings)
    sublayouts = {id(vote.sublayout): vote.sublayout for vote in agreement.votes}
    for verdict in sublayouts.values():
        ledger.extend(verdict.findings if verdict is not None else ())
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


def _judge_sublayout(content: Mapping[str, Any], digest: str, signers: tuple[PublicKey, ...], place: Place) -> Verdict:
    tree, subject = place.tree, place.layout_subject
    if digest in tree.met:
        return _refused(place, Reason.SUBLAYOUT_REPEATED, "this layout already stands elsewhere in the tree")
    if len(place.path) > MAX_SUBLAYOUT_DEPTH:
        message = f"sublayouts nest more than {MAX_SUBLAYOUT_DEPTH} deep"
        return _refused(place, Reason.SUBLAYOUT_TOO_DEEP, message)
    tree.met.add(digest)
    layout = read_layout(substitute(content, place.parameters))
    chain = judge_chain(layout, place)
    ledger = Ledger()
    ledger.extend(chain.findings)
    ledger.note(Reason.SUBLAYOUT_USED, subject, f"the step is a sublayout signed by {signers[0].keyid[:8]}")
    inspections: tuple[InspectionReport, ...] = ()
    if digest in tree.failed:
        ledger.extend([tree.failed[digest]])
    elif chain.sound and layout.inspect:
        inspections = _inspections_of_sublayout(chain, digest, signers, place, ledger)
    accepted = chain.sound and not ledger.rejects()
    return Verdict(
        accepted=accepted,
        at=place.at,
        findings=tuple(ledger.findings),
        layout_digest=digest,
        layout_expires=layout.expires,
        owners=tuple(key.keyid for key in signers),
        steps=chain.steps,
        inspections=inspections,
        summary_link=summary_of(place.path[-1], chain) if accepted else None,
    )


def _inspections_of_sublayout(
    chain: Chain, digest: str, signers: tuple[PublicKey, ...], place: Place, ledger: Ledger
) -> tuple[InspectionReport, ...]:
    """Judge inspections by the links that came along (section 4.5.3), or leave them to be run if that is allowed."""
    if digest in place.tree.passed:
        return place.tree.passed[digest]
    reports = judge_presigned(chain.layout, chain.links, signers, place, ledger)
    if reports is not None:
        return reports
    if place.demands.sublayout_inspections:
        place.tree.pending.append(
            Pending(
                digest=digest,
                layout=chain.layout,
                links=chain.links,
                counted=chain.counted,
                place=place,
            )
        )
        return ()
    names = ", ".join(repr(inspection.name) for inspection in chain.layout.inspect)
    ledger.reject(
        Reason.SUBLAYOUT_UNINSPECTED,
        place.layout_subject,
        f"its inspection(s) {names} neither came as links signed by the sublayout's signer nor may run here"
        " (--sublayout-inspections runs them)",
    )
    return ()


def _refused(place: Place, reason: Reason, message: str) -> Verdict:
    finding = Finding(reason=reason, severity=Severity.REJECTION, subject=place.layout_subject, message=message)
    return Verdict(accepted=False, at=place.at, findings=(finding,))


def check_layout(layout: Layout, place: Place, ledger: Ledger) -> None:
    """Write down what speaks against the layout itself: expiry, no steps, keys under two names or missing."""
    subject = place.layout_subject
    if place.at >= layout.expires:  # D19: an instant is either before the expiry or too late
        ledger.reject(
            Reason.LAYOUT_EXPIRED,
            subject,
            f"it expired at {write_instant(layout.expires)}, and it is {write_instant(place.at)}",
        )
    if not layout.steps:  # A2: nothing demanded is nothing proven
        ledger.reject(Reason.LAYOUT_EMPTY, subject, "it has no steps, so it proves nothing")
    for path in layout.ignored:
        ledger.warn(Reason.FIELD_IGNORED, subject, f"the unknown field {path} is ignored as told")
    _check_keys(layout, place, ledger)


def _check_keys(layout: Layout, place: Place, ledger: Ledger) -> None:
    owners: dict[str, str] = {}
    for keyid, key in layout.keys.items():
        other = owners.setdefault(key.identity, keyid)
        if other != keyid:
            ledger.warn(
                Reason.KEY_SHARED,
                place.layout_subject,
                f"keys {other[:8]} and {keyid[:8]} are one key under two names, and count once",
            )
    for step in layout.steps:
        for keyid in step.pubkeys:
            if keyid not in layout.keys:
                ledger.warn(
                    Reason.KEY_MISSING,
                    place.subject("step", step.name),
                    f"its functionary {keyid:.80} has no key in the layout, so nobody can sign as them",
                )


def _report(step: Step, agreement: Agreement) -> StepReport:
    votes = agreement.votes
    return StepReport(
        name=step.name,
        verified=bool(votes),
        signers=tuple(dict.fromkeys(vote.key.keyid for vote in votes)),
        link=agreement.link,
        sublayout=next((vote.sublayout for vote in votes if vote.sublayout is not None), None),
    )


def _check_commands(step: Step, agreement: Agreement, place: Place, ledger: Ledger) -> None:
    subject = place.subject("step", step.name)
    severity = Severity.REJECTION if place.demands.require_success else Severity.WARNING
    for vote in agreement.votes:
        link, who = vote.link, vote.key.keyid[:8]
        if step.expected_command and link.command != step.expected_command:
            # Specification 1.0, section 5.2, step 6: a difference is a warning only.
            ledger.warn(
                Reason.COMMAND_DIFFERS,
                subject,
                f"{who} ran {_words(link.command)}, expected {_words(step.expected_command)}",
            )
        if link.return_value is None:
            if link.command and place.demands.require_success:
                ledger.reject(
                    Reason.COMMAND_FAILED,
                    subject,
                    f"{who} does not say with which status {_words(link.command)} ended",
                )
        elif link.return_value != 0:
            ledger.add(
                Reason.COMMAND_FAILED,
                severity,
                subject,
                f"{who} says {_words(link.command)} ended with status {link.return_value}",
            )


def _words(command: Sequence[str]) -> str:
    text = " ".join(command)
    return f"'{text:.200}'" if command else "no command"


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
        )
        for side, rules in _lists_of(step)
    ]
    for ruling in rulings:
        ledger.extend(ruling.findings)
    failed = any(finding.rejects for ruling in rulings for finding in ruling.findings)
    return report.replace(verified=not failed, traces=tuple(ruling.trace for ruling in rulings))
