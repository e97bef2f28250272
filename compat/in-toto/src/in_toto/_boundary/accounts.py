"""What the reference tells about a rule that failed: what was there, and what each rule before it left.

The reference names every artifact every time. Here the first of many are named and the rest is counted, as in custody's
own reports: a failure about a million artifacts is told in a few kilobytes.
"""

from __future__ import annotations

from itertools import islice

from custody.rules.grammar import write_rule
from custody.rules.variants import Require
from custody.value import Value

TYPE_CHECKING = False  # known to checkers; importing it from `typing` takes longer than this module
if TYPE_CHECKING:
    from collections.abc import Collection

    from custody.rules.engine import Trace
    from custody.rules.variants import Rule

__all__ = ["Subject", "rule_failure"]

_MAX_NAMES = 20
"""So many names of a list are written out; the rest is counted."""

_MAX_RULES = 10
"""After so many rules, the last ones before the one that failed, it is told what was left."""

_MAX_TEXT = 200
"""How much of a name or rule is written out; those who sign links may put megabytes there."""


class Subject(Value):
    """What rules are about: a step or an inspection with the names of its artifacts."""

    name: str
    materials: Collection[str] = ()
    products: Collection[str] = ()


def rule_failure(trace: Trace, subject: Subject) -> Exception:
    """Return the exception for the rule that failed, with the reference's account of what was in the queue."""
    from in_toto.exceptions import RuleVerificationError

    failed = trace.applied[-1]
    if isinstance(failed.rule, Require):
        name = _cut(failed.rule.name)
        text = f"'REQUIRE {name}' did not find {name} in: {_listed(trace.unconsumed)}"
    else:
        text = f"'{_written(failed.rule)}' matched the following artifacts: {_listed(failed.failed)}"
    return RuleVerificationError(f"{text}\n{_account(trace, subject)}" if subject.name else text)


def _account(trace: Trace, subject: Subject) -> str:
    """Return what was there and what each rule left, the last ones of many rules, as the reference tells it."""
    lines = [f"Full trace for 'expected_{trace.side}' of item '{subject.name}':"]
    for side, names in (("materials", subject.materials), ("products", subject.products)):
        lines += [f"Available {side}{' (used for queue)' if side == trace.side else ''}:", _listed(names)]
    passed = [applied for applied in trace.applied if not applied.failed]
    queues: list[str] = []
    first, count = trace.unconsumed[:_MAX_NAMES], len(trace.unconsumed)
    for applied in reversed(passed[-_MAX_RULES:]):
        queues[:0] = [f"Queue after '{_written(applied.rule)}':", _listed(first, count)]
        first = tuple(sorted((*first, *applied.consumed[:_MAX_NAMES]))[:_MAX_NAMES])  # in order, as all that are there
        count += len(applied.consumed)
    if len(passed) > _MAX_RULES:
        lines.append(f"({len(passed) - _MAX_RULES} rules, after the last of which {count} artifacts were in the queue)")
    return "\n".join([*lines, *queues]) + "\n"


def _listed(names: Collection[str], count: int | None = None) -> str:
    """Return `names` as the reference lists them; of more than a few, or of `count`, the first and how many more."""
    shown = [_cut(name) for name in islice(names, _MAX_NAMES)]
    more = (len(names) if count is None else count) - len(shown)
    return f"{shown} and {more} more" if more else str(shown)


def _written(rule: Rule) -> str:
    return _cut(" ".join(write_rule(rule)))


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}..."
