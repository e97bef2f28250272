from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from custody.envelopes.dsse import DSSEEnvelope
from custody.envelopes.metablock import Metablock
from custody.envelopes.reader import Envelope, read_envelope
from custody.envelopes.signers import hints_any, signed_by
from custody.keys.keyid import legacy_keyid_of
from custody.keys.public import PublicKey, key_of_spki

KINDS: Sequence[type[Metablock | DSSEEnvelope]] = (Metablock, DSSEEnvelope)
LAYOUT = {"_type": "layout", "expires": "2030-01-01T00:00:00Z", "steps": [{"name": "build", "threshold": 1}]}

ALICE, BOB, CAROL = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2, 3))


def public(private: Ed25519PrivateKey) -> PublicKey:
    return key_of_spki(
        private.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo),
        "",
    )


A, B, C = public(ALICE), public(BOB), public(CAROL)


def signed(envelope: Envelope, *signers: Ed25519PrivateKey, hint: str | None = None) -> Envelope:
    for signer in signers:
        keyid = public(signer).keyid if hint is None else hint
        envelope = envelope.with_signature(keyid, signer.sign(envelope.signed_bytes))
    return read_envelope(envelope.write())


@pytest.fixture(params=KINDS, ids=["metablock", "dsse"])
def bare(request: pytest.FixtureRequest) -> Envelope:
    envelope: Envelope = request.param.wrap(LAYOUT)
    return envelope


def test_a_signature_counts_for_its_key_only(bare: Envelope) -> None:
    envelope = signed(bare, ALICE)
    assert signed_by(envelope, [A, B]) == (A,)
    assert signed_by(envelope, [B]) == ()


def test_every_signer_counts(bare: Envelope) -> None:
    assert set(signed_by(signed(bare, BOB, ALICE), [A, B, C])) == {A, B}


def test_no_signatures_and_no_keys_are_nobody(bare: Envelope) -> None:
    assert signed_by(bare, [A]) == ()
    assert signed_by(signed(bare, ALICE), []) == ()


def test_a_changed_metablock_is_signed_by_nobody() -> None:
    document = json.loads(signed(Metablock.wrap(LAYOUT), ALICE).write())
    document["signed"]["steps"][0]["threshold"] = 2
    assert signed_by(read_envelope(json.dumps(document).encode()), [A]) == ()


@pytest.mark.parametrize("place", [[], ["steps", 0]])
def test_d2_a_field_injected_into_a_metablock_breaks_its_signature(place: list[Any]) -> None:
    document = json.loads(signed(Metablock.wrap(LAYOUT), ALICE).write())
    inner = document["signed"]
    for step in place:
        inner = inner[step]
    inner["injected"] = ""
    assert signed_by(read_envelope(json.dumps(document).encode()), [A]) == ()


def test_the_white_space_and_order_of_a_metablock_do_not_matter() -> None:
    envelope = signed(Metablock.wrap(LAYOUT), ALICE)
    document = json.loads(envelope.write())
    turned = dict(reversed(document.items())) | {"signed": dict(reversed(document["signed"].items()))}
    assert signed_by(read_envelope(json.dumps(turned).encode()), [A]) == (A,)


def test_a_single_blank_in_a_dsse_payload_breaks_its_signature() -> None:
    envelope = signed(DSSEEnvelope.wrap(LAYOUT), ALICE)
    assert isinstance(envelope, DSSEEnvelope)
    assert signed_by(envelope.replace(payload=envelope.payload + b" "), [A]) == ()


def test_d26_another_payload_type_breaks_the_signature() -> None:
    envelope = signed(DSSEEnvelope.wrap(LAYOUT), ALICE)
    assert isinstance(envelope, DSSEEnvelope)
    assert signed_by(envelope.replace(payload_type="text/plain"), [A]) == ()


def test_a_signature_does_not_move_from_one_kind_of_envelope_to_the_other() -> None:
    metablock, dsse = Metablock.wrap(LAYOUT), DSSEEnvelope.wrap(LAYOUT)
    assert signed_by(dsse.with_signature(A.keyid, ALICE.sign(metablock.signed_bytes)), [A]) == ()
    assert signed_by(metablock.with_signature(A.keyid, ALICE.sign(dsse.signed_bytes)), [A]) == ()


def test_d15_a_good_signature_counts_after_a_bad_one_under_the_same_id(bare: Envelope) -> None:
    bad_then_good = signed(bare.with_signature(A.keyid, b"x" * 64), ALICE)
    assert signed_by(bad_then_good, [A]) == (A,)
    assert signed_by(bare.with_signature(A.keyid, b"x" * 64), [A]) == ()


def test_d16_one_key_under_two_ids_counts_once(bare: Envelope) -> None:
    twice = signed(signed(bare, ALICE, hint="one"), ALICE, hint="two")
    one, two = A.replace(keyid="one"), A.replace(keyid="two")
    assert len(signed_by(twice, [one, two])) == 1
    assert len(signed_by(twice, [one, two, B])) == 1
    assert len(signed_by(signed(twice, BOB), [one, two, B])) == 2


def test_the_same_signature_twice_counts_once(bare: Envelope) -> None:
    assert signed_by(signed(bare, ALICE, ALICE), [A, A]) == (A,)


@pytest.mark.parametrize("hint", ["", "nobody", B.keyid, A.keyid.upper()])
def test_a_wrong_or_missing_hint_changes_nothing(bare: Envelope, hint: str) -> None:
    assert signed_by(signed(bare, ALICE, hint=hint), [B, A]) == (A,)
    assert signed_by(signed(bare, CAROL, hint=hint), [B, A]) == ()


def test_an_absent_hint_changes_nothing(bare: Envelope) -> None:
    document = json.loads(signed(bare, ALICE).write())
    del document["signatures"][0]["keyid"]
    assert signed_by(read_envelope(json.dumps(document).encode()), [B, A]) == (A,)


@pytest.mark.parametrize("headers", ["", "04000108", None, 1])
def test_an_openpgp_signature_never_counts(bare: Envelope, headers: object) -> None:
    document = json.loads(signed(bare, ALICE).write())
    value = ALICE.sign(bare.signed_bytes).hex()
    document["signatures"] = [{"keyid": A.keyid, "other_headers": headers, "signature": value, "sig": value}]
    assert signed_by(read_envelope(json.dumps(document).encode()), [A]) == ()


def test_hints_name_keys_under_any_of_their_ids(bare: Envelope) -> None:
    legacy = legacy_keyid_of(A.keytype, A.scheme, A.public)
    for hint in (A.keyid, legacy):
        assert hints_any(bare.with_signature(hint, b"x"), [B, A])
        assert not hints_any(bare.with_signature(hint, b"x"), [B, C])
    assert hints_any(bare.with_signature("label", b"x"), [A.replace(keyid="label")])
    assert not hints_any(bare, [A])
    assert not hints_any(bare.with_signature("", b"x"), [A])
