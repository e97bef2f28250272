"""Keyless functionaries as layouts write them.

`{keyid, keytype: "sigstore-oidc", scheme: "Fulcio", keyval: {identity, issuer}}`, as securesystemslib writes them. In
the place of `identity` or `issuer`, `identity_regexp` or `issuer_regexp` may stand, which other tools do not read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from custody.encoding.fields import Fields
from custody.errors import FormatError
from custody.keys.keyless import KEYLESS_SCHEME, KEYLESS_TYPE, KeylessKey, keyless_key
from custody.keys.keyless_names import read_wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["is_keyless_document", "keyless_key_of", "read_keyless_key", "write_keyless_key"]


def read_keyless_key(fields: Fields, keyid: str, refuse_unknown: Callable[[Fields], None]) -> KeylessKey:
    """Return the identity that `fields` write, called `keyid`.

    Raises:
        FormatError: a field is missing or wrong: both names are needed.
        UsageError: the extra for regular expressions is not installed.

    """
    fields.constant("keytype", KEYLESS_TYPE)
    fields.constant("scheme", KEYLESS_SCHEME)
    fields.any("keyid_hash_algorithms", None)
    keyval = Fields(fields.any("keyval"), fields.path("keyval"))
    key = keyless_key(read_wanted(keyval, "identity"), read_wanted(keyval, "issuer"))
    refuse_unknown(fields)
    refuse_unknown(keyval)
    return key.replace(keyid=keyid)


def is_keyless_document(document: Mapping[str, object]) -> bool:
    """Return whether the JSON of one key is that of an identity."""
    return document.get("keytype") == KEYLESS_TYPE


def keyless_key_of(document: Mapping[str, object]) -> KeylessKey:
    """Return the identity in a key file, under the id that follows from its names, whatever the file calls it.

    Raises:
        FormatError, UsageError: see `read_keyless_key`; a field that is not known is an error, too.

    """
    fields = Fields(document)
    fields.any("keyid", None)
    key = read_keyless_key(fields, "", _refuse_unknown)
    return key.replace(keyid=key.own_id)


def _refuse_unknown(fields: Fields) -> None:
    for where, _ in fields.unknown():
        raise FormatError("unknown field", where=where, remedy="is this the JSON of one identity?")


def write_keyless_key(key: KeylessKey) -> dict[str, Any]:
    """Return `key` as a layout writes it."""
    return {"keyid": key.keyid, "keytype": KEYLESS_TYPE, "scheme": KEYLESS_SCHEME, "keyval": key.keyval}
