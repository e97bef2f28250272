"""Keys as layouts write them: `{keyid, keytype, scheme, keyval: {public, private: ""}}`.

OpenPGP keys, which have a `method` instead of a `scheme`, are written in `openpgp_document`, identities in the place of
keys in `keyless_document`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from custody.encoding.fields import Fields, describe, plain_name
from custody.errors import FormatError
from custody.keys.public import PublicKey, make_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from custody.keys.key import Key

__all__ = ["read_key", "write_key"]

_KEYLESS = "sigstore-oidc"


def read_key(
    value: object,
    where: str,
    *,
    refuse_unknown: Callable[[Fields], None],
    listed_as: str | None = None,
) -> Key:
    """Return the key that `value` writes.

    `refuse_unknown` judges fields that this reader does not know. `listed_as` is the key id under
    which a layout lists the key: a `keyid` inside must be the same (D4), and may be left out, as in
    the specification's examples.

    Raises:
        FormatError: a field is missing or wrong, the key is weak, or it carries a private part.

    """
    fields = Fields(value, where)
    keyid = _keyid(fields, listed_as)
    if fields.has("method") and not fields.has("scheme"):
        from custody.keys.openpgp_document import read_openpgp_key  # few layouts have such keys

        return read_openpgp_key(fields, keyid, refuse_unknown)
    keytype, scheme = fields.text("keytype"), fields.text("scheme")
    if keytype == _KEYLESS:
        from custody.keys.keyless_document import read_keyless_key  # few layouts have such functionaries

        return read_keyless_key(fields, keyid, refuse_unknown)
    fields.any("keyid_hash_algorithms", None)
    inner = Fields(fields.any("keyval"), fields.path("keyval"))
    public = inner.text("public")
    _refuse_private(inner)
    key = make_key(keytype=keytype, scheme=scheme, public=public, where=inner.path("public"), keyid=keyid)
    refuse_unknown(fields)
    refuse_unknown(inner)
    return key


def _keyid(fields: Fields, listed_as: str | None) -> str:
    if listed_as is None:
        return plain_name(fields.any("keyid"), fields.path("keyid"))
    keyid = plain_name(listed_as, fields.where)
    found = fields.any("keyid", keyid)
    if found != keyid:
        raise FormatError(
            f"expected the key id that it is listed under, got {describe(found)}",
            where=fields.path("keyid"),
        )
    return keyid


def write_key(key: Key) -> dict[str, Any]:
    """Return `key` as a layout writes it."""
    if isinstance(key, PublicKey):
        return {
            "keyid": key.keyid,
            "keytype": key.keytype,
            "scheme": key.scheme,
            "keyval": {"public": key.public},
        }
    from custody.keys.keyless import KeylessKey  # few layouts have others

    if isinstance(key, KeylessKey):
        from custody.keys.keyless_document import write_keyless_key

        return write_keyless_key(key)
    from custody.keys.openpgp_document import write_openpgp_key

    return write_openpgp_key(key)


def _refuse_private(keyval: Fields) -> None:
    """A layout is public: a private key in it is a key that everybody has."""
    if keyval.any("private", "") not in ("", None):
        raise FormatError(
            "expected no private key, got one",
            where=keyval.path("private"),
            remedy="whoever read this file has it: replace the key",
        )
