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
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["Applied", "Item", "Sides", "Trace", "apply_rules", "match_pairs", "select"]


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
    queue = dict.fromkeys(sorted(item.sides.of(item.side)))
    done: list[Applied] = []
    for rule in rules:
        applied = _apply(rule, queue, item)
        done.append(applied)
        if applied.failed:
            break
        for name in applied.consumed:
            del queue[name]
    return Trace(side=item.side, applied=tuple(done), unconsumed=tuple(queue))


def _apply(rule: Rule, queue: Mapping[str, None], item: Item) -> Applied:
    match rule:
        case Require():
            return Applied(rule=rule, failed=() if rule.name in queue else (rule.name,))
        case Disallow():
            return Applied(rule=rule, failed=tuple(select(rule.pattern, queue)))
        case Allow():
            return Applied(rule=rule, consumed=tuple(select(rule.pattern, queue)))
        case Create() | Delete() | Modify():
            test = _change_test(rule, item)
            names = select(rule.pattern, queue)
            return Applied(rule=rule, consumed=tuple(name for name in names if test(name)))
        case Match():
            return Applied(rule=rule, consumed=tuple(_matching(rule, queue, item)))
        case _:
            assert_never(rule)


def select(pattern: str, queue: Mapping[str, None]) -> Iterable[str]:
    """Return the names of the queue that `pattern` matches, in order."""
    if not has_wildcard(pattern):
        return (pattern,) if pattern in queue else ()
    return Pattern(pattern).filter(queue)


def _change_test(rule: Create | Delete | Modify, item: Item) -> Callable[[str], bool]:
    """Return whether a name was created, deleted or modified.

    Before the item has run, what a later product may still explain is granted; it is judged again afterwards.
    """
    before, after = item.sides.materials, item.sides.products
    if after is None:
        return lambda name: not isinstance(rule, Create) and name in before
    if isinstance(rule, Create):
        return lambda name: name in after and name not in before
    if isinstance(rule, Delete):
        return lambda name: name in before and name not in after
    changed = item.comparison.changed
    return lambda name: name in before and name in after and changed(before[name], after[name])


def _matching(rule: Match, queue: Mapping[str, None], item: Item) -> Iterable[str]:
    link = item.links.get(rule.step)
    if link is None:
        return
    source, target = item.sides.of(item.side), link.of(rule.side)
    for name, other in match_pairs(rule, queue):
        if other in target and item.comparison.same(source[name], target[other]):
            yield name


def match_pairs(rule: Match, names: Mapping[str, None]) -> Iterable[tuple[str, str]]:
    """Yield each of `names` that the rule speaks about, with the name it is sought under in the other link."""
    prefix, base = _directory(rule.source_prefix), _directory(rule.step_prefix)
    if not has_wildcard(rule.pattern):
        if prefix + rule.pattern in names:
            yield prefix + rule.pattern, base + rule.pattern
        return
    matches = Pattern(rule.pattern).matches
    checked = has_scheme(prefix)
    for name in names:
        if not name.startswith(prefix):
            continue
        rest = name[len(prefix) :]
        # D10: only names with a scheme may hold `//` or `..`, which must not lead out of `base`.
        if matches(rest) and not (checked and _leads_out(rest)):
            yield name, base + rest


def _directory(prefix: str) -> str:
    return prefix if not prefix or prefix.endswith("/") else f"{prefix}/"


def _leads_out(rest: str) -> bool:
    return not is_well_formed(rest) or has_scheme(rest) or rest.startswith(("/", "../")) or rest == ".."
