"""A keyless signature counts for whom its certificate names, and nothing in it can be changed or left out."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any, Self

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from custody.encoding.pae import pae
from custody.errors import FormatError, SignatureError
from custody.keys.keyless import KeylessKey, KeylessSignature, Proof, keyless_key
from custody.keys.keyless_names import MAX_IDENTITY, Wanted, wanted
from custody.keys.keyless_proof import NOT_IN_TOTO
from custody.keys.trusted_root import TrustedRoot
from tests.sigstore_instance import SigstoreInstance

ALICE = "alice@example.com"
MESSAGE = pae("application/vnd.in-toto+json", b'{"_type": "link"}')


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SigstoreInstance]:
    with SigstoreInstance(tmp_path_factory.mktemp("instance")) as running:
        yield running


@pytest.fixture(scope="module")
def signature(instance: SigstoreInstance) -> KeylessSignature:
    return instance.signer(ALICE).sign(MESSAGE)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[SigstoreInstance]:
    """Return an instance that may be made to misbehave."""
    with SigstoreInstance(tmp_path / "own") as running:
        yield running


def key_of(
    instance: SigstoreInstance, subject: str = ALICE, *, issuer: str = "", root: TrustedRoot | None = None
) -> KeylessKey:
    provider = Wanted(text=issuer or instance.issuer)
    return keyless_key(Wanted(text=subject), provider, trusted_root=root or instance.root())


def changed(signature: KeylessSignature, change: Callable[[dict[str, Any]], object]) -> KeylessSignature:
    bundle = json.loads(signature.bundle)
    change(bundle["verificationMaterial"])
    return signature.replace(bundle=json.dumps(bundle).encode())


def entry_of(material: dict[str, Any]) -> dict[str, Any]:
    entry = material["tlogEntries"][0]
    assert isinstance(entry, dict)
    return entry


def signed_badly(own: SigstoreInstance) -> KeylessSignature:
    """Return what the instance signs, without the signer's own look at it."""
    signer = own.signer(ALICE)
    value, bundle = signer._bundle(MESSAGE)
    return KeylessSignature(signature=value, bundle=bundle)


def test_signature_counts_for_whom_the_certificate_names(
    instance: SigstoreInstance, signature: KeylessSignature
) -> None:
    key = key_of(instance)

    assert key.verify(signature, MESSAGE)
    proof = key.proof(signature, MESSAGE)
    assert isinstance(proof, Proof)
    assert (proof.subject, proof.issuer) == (ALICE, instance.issuer)
    assert abs(proof.issued - datetime.now(UTC)) < timedelta(minutes=1)


@pytest.mark.component("openssl")
@pytest.mark.parametrize(("rekor", "tsa"), [(1, True), (2, True)])
def test_logs_of_both_versions_and_timestamps_count(rekor: int, tsa: bool, tmp_path: Path) -> None:
    with SigstoreInstance(tmp_path / "other", rekor=rekor, tsa=tsa) as other:
        signature = other.signer(ALICE).sign(MESSAGE)

        assert "rfc3161Timestamps" in signature.bundle.decode()
        assert key_of(other).verify(signature, MESSAGE)
        assert not key_of(other).verify(signature, MESSAGE + b" ")


@pytest.mark.component("openssl")
def test_timestamp_of_another_authority_is_refused(tmp_path: Path) -> None:
    with (
        SigstoreInstance(tmp_path / "one", rekor=2, tsa=True) as one,
        SigstoreInstance(tmp_path / "two", rekor=2, tsa=True) as two,
    ):
        signature = one.signer(ALICE).sign(MESSAGE)
        document = {**one.root_document(), "timestampAuthorities": two.root_document()["timestampAuthorities"]}
        root = TrustedRoot(lambda: json.dumps(document).encode(), "root")

        assert key_of(one).verify(signature, MESSAGE)
        assert "not enough sources of verified time" in key_of(one, root=root).refusal(signature, MESSAGE)


@pytest.mark.parametrize(
    ("subject", "issuer"),
    [
        ("bob@example.com", None),
        (ALICE, "https://accounts.example.com"),
        ("Alice@example.com", None),
        ("alice@example.com.example.org", None),
    ],
)
def test_another_identity_or_issuer_is_refused(
    subject: str, issuer: str | None, instance: SigstoreInstance, signature: KeylessSignature
) -> None:
    key = key_of(instance, subject, issuer=issuer or instance.issuer)

    assert not key.verify(signature, MESSAGE)
    assert key.refusal(signature, MESSAGE) == f"it is by {ALICE!r} of {instance.issuer!r}"


