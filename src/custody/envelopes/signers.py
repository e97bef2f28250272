"""Whose signatures an envelope carries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.keys.key import as_keyless
from custody.keys.public import PublicKey, signer_among

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from custody.envelopes.reader import Envelope
    from custody.envelopes.signature import Signature
    from custody.keys.key import Key
    from custody.keys.openpgp import Untimely

__all__ = ["MAX_GUESSES", "hints_any", "keyless_refusal", "signed_by", "untimely"]

MAX_GUESSES = 256
"""How many keys are tried on one envelope for signatures whose key id names none of them.

Each try hashes the whole message, and whoever can put a file among the links can put hundreds of bad signatures there.
"""


def signed_by(envelope: Envelope, keys: Sequence[Key], *, at: datetime | None = None) -> tuple[Key, ...]:
    """Return those of `keys` that made a signature of `envelope`, each key's material once.

    Any good signature counts, wherever it stands and whatever key id is written beside it: a bad one before it
    (D15), a wrong hint or the same key under a second name (D16) changes nothing. Given `at`, OpenPGP signatures count
    only if their keys had not expired then, and they say that they were made before.
    """
    if not envelope.signatures or not keys:
        return ()
    message = envelope.signed_bytes
    named = _by_name(envelope, keys)
    found: dict[str, Key] = {}
    guesses = MAX_GUESSES
    for signature in envelope.signatures:
        left = [key for key in keys if key.identity not in found]
        if not left:
            break
        likely = [key for key in left if key.identity in named.get(signature.keyid, ())]
        others = [key for key in left if key not in likely and _may_guess(signature, key)][:guesses]
        key = signer_among(likely, signature.keyid, signature.value, message)
        if key is None:
            key = signer_among(others, signature.keyid, signature.value, message)
            guesses -= len(others)
        if key is not None and (at is None or _untimely(key, signature, message, at) is None):
            signed = _signed_as(key, signature, message)
            found.setdefault(signed.identity, signed)
    return tuple(found.values())


def untimely(envelope: Envelope, keys: Sequence[Key], at: datetime) -> Untimely | None:
    """Return why a good signature by one of `keys` does not count at the instant `at`, None if there is none such."""
    message = envelope.signed_bytes
    for signature in envelope.signatures:
        key = None if isinstance(signature.value, bytes) else signer_among(keys, "", signature.value, message)
        problem = None if key is None else _untimely(key, signature, message, at)
        if problem is not None:
            return problem
    return None


def keyless_refusal(envelope: Envelope, keys: Sequence[Key]) -> str:
    """Return why no keyless signature of `envelope` counts for `keys`, '' where that is no matter here."""
    wanted = [key for key in map(as_keyless, keys) if key is not None]
    signatures = [] if not wanted else [s.value for s in envelope.signatures if not isinstance(s.value, bytes)]
    if not signatures:
        return ""
    from custody.keys.keyless import KeylessSignature

    message = envelope.signed_bytes
    refusals = (key.refusal(s, message) for s in signatures if isinstance(s, KeylessSignature) for key in wanted)
    return next(filter(None, refusals), "")


def _may_guess(signature: Signature, key: Key) -> bool:
    """Whether a signature that does not name `key` may be its own all the same: one of OpenPGP names its own key."""
    if isinstance(signature.value, bytes):
        return isinstance(key, PublicKey)
    return as_keyless(key) is not None


def _untimely(key: Key, signature: Signature, message: bytes, at: datetime) -> Untimely | None:
    if isinstance(key, PublicKey) or isinstance(signature.value, bytes):
        return None
    from custody.keys.keyless import KeylessKey, KeylessSignature  # most signatures are bytes

    if isinstance(signature.value, KeylessSignature):
        return key.untimely(signature.value, message, at) if isinstance(key, KeylessKey) else None
    return None if isinstance(key, KeylessKey) else key.untimely(signature.value, at)


def _signed_as(key: Key, signature: Signature, message: bytes) -> Key:
    """Return whose vote a good signature by `key` is: of a regular expression, the identity that it matched."""
    if isinstance(signature.value, bytes):
        return key
    from custody.keys.keyless import KeylessKey, KeylessSignature  # most signatures are bytes

    if isinstance(key, KeylessKey) and isinstance(signature.value, KeylessSignature):
        return key.signed_as(signature.value, message)
    return key


def _by_name(envelope: Envelope, keys: Sequence[Key]) -> dict[str, set[str]]:
    """Return the identities of `keys` by the names that signatures of `envelope` use for them."""
    hints = {signature.keyid for signature in envelope.signatures}
    labels_only = hints <= {key.keyid for key in keys}  # the other ids of a key take time to compute
    named: dict[str, set[str]] = {}
    for key in keys:
        ids = frozenset({key.keyid}) if labels_only else key.names
        for name in hints & ids:
            named.setdefault(name, set()).add(key.identity)
    return named


def hints_any(envelope: Envelope, keys: Sequence[Key]) -> bool:
    """Return whether a signature names one of `keys`, under any of its ids; it proves nothing."""
    hints = {signature.keyid for signature in envelope.signatures}
    return any(hints & key.names for key in keys)
