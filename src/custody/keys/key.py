"""A key of any kind, and what holds for several of them together."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from custody.errors import FormatError
from custody.keys.keyid import short_id
from custody.keys.public import PublicKey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from custody.keys.keyless import KeylessKey, KeylessSignature
    from custody.keys.openpgp import OpenPGPKey, OpenPGPSignature
    from custody.keys.trusted_root import TrustedRoot

__all__ = [
    "Key",
    "SignatureValue",
    "Trust",
    "as_keyless",
    "as_openpgp",
    "ignore_remark",
    "may_sign_for",
    "refuse_shared_subkeys",
    "stands_for_several",
    "trusting",
]

Key: TypeAlias = "PublicKey | OpenPGPKey | KeylessKey"
"""Whatever verifies signatures for one functionary or owner; text, since most keys need no OpenPGP."""

SignatureValue: TypeAlias = "bytes | OpenPGPSignature | KeylessSignature"
"""A signature: bytes alone, or what some kinds of keys need besides."""

Trust: TypeAlias = "Callable[[], TrustedRoot]"
"""Returns who vouches for identities in the place of keys, the same each time; asked only where there are some."""


def ignore_remark(_remark: str) -> None:
    """Drop what the owner of a key should know: what a caller gets who does not ask for remarks."""


def as_openpgp(key: Key) -> OpenPGPKey | None:
    """Return `key` if it is OpenPGP's, else None."""
    if isinstance(key, PublicKey):
        return None
    from custody.keys.openpgp import OpenPGPKey  # most keys are not

    return key if isinstance(key, OpenPGPKey) else None


def as_keyless(key: Key) -> KeylessKey | None:
    """Return `key` if it is an identity in the place of a key, else None."""
    if isinstance(key, PublicKey):
        return None
    from custody.keys.keyless import KeylessKey  # most keys are not

    return key if isinstance(key, KeylessKey) else None


def may_sign_for(key: Key, other: Key) -> bool:
    """Return whether a signature by `other` counts for `key`: it is the same, or an identity that `key` matches."""
    if key.identity == other.identity:
        return True
    names, identity = as_keyless(key), as_keyless(other)
    return names is not None and identity is not None and names.admits(identity)


def stands_for_several(key: Key) -> bool:
    """Return whether several people may sign for `key`, with a vote each, as for a regular expression."""
    keyless = as_keyless(key)
    return keyless is not None and not keyless.is_exact


def trusting(key: Key, trust: Trust | None) -> Key:
    """Return `key`; an identity in the place of one then counts as the trusted root has it, which only then is read."""
    keyless = as_keyless(key)
    return key if keyless is None or trust is None else keyless.replace(trusted_root=trust())


def refuse_shared_subkeys(keys: Iterable[Key], where: str) -> None:
    """Refuse keys of different functionaries that share a subkey, or one's subkey that is another's key (D16).

    Keys count by the material of the primary key. A holder of shared material would sign for two of them.

    Raises:
        FormatError: two keys with different identities have material in common.

    """
    given = tuple(keys)
    if all(isinstance(key, PublicKey) for key in given):
        return
    owners: dict[str, Key] = {}
    for key in given:
        for material in key.identities:
            other = owners.setdefault(material, key)
            if other.identity != key.identity:
                raise FormatError(
                    f"keys {short_id(other.keyid)} and {short_id(key.keyid)} share a subkey, so one holder could sign"
                    " for both",
                    where=where,
                    remedy="leave one of the two out",
                )
