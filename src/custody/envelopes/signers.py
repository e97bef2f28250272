"""Whose signatures an envelope carries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.keys.public import key_ids, signer_among

if TYPE_CHECKING:
    from collections.abc import Sequence

    from custody.envelopes.reader import Envelope
    from custody.keys.public import PublicKey

__all__ = ["MAX_GUESSES", "hints_any", "signed_by"]

MAX_GUESSES = 256
"""How many keys are tried on one envelope for signatures whose key id names none of them.

Each try hashes the whole message, and whoever can put a file among the links can put hundreds of bad signatures there.
"""


def signed_by(envelope: Envelope, keys: Sequence[PublicKey]) -> tuple[PublicKey, ...]:
    """Return those of `keys` that made a signature of `envelope`, each key's material once.

    Any good signature counts, wherever it stands and whatever key id is written beside it: a bad one before it
    (D15), a wrong hint or the same key under a second name (D16) changes nothing.
    """
    if not envelope.signatures or not keys:
        return ()
    message = envelope.signed_bytes
    named = _by_name(envelope, keys)
    found: dict[str, PublicKey] = {}
    guesses = MAX_GUESSES
    for signature in envelope.signatures:
        left = [key for key in keys if key.identity not in found]
        if not left or signature.is_openpgp:
            continue
        likely = [key for key in left if key.identity in named.get(signature.keyid, ())]
        others = [key for key in left if key not in likely][:guesses]
        key = signer_among(likely, signature.keyid, signature.value, message)
        if key is None:
            key = signer_among(others, signature.keyid, signature.value, message)
            guesses -= len(others)
        if key is not None:
            found[key.identity] = key
    return tuple(found.values())


def _by_name(envelope: Envelope, keys: Sequence[PublicKey]) -> dict[str, set[str]]:
    """Return the identities of `keys` by the names that signatures of `envelope` use for them."""
    hints = {signature.keyid for signature in envelope.signatures}
    labels_only = hints <= {key.keyid for key in keys}  # the other ids of a key take time to compute
    named: dict[str, set[str]] = {}
    for key in keys:
        ids = frozenset({key.keyid}) if labels_only else key_ids(key)
        for name in hints & ids:
            named.setdefault(name, set()).add(key.identity)
    return named


def hints_any(envelope: Envelope, keys: Sequence[PublicKey]) -> bool:
    """Return whether a signature names one of `keys`, under any of its ids; it proves nothing."""
    hints = {signature.keyid for signature in envelope.signatures}
    return any(hints & key_ids(key) for key in keys)
