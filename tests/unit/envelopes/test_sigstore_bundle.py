"""Sigstore bundles are read as the envelopes in them, and carried beside signatures."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sigstore.dsse import Statement
from sigstore.models import Bundle, ClientTrustConfig
from sigstore.oidc import IdentityToken
from sigstore.sign import SigningContext

from custody.envelopes.dsse import DSSEEnvelope
from custody.envelopes.reader import read_envelope
from custody.envelopes.signers import signed_by
from custody.envelopes.sigstore_bundle import BUNDLE_TYPE, MAX_BUNDLE_BYTES, MAX_BUNDLES, key_hint, write_bundle
from custody.errors import FormatError
from custody.keys.keyless import KeylessKey, KeylessSignature, keyless_key
from custody.keys.keyless_names import Wanted
from custody.workflows.links import sign_with
from custody.workflows.sign import sign_envelope
from tests.sigstore_instance import SigstoreInstance
from tests.simulator import actor

ALICE = "alice@example.com"
STATEMENT = {
    "_type": "https://in-toto.io/Statement/v1",
    "subject": [{"name": "app", "digest": {"sha256": "0" * 64}}],
    "predicateType": "https://example.com/p",
    "predicate": {},
}


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SigstoreInstance]:
    with SigstoreInstance(tmp_path_factory.mktemp("instance")) as running:
        yield running


@pytest.fixture(scope="module")
def bundle(instance: SigstoreInstance) -> bytes:
    """Return a bundle as the sigstore library writes it, with an entry of the kind `dsse` in its log."""
    config = ClientTrustConfig.from_json(instance.config.read_text(encoding="utf-8"))
    with SigningContext.from_trust_config(config).signer(IdentityToken(instance.token(ALICE))) as signer:
        return signer.sign_dsse(Statement(json.dumps(STATEMENT).encode())).to_json().encode()


def alice(instance: SigstoreInstance) -> KeylessKey:
    return keyless_key(Wanted(text=ALICE), Wanted(text=instance.issuer), trusted_root=instance.root())


def changed(bundle: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    document = json.loads(bundle)
    change(document)
    return json.dumps(document).encode()


def test_bundle_is_read_as_the_envelope_in_it(instance: SigstoreInstance, bundle: bytes) -> None:
    envelope = read_envelope(bundle)

    assert isinstance(envelope, DSSEEnvelope)
    assert envelope.content() == STATEMENT
    assert [key.keyid for key in signed_by(envelope, [alice(instance)])] == [alice(instance).keyid]
    assert signed_by(envelope, [alice(instance).replace(subject=Wanted(text="bob@example.com"))]) == ()


def test_bundle_that_was_read_is_written_as_an_envelope_with_it(instance: SigstoreInstance, bundle: bytes) -> None:
    envelope = read_envelope(bundle)
    again = read_envelope(envelope.write())

    assert again == envelope
    assert "dsseEnvelope" not in json.loads(envelope.write())
    assert signed_by(again, [alice(instance)])


def test_bundle_whose_payload_was_changed_does_not_verify(instance: SigstoreInstance, bundle: bytes) -> None:
    other = changed(bundle, lambda document: document["dsseEnvelope"].update(payload="e30="))

    assert signed_by(read_envelope(bundle), [alice(instance)])
    assert signed_by(read_envelope(other), [alice(instance)]) == ()


def test_bundle_whose_payload_type_was_changed_does_not_verify(instance: SigstoreInstance, bundle: bytes) -> None:
    kind = "application/vnd.in-toto.provenance+json"
    other = changed(bundle, lambda document: document["dsseEnvelope"].update(payloadType=kind))

    assert signed_by(read_envelope(other), [alice(instance)]) == ()


def test_bundle_with_the_log_entry_of_another_does_not_verify(instance: SigstoreInstance, bundle: bytes) -> None:
    link = sign_with(DSSEEnvelope.wrap({"_type": "link"}), instance.signer(ALICE))
    entries = link.signatures[0].document["bundle"]["verificationMaterial"]["tlogEntries"]
    other = changed(bundle, lambda document: document["verificationMaterial"].update(tlogEntries=entries))

    assert signed_by(link, [alice(instance)])
    assert signed_by(read_envelope(other), [alice(instance)]) == ()


def test_bundle_signed_by_a_key_is_read_as_a_plain_envelope() -> None:
    owner = actor("owner")
    envelope = DSSEEnvelope.wrap(STATEMENT)
    signed = json.loads(envelope.with_signature("", owner.sign(envelope.signed_bytes)).write())
    document = {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": "abc"}},
        "dsseEnvelope": signed,
    }
    found = read_envelope(json.dumps(document).encode())

    assert signed_by(found, [owner.public_key]) == (owner.public_key,)
    assert signed_by(found, [actor("mallory").public_key]) == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["dsseEnvelope"].update(signatures=[]), "expected one signature in a bundle, got 0"),
        (lambda d: d["dsseEnvelope"].update(signatures=d["dsseEnvelope"]["signatures"] * 2), "got 2"),
        (lambda d: d.pop("verificationMaterial"), "verificationMaterial: missing"),
        (lambda d: d.pop("mediaType"), "mediaType: missing"),
        (lambda d: d.update(dsseEnvelope=3), "expected an object"),
        (lambda d: d.update(payload="e30="), "both 'payload' and 'dsseEnvelope'"),
        (lambda d: d.update(signed={}), "both 'signed' and 'dsseEnvelope'"),
        (lambda d: d["verificationMaterial"].update(more="x" * MAX_BUNDLE_BYTES), f"at most {MAX_BUNDLE_BYTES}"),
    ],
)
def test_what_is_no_bundle_around_one_signature_is_refused(
    change: Callable[[dict[str, Any]], object], message: str, bundle: bytes
) -> None:
    with pytest.raises(FormatError, match=message):
        read_envelope(changed(bundle, change))


def test_bundle_beside_a_signature_has_to_be_an_object() -> None:
    document = json.loads(DSSEEnvelope.wrap(STATEMENT).write())
    document["signatures"] = [{"keyid": "a", "sig": "AAAA", "bundle": "text"}]

    with pytest.raises(FormatError, match=r"signatures\[0\]\.bundle: expected an object"):
        read_envelope(json.dumps(document).encode())


def test_more_keyless_signatures_than_anybody_needs_are_refused(instance: SigstoreInstance) -> None:
    envelope = sign_with(DSSEEnvelope.wrap({"_type": "link"}), instance.signer(ALICE))
    most = envelope.replace(signatures=envelope.signatures * MAX_BUNDLES)
    assert signed_by(read_envelope(most.write()), [alice(instance)])

    more = most.replace(signatures=(*most.signatures, *envelope.signatures))
    with pytest.raises(FormatError, match=f"at most {MAX_BUNDLES} keyless signatures, got {MAX_BUNDLES + 1}"):
        read_envelope(more.write())
    bob = instance.signer("bob@example.com")
    with pytest.raises(FormatError, match=f"at most {MAX_BUNDLES} keyless signatures"):
        sign_envelope(most, [bob], append=True)


@pytest.mark.component("openssl")
def test_bundle_of_version_2_of_the_log_is_read(tmp_path: Path) -> None:
    with SigstoreInstance(tmp_path / "instance", rekor=2, tsa=True) as other:
        config = ClientTrustConfig.from_json(other.config.read_text(encoding="utf-8"))
        with SigningContext.from_trust_config(config).signer(IdentityToken(other.token(ALICE))) as signer:
            made = signer.sign_dsse(Statement(json.dumps(STATEMENT).encode())).to_json().encode()

        assert signed_by(read_envelope(made), [alice(other)])
        changed_one = changed(made, lambda document: document["dsseEnvelope"].update(payload="e30="))
        assert signed_by(read_envelope(changed_one), [alice(other)]) == ()


def test_metablock_has_no_bundles(instance: SigstoreInstance) -> None:
    document = {"signed": {"_type": "link"}, "signatures": [{"keyid": "a", "sig": "abcd", "bundle": {}}]}
    found = read_envelope(json.dumps(document).encode())

    assert found.signatures[0].value == b"\xab\xcd"
    assert signed_by(found, [alice(instance)]) == ()


def test_envelope_with_a_keyless_signature_is_read_as_it_was_written(instance: SigstoreInstance) -> None:
    envelope = sign_with(DSSEEnvelope.wrap({"_type": "link"}), instance.signer(ALICE))
    again = read_envelope(envelope.write())

    assert isinstance(again.signatures[0].value, KeylessSignature)
    assert again.write() == envelope.write()
    assert signed_by(again, [alice(instance)])


def test_bundle_beside_a_signature_is_one_that_the_library_reads(instance: SigstoreInstance) -> None:
    envelope = sign_with(DSSEEnvelope.wrap({"_type": "link"}), instance.signer(ALICE))
    found = Bundle.from_json(json.dumps(envelope.signatures[0].document["bundle"]))

    assert found.signature == envelope.signatures[0].value.signature  # type: ignore[union-attr]


def test_written_bundle_of_a_key_has_a_hint_and_one_signature() -> None:
    who = actor("alice")
    envelope = DSSEEnvelope.wrap(STATEMENT)
    envelope = envelope.with_signature("any", who.sign(envelope.signed_bytes))
    data = write_bundle(envelope, who.public_key)
    document = json.loads(data)

    assert document["mediaType"] == BUNDLE_TYPE
    assert document["verificationMaterial"] == {"publicKey": {"hint": key_hint(who.public_key)}}
    assert [set(each) for each in document["dsseEnvelope"]["signatures"]] == [{"sig"}]
    assert signed_by(read_envelope(data), [who.public_key]) == (who.public_key,)
    assert signed_by(read_envelope(data), [actor("mallory").public_key]) == ()


def test_written_bundle_of_an_identity_is_one_that_the_library_reads(instance: SigstoreInstance) -> None:
    envelope = sign_with(DSSEEnvelope.wrap(STATEMENT), instance.signer(ALICE))
    assert isinstance(envelope, DSSEEnvelope)
    data = write_bundle(envelope, alice(instance))
    found = Bundle.from_json(data)

    assert found.signing_certificate is not None
    assert signed_by(read_envelope(data), [alice(instance)])
    changed_one = changed(data, lambda document: document["dsseEnvelope"].update(payload="e30="))
    assert signed_by(read_envelope(changed_one), [alice(instance)]) == ()


@pytest.mark.parametrize("signers", [(), ("alice", "bob")])
def test_bundle_is_written_of_one_signature_only(signers: tuple[str, ...]) -> None:
    envelope = DSSEEnvelope.wrap(STATEMENT)
    for name in signers:
        envelope = envelope.with_signature("", actor(name).sign(envelope.signed_bytes))

    with pytest.raises(FormatError, match="holds one signature"):
        write_bundle(envelope, actor("alice").public_key)
