"""Identities sign for steps and as owners; each is one vote, and nobody else's signature is taken for theirs."""

from __future__ import annotations

import json
import sys
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from custody.envelopes.dsse import DSSEEnvelope
from custody.envelopes.metablock import Metablock
from custody.envelopes.reader import Envelope, read_envelope
from custody.envelopes.signers import signed_by
from custody.errors import SignatureError, UsageError
from custody.keys.keyless import KeylessKey, keyless_key
from custody.keys.keyless_names import Wanted
from custody.models.layout import Layout, Step
from custody.models.link import Link
from custody.stores.memory import MemoryStore
from custody.verdict import Reason, Verdict
from custody.verification.case import Case, Demands, Remembered
from custody.verification.judge import judge
from custody.verification.materials import judge_materials
from custody.workflows.gather import gather
from custody.workflows.links import sign_with
from custody.workflows.sign import sign_envelope
from tests.sigstore_instance import SigstoreInstance
from tests.simulator import actor, hashed, rules

ALICE, BOB, OLGA = "alice@example.com", "bob@example.com", "olga@example.org"
OURS = r"[a-z]+@example\.com"
NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SigstoreInstance]:
    with SigstoreInstance(tmp_path_factory.mktemp("instance")) as running:
        yield running


@pytest.fixture
def chain(instance: SigstoreInstance) -> Chain:
    return Chain(instance)


class Chain:
    """A layout with one step, signed by identities, with its links."""

    def __init__(self, instance: SigstoreInstance) -> None:
        self.instance = instance
        self.root = instance.root()
        self.owners: tuple[KeylessKey, ...] = (self.named(OLGA),)
        self.owner_signers = [OLGA]
        self.functionaries: tuple[KeylessKey, ...] = (self.named(ALICE),)
        self.threshold = 1
        self.files: dict[str, bytes] = {}
        self.demands = Demands(trust=lambda: self.root)
        self.at = datetime.now(UTC) + timedelta(seconds=1)

    def named(self, subject: str, issuer: str = "") -> KeylessKey:
        return keyless_key(Wanted(text=subject), Wanted(text=issuer or self.instance.issuer), trusted_root=self.root)

    def matching(self, expression: str) -> KeylessKey:
        subject = Wanted(text=expression, is_regexp=True)
        return keyless_key(subject, Wanted(text=self.instance.issuer), trusted_root=self.root)

    def layout(self) -> Layout:
        step = Step(
            name="build",
            pubkeys=tuple(key.keyid for key in self.functionaries),
            threshold=self.threshold,
            expected_materials=rules(["DISALLOW *"]),
            expected_products=rules(["CREATE app", "DISALLOW *"]),
        )
        keys = {key.keyid: key for key in self.functionaries}
        return Layout(expires=self.at + timedelta(days=30), keys=keys, steps=(step,))

    def link(self, product: str = "app", name: str = "build") -> DSSEEnvelope:
        return DSSEEnvelope.wrap(Link(name=name, products=hashed({product: "1"})).document())

    def signed(self, envelope: Envelope, *who: str) -> Envelope:
        for each in who:
            envelope = sign_with(envelope, self.instance.signer(each))
        return envelope

    def perform(self, *who: str, product: str = "app", file: str = "") -> bytes:
        data = self.signed(self.link(product), *who).write()
        self.files[file or f"build.{len(self.files):08}.link"] = data
        return data

    def case(self) -> Case:
        layout = self.layout()
        envelope = self.signed(DSSEEnvelope.wrap(layout.document()), *self.owner_signers)
        evidence = gather(layout.trusting(self.demands.trust), MemoryStore(self.files), demands=self.demands)
        return Case(layout=envelope, owner_keys=self.owners, evidence=evidence, at=self.at, demands=self.demands)

    def judge(self) -> Verdict:
        return judge(self.case())


def reasons(verdict: Verdict) -> set[Reason]:
    return {finding.reason for finding in verdict.findings if finding.rejects}


def told(verdict: Verdict, reason: Reason) -> str:
    return next(finding.message for finding in verdict.findings if finding.reason is reason)


def test_chain_by_identities_verifies(chain: Chain) -> None:
    chain.perform(ALICE)
    verdict = chain.judge()

    assert verdict.accepted, verdict.findings
    assert verdict.owners == (chain.owners[0].keyid,)
    proven = [finding for finding in verdict.findings if finding.reason is Reason.IDENTITY_PROVEN]
    assert [OLGA in proven[0].message, ALICE in proven[1].message] == [True, True]


