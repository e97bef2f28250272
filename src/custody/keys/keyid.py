"""Key ids: the two names that one key has in the world.

The reference hashes the canonical JSON of key type, scheme and value. The Go implementation and old
releases of the reference add `keyid_hash_algorithms` and cut the white space around a PEM. Both names
are accepted everywhere.
"""

from __future__ import annotations

from custody.encoding.canonical import canonical_json
from custody.encoding.hashing import sha256

__all__ = ["SHORT", "keyid_of", "legacy_keyid_of", "short_id"]

SHORT = 8
"""How many characters of a key id a link's file name carries."""


def keyid_of(keytype: str, scheme: str, public: str) -> str:
    """Return the key id as the reference computes it."""
    return _hash({"keytype": keytype, "scheme": scheme, "keyval": {"public": public}})


def legacy_keyid_of(keytype: str, scheme: str, public: str) -> str:
    """Return the key id as the Go implementation and old releases of the reference compute it."""
    return _hash(
        {
            "keytype": keytype,
            "scheme": scheme,
            "keyid_hash_algorithms": ["sha256", "sha512"],
            "keyval": {"public": public.strip()},
        }
    )


def short_id(keyid: str) -> str:
    """Return the first `SHORT` characters of `keyid`, by which files and people call the key; it proves nothing."""
    return keyid[:SHORT]


def _hash(document: object) -> str:
    return sha256(canonical_json(document))
