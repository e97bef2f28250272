"""Keyless signatures of custody's and of securesystemslib's verify each other's, with the same trusted root."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SigstoreKey, SigstoreSigner
from sigstore.models import ClientTrustConfig
from sigstore.oidc import IdentityToken
from sigstore.verify import Verifier

from custody.encoding.pae import pae
from custody.envelopes.dsse import IN_TOTO_PAYLOAD, DSSEEnvelope
from custody.envelopes.reader import read_envelope
from custody.envelopes.signers import signed_by
from custody.keys.document import write_key
from custody.keys.keyless import keyless_key
from custody.keys.keyless_names import Wanted
from custody.workflows.links import sign_with
from tests.sigstore_instance import SigstoreInstance

ALICE = "alice@example.com"


@pytest.fixture
def instance(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[SigstoreInstance]:
    """Return an instance that securesystemslib, which knows the public one only, takes for that."""
    with SigstoreInstance(tmp_path_factory.mktemp("instance")) as running:
        config = ClientTrustConfig.from_json(running.config.read_text(encoding="utf-8"))
        verifier = Verifier(trusted_root=config.trusted_root)
        monkeypatch.setattr(ClientTrustConfig, "production", staticmethod(lambda: config))
        monkeypatch.setattr(Verifier, "production", staticmethod(lambda: verifier))
        yield running


def test_securesystemslib_verifies_what_custody_signed(instance: SigstoreInstance) -> None:
    signer = instance.signer(ALICE)
    envelope = sign_with(DSSEEnvelope.wrap({"_type": "link"}), signer)
    document = write_key(signer.public_key)
    key = SigstoreKey.from_dict(document.pop("keyid"), document)
    read = Envelope.from_dict(json.loads(envelope.write()))

    assert read.verify([key], 1) == {key.keyid: key}
    read.payload = b'{"_type": "kink"}'
    with pytest.raises(VerificationError):
        read.verify([key], 1)


def test_custody_verifies_what_securesystemslib_signed(instance: SigstoreInstance) -> None:
    _, key = SigstoreSigner.import_(ALICE, instance.issuer)
    payload = b'{"_type": "link"}'
    found = SigstoreSigner(IdentityToken(instance.token(ALICE)), key).sign(pae(IN_TOTO_PAYLOAD, payload))
    document = {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": IN_TOTO_PAYLOAD,
        "signatures": [{"keyid": found.keyid, "sig": found.signature, **found.unrecognized_fields}],
    }
    alice = keyless_key(Wanted(text=ALICE), Wanted(text=instance.issuer), trusted_root=instance.root())

    assert alice.keyid == key.keyid
    assert signed_by(read_envelope(json.dumps(document).encode()), [alice]) == (alice,)
    document["payload"] = base64.b64encode(payload + b" ").decode()
    assert signed_by(read_envelope(json.dumps(document).encode()), [alice]) == ()
