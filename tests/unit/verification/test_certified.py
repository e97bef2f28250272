"""Functionaries by certificate: a chain in memory, in which one thing after another is wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509

from custody.envelopes.dsse import DSSEEnvelope
from custody.envelopes.metablock import Metablock
from custody.envelopes.reader import read_envelope
from custody.errors import SignatureError
from custody.keys.x509_constraint import CertificateConstraint
from custody.models.layout import Step
from custody.models.link import Link
from custody.verdict import Finding, Reason, Verdict
from custody.verification.certified import MAX_CERTIFICATES
from custody.verification.materials import judge_materials
from tests.simulator import AT, Actor, Simulator, actor, hashed, rules, signed
from tests.x509 import MAIL, Holder, Issuer, constraint, private_key, usage

ROOT = Issuer.root()
URI = "spiffe://acme.example/build"
ALICE = ROOT.leaf("alice", uris=[URI])
BUILDER = constraint(uris=(URI,))


def by_certificate(
    document: dict[str, Any], *holders: Holder, beside: Sequence[Holder] | None = None, plain: Sequence[Actor] = ()
) -> Metablock:
    """Return a document signed by `holders`, with the certificates of `beside`, and by keys without any."""
    envelope = Metablock.wrap(document)
    for holder, other in zip(holders, beside or holders, strict=True):
        key = holder.certificate.key
        envelope = envelope.with_signature(key.keyid, holder.sign(envelope.signed_bytes), {"cert": other.pem})
    for who in plain:
        envelope = envelope.with_signature(who.keyid, who.sign(envelope.signed_bytes))
    return envelope


class Chain(Simulator):
    """One step, `build`, that certificates may perform."""

    def __init__(
        self,
        *constraints: CertificateConstraint,
        roots: Sequence[Issuer] = (ROOT,),
        intermediates: Sequence[Issuer] = (),
        threshold: int = 1,
        keys: Sequence[Actor] = (),
    ) -> None:
        """Start without links."""
        super().__init__()
        step = Step(
            name="build",
            pubkeys=tuple(who.keyid for who in keys),
            threshold=threshold,
            expected_products=rules(["CREATE out", "DISALLOW *"]),
            cert_constraints=constraints,
        )
        self.layout = self.layout.replace(
            steps=(step,),
            keys={who.keyid: who.public_key for who in keys},
            rootcas={f"root{number}": root.certificate for number, root in enumerate(roots)},
            intermediatecas={f"ca{number}": ca.certificate for number, ca in enumerate(intermediates)},
        )

    def link(self, *holders: Holder, beside: Sequence[Holder] | None = None, plain: Sequence[Actor] = ()) -> None:
        """Put one more link there."""
        self.put_envelope(by_certificate(self.document_of_link(), *holders, beside=beside, plain=plain))

    def document_of_link(self, product: str = "1") -> dict[str, Any]:
        return Link(name="build", products=hashed({"out": product})).document()

    def put_envelope(self, envelope: Metablock | DSSEEnvelope) -> None:
        self.files[f"build.{len(self.files):08}.link"] = envelope.write()

    def rejected(self) -> Finding:
        """Return why the only link does not count."""
        verdict = self.judge()
        first, *_ = verdict.rejections
        assert not verdict.accepted
        return first


def test_link_counts_by_a_certificate_that_meets_the_constraint() -> None:
    chain = Chain(BUILDER)
    chain.link(ALICE)

    verdict = chain.judge().require()

    (note,) = [finding for finding in verdict.findings if finding.reason is Reason.CERTIFICATE_USED]
    assert f"counts by the certificate of '{URI}', under the root 'CN=root'" in note.message
    assert not note.rejects
    assert verdict.steps[0].signers == (ALICE.certificate.key.keyid,)


@pytest.mark.parametrize("kind", ["ed25519", "p256", "p384", "rsa"])
def test_link_counts_by_a_certificate_of_any_kind_and_not_once_it_is_changed(kind: str) -> None:
    root = Issuer.root(kind="rsa" if kind == "rsa" else "ed25519")
    alice = root.leaf("alice", kind, uris=[URI])
    chain = Chain(BUILDER, roots=[root])
    chain.link(alice)
    chain.judge().require()

    (name,) = chain.files
    chain.files[name] = chain.files[name].replace(b'"name": "build"', b'"name": "built"')

    assert chain.rejected().reason is Reason.CERTIFICATE_MISMATCH


def test_certificate_is_nothing_to_a_step_that_asks_for_none() -> None:
    chain = Chain()
    chain.link(ALICE)

    assert chain.rejected().reason is Reason.KEY_NOT_AUTHORISED


def rejection(chain: Chain, holder: Holder) -> Finding:
    chain.link(holder)
    return chain.rejected()


DAY = timedelta(days=1)
MIDDLE = ROOT.intermediate("middle")
NO_CA = ROOT.intermediate("middle", basic=x509.BasicConstraints(ca=False, path_length=None))
BAD: dict[str, tuple[Callable[[], Finding], Reason, str]] = {
    "expired": (
        lambda: rejection(Chain(BUILDER), ROOT.leaf(uris=[URI], begins=AT - 2 * DAY, ends=AT - DAY)),
        Reason.CERTIFICATE_EXPIRED,
        "it expired at 2029-12-31T00:00:00Z, and now is 2030-01-01T00:00:00Z",
    ),
    "not yet valid": (
        lambda: rejection(Chain(BUILDER), ROOT.leaf(uris=[URI], begins=AT + DAY, ends=AT + 2 * DAY)),
        Reason.CERTIFICATE_NOT_YET_VALID,
        "it is valid from 2030-01-02T00:00:00Z on",
    ),
    "of another root": (
        lambda: rejection(Chain(BUILDER), Issuer.root("other").leaf(uris=[URI])),
        Reason.CERTIFICATE_UNTRUSTED,
        "its issuer is 'CN=other'",
    ),
    "of another root of that name": (
        lambda: rejection(Chain(BUILDER), Issuer.root(key_name="mallory").leaf(uris=[URI])),
        Reason.CERTIFICATE_UNTRUSTED,
        "no root that counts here issued it",
    ),
    "through an unknown CA": (
        lambda: rejection(Chain(BUILDER), MIDDLE.leaf(uris=[URI])),
        Reason.CERTIFICATE_UNTRUSTED,
        "its issuer is 'CN=middle'",
    ),
    "through no CA": (
        lambda: rejection(Chain(BUILDER, intermediates=[NO_CA]), NO_CA.leaf(uris=[URI])),
        Reason.CERTIFICATE_UNTRUSTED,
        "its CA 'CN=middle' is no CA",
    ),
    "for mail": (
        lambda: rejection(Chain(BUILDER), ROOT.leaf(uris=[URI], purposes=[MAIL])),
        Reason.CERTIFICATE_USAGE_WRONG,
        "expected an extended key usage of codeSigning or clientAuth",
    ),
    "for encryption": (
        lambda: rejection(Chain(BUILDER), ROOT.leaf(uris=[URI], usage=usage("key_encipherment"))),
        Reason.CERTIFICATE_USAGE_WRONG,
        "expected the key usage digitalSignature",
    ),
    "with another name": (
        lambda: rejection(Chain(BUILDER), ROOT.leaf(uris=["spiffe://acme.example/test"])),
        Reason.CERTIFICATE_CONSTRAINT_UNMET,
        f"the closest demands uris: expected '{URI}', got 'spiffe://acme.example/test'",
    ),
    "with one name more": (
        lambda: rejection(Chain(constraint(uris=(URI,), emails=())), ROOT.leaf(uris=[URI], emails=["a@b.example"])),
        Reason.CERTIFICATE_CONSTRAINT_UNMET,
        "emails: expected none, got 'a@b.example'",
    ),
    "meeting one half of each of two constraints": (
        lambda: rejection(
            Chain(constraint("alice", uris=("spiffe://acme.example/other",)), constraint("bob", uris=(URI,))),
            ROOT.leaf("alice", uris=[URI]),
        ),
        Reason.CERTIFICATE_CONSTRAINT_UNMET,
        "the closest demands ",
    ),
    "where the constraint names no roots": (
        lambda: rejection(Chain(constraint(uris=(URI,), roots=())), ALICE),
        Reason.CERTIFICATE_UNTRUSTED,
        "the constraint names no roots",
    ),
    "where the constraint names a root that is not there": (
        lambda: rejection(Chain(constraint(uris=(URI,), roots=("gone",))), ALICE),
        Reason.CERTIFICATE_UNTRUSTED,
        "rootcas has no root gone, which the constraint names",
    ),
    "where the layout has no roots": (
        lambda: rejection(Chain(BUILDER, roots=[]), ALICE),
        Reason.CERTIFICATE_UNTRUSTED,
        "no root that counts here issued it",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_link_does_not_count_by_a_certificate(name: str) -> None:
    judged, reason, message = BAD[name]

    finding = judged()

    assert finding.reason is reason
    assert message in finding.message
    assert finding.evidence == "build.00000000.link"


OTHER = Issuer.root("other")


def test_path_leads_to_the_roots_of_the_constraint_only() -> None:
    of_other = OTHER.leaf("alice", uris=[URI])
    either = Chain(constraint(uris=(URI,), roots=("*",)), roots=[ROOT, OTHER])
    either.link(of_other)
    either.judge().require()
    named = Chain(constraint(uris=(URI,), roots=("root1",)), roots=[ROOT, OTHER])
    named.link(of_other)
    named.judge().require()

    one = Chain(constraint(uris=(URI,), roots=("root0",)), roots=[ROOT, OTHER])
    one.link(of_other)

    assert one.rejected().reason is Reason.CERTIFICATE_UNTRUSTED


def test_roots_of_one_constraint_do_not_serve_another() -> None:
    chain = Chain(constraint("alice", roots=("root0",)), constraint("bob", roots=("root1",)), roots=[ROOT, OTHER])
    chain.link(OTHER.leaf("bob"))
    chain.judge().require()
    chain.files.clear()
    chain.link(OTHER.leaf("alice"))

    assert chain.rejected().reason is Reason.CERTIFICATE_UNTRUSTED


def test_intermediates_come_from_the_layout_or_the_verifier() -> None:
    leaf = MIDDLE.leaf(uris=[URI])
    chain = Chain(BUILDER, intermediates=[MIDDLE])
    chain.link(leaf)
    chain.judge().require()

    chain = Chain(BUILDER)
    chain.link(leaf)
    chain.demands = chain.demands.replace(intermediates=(MIDDLE.certificate,))
    chain.judge().require()
    chain.demands = chain.demands.replace(intermediates=(ROOT.intermediate("another").certificate,))
    assert chain.rejected().reason is Reason.CERTIFICATE_UNTRUSTED


def test_intermediate_of_the_verifier_is_no_root() -> None:
    foreign = Issuer.root("foreign")
    chain = Chain(BUILDER)
    chain.link(foreign.leaf(uris=[URI]))
    chain.demands = chain.demands.replace(intermediates=(foreign.certificate,))

    assert chain.rejected().reason is Reason.CERTIFICATE_UNTRUSTED


def test_time_of_the_link_proves_nothing() -> None:
    """The link claims that it was made while the certificate was valid, as any holder of an old key would."""
    expired = ROOT.leaf(uris=[URI], begins=AT - 3 * DAY, ends=AT - DAY)
    chain = Chain(BUILDER)
    document = chain.document_of_link()
    document["environment"] = {"startedOn": "2029-12-30T00:00:00Z", "finishedOn": "2029-12-30T00:00:00Z"}
    chain.put_envelope(by_certificate(document, expired))

    assert chain.rejected().reason is Reason.CERTIFICATE_EXPIRED
    chain.at = AT - 2 * DAY
    chain.judge().require()


def test_certificate_of_somebody_else_beside_a_signature_is_none() -> None:
    mallory = ROOT.leaf("mallory", uris=["spiffe://acme.example/lunch"])
    chain = Chain(BUILDER)
    chain.link(mallory, beside=[ALICE])

    finding = chain.rejected()

    assert finding.reason is Reason.CERTIFICATE_MISMATCH
    assert "'CN=alice' beside its signature has another key than the one that signed" in finding.message


def test_certificate_that_cannot_be_read_is_said() -> None:
    chain = Chain(BUILDER)
    link = by_certificate(chain.document_of_link(), ALICE)
    (signature,) = link.signatures
    for text in ("x", ALICE.pem[:-30], ALICE.pem * 2):
        chain.files.clear()
        document = {**signature.document, "cert": text}
        chain.put_envelope(link.replace(signatures=(signature.replace(document=document),)))
        assert chain.rejected().reason is Reason.CERTIFICATE_MALFORMED


@pytest.mark.parametrize("odd", [None, 1, [], {}, ""])
def test_odd_certificate_is_none(odd: object) -> None:
    chain = Chain(BUILDER)
    link = by_certificate(chain.document_of_link(), ALICE)
    (signature,) = link.signatures
    document = {**signature.document, "cert": odd}
    chain.put_envelope(link.replace(signatures=(signature.replace(document=document),)))

    finding = chain.rejected()

    assert finding.reason is Reason.KEY_NOT_AUTHORISED
    assert "no certificate stands beside its signature" in finding.message


def test_bad_certificate_hides_no_good_one() -> None:
    chain = Chain(BUILDER)
    link = by_certificate(chain.document_of_link(), ROOT.leaf("mallory"), ALICE)
    chain.put_envelope(link)

    chain.judge().require()


def test_not_all_certificates_of_one_link_are_looked_at() -> None:
    chain = Chain(BUILDER)
    others = [ROOT.leaf(f"mallory {number}") for number in range(MAX_CERTIFICATES)]
    chain.put_envelope(by_certificate(chain.document_of_link(), *others[1:], ALICE))
    chain.judge().require()
    chain.files.clear()
    chain.put_envelope(by_certificate(chain.document_of_link(), *others, ALICE))

    assert chain.rejected().reason is Reason.CERTIFICATE_CONSTRAINT_UNMET


def test_dsse_has_no_certificates() -> None:
    chain = Chain(BUILDER)
    link = DSSEEnvelope.wrap(chain.document_of_link())
    with pytest.raises(SignatureError, match="no place for the certificate"):
        link.with_signature("", ALICE.sign(link.signed_bytes), {"cert": ALICE.pem})
    signed_link = link.with_signature("", ALICE.sign(link.signed_bytes))
    (signature,) = signed_link.signatures
    document = {**signature.document, "cert": ALICE.pem}
    chain.put_envelope(signed_link.replace(signatures=(signature.replace(document=document),)))

    finding = chain.rejected()

    assert finding.reason is Reason.KEY_NOT_AUTHORISED
    assert "a DSSE envelope has no place for one" in finding.message


def test_certificate_survives_reading_and_writing() -> None:
    link = by_certificate(Chain().document_of_link(), ALICE)

    again = read_envelope(link.write())

    assert again == link
    assert again.signatures[0].certificate == ALICE.pem


# --- thresholds -----------------------------------------------------------------------------------

OPEN = constraint()


def voices(chain: Chain, *holders: Holder, plain: Sequence[Actor] = ()) -> Verdict:
    for holder in holders:
        chain.link(holder)
    for who in plain:
        chain.put_envelope(signed(chain.document_of_link(), who))
    return chain.judge()


def two_are_needed(*holders: Holder, plain: Sequence[Actor] = (), keys: Sequence[Actor] = ()) -> bool:
    """Return whether a threshold of two is met."""
    verdict = voices(Chain(OPEN, roots=[ROOT, OTHER], threshold=2, keys=keys), *holders, plain=plain)
    assert verdict.accepted or Reason.TOO_FEW_FUNCTIONARIES in verdict.reasons
    return verdict.accepted


def test_two_people_with_certificates_are_two() -> None:
    assert two_are_needed(ROOT.leaf("alice", uris=[URI]), ROOT.leaf("bob", uris=[f"{URI}/bob"]))
    assert two_are_needed(ROOT.leaf("alice"), OTHER.leaf("bob"))
    assert not two_are_needed(ROOT.leaf("alice"))


SECOND = private_key("alice's other key")
SAME_PERSON: dict[str, tuple[Holder, Holder]] = {
    "the same certificate": (ALICE, ALICE),
    "two keys for one SPIFFE id": (
        ROOT.leaf("alice", uris=[URI]),
        ROOT.leaf("a.l.", key=SECOND, uris=[URI]),
    ),
    "two keys for one common name": (ROOT.leaf("alice"), ROOT.leaf("alice", key=SECOND)),
    "two keys for one common name in other letters": (ROOT.leaf("Alice"), ROOT.leaf("ALICE ", key=SECOND)),
    "two keys for one mailbox": (
        ROOT.leaf("alice", emails=["alice@acme.example"]),
        ROOT.leaf("archer", key=SECOND, emails=["Alice@acme.example"]),
    ),
    "two keys for one host": (
        ROOT.leaf("a", dns=["a.example"]),
        ROOT.leaf("b", key=SECOND, dns=["b.example", "a.example"]),
    ),
    "one key under two names": (ROOT.leaf("alice"), ROOT.leaf("bob", key=private_key("alice"))),
    "two CAs for one name": (ROOT.leaf("alice"), OTHER.leaf("alice", key=SECOND)),
    "nobody knows who": (
        ROOT.leaf("alice", common_names=(), organizations=["Acme"]),
        ROOT.leaf("bob", common_names=(), organizations=["Acme", "Other"]),
    ),
}


@pytest.mark.parametrize("name", SAME_PERSON)
def test_one_person_with_two_certificates_is_one(name: str) -> None:
    one, other = SAME_PERSON[name]

    assert not two_are_needed(one, other)


def test_people_who_share_a_name_with_a_third_are_one() -> None:
    first = ROOT.leaf("1", uris=[URI])
    second = ROOT.leaf("2", emails=["a@b.example"])

    assert two_are_needed(first, second)
    assert not two_are_needed(first, second, ROOT.leaf("3", uris=[URI], emails=["a@b.example"]))


def test_key_and_certificate_for_it_are_one() -> None:
    alice = actor("alice")
    certified = ROOT.leaf("alice", key=alice._private)

    assert not two_are_needed(certified, plain=[alice], keys=[alice])
    assert not two_are_needed(certified, ROOT.leaf("alice", key=SECOND), plain=[alice], keys=[alice])
    assert two_are_needed(ROOT.leaf("bob"), plain=[alice], keys=[alice])


def test_key_and_certificate_on_one_link_are_one() -> None:
    alice = actor("alice")
    chain = Chain(OPEN, threshold=2, keys=[alice])
    certified = ROOT.leaf("alice", key=alice._private)
    chain.link(certified, plain=[alice])
    assert Reason.TOO_FEW_FUNCTIONARIES in chain.judge().reasons

    chain.link(ROOT.leaf("bob"))

    chain.judge().require()


def test_person_who_says_two_things_is_one_all_the_same() -> None:
    chain = Chain(OPEN, threshold=2)
    chain.link(ROOT.leaf("alice"))
    chain.put_envelope(by_certificate(chain.document_of_link("other"), ROOT.leaf("alice", key=SECOND)))

    assert Reason.TOO_FEW_FUNCTIONARIES in chain.judge().reasons


def test_certificate_and_key_agree_in_one_chain() -> None:
    bob = actor("bob")
    chain = Chain(BUILDER, threshold=2, keys=[bob])
    chain.link(ALICE)
    chain.put_envelope(signed(chain.document_of_link(), bob))

    verdict = chain.judge().require()

    assert verdict.steps[0].signers == (bob.keyid, ALICE.certificate.key.keyid)


# --- sublayouts, and looking before running ---------------------------------------------------------


def with_sublayout(holder: Holder) -> Chain:
    inner = Simulator()
    inner.step("compile", "carol", products={"out": "1"}, expected_products=["CREATE out", "DISALLOW *"])
    chain = Chain(BUILDER)
    chain.files["build.00000000.link"] = by_certificate(inner.document(), holder).write()
    chain.files |= {f"build.00000000/{name}": data for name, data in inner.files.items()}
    return chain


def test_sublayout_counts_by_a_certificate() -> None:
    chain = with_sublayout(ALICE)

    verdict = chain.judge().require()

    assert Reason.SUBLAYOUT_USED in {finding.reason for finding in verdict.findings}
    assert with_sublayout(ROOT.leaf("mallory")).rejected().reason is Reason.CERTIFICATE_CONSTRAINT_UNMET


def test_step_may_be_performed_with_a_certificate_that_will_count() -> None:
    chain = Chain(BUILDER)
    mallory = ROOT.leaf("mallory")

    def judged(holder: Holder, *, shown: bool = True) -> Verdict:
        certificate = holder.certificate if shown else None
        return judge_materials(chain.case(), "build", {}, holder.certificate.key, certificate)

    assert judged(ALICE).accepted
    assert judged(ALICE, shown=False).reasons == {Reason.KEY_NOT_AUTHORISED}
    assert judged(mallory).reasons == {Reason.CERTIFICATE_CONSTRAINT_UNMET}