@pytest.mark.parametrize("who", [BOB, OLGA, "alice@example.co", "https://example.com/alice@example.com"])
def test_link_by_another_identity_is_not_counted(who: str, chain: Chain) -> None:
    chain.perform(who)
    verdict = chain.judge()

    assert reasons(verdict) == {Reason.IDENTITY_NOT_PROVEN, Reason.TOO_FEW_FUNCTIONARIES}
    assert f"it is by {who!r}" in told(verdict, Reason.IDENTITY_NOT_PROVEN)


def test_link_by_the_same_name_of_another_issuer_is_not_counted(chain: Chain) -> None:
    chain.perform(ALICE)
    chain.functionaries = (chain.named(ALICE, "https://accounts.example.org"),)

    assert reasons(chain.judge()) == {Reason.IDENTITY_NOT_PROVEN, Reason.TOO_FEW_FUNCTIONARIES}


def test_link_changed_after_signing_is_not_counted(chain: Chain) -> None:
    data = chain.perform(ALICE)
    envelope = read_envelope(data)
    assert isinstance(envelope, DSSEEnvelope)
    changed = envelope.replace(payload=envelope.payload.replace(b'"app"', b'"apq"'))
    chain.files = {"build.00000000.link": changed.write()}

    assert reasons(chain.judge()) == {Reason.IDENTITY_NOT_PROVEN, Reason.TOO_FEW_FUNCTIONARIES}


def test_link_of_another_payload_type_is_not_counted(chain: Chain) -> None:
    link = chain.link()
    chain.perform(ALICE)
    for kind in ("application/vnd.in-toto.link+json", "text/plain"):
        envelope = link.replace(payload_type=kind)
        signer = chain.instance.signer(ALICE)
        value, bundle = signer._bundle(envelope.signed_bytes)
        entry = {"keyid": signer.public_key.keyid, "sig": value.hex(), "bundle": json.loads(bundle)}
        document = json.loads(envelope.write())
        document["signatures"] = [{**entry, "sig": b64encode(value).decode()}]
        chain.files = {"build.00000000.link": json.dumps(document).encode()}

        assert reasons(chain.judge()) == {Reason.PAYLOAD_TYPE_WRONG, Reason.TOO_FEW_FUNCTIONARIES}


def test_link_that_somebody_signed_with_a_key_in_the_name_of_an_identity_is_not_counted(chain: Chain) -> None:
    mallory, link = actor("mallory"), chain.link()
    forged = link.with_signature(chain.functionaries[0].keyid, mallory.sign(link.signed_bytes))
    chain.files = {"build.00000000.link": forged.write()}

    assert reasons(chain.judge()) == {Reason.SIGNATURE_INVALID, Reason.TOO_FEW_FUNCTIONARIES}


def test_hint_beside_a_signature_says_nothing(chain: Chain) -> None:
    chain.perform(ALICE)
    (name, data), *_ = chain.files.items()
    document = json.loads(data)
    document["signatures"][0]["keyid"] = "f" * 64
    chain.files = {name: json.dumps(document).encode()}
    assert chain.judge().accepted

    document["signatures"][0]["keyid"] = chain.functionaries[0].keyid
    other = json.loads(chain.perform(BOB))
    document["signatures"][0]["bundle"] = other["signatures"][0]["bundle"]
    chain.files = {name: json.dumps(document).encode()}
    assert not chain.judge().accepted


def test_without_trust_or_with_another_root_nobody_counts(chain: Chain, tmp_path: Path) -> None:
    chain.perform(ALICE)
    assert chain.judge().accepted

    chain.demands = Demands()
    assert reasons(chain.judge()) == {Reason.IDENTITY_NOT_PROVEN, Reason.TOO_FEW_FUNCTIONARIES}
    with SigstoreInstance(tmp_path / "other") as other:
        root = other.root()
    chain.demands = Demands(trust=lambda: root)
    assert reasons(chain.judge()) == {Reason.IDENTITY_NOT_PROVEN, Reason.TOO_FEW_FUNCTIONARIES}


def test_one_identity_is_one_vote_however_many_certificates_it_had(chain: Chain) -> None:
    chain.functionaries, chain.threshold = (chain.named(ALICE), chain.named(BOB)), 2
    chain.perform(ALICE)
    chain.perform(ALICE)
    chain.perform(ALICE, ALICE)
    assert reasons(chain.judge()) == {Reason.TOO_FEW_FUNCTIONARIES}

    chain.perform(BOB)
    assert chain.judge().accepted