@pytest.mark.parametrize(
    ("expression", "counts"),
    [
        (r".*@example\.com", True),
        (r"(alice|bob)@example\.com", True),
        (r"^alice@example\.com$", True),
        (r"alice", False),
        (r"alice@example", False),
        (r"@example\.com", False),
        (r"lice@example\.com", False),
        (r"ALICE@example\.com", False),
        (r"bob|alice", False),
    ],
)
def test_regular_expression_has_to_match_the_whole_name(
    expression: str, counts: bool, instance: SigstoreInstance, signature: KeylessSignature
) -> None:
    subject = wanted(expression, "", is_regexp=True)
    key = keyless_key(subject, Wanted(text=instance.issuer), trusted_root=instance.root())

    assert key.verify(signature, MESSAGE) is counts


def test_issuer_may_be_a_regular_expression(instance: SigstoreInstance, signature: KeylessSignature) -> None:
    def key(expression: str) -> KeylessKey:
        issuer = wanted(expression, "", is_regexp=True)
        return keyless_key(Wanted(text=ALICE), issuer, trusted_root=instance.root())

    assert key(r"http://127\.0\.0\.1:[0-9]+/oidc").verify(signature, MESSAGE)
    assert not key(r"http://127\.0\.0\.1:[0-9]+").verify(signature, MESSAGE)


def test_without_a_trusted_root_nobody_counts(instance: SigstoreInstance, signature: KeylessSignature) -> None:
    key = key_of(instance).replace(trusted_root=None)

    assert not key.verify(signature, MESSAGE)
    assert "no trusted root" in key.refusal(signature, MESSAGE)


@pytest.mark.parametrize("part", ["tlogs", "certificateAuthorities", "ctlogs"])
def test_trusted_root_with_one_part_of_another_instance_is_wrong(
    part: str, instance: SigstoreInstance, signature: KeylessSignature, own: SigstoreInstance
) -> None:
    document = {**instance.root_document(), part: own.root_document()[part]}
    root = TrustedRoot(lambda: json.dumps(document).encode(), "root")

    assert key_of(instance).verify(signature, MESSAGE)
    assert not key_of(instance, root=root).verify(signature, MESSAGE)


@pytest.mark.parametrize("part", ["tlogs", "certificateAuthorities", "ctlogs"])
def test_what_was_no_longer_valid_at_the_time_vouches_for_nobody(
    part: str, instance: SigstoreInstance, signature: KeylessSignature
) -> None:
    def root(**valid: str) -> TrustedRoot:
        document = instance.root_document()
        for entry in document[part]:
            (entry if "validFor" in entry else entry["publicKey"])["validFor"] = valid
        return TrustedRoot(lambda: json.dumps(document).encode(), "root")

    always, later, before = "2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z", "2021-01-01T00:00:00Z"

    assert key_of(instance, root=root(start=always, end=later)).verify(signature, MESSAGE)
    ended = key_of(instance, root=root(start=always, end=before))
    assert not ended.verify(signature, MESSAGE)
    assert not key_of(instance, root=root(start=later)).verify(signature, MESSAGE)


@pytest.mark.parametrize(
    "message",
    [
        b'{"_type":"link"}',
        pae("application/vnd.dev.custody+json", b"{}"),
        pae("application/vnd.in-toto+json2", b"{}"),
        pae("text/plain", b"application/vnd.in-toto+json"),
        pae("application/vnd.in-toto+json", b"{}") + b"more",
        b"DSSEv1 28 application/vnd.in-toto+json 3 {}",
        b"",
    ],
)
def test_signature_over_anything_but_an_in_toto_payload_is_refused(message: bytes, instance: SigstoreInstance) -> None:
    signer = instance.signer(ALICE)
    value, bundle = signer._bundle(message)  # the identity did sign it
    signature = KeylessSignature(signature=value, bundle=bundle)

    assert key_of(instance).refusal(signature, message) == NOT_IN_TOTO
    with pytest.raises(SignatureError, match="in-toto payload only"):
        signer.sign(message)


def test_payload_type_may_name_the_predicate(instance: SigstoreInstance) -> None:
    message = pae("application/vnd.in-toto.provenance+json", b'{"predicate": {}}')

    assert key_of(instance).verify(instance.signer(ALICE).sign(message), message)


