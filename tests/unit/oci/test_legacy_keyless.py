"""Keyless attestations in a `.att` manifest: what proves them stands in annotations, as cosign writes them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from custody.encoding.strict import write_json
from custody.encoding.text import to_base64
from custody.envelopes.dsse import DSSEEnvelope
from custody.envelopes.reader import Envelope, read_envelope
from custody.envelopes.signers import keyless_refusal, signed_by
from custody.errors import FormatError
from custody.keys.keyless import KeylessKey, keyless_key
from custody.keys.keyless_names import Wanted
from custody.oci.attached import with_proofs
from custody.oci.documents import envelope_line, read_document
from custody.oci.legacy_keyless import legacy_annotations, legacy_bundle
from custody.oci.manifest import Manifest
from custody.workflows.attach import attach
from custody.workflows.download import found_on
from custody.workflows.links import sign_with
from tests.attachments import layout_with_image, statement
from tests.sigstore_instance import SigstoreInstance

ALICE = "alice@example.com"
CERTIFICATE = "dev.sigstore.cosign/certificate"
ENTRY = "dev.sigstore.cosign/bundle"
WHOLE = "dev.custody.bundle"
STAMP = "dev.sigstore.cosign/rfc3161timestamp"


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[SigstoreInstance]:
    with SigstoreInstance(tmp_path / "instance") as running:
        yield running


def identity(instance: SigstoreInstance, name: str = ALICE) -> KeylessKey:
    return keyless_key(Wanted(text=name), Wanted(text=instance.issuer), trusted_root=instance.root())


@pytest.mark.parametrize("legacy", [False, True])
def test_keyless_attestation_is_found_with_its_proofs(instance: SigstoreInstance, tmp_path: Path, legacy: bool) -> None:
    store, image = layout_with_image(tmp_path / "layout")
    envelope = sign_with(DSSEEnvelope.wrap(statement(image)), instance.signer(ALICE))

    (made,) = attach(store, image, [read_document(envelope.write())], legacy=legacy)

    (found,) = found_on(store, image.digest)
    assert found.document is not None, found.problem
    alice, bob = identity(instance), identity(instance, "bob@example.com")
    assert signed_by(found.document.envelope, [alice, bob]) == (alice,)
    manifest = store.manifest(str(made.digest))
    assert isinstance(manifest, Manifest)
    names = set(manifest.layers[0].annotations)
    assert (names >= {CERTIFICATE, ENTRY, "dev.sigstore.cosign/chain"}) == legacy


def test_changed_payload_of_a_keyless_attestation_is_nobodys(instance: SigstoreInstance, tmp_path: Path) -> None:
    store, image = layout_with_image(tmp_path / "layout")
    envelope = sign_with(DSSEEnvelope.wrap(statement(image)), instance.signer(ALICE))
    written = json.loads(envelope.write())
    written["payload"] = to_base64(envelope.payload.replace(b"42", b"43"))

    attach(store, image, [read_document(write_json(written))], legacy=True)

    (found,) = found_on(store, image.digest)
    assert found.document is not None
    assert signed_by(found.document.envelope, [identity(instance)]) == ()


MATERIAL: dict[str, Any] = {
    "certificate": {"rawBytes": "QUJD" * 40},
    "tlogEntries": [
        {
            "logIndex": "7",
            "logId": {"keyId": to_base64(b"\1" * 32)},
            "kindVersion": {"kind": "dsse", "version": "0.0.1"},
            "integratedTime": "1900000000",
            "inclusionPromise": {"signedEntryTimestamp": "c2V0"},
            "canonicalizedBody": to_base64(b'{"kind": "dsse", "apiVersion": "0.0.1"}'),
        }
    ],
    "timestampVerificationData": {"rfc3161Timestamps": [{"signedTimestamp": "c3RhbXA="}]},
}


def envelope_in(envelope: Envelope) -> DSSEEnvelope:
    assert isinstance(envelope, DSSEEnvelope)
    return envelope


def cosigns(material: object) -> dict[str, str]:
    """Return the annotations as cosign writes them."""
    return {name: text for name, text in legacy_annotations(envelope_with(material)).items() if name != WHOLE}


def envelope_with(*materials: object) -> DSSEEnvelope:
    document = {
        "payload": "e30=",
        "payloadType": "application/vnd.in-toto+json",
        "signatures": [
            {"sig": "YQ==", "bundle": {"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json"} | each}
            for each in ({"verificationMaterial": material} for material in materials)
        ],
    }
    envelope = read_envelope(json.dumps(document).encode())
    assert isinstance(envelope, DSSEEnvelope)
    return envelope


def test_annotations_are_as_cosign_writes_them() -> None:
    annotations = legacy_annotations(envelope_with(MATERIAL))

    lines = annotations[CERTIFICATE].splitlines()
    assert (lines[0], lines[-1]) == ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----")
    assert {len(line) for line in lines[1:-2]} == {64}
    entry = json.loads(annotations[ENTRY])
    assert set(entry) == {"SignedEntryTimestamp", "Payload"}
    assert entry["Payload"] | {"body": ""} == {
        "body": "",
        "integratedTime": 1900000000,
        "logIndex": 7,
        "logID": "01" * 32,
    }
    assert json.loads(annotations[STAMP]) == {"SignedRFC3161Timestamp": "c3RhbXA="}


def test_annotations_of_cosign_amount_to_the_material_they_were_made_of() -> None:
    bundle = legacy_bundle(cosigns(MATERIAL))

    assert bundle is not None
    material = bundle["verificationMaterial"]
    assert material["x509CertificateChain"]["certificates"] == [MATERIAL["certificate"]]
    assert material["tlogEntries"] == MATERIAL["tlogEntries"]
    assert material["timestampVerificationData"] == MATERIAL["timestampVerificationData"]


def test_promise_of_the_log_alone_does_not_count(instance: SigstoreInstance) -> None:
    """As cosign 2 stores it: the annotation of custody's is not there."""
    envelope = sign_with(DSSEEnvelope.wrap({"_type": "https://in-toto.io/Statement/v1"}), instance.signer(ALICE))
    annotations = dict(legacy_annotations(envelope_in(envelope)))
    document = read_document(envelope_line(envelope_in(envelope)))
    alice = identity(instance)
    assert signed_by(with_proofs(document, annotations).envelope, [alice]) == (alice,)

    del annotations[WHOLE]

    promised = with_proofs(document, annotations).envelope
    assert signed_by(promised, [alice]) == ()
    assert "at most a promise" in keyless_refusal(promised, [alice])