def test_regular_expression_gives_each_identity_that_it_matches_a_vote(chain: Chain) -> None:
    chain.functionaries, chain.threshold = (chain.matching(OURS),), 2
    chain.perform(ALICE)
    chain.perform(ALICE)
    chain.perform(OLGA)
    assert Reason.TOO_FEW_FUNCTIONARIES in reasons(chain.judge())

    chain.perform(BOB)
    verdict = chain.judge()
    assert verdict.accepted
    notes = [finding.message for finding in verdict.findings if finding.reason is Reason.IDENTITY_PROVEN]
    assert any(ALICE in note for note in notes)
    assert any(BOB in note for note in notes)


def test_two_signatures_on_one_link_are_two_votes_of_two_identities(chain: Chain) -> None:
    chain.functionaries, chain.threshold = (chain.matching(OURS),), 2
    chain.perform(ALICE, BOB)
    assert chain.judge().accepted

    chain.files.clear()
    chain.perform(ALICE, ALICE)
    assert not chain.judge().accepted


def test_identity_that_is_named_and_matched_has_one_vote(chain: Chain) -> None:
    for functionaries in (
        (chain.named(ALICE), chain.matching(OURS)),
        (chain.matching(OURS), chain.named(ALICE)),
        (chain.matching(OURS), chain.matching(r"a.*@example\.com")),
    ):
        chain.functionaries, chain.threshold, chain.files = functionaries, 2, {}
        chain.perform(ALICE)
        chain.perform(ALICE)
        assert not chain.judge().accepted

        chain.perform(BOB)
        assert chain.judge().accepted


def test_link_from_the_future_is_not_counted(chain: Chain) -> None:
    chain.perform(ALICE)
    case = chain.case()
    earlier = case.replace(at=chain.at - timedelta(hours=2))

    assert judge(case).accepted
    assert Reason.SIGNATURE_UNTIMELY in reasons(judge(earlier))


def test_layout_by_an_owner_who_is_another_identity_is_rejected(chain: Chain) -> None:
    chain.perform(ALICE)
    chain.owner_signers = [ALICE]
    verdict = chain.judge()

    assert reasons(verdict) == {Reason.IDENTITY_NOT_PROVEN}
    assert f"it is by {ALICE!r}" in told(verdict, Reason.IDENTITY_NOT_PROVEN)


def test_each_owner_key_needs_somebody_of_its_own(chain: Chain) -> None:
    ours, olga, anybody = chain.matching(OURS), chain.named(OLGA), chain.matching(".*")
    chain.perform(ALICE)

    def accepted(owners: tuple[KeylessKey, ...], signers: list[str]) -> bool:
        chain.owners, chain.owner_signers = owners, signers
        verdict = chain.judge()
        assert verdict.accepted or reasons(verdict)
        return verdict.accepted

    assert accepted((ours, olga), [ALICE, OLGA])
    assert not accepted((ours, olga), [ALICE, BOB])  # two of ours do not make an Olga
    assert not accepted((ours, olga), [OLGA])
    assert accepted((anybody, olga), [OLGA, ALICE])
    assert accepted((anybody, olga), [ALICE, OLGA])
    assert accepted((olga, anybody), [ALICE, OLGA])
    assert not accepted((anybody, olga), [OLGA])  # she stands for one of the two
    assert not accepted((anybody, ours), [ALICE])
    assert accepted((anybody, ours), [ALICE, BOB])
    assert accepted((anybody, ours, olga), [OLGA, ALICE, BOB])


def test_owner_threshold_counts_owner_keys_not_people(chain: Chain) -> None:
    chain.perform(ALICE)
    chain.owners = (chain.matching(OURS), chain.named(OLGA))
    chain.demands = chain.demands.replace(owner_threshold=2)
    chain.owner_signers = [ALICE, BOB]
    assert not chain.judge().accepted

    chain.demands = chain.demands.replace(owner_threshold=1)
    assert chain.judge().accepted


