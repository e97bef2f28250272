"""Laws of signing: what is signed verifies, what differs does not, and reading keys never ends in a traceback."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custody.envelopes.dsse import DSSEEnvelope
from custody.envelopes.metablock import Metablock
from custody.envelopes.reader import read_envelope
from custody.envelopes.signers import signed_by
from custody.errors import CustodyError
from custody.signing.keyfile import KeySigner, public_key_of
from custody.signing.keypair import generate
from custody.signing.private_pem import read_private_key, write_private_key
from custody.signing.secret import NO_SECRET
from custody.workflows.sign import sign_envelope


def signer(kind: str) -> KeySigner:
    key = generate(kind)
    return KeySigner(key, public_key_of(key, kind))


SIGNERS = [signer(kind) for kind in ("ed25519", "ed25519", "ecdsa", "ecdsa-p384")]
PEM = write_private_key(generate(), None)

documents = st.dictionaries(st.text(max_size=5), st.text(max_size=5) | st.integers() | st.booleans(), max_size=4)


@given(message=st.binary(max_size=200), other=st.binary(max_size=200), index=st.integers(0, len(SIGNERS) - 1))
def test_signature_verifies_for_its_message_alone(message: bytes, other: bytes, index: int) -> None:
    chosen = SIGNERS[index]
    signature = chosen.sign(message)
    assert chosen.public_key.verify(signature, message)
    assert chosen.public_key.verify(signature, other) is (message == other)


@given(document=documents, order=st.lists(st.sampled_from(SIGNERS), min_size=1, max_size=6), dsse=st.booleans())
def test_appending_in_any_order_leaves_one_good_signature_a_key(
    document: dict[str, object], order: list[KeySigner], dsse: bool
) -> None:
    envelope: Metablock | DSSEEnvelope = DSSEEnvelope.wrap(document) if dsse else Metablock.wrap(document)
    for one in order:
        envelope = sign_envelope(envelope, [one], append=True)
    again = read_envelope(envelope.write())
    keys = {one.public_key for one in order}
    assert len(again.signatures) == len(keys)
    assert set(signed_by(again, [one.public_key for one in SIGNERS])) == keys
    assert len(sign_envelope(again, order[:1]).signatures) == 1


@given(position=st.integers(0, len(PEM) - 1), byte=st.integers(0, 255))
def test_damaged_key_is_a_key_or_a_sentence(position: int, byte: int) -> None:
    damaged = PEM[:position] + bytes([byte]) + PEM[position + 1 :]
    try:
        read_private_key(damaged, "damaged", NO_SECRET)
    except CustodyError as error:
        assert str(error)  # noqa: PT017  # either outcome is right


@given(length=st.integers(0, len(PEM) - 2))
def test_truncated_key_is_a_sentence(length: int) -> None:
    with pytest.raises(CustodyError, match="truncated"):
        read_private_key(PEM[:length], "truncated", NO_SECRET)


@given(data=st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_anything_else_is_a_sentence(data: bytes) -> None:
    with pytest.raises(CustodyError, match="anything"):
        read_private_key(data, "anything", NO_SECRET)
