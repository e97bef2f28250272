"""How artifacts pass from step to step: where they come from, and where the thread is cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.linting.complaints import Code, Complaint
from custody.linting.globs import is_all, may_meet, reach, sought
from custody.linting.items import RuleList, quote, rule_lists, text_of
from custody.rules.variants import Allow, Create, Disallow, Match, Modify
from custody.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from custody.models.layout import Layout

__all__ = ["judge_flow"]


class _Chain(Value):
    """The layout with the positions of its steps and inspections by name."""

    layout: Layout
    steps: Mapping[str, int]
    inspections: Mapping[str, int]


def judge_flow(layout: Layout) -> Iterator[Complaint]:
    """Yield where artifacts come from nowhere, or go nowhere."""
    chain = _Chain(
        layout=layout,
        steps={step.name: i for i, step in enumerate(layout.steps)},
        inspections={inspection.name: i for i, inspection in enumerate(layout.inspect)},
    )
    for rules in rule_lists(layout):
        for index, rule in rules.matches():
            yield from _match(chain, rules, index, rule)
        if rules.is_step and rules.side == "materials" and rules.position > 0:
            yield from _sources(rules)
    yield from _inspections(chain)
    yield from _unconsumed(chain)
    yield from _last_step(layout)


def _match(chain: _Chain, rules: RuleList, index: int, rule: Match) -> Iterator[Complaint]:
    where = rules.at(index)
    if rule.step in chain.steps:
        yield from _match_step(chain, rules, where, rule)
    elif rule.step not in chain.inspections:
        known = ", ".join(chain.steps) or "none"
        yield Complaint(
            code=Code.MATCH_MISSING,
            where=where,
            sentence=f"there is no step {quote(rule.step)}, so the rule takes nothing",
            remedy=f"name one of the steps: {known:.200}",
        )
    elif rules.is_step or chain.inspections[rule.step] > rules.position:
        yield Complaint(
            code=Code.MATCH_INSPECTION,
            where=where,
            sentence=f"inspection {quote(rule.step)} has not run when {rules.owner} is judged,"
            " so the rule takes nothing",
            remedy="MATCH from a step, or from an earlier inspection in a later one",
        )
    elif chain.inspections[rule.step] == rules.position:
        yield from _itself(rules, where, rule)


def _match_step(chain: _Chain, rules: RuleList, where: str, rule: Match) -> Iterator[Complaint]:
    position = chain.steps[rule.step]
    if rules.is_step and position == rules.position:
        yield from _itself(rules, where, rule)
        return
    if rules.is_step and position > rules.position:
        yield Complaint(
            code=Code.MATCH_LATER,
            where=where,
            sentence=f"step {quote(rule.step)} comes after {rules.owner}, and so cannot be its source",
            remedy="MATCH from an earlier step, or bring the steps into the order of the work",
        )
        return
    other = RuleList(item=chain.layout.steps[position], position=position, side=rule.side)
    if other.is_closed and not any(may_meet(sought(rule), reach(r)) for _, r in other.consuming()):
        yield Complaint(
            code=Code.MATCH_NOTHING,
            where=where,
            sentence=f"the rules of {other.owner} leave it no {rule.side} like"
            f" {quote(sought(rule))}, so the rule takes nothing",
            remedy=f"make the pattern fit {other.where}, or mend the rules there",
        )


def _itself(rules: RuleList, where: str, rule: Match) -> Iterator[Complaint]:
    """Products like the own materials are unchanged, which says something; the rest proves nothing."""
    moved = rule.source_prefix != rule.step_prefix
    same_side = rules.side == rule.side
    if (same_side and moved) or (rules.side == "products" and not same_side):
        return
    why = "always is so" if same_side else "says where nothing comes from"
    yield Complaint(
        code=Code.MATCH_SELF,
        where=where,
        sentence=f"{rules.owner} compares its {rules.side} with its own {rule.side}, which {why}",
        remedy="MATCH from the step that made the artifacts",
    )


def _sources(rules: RuleList) -> Iterator[Complaint]:
    """Yield if materials of a step that is not the first come from nowhere."""
    consuming = rules.consuming()
    if not rules.rules or (rules.is_closed and not consuming):
        return
    if not any(rule.step != rules.item.name for _, rule in rules.matches()):
        yield Complaint(
            code=Code.NO_SOURCE,
            where=rules.where,
            sentence=f"nothing ties the materials of {rules.owner} to what an earlier step made",
            remedy="write MATCH ... WITH PRODUCTS FROM the step that makes them; if there are none, DISALLOW * alone",
        )
        return
    for index, rule in consuming:
        if isinstance(rule, Match) or (isinstance(rule, Allow) and is_all(rule.pattern)):
            continue
        if not isinstance(rule, Create):
            yield Complaint(
                code=Code.UNTIED_MATERIAL,
                where=rules.at(index),
                sentence=f"{text_of(rule)} lets {rules.owner} use files that no earlier step made",
                remedy="MATCH them with a step's products, if one makes them",
            )


def _inspections(chain: _Chain) -> Iterator[Complaint]:
    for position, item in enumerate(chain.layout.inspect):
        rules = (*item.expected_materials, *item.expected_products)
        if not any(isinstance(rule, Match) and rule.step != item.name for rule in rules):
            yield Complaint(
                code=Code.INSPECTION_UNTIED,
                where=f"inspect[{position}]",
                sentence=f"no rule ties inspection {quote(item.name)} to a step, so it would pass on"
                " the products of another chain",
                remedy="write MATCH ... WITH PRODUCTS FROM a step",
            )


def _unconsumed(chain: _Chain) -> Iterator[Complaint]:
    taken = {
        rule.step
        for rules in rule_lists(chain.layout)
        for _, rule in rules.matches()
        if rule.side == "products" and rule.step != rules.item.name
    }
    for position, step in enumerate(chain.layout.steps[:-1]):
        rules = RuleList(item=step, position=position, side="products")
        makes = any(isinstance(rule, Create | Modify | Allow) for _, rule in rules.consuming())
        if step.name not in taken and makes:
            yield Complaint(
                code=Code.UNCONSUMED_PRODUCTS,
                where=rules.where,
                sentence=f"nothing takes up the products of {rules.owner}",
                remedy="MATCH them in a later step or an inspection, if they matter to the result",
            )


def _last_step(layout: Layout) -> Iterator[Complaint]:
    if not layout.steps:
        return
    position = len(layout.steps) - 1
    rules = RuleList(item=layout.steps[position], position=position, side="products")
    if not rules.consuming():
        empty = all(isinstance(rule, Disallow) for rule in rules.rules)
        yield Complaint(
            code=Code.NO_ARTIFACT,
            where=rules.where,
            sentence=f"no rule takes up a product of {rules.owner}, the last one"
            f"{', which may have none' if empty and rules.rules else ''},"
            " so `custody verify --artifact` cannot find the artifact there",
            remedy="write CREATE for the final product, or name its step with --product-of",
        )
