"""What the artifact rules say about one side of a step or inspection, and why (specification 1.0, section 4.3.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from custody.rules.digests import MODE
from custody.rules.engine import Item, Trace, apply_rules, match_pairs, select
from custody.rules.grammar import write_text
from custody.rules.variants import Create, Delete, ItemSide, Match, Modify, Require
from custody.value import Value
from custody.verdict import ArtifactFinding, Finding, Reason, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from custody.rules.artifacts import Digests
    from custody.rules.engine import Applied
    from custody.rules.variants import Rule

__all__ = ["MAX_NAME", "Ruling", "rule_on", "seen_at"]

_SINGULAR: Mapping[ItemSide, str] = {"materials": "material", "products": "product"}
_NEWEST_FIRST: tuple[ItemSide, ...] = ("products", "materials")
_DIFFERS = {"materials": Reason.MATERIAL_DIFFERS, "products": Reason.PRODUCT_DIFFERS}
_DISALLOWED = {"materials": Reason.MATERIAL_DISALLOWED, "products": Reason.PRODUCT_DISALLOWED}


MAX_LOOKED_UP = 20
"""For how many artifacts of a failure the whole chain is searched."""

MAX_NAME = 200
"""How much of an artifact's name a message shows; a link may hold names of megabytes."""


class Ruling(Value):
    """The trace of one list of rules and what it means."""

    trace: Trace
    findings: tuple[Finding, ...]


def rule_on(
    rules: Sequence[Rule],
    item: Item,
    subject: str,
    *,
    strict: bool,
    may_search: Callable[[], bool] = lambda: True,
) -> Ruling:
    """Return what `rules` say about `item`; `strict` rejects rules that consume nothing (D27).

    A failure is searched for through the whole chain only if `may_search()` allows it.
    """
    trace = apply_rules(rules, item)
    findings = _idle(trace, subject, strict=strict)
    if trace.failure is not None:
        failed = _explain(trace.failure, trace, rules, item, subject)
        findings += _with_last_seen(failed, item) if may_search() else failed
    return Ruling(trace=trace, findings=tuple(findings))


def seen_at(digests: Digests, item: Item) -> str:
    """Return where else in the chain these digests were last seen before the item, or after it, or ''."""
    return _search([digests], item)[0]


def _search(wanted: Sequence[Digests], item: Item) -> list[str]:
    """Return for each of `wanted` where it was seen, by looking at every link once."""
    comparison = item.comparison
    algorithm = min(comparison.pinned - {MODE})
    places = [""] * len(wanted)
    waiting: dict[str, list[int]] = {}
    for index, digests in enumerate(wanted):
        waiting.setdefault(digests.get(algorithm, "").lower(), []).append(index)
    waiting.pop("", None)
    names = list(item.links)
    own = names.index(item.name) if item.name in names else len(names)
    for name in [*reversed(names[:own]), *names[own + 1 :]]:
        for side in _NEWEST_FIRST:
            for artifact, other in item.links[name].of(side).items():
                if not waiting:
                    return places
                digest = other.get(algorithm, "").lower()
                # Most artifacts are not looked for: one look into a dict settles that.
                found = [i for i in waiting.get(digest, ()) if comparison.same(wanted[i], other)]
                for index in found:
                    places[index] = f"the {side} of {name!r} as {artifact!r:.{MAX_NAME}}"
                if found:
                    left = [i for i in waiting.pop(digest) if i not in found]
                    if left:
                        waiting[digest] = left
    return places


