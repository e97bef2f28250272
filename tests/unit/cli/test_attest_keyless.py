"""Attestations by identities, with an instance of Sigstore on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from custody.cli.exits import ACCEPTED, CANNOT, REJECTED
from custody.stores.layout import open_layout
from tests.attachments import put_image
from tests.attestation_files import TYPE, attest, envelopes, make_keys, statement_in, verify
from tests.sigstore_instance import SigstoreInstance

Capture = pytest.CaptureFixture[str]
FILE = "app.intoto.jsonl"
ALICE, BOB, JOB = "alice@example.com", "bob@example.com", "https://ci.example.com/acme/app/build.yml@refs/heads/main"


@pytest.fixture(autouse=True)
def _directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_keys("carol")


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[SigstoreInstance]:
    with SigstoreInstance(tmp_path / "instance") as running:
        yield running


def named(instance: SigstoreInstance, *who: str, issuer: str = "") -> tuple[str, ...]:
    identities = tuple(text for one in who for text in ("--certificate-identity", one))
    return (*identities, "--certificate-oidc-issuer", issuer or instance.issuer, *trusted(instance))


def trusted(instance: SigstoreInstance) -> tuple[str, ...]:
    return ("--trusted-root", str(instance.trusted_root))


def judged(instance: SigstoreInstance, *arguments: str, who: str = ALICE, issuer: str = "", target: str = "app") -> int:
    return verify(target, *named(instance, who, issuer=issuer), *arguments, key="")


def test_identity_is_accepted_and_no_other(instance: SigstoreInstance, capsys: Capture) -> None:
    assert attest("app", key=instance.uri(ALICE)) == 0
    assert f"attested {TYPE} by '{ALICE}' of '{instance.issuer}'" in capsys.readouterr().out

    assert judged(instance) == ACCEPTED
    assert judged(instance, who=BOB) == REJECTED
    assert f"it is by '{ALICE}'" in capsys.readouterr().err
    assert judged(instance, issuer="https://evil.example.com") == REJECTED
    assert judged(instance, "--field", "predicate.passed=43") == REJECTED
    assert verify("app", key="carol.pub") == REJECTED
    assert "it is signed with a certificate, and keys are demanded" in capsys.readouterr().err
    Path("app").write_text("changed")
    assert judged(instance) == REJECTED


def test_other_trusted_root_trusts_nobody(instance: SigstoreInstance, tmp_path: Path) -> None:
    assert attest("app", key=instance.uri(ALICE)) == 0
    with SigstoreInstance(tmp_path / "other") as other:
        arguments = ("--certificate-identity", ALICE, "--certificate-oidc-issuer", instance.issuer)
        assert verify("app", *arguments, *trusted(other), key="") == REJECTED
        assert verify("app", *arguments, *trusted(instance), key="") == ACCEPTED


@pytest.mark.component("openssl")
@pytest.mark.parametrize("rekor", [1, 2])
def test_bundle_has_certificate_and_proofs_and_nothing_else(rekor: int, tmp_path: Path) -> None:
    with SigstoreInstance(tmp_path / "instance", rekor=rekor, tsa=rekor == 2) as instance:
        assert attest("app", "--format", "bundle", "-o", "a.json", key=instance.uri(ALICE)) == 0
        bundle = json.loads(Path("a.json").read_text())
        assert set(bundle) == {"mediaType", "verificationMaterial", "dsseEnvelope"}
        assert bundle["mediaType"] == "application/vnd.dev.sigstore.bundle.v0.3+json"
        material = bundle["verificationMaterial"]
        assert set(material) <= {"certificate", "tlogEntries", "timestampVerificationData"}
        assert material["tlogEntries"][0]["kindVersion"]["kind"] == ("dsse" if rekor == 1 else "hashedrekord")
        assert [set(each) for each in bundle["dsseEnvelope"]["signatures"]] == [{"sig"}]

        assert judged(instance, "--attestation", "a.json") == ACCEPTED
        bundle["dsseEnvelope"]["signatures"][0]["sig"] = "AAAA"
        Path("a.json").write_text(json.dumps(bundle))
        assert judged(instance, "--attestation", "a.json") == REJECTED


def test_peer_verifies_the_bundle(instance: SigstoreInstance) -> None:
    from sigstore.models import Bundle, TrustedRoot  # an extra
    from sigstore.verify import Verifier, policy

    assert attest("app", "--format", "bundle", "-o", "a.json", key=instance.uri(ALICE)) == 0
    verifier = Verifier(trusted_root=TrustedRoot.from_file(str(instance.trusted_root)))
    bundle = Bundle.from_json(Path("a.json").read_bytes())
    kind, payload = verifier.verify_dsse(bundle, policy.Identity(identity=ALICE, issuer=instance.issuer))

    assert kind == "application/vnd.in-toto+json"
    assert json.loads(payload)["predicateType"] == TYPE


def test_regular_expression_has_to_match_the_whole_name(instance: SigstoreInstance, capsys: Capture) -> None:
    assert attest("app", key=instance.uri(JOB)) == 0

    def matched(pattern: str, *issuer: str) -> int:
        given = issuer or ("--certificate-oidc-issuer", instance.issuer)
        return verify("app", "--certificate-identity-regexp", pattern, *given, *trusted(instance), key="")

    assert matched(r"https://ci\.example\.com/acme/.*@refs/heads/main") == ACCEPTED
    assert matched(r"https://ci\.example\.com/acme/") == REJECTED
    assert matched(r"https://ci\.example\.com/other/.*") == REJECTED
    capsys.readouterr()
    assert matched(".*") == ACCEPTED
    assert "the identity '.*' matches everybody" in capsys.readouterr().err
    assert matched(".*", "--certificate-oidc-issuer-regexp", r"http://127\.0\.0\.1:[0-9]+/oidc") == ACCEPTED
    assert matched(".*", "--certificate-oidc-issuer-regexp", r"https://.*") == REJECTED
    assert matched("(") == CANNOT


def test_one_identity_has_one_vote(instance: SigstoreInstance) -> None:
    for _ in range(2):
        assert attest("app", key=instance.uri(ALICE)) == 0
    assert len(envelopes(FILE)) == 2

    pattern = ("--certificate-identity-regexp", ".*@example\\.com", "--certificate-oidc-issuer", instance.issuer)
    both = (*pattern, *trusted(instance), "--certificate-identity", ALICE, "--threshold", "2")
    assert verify("app", *both, key="") == REJECTED
    assert attest("app", key=instance.uri(BOB)) == 0
    assert verify("app", *both, key="") == ACCEPTED


def test_key_and_identity_are_two_votes(instance: SigstoreInstance) -> None:
    assert attest("app", "--key", "carol", key=instance.uri(ALICE)) == 0
    two = (*named(instance, ALICE), "--threshold", "2")

    assert verify("app", *two, key="carol.pub") == ACCEPTED
    assert verify("app", *two[:-1], "3", key="carol.pub") == CANNOT


def test_certificate_of_the_future_does_not_count(instance: SigstoreInstance) -> None:
    assert attest("app", key=instance.uri(ALICE)) == 0
    assert judged(instance, "--at", "2020-01-01T00:00:00Z") == REJECTED
    assert judged(instance, "--at", "2090-01-01T00:00:00Z") == ACCEPTED, "it was signed while it was valid"


@pytest.mark.parametrize("legacy", [False, True])
def test_image_is_attested_by_an_identity(legacy: bool, instance: SigstoreInstance) -> None:
    put_image(open_layout("image", create=True), "v1")
    put_image(open_layout("image"), "v2", b"y")

    assert attest("oci:image:v1", *(["--legacy"] if legacy else []), key=instance.uri(ALICE)) == 0
    assert judged(instance, target="oci:image:v1") == ACCEPTED
    assert judged(instance, who=BOB, target="oci:image:v1") == REJECTED
    assert judged(instance, target="oci:image:v2") == REJECTED


def test_promise_of_the_log_is_no_proof(instance: SigstoreInstance, capsys: Capture) -> None:
    """It is all that cosign 2 attaches beside an identity's signature."""
    assert attest("app", "--format", "bundle", "-o", "a.json", key=instance.uri(ALICE)) == 0
    bundle = bundled("a.json")
    del bundle["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]
    bundle["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.1"
    Path("promise.json").write_text(json.dumps(bundle))

    assert judged(instance, "--attestation", "promise.json") == REJECTED
    assert "expected the log's proof that it has the entry, got at most a promise" in capsys.readouterr().err
    assert judged(instance, "--attestation", "a.json") == ACCEPTED


def bundled(path: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(path).read_text())
    return found


def test_proofs_of_another_attestation_prove_nothing(instance: SigstoreInstance) -> None:
    """GHSA-whqx-f9j3-ch6m: a log entry that is about another artifact, signature or key does not count."""
    Path("other").write_text("something else")
    assert attest("app", "--format", "bundle", "-o", "a.json", key=instance.uri(ALICE)) == 0
    assert attest("other", "--format", "bundle", "-o", "b.json", key=instance.uri(ALICE)) == 0
    first, second = bundled("a.json"), bundled("b.json")
    assert judged(instance, "--attestation", "a.json") == ACCEPTED

    mixtures = {
        "entry": {"verificationMaterial": first["verificationMaterial"] | {"tlogEntries": []}},
        "other-entry": {
            "verificationMaterial": first["verificationMaterial"]
            | {"tlogEntries": second["verificationMaterial"]["tlogEntries"]}
        },
        "other-certificate": {
            "verificationMaterial": first["verificationMaterial"]
            | {"certificate": second["verificationMaterial"]["certificate"]}
        },
        "other-material": {"verificationMaterial": second["verificationMaterial"]},
        "other-signature": {
            "dsseEnvelope": first["dsseEnvelope"] | {"signatures": second["dsseEnvelope"]["signatures"]}
        },
        "other-payload": {"dsseEnvelope": second["dsseEnvelope"] | {"payload": first["dsseEnvelope"]["payload"]}},
    }
    for name, mixture in mixtures.items():
        Path(f"{name}.json").write_text(json.dumps(first | mixture))
        assert judged(instance, "--attestation", f"{name}.json") == REJECTED, name
    assert statement_in(first)["subject"] != statement_in(second)["subject"]