def test_message_changed_after_signing_is_refused(instance: SigstoreInstance, signature: KeylessSignature) -> None:
    other = pae("application/vnd.in-toto+json", b'{"_type": "kink"}')

    assert not key_of(instance).verify(signature, other)


def test_signature_value_is_part_of_it(instance: SigstoreInstance, signature: KeylessSignature) -> None:
    other = instance.signer(ALICE).sign(MESSAGE)

    assert key_of(instance).verify(other, MESSAGE)
    assert not key_of(instance).verify(signature.replace(signature=other.signature), MESSAGE)


def test_entry_of_the_log_for_another_payload_is_refused(
    instance: SigstoreInstance, signature: KeylessSignature
) -> None:
    signer = instance.signer(ALICE)
    other = signer.sign(pae("application/vnd.in-toto+json", b'{"another": "payload"}'))
    own = signer.sign(MESSAGE)
    theirs = json.loads(other.bundle)["verificationMaterial"]["tlogEntries"]
    mixed = changed(own, lambda material: material.update(tlogEntries=theirs))

    assert key_of(instance).verify(own, MESSAGE)
    assert "inconsistent with other materials" in key_of(instance).refusal(mixed, MESSAGE)
    assert key_of(instance).verify(signature, MESSAGE)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("no proof", lambda m: entry_of(m).pop("inclusionProof")),
        ("no promise, so no time", lambda m: entry_of(m).pop("inclusionPromise")),
        ("another time", lambda m: entry_of(m).update(integratedTime=str(int(entry_of(m)["integratedTime"]) + 1))),
        ("a time beyond all", lambda m: entry_of(m).update(integratedTime=str(2**62))),
        ("no entry", lambda m: m.update(tlogEntries=[])),
        ("two entries", lambda m: m.update(tlogEntries=[entry_of(m)] * 2)),
        ("no certificate", lambda m: m.pop("certificate")),
        ("a certificate that is none", lambda m: m["certificate"].update(rawBytes="AAAA")),
        ("another place in the log", lambda m: entry_of(m)["inclusionProof"].update(logIndex="0")),
        ("another root", lambda m: entry_of(m)["inclusionProof"].update(rootHash=base64.b64encode(bytes(32)).decode())),
        ("a kind that is not known", lambda m: entry_of(m)["kindVersion"].update(kind="intoto")),
        ("a kind that is not text", lambda m: entry_of(m)["kindVersion"].update(kind=3)),
        ("a body that is not JSON", lambda m: entry_of(m).update(canonicalizedBody="AAAA")),
        ("a timestamp that is none", lambda m: m.update(timestampVerificationData={"rfc3161Timestamps": [{}]})),
    ],
)
def test_bundle_with_anything_changed_is_refused(
    name: str,
    change: Callable[[dict[str, Any]], object],
    instance: SigstoreInstance,
    signature: KeylessSignature,
) -> None:
    assert not key_of(instance).verify(changed(signature, change), MESSAGE), name


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(position=st.integers(0, 10_000), new=st.binary(min_size=0, max_size=4))
def test_bundle_with_other_bytes_is_never_an_error(
    position: int, new: bytes, instance: SigstoreInstance, signature: KeylessSignature
) -> None:
    at = position % len(signature.bundle)
    mangled = signature.replace(bundle=signature.bundle[:at] + new + signature.bundle[at + 1 :])
    found = key_of(instance).proof(mangled, MESSAGE)

    assert isinstance(found, str) or found.subject == ALICE


def test_certificate_that_had_expired_when_it_was_logged_is_refused(own: SigstoreInstance) -> None:
    good = signed_badly(own)
    own.log_ahead = timedelta(hours=1)
    late = signed_badly(own)

    assert key_of(own).verify(good, MESSAGE)
    assert not key_of(own).verify(late, MESSAGE)


