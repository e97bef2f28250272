"""Whose links count for a step (specification 1.0, section 5.2, steps 3 and 4).

A vote is a good signature by one of the step's functionaries over a link of that step. Evidence is judged by its
signature and its content; the name of its file only said where to look (D5). What does not count is skipped with a
finding, so that one bad link never hides enough good ones (D13, D18).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.encoding.instants import MAX_CLOCK_SKEW, read_instant
from custody.encoding.uniform import plain
from custody.envelopes.dsse import IN_TOTO_PAYLOAD
from custody.envelopes.reader import digest_of, read_envelope
from custody.envelopes.signers import hints_any, keyless_refusal, signed_by, untimely
from custody.errors import FormatError
from custody.keys.keyid import short_id
from custody.models.layout import LAYOUT_TYPE
from custody.models.link import LINK_TYPE, Link, read_link
from custody.value import Value
from custody.verdict import ArtifactFinding, Finding, Reason, Severity
from custody.verification.case import Evidence, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta
    from typing import Any

    from custody.envelopes.reader import Envelope
    from custody.keys.key import Key
    from custody.models.layout import Layout, Step
    from custody.verification.certified import Certified, Uncertified
    from custody.verification.place import Place, Sublayout, SublayoutJudge

__all__ = ["Vote", "age_problem", "cast_votes"]

_FINISHED_ON = "finishedOn"
_STATEMENT = "https://in-toto.io/Statement/"


class Vote(Value):
    """A link that counts, with the key that makes it count; behind the summary of a sublayout stands all of it.

    `certified` are the certificates of the key that count for the step; a key that the step lists needs none.
    """

    key: Key
    link: Link
    evidence: Evidence
    certified: tuple[Certified, ...] = ()
    sublayout: Sublayout | None = None


class _NotCountedError(Exception):
    """Why a piece of evidence is not counted, and which artifacts that is about."""

    def __init__(self, reason: Reason, message: str, artifacts: Sequence[ArtifactFinding] = ()) -> None:
        self.reason = reason
        self.artifacts = artifacts
        super().__init__(message)


def cast_votes(
    step: Step, layout: Layout, place: Place, judge_sublayout: SublayoutJudge
) -> tuple[list[Vote], list[Finding]]:
    """Return the votes for `step` and, as warnings, why the other evidence does not count."""
    votes: list[Vote] = []
    skipped: list[Finding] = []
    for evidence in place.evidence.get(step.name, ()):
        try:
            votes.extend(_votes(evidence, step, layout, place, judge_sublayout))
        except _NotCountedError as error:
            finding = _finding(error.reason, str(error), step, place, evidence)
            skipped.append(finding.replace(artifacts=error.artifacts))
        except FormatError as error:
            message = f"{evidence.source} is not counted: {error}"
            skipped.append(_finding(Reason.LINK_MALFORMED, message, step, place, evidence))
    return votes, skipped


def _finding(reason: Reason, message: str, step: Step, place: Place, evidence: Evidence) -> Finding:
    return Finding(
        reason=reason,
        severity=Severity.WARNING,
        subject=place.subject("step", step.name),
        message=message,
        evidence=evidence.source,
    )


def age_problem(link: Link, place: Place) -> str:
    """Return why the link is too old for this verifier, '' if it is not.

    Old links are as well signed as new ones, so only what they say of their age can tell (GHSA-6q78-j78h-pqm2).

    Raises:
        FormatError: it says when it was made in words that are no instant.

    """
    limit = place.demands.max_age
    if limit is None:
        return ""
    claimed = link.environment.get(_FINISHED_ON)
    if claimed is None:
        claim = f"it does not say when it was made (environment.{_FINISHED_ON})"
        return f"{claim}, and links may be at most {_days(limit)} old"
    made = read_instant(claimed, f"environment.{_FINISHED_ON}")
    if made - place.at > MAX_CLOCK_SKEW:
        return f"it says it was made at {claimed}, which is still to come, so nobody knows how old it is"
    if place.at - made > limit:
        return f"it says it was made at {claimed}, and links may be at most {_days(limit)} old"
    return ""


def _votes(evidence: Evidence, step: Step, layout: Layout, place: Place, judge_sublayout: SublayoutJudge) -> list[Vote]:
    try:
        envelope = read_envelope(evidence.read(), place.tree.seen)
    except UnreadableError as error:
        raise _NotCountedError(Reason.LINK_UNREADABLE, f"{evidence.source} is not counted: {error}") from None
    if envelope.payload_type != IN_TOTO_PAYLOAD:
        raise _NotCountedError(
            Reason.PAYLOAD_TYPE_WRONG,
            f"{evidence.source} is not counted: expected the payload type {IN_TOTO_PAYLOAD}, got"
            f" {envelope.payload_type!r:.80}",
        )
    # 1. The signature first: nothing inside is believed, or even parsed, before it.
    keys, certified = _signers(envelope, evidence, step, layout, place)
    # 2. Then the content.
    content = envelope.content(place.tree.seen)
    kind = content.get("_type")
    if kind == LAYOUT_TYPE:
        inner = place.below(step.name, evidence, digest_of(envelope))
        found = _sublayout_votes(plain(content), keys, evidence, inner, judge_sublayout)
        return [vote.replace(certified=certified.get(vote.key.identity, ())) for vote in found]
    link = _read(content, kind, evidence)
    _check_link(link, evidence, step, place)
    return [Vote(key=key, link=link, evidence=evidence, certified=certified.get(key.identity, ())) for key in keys]


def _read(content: Mapping[str, Any], kind: object, evidence: Evidence) -> Link:
    """Return the link, also one that is written as a statement (in-toto attestation, predicate link)."""
    if kind == LINK_TYPE:
        return read_link(content)
    if isinstance(kind, str) and kind.startswith(_STATEMENT):
        from custody.models.link_statement import statement_to_link  # few links are statements
        from custody.models.statement import read_statement

        # A statement may be about an image besides, which is no product of the link.
        return statement_to_link(read_statement(plain(content)), strict=False)
    raise _NotCountedError(
        Reason.LINK_MALFORMED,
        f"{evidence.source} is not counted: expected a link or a layout, got _type {kind!r:.60}",
    )


def _signers(
    envelope: Envelope, evidence: Evidence, step: Step, layout: Layout, place: Place
) -> tuple[tuple[Key, ...], Mapping[str, tuple[Certified, ...]]]:
    """Return the keys that count for the step, listed there or certified, and certificates by the keys' identities."""
    keys = signed_by(envelope, layout.keys_of(step), at=place.at)
    if not step.cert_constraints:
        if not keys:
            raise _unsigned(envelope, evidence, step, layout, place)
        return keys, {}
    from custody.verification.certified import certified_by  # few layouts ask for certificates

    good, bad = certified_by(envelope, step, layout, place.at, place.demands)
    by_key: dict[str, tuple[Certified, ...]] = {}
    everybody: dict[str, Key] = {key.identity: key for key in keys}
    for each in good:
        key = each.certificate.key
        by_key[key.identity] = (*by_key.get(key.identity, ()), each)
        everybody.setdefault(key.identity, key)
    if not everybody:
        raise _uncertified(bad, evidence) or _unsigned(envelope, evidence, step, layout, place)
    return tuple(everybody.values()), by_key


