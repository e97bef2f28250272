"""A key of any kind, and what holds for several of them together."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from custody.errors import FormatError
from custody.keys.keyid import short_id
from custody.keys.public import PublicKey

if TYPE_CHECKING:
    from collections.abc import Iterable

    from custody.keys.openpgp import OpenPGPKey

__all__ = ["Key", "refuse_shared_subkeys"]

Key: TypeAlias = "PublicKey | OpenPGPKey"
"""Whatever verifies signatures for one functionary or owner; text, since most keys need no OpenPGP."""


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