def test_replaced_layout_is_rejected_whoever_of_the_owners_signed_it(chain: Chain) -> None:
    chain.perform(ALICE)
    chain.owners, chain.owner_signers = (chain.matching(OURS),), [ALICE]
    known = Remembered(digest="f" * 64, expires=chain.at + timedelta(days=60))
    case = chain.case()
    assert judge(case).accepted

    remembered = case.demands.replace(remembered={chain.owners[0].identity: known})
    assert reasons(judge(case.replace(demands=remembered))) == {Reason.LAYOUT_SUPERSEDED}


def test_sublayout_by_an_identity_is_judged_with_the_same_trust(chain: Chain) -> None:
    inner = Chain(chain.instance)
    inner.functionaries = (inner.named(BOB),)
    name = f"build.{chain.named(ALICE).keyid:.8}.link"
    envelope = chain.signed(DSSEEnvelope.wrap(inner.layout().document()), ALICE)
    link = inner.signed(inner.link(), BOB).write()
    chain.files = {name: envelope.write(), f"{name.removesuffix('.link')}/build.00000000.link": link}
    assert chain.judge().accepted

    other = inner.signed(inner.link(), ALICE).write()
    chain.files[f"{name.removesuffix('.link')}/build.00000000.link"] = other
    assert not chain.judge().accepted


def test_identity_may_perform_a_step_that_it_matches(chain: Chain) -> None:
    chain.functionaries = (chain.matching(OURS),)
    case = chain.case()

    assert judge_materials(case, "build", {}, chain.named(ALICE)).accepted
    verdict = judge_materials(case, "build", {}, chain.named(OLGA))
    assert Reason.KEY_NOT_AUTHORISED in reasons(verdict)


def test_layout_may_have_keys_and_identities_side_by_side(chain: Chain) -> None:
    carol = actor("carol")
    chain.threshold = 2
    layout = chain.layout()
    step = layout.steps[0].replace(pubkeys=(*layout.steps[0].pubkeys, carol.keyid))
    mixed = layout.replace(keys={**layout.keys, carol.keyid: carol.public_key}, steps=(step,))
    chain.layout = lambda: mixed  # type: ignore[method-assign]
    chain.perform(ALICE)
    link = chain.link()
    by_key = link.with_signature(carol.keyid, carol.sign(link.signed_bytes))
    assert not chain.judge().accepted

    chain.files["build.11111111.link"] = by_key.write()
    assert chain.judge().accepted


def test_attestation_is_signed_and_verified_like_a_link(chain: Chain) -> None:
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"digest": {"sha256": "0" * 64}}],
        "predicateType": "https://example.com/p",
        "predicate": {},
    }
    envelope = chain.signed(DSSEEnvelope.wrap(statement), ALICE)
    assert [key.identity for key in signed_by(envelope, chain.functionaries)] == [chain.functionaries[0].identity]

    assert isinstance(envelope, DSSEEnvelope)
    other = envelope.replace(payload=envelope.payload.replace(b"00", b"01"))
    assert signed_by(other, chain.functionaries) == ()


def test_appended_signature_replaces_the_one_of_the_same_identity(chain: Chain) -> None:
    alice, bob = chain.instance.signer(ALICE), chain.instance.signer(BOB)
    first = sign_envelope(chain.link(), [alice, bob])
    again = sign_envelope(first, [chain.instance.signer(ALICE)], append=True)

    assert len(first.signatures) == 2
    assert len(again.signatures) == 2
    assert [signature.keyid for signature in again.signatures] == [bob.public_key.keyid, alice.public_key.keyid]


def test_signature_that_is_not_of_dsse_is_not_made(chain: Chain) -> None:
    signer = chain.instance.signer(ALICE)
    asked = len(chain.instance.requests)
    with pytest.raises(SignatureError, match="--use-dsse"):
        sign_with(Metablock.wrap({"_type": "link"}), signer)
    assert len(chain.instance.requests) == asked

    signature = signer.sign(chain.link().signed_bytes)
    with pytest.raises(SignatureError, match="--use-dsse"):
        Metablock.wrap({"_type": "link"}).with_signature("a", signature)


def test_extra_is_named_where_it_is_missing(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    chain.perform(ALICE)
    case = chain.case()
    fresh = chain.instance.root()
    case = case.replace(
        demands=Demands(trust=lambda: fresh), owner_keys=(chain.named(OLGA).replace(trusted_root=fresh),)
    )
    for module in [name for name in sys.modules if name.partition(".")[0] in {"sigstore", "sigstore_models"}]:
        monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(UsageError, match=r"pip install 'custody\[keyless\]'"):
        judge(case)
