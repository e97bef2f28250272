"""Single rules and lists of rules, applied by custody to links of this package."""

from __future__ import annotations

from custody.rules.engine import Item, Sides, apply_rules
from custody.rules.patterns import check_pattern
from custody.rules.variants import Match
from in_toto._boundary.accounts import Subject, rule_failure
from in_toto._boundary.failures import Translated

TYPE_CHECKING = False  # known to checkers; importing it from `typing` takes longer than this module
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from custody.rules.artifacts import Artifacts
    from custody.rules.engine import Trace
    from custody.rules.variants import ItemSide, Rule
    from in_toto.models.link import Link

__all__ = ["applied", "consumed", "demand", "demand_agreement", "names_only", "pattern", "sides_of"]


def pattern(text: str) -> str:
    """Return `text` if all verifiers agree about what it matches, else raise a `FormatError` (D6)."""
    with Translated():
        check_pattern(text, "pattern")
    return text


def names_only(names: Iterable[str]) -> Artifacts:
    """Return artifacts of which nothing but the names is known."""
    return {name: {} for name in names}


def applied(rules: Sequence[Rule], side: str, link: Sides, links: Mapping[str, Link]) -> Trace:
    """Return what `rules` do to one side of `link`, among `links`; a `FormatError` if what they list is malformed."""
    matched = {rule.step for rule in rules if isinstance(rule, Match)}
    others = {name: sides_of(other) for name, other in links.items() if name in matched}
    queued: ItemSide = "materials" if side == "materials" else "products"
    return apply_rules(rules, Item(name="", sides=link, side=queued, links=others))


def consumed(rule: Rule, queue: Iterable[str], link: Sides, links: Mapping[str, Link] | None = None) -> set[str]:
    """Return the names in the queue that `rule` consumes, whichever side of `link` they stand on."""
    found: set[str] = set()
    for side in ("materials", "products"):
        for each in applied([rule], side, link, links or {}).applied:
            found.update(each.consumed)
    return found & set(queue)


def demand(rule: Rule, queue: Iterable[str]) -> None:
    """Return unless `rule` fails on what is in the queue, else raise a `RuleVerificationError`."""
    trace = applied([rule], "products", Sides(materials={}, products=names_only(queue)), {})
    if trace.failure is not None:
        raise rule_failure(trace, Subject(name=""))


def demand_agreement(step: str, links: Mapping[str, Link]) -> None:
    """Return if all `links` list the same artifacts, else raise a `ThresholdVerificationError`."""
    from custody.rules.digests import Comparison
    from in_toto.exceptions import ThresholdVerificationError

    same = Comparison().same_artifacts
    (first, one), *others = links.items()
    for keyid, other in others:
        if not (same(one.materials, other.materials) and same(one.products, other.products)):
            raise ThresholdVerificationError(
                f"Links '{step}.{first:.8}.link' and '{step}.{keyid:.8}.link' have different artifacts!"
            )


def sides_of(link: Link) -> Sides:
    """Return what a link lists before and after, each artifact under its one name (D7); a `FormatError` otherwise."""
    from custody.rules.artifacts import read_artifacts

    with Translated():
        return Sides(
            materials=read_artifacts(link.materials, f"materials of '{link.name}'"),
            products=read_artifacts(link.products, f"products of '{link.name}'"),
        )
