"""What an OpenPGP key says of itself with SHA-1: what of it counts, and what its owner is told.

Collisions of SHA-1 can be made, second preimages cannot. What a key signs over itself is chosen by whoever holds it,
and the type of the signature is signed, too: a signature over a document or over a subkey cannot be passed off as
another. Only certifications are made over others' keys as well as over the own one, by the same types. So somebody who
gets a chosen key certified could have the certification count for something else that collides with it, if there were
room for what a collision needs. Hence user ids have to be short text, and pictures do not count.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from custody.keys.keyid import short_id
from custody.keys.openpgp_packets import SHA1

if TYPE_CHECKING:
    from custody.keys.openpgp import OpenPGPKey
    from custody.keys.openpgp_packets import SignaturePacket

__all__ = ["MAX_USER_ID_BYTES", "is_by_sha1", "leaves_no_room", "of_binding", "of_consent", "of_key"]

MAX_USER_ID_BYTES = 96
"""The longest user id that SHA-1 may certify: a collision with a chosen beginning takes several blocks of 64 bytes."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def is_by_sha1(found: SignaturePacket) -> bool:
    """Return whether the signature is over a digest by SHA-1."""
    return found.headers.hash_number == SHA1


def leaves_no_room(user_id: bytes) -> bool:
    """Return whether nothing can be hidden in `user_id` that makes it collide with something else."""
    try:
        text = user_id.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return len(user_id) <= MAX_USER_ID_BYTES and not _CONTROL.search(text)


def of_key(key: OpenPGPKey) -> str:
    """Return the remark on a primary key whose self-signatures are by SHA-1."""
    return f"the key {key.keyid} vouches for itself with SHA-1, {_renewal(key, key)}"


def of_binding(key: OpenPGPKey, subkey: OpenPGPKey) -> str:
    """Return the remark on a subkey that the primary key bound by SHA-1."""
    return (
        f"the subkey {short_id(subkey.keyid)} of {key.keyid} is bound to it with SHA-1,"
        f" {_renewal(key, subkey)} {subkey.keyid}"
    )


def of_consent(key: OpenPGPKey, subkey: OpenPGPKey) -> str:
    """Return the remark on a subkey that says by SHA-1 that it belongs to the key; gpg never renews that."""
    return (
        f"the subkey {short_id(subkey.keyid)} of {key.keyid} says with SHA-1 that it belongs there, which is"
        f" outdated; only a new subkey changes that: gpg --quick-add-key {key.keyid} ALGORITHM sign"
    )


def _renewal(key: OpenPGPKey, part: OpenPGPKey) -> str:
    """Return how gpg signs anew when `part` of the key expires, without changing that."""
    until = "never" if part.expires is None else f"{part.expires:%Y%m%dT%H%M%S}"
    return f"which is outdated; renew it and export it again: gpg --quick-set-expire {key.keyid} {until}"
