from __future__ import annotations

from datetime import timedelta

import pytest

from custody.envelopes.dsse import DSSEEnvelope
from custody.envelopes.reader import digest_of
from custody.errors import UsageError
from custody.verdict import Reason
from custody.verification.case import Demands, Remembered
from custody.verification.judge import judge
from custody.verification.owners import is_older
from tests.simulator import AT, Simulator, actor, signed, two_steps


def owned_by(*names: str, signers: tuple[str, ...]) -> tuple[Simulator, frozenset[Reason]]:
    """Return the chain and why it is rejected if `names` own it and `signers` signed its layout."""
    chain = two_steps()
    chain.owner_keys = tuple(actor(name).public_key for name in names)
    return chain, judge(chain.case(signed(chain.document(), *map(actor, signers)))).reasons


def test_a_layout_without_owner_keys_is_rejected() -> None:
    assert owned_by(signers=("owner",))[1] == {Reason.NO_OWNER_KEYS}
    assert owned_by("owner", signers=("owner",))[1] == set()


def test_all_owners_must_have_signed() -> None:
    assert owned_by("ann", "ben", signers=("ann", "ben"))[1] == set()
    assert owned_by("ann", "ben", signers=("ann",))[1] == {Reason.OWNER_SIGNATURE_MISSING}
    assert owned_by("ann", signers=("ann", "ben"))[1] == set()
    assert owned_by("ann", signers=("mallory",))[1] == {Reason.OWNER_SIGNATURE_MISSING}
    assert owned_by("ann", signers=())[1] == {Reason.OWNER_SIGNATURE_MISSING}


def test_an_owner_threshold_lets_some_be_enough() -> None:
    chain = two_steps()
    chain.owner_keys = tuple(actor(name).public_key for name in ("ann", "ben", "cid"))
    chain.demands = Demands(owner_threshold=2)
    two = judge(chain.case(signed(chain.document(), actor("cid"), actor("ann")))).require()
    assert set(two.owners) == {actor("ann").keyid, actor("cid").keyid}
    one = judge(chain.case(signed(chain.document(), actor("ann"))))
    assert one.reasons == {Reason.OWNER_SIGNATURE_MISSING}
    assert "1 of 2 owners signed" in one.rejections[0].message


def test_an_owner_threshold_that_the_keys_cannot_meet_is_an_error() -> None:
    chain = two_steps()
    chain.owner_keys = (actor("owner").public_key, actor("owner").public_key)
    chain.demands = Demands(owner_threshold=1)
    chain.judge().require()
    chain.demands = Demands(owner_threshold=2)
    with pytest.raises(UsageError, match="1 different owner key"):
        chain.judge()


def test_one_owner_key_under_two_names_is_one_owner() -> None:
    chain = two_steps()
    key = actor("owner").public_key
    chain.owner_keys = (key, key.replace(keyid="other"))
    assert chain.judge().require().owners == (key.keyid,)


def test_a_bad_signature_in_an_owners_name_is_told_from_a_missing_one() -> None:
    chain = two_steps()
    envelope = chain.envelope()
    forged = signed(chain.document()).with_signature(chain.owner.keyid, b"\0" * 64)
    assert judge(chain.case(forged)).reasons == {Reason.OWNER_SIGNATURE_INVALID}
    both = forged.replace(signatures=(*forged.signatures, *envelope.signatures))
    judge(chain.case(both)).require()


def test_a_layout_of_another_payload_type_is_rejected() -> None:
    chain = two_steps(dsse=True)
    for payload_type, reasons in (
        ("application/vnd.in-toto+json", set()),
        ("application/json", {Reason.PAYLOAD_TYPE_WRONG}),
    ):
        envelope = DSSEEnvelope.wrap(chain.document(), payload_type)
        envelope = envelope.with_signature(chain.owner.keyid, chain.owner.sign(envelope.signed_bytes))
        assert judge(chain.case(envelope)).reasons == reasons


