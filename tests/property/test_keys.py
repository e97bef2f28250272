from __future__ import annotations

import base64

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from custody.encoding.fields import Fields
from custody.errors import FormatError
from custody.keys.document import read_key, write_key
from custody.keys.pem import spki_of_pem, write_pem
from custody.keys.public import PublicKey, key_of_pem, key_of_spki

RAW = serialization.Encoding.Raw, serialization.PublicFormat.Raw
SEEDS = st.binary(min_size=32, max_size=32)


def refuse(fields: Fields) -> None:
    assert not list(fields.unknown())


def keypair(seed: bytes) -> tuple[Ed25519PrivateKey, PublicKey]:
    private = Ed25519PrivateKey.from_private_bytes(seed)
    der = private.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private, key_of_spki(der, "")


@given(SEEDS)
def test_a_key_survives_both_of_its_forms(seed: bytes) -> None:
    _, key = keypair(seed)
    assert key_of_pem(write_pem(key.spki), "") == key
    assert spki_of_pem(write_pem(key.spki), "") == key.spki
    assert read_key(write_key(key), "", refuse_unknown=refuse) == key
    assert key.keyid in key.names


@given(SEEDS, st.binary(max_size=100), st.integers(0, 511))
def test_flipping_any_bit_of_a_signature_spoils_it(seed: bytes, message: bytes, bit: int) -> None:
    private, key = keypair(seed)
    signature = private.sign(message)
    assert key.verify(signature, message)
    flipped = bytearray(signature)
    flipped[bit // 8] ^= 1 << bit % 8
    assert not key.verify(bytes(flipped), message)


@given(SEEDS, st.binary(max_size=100), st.binary(max_size=100))
def test_a_signature_belongs_to_one_message(seed: bytes, message: bytes, other: bytes) -> None:
    private, key = keypair(seed)
    assert key.verify(private.sign(message), other) == (message == other)


@given(SEEDS, st.binary(max_size=200))
def test_no_bytes_are_a_signature_by_chance_or_a_crash(seed: bytes, junk: bytes) -> None:
    _, key = keypair(seed)
    assert not key.verify(junk, b"message")


@given(st.binary(max_size=300))
def test_any_bytes_as_pem_are_a_key_or_a_format_error(junk: bytes) -> None:
    text = f"-----BEGIN PUBLIC KEY-----\n{base64.b64encode(junk).decode()}\n-----END PUBLIC KEY-----\n"
    try:
        key = key_of_pem(text, "k")
    except FormatError:
        return
    assert key_of_pem(write_pem(key.spki), "k").identity == key.identity


@given(st.text(max_size=300))
def test_any_text_as_pem_is_a_format_error(text: str) -> None:
    try:
        spki_of_pem(text, "k")
    except FormatError:
        return
    raise AssertionError(text)
