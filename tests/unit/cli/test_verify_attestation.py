"""`custody verify-attestation` for files and directories: what is demanded, what is printed, and the exit code."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from custody.cli.exits import ACCEPTED, CANNOT, REJECTED
from custody.encoding.pae import pae
from custody.signing.keypair import generate, write_pair
from custody.workflows.keys import read_public_key
from tests.attestation_files import TYPE, attest, command, envelopes, make_keys, statement_in, verify

Capture = pytest.CaptureFixture[str]
FILE = "app.intoto.jsonl"
IN_TOTO = "application/vnd.in-toto+json"
ISSUER = ("--certificate-oidc-issuer", "https://accounts.google.com")
WHO = ("--certificate-identity", "alice@example.com")


@pytest.fixture(autouse=True)
def _directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_keys("alice", "bob", "mallory")
    assert attest("app") == 0


def printed(capsys: Capture) -> tuple[list[dict[str, Any]], str]:
    """Return the envelopes on stdout and what stands on stderr, of the last command."""
    out, err = capsys.readouterr()
    return [json.loads(line) for line in out.splitlines() if line.startswith("{")], err


def test_accepted_envelopes_are_printed_for_jq(capsys: Capture) -> None:
    capsys.readouterr()
    assert verify("app") == ACCEPTED
    out, err = printed(capsys)

    assert out == envelopes(FILE)
    assert statement_in(out[0])["predicate"]["passed"] == 42
    keyid = read_public_key("alice.pub").keyid[:8]
    assert err == f"app: {TYPE} is attested by key {keyid}\n"


def test_rejection_prints_no_envelope_and_every_reason(capsys: Capture) -> None:
    assert attest("app", key="mallory") == 0
    assert attest("app", "--type", "custom") == 0
    with Path(FILE).open("ab") as file:
        file.write(b"hello\n")
    capsys.readouterr()

    assert verify("app", "--field", "predicate.passed=43") == REJECTED
    out, err = printed(capsys)
    assert out == []
    lines = err.splitlines()
    assert lines[0] == f"rejection: app: no attestation of type {TYPE} counts; 4 found"
    assert "app.intoto.jsonl:1 is not counted: predicate.passed is expected to be the number 43, got" in lines[1]
    assert "app.intoto.jsonl:2 is not counted: no signature on it is by a key that is demanded" in lines[2]
    assert "app.intoto.jsonl:3 is not counted: expected the predicate type" in lines[3]
    assert "app.intoto.jsonl:4 is not counted: not JSON" in lines[4]


def test_what_does_not_count_is_listed_when_accepted_too(capsys: Capture) -> None:
    assert attest("app", key="mallory") == 0
    capsys.readouterr()

    assert verify("app") == ACCEPTED
    out, err = printed(capsys)
    assert len(out) == 1
    assert "app.intoto.jsonl:2 is not counted" in err


def test_changed_file_is_rejected(capsys: Capture) -> None:
    Path("app").write_text("hello?")

    assert verify("app") == REJECTED
    assert "it is about sha256:" in capsys.readouterr().err


def test_changed_attestation_is_rejected() -> None:
    (envelope,) = envelopes(FILE)
    statement = statement_in(envelope) | {"predicate": {"passed": 43}}
    envelope["payload"] = base64.b64encode(json.dumps(statement).encode()).decode()
    Path(FILE).write_text(json.dumps(envelope))

    assert verify("app") == REJECTED


def test_no_attestation_is_a_rejection(capsys: Capture) -> None:
    Path(FILE).unlink()

    assert verify("app") == REJECTED
    assert "no attestation of type" in capsys.readouterr().err


def test_attestation_names_the_file(capsys: Capture) -> None:
    Path(FILE).rename("elsewhere.json")

    assert verify("app") == REJECTED
    assert verify("app", "--attestation", "elsewhere.json") == ACCEPTED
    assert verify("app", "--attestation", "gone.json") == CANNOT
    assert "gone.json" in capsys.readouterr().err
    Path("other.json").write_text("{}")
    assert verify("app", "--attestation", "other.json") == REJECTED
    assert verify("app", "--attestation", "other.json", "--attestation", "elsewhere.json") == ACCEPTED


def test_type_is_demanded_exactly_and_has_no_default(capsys: Capture) -> None:
    assert command("verify-attestation", "app", "--key", "alice.pub") == CANNOT
    assert "expected the type of the predicate, --type URI" in capsys.readouterr().err
    assert verify("app", "--type", f"{TYPE}.1") == REJECTED
    assert verify("app", "--type", "custom") == REJECTED
    assert verify("app", "--type", "frobnicate") == CANNOT


@pytest.mark.parametrize("flag", ["-k", "--key"])
def test_key_has_every_spelling_and_takes_one_value(flag: str) -> None:
    assert command("verify-attestation", "--type", TYPE, flag, "alice.pub", "app") == ACCEPTED
    assert command("verify-attestation", "--type", TYPE, flag, "mallory.pub", "app") == REJECTED


def test_any_of_several_keys_may_have_signed() -> None:
    assert verify("app", "--key", "bob.pub") == ACCEPTED
    assert verify("app", "--key", "mallory.pub", key="bob.pub") == REJECTED


def test_somebody_has_to_be_demanded(capsys: Capture) -> None:
    assert verify("app", key="") == CANNOT
    assert "expected who has to have signed" in capsys.readouterr().err


def test_threshold_counts_people() -> None:
    both = ("--key", "bob.pub", "--threshold", "2")
    assert verify("app", *both) == REJECTED
    assert attest("app", key="mallory") == 0
    assert verify("app", *both) == REJECTED
    Path("other.json").write_text('{"passed": 43}')
    assert attest("app", key="bob", predicate="other.json") == 0
    assert verify("app", *both) == REJECTED
    assert attest("app", key="bob") == 0
    assert verify("app", *both) == ACCEPTED


@pytest.mark.parametrize("threshold", ["0", "-1", "3", "x"])
def test_senseless_threshold_is_refused(threshold: str) -> None:
    assert verify("app", "--key", "bob.pub", "--threshold", threshold) == CANNOT


def test_one_key_in_two_files_is_one_person(capsys: Capture) -> None:
    Path("again.pub").write_bytes(Path("alice.pub").read_bytes())

    assert verify("app", "--key", "again.pub", "--threshold", "2") == CANNOT
    assert "cannot be met by 1" in capsys.readouterr().err


def test_fields_are_demanded_all() -> None:
    good = ("--field", "predicate.passed=42", "--field", "predicate.builder.id=https://ci.example.com")
    assert verify("app", *good) == ACCEPTED
    assert verify("app", *good, "--field", "predicate.failed=0") == REJECTED
    assert verify("app", "--field", "predicate.passed") == CANNOT


def test_json_is_the_verdict(capsys: Capture) -> None:
    assert attest("app", key="mallory") == 0
    capsys.readouterr()
    assert verify("app", "--json", "--at", "2030-01-31T00:00:00Z") == ACCEPTED
    document = json.loads(capsys.readouterr().out)

    assert document["verdict"] == "accepted"
    (artifact,) = document["artifacts"]
    assert artifact["artifact"] == "app"
    assert artifact["at"] == "2030-01-31T00:00:00Z"
    assert artifact["predicate_type"] == TYPE
    assert artifact["subject"] == [{"name": "app", "digest": {"sha256": hashlib.sha256(b"hello").hexdigest()}}]
    assert [each["reason"] for each in artifact["attestations"]] == ["", "key-not-authorised"]
    assert [each["counts"] for each in artifact["attestations"]] == [True, False]
    assert artifact["envelopes"] == envelopes(FILE)[:1]
    assert [finding["severity"] for finding in artifact["findings"]] == ["warning"]

    assert verify("app", "--json", "--threshold", "1", key="bob.pub") == REJECTED
    rejected = json.loads(capsys.readouterr().out)
    assert rejected["verdict"] == rejected["artifacts"][0]["verdict"] == "rejected"
    assert rejected["artifacts"][0]["envelopes"] == []
    assert rejected["artifacts"][0]["findings"][0]["reason"] == "attestation-missing"


@pytest.mark.parametrize("flag", ["-q", "--quiet"])
def test_quiet_prints_nothing(flag: str, capsys: Capture) -> None:
    capsys.readouterr()
    assert verify("app", flag) == ACCEPTED
    assert verify("app", flag, key="bob.pub") == REJECTED
    assert verify("app", flag, "--json") == ACCEPTED
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("arguments", [("--insecure-ignore-tlog",), ("--insecure-ignore-tlog=true",), ("--offline",)])
def test_spellings_of_cosign_change_nothing(arguments: tuple[str, ...]) -> None:
    assert verify("app", *arguments) == ACCEPTED
    assert verify("app", *arguments, key="bob.pub") == REJECTED


@pytest.mark.parametrize("arguments", [("--index-covers",), ("--platforms-cover",), ("--platform", "linux/amd64")])
def test_options_for_images_are_refused_for_files(arguments: tuple[str, ...]) -> None:
    assert verify("app", *arguments) == CANNOT


@pytest.mark.parametrize("arguments", [WHO, ISSUER, (*WHO, "--certificate-oidc-issuer", "")])
def test_identity_and_issuer_go_together(arguments: tuple[str, ...]) -> None:
    assert verify("app", *arguments, key="") == CANNOT


def test_signature_by_a_key_is_not_by_an_identity(capsys: Capture) -> None:
    assert verify("app", *WHO, *ISSUER, key="") == REJECTED
    assert "identities are demanded" in capsys.readouterr().err
    assert verify("app", *WHO, *ISSUER) == ACCEPTED, "a key besides"


def test_regular_expression_that_means_everybody_is_warned_of(capsys: Capture) -> None:
    assert verify("app", "--certificate-identity-regexp", ".*", *ISSUER, key="") == REJECTED
    assert "the identity '.*' matches everybody" in capsys.readouterr().err
    assert verify("app", *WHO, "--certificate-oidc-issuer-regexp", ".*", key="") == REJECTED
    assert "the issuer '.*' matches every identity provider" in capsys.readouterr().err


def test_trusted_root_is_read(capsys: Capture) -> None:
    assert verify("app", "--trusted-root", "gone.json") == CANNOT
    assert "gone.json" in capsys.readouterr().err


def test_directory_is_verified_whole(capsys: Capture) -> None:
    for name in ("a", "sub/b"):
        Path("dist", name).parent.mkdir(parents=True, exist_ok=True)
        Path("dist", name).write_text(name)
    assert attest("dist") == 0
    assert verify("dist") == ACCEPTED
    Path("dist").rename("moved")
    assert verify("moved", "--attestation", "dist.intoto.jsonl") == ACCEPTED
    Path("moved/c.pyc").write_text("evil")
    assert verify("moved", "--attestation", "dist.intoto.jsonl") == REJECTED
    assert "it is not about c.pyc" in capsys.readouterr().err
    Path("moved/c.pyc").unlink()
    Path("moved/a").unlink()
    assert verify("moved", "--attestation", "dist.intoto.jsonl") == REJECTED
    assert "it is also about a" in capsys.readouterr().err
    Path("moved/a").write_text("changed")
    assert verify("moved", "--attestation", "dist.intoto.jsonl") == REJECTED
    assert "it is about other content of a" in capsys.readouterr().err


def openssl_signed(statement: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    """Return `statement` in an envelope that openssl signed with the key of `owner`."""
    payload = json.dumps(statement).encode()
    (tmp_path / "message").write_bytes(pae(IN_TOTO, payload))
    argv = ["openssl", "dgst", "-sha256", "-sign", "owner", "message"]
    signature = subprocess.run(argv, check=True, capture_output=True).stdout
    entry = {"keyid": "", "sig": base64.b64encode(signature).decode()}
    return {"payload": base64.b64encode(payload).decode(), "payloadType": IN_TOTO, "signatures": [entry]}


@pytest.mark.component("openssl")
@pytest.mark.parametrize("kind", ["ecdsa", "rsa"])
def test_what_openssl_signs_is_accepted(kind: str, tmp_path: Path) -> None:
    write_pair("owner", generate(kind))
    statement = statement_in(envelopes(FILE)[0])
    good = openssl_signed(statement, tmp_path)
    twin = good | {"payload": base64.b64encode(json.dumps(statement | {"predicate": {}}).encode()).decode()}
    Path("good.json").write_text(json.dumps(good, indent=2))
    Path("twin.json").write_text(json.dumps(twin, indent=2))

    assert verify("app", "--attestation", "good.json", key="owner.pub") == ACCEPTED
    assert verify("app", "--attestation", "twin.json", key="owner.pub") == REJECTED
