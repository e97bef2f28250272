"""Patterns that mean something else than they seem to."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from custody.linting.complaints import Code, Complaint
from custody.linting.globs import can_match, normalised, reach, sets_of
from custody.linting.items import quote, rule_lists
from custody.rules.patterns import escape
from custody.rules.variants import Disallow, Require

if TYPE_CHECKING:
    from collections.abc import Iterator

    from custody.models.layout import Layout
    from custody.rules.variants import Rule

__all__ = ["judge_patterns"]

_WORD = 3
"""A set of this many characters, none of them a range, is more likely a name in brackets."""


def judge_patterns(layout: Layout) -> Iterator[Complaint]:
    """Yield what is surprising about each pattern."""
    for rules in rule_lists(layout):
        for index, rule in enumerate(rules.rules):
            where = rules.at(index)
            yield from _unmatchable(rule, where)
            if not isinstance(rule, Require):
                yield from _sets(rule.pattern, where)
                yield from _stars(rule, rule.pattern, where)


def _unmatchable(rule: Rule, where: str) -> Iterator[Complaint]:
    pattern = reach(rule)
    if can_match(pattern):
        return
    shown = rule.name if isinstance(rule, Require) else rule.pattern
    better = normalised(shown)
    if shown.endswith("/"):
        better = f"{better}/*"
    yield Complaint(
        code=Code.UNMATCHABLE_PATTERN,
        where=where,
        sentence=f"no artifact is ever called {quote(shown)}: paths are written without './', '//',"
        " '..' inside and '/' at the end",
        remedy=f"write {quote(better)}",
    )


def _sets(pattern: str, where: str) -> Iterator[Complaint]:
    for found in sets_of(pattern):
        members = found[1:-1]
        if not _looks_like_name(pattern, found, members):
            continue
        yield Complaint(
            code=Code.BRACKET_SET,
            where=where,
            sentence=f"{quote(found)} in {quote(pattern)} stands for one character of {quote(members)}",
            remedy=f"for a file with brackets in its name write {quote(escape(found))}",
        )


def _looks_like_name(pattern: str, found: str, members: str) -> bool:
    """A negated set, a range or a single character is meant as a set; `[slug]` and `[id].tsx` are not."""
    if members.startswith("!") or re.search(r".-.", members) or len(members) == 1:
        return False
    if len(members) >= _WORD:
        return True
    return re.search(rf"(^|/){re.escape(found)}($|[/.])", pattern) is not None


def _stars(rule: Rule, pattern: str, where: str) -> Iterator[Complaint]:
    plain = pattern
    for found in sets_of(pattern):
        plain = plain.replace(found, "x")
    if "**" in plain:
        yield Complaint(
            code=Code.DOUBLE_STAR,
            where=where,
            sentence=f"'**' in {quote(pattern)} is no more than '*', which crosses '/' by itself;"
            " '**/' does not match the top directory",
            remedy=f"write {quote(_single_star(pattern))}",
        )
    elif re.search(r"\*.", plain) and not isinstance(rule, Disallow):
        yield Complaint(
            code=Code.STAR_CROSSES,
            where=where,
            sentence=f"the '*' in {quote(pattern)} also crosses '/', so it reaches into directories",
            remedy="nothing, if that is meant; else name the files, or DISALLOW the directories before",
        )


def _single_star(pattern: str) -> str:
    return re.sub(r"\*\*+", "*", re.sub(r"\*\*+/", "*", pattern))
