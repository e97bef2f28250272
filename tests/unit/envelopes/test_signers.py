from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from custody.envelopes.dsse import DSSEEnvelope
from custody.envelopes.metablock import Metablock
from custody.envelopes.reader import Envelope, read_envelope
from custody.envelopes.signature import MAX_SIGNATURES
from custody.envelopes.signers import hints_any, signed_by, untimely
from custody.keys.keyid import legacy_keyid_of
from custody.keys.public import PublicKey, key_of_spki
from tests.openpgp import Maker, seconds

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


@pytest.mark.parametrize("headers", ["", "04000108"])
def test_an_openpgp_signature_never_counts_for_a_plain_key(headers: str) -> None:
    bare = Metablock.wrap(LAYOUT)
    document = json.loads(signed(bare, ALICE).write())
    value = ALICE.sign(bare.signed_bytes).hex()
    strange = {"keyid": A.keyid, "other_headers": headers, "signature": value, "sig": value}
    document["signatures"].insert(0, strange)
    assert signed_by(read_envelope(json.dumps(document).encode()), [A]) == (A,)
    document["signatures"] = [strange]
    assert signed_by(read_envelope(json.dumps(document).encode()), [A]) == ()


def openpgp(*makers: Maker, **said: Any) -> Envelope:  # noqa: ANN401  # see `Maker.headers`
    envelope: Envelope = Metablock.wrap(LAYOUT)
    for maker in makers:
        envelope = envelope.with_signature("", maker.sign(envelope.signed_bytes, **said))
    return read_envelope(envelope.write())


DORA, LAPTOP, ERIN = Maker("dora"), Maker("laptop"), Maker("erin")
D, E = DORA.with_subkeys(LAPTOP), ERIN.key


def test_an_openpgp_signature_counts_for_its_primary_key_once() -> None:
    assert signed_by(openpgp(LAPTOP), [A, E, D]) == (D,)
    assert signed_by(openpgp(LAPTOP, DORA), [A, E, D]) == (D,)
    assert set(signed_by(openpgp(LAPTOP, ERIN), [A, E, D])) == {D, E}
    assert signed_by(openpgp(LAPTOP), [A, E]) == ()
    assert hints_any(openpgp(LAPTOP), [D])
    assert not hints_any(openpgp(LAPTOP), [E])


def test_an_openpgp_signature_counts_only_at_its_time() -> None:
    at = datetime(2026, 6, 1, tzinfo=UTC)
    old = D.replace(validity=1)
    assert signed_by(openpgp(DORA), [D], at=at) == (D,)
    assert signed_by(openpgp(DORA), [old]) == (old,)
    assert signed_by(openpgp(DORA), [old], at=at) == ()
    assert untimely(openpgp(DORA), [D], at) is None
    late = untimely(openpgp(DORA), [old], at)
    assert late is not None
    assert late.key_expired
    assert untimely(openpgp(ERIN), [old], at) is None
    again = openpgp(DORA, created=seconds(2027)).with_signature("", DORA.sign(openpgp().signed_bytes))
    assert signed_by(again, [D], at=at) == (D,)


def test_openpgp_signatures_cost_no_guesses() -> None:
    plain = Metablock.wrap(LAYOUT)
    envelope: Envelope = plain
    for number in range(MAX_SIGNATURES - 1):
        envelope = envelope.with_signature("", ERIN.sign(b"other").replace(keyid=f"{number:040x}"))
    envelope = envelope.with_signature("", ALICE.sign(plain.signed_bytes))
    assert signed_by(envelope, [B, C, D, A]) == (A,)


def test_hints_name_keys_under_any_of_their_ids(bare: Envelope) -> None:
    legacy = legacy_keyid_of(A.keytype, A.scheme, A.public)
    for hint in (A.keyid, legacy):
        assert hints_any(bare.with_signature(hint, b"x"), [B, A])
        assert not hints_any(bare.with_signature(hint, b"x"), [B, C])
    assert hints_any(bare.with_signature("label", b"x"), [A.replace(keyid="label")])
    assert not hints_any(bare, [A])
    assert not hints_any(bare.with_signature("", b"x"), [A])
