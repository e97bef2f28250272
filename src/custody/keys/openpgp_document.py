"""OpenPGP keys as layouts write them, in the reference's form.

`{method, type, hashes: ["pgp+SHA2"], creation_time, validity_period?, keyid, keyval: {private: "", public: {...}},
subkeys?: {keyid: ...}}`. The key id is the fingerprint, and is recomputed: nobody's key can be called like another's.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from custody.encoding.fields import Fields, describe, path_to
from custody.errors import FormatError
from custody.keys.openpgp import OpenPGPKey
from custody.keys.openpgp_algorithms import ALGORITHMS, Algorithm
from custody.keys.openpgp_packets import v4_fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["MAX_SUBKEYS", "make_openpgp_key", "read_openpgp_key", "write_openpgp_key"]

MAX_SUBKEYS = 100
"""The most subkeys of one key; more cost the verifier time."""

_HASHES = ["pgp+SHA2"]
_FINGERPRINT = re.compile(r"[0-9a-f]{40}")
_MAX_SECONDS = 2**32 - 1
_AGAIN = "import it again: `custody key convert gpg:FINGERPRINT --to metadata`"


def read_openpgp_key(
    fields: Fields, keyid: str, refuse_unknown: Callable[[Fields], None], *, is_subkey: bool = False
) -> OpenPGPKey:
    """Return the key with the fingerprint `keyid` that `fields` write.

    Raises:
        FormatError: a field is missing or wrong, the key is weak, it is not the one with this fingerprint, or it
            carries a private part.

    """
    _check_keyid(fields, keyid)
    algorithm = _algorithm(fields)
    hashes = fields.any("hashes")
    if hashes != _HASHES:
        raise FormatError(f"expected {_HASHES}, got {describe(hashes)}", where=fields.path("hashes"))
    if not fields.has("creation_time"):
        # Without it the fingerprint cannot be computed, and the id would be a label that anybody may choose.
        raise FormatError("missing", where=fields.path("creation_time"), remedy=_AGAIN)
    key = make_openpgp_key(
        algorithm,
        _public(fields, algorithm, refuse_unknown),
        where=path_to(fields.path("keyval"), "public"),
        created=_seconds(fields, "creation_time"),
        validity=_seconds(fields, "validity_period") if fields.has("validity_period") else None,
    )
    _check_fingerprint(key, algorithm, keyid, fields)
    subkeys = None
    if fields.has("subkeys") and not is_subkey:
        subkeys = _subkeys(fields, refuse_unknown)
    refuse_unknown(fields)
    return key.replace(keyid=keyid, subkeys=subkeys)


def make_openpgp_key(
    algorithm: Algorithm, public: Mapping[str, str], *, where: str, created: int, validity: int | None, number: int = 0
) -> OpenPGPKey:
    """Return the checked key with these parameters, under its fingerprint.

    `number` is the algorithm's in the key's packet, the usual one if 0.

    Raises:
        FormatError: they make no key, or a weak one.

    """
    spki = algorithm.spki(public, where)
    body = algorithm.packet_body(created, public, number or algorithm.numbers[0])
    return OpenPGPKey(
        keyid=v4_fingerprint(body),
        keytype=algorithm.keytype,
        scheme=algorithm.method,
        parameters=tuple((name, public[name]) for name in algorithm.parameters),
        spki=spki,
        created=created,
        validity=validity,
    )


def write_openpgp_key(key: OpenPGPKey) -> dict[str, Any]:
    """Return `key` as a layout writes it, byte for byte as the reference does."""
    document: dict[str, Any] = {
        "method": key.scheme,
        "type": key.keytype,
        "hashes": list(_HASHES),
        "creation_time": key.created,
        "keyid": key.keyid,
        "keyval": {"private": "", "public": dict(key.parameters)},
    }
    if key.validity is not None:
        document["validity_period"] = key.validity
    if key.subkeys is not None:
        document["subkeys"] = {subkey.keyid: write_openpgp_key(subkey) for subkey in key.subkeys}
    return document


def _check_keyid(fields: Fields, keyid: str) -> None:
    if not _FINGERPRINT.fullmatch(keyid):
        raise FormatError(
            f"expected a fingerprint, 40 lower-case hexadecimal digits, got {keyid!r:.80}",
            where=fields.path("keyid"),
            remedy=_AGAIN,
        )


def _algorithm(fields: Fields) -> Algorithm:
    method, keytype = fields.text("method"), fields.text("type")
    for algorithm in ALGORITHMS:
        if (algorithm.method, algorithm.keytype) == (method, keytype):
            return algorithm
    known = ", ".join(algorithm.method for algorithm in ALGORITHMS)
    raise FormatError(
        f"the OpenPGP method {method!r:.40} with type {keytype!r:.40} is not supported",
        where=fields.path("method"),
        remedy=f"there are {known}",
    )


def _public(fields: Fields, algorithm: Algorithm, refuse_unknown: Callable[[Fields], None]) -> dict[str, str]:
    keyval = Fields(fields.any("keyval"), fields.path("keyval"))
    if keyval.any("private", "") not in ("", None):
        raise FormatError(
            "expected no private key, got one",
            where=keyval.path("private"),
            remedy="whoever read this file has it: replace the key",
        )
    public = Fields(keyval.any("public"), keyval.path("public"))
    found = {name: public.text(name) for name in algorithm.parameters}
    refuse_unknown(public)
    refuse_unknown(keyval)
    return found


def _seconds(fields: Fields, name: str) -> int:
    value = fields.integer(name, minimum=0)
    if value > _MAX_SECONDS:
        raise FormatError(f"expected at most {_MAX_SECONDS} seconds, got {describe(value)}", where=fields.path(name))
    return value


def _check_fingerprint(key: OpenPGPKey, algorithm: Algorithm, keyid: str, fields: Fields) -> None:
    public = dict(key.parameters)
    computed = [v4_fingerprint(algorithm.packet_body(key.created, public, n)) for n in algorithm.numbers]
    if keyid not in computed:
        raise FormatError(
            f"the key's fingerprint is {computed[0]}, not {keyid}",
            where=fields.path("keyid"),
            remedy=_AGAIN,
        )


def _subkeys(fields: Fields, refuse_unknown: Callable[[Fields], None]) -> tuple[OpenPGPKey, ...]:
    entries = fields.object("subkeys")
    if len(entries) > MAX_SUBKEYS:
        raise FormatError(f"expected at most {MAX_SUBKEYS}, got {len(entries)}", where=fields.path("subkeys"))
    found = []
    for keyid, entry in entries.items():
        inner = Fields(entry, path_to(fields.path("subkeys"), keyid))
        if inner.any("keyid") != keyid:
            raise FormatError(
                f"expected the key id that it is listed under, got {describe(inner.any('keyid'))}",
                where=inner.path("keyid"),
            )
        found.append(read_openpgp_key(inner, keyid, refuse_unknown, is_subkey=True))
    return tuple(found)
