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
    """One rule applied: what it consumed, and what made it fail."""

    rule: Rule
    consumed: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()

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
    queue = Queue(item.sides.of(item.side))
    done: list[Applied] = []
    for rule in rules:
        applied = _apply(rule, queue, item)
        done.append(applied)
        if applied.failed:
            break
        queue.remove(applied.consumed)
    return Trace(side=item.side, applied=tuple(done), unconsumed=tuple(queue))


def _apply(rule: Rule, queue: Queue, item: Item) -> Applied:
    match rule:
        case Require():
            return Applied(rule=rule, failed=() if rule.name in queue else (rule.name,))
        case Disallow():
            return Applied(rule=rule, failed=tuple(queue.select(rule.pattern)))
        case Allow():
            return Applied(rule=rule, consumed=tuple(queue.select(rule.pattern)))
        case Create() | Delete() | Modify():
            return Applied(rule=rule, consumed=tuple(_changed(rule, queue.select(rule.pattern), item)))
        case Match():
            return Applied(rule=rule, consumed=tuple(_matching(rule, queue, item)))
        case _:
            assert_never(rule)


def select(pattern: str, names: Mapping[str, object]) -> Iterable[str]:
    """Return those of `names` that `pattern` matches, in their order; `Queue.select` is the same without the work."""
    if not has_wildcard(pattern):
        return (pattern,) if pattern in names else ()
    return Pattern(pattern).filter(names)


def _changed(rule: Create | Delete | Modify, names: list[str], item: Item) -> list[str]:
    """Return those of `names` that were created, deleted or modified.

    Before the item has run, what a later product may still explain is granted; it is judged again afterwards.
    """
    before, after = item.sides.materials, item.sides.products
    if after is None:
        return [] if isinstance(rule, Create) else [name for name in names if name in before]
    if isinstance(rule, Create):
        return [name for name in names if name in after and name not in before]
    if isinstance(rule, Delete):
        return [name for name in names if name in before and name not in after]
    changed = item.comparison.changed
    return [name for name in names if name in before and name in after and changed(before[name], after[name])]


def _matching(rule: Match, queue: Queue, item: Item) -> Iterable[str]:
    link = item.links.get(rule.step)
    if link is None:
        return []
    source, target = item.sides.of(item.side), link.of(rule.side)
    few = rule.pattern == "*" and len(target) * _FEWER < len(queue)
    pairs = _pairs_there(rule, target, queue) if few else match_pairs(rule, queue)
    same = item.comparison.same
    return [name for name, other in pairs if other in target and same(source[name], target[other])]


def _pairs_there(rule: Match, target: Artifacts, queue: Queue) -> Iterable[tuple[str, str]]:
    """Return those of the pairs of a rule that matches everything whose other name is in `target`, in order."""
    prefix, base = _directory(rule.source_prefix), _directory(rule.step_prefix)
    pairs = sorted((prefix + other[len(base) :], other) for other in target if other.startswith(base))
    return _kept_inside(((name, other) for name, other in pairs if name in queue), prefix)


def match_pairs(rule: Match, queue: Queue) -> Iterable[tuple[str, str]]:
    """Return each name that the rule speaks about, in order, with the name it is sought under in the other link."""
    prefix, base = _directory(rule.source_prefix), _directory(rule.step_prefix)
    names = queue.select(rule.pattern, prefix)
    if prefix == base:
        pairs = zip(names, names, strict=True)
    else:
        pairs = zip(names, [base + name[len(prefix) :] for name in names], strict=True)
    return _kept_inside(pairs, prefix) if has_wildcard(rule.pattern) else pairs


def _kept_inside(pairs: Iterable[tuple[str, str]], prefix: str) -> Iterable[tuple[str, str]]:
    """Leave out what leads out of the other prefix (D10): only names with a scheme may hold `//` or `..`."""
    if not has_scheme(prefix):
        return pairs
    return ((name, other) for name, other in pairs if not _leads_out(name[len(prefix) :]))


def _directory(prefix: str) -> str:
    return prefix if not prefix or prefix.endswith("/") else f"{prefix}/"


def _leads_out(rest: str) -> bool:
    return not is_well_formed(rest) or has_scheme(rest) or rest.startswith(("/", "../")) or rest == ".."
