"""The file in which a verifier remembers the newest layout of each owner, against replays of old ones.

`{"owners": {IDENTITY: {"digest": SHA-256, "expires": INSTANT, "superseded": [SHA-256, ...]}}}`; an identity is the
SHA-256 of an owner key's SubjectPublicKeyInfo. One file serves one project: owners sign other projects' layouts, too.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from custody.encoding.fields import Fields
from custody.encoding.instants import read_instant, write_instant
from custody.encoding.strict import read_json, write_json
from custody.errors import FormatError, StoreError
from custody.files import read_file, write_file
from custody.verification.case import Remembered
from custody.verification.owners import is_older

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from custody.verdict import Verdict

__all__ = ["recall", "remember"]

MAX_STATE_BYTES = 64 * 1024 * 1024
"""The largest state file; an owner with `MAX_SUPERSEDED` layouts takes 70 kB of it."""

MAX_SUPERSEDED = 1000
"""How many replaced layouts of one owner are remembered by digest; older ones only by their expiry."""


def recall(path: str) -> Mapping[str, Remembered]:
    """Return what the file remembers by owner; a file that is not there yet remembers nothing.

    Raises:
        StoreError: it cannot be read.
        FormatError: it is not such a file. Verifying without it would be the replay it is to prevent.

    """
    if not os.path.lexists(path):
        return {}
    data = read_file(path, what="state file", limit=MAX_STATE_BYTES)
    try:
        owners = Fields(read_json(data)).object("owners")
        return {identity: _read(entry, f"owners.{identity}") for identity, entry in owners.items()}
    except FormatError as error:
        raise error.within(path) from None


def remember(path: str, verdict: Verdict, identities: tuple[str, ...], *, named: bool = False) -> None:
    """Make the file remember the accepted layout as the newest of the owners with `identities`.

    If another verification has meanwhile written a newer one there, that stays the newest, unless the verifier
    `named` this layout by its digest.

    Raises:
        StoreError: it cannot be written.

    """
    expires = verdict.layout_expires
    if not verdict.accepted or expires is None:
        raise StoreError("only an accepted layout is remembered")
    known = dict(recall(path))
    for identity in identities:
        old = known.get(identity)
        if named or old is None or not is_older(verdict.layout_digest, expires, old):
            known[identity] = _newest(old, verdict.layout_digest, expires)
    document = {"owners": {identity: _write(entry) for identity, entry in known.items()}}
    write_file(path, write_json(document), what="state file")


def _newest(old: Remembered | None, digest: str, expires: datetime) -> Remembered:
    if old is None:
        return Remembered(digest=digest, expires=expires)
    superseded = [*old.superseded] if old.digest == digest else [*old.superseded, old.digest]
    kept = tuple(other for other in superseded if other != digest)
    return Remembered(digest=digest, expires=expires, superseded=kept[-MAX_SUPERSEDED:])


def _read(value: object, where: str) -> Remembered:
    fields = Fields(value, where)
    return Remembered(
        digest=fields.text("digest"),
        expires=read_instant(fields.any("expires"), fields.path("expires")),
        superseded=fields.texts("superseded"),
    )


def _write(entry: Remembered) -> dict[str, object]:
    return {
        "digest": entry.digest,
        "expires": write_instant(entry.expires),
        "superseded": list(entry.superseded),
    }
