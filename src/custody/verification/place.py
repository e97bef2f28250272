"""Where in a verification a layout stands, and what all its levels share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from custody.encoding.uniform import Seen
from custody.keys.key import Key
from custody.models.layout import Layout
from custody.rules.artifacts import are_plain
from custody.rules.digests import Comparison
from custody.rules.engine import Sides
from custody.value import Value
from custody.verdict import Finding, InspectionReport, Verdict
from custody.verification.case import Demands, Evidence, EvidenceSet

__all__ = ["Inspected", "Lineage", "Pending", "Place", "Sublayout", "SublayoutJudge", "Tree"]

MAX_SEARCHES = 50
"""For how many failed lists of rules the whole chain is searched for where an artifact comes from."""

Lineage = tuple[tuple[str, str, str], ...]
"""Which sublayouts lead to a place, outermost first: step, file and digest of each."""


class Pending(Value):
    """A sublayout that is good but for its inspections, which have to run."""

    layout: Layout
    links: Mapping[str, Sides]
    place: Place


class Inspected(Value):
    """What came of a sublayout's inspections, which saw `links`."""

    links: Mapping[str, Sides]
    reports: tuple[InspectionReport, ...]
    findings: tuple[Finding, ...] = ()


class Sublayout(Value):
    """A layout that stands for a link: the verdict on it, the evidence that counted for it, and where it stands."""

    verdict: Verdict
    lineage: Lineage
    counted: tuple[Evidence, ...] = ()


class Tree:
    """What the levels of one judgement share: layouts met so far, inspections still to run and those that ran."""

    __slots__ = ("_searches", "failed", "met", "passed", "pending", "seen")

    def __init__(
        self,
        digest: str,
        passed: Mapping[Lineage, Inspected] | None = None,
        failed: Mapping[Lineage, Finding] | None = None,
    ) -> None:
        """Start at the layout with `digest`, knowing whose inspections have run and how."""
        self.met: dict[str, Lineage] = {digest: ()}
        self.passed = passed or {}
        self.failed = failed or {}
        self.pending: list[Pending] = []
        self.seen = Seen(are_plain)
        self._searches = 0

    def forget(self, lineage: Lineage) -> None:
        """Drop the sublayout that stands there, with all in it, because it does not count.

        So it does not take the place of the same layout elsewhere, and none of its inspections runs.
        """
        depth = len(lineage)
        self.met = {digest: at for digest, at in self.met.items() if at[:depth] != lineage}
        self.pending = [pending for pending in self.pending if pending.place.lineage[:depth] != lineage]

    def may_search(self) -> bool:
        """Whether one more search through the chain is worth its time."""
        self._searches += 1
        return self._searches <= MAX_SEARCHES


class Place(Value):
    """Where in the tree a layout stands: its evidence, and the steps that lead to it."""

    evidence: EvidenceSet
    at: datetime
    demands: Demands
    parameters: Mapping[str, str]
    tree: Tree
    lineage: Lineage = ()

    @property
    def path(self) -> tuple[str, ...]:
        """The steps that lead here."""
        return tuple(step for step, _, _ in self.lineage)

    @property
    def digest(self) -> str:
        """The digest of the sublayout that stands here, '' for the layout that was asked about."""
        return self.lineage[-1][2] if self.lineage else ""

    @property
    def comparison(self) -> Comparison:
        """How digests are compared here."""
        return Comparison(pinned=self.demands.pinned)

    def subject(self, kind: str, name: str) -> str:
        """Return how findings name an item of this layout."""
        return " > ".join([*(f"step {step!r}" for step in self.path), f"{kind} {name!r}"])

    @property
    def layout_subject(self) -> str:
        """How findings name the layout itself."""
        return " > ".join([*(f"step {step!r}" for step in self.path), "layout"])

    def below(self, step: str, evidence: Evidence, digest: str) -> Place:
        """Return the place of the layout in `evidence`, which stands for a link of `step`."""
        return self.replace(
            evidence=evidence.nested,
            lineage=(*self.lineage, (step, evidence.source, digest)),
            parameters=self.parameters if self.demands.sublayout_parameters else {},
            demands=self.demands.replace(ignore_fields=()),
        )


SublayoutJudge = Callable[[Mapping[str, Any], tuple[Key, ...], Place], Sublayout]
"""Judges the content of a sublayout that has these signers, at its place."""
