"""What the artifact rules say about one side of a step or inspection, and why (specification 1.0, section 4.3.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from custody.rules.engine import Item, Trace, apply_rules, match_pairs
from custody.rules.grammar import write_text
from custody.rules.variants import ItemSide, Match, Require
from custody.value import Value
from custody.verdict import ArtifactFinding, Finding, Reason, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from custody.rules.artifacts import Digests
    from custody.rules.engine import Applied
    from custody.rules.variants import Rule

__all__ = ["Ruling", "rule_on", "seen_at"]

_SINGULAR: Mapping[ItemSide, str] = {"materials": "material", "products": "product"}
_NEWEST_FIRST: tuple[ItemSide, ...] = ("products", "materials")
_DIFFERS = {"materials": Reason.MATERIAL_DIFFERS, "products": Reason.PRODUCT_DIFFERS}
_DISALLOWED = {"materials": Reason.MATERIAL_DISALLOWED, "products": Reason.PRODUCT_DISALLOWED}


MAX_LOOKED_UP = 20
"""For how many artifacts of a failure the whole chain is searched."""


class Ruling(Value):
    """The trace of one list of rules and what it means."""

    trace: Trace
    findings: tuple[Finding, ...]


def rule_on(rules: Sequence[Rule], item: Item, subject: str, *, strict: bool) -> Ruling:
    """Return what `rules` say about `item`; `strict` rejects rules that consume nothing (D27)."""
    trace = apply_rules(rules, item)
    findings = _idle(trace, subject, strict=strict)
    if trace.failure is not None:
        findings += _explain(trace.failure, trace, rules, item, subject)
    return Ruling(trace=trace, findings=tuple(findings))


def seen_at(digests: Digests, item: Item) -> str:
    """Return where else in the chain these digests were last seen before the item, or after it, or ''."""
    names = list(item.links)
    own = names.index(item.name) if item.name in names else len(names)
    for name in [*reversed(names[:own]), *names[own + 1 :]]:
        for side in _NEWEST_FIRST:
            for artifact, other in item.links[name].of(side).items():
                if item.comparison.same(digests, other):
                    return f"the {side} of {name!r} as {artifact!r}"
    return ""


def _idle(trace: Trace, subject: str, *, strict: bool) -> list[Finding]:
    """Name the rules that consumed nothing: often a pattern that was meant to match and does not."""
    return [
        Finding(
            reason=Reason.RULE_IDLE,
            severity=Severity.REJECTION if strict else Severity.NOTE,
            subject=subject,
            message=f"the rule '{write_text(applied.rule)}' consumed none of the {trace.side}",
            rule=write_text(applied.rule),
        )
        for applied in trace.applied
        if applied.idle
    ]


def _explain(failure: Applied, trace: Trace, rules: Sequence[Rule], item: Item, subject: str) -> list[Finding]:
    text = write_text(failure.rule)
    if isinstance(failure.rule, Require):
        name = failure.rule.name
        artifact = ArtifactFinding(name=name, explanation=_why_not_there(name, trace, item))
        message = f"'{text}' failed: {name!r} {artifact.explanation}"
        return [_finding(Reason.ARTIFACT_REQUIRED, subject, message, text, [artifact])]
    tried = [rule for rule in rules[: len(trace.applied) - 1] if isinstance(rule, Match)]
    differing: list[ArtifactFinding] = []
    foreign: list[ArtifactFinding] = []
    for index, name in enumerate(failure.failed):
        artifact = _trace_back(name, tried, item)
        if index < MAX_LOOKED_UP and artifact.found is not None:
            artifact = artifact.replace(last_seen=seen_at(artifact.found, item))
        (differing if artifact.expected is not None else foreign).append(artifact)
    what = _SINGULAR[item.side]
    findings = []
    if differing:
        message = f"{_count(differing, what)} not what an earlier step recorded, and '{text}' forbids that"
        findings.append(_finding(_DIFFERS[item.side], subject, message, text, differing))
    if foreign:
        message = f"{_count(foreign, what)} not covered by any rule before '{text}'"
        findings.append(_finding(_DISALLOWED[item.side], subject, message, text, foreign))
    return findings


def _count(artifacts: Sequence[ArtifactFinding], what: str) -> str:
    if len(artifacts) == 1:
        return f"{what} {artifacts[0].name!r} is"
    return f"{len(artifacts)} {what}s are"


def _why_not_there(name: str, trace: Trace, item: Item) -> str:
    if name not in item.sides.of(item.side):
        return f"is not among the {item.side}"
    consumer = trace.consumer(name)
    by = f" by '{write_text(consumer.rule)}'" if consumer is not None else ""
    return f"was already consumed{by}; REQUIRE only sees what is left, so put it first"


def _trace_back(name: str, tried: Sequence[Match], item: Item) -> ArtifactFinding:
    """Say why no MATCH consumed the artifact `name`; the last one that speaks about it decides."""
    found = item.sides.of(item.side)[name]
    explanation = "no MATCH speaks about it"
    for rule in reversed(tried):
        for _, other in match_pairs(rule, {name: None}):
            link = item.links.get(rule.step)
            there = f"the {rule.side} of step {rule.step!r}"
            if link is None:
                explanation = f"there is no link of step {rule.step!r}"
            elif other not in link.of(rule.side):
                explanation = f"{other!r} is not among {there}"
            else:
                expected = link.of(rule.side)[other]
                comparable = item.comparison.comparable(found, expected)
                return ArtifactFinding(
                    name=name,
                    expected=expected,
                    found=found,
                    explanation=f"differs from {there}"
                    + ("" if comparable else ": the digests that must agree are not all on both sides"),
                )
    return ArtifactFinding(name=name, found=found, explanation=explanation)


def _finding(reason: Reason, subject: str, message: str, rule: str, artifacts: Sequence[ArtifactFinding]) -> Finding:
    return Finding(
        reason=reason,
        severity=Severity.REJECTION,
        subject=subject,
        message=message,
        rule=rule,
        artifacts=tuple(artifacts),
    )
