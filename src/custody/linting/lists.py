"""A list of rules judged by itself: what it lets through, and rules that can do nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.linting.complaints import Code, Complaint
from custody.linting.globs import covers, is_all, reach
from custody.linting.items import quote, rule_lists, text_of
from custody.rules.variants import Allow, Create, Delete, Disallow, Match, Require

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from custody.linting.items import RuleList
    from custody.models.layout import Layout
    from custody.rules.variants import Rule

__all__ = ["MAX_COMPARED", "judge_lists"]

MAX_COMPARED = 400
"""How many rules of a list are compared with each other, which costs the square of it."""


def judge_lists(layout: Layout) -> Iterator[Complaint]:
    """Yield what is wrong with each list of rules."""
    for rules in rule_lists(layout):
        yield from _openness(rules)
        yield from _each(rules)
        yield from _pairs(rules)


def _openness(rules: RuleList) -> Iterator[Complaint]:
    if not rules.rules:
        yield Complaint(
            code=Code.NO_RULES,
            where=rules.where,
            sentence=f"{rules.owner} has no rules for its {rules.side}, so all are allowed",
            remedy="list what may be there and end with DISALLOW *; if nothing may, DISALLOW * alone",
        )
        return
    end = rules.end()
    if end == len(rules.rules):
        yield Complaint(
            code=Code.OPEN_RULES,
            where=rules.where,
            sentence=f"{rules.owner} allows all {rules.side} that its rules do not mention",
            remedy="end the list with DISALLOW *",
        )
    elif isinstance(rules.rules[end], Allow):
        yield Complaint(
            code=Code.ALLOWS_EVERYTHING,
            where=rules.at(end),
            sentence=f"{rules.owner} allows all {rules.side} that no earlier rule took",
            remedy="allow by name what has to be there, and end with DISALLOW *",
        )


def _each(rules: RuleList) -> Iterator[Complaint]:
    for index, rule in enumerate(rules.rules):
        if isinstance(rule, Require):
            if "*" in rule.name or "?" in rule.name:
                yield Complaint(
                    code=Code.REQUIRE_WILDCARD,
                    where=rules.at(index),
                    sentence=f"REQUIRE asks for a file that is really called {quote(rule.name)}",
                    remedy="name the file; REQUIRE knows no wildcards",
                )
        elif (rules.side == "materials" and isinstance(rule, Create)) or (
            rules.side == "products" and isinstance(rule, Delete)
        ):
            yield _never_consumes(rules, index, rule)


def _never_consumes(rules: RuleList, index: int, rule: Create | Delete) -> Complaint:
    if isinstance(rule, Create):
        why, remedy = "what a step creates is not among its materials", "expected_products"
    else:
        why, remedy = "what a step deletes is not among its products", "expected_materials"
    return Complaint(
        code=Code.NEVER_CONSUMES,
        where=rules.at(index),
        sentence=f"{text_of(rule)} takes nothing here: {why}",
        remedy=f"move the rule to {remedy}, or use ALLOW",
    )


def _pairs(rules: RuleList) -> Iterator[Complaint]:
    compared = rules.rules[:MAX_COMPARED]
    first: dict[Rule, int] = {}
    cleared: list[Allow | Disallow] = []  # nothing that these match is left for later rules
    for index, rule in enumerate(compared):
        before = first.setdefault(rule, index)
        if before != index:
            yield Complaint(
                code=Code.DUPLICATE_RULE,
                where=rules.at(index),
                sentence=f"{text_of(rule)} stands already in {rules.at(before)}",
                remedy="remove one of the two",
            )
            continue
        yield from _against_earlier(rules, index, rule, cleared)
        if isinstance(rule, Match):
            yield from _bypassed(rules, index, rule, compared[index + 1 :])
        elif isinstance(rule, Allow | Disallow):
            cleared.append(rule)
    if len(compared) < len(rules.rules):
        yield Complaint(
            code=Code.LONG_LIST,
            where=rules.where,
            sentence=f"only the first {MAX_COMPARED} of {len(rules.rules)} rules were compared",
            remedy="use patterns instead of single names",
        )


def _against_earlier(
    rules: RuleList, index: int, rule: Rule, cleared: Sequence[Allow | Disallow]
) -> Iterator[Complaint]:
    pattern = reach(rule)
    for earlier in cleared:
        if covers(earlier.pattern, pattern):
            yield _nothing_left(rules, index, rule, earlier)
            return
    if isinstance(rule, Require):
        yield from _require_after(rules, index, rule)


def _nothing_left(rules: RuleList, index: int, rule: Rule, earlier: Rule) -> Complaint:
    """Return the complaint about a rule whose artifacts `earlier` has taken or refused."""
    if isinstance(rule, Require):
        return Complaint(
            code=Code.REQUIRE_TOO_LATE,
            where=rules.at(index),
            sentence=f"{text_of(rule)} always fails: {text_of(earlier)} leaves it nothing",
            remedy="move REQUIRE to the beginning of the list",
        )
    if isinstance(rule, Disallow) and isinstance(earlier, Allow):
        return Complaint(
            code=Code.SHADOWED_DISALLOW,
            where=rules.at(index),
            sentence=f"{text_of(rule)} never refuses anything: {text_of(earlier)} allowed it before",
            remedy="move the DISALLOW before the ALLOW",
        )
    return Complaint(
        code=Code.UNREACHABLE_RULE,
        where=rules.at(index),
        sentence=f"{text_of(rule)} does nothing: {text_of(earlier)} leaves it nothing",
        remedy="move the narrower rule first, or remove it",
    )


def _require_after(rules: RuleList, index: int, rule: Require) -> Iterator[Complaint]:
    for earlier in rules.rules[:index]:
        if not isinstance(earlier, Disallow | Require) and reach(earlier) == reach(rule):
            yield Complaint(
                code=Code.REQUIRE_AFTER_RULE,
                where=rules.at(index),
                sentence=f"{text_of(rule)} fails if {text_of(earlier)} took the file before",
                remedy="move REQUIRE to the beginning of the list",
            )
            return


def _bypassed(rules: RuleList, index: int, rule: Match, later: tuple[Rule, ...]) -> Iterator[Complaint]:
    """Yield if a later rule lets through what did not match; ALLOW * is a complaint of its own."""
    for other in later:
        if isinstance(other, Allow) and not is_all(other.pattern):
            if covers(other.pattern, reach(rule)):
                yield Complaint(
                    code=Code.MATCH_BYPASSED,
                    where=rules.at(index),
                    sentence=f"whatever differs from step {quote(rule.step)} passes all the same:"
                    f" {text_of(other)} allows it",
                    remedy="remove that ALLOW, or allow only what the step does not have",
                )
                return
        elif isinstance(other, Disallow) and covers(other.pattern, reach(rule)):
            return
