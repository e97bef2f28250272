from __future__ import annotations

import json

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from custody.envelopes.dsse import DSSEEnvelope
from custody.envelopes.metablock import Metablock
from custody.envelopes.reader import read_envelope, read_signable
from custody.envelopes.signers import signed_by
from custody.errors import FormatError
from custody.keys.public import key_of_spki

PRIVATE = Ed25519PrivateKey.from_private_bytes(b"\7" * 32)
KEY = key_of_spki(
    PRIVATE.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo),
    "",
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from('\\"\nnu'))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=10,
)
DOCUMENTS = st.dictionaries(TEXT, VALUES, max_size=5)
KINDS = st.sampled_from([Metablock, DSSEEnvelope])
SIGNATURES = st.lists(st.tuples(TEXT, st.binary(min_size=1, max_size=70)), max_size=3)


@given(KINDS, DOCUMENTS, SIGNATURES)
def test_reading_what_was_written_gives_the_same(
    kind: type[Metablock | DSSEEnvelope], document: dict[str, object], signatures: list[tuple[str, bytes]]
) -> None:
    envelope = kind.wrap(document)
    for keyid, value in signatures:
        envelope = envelope.with_signature(keyid, value)
    again = read_envelope(envelope.write())
    assert again == envelope
    assert again.content() == document
    assert again.signed_bytes == envelope.signed_bytes


@given(KINDS, DOCUMENTS, DOCUMENTS)
def test_a_signature_holds_for_one_document(
    kind: type[Metablock | DSSEEnvelope], document: dict[str, object], other: dict[str, object]
) -> None:
    signature = PRIVATE.sign(kind.wrap(document).signed_bytes)
    assert signed_by(kind.wrap(document).with_signature("", signature), [KEY]) == (KEY,)
    same = json.dumps(document, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert bool(signed_by(kind.wrap(other).with_signature("", signature), [KEY])) == same


@given(KINDS, DOCUMENTS, st.integers(0), st.integers(0, 7))
def test_a_flipped_bit_of_a_file_is_refused_signed_by_nobody_or_without_effect(
    kind: type[Metablock | DSSEEnvelope], document: dict[str, object], at: int, bit: int
) -> None:
    envelope = kind.wrap(document).with_signature(KEY.keyid, PRIVATE.sign(kind.wrap(document).signed_bytes))
    data = bytearray(envelope.write())
    data[at % len(data)] ^= 1 << bit
    try:
        flipped = read_envelope(bytes(data))
        signers = signed_by(flipped, [KEY])
    except FormatError:
        return
    assert not signers or flipped.signed_bytes == envelope.signed_bytes


@given(st.binary(max_size=100) | VALUES.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_an_envelope_or_a_format_error(data: bytes) -> None:
    for read in (read_envelope, read_signable):
        try:
            envelope = read(data)
        except FormatError:
            continue
        assert read_envelope(envelope.write()) == envelope
