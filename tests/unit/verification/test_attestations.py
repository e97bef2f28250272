"""Which attestations count, in every way in which one may not, and how many signers agree."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from custody.envelopes.dsse import DSSEEnvelope
from custody.envelopes.metablock import Metablock
from custody.envelopes.sigstore_bundle import write_bundle
from custody.errors import UsageError
from custody.keys.keyless import keyless_key
from custody.keys.keyless_names import Wanted
from custody.keys.openpgp import OpenPGPKey
from custody.models.fields_match import read_field_demands
from custody.models.resource_descriptor import ResourceDescriptor
from custody.verdict import Reason
from custody.verification.attestation_case import Attestation, AttestationDemands, AttestationVerdict, Covering
from custody.verification.attestations import MAX_ATTESTATIONS, judge_attestations
from tests.simulator import AT, Actor, actor

TYPE = "https://example.com/TestResult/v1"
IN_TOTO = "application/vnd.in-toto+json"
APP, OTHER, INDEX = "a" * 64, "b" * 64, "c" * 64
ALICE, BOB, MALLORY = actor("alice"), actor("bob"), actor("mallory")
PREDICATE = {"passed": 42, "by": {"id": "https://ci.example.com"}, "ok": True}


def statement(**changes: object) -> dict[str, Any]:
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "app", "digest": {"sha256": APP}}],
        "predicateType": TYPE,
        "predicate": PREDICATE,
        **changes,
    }


def about(*digests: str, name: str = "app") -> list[dict[str, Any]]:
    return [{"name": f"{name}{i}", "digest": {"sha256": digest}} for i, digest in enumerate(digests)]


def enveloped(payload: bytes, *signers: Actor, payload_type: str = IN_TOTO) -> DSSEEnvelope:
    envelope = DSSEEnvelope(payload=payload, payload_type=payload_type)
    for who in signers or (ALICE,):
        envelope = envelope.with_signature("", who.sign(envelope.signed_bytes))
    return envelope


def signed(document: Mapping[str, Any] | None = None, *signers: Actor, payload_type: str = IN_TOTO) -> bytes:
    payload = json.dumps(statement() if document is None else document).encode()
    return enveloped(payload, *signers, payload_type=payload_type).write()


def demands(*keys: Actor, **changes: object) -> AttestationDemands:
    given: dict[str, Any] = {
        "subjects": (ResourceDescriptor(name="app", digest={"sha256": APP}),),
        "predicate_type": TYPE,
        "keys": tuple(key.public_key for key in keys or (ALICE,)),
    }
    given.update(changes)
    return AttestationDemands(**given)


def judged(*found: bytes | Attestation, asked: AttestationDemands | None = None) -> AttestationVerdict:
    attestations = [
        each if isinstance(each, Attestation) else Attestation(source=f"file:{number}", data=each)
        for number, each in enumerate(found)
    ]
    return judge_attestations(attestations, asked or demands(), at=AT, title="app")


def changed(data: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    document = json.loads(data)
    change(document)
    return json.dumps(document).encode()


def url_safe(data: bytes) -> bytes:
    """Return the envelope with base64 of the other alphabet and without padding."""

    def translate(document: dict[str, Any]) -> None:
        for holder, name in ((document, "payload"), (document["signatures"][0], "sig")):
            holder[name] = holder[name].replace("+", "-").replace("/", "_").rstrip("=")

    return changed(data, translate)


def with_first(signature: Mapping[str, str]) -> Callable[[dict[str, Any]], None]:
    return lambda document: document["signatures"].insert(0, dict(signature))


GOOD = signed()

COUNTED = {
    "plain": GOOD,
    "v0.1": signed(statement(_type="https://in-toto.io/Statement/v0.1")),
    "payload-type-of-the-predicate": signed(payload_type="application/vnd.in-toto.test-result+json"),
    "url-safe": url_safe(signed(statement(predicate={"text": "???>>>~~~"}))),
    "unknown-fields": signed(statement(extra=1, subject=[{**about(APP)[0], "extra": 2}])),
    "unknown-field-of-the-envelope": changed(GOOD, lambda d: d.update(extra=1)),
    "another-subject-too": signed(statement(subject=about(OTHER, APP))),
    "several-signatures": signed(statement(), MALLORY, ALICE),
    "keyid-of-somebody-else": changed(GOOD, lambda d: d["signatures"][0].update(keyid=MALLORY.keyid)),
    "keyid-of-another-tool": changed(GOOD, lambda d: d["signatures"][0].update(keyid="SHA256:abc")),
    "no-keyid": changed(GOOD, lambda d: d["signatures"][0].pop("keyid")),
    "bad-signature-before": changed(GOOD, with_first({"keyid": ALICE.keyid, "sig": "AAAA"})),
    "bundle": write_bundle(enveloped(json.dumps(statement()).encode()), ALICE.public_key),
    "bundle-with-unknown-field": changed(
        write_bundle(enveloped(json.dumps(statement()).encode()), ALICE.public_key), lambda d: d.update(extra=1)
    ),
    "bundle-with-another-hint": changed(
        write_bundle(enveloped(json.dumps(statement()).encode()), ALICE.public_key),
        lambda d: d["verificationMaterial"]["publicKey"].update(hint="AAAA"),
    ),
    "another-algorithm-that-agrees": signed(statement(subject=[{"digest": {"sha256": APP, "sha512": "d" * 128}}])),
}


@pytest.mark.parametrize("data", [pytest.param(data, id=name) for name, data in COUNTED.items()])
def test_what_counts(data: bytes) -> None:
    verdict = judged(data)

    assert verdict.accepted, verdict.findings
    assert verdict.signers == (f"key {ALICE.keyid[:8]}",)
    assert len(verdict.envelopes) == 1
    assert not verdict.findings


@pytest.mark.parametrize("data", [pytest.param(data, id=name) for name, data in COUNTED.items()])
def test_the_same_changed_after_signing_does_not_count(data: bytes) -> None:
    def tamper(document: dict[str, Any]) -> None:
        inner = document.get("dsseEnvelope", document)
        payload = json.loads(base64.urlsafe_b64decode(inner["payload"].replace("+", "-").replace("/", "_") + "==="))
        payload["predicate"] = {"passed": 43}
        inner["payload"] = base64.b64encode(json.dumps(payload).encode()).decode()

    verdict = judged(changed(data, tamper))

    assert not verdict.accepted
    assert [report.reason for report in verdict.attestations] == [Reason.KEY_NOT_AUTHORISED]


def twice(data: bytes, key: str, value: str) -> bytes:
    """Return the JSON with a key that it has once more."""
    return data.replace(b"{", b'{"%b": "%b", ' % (key.encode(), value.encode()), 1)


def bundle_with_certificate(data: bytes) -> bytes:
    """Return the envelope in a bundle that says whose key it is by a certificate."""
    material = {"certificate": {"rawBytes": "AAAA"}, "tlogEntries": []}
    media_type = "application/vnd.dev.sigstore.bundle.v0.3+json"
    document = {"mediaType": media_type, "verificationMaterial": material, "dsseEnvelope": json.loads(data)}
    return json.dumps(document).encode()


NOT_COUNTED: Mapping[str, tuple[bytes | Attestation, Reason]] = {
    "nothing": (b"", Reason.ATTESTATION_MALFORMED),
    "no-json": (b"hello", Reason.ATTESTATION_MALFORMED),
    "no-envelope": (b'{"hello": 1}', Reason.ATTESTATION_MALFORMED),
    "a-bare-statement": (json.dumps(statement()).encode(), Reason.ATTESTATION_MALFORMED),
    "an-older-envelope": (Metablock.wrap(statement()).write(), Reason.ATTESTATION_MALFORMED),
    "unreadable": (Attestation(source="x", unreadable="the registry has gone"), Reason.ATTESTATION_UNREADABLE),
    "duplicate-key-outside": (twice(GOOD, "payloadType", IN_TOTO), Reason.ATTESTATION_MALFORMED),
    "duplicate-key-inside": (
        enveloped(twice(json.dumps(statement()).encode(), "predicateType", TYPE)).write(),
        Reason.ATTESTATION_MALFORMED,
    ),
    "other-payload-type": (signed(payload_type="application/json"), Reason.PAYLOAD_TYPE_WRONG),
    "layout-payload-type": (signed(payload_type="application/vnd.in-toto"), Reason.PAYLOAD_TYPE_WRONG),
    "unsigned": (changed(GOOD, lambda d: d.update(signatures=[])), Reason.SIGNATURE_MISSING),
    "by-somebody-else": (signed(statement(), MALLORY), Reason.KEY_NOT_AUTHORISED),
    "in-the-name-of-alice": (
        changed(signed(statement(), MALLORY), lambda d: d["signatures"][0].update(keyid=ALICE.keyid)),
        Reason.KEY_NOT_AUTHORISED,
    ),
    "payload-type-changed": (
        changed(GOOD, lambda d: d.update(payloadType="application/vnd.in-toto.x+json")),
        Reason.KEY_NOT_AUTHORISED,
    ),
    "bundle-with-our-hint-by-somebody-else": (
        write_bundle(enveloped(json.dumps(statement()).encode(), MALLORY), ALICE.public_key),
        Reason.KEY_NOT_AUTHORISED,
    ),
    "bundle-with-a-certificate": (bundle_with_certificate(GOOD), Reason.KEY_NOT_AUTHORISED),
    "bundle-of-two": (
        changed(COUNTED["bundle"], lambda d: d["dsseEnvelope"]["signatures"].append({"sig": "AAAA"})),
        Reason.ATTESTATION_MALFORMED,
    ),
    "a-link": (signed({"_type": "link", "name": "x"}), Reason.ATTESTATION_MALFORMED),
    "statement-of-the-future": (
        signed(statement(_type="https://in-toto.io/Statement/v2")),
        Reason.ATTESTATION_MALFORMED,
    ),
    "no-subject": (signed(statement(subject=[])), Reason.ATTESTATION_MALFORMED),
    "subject-without-digest": (signed(statement(subject=[{"name": "app"}])), Reason.ATTESTATION_MALFORMED),
    "another-subject": (signed(statement(subject=about(OTHER))), Reason.SUBJECT_DIFFERS),
    "same-name-other-digest": (signed(statement(subject=about(OTHER, name="app"))), Reason.SUBJECT_DIFFERS),
    "only-a-weak-digest": (
        signed(statement(subject=[{"name": "app", "digest": {"md5": "0" * 32}}])),
        Reason.SUBJECT_DIFFERS,
    ),
    "only-another-digest": (
        signed(statement(subject=[{"name": "app", "digest": {"sha512": APP * 2}}])),
        Reason.SUBJECT_DIFFERS,
    ),
    "digest-in-capitals": (signed(statement(subject=about(APP.upper()))), Reason.ATTESTATION_MALFORMED),
    "another-type": (signed(statement(predicateType="https://example.com/Other/v1")), Reason.PREDICATE_TYPE_DIFFERS),
    "a-longer-type": (signed(statement(predicateType=f"{TYPE}.1")), Reason.PREDICATE_TYPE_DIFFERS),
    "no-type": (signed({k: v for k, v in statement().items() if k != "predicateType"}), Reason.ATTESTATION_MALFORMED),
    "predicate-no-object": (signed(statement(predicate="text")), Reason.ATTESTATION_MALFORMED),
}


@pytest.mark.parametrize(
    ("found", "reason"), [pytest.param(data, reason, id=name) for name, (data, reason) in NOT_COUNTED.items()]
)
def test_what_does_not_count(found: bytes | Attestation, reason: Reason) -> None:
    verdict = judged(found)

    assert not verdict.accepted
    assert verdict.reasons == {Reason.ATTESTATION_MISSING}
    (report,) = verdict.attestations
    assert (report.reason, report.counts) == (reason, False)
    warning = verdict.findings[-1]
    assert warning.reason is reason
    assert f"{report.source} is not counted: " in warning.message
    assert verdict.envelopes == ()


@pytest.mark.parametrize("found", [pytest.param(data, id=name) for name, (data, _) in NOT_COUNTED.items()])
def test_what_does_not_count_hides_nothing(found: bytes | Attestation) -> None:
    before, after = judged(found, GOOD), judged(GOOD, found)

    assert before.accepted
    assert after.accepted
    assert sum(report.counts for report in before.attestations) == 1


def test_nothing_found_is_a_rejection() -> None:
    verdict = judged()

    assert not verdict.accepted
    assert verdict.reasons == {Reason.ATTESTATION_MISSING}
    assert "no attestation" in verdict.summary


def test_no_keys_is_a_rejection() -> None:
    verdict = judged(GOOD, asked=demands(keys=()))

    assert not verdict.accepted
    assert verdict.reasons == {Reason.NO_KEYS}


def test_unset_predicate_is_an_empty_one() -> None:
    unset, empty = statement(), statement(predicate={})
    del unset["predicate"]
    found = (signed(unset, ALICE), signed(empty, BOB))

    assert judged(*found, asked=demands(ALICE, BOB, threshold=2)).accepted


def test_malformed_predicate_of_a_known_type_does_not_count() -> None:
    uri = "https://slsa.dev/provenance/v1"
    good = {"buildDefinition": {"buildType": "https://e.com", "externalParameters": {}}}
    good["runDetails"] = {"builder": {"id": "https://e.com"}}
    verdict = judged(signed(statement(predicateType=uri)), asked=demands(predicate_type=uri))

    assert [each.reason for each in verdict.attestations] == [Reason.PREDICATE_MALFORMED]
    assert judged(signed(statement(predicateType=uri, predicate=good)), asked=demands(predicate_type=uri)).accepted


@pytest.mark.parametrize(
    ("fields", "accepted"),
    [
        (("predicate.passed=42",), True),
        (("predicate.passed=42", "predicate.by.id=https://ci.example.com", "predicate.ok=true"), True),
        (("predicate.passed=42", "predicate.by.id=https://evil.example.com"), False),
        (("predicate.failed=0",), False),
        ((f"predicateType={TYPE}", f"subject[0].digest.sha256={APP}"), True),
        ((f"subject[*].digest.sha256={OTHER}",), False),
    ],
)
def test_fields_have_to_be_as_demanded(fields: tuple[str, ...], accepted: bool) -> None:
    verdict = judged(GOOD, asked=demands(fields=read_field_demands(fields)))

    assert verdict.accepted is accepted
    assert {each.reason for each in verdict.attestations} == {None if accepted else Reason.FIELD_DIFFERS}


def by(*signers: Actor) -> list[bytes]:
    return [signed(statement(), who) for who in signers]


@pytest.mark.parametrize(
    ("found", "keys", "threshold", "accepted"),
    [
        pytest.param(by(ALICE, BOB), (ALICE, BOB), 2, True, id="two"),
        pytest.param(by(ALICE, ALICE), (ALICE, BOB), 2, False, id="one-twice"),
        pytest.param(by(ALICE, MALLORY), (ALICE, BOB), 2, False, id="one-and-a-stranger"),
        pytest.param([signed(statement(), ALICE, BOB)], (ALICE, BOB), 2, True, id="one-envelope"),
        pytest.param([signed(statement(), ALICE, ALICE)], (ALICE, BOB), 2, False, id="two-signatures-of-one"),
        pytest.param(
            [signed(statement(), ALICE), signed(statement(predicate={"passed": 43}), BOB)],
            (ALICE, BOB),
            2,
            False,
            id="other-predicates",
        ),
        pytest.param(
            [signed(statement(), ALICE), signed(statement(subject=about(APP, OTHER)), BOB)],
            (ALICE, BOB),
            2,
            False,
            id="other-subjects",
        ),
        pytest.param(
            [signed(statement(), ALICE), signed(statement(subject=about(APP, name="there/")), BOB)],
            (ALICE, BOB),
            2,
            True,
            id="other-names",
        ),
        pytest.param(
            [signed(statement(predicate={"a": 1, "b": 2}), ALICE), signed(statement(predicate={"b": 2, "a": 1}), BOB)],
            (ALICE, BOB),
            2,
            True,
            id="other-order-of-fields",
        ),
    ],
)
def test_threshold_counts_people_who_say_the_same(
    found: Sequence[bytes], keys: tuple[Actor, ...], threshold: int, accepted: bool
) -> None:
    verdict = judged(*found, asked=demands(*keys, threshold=threshold))

    assert verdict.accepted is accepted
    if not accepted:
        assert verdict.reasons == {Reason.TOO_FEW_SIGNERS}


def test_only_what_enough_agree_on_is_handed_on() -> None:
    dissent = signed(statement(predicate={"passed": 43}), MALLORY)
    asked = demands(ALICE, BOB, MALLORY, threshold=2)
    verdict = judged(*by(ALICE, BOB), dissent, asked=asked)

    assert verdict.accepted
    assert [envelope.write() for envelope in verdict.envelopes] == by(ALICE, BOB)
    assert [report.reason for report in verdict.attestations] == [None, None, Reason.TOO_FEW_SIGNERS]


def test_what_hangs_at_two_places_is_handed_on_once() -> None:
    verdict = judged(GOOD, COUNTED["bundle"])

    assert verdict.accepted
    assert len(verdict.envelopes) == 1
    assert [report.counts for report in verdict.attestations] == [True, True]


def test_key_under_two_names_has_one_vote() -> None:
    keys = (ALICE.public_key, ALICE.public_key.replace(keyid="another"))

    with pytest.raises(UsageError, match="cannot be met by 1 different key"):
        demands(keys=keys, threshold=2)


@pytest.mark.parametrize(
    "changes",
    [
        {"threshold": 0},
        {"threshold": 2},
        {"predicate_type": ""},
        {"subjects": ()},
        {"subjects": (ResourceDescriptor(name="app", digest={"md5": "0" * 32}),)},
        {"subjects": (ResourceDescriptor(digest={"sha256": APP}), ResourceDescriptor(digest={"sha256": OTHER}))},
    ],
)
def test_senseless_demands_are_refused(changes: Mapping[str, Any]) -> None:
    with pytest.raises(UsageError):
        demands(**changes)


def directory(*names: str, digest: str = APP) -> tuple[ResourceDescriptor, ...]:
    return tuple(ResourceDescriptor(name=name, digest={"sha256": digest}) for name in names)


def files(*names: str, digest: str = APP) -> list[dict[str, Any]]:
    return [{"name": name, "digest": {"sha256": digest}} for name in names]


@pytest.mark.parametrize(
    ("subject", "accepted"),
    [
        pytest.param(files("a", "b"), True, id="same"),
        pytest.param(files("b", "a"), True, id="other-order"),
        pytest.param(files("a"), False, id="one-missing"),
        pytest.param(files("a", "b", "c"), False, id="one-more"),
        pytest.param([*files("a"), *files("b", digest=OTHER)], False, id="other-content"),
        pytest.param(files("a", "B"), False, id="other-name"),
        pytest.param([*files("a", "b"), *files("a", digest=OTHER)], False, id="a-name-twice"),
        pytest.param([*files("a", digest=OTHER), *files("a", "b")], False, id="a-name-twice-the-good-one-last"),
    ],
)
def test_directory_has_exactly_the_subjects(subject: list[dict[str, Any]], accepted: bool) -> None:
    verdict = judged(signed(statement(subject=subject)), asked=demands(subjects=directory("a", "b"), whole=True))

    assert verdict.accepted is accepted
    assert {each.reason for each in verdict.attestations} == {None if accepted else Reason.SUBJECT_DIFFERS}


@pytest.mark.parametrize("asked", [True, False])
def test_index_covers_an_image_only_if_asked(asked: bool) -> None:
    covering = Covering(title="the index", digest={"sha256": INDEX}, asked=asked, option="--index-covers")
    verdict = judged(signed(statement(subject=about(INDEX))), asked=demands(covering=(covering,)))

    assert verdict.accepted is asked
    (finding,) = [each for each in verdict.findings if not each.rejects]
    assert finding.reason is (Reason.COVERED_BY_OTHER if asked else Reason.SUBJECT_DIFFERS)
    assert "the index" in finding.message


def test_image_of_another_digest_algorithm_is_compared_by_it() -> None:
    subjects = (ResourceDescriptor(digest={"sha512": "e" * 128}),)
    good = [{"digest": {"sha512": "e" * 128}}]
    bad = [{"digest": {"sha512": "f" * 128}}]
    asked = demands(subjects=subjects, pinned="sha512")

    assert judged(signed(statement(subject=good)), asked=asked).accepted
    assert not judged(signed(statement(subject=bad)), asked=asked).accepted


def test_another_algorithm_that_differs_does_not_count() -> None:
    subjects = (ResourceDescriptor(digest={"sha256": APP, "sha512": "e" * 128}),)
    bad = [{"digest": {"sha256": APP, "sha512": "f" * 128}}]

    assert judged(signed(), asked=demands(subjects=subjects)).accepted
    assert not judged(signed(statement(subject=bad)), asked=demands(subjects=subjects)).accepted


def test_flood_is_bounded_and_said() -> None:
    flood = (Attestation(source=str(number), data=b"{}") for number in range(MAX_ATTESTATIONS + 1))
    verdict = judge_attestations([Attestation(source="good", data=GOOD), *flood], demands(), at=AT)

    assert verdict.accepted
    assert len(verdict.attestations) == MAX_ATTESTATIONS
    assert Reason.TOO_MANY_ATTESTATIONS in {finding.reason for finding in verdict.findings}


def test_identity_without_trusted_root_proves_nothing() -> None:
    key = keyless_key(Wanted(text="alice@example.com"), Wanted(text="https://issuer.example.com"))
    verdict = judged(bundle_with_certificate(GOOD), asked=demands(keys=(key,)))

    assert [each.reason for each in verdict.attestations] == [Reason.IDENTITY_NOT_PROVEN]


def test_signature_by_a_key_is_not_by_an_identity() -> None:
    key = keyless_key(Wanted(text="alice@example.com"), Wanted(text="https://issuer.example.com"))
    verdict = judged(GOOD, asked=demands(keys=(key,)))

    assert [each.reason for each in verdict.attestations] == [Reason.KEY_NOT_AUTHORISED]
    assert "identities are demanded" in verdict.attestations[0].message


def test_verdict_is_no_boolean() -> None:
    with pytest.raises(TypeError):
        bool(judged(GOOD))


def test_acceptance_without_an_envelope_is_a_lie() -> None:
    verdict = judged(GOOD)

    with pytest.raises(ValueError, match="no acceptance"):
        verdict.replace(envelopes=())
    with pytest.raises(ValueError, match="no acceptance"):
        judged().replace(accepted=True, envelopes=verdict.envelopes)


def test_sources_are_named_in_findings() -> None:
    verdict = judged(b"{}", GOOD)

    assert [finding.evidence for finding in verdict.findings] == ["file:0"]
    assert verdict.summary == "accepted"


def test_openpgp_key_is_refused() -> None:
    key = OpenPGPKey(keyid="0" * 40, keytype="rsa", scheme="pgp+rsa-pkcsv1.5", parameters=(), spki=b"", created=0)

    with pytest.raises(UsageError, match="OpenPGP"):
        demands(keys=(key,))
