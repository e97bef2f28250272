"""Comparing patterns without any artifact at hand.

Each answer errs to one side only: `covers` says yes only if it certainly is so, `may_meet` says no only then.
"""

from __future__ import annotations

import posixpath
import re
from functools import lru_cache

from custody.rules.artifacts import is_well_formed
from custody.rules.patterns import Pattern, escape, has_wildcard
from custody.rules.variants import Match, Require, Rule

__all__ = ["can_match", "covers", "is_all", "may_meet", "normalised", "reach", "sets_of", "sought"]

_SET = re.compile(r"\[!?\]?[^\]]*\]")


def is_all(pattern: str) -> bool:
    """Return whether `pattern` matches everything."""
    return bool(pattern) and not pattern.strip("*")


def sets_of(pattern: str) -> list[str]:
    """Return the `[...]` sets of a pattern that `check_pattern` accepted."""
    return _SET.findall(pattern)


def reach(rule: Rule) -> str:
    """Return the pattern over artifact names that `rule` looks at."""
    if isinstance(rule, Require):
        return escape(rule.name)
    if isinstance(rule, Match) and rule.source_prefix:
        return f"{escape(rule.source_prefix)}/{rule.pattern}"
    return rule.pattern


def sought(rule: Match) -> str:
    """Return the pattern over the other step's artifact names that `rule` looks for."""
    return f"{escape(rule.step_prefix)}/{rule.pattern}" if rule.step_prefix else rule.pattern


def covers(wide: str, narrow: str) -> bool:
    """Return whether `wide` certainly matches whatever `narrow` matches."""
    if wide == narrow or is_all(wide):
        return True
    literal = _literal(narrow)
    if literal is not None:
        return _compiled(wide).matches(literal)
    head, star, tail = wide.partition("*")
    if not star or has_wildcard(head) or has_wildcard(tail.lstrip("*")):
        return False
    tail = tail.lstrip("*")
    if head and tail:
        return False  # head and tail may overlap in what `narrow` matches
    return narrow.startswith(head) if head else "]" not in tail and narrow.endswith(tail)


def may_meet(one: str, other: str) -> bool:
    """Return whether some name might match both patterns."""
    literals = _literal(one), _literal(other)
    if literals[0] is not None:
        return _compiled(other).matches(literals[0])
    if literals[1] is not None:
        return _compiled(one).matches(literals[1])
    heads = sorted((_head(one), _head(other)), key=len)
    tails = sorted((_tail(one), _tail(other)), key=len)
    return heads[1].startswith(heads[0]) and tails[1].endswith(tails[0])


def can_match(pattern: str) -> bool:
    """Return whether a normalised path could match `pattern`."""
    plain = _SET.sub(lambda found: found[0][1] if len(found[0]) == len("[x]") else "x", pattern)
    tries = ("x", "..")
    return any(is_well_formed(re.sub(r"\*+|\?", fill, plain)) for fill in tries)


def normalised(pattern: str) -> str:
    """Return `pattern` as its author probably meant it."""
    return posixpath.normpath(pattern).removeprefix("//")


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> Pattern:
    return Pattern(pattern)


@lru_cache(maxsize=4096)
def _literal(pattern: str) -> str | None:
    """Return the only name that `pattern` matches, or None; `[*]` is a literal star."""
    plain = re.sub(r"\[([*?\[])\]", "", pattern)
    if has_wildcard(plain):
        return None
    return re.sub(r"\[([*?\[])\]", r"\1", pattern)


def _head(pattern: str) -> str:
    return re.split(r"[*?\[]", pattern, maxsplit=1)[0]


def _tail(pattern: str) -> str:
    return re.split(r"[*?\]]", pattern)[-1]
