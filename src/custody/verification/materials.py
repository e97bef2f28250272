"""Judging a step's materials before it is performed (specification 1.0, section 5.3.5).

A tampered material may attack the next functionary (GHSA-p86f-xmg6-9q4x), so they look before they run anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.errors import UsageError
from custody.keys.key import may_sign_for
from custody.keys.keyid import short_id
from custody.rules.engine import Item, Sides
from custody.rules.variants import Match
from custody.verdict import Reason, StepReport, Verdict
from custody.verification.chain import judge_steps
from custody.verification.judge import open_layout
from custody.verification.layouts import check_layout
from custody.verification.ledger import Ledger
from custody.verification.place import Place, Tree
from custody.verification.rulings import rule_on

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from custody.keys.key import Key
    from custody.keys.x509_certificate import Certificate
    from custody.models.layout import Layout, Step
    from custody.rules.artifacts import Artifacts
    from custody.rules.variants import Rule
    from custody.verification.case import Case

__all__ = ["judge_materials"]


def judge_materials(
    case: Case, name: str, materials: Artifacts, functionary: Key, certificate: Certificate | None = None
) -> Verdict:
    """Return whether `functionary` may perform step `name` on `materials`, by the links of the steps before it.

    `certificate` is what they will put beside their signature, if the step does not list their key. Only those earlier
    steps are judged that the step's material rules lead back to. No inspection runs.

    Raises:
        FormatError: the layout is signed by its owners and yet is not one.
        UsageError: the layout has no such step.

    """
    ledger = Ledger()
    opening = open_layout(case, ledger)
    layout = opening.layout
    if layout is None or ledger.rejects():
        return Verdict(accepted=False, at=case.at, findings=tuple(ledger.findings))
    step = layout.step(name)
    if step is None:
        names = ", ".join(repr(step.name) for step in layout.steps)
        raise UsageError(f"the layout has no step {name!r}; it has {names or 'none'}")
    place = Place(
        evidence=case.evidence,
        at=case.at,
        # Nothing is run here, so a sublayout that needs its inspections run is a bad link.
        demands=case.demands.replace(sublayout_inspections=False),
        parameters=case.parameters,
        tree=Tree(opening.digest),
    )
    check_layout(layout, place, ledger)
    _check_functionary(functionary, certificate, step, layout, place, ledger)
    known = {name: Sides(materials=materials)}
    chain = judge_steps(layout, _leading_to(step, layout), place, Ledger(), known)
    ledger.extend(chain.findings)
    reports = list(chain.steps)
    if not ledger.rejects():
        reports.append(_judge(step, materials, chain.links, place, ledger))
    return Verdict(
        accepted=not ledger.rejects(),
        at=case.at,
        findings=tuple(ledger.findings),
        layout_digest=opening.digest,
        layout_expires=layout.expires,
        owners=tuple(key.keyid for key in opening.signed),
        steps=tuple(reports),
    )


def _check_functionary(
    functionary: Key, certificate: Certificate | None, step: Step, layout: Layout, place: Place, ledger: Ledger
) -> None:
    if any(may_sign_for(key, functionary) for key in layout.keys_of(step)):
        return
    subject = place.subject("step", step.name)
    message = f"key {short_id(functionary.keyid)} is not among the step's functionaries"
    if certificate is None or not step.cert_constraints:
        ledger.reject(Reason.KEY_NOT_AUTHORISED, subject, message)
        return
    from custody.verification.certified import Uncertified, judge_certificate  # few layouts ask for certificates

    found = judge_certificate(certificate, step, layout, place.at, place.demands.intermediates)
    if isinstance(found, Uncertified):
        ledger.reject(found.reason, subject, f"{message}, and its certificate does not count: {found.message}")


def _judge(step: Step, materials: Artifacts, links: Mapping[str, Sides], place: Place, ledger: Ledger) -> StepReport:
    sides = Sides(materials=materials)
    ruling = rule_on(
        step.expected_materials,
        Item(
            name=step.name,
            sides=sides,
            side="materials",
            links={**links, step.name: sides},
            comparison=place.comparison,
        ),
        place.subject("step", step.name),
        strict=place.demands.strict,
    )
    ledger.extend(ruling.findings)
    verified = not any(finding.rejects for finding in ruling.findings)
    return StepReport(name=step.name, verified=verified, traces=(ruling.trace,))


def _leading_to(step: Step, layout: Layout) -> tuple[Step, ...]:
    """Return the steps whose links the materials of `step` are compared with, and theirs, in the layout's order."""
    needed: set[str] = set()
    waiting = _named_by(step.expected_materials)
    while waiting:
        name = waiting.pop()
        other = layout.step(name)
        if other is None or name == step.name or name in needed:
            continue
        needed.add(name)
        waiting |= _named_by((*other.expected_materials, *other.expected_products))
    return tuple(other for other in layout.steps if other.name in needed)


def _named_by(rules: Sequence[Rule]) -> set[str]:
    return {rule.step for rule in rules if isinstance(rule, Match)}
