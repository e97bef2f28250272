"""Whether the artifact under test is what the chain made (A10).

Any functionary may list any file under a rule that allows everything. So an artifact counts as made only as a product
of the step asked for, by default the last, on which its functionaries agreed, and which one of its rules consumed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.errors import UsageError
from custody.rules.digests import MODE, Comparison, short
from custody.rules.engine import Item, Sides
from custody.rules.grammar import write_text
from custody.verdict import ArtifactFinding, Binding, Finding, Reason, Severity
from custody.verification.rulings import MAX_NAME, seen_at

if TYPE_CHECKING:
    from custody.models.layout import Layout
    from custody.verdict import StepReport
    from custody.verification.case import Target
    from custody.verification.chain import Chain
    from custody.verification.ledger import Ledger
    from custody.verification.place import Place

__all__ = ["bind"]


def bind(chain: Chain, place: Place, ledger: Ledger) -> tuple[Binding, ...]:
    """Return the product that each target is, having rejected the targets that are none."""
    demands = place.demands
    if not demands.targets:
        return ()
    report = _step(chain, chain.layout, demands.product_of)
    bindings = []
    for target in demands.targets:
        binding = _bind(target, report, chain, place, ledger)
        if binding is not None:
            bindings.append(binding)
    return tuple(bindings)


def _step(chain: Chain, layout: Layout, name: str) -> StepReport:
    wanted = name or layout.steps[-1].name
    for report in chain.steps:
        if report.name == wanted:
            return report
    names = ", ".join(repr(step.name) for step in layout.steps)
    raise UsageError(f"the layout has no step {wanted!r} that could have made the artifact; it has {names}")


def _bind(target: Target, report: StepReport, chain: Chain, place: Place, ledger: Ledger) -> Binding | None:
    # A file under test has no recorded mode: only its content is compared.
    comparison = Comparison(pinned=place.demands.pinned - {MODE})
    products = report.link.products if report.link is not None else {}
    alike = [name for name, digests in products.items() if comparison.same(target.digests, digests)]
    # Several products may have these bytes: the one that is called like the target is the one people mean.
    alike.sort(key=lambda name: _base(name) != _base(target.name))
    unruled = ""
    if alike:
        unconsumed = frozenset(report.traces[1].unconsumed)
        ruled = next((name for name in alike if name not in unconsumed), None)
        consumer = report.traces[1].consumer(ruled) if ruled is not None else None
        if ruled is not None and consumer is not None:
            rule = write_text(consumer.rule)
            return Binding(target=target.name, step=report.name, product=ruled, rule=rule)
        unruled = alike[-1]
    subject = f"artifact {target.name!r}"
    if unruled:
        ledger.reject(
            Reason.ARTIFACT_UNRULED,
            subject,
            f"step {report.name!r} lists it as its product {unruled!r:.{MAX_NAME}}, but only because nothing forbids"
            " it: no rule of the step consumes it, so anything could stand there; the layout needs a rule such as"
            " CREATE or MATCH for it",
        )
    else:
        ledger.extend([_not_made(target, report, chain, comparison, subject)])
    return None


def _base(name: str) -> str:
    return name.rpartition("/")[2]


def _not_made(target: Target, report: StepReport, chain: Chain, comparison: Comparison, subject: str) -> Finding:
    item = Item(
        name="",
        sides=Sides(materials={}),
        side="products",
        links=chain.links,
        comparison=comparison,
    )
    seen = seen_at(target.digests, item)
    base = _base(target.name)
    products = report.link.products if report.link is not None else {}
    alike = next((name for name in products if _base(name) == base), None)
    expected = products[alike] if alike is not None else None
    message = f"step {report.name!r} made no product with {short(target.digests)}"
    if alike is not None:
        message += f"; its product {alike!r:.{MAX_NAME}} has {short(expected)}"
    if seen:
        message += f"; the chain has this content among {seen}"
    return Finding(
        reason=Reason.ARTIFACT_NOT_MADE,
        severity=Severity.REJECTION,
        subject=subject,
        message=message,
        artifacts=(ArtifactFinding(name=target.name, expected=expected, found=target.digests, last_seen=seen),),
    )