def test_attestation_by_a_key_has_no_such_annotations() -> None:
    plain = DSSEEnvelope.wrap({}).with_signature("", b"sig")
    assert legacy_annotations(plain) == {}
    assert legacy_bundle({"predicateType": "x"}) is None
    assert legacy_bundle({CERTIFICATE: ""}) is None


def test_two_keyless_signatures_have_no_place_in_one_layer() -> None:
    with pytest.raises(FormatError, match="the certificate of one signature only"):
        legacy_annotations(envelope_with(MATERIAL, MATERIAL))


@pytest.mark.parametrize(
    "change",
    [
        {"certificate": {}},
        {"certificate": 1},
        {"tlogEntries": [{}]},
        {"tlogEntries": [MATERIAL["tlogEntries"][0] | {"logIndex": "x"}]},
        {"tlogEntries": [MATERIAL["tlogEntries"][0] | {"integratedTime": "9" * 30}]},
        {"tlogEntries": [MATERIAL["tlogEntries"][0] | {"logId": {"keyId": "*"}}]},
        {"timestampVerificationData": {"rfc3161Timestamps": [{}]}},
    ],
)
def test_ill_formed_material_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(FormatError):
        legacy_annotations(envelope_with(MATERIAL | change))


def test_chain_has_to_have_a_certificate() -> None:
    chain: dict[str, Any] = {"x509CertificateChain": {"certificates": []}}
    with pytest.raises(FormatError, match="expected a certificate"):
        legacy_annotations(envelope_with(chain))


@pytest.mark.parametrize(
    "annotations",
    [
        {CERTIFICATE: "x"},
        {ENTRY: "{}"},
        {ENTRY: "not JSON"},
        {ENTRY: '{"SignedEntryTimestamp": "", "Payload": {"body": "e30=", "logIndex": 0, "logID": "00"}}'},
        {STAMP: "{}"},
        {WHOLE: "[]"},
        {WHOLE: '{"mediaType": "", "mediaType": ""}'},
    ],
)
def test_ill_formed_annotations_are_refused(annotations: dict[str, str]) -> None:
    with pytest.raises(FormatError):
        legacy_bundle(cosigns(MATERIAL) | annotations)