def _with_last_seen(findings: Sequence[Finding], item: Item) -> list[Finding]:
    """Say of the first artifacts of each finding where in the chain their digests were last seen."""
    result = []
    for finding in findings:
        shown = [a for a in finding.artifacts[:MAX_LOOKED_UP] if a.found is not None]
        places = iter(_search([a.found for a in shown if a.found is not None], item) if shown else ())
        first = [
            a.replace(last_seen=next(places)) if a.found is not None else a for a in finding.artifacts[:MAX_LOOKED_UP]
        ]
        result.append(finding.replace(artifacts=(*first, *finding.artifacts[MAX_LOOKED_UP:])))
    return result


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
        message = f"'{text}' failed: {name!r:.{MAX_NAME}} {artifact.explanation}"
        return [_finding(Reason.ARTIFACT_REQUIRED, subject, message, text, [artifact])]
    artifacts = _trace_back(failure.failed, rules[: len(trace.applied) - 1], item)
    differing = [artifact for artifact in artifacts if artifact.expected is not None]
    foreign = [artifact for artifact in artifacts if artifact.expected is None]
    what = _SINGULAR[item.side]
    findings = []
    if differing:
        message = f"{_count(differing, what)} not what another step recorded, and '{text}' forbids that"
        findings.append(_finding(_DIFFERS[item.side], subject, message, text, differing))
    if foreign:
        message = f"{_count(foreign, what)} not accepted by any rule before '{text}', which forbids the rest"
        findings.append(_finding(_DISALLOWED[item.side], subject, message, text, foreign))
    return findings


def _count(artifacts: Sequence[ArtifactFinding], what: str) -> str:
    if len(artifacts) == 1:
        return f"{what} {artifacts[0].name!r:.{MAX_NAME}} is"
    return f"{len(artifacts)} {what}s are"


def _why_not_there(name: str, trace: Trace, item: Item) -> str:
    if name not in item.sides.of(item.side):
        return f"is not among the {item.side} that were recorded"
    consumer = trace.consumer(name)
    by = f" by '{write_text(consumer.rule)}'" if consumer is not None else ""
    return f"was already consumed{by}; REQUIRE only sees what is left, so put it first"


def _trace_back(names: Sequence[str], tried: Sequence[Rule], item: Item) -> list[ArtifactFinding]:
    """Say of each artifact why no rule consumed it; the last MATCH that found it in another link decides."""
    artifacts = item.sides.of(item.side)
    decided: dict[str, ArtifactFinding] = {}
    explanations: dict[str, str] = {}
    waiting = dict.fromkeys(names)
    for rule in reversed(tried):
        if isinstance(rule, Create | Delete | Modify):
            for name in select(rule.pattern, waiting):
                explanations.setdefault(name, _why_no_change(rule, name, item))
        if not isinstance(rule, Match):
            continue
        there = f"the {rule.side} of {rule.step!r}"
        link = item.links.get(rule.step)
        for name, other in match_pairs(rule, waiting):
            if link is None:
                explanations.setdefault(name, f"there is no link of step {rule.step!r} to compare it with")
            elif other not in link.of(rule.side):
                explanations.setdefault(name, f"{other!r:.{MAX_NAME}} is not among {there}")
            else:
                expected = link.of(rule.side)[other]
                decided[name] = _differing(name, artifacts[name], expected, there, item)
        waiting = {name: None for name in waiting if name not in decided}
    return [
        decided.get(name)
        or ArtifactFinding(
            name=name, found=artifacts[name], explanation=explanations.get(name, "no rule before it speaks about it")
        )
        for name in names
    ]


def _why_no_change(rule: Create | Delete | Modify, name: str, item: Item) -> str:
    text = write_text(rule)
    before, after = item.sides.materials, item.sides.products or {}
    if isinstance(rule, Create):
        return f"'{text}' does not hold: it was there before, among the materials"
    if isinstance(rule, Delete):
        return f"'{text}' does not hold: it is still there, among the products"
    if name in before and name in after:
        return f"'{text}' does not hold: it is the same before and after, or cannot be compared"
    return f"'{text}' does not hold: it is not both among the materials and among the products"


def _differing(name: str, found: Digests, expected: Digests, there: str, item: Item) -> ArtifactFinding:
    comparison = item.comparison
    if comparison.comparable(found, expected):
        explanation = f"differs from {there}"
    else:
        pinned = ", ".join(sorted(comparison.pinned))
        explanation = f"cannot be compared with {there}: both must have the digests {pinned}, in full length"
    return ArtifactFinding(name=name, expected=expected, found=found, explanation=explanation)


def _finding(reason: Reason, subject: str, message: str, rule: str, artifacts: Sequence[ArtifactFinding]) -> Finding:
    return Finding(
        reason=reason,
        severity=Severity.REJECTION,
        subject=subject,
        message=message,
        rule=rule,
        artifacts=tuple(artifacts),
    )
