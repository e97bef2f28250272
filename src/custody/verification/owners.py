"""Whether the layout is the owners' (specification 1.0, section 5.2, steps 1 and 2), and the one that is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.encoding.instants import write_instant
from custody.envelopes.dsse import IN_TOTO_PAYLOAD
from custody.envelopes.signers import hints_any, keyless_refusal, signed_by, untimely
from custody.errors import FormatError, UsageError
from custody.keys.key import as_keyless, may_sign_for, refuse_shared_subkeys
from custody.keys.keyid import short_id
from custody.verdict import Reason

if TYPE_CHECKING:
    from datetime import datetime

    from custody.keys.key import Key
    from custody.models.layout import Layout
    from custody.verification.case import Case, Remembered
    from custody.verification.ledger import Ledger

__all__ = ["check_owners", "check_remembered", "is_older"]

SUBJECT = "layout"


def check_owners(case: Case, digest: str, ledger: Ledger) -> tuple[Key, ...]:
    """Return the owner keys whose signatures are good, having rejected the layout unless they are enough.

    All given keys must have signed, or `owner_threshold` of them; keys count by their material (D16).
    """
    by_identity: dict[str, Key] = {}
    for key in case.owner_keys:
        by_identity.setdefault(key.identity, key)
    distinct = tuple(by_identity.values())
    needed = _needed(case, len(distinct))
    if not distinct:
        ledger.reject(Reason.NO_OWNER_KEYS, SUBJECT, "no owner key was given to check it with (--verification-keys)")
        return ()
    if case.layout.payload_type != IN_TOTO_PAYLOAD:
        ledger.reject(
            Reason.PAYLOAD_TYPE_WRONG,
            SUBJECT,
            f"expected the payload type {IN_TOTO_PAYLOAD}, got {case.layout.payload_type!r:.80}",
        )
    _refuse_shared(distinct)
    signed = signed_by(case.layout, distinct, at=case.at)
    if _answered(distinct, signed) < needed:
        _reject_unsigned(case, distinct, signed, needed, ledger)
    for key in signed:
        keyless = as_keyless(key)
        if keyless is not None:
            ledger.note(Reason.IDENTITY_PROVEN, SUBJECT, f"it is signed by {keyless.called}")
    wanted = case.demands.wanted_digest
    if wanted and wanted != digest:
        ledger.reject(
            Reason.LAYOUT_DIGEST_DIFFERS,
            SUBJECT,
            f"expected the layout sha256:{wanted}, got sha256:{digest}: this is not the layout that is meant",
        )
    return signed


def check_remembered(layout: Layout, digest: str, signed: tuple[Key, ...], case: Case, ledger: Ledger) -> None:
    """Reject a layout that an owner has replaced (GHSA-73jv-h86v-c2vh), as far as this verifier remembers.

    Layouts have no version. One that was accepted before a newer one is old, also without the signature of the owner
    who replaced it; one never seen that expires before the newest of an owner who signed it is taken for old.
    `--layout-digest` names the one that is meant and overrides this.
    """
    if case.demands.layout_digest:
        return
    for identity, key in {key.identity: key for key in case.owner_keys}.items():
        known = case.demands.remembered.get(identity)
        if known is None:
            continue
        # Anybody can take a signature away where not all owners must sign. What the owner replaced stays replaced.
        if is_older(digest, layout.expires, known) if _has_signed(key, signed) else digest in known.superseded:
            ledger.reject(
                Reason.LAYOUT_SUPERSEDED,
                SUBJECT,
                f"expected the layout {known.digest[:12]} or a newer one, got {digest[:12]}, which owner"
                f" {short_id(key.keyid)} has replaced (the newest expires {write_instant(known.expires)}); if it is"
                f" meant, name it with --layout-digest {digest}",
            )


def _has_signed(key: Key, signed: tuple[Key, ...]) -> bool:
    return any(may_sign_for(key, other) for other in signed)


def _answered(keys: tuple[Key, ...], signed: tuple[Key, ...]) -> int:
    """Return for how many of `keys` somebody signed who stands for that key only.

    A regular expression may match several who signed, and several may match one of them.
    """
    taken: dict[str, Key] = {}

    def place(key: Key, tried: set[str]) -> bool:
        for other in signed:
            if other.identity in tried or not may_sign_for(key, other):
                continue
            tried.add(other.identity)
            if other.identity not in taken or place(taken[other.identity], tried):
                taken[other.identity] = key
                return True
        return False

    return sum(place(key, set()) for key in keys)


def is_older(digest: str, expires: datetime, known: Remembered) -> bool:
    """Return whether the layout with this digest and expiry is older than the newest one that is known."""
    return digest != known.digest and (digest in known.superseded or expires < known.expires)


def _refuse_shared(keys: tuple[Key, ...]) -> None:
    try:
        refuse_shared_subkeys(keys, "the owner keys")
    except FormatError as error:
        raise UsageError(str(error)) from None


def _needed(case: Case, distinct: int) -> int:
    threshold = case.demands.owner_threshold
    if threshold is None:
        return distinct
    if distinct and threshold > distinct:
        raise UsageError(f"an owner threshold of {threshold} cannot be met by {distinct} different owner key(s)")
    return threshold


def _reject_unsigned(
    case: Case,
    distinct: tuple[Key, ...],
    signed: tuple[Key, ...],
    needed: int,
    ledger: Ledger,
) -> None:
    if all(_has_signed(key, signed) for key in distinct):  # people who are meant by one owner key, or by several
        ledger.reject(
            Reason.OWNER_SIGNATURE_MISSING,
            SUBJECT,
            f"expected signatures by {needed} different owners, got {len(signed)}: each stands for one owner key only",
        )
    for key in distinct:
        if _has_signed(key, signed):
            continue
        late = untimely(case.layout, [key], case.at)
        if late is not None:
            reason = Reason.KEY_EXPIRED if late.key_expired else Reason.SIGNATURE_UNTIMELY
            ledger.reject(
                reason, SUBJECT, f"the signature of owner key {short_id(key.keyid)} does not count: {late.problem}"
            )
        elif refusal := keyless_refusal(case.layout, [key]):
            ledger.reject(
                Reason.IDENTITY_NOT_PROVEN,
                SUBJECT,
                f"no keyless signature counts for owner key {short_id(key.keyid)}: {refusal}",
            )
        elif hints_any(case.layout, [key]):
            ledger.reject(
                Reason.OWNER_SIGNATURE_INVALID,
                SUBJECT,
                f"the signature that names owner key {short_id(key.keyid)} is not good: the layout was changed"
                " after it was signed, or somebody else signed it",
            )
        else:
            names = ", ".join(short_id(s.keyid) or "?" for s in case.layout.signatures) or "nobody"
            ledger.reject(
                Reason.OWNER_SIGNATURE_MISSING,
                SUBJECT,
                f"expected a signature by owner key {short_id(key.keyid)}, got signatures by {names}"
                + (f" ({len(signed)} of {needed} owners signed)" if needed != 1 else ""),
            )
