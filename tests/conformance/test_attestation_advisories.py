"""Advisories about verifying attestations elsewhere, each as a test: what was accepted there is rejected here.

GHSA-whqx-f9j3-ch6m, about proofs of a log, is tested with certificates in `tests/unit/cli/test_attest_keyless.py`.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from custody.cli.exits import ACCEPTED, REJECTED
from custody.stores.layout import open_layout
from tests.attachments import put_image
from tests.attestation_files import TYPE, attest, envelopes, make_keys, statement_in, verify

FILE = "app.intoto.jsonl"


@pytest.fixture(autouse=True)
def _directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_keys("alice", "mallory")


@pytest.fixture(params=["file", "image"])
def target(request: pytest.FixtureRequest) -> str:
    if request.param == "file":
        return "app"
    put_image(open_layout("image", create=True), "v1")
    return "oci:image:v1"


def test_cve_2022_35929_another_type_is_not_the_type_that_was_asked_for(target: str) -> None:
    """An attestation with a good signature, and none of the type: this was reported as verified."""
    assert attest(target, "--type", "custom") == 0

    assert verify(target, "--type", "custom") == ACCEPTED
    assert verify(target) == REJECTED
    assert verify(target, "--type", "slsaprovenance") == REJECTED


def test_cve_2022_35930_type_has_no_default(target: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a type `custom` was meant, and found in any image with some attestation."""
    assert attest(target) == 0

    assert verify(target, "--type", "custom") == REJECTED
    capsys.readouterr()
    assert verify(target, "--type", "") not in {ACCEPTED, REJECTED}


@pytest.mark.parametrize("form", ["jsonl", "envelope", "bundle"])
def test_ghsa_w6c6_c85g_mmv6_type_is_checked_for_files_in_every_format(form: str) -> None:
    """For blobs the type was not checked in the newer format; in the older one, malformed payloads passed."""
    assert attest("app", "--format", form) == 0

    assert verify("app") == ACCEPTED
    assert verify("app", "--type", "https://example.com/Other/v1") == REJECTED


@pytest.mark.parametrize("payload", [b"", b"{", b"null", b"[]", b'"text"', b"{}", b'{"_type": "link"}'])
def test_ghsa_w6c6_c85g_mmv6_malformed_payload_is_no_attestation(payload: bytes) -> None:
    from custody.envelopes.dsse import DSSEEnvelope
    from custody.signing.registry import load_signer

    envelope = DSSEEnvelope(payload=payload)
    signed = envelope.with_signature("", load_signer("alice").sign(envelope.signed_bytes))
    Path(FILE).write_bytes(signed.write())

    assert verify("app") == REJECTED


def bundle_of(key: str) -> dict[str, Any]:
    assert attest("app", "--format", "bundle", "-o", f"{key}.json", key=key) == 0
    found: dict[str, Any] = json.loads(Path(f"{key}.json").read_text())
    return found


def test_ghsa_fx35_mq7g_6g98_key_that_a_bundle_brings_is_not_trusted() -> None:
    """A bundle names, or holds, a key of its own: only the given ones count."""
    mine, other = bundle_of("alice"), bundle_of("mallory")
    spki = base64.b64encode(b"a certificate of mallory's").decode()
    attempts = {
        "as-it-is": other,
        "with-our-hint": other | {"verificationMaterial": mine["verificationMaterial"]},
        "with-a-certificate": other | {"verificationMaterial": {"certificate": {"rawBytes": spki}, "tlogEntries": []}},
        "with-both": other
        | {"verificationMaterial": {**mine["verificationMaterial"], "certificate": {"rawBytes": spki}}},
        "with-a-chain": other
        | {"verificationMaterial": {"x509CertificateChain": {"certificates": [{"rawBytes": spki}]}}},
    }
    for name, bundle in attempts.items():
        Path("attempt.json").write_text(json.dumps(bundle))
        assert verify("app", "--attestation", "attempt.json") == REJECTED, name
    Path("attempt.json").write_text(json.dumps(mine))
    assert verify("app", "--attestation", "attempt.json") == ACCEPTED


def test_ghsa_whqx_f9j3_ch6m_entries_of_a_log_make_no_signature_good() -> None:
    """Whatever stands beside a signature by a key, it has to be by a given key over this payload."""
    bundle = bundle_of("alice")
    bundle["verificationMaterial"]["tlogEntries"] = [{"kindVersion": {"kind": "dsse"}, "logIndex": "1"}]
    Path("entry.json").write_text(json.dumps(bundle))
    assert verify("app", "--attestation", "entry.json") == ACCEPTED

    statement = statement_in(bundle) | {"predicate": {"passed": 43}}
    bundle["dsseEnvelope"]["payload"] = base64.b64encode(json.dumps(statement).encode()).decode()
    Path("entry.json").write_text(json.dumps(bundle))
    assert verify("app", "--attestation", "entry.json") == REJECTED


def test_keyids_are_only_hints() -> None:
    """Nobody signs a key id, so none decides anything."""
    assert attest("app", key="mallory") == 0
    (envelope,) = envelopes(FILE)
    for keyid in ("", "SHA256:abc", "0" * 64):
        envelope["signatures"][0]["keyid"] = keyid
        Path(FILE).write_text(json.dumps(envelope))
        assert verify("app", key="mallory.pub") == ACCEPTED
        assert verify("app") == REJECTED
    assert statement_in(envelope)["predicateType"] == TYPE
