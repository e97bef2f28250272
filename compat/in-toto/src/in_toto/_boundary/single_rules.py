"""Single artifact rules on a queue of names, as `in_toto.verifylib` publishes them."""

from __future__ import annotations

TYPE_CHECKING = False  # known to checkers; importing it from `typing` takes longer than this module
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from in_toto.models.link import Link

    Artifacts = Mapping[str, Mapping[str, str]]

__all__ = [
    "verify_allow_rule",
    "verify_create_rule",
    "verify_delete_rule",
    "verify_disallow_rule",
    "verify_match_rule",
    "verify_modify_rule",
    "verify_require_rule",
]


def verify_match_rule(
    rule_data: Mapping[str, str], artifacts_queue: Iterable[str], source_artifacts: Artifacts, links: Mapping[str, Link]
) -> set[str]:
    """Return the names in the queue that a MATCH rule consumes; `rule_data` is what `unpack_rule` returned.

    Raises:
        FormatError: verifiers disagree about what the pattern means.

    """
    from custody.rules.engine import Sides
    from custody.rules.variants import Match
    from in_toto._boundary import rulings

    rule = Match(
        pattern=rulings.pattern(rule_data["pattern"]),
        step=rule_data["dest_name"],
        side="materials" if rule_data["dest_type"] == "materials" else "products",
        source_prefix=rule_data["source_prefix"],
        step_prefix=rule_data["dest_prefix"],
    )
    known = {name: link for name, link in links.items() if name == rule.step}
    return rulings.consumed(rule, artifacts_queue, Sides(materials=source_artifacts, products={}), known)


def verify_create_rule(
    rule_pattern: str, artifacts_queue: Iterable[str], materials: Iterable[str], products: Iterable[str]
) -> set[str]:
    """Return the names in the queue that match, and are products but not materials."""
    from custody.rules.engine import Sides
    from custody.rules.variants import Create
    from in_toto._boundary import rulings

    sides = Sides(materials=rulings.names_only(materials), products=rulings.names_only(products))
    return rulings.consumed(Create(pattern=rulings.pattern(rule_pattern)), artifacts_queue, sides)


def verify_delete_rule(
    rule_pattern: str, artifacts_queue: Iterable[str], materials: Iterable[str], products: Iterable[str]
) -> set[str]:
    """Return the names in the queue that match, and are materials but not products."""
    from custody.rules.engine import Sides
    from custody.rules.variants import Delete
    from in_toto._boundary import rulings

    sides = Sides(materials=rulings.names_only(materials), products=rulings.names_only(products))
    return rulings.consumed(Delete(pattern=rulings.pattern(rule_pattern)), artifacts_queue, sides)


def verify_modify_rule(
    rule_pattern: str, artifacts_queue: Iterable[str], materials: Artifacts, products: Artifacts
) -> set[str]:
    """Return the names in the queue that match, and are on both sides with different digests."""
    from custody.rules.engine import Sides
    from custody.rules.variants import Modify
    from in_toto._boundary import rulings

    sides = Sides(materials=materials, products=products)
    return rulings.consumed(Modify(pattern=rulings.pattern(rule_pattern)), artifacts_queue, sides)


def verify_allow_rule(rule_pattern: str, artifacts_queue: Iterable[str]) -> set[str]:
    """Return the names in the queue that match."""
    from custody.rules.engine import Sides
    from custody.rules.variants import Allow
    from in_toto._boundary import rulings

    sides = Sides(materials=rulings.names_only(artifacts_queue), products={})
    return rulings.consumed(Allow(pattern=rulings.pattern(rule_pattern)), artifacts_queue, sides)


def verify_disallow_rule(rule_pattern: str, artifacts_queue: Iterable[str]) -> None:
    """Return unless a name in the queue matches, else raise a `RuleVerificationError`."""
    from custody.rules.variants import Disallow
    from in_toto._boundary import rulings

    rulings.demand(Disallow(pattern=rulings.pattern(rule_pattern)), artifacts_queue)


def verify_require_rule(filename: str, artifacts_queue: Iterable[str]) -> None:
    """Return if `filename`, taken literally, is in the queue, else raise a `RuleVerificationError`."""
    from custody.rules.variants import Require
    from in_toto._boundary import rulings

    rulings.demand(Require(name=filename), artifacts_queue)
