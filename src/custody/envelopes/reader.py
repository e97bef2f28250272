"""Telling envelopes apart by what they hold, and refusing what is both or neither."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.encoding.fields import as_object
from custody.encoding.hashing import sha256
from custody.encoding.strict import json_text, parse_json, read_json
from custody.encoding.uniform import LARGE_TEXT
from custody.envelopes.dsse import DSSEEnvelope, read_large
from custody.envelopes.metablock import Metablock
from custody.errors import FormatError

if TYPE_CHECKING:
    from custody.encoding.uniform import Seen

__all__ = ["Envelope", "digest_of", "read_envelope", "read_signable"]

_STATEMENTS = "https://in-toto.io/Statement/"

Envelope = Metablock | DSSEEnvelope
"""Whatever carries a document with its signatures."""


def digest_of(envelope: Envelope) -> str:
    """Return the SHA-256 of what was signed, whatever signatures are around it."""
    return sha256(envelope.payload)


def read_envelope(data: bytes, seen: Seen | None = None) -> Envelope:
    """Return the envelope in `data`; what it carries is not looked at. Parts that were `seen` are not parsed again.

    Raises:
        FormatError: `data` is not JSON, no envelope, two envelopes in one, or a document without an envelope.

    """
    large = read_large(data) if len(data) >= LARGE_TEXT else None
    value, payload = large or (None, None)
    if value is None:
        text = json_text(data)
        del data  # a large file would be in memory twice
        value = as_object(parse_json(text, seen=seen), "")
    has_signed, has_payload, is_bundle = "signed" in value, "payload" in value, "dsseEnvelope" in value
    if has_signed + has_payload + is_bundle > 1:
        several = " and ".join(repr(name) for name in ("signed", "payload", "dsseEnvelope") if name in value)
        raise FormatError(f"the file has both {several}: which one was meant?")
    if is_bundle:
        from custody.envelopes.sigstore_bundle import opened_bundle  # few files are

        return DSSEEnvelope.read(opened_bundle(value))
    if has_signed:
        return Metablock.read(value)
    if has_payload:
        return DSSEEnvelope.read(value, payload)
    if "_type" in value:
        raise FormatError(
            f"a bare {value['_type']!r:.60} without an envelope, so nobody signed it",
            remedy="sign it with `custody sign`",
        )
    raise FormatError(
        "expected an envelope with 'signed' or 'payload', got neither",
        remedy="if it is a predicate, `custody attest --predicate` signs a statement with it",
    )


def read_signable(data: bytes) -> Envelope:
    """Return what `custody sign` takes: an envelope, or a bare document in a new one, which is DSSE for statements."""
    value = as_object(read_json(data), "")
    if "_type" not in value or "signed" in value or "payload" in value:
        return read_envelope(data)
    if "signatures" in value:
        raise FormatError(
            "'signatures' stands inside the document, where it would be signed itself",
            where="signatures",
            remedy='write {"signed": {...}, "signatures": []}',
        )
    if isinstance(value["_type"], str) and value["_type"].startswith(_STATEMENTS):
        return DSSEEnvelope.wrap(value)
    return Metablock.wrap(value)
