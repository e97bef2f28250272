"""Whose signatures an envelope carries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.keys.keyid import key_ids
from custody.keys.public import signer_among

if TYPE_CHECKING:
    from collections.abc import Sequence

    from custody.envelopes.reader import Envelope
    from custody.keys.public import PublicKey

__all__ = ["hints_any", "signed_by"]


def signed_by(envelope: Envelope, keys: Sequence[PublicKey]) -> tuple[PublicKey, ...]:
    """Return those of `keys` that made a signature of `envelope`, each key's material once.

    Any good signature counts, wherever it stands and whatever key id is written beside it: a bad one before it
    (D15), a wrong hint or the same key under a second name (D16) changes nothing.
    """
    if not envelope.signatures or not keys:
        return ()
    message = envelope.signed_bytes
    found: dict[str, PublicKey] = {}
    for signature in envelope.signatures:
        left = [key for key in keys if key.identity not in found]
        if not left or signature.is_openpgp:
            continue
        key = signer_among(left, signature.keyid, signature.value, message)
        if key is not None:
            found[key.identity] = key
    return tuple(found.values())


def hints_any(envelope: Envelope, keys: Sequence[PublicKey]) -> bool:
    """Return whether a signature names one of `keys`, under any of its ids; it proves nothing."""
    hints = {signature.keyid for signature in envelope.signatures}
    return any(hints & key_ids(key) for key in keys)
