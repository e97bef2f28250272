"""Applying a list of rules to the artifacts of one item, leaving a trace (specification 1.0, section 4.3.3).

All artifact names of one side stand in a queue. Each rule consumes names from it; DISALLOW and REQUIRE look at what
is left and fail. What no rule consumed is allowed at the end, and the trace says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, assert_never

from custody.rules.artifacts import Artifacts, has_scheme, is_well_formed
from custody.rules.digests import Comparison
from custody.rules.patterns import Pattern, has_wildcard
from custody.rules.queue import Queue
from custody.rules.variants import (
    Allow,
    Create,
    Delete,
    Disallow,
    ItemSide,
    Match,
    Modify,
    Require,
    Rule,
)
from custody.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Applied", "Item", "Sides", "Trace", "apply_rules", "match_pairs", "select"]

_FEWER = 8
"""A link with so many times fewer artifacts than the queue is gone through instead of the queue."""


class Sides(Value):
    """What an item had before and after; `products` is None while it has not run."""

    materials: Artifacts
    products: Artifacts | None = None

    def of(self, side: ItemSide) -> Artifacts:
        """Return one side; products that are not there yet are none."""
        return self.materials if side == "materials" else self.products or {}


class Item(Value):
    """What rules are applied to: one side of the step or inspection `name`, among the links of the chain."""

    name: str
    sides: Sides
    side: ItemSide
    links: Mapping[str, Sides]
    comparison: Comparison = Comparison()


class Applied(Value):
    """One rule applied: what it consumed, what made it fail, and what a MATCH left as it differs there."""

    rule: Rule
    consumed: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    differing: tuple[str, ...] = ()

    @property
    def idle(self) -> bool:
        """Whether the rule consumed nothing although it is one that consumes (D27)."""
        return not self.consumed and not isinstance(self.rule, Disallow | Require)


class Trace(Value):
    """Every rule that was applied, in order, and the names that no rule consumed.

    A trace ends at the first rule that fails. `unconsumed` are then the names still in the queue.
    """

    side: ItemSide
    applied: tuple[Applied, ...]
    unconsumed: tuple[str, ...]

    @property
    def failure(self) -> Applied | None:
        """The rule that failed, if one did."""
        last = self.applied[-1] if self.applied else None
        return last if last is not None and last.failed else None

    def consumer(self, name: str) -> Applied | None:
        """Return the rule that consumed `name`, None if none did."""
        return next((applied for applied in self.applied if name in applied.consumed), None)


def apply_rules(rules: Sequence[Rule], item: Item) -> Trace:
    """Return what every rule did, up to the first that fails."""
    queue = Queue(item.sides.of(item.side), map(_planned, rules))
    done: list[Applied] = []
    for rule in rules:
        applied = _apply(rule, queue, item)
        done.append(applied)
        if applied.failed:
            break
        queue.remove(applied.consumed)
    return Trace(side=item.side, applied=tuple(done), unconsumed=tuple(queue))


def _planned(rule: Rule) -> tuple[str, str]:
    """Return which pattern `rule` asks the queue for, and below what."""
    match rule:
        case Require():
            return rule.name, ""
        case Match():
            return rule.pattern, _directory(rule.source_prefix)
        case _:
            return rule.pattern, ""


def _apply(rule: Rule, queue: Queue, item: Item) -> Applied:
    match rule:
        case Require():
            return Applied(rule=rule, failed=() if rule.name in queue else (rule.name,))
        case Disallow():
            return Applied(rule=rule, failed=tuple(queue.select(rule.pattern)))
        case Allow():
            return Applied(rule=rule, consumed=tuple(queue.select(rule.pattern)))
        case Create() | Delete() | Modify():
            return Applied(rule=rule, consumed=tuple(_changed(rule, queue, item)))
        case Match():
            same, differing = _matching(rule, queue, item)
            return Applied(rule=rule, consumed=tuple(same), differing=tuple(differing))
        case _:
            assert_never(rule)


def select(pattern: str, names: Mapping[str, object]) -> Iterable[str]:
    """Return those of `names` that `pattern` matches, in their order; `Queue.select` is the same without the work."""
    if not has_wildcard(pattern):
        return (pattern,) if pattern in names else ()
    return Pattern(pattern).filter(names)


def _changed(rule: Create | Delete | Modify, queue: Queue, item: Item) -> list[str]:
    """Return those names in the queue that match and were created, deleted or modified.

    Before the item has run, what a later product may still explain is granted; it is judged again afterwards.
    """
    # A material was there before, and a product is there afterwards.
    if isinstance(rule, Create if item.side == "materials" else Delete):
        return []
    names = queue.select(rule.pattern)
    before, after = item.sides.materials, item.sides.products
    if after is None:
        return names
    if isinstance(rule, Create):
        known = before.keys()
        return [name for name in names if name not in known] if known else names
    if isinstance(rule, Delete):
        known = after.keys()
        return [name for name in names if name not in known] if known else names
    return item.comparison.changed_among(names, before, after)


def _matching(rule: Match, queue: Queue, item: Item) -> tuple[list[str], list[str]]:
    """Return the names that the rule consumes, and those that are in the other link, too, and differ there."""
    link = item.links.get(rule.step)
    if link is None:
        return [], []
    source, target = item.sides.of(item.side), link.of(rule.side)
    few = rule.pattern == "*" and len(target) * _FEWER < len(queue)
    names, others = _sought_there(rule, target, queue) if few else _sought(rule, queue)
    return item.comparison.sort_out_rows(names, others, source, target)


def match_pairs(rule: Match, queue: Queue) -> Iterable[tuple[str, str]]:
    """Return each name that the rule speaks about, in order, with the name it is sought under in the other link."""
    return zip(*_sought(rule, queue), strict=True)


def _sought(rule: Match, queue: Queue) -> tuple[list[str], list[str]]:
    """Return the names that the rule speaks about, in order, and those they are sought under in the other link."""
    prefix, base = _directory(rule.source_prefix), _directory(rule.step_prefix)
    names = queue.select(rule.pattern, prefix)
    if has_wildcard(rule.pattern):
        names = _kept_inside(names, prefix)
    if prefix == base:
        return names, names
    return names, [base + name[len(prefix) :] for name in names] if prefix else [base + name for name in names]


def _sought_there(rule: Match, target: Artifacts, queue: Queue) -> tuple[list[str], list[str]]:
    """Return what `_sought` does for a rule that matches everything, without what is not in `target`."""
    prefix, base = _directory(rule.source_prefix), _directory(rule.step_prefix)
    there = (prefix + other[len(base) :] for other in target if other.startswith(base))
    names = _kept_inside(sorted(name for name in there if name in queue), prefix)
    return names, [base + name[len(prefix) :] for name in names]


def _kept_inside(names: list[str], prefix: str) -> list[str]:
    """Leave out what leads out of the other prefix (D10): only names with a scheme may hold `//` or `..`."""
    if not has_scheme(prefix):
        return names
    return [name for name in names if not _leads_out(name[len(prefix) :])]


def _directory(prefix: str) -> str:
    return prefix if not prefix or prefix.endswith("/") else f"{prefix}/"


def _leads_out(rest: str) -> bool:
    return not is_well_formed(rest) or has_scheme(rest) or rest.startswith(("/", "../")) or rest == ".."
