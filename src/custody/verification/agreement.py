"""Whether enough functionaries agree (specification 1.0, section 5.2, steps 4 and 5; D12, D16).

A functionary is one person, as `people` tells, and has one vote in a group. Links are grouped by equal materials and
products. Exactly one group must reach the threshold: with two, the functionaries told two stories, and neither is
believed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.keys.key import as_keyless
from custody.keys.keyid import short_id
from custody.rules.digests import short
from custody.value import Value
from custody.verdict import ArtifactFinding, Finding, Reason, Severity
from custody.verification.rulings import MAX_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from custody.models.layout import Step
    from custody.models.link import Link
    from custody.rules.artifacts import Artifacts
    from custody.rules.digests import Comparison
    from custody.verification.place import Place
    from custody.verification.votes import Vote

__all__ = ["Agreement", "agree"]

MAX_PEERS = 32
"""With how many groups a link is compared that differ from it, if at all, in digests that are not pinned."""

MAX_EXPLAINED = 5
"""How many differences, names and files one message spells out."""


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
    count = _counting(votes)
    winners = [group for group in groups if count(group) >= step.threshold]
    if len(winners) == 1:
        order = {keyid: number for number, keyid in reversed(list(enumerate(step.pubkeys)))}
        won = sorted(winners[0], key=lambda vote: order.get(vote.key.listed_as, len(order)))
        return Agreement(votes=tuple(won)), [
            *skipped,
            *_dissent(step, groups, winners[0], place),
            *_certificates(step, won, place),
            *_identities(step, won, place),
        ]
    failure = _failure(step, votes, skipped, groups, winners, place)
    return Agreement(), [*(finding.escalated() for finding in skipped), failure]


class _Group(list["Vote"]):
    """Votes for one set of artifacts; `materials` and `products` have every digest that one of them gives."""

    def __init__(self, link: Link) -> None:
        super().__init__()
        self.materials = link.materials
        self.products = link.products

    def admits(self, link: Link, comparison: Comparison) -> bool:
        """Return whether the link contradicts none of the group's."""
        same = comparison.same_artifacts
        return same(self.materials, link.materials) and same(self.products, link.products)

    def learn(self, link: Link) -> None:
        """Take over digests that the group did not have yet."""
        self.materials = _joined(self.materials, link.materials)
        self.products = _joined(self.products, link.products)


def _joined(own: Artifacts, other: Artifacts) -> Artifacts:
    """Return the same artifacts with all digests that one of the two has."""
    new = {name: {**digests, **own[name]} for name, digests in other.items() if not digests.keys() <= own[name].keys()}
    return {**own, **new} if new else own


def _groups(votes: Sequence[Vote], comparison: Comparison) -> list[_Group]:
    """Return the votes by what they say.

    Whoever may sign may sign a thousand different links, so each is compared only with groups that agree with it in
    every pinned digest: with the one that says exactly the same, and with a few of the others.
    """
    groups: list[_Group] = []
    by_link: dict[int, _Group] = {}
    exact: dict[bytes, _Group] = {}
    alike: dict[bytes, list[_Group]] = {}
    single = len({id(vote.link) for vote in votes}) == 1
    for vote in votes:
        link = vote.link
        group = by_link.get(id(link))
        if group is None:
            said, pinned = (b"", b"") if single else _fingerprints(link, comparison)
            peers = alike.setdefault(pinned, [])
            candidates = [*([exact[said]] if said in exact else ()), *peers[:MAX_PEERS]]
            group = next((peer for peer in candidates if peer.admits(link, comparison)), None)
            if group is None:
                group = _Group(link)
                groups.append(group)
                peers.append(group)
            else:
                group.learn(link)
            exact[said] = by_link[id(link)] = group
        group.append(vote)
    return groups


def _fingerprints(link: Link, comparison: Comparison) -> tuple[bytes, bytes]:
    """Return hashes of the link's artifacts with all their digests, and with the pinned ones only."""
    import hashlib  # most steps have one link

    exact, pinned = hashlib.sha256(), hashlib.sha256()
    algorithms = sorted(comparison.pinned)
    for side in (link.materials, link.products):
        for name in sorted(side):
            digests = {algorithm: digest.lower() for algorithm, digest in side[name].items()}
            exact.update(repr((name, sorted(digests.items()))).encode())
            pinned.update(repr((name, [digests.get(algorithm) for algorithm in algorithms])).encode())
        exact.update(b"\n")
        pinned.update(b"\n")
    return exact.digest(), pinned.digest()


def _identities(step: Step, won: Sequence[Vote], place: Place) -> list[Finding]:
    """Say whose certificates of minutes links count by: the layout may have a regular expression for them."""
    found = [(vote, as_keyless(vote.key)) for vote in won]
    return [
        Finding(
            reason=Reason.IDENTITY_PROVEN,
            severity=Severity.NOTE,
            subject=place.subject("step", step.name),
            message=f"{vote.evidence.source} is by {key.called}",
            evidence=vote.evidence.source,
        )
        for vote, key in found
        if key is not None
    ]