def test_nothing_of_a_layout_is_read_before_its_signatures_are_good() -> None:
    chain = two_steps(dsse=True)
    garbage = DSSEEnvelope(payload=b"{garbage")
    assert judge(chain.case(garbage)).reasons == {Reason.OWNER_SIGNATURE_MISSING}


@pytest.mark.parametrize("dsse", [False, True])
def test_the_layout_that_is_meant_is_named_by_its_digest(dsse: bool) -> None:
    chain = two_steps(dsse=dsse)
    digest = digest_of(chain.envelope())
    chain.demands = Demands(layout_digest=f"sha256:{digest}")
    assert chain.judge().require().layout_digest == digest
    chain.layout = chain.layout.replace(readme="another")
    verdict = chain.judge()
    assert verdict.reasons == {Reason.LAYOUT_DIGEST_DIFFERS}
    assert digest in verdict.rejections[0].message


def remembering(known: Remembered, *owners: str, digest: str = "") -> frozenset[Reason]:
    chain = two_steps()
    chain.owner_keys = tuple(actor(name).public_key for name in owners)
    remembered = {actor(owners[-1]).public_key.identity: known}
    chain.demands = Demands(remembered=remembered, layout_digest=digest)
    return judge(chain.case(signed(chain.document(), *map(actor, owners)))).reasons


EXPIRES = two_steps().layout.expires
DIGEST = digest_of(two_steps().envelope())
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("known", "older"),
    [
        (Remembered(digest=DIGEST, expires=EXPIRES), False),
        (Remembered(digest="other", expires=EXPIRES), False),
        (Remembered(digest="other", expires=EXPIRES - DAY), False),
        (Remembered(digest="other", expires=EXPIRES + DAY), True),
        (Remembered(digest="other", expires=EXPIRES, superseded=(DIGEST,)), True),
        (Remembered(digest="other", expires=EXPIRES - DAY, superseded=("x", DIGEST)), True),
        (Remembered(digest=DIGEST, expires=EXPIRES + DAY, superseded=(DIGEST,)), False),
    ],
)
def test_a_layout_that_was_replaced_or_expires_before_the_newest_is_superseded(known: Remembered, older: bool) -> None:
    assert is_older(DIGEST, EXPIRES, known) is older
    assert remembering(known, "owner") == ({Reason.LAYOUT_SUPERSEDED} if older else set())


def test_it_is_superseded_if_it_is_so_for_any_of_its_owners() -> None:
    known = Remembered(digest="other", expires=AT, superseded=(DIGEST,))
    both = two_steps()
    assert both.layout.expires == EXPIRES
    digest = digest_of(signed(both.document()))
    assert digest == DIGEST
    assert remembering(known, "ann", "ben") == {Reason.LAYOUT_SUPERSEDED}
    assert remembering(known.replace(superseded=()), "ann", "ben") == set()


def test_a_layout_stays_replaced_when_the_signature_of_the_owner_who_replaced_it_is_taken_away() -> None:
    chain, (ann, ben) = two_steps(), (actor("ann"), actor("ben"))
    chain.owner_keys = (ann.public_key, ben.public_key)
    known = Remembered(digest="other", expires=EXPIRES + DAY, superseded=(DIGEST,))
    chain.demands = Demands(owner_threshold=1, remembered={ann.public_key.identity: known})
    for owners in ((ann, ben), (ben,)):
        assert judge(chain.case(signed(chain.document(), *owners))).reasons == {Reason.LAYOUT_SUPERSEDED}
    # A layout that ann never signed is not old because hers expires later.
    known = known.replace(superseded=())
    chain.demands = chain.demands.replace(remembered={ann.public_key.identity: known})
    judge(chain.case(signed(chain.document(), ben))).require()


def test_naming_the_layout_overrides_what_is_remembered() -> None:
    known = Remembered(digest="other", expires=EXPIRES + DAY)
    assert remembering(known, "owner") == {Reason.LAYOUT_SUPERSEDED}
    assert remembering(known, "owner", digest=DIGEST) == set()
