"""What the artifact rules say about one side of a step or inspection, and why (specification 1.0, section 4.3.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, overload

from custody.rules.digests import MODE, column
from custody.rules.engine import Item, Trace, apply_rules, match_pairs
from custody.rules.grammar import write_text
from custody.rules.queue import Queue
from custody.rules.variants import Create, Delete, ItemSide, Match, Modify, Require
from custody.value import Value
from custody.verdict import ArtifactFinding, Finding, Reason, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from custody.rules.artifacts import Artifacts, Digests
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
        findings += _explain(trace, rules, item, subject, searched=may_search())
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
    for name, side, there in _other_sides(item):
        if not waiting:
            break
        # Most artifacts are not looked for: one look into a dict settles that.
        pairs = zip(there, column(there, algorithm), strict=True)
        likely = [artifact for artifact, digest in pairs if digest.lower() in waiting]
        for artifact in likely:
            other = there[artifact]
            digest = other.get(algorithm, "").lower()
            found = [i for i in waiting.get(digest, ()) if comparison.same(wanted[i], other)]
            for index in found:
                places[index] = f"the {side} of {name!r} as {artifact!r:.{MAX_NAME}}"
            if found:
                left = [i for i in waiting.pop(digest) if i not in found]
                if left:
                    waiting[digest] = left
    return places


def _other_sides(item: Item) -> Iterator[tuple[str, ItemSide, Artifacts]]:
    """Yield the artifacts of all other links, the last before the item first; those that links share, once."""
    names = list(item.links)
    own = names.index(item.name) if item.name in names else len(names)
    yielded: dict[int, Artifacts] = {}
    for name in [*reversed(names[:own]), *names[own + 1 :]]:
        for side in _NEWEST_FIRST:
            there = item.links[name].of(side)
            if id(there) not in yielded:
                yielded[id(there)] = there
                yield name, side, there


class _Unaccepted(Sequence[ArtifactFinding]):
    """Artifacts that made a rule fail; why no rule accepted one is found out when it is looked at.

    A failure may be about a million artifacts, and a report shows the first few.
    """

    __slots__ = ("_first", "_item", "_names", "_searched", "_tried")

    def __init__(self, names: Sequence[str], tried: Sequence[Rule], item: Item, *, searched: bool) -> None:
        """Hold `names`, which none of the rules that were `tried` consumed."""
        self._names = names
        self._tried = tried
        self._item = item.replace(links=dict(item.links))  # as they were when the rule failed
        self._searched = searched
        self._first: tuple[ArtifactFinding, ...] | None = None

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._names)

    @overload
    def __getitem__(self, index: int) -> ArtifactFinding: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[ArtifactFinding, ...]: ...

    def __getitem__(self, index: int | slice) -> ArtifactFinding | tuple[ArtifactFinding, ...]:
        """Return one of them, or some, explained."""
        chosen = range(len(self))[index]
        if isinstance(chosen, range):
            return self._explained(chosen)
        return self._explained(range(chosen, chosen + 1))[0]

    def __iter__(self) -> Iterator[ArtifactFinding]:
        """Yield all of them, explained."""
        return iter(self[:])

    def __eq__(self, other: object) -> bool:
        """Compare with any sequence of artifacts."""
        return isinstance(other, Sequence) and len(self) == len(other) and tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]  # digests are mappings

    def __repr__(self) -> str:
        """Return how many there are."""
        return f"<{len(self)} artifacts>"

    def _explained(self, chosen: range) -> tuple[ArtifactFinding, ...]:
        if self._first is None:
            self._first = self._with_last_seen(_trace_back(self._names[:MAX_LOOKED_UP], self._tried, self._item))
        first = self._first
        others = [self._names[index] for index in chosen if index >= MAX_LOOKED_UP]
        traced = iter(_trace_back(others, self._tried, self._item) if others else ())
        return tuple(first[index] if index < MAX_LOOKED_UP else next(traced) for index in chosen)

    def _with_last_seen(self, artifacts: Sequence[ArtifactFinding]) -> tuple[ArtifactFinding, ...]:
        """Say of each where in the chain its digests were last seen."""
        if not self._searched:
            return tuple(artifacts)
        places = _search([artifact.found or {} for artifact in artifacts], self._item)
        return tuple(artifact.replace(last_seen=place) for artifact, place in zip(artifacts, places, strict=True))


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


def _explain(trace: Trace, rules: Sequence[Rule], item: Item, subject: str, *, searched: bool) -> list[Finding]:
    """Return why the last rule of `trace` failed; `searched` says whether the chain may be searched for that."""
    failure = trace.applied[-1]
    text = write_text(failure.rule)
    if isinstance(failure.rule, Require):
        name = failure.rule.name
        artifact = ArtifactFinding(name=name, explanation=_why_not_there(name, trace, item))
        message = f"'{text}' failed: {name!r:.{MAX_NAME}} {artifact.explanation}"
        return [_finding(Reason.ARTIFACT_REQUIRED, subject, message, text, (artifact,))]
    tried, what = rules[: len(trace.applied) - 1], _SINGULAR[item.side]
    differing, foreign = _compared(trace)
    findings = []
    if differing:
        message = f"{_count(differing, what)} not what another step recorded, and '{text}' forbids that"
        artifacts = _Unaccepted(differing, tried, item, searched=searched)
        findings.append(_finding(_DIFFERS[item.side], subject, message, text, artifacts))
    if foreign:
        message = f"{_count(foreign, what)} not accepted by any rule before '{text}', which forbids the rest"
        artifacts = _Unaccepted(foreign, tried, item, searched=searched)
        findings.append(_finding(_DISALLOWED[item.side], subject, message, text, artifacts))
    return findings


def _count(names: Sequence[str], what: str) -> str:
    if len(names) == 1:
        return f"{what} {names[0]!r:.{MAX_NAME}} is"
    return f"{len(names)} {what}s are"


def _compared(trace: Trace) -> tuple[Sequence[str], Sequence[str]]:
    """Return those names that a MATCH found in another link, and as it left them, they differ there; and the others."""
    failed = trace.applied[-1].failed
    differing = [applied.differing for applied in trace.applied if applied.differing]
    if not differing:
        return (), failed
    if failed in differing:  # often it is about all of them
        return failed, ()
    found = set().union(*differing)
    return [name for name in failed if name in found], [name for name in failed if name not in found]


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
    waiting = Queue(dict.fromkeys(names))
    for rule in reversed(tried):
        if isinstance(rule, Create | Delete | Modify):
            for name in waiting.select(rule.pattern):
                explanations.setdefault(name, _why_no_change(rule, name, item))
        if not isinstance(rule, Match):
            continue
        there = f"the {rule.side} of {rule.step!r}"
        link = item.links.get(rule.step)
        settled = []
        for name, other in match_pairs(rule, waiting):
            if link is None:
                explanations.setdefault(name, f"there is no link of step {rule.step!r} to compare it with")
            elif other not in link.of(rule.side):
                explanations.setdefault(name, f"{other!r:.{MAX_NAME}} is not among {there}")
            else:
                expected = link.of(rule.side)[other]
                decided[name] = _differing(name, artifacts[name], expected, there, item)
                settled.append(name)
        waiting.remove(settled)
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
        artifacts=artifacts,
    )