def _counting(votes: Sequence[Vote]) -> Callable[[Sequence[Vote]], int]:
    """Return what counts people, not signatures or key ids: one key under two names is one (D16)."""
    if not any(vote.certified for vote in votes):
        return lambda group: len({vote.key.identity for vote in group})
    from custody.verification.people import People  # few layouts ask for certificates

    return People(votes).count


def _certificates(step: Step, won: Sequence[Vote], place: Place) -> list[Finding]:
    """Say by whose certificates links count, which the layout does not name."""
    return [
        Finding(
            reason=Reason.CERTIFICATE_USED,
            severity=Severity.NOTE,
            subject=place.subject("step", step.name),
            message=f"{vote.evidence.source} counts by {vote.certified[0].text}",
            evidence=vote.evidence.source,
        )
        for vote in won
        if vote.certified
    ]


def _dissent(step: Step, groups: Sequence[Sequence[Vote]], winner: Sequence[Vote], place: Place) -> list[Finding]:
    severity = Severity.REJECTION if place.demands.unanimous else Severity.WARNING
    others = [group for group in groups if group is not winner]
    findings = []
    for number, group in enumerate(others):
        message = f"{_names(group)} recorded other artifacts than {_names(winner)}, whose word counts"
        if number < MAX_EXPLAINED:
            message += f": {_first_difference(winner[0].link, group[0].link, place.comparison)}"
        findings.append(
            Finding(
                reason=Reason.DISSENT,
                severity=severity,
                subject=place.subject("step", step.name),
                message=message,
                evidence=group[0].evidence.source,
            )
        )
    return findings


def _failure(
    step: Step,
    votes: Sequence[Vote],
    skipped: Sequence[Finding],
    groups: Sequence[Sequence[Vote]],
    winners: Sequence[Sequence[Vote]],
    place: Place,
) -> Finding:
    voices, needed = _counting(votes)(votes), step.threshold
    expected = f"expected links signed by {needed} of its functionaries" if needed > 1 else "expected a link"
    if winners:
        reason = Reason.LINKS_AMBIGUOUS
        message = (
            f"{len(winners)} different sets of artifacts are each signed by enough functionaries, and nothing"
            f" says which is meant: {_dispute(winners, place)}"
        )
    elif not votes and not skipped:
        reason = Reason.LINK_MISSING
        files = ", ".join(f"{step.name}.{short_id(keyid)}.link" for keyid in step.pubkeys[:MAX_EXPLAINED])
        message = f"{expected}, found none; looked for files such as {files or f'{step.name}.KEYID.link'}"
        message += " (--link-dir says where)" if not place.lineage else ""
    elif voices < needed:
        reason = Reason.TOO_FEW_FUNCTIONARIES
        message = f"{expected}, got " + (f"{voices} ({_names(votes)})" if votes else "none that counts")
    else:
        reason = Reason.FUNCTIONARIES_DISAGREE
        message = f"expected {needed} functionaries to agree, got {voices} who do not: {_dispute(groups, place)}"
    subject = place.subject("step", step.name)
    return Finding(reason=reason, severity=Severity.REJECTION, subject=subject, message=message)


def _dispute(groups: Sequence[Sequence[Vote]], place: Place) -> str:
    """Say who says what, of the first two groups that differ."""
    one, other = groups[0], groups[1]
    return f"{_names(one)} against {_names(other)}: {_first_difference(one[0].link, other[0].link, place.comparison)}"


def _names(votes: Sequence[Vote]) -> str:
    names = list(dict.fromkeys(short_id(vote.key.keyid) for vote in votes))
    return ", ".join(names[:MAX_EXPLAINED]) + (" and others" if len(names) > MAX_EXPLAINED else "")


def _first_difference(one: Link, other: Link, comparison: Comparison) -> str:
    for side, a, b in (
        ("material", one.materials, other.materials),
        ("product", one.products, other.products),
    ):
        finding = _difference(a, b, comparison)
        if finding is not None:
            return f"{side} {finding.name!r:.{MAX_NAME}} {finding.explanation}"
    return "in digests that are not compared"


def _difference(one: Artifacts, other: Artifacts, comparison: Comparison) -> ArtifactFinding | None:
    for name in sorted({*one, *other}):
        if name not in one or name not in other:
            return ArtifactFinding(name=name, explanation="is in one link and not in the other")
        if not comparison.comparable(one[name], other[name]):
            pinned = ", ".join(sorted(comparison.pinned))
            return ArtifactFinding(
                name=name, explanation=f"does not have the digests {pinned}, in full length, in both"
            )
        if not comparison.same(one[name], other[name]):
            explanation = f"has {short(one[name])} in one link and {short(other[name])} in the other"
            return ArtifactFinding(name=name, explanation=explanation)
    return None
