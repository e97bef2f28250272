"""Whether enough functionaries agree (specification 1.0, section 5.2, steps 4 and 5; D12, D16).

A functionary is one key material and has one vote in a group. Links are grouped by equal materials and products.
Exactly one group must reach the threshold: with two, the functionaries told two stories, and neither is believed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.value import Value
from custody.verdict import ArtifactFinding, Finding, Reason, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from custody.models.layout import Step
    from custody.models.link import Link
    from custody.rules.artifacts import Artifacts
    from custody.rules.digests import Comparison
    from custody.verification.chain import Place
    from custody.verification.votes import Vote

__all__ = ["Agreement", "agree"]


class Agreement(Value):
    """The votes that won, the first of them by the order of the step's keys; none if nobody won."""

    votes: tuple[Vote, ...] = ()

    @property
    def link(self) -> Link | None:
        """The link that stands for the step."""
        return self.votes[0].link if self.votes else None


def agree(
    step: Step, votes: Sequence[Vote], skipped: Sequence[Finding], place: Place
) -> tuple[Agreement, list[Finding]]:
    """Return who agreed on what, with findings; the skipped evidence rejects where it was needed."""
    groups = _groups(votes, place.comparison)
    winners = [group for group in groups if _voices(group) >= step.threshold]
    if len(winners) == 1:
        won = sorted(winners[0], key=lambda vote: step.pubkeys.index(vote.key.keyid))
        return Agreement(votes=tuple(won)), [*skipped, *_dissent(step, groups, winners[0], place)]
    failure = _failure(step, votes, skipped, groups, winners, place)
    return Agreement(), [*(finding.escalated() for finding in skipped), failure]


def _groups(votes: Sequence[Vote], comparison: Comparison) -> list[list[Vote]]:
    groups: list[list[Vote]] = []
    for vote in votes:
        for group in groups:
            if all(vote.link is other.link or _equal(vote, other, comparison) for other in group):
                group.append(vote)
                break
        else:
            groups.append([vote])
    return groups


def _equal(one: Vote, other: Vote, comparison: Comparison) -> bool:
    return comparison.same_artifacts(one.link.materials, other.link.materials) and comparison.same_artifacts(
        one.link.products, other.link.products
    )


def _voices(votes: Sequence[Vote]) -> int:
    """Count functionaries, not signatures or key ids: one key under two names is one (D16)."""
    return len({vote.key.identity for vote in votes})


def _dissent(step: Step, groups: list[list[Vote]], winner: list[Vote], place: Place) -> list[Finding]:
    severity = Severity.REJECTION if place.demands.unanimous else Severity.WARNING
    return [
        Finding(
            reason=Reason.DISSENT,
            severity=severity,
            subject=place.subject("step", step.name),
            message=(
                f"{_names(group)} recorded other artifacts than the {_voices(winner)} functionaries who agree:"
                f" {_first_difference(winner[0].link, group[0].link, place.comparison)}"
            ),
            evidence=group[0].evidence.source,
        )
        for group in groups
        if group is not winner
    ]


def _failure(
    step: Step,
    votes: Sequence[Vote],
    skipped: Sequence[Finding],
    groups: list[list[Vote]],
    winners: list[list[Vote]],
    place: Place,
) -> Finding:
    voices, needed = _voices(votes), step.threshold
    if winners:
        reason, message = (
            Reason.LINKS_AMBIGUOUS,
            (
                f"{len(winners)} different sets of artifacts are each signed by enough functionaries, and nothing"
                f" says which is meant: {_first_difference(winners[0][0].link, winners[1][0].link, place.comparison)}"
            ),
        )
    elif not votes and not skipped:
        reason, message = (
            Reason.LINK_MISSING,
            (
                f"expected links signed by {needed} functionary(s), found no link; expected a file"
                f" {step.name}.{(step.pubkeys or ('KEYID',))[0]:.8}.link among the evidence"
            ),
        )
    elif voices < needed:
        reason, message = (
            Reason.TOO_FEW_FUNCTIONARIES,
            (
                f"expected links signed by {needed} functionary(s), got {voices}"
                + (f" ({_names(votes)})" if votes else "")
            ),
        )
    else:
        reason, message = (
            Reason.FUNCTIONARIES_DISAGREE,
            (
                f"expected {needed} functionaries to agree, got {voices} who do not:"
                f" {_first_difference(groups[0][0].link, groups[1][0].link, place.comparison)}"
            ),
        )
    subject = place.subject("step", step.name)
    return Finding(reason=reason, severity=Severity.REJECTION, subject=subject, message=message)


def _names(votes: Sequence[Vote]) -> str:
    return ", ".join(dict.fromkeys(vote.key.keyid[:8] for vote in votes))


def _first_difference(one: Link, other: Link, comparison: Comparison) -> str:
    for side, a, b in (
        ("material", one.materials, other.materials),
        ("product", one.products, other.products),
    ):
        finding = _difference(a, b, comparison)
        if finding is not None:
            return f"{side} {finding.name!r} {finding.explanation}"
    return "their digests cannot be compared"


def _difference(one: Artifacts, other: Artifacts, comparison: Comparison) -> ArtifactFinding | None:
    for name in sorted({*one, *other}):
        if name not in one or name not in other:
            return ArtifactFinding(name=name, explanation="is in one and not in the other")
        if not comparison.same(one[name], other[name]):
            return ArtifactFinding(name=name, explanation="has different digests")
    return None