def _uncertified(found: Sequence[Uncertified], evidence: Evidence) -> _NotCountedError | None:
    if not found:
        return None
    return _NotCountedError(found[0].reason, f"{evidence.source} is not counted: {found[0].message}")


def _check_link(link: Link, evidence: Evidence, step: Step, place: Place) -> None:
    if link.name != step.name:  # D17: a link of one step is no evidence for another
        raise _NotCountedError(
            Reason.LINK_NAME_DIFFERS,
            f"{evidence.source} is not counted: it is a link of step {link.name!r}",
        )
    problem = age_problem(link, place)
    if problem:
        raise _NotCountedError(Reason.LINK_TOO_OLD, f"{evidence.source} is not counted: {problem}")


def _unsigned(envelope: Envelope, evidence: Evidence, step: Step, layout: Layout, place: Place) -> _NotCountedError:
    """Tell apart: no signature, one that is late, a bad one by a functionary, a good one by somebody who is none."""
    source = evidence.source
    if not envelope.signatures:
        return _NotCountedError(Reason.SIGNATURE_MISSING, f"{source} is not counted: it is not signed")
    late = untimely(envelope, layout.keys_of(step), place.at)
    if late is not None:
        reason = Reason.KEY_EXPIRED if late.key_expired else Reason.SIGNATURE_UNTIMELY
        return _NotCountedError(reason, f"{source} is not counted: {late.problem}")
    refusal = keyless_refusal(envelope, layout.keys_of(step))
    if refusal:
        return _NotCountedError(
            Reason.IDENTITY_NOT_PROVEN, f"{source} is not counted: its keyless signature counts for none: {refusal}"
        )
    if hints_any(envelope, layout.keys_of(step)):
        return _NotCountedError(
            Reason.SIGNATURE_INVALID,
            f"{source} is not counted: its signature names a functionary of the step but is not good; it was"
            " changed after it was signed, or somebody else signed it",
        )
    others = signed_by(envelope, tuple(layout.keys.values()))
    if others:
        whose = f"key {short_id(others[0].keyid)}, which is in the layout but not among the step's"
    else:
        named = short_id(envelope.signatures[0].keyid)
        whose = f"a key that the layout does not have ({f'key id {named}' if named else 'it gives no key id'})"
    if step.cert_constraints:
        whose += ", and no certificate stands beside its signature"
        whose += " (a DSSE envelope has no place for one)" if envelope.kind == "dsse" else ""
    return _NotCountedError(Reason.KEY_NOT_AUTHORISED, f"{source} is not counted: it is signed by {whose}")


def _sublayout_votes(
    content: Mapping[str, Any],
    keys: tuple[Key, ...],
    evidence: Evidence,
    place: Place,
    judge_sublayout: SublayoutJudge,
) -> list[Vote]:
    allowed, step = place.demands.sublayouts, place.path[-1]
    if allowed is not None and step not in allowed:
        raise _NotCountedError(
            Reason.SUBLAYOUT_UNEXPECTED,
            f"{evidence.source} is not counted: it is a sublayout, and none is expected for this step"
            f" (--sublayouts {step} expects one)",
        )
    sublayout = judge_sublayout(content, keys, place)
    verdict = sublayout.verdict
    if not verdict.accepted or verdict.summary_link is None:
        first = verdict.rejections[0] if verdict.rejections else None
        reason = Reason.SUBLAYOUT_REJECTED
        if first is not None and first.reason in _OWN_REASONS:
            reason = first.reason
        message = f"{evidence.source} is not counted: the sublayout is {verdict.summary}"
        raise _NotCountedError(reason, message, first.artifacts if first is not None else ())
    return [Vote(key=key, link=verdict.summary_link, evidence=evidence, sublayout=sublayout) for key in keys]


_OWN_REASONS = frozenset({Reason.SUBLAYOUT_REPEATED, Reason.SUBLAYOUT_TOO_DEEP, Reason.SUBLAYOUT_UNINSPECTED})


def _days(age: timedelta) -> str:
    """Return an age in the largest unit that it is a whole number of."""
    seconds = int(age.total_seconds())
    for unit, size in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} seconds"