def test_certificate_that_expired_long_ago_counts_by_its_proof_only(
    own: SigstoreInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Earlier(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return super().now(tz) - timedelta(days=5)

    monkeypatch.setattr("sigstore.sign.datetime", Earlier)
    own.authority.shifted = own.log_ahead = timedelta(days=-5)
    signer = own.signer(ALICE)
    value, bundle = signer._bundle_now(MESSAGE)
    old = KeylessSignature(signature=value, bundle=bundle)

    assert key_of(own).verify(old, MESSAGE)
    without = changed(old, lambda material: entry_of(material).pop("inclusionPromise"))
    assert not key_of(own).verify(without, MESSAGE)


def test_certificate_without_the_timestamp_of_a_log_is_refused(own: SigstoreInstance) -> None:
    signer = own.signer(ALICE)
    signature = signer.sign(MESSAGE)
    own.authority.with_sct = False

    assert key_of(own).verify(signature, MESSAGE)
    with pytest.raises(SignatureError, match="signed certificate timestamp"):
        own.signer(ALICE)


def test_certificate_with_the_timestamp_of_another_log_is_refused(own: SigstoreInstance, tmp_path: Path) -> None:
    signature = own.signer(ALICE).sign(MESSAGE)
    with SigstoreInstance(tmp_path / "other") as other:
        document = {**own.root_document(), "ctlogs": other.root_document()["ctlogs"]}
    root = TrustedRoot(lambda: json.dumps(document).encode(), "root")

    assert "failed to verify SCT" in key_of(own, root=root).refusal(signature, MESSAGE)


def test_certificate_for_something_else_than_signing_is_refused(own: SigstoreInstance) -> None:
    own.authority.usage = ExtendedKeyUsageOID.SERVER_AUTH
    signature = signed_badly(own)

    assert "code signing" in key_of(own).refusal(signature, MESSAGE)


@pytest.mark.parametrize(
    "names",
    [
        [x509.RFC822Name(ALICE), x509.RFC822Name("bob@example.com")],
        [x509.RFC822Name(ALICE), x509.UniformResourceIdentifier("https://example.com")],
        [x509.DNSName("alice.example.com")],
    ],
)
def test_certificate_that_does_not_say_who_is_meant_is_refused(
    names: list[x509.GeneralName], own: SigstoreInstance
) -> None:
    signer = own.signer(ALICE)
    own.authority.names = names

    with pytest.raises(SignatureError, match=r"expected one name|expected an e-mail"):
        signer._open()


def test_name_may_be_a_uri_or_a_user_name(own: SigstoreInstance) -> None:
    job = "https://ci.example.com/acme/app/build.yml@refs/heads/main"
    assert key_of(own, job).verify(own.signer(job).sign(MESSAGE), MESSAGE)

    own.authority.names = [x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.7"), b"\x0c\x05admin")]
    assert key_of(own, "admin").verify(own.signer(ALICE).sign(MESSAGE), MESSAGE)


def test_verification_uses_no_network(
    instance: SigstoreInstance, signature: KeylessSignature, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_args: object, **_more: object) -> None:
        raise AssertionError("a socket")

    asked = len(instance.requests)
    key = key_of(instance)
    monkeypatch.setattr(socket, "socket", refused)
    monkeypatch.setattr(socket, "create_connection", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)

    assert key.verify(signature, MESSAGE)
    assert len(instance.requests) == asked


def test_signature_from_the_future_is_untimely(instance: SigstoreInstance, signature: KeylessSignature) -> None:
    key = key_of(instance)
    now = datetime.now(UTC)
    late = key.untimely(signature, MESSAGE, now - timedelta(hours=1))

    assert key.untimely(signature, MESSAGE, now) is None
    assert late is not None
    assert "still to come" in late.problem


def test_regular_expression_signs_as_the_identity_that_it_matched(
    instance: SigstoreInstance, signature: KeylessSignature
) -> None:
    group = keyless_key(wanted(".*", "", is_regexp=True), Wanted(text=instance.issuer), trusted_root=instance.root())
    signed = group.signed_as(signature, MESSAGE)

    assert signed.identity == key_of(instance).identity
    assert signed.keyid == group.keyid
    assert group.identity != signed.identity


def test_trusted_root_that_is_none_is_an_error(instance: SigstoreInstance, signature: KeylessSignature) -> None:
    for data in (b"{}", b"nothing", json.dumps({**instance.root_document(), "tlogs": 3}).encode()):
        root = TrustedRoot(lambda data=data: data, "root.json")  # type: ignore[misc]
        with pytest.raises(FormatError, match=r"root\.json: expected a Sigstore trusted root"):
            key_of(instance, root=root).verify(signature, MESSAGE)


def test_longest_name_is_the_limit(own: SigstoreInstance) -> None:
    own.authority.names = [x509.UniformResourceIdentifier("https://e.com/" + "a" * MAX_IDENTITY)]

    with pytest.raises(SignatureError, match=f"at most {MAX_IDENTITY}"):
        own.signer(ALICE)
