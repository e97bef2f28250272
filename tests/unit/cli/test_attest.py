"""`custody attest` for files and directories: what is said, who signs it, and where it goes."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from custody.envelopes.json_lines import MAX_LINES
from custody.envelopes.reader import read_envelope
from custody.models.digest_set import DigestSet, matches
from custody.models.predicates.link_bundle import LINK_BUNDLE, MAX_BUNDLED_LINKS, read_link_bundle
from custody.signing.keypair import generate, write_pair
from custody.workflows import statements
from tests.attestation_files import (
    TYPE,
    attest,
    command,
    envelopes,
    make_keys,
    message_of,
    statement_in,
    verify,
)
from tests.simulator import actor, signed
from tests.unit.signing.terminal import custody_on_terminal

Capture = pytest.CaptureFixture[str]
FILE = "app.intoto.jsonl"
DIGEST = hashlib.sha256(b"hello").hexdigest()
CUSTOM = "https://cosign.sigstore.dev/attestation/v1"
LINK_V03 = "https://in-toto.io/attestation/link/v0.3"
LINK_V1 = "https://in-toto.io/Link/v1"


@pytest.fixture(autouse=True)
def _directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_keys("alice", "bob")


def link(name: str, **products: str) -> bytes:
    document = {
        "_type": "link",
        "name": name,
        "command": ["make"],
        "materials": {"src": {"sha256": "1" * 64}},
        "products": {product: {"sha256": digest} for product, digest in products.items()},
        "byproducts": {"return-value": 0},
        "environment": {},
    }
    return signed(document, actor("alice")).write()


def test_file_gets_its_statement_beside_it(capsys: Capture) -> None:
    assert attest("app") == 0
    assert capsys.readouterr().out.startswith(f"{FILE}: attested {TYPE} by key ")
    (envelope,) = envelopes(FILE)
    assert statement_in(envelope) == {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "app", "digest": {"sha256": DIGEST}}],
        "predicateType": TYPE,
        "predicate": json.loads(Path("predicate.json").read_text()),
    }
    assert verify("app") == 0


def test_envelope_is_as_every_reader_takes_it() -> None:
    assert attest("app") == 0
    (envelope,) = envelopes(FILE)

    assert set(envelope) == {"payload", "payloadType", "signatures"}
    assert envelope["payloadType"] == "application/vnd.in-toto+json"
    assert [set(signature) for signature in envelope["signatures"]] == [{"keyid", "sig"}]
    assert envelope["signatures"][0]["keyid"] == ""
    message_of(envelope)  # standard base64, or an error


@pytest.mark.component("openssl")
@pytest.mark.parametrize("form", ["envelope", "bundle"])
def test_openssl_verifies_what_was_signed(form: str, tmp_path: Path) -> None:
    write_pair("owner", generate("ecdsa"))
    assert attest("app", "--format", form, "-o", "out.json", key="owner") == 0
    message, signature = message_of(json.loads(Path("out.json").read_text()))
    argv = ["openssl", "dgst", "-sha256", "-verify", "owner.pub", "-signature", "sig", "message"]

    for data, code in ((message, 0), (message + b" ", 1)):
        (tmp_path / "message").write_bytes(data)
        (tmp_path / "sig").write_bytes(signature)
        assert subprocess.run(argv, check=False, capture_output=True).returncode == code


@pytest.mark.component("openssl")
def test_bundle_has_the_hint_that_openssl_computes() -> None:
    write_pair("owner", generate("ecdsa"))
    assert attest("app", "--format", "bundle", "-o", "out.json", key="owner") == 0
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-in", "owner.pub", "-outform", "DER"], check=True, capture_output=True
    )
    hashed = subprocess.run(
        ["openssl", "dgst", "-sha256", "-binary"], input=der.stdout, check=True, capture_output=True
    )
    hint = subprocess.run(["openssl", "base64", "-A"], input=hashed.stdout, check=True, capture_output=True)
    bundle = json.loads(Path("out.json").read_text())

    assert bundle["verificationMaterial"] == {"publicKey": {"hint": hint.stdout.decode()}}
    assert bundle["mediaType"] == "application/vnd.dev.sigstore.bundle.v0.3+json"
    assert set(bundle) == {"mediaType", "verificationMaterial", "dsseEnvelope"}
    assert bundle["dsseEnvelope"]["signatures"] == [{"sig": bundle["dsseEnvelope"]["signatures"][0]["sig"]}]
    assert verify("app", "--attestation", "out.json", key="owner.pub") == 0


def test_lines_are_added_and_nothing_else_is_touched(capsys: Capture) -> None:
    Path(FILE).write_bytes(b"a line of somebody else")
    assert attest("app") == attest("app", key="bob") == attest("app") == 0
    lines = Path(FILE).read_bytes().splitlines()

    assert lines[0] == b"a line of somebody else"
    assert len(lines) == 3, "Ed25519 signs the same in the same way, and that is there already"
    assert "3 in the file" in capsys.readouterr().out
    assert verify("app") == verify("app", key="bob.pub") == 0


def test_document_over_several_lines_is_not_added_to(capsys: Capture) -> None:
    Path(FILE).write_text(json.dumps({"a": 1}, indent=1))

    assert attest("app") == 2
    assert "choose -o FILE" in capsys.readouterr().err
    assert json.loads(Path(FILE).read_text()) == {"a": 1}


def test_full_file_is_not_added_to(capsys: Capture) -> None:
    Path(FILE).write_text('{"a": 1}\n' * MAX_LINES)

    assert attest("app") == 2
    assert f"at most {MAX_LINES}" in capsys.readouterr().err


def test_several_signers_get_an_envelope_each() -> None:
    assert attest("app", "--key", "bob") == 0
    found = envelopes(FILE)

    assert len(found) == 2
    assert [len(envelope["signatures"]) for envelope in found] == [1, 1]
    assert found[0]["payload"] == found[1]["payload"]
    assert verify("app", "--key", "bob.pub", "--threshold", "2") == 0


@pytest.mark.parametrize("form", ["envelope", "bundle"])
def test_one_document_holds_one_signature(form: str, capsys: Capture) -> None:
    assert attest("app", "--key", "bob", "--format", form) == 2
    assert "--format jsonl holds several" in capsys.readouterr().err
    assert not Path(FILE).exists()
    assert attest("app", "--format", form) == 0
    assert read_envelope(Path(FILE).read_bytes()).kind == "dsse"


def test_one_key_twice_is_refused(capsys: Capture) -> None:
    assert attest("app", "--key", "alice") == 2
    assert "given twice" in capsys.readouterr().err


@pytest.mark.parametrize("flag", ["-k", "--key", "--signing-key"])
def test_key_has_every_spelling_and_takes_one_value(flag: str) -> None:
    assert command("attest", "--predicate", "predicate.json", "--type", TYPE, flag, "alice", "app") == 0
    assert verify("app") == 0


@pytest.mark.parametrize("flag", ["-o", "--output"])
def test_output_is_a_file_or_stdout(flag: str, capsys: Capture) -> None:
    assert attest("app", flag, "other.jsonl") == 0
    assert not Path(FILE).exists()
    capsys.readouterr()
    assert attest("app", flag, "-") == 0
    assert capsys.readouterr().out.encode() == Path("other.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("target", "output"), [("app", "./app"), ("dist", "dist/sub/a.jsonl"), ("app", "link"), ("./dist/..", None)]
)
def test_what_is_attested_is_not_written_into(target: str, output: str | None, capsys: Capture) -> None:
    Path("dist/sub").mkdir(parents=True)
    Path("dist/a").touch()
    Path("link").symlink_to("app")

    assert attest(target, *(() if output is None else ("-o", output))) == 2
    assert "choose another with -o" in capsys.readouterr().err
    assert Path("app").read_text() == "hello"
    assert not list(Path("dist/sub").iterdir())
    assert attest(target, "-o", "dist-not-in-it" if target != "./dist/.." else "../out.jsonl") == 0


def test_output_without_a_name_is_not_taken_for_none(capsys: Capture) -> None:
    assert attest("app", "-o", "") == 2
    assert "cannot write attestations ''" in capsys.readouterr().err


def test_passphrase_opens_the_key(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    write_pair("locked", generate(), passphrase=b"geheim")
    monkeypatch.setenv("WORD", "geheim")

    assert attest("app", key="locked") == 2
    assert "--password-env" in capsys.readouterr().err
    assert attest("app", "--password-env", "WORD", key="locked") == 0
    read, write = os.pipe()
    os.write(write, b"geheim\n")
    os.close(write)
    assert attest("app", "--password-fd", str(read), key="locked") == 0
    os.close(read)
    assert verify("app", key="locked.pub") == 0


def test_passphrase_is_asked_for_on_the_terminal(tmp_path: Path) -> None:
    write_pair("locked", generate(), passphrase=b"geheim")
    given = ("attest", "app", "--key", "locked", "-P", "--predicate", "predicate.json", "--type", TYPE)
    session = custody_on_terminal(*given, cwd=str(tmp_path), answers=["geheim"])

    assert session.code == 0, session.output
    assert "geheim" not in session.screen + session.output
    assert verify("app", key="locked.pub") == 0


def test_scheme_chooses_the_padding(capsys: Capture) -> None:
    write_pair("owner", generate("rsa"))
    assert attest("app", "-o", "pss.jsonl", key="owner") == 0
    assert "cosign and others do not read signatures by rsassa-pss-sha256" in capsys.readouterr().err
    assert attest("app", "--scheme", "rsa-pkcs1v15-sha256", "-o", "pkcs1.jsonl", key="owner") == 0
    assert "do not read" not in capsys.readouterr().err
    for name in ("pss", "pkcs1"):
        assert verify("app", "--attestation", f"{name}.jsonl", key="owner.pub") == 0
    only = ("--scheme", "rsa-pkcs1v15-sha256")
    assert verify("app", "--attestation", "pkcs1.jsonl", *only, key="owner.pub") == 0
    assert verify("app", "--attestation", "pss.jsonl", *only, key="owner.pub") == 1


def test_type_has_no_default(capsys: Capture) -> None:
    assert command("attest", "app", "-k", "alice", "--predicate", "predicate.json") == 2
    assert "expected the type of the predicate" in capsys.readouterr().err


def test_type_has_short_names_and_no_others(capsys: Capture) -> None:
    assert attest("app", "--type", "custom") == 0
    assert statement_in(envelopes(FILE)[0])["predicateType"] == CUSTOM
    assert attest("app", "--type", "frobnicate") == 2
    assert "unknown predicate type 'frobnicate'" in capsys.readouterr().err


def test_predicate_that_its_type_does_not_allow_is_not_signed(capsys: Capture) -> None:
    assert attest("app", "--type", "slsaprovenance1") == 2
    assert "predicate.buildDefinition: missing" in capsys.readouterr().err
    assert not Path(FILE).exists()


def test_what_is_said_is_one_thing(capsys: Capture) -> None:
    assert command("attest", "app", "-k", "alice", "--type", TYPE) == 2
    assert attest("app", "--link", "x") == 2
    assert "not allowed with" in capsys.readouterr().err


def test_predicate_comes_from_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"from": "stdin"}')))

    assert attest("app", predicate="-") == 0
    assert statement_in(envelopes(FILE)[0])["predicate"] == {"from": "stdin"}


def test_closed_stdin_is_an_empty_predicate(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setattr(sys, "stdin", None)  # as Python has it where the parent closed it

    assert attest("app", predicate="-") == 2
    assert "stdin: expected JSON" in capsys.readouterr().err


def test_stdin_is_limited(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setattr(statements, "MAX_PREDICATE_BYTES", 10)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"from": "stdin"}')))

    assert attest("app", predicate="-") == 2
    assert "at most 10 bytes" in capsys.readouterr().err


def test_custom_is_any_text_as_cosign_has_it() -> None:
    Path("notes.txt").write_text("not JSON\n")
    assert attest("app", "--type", "custom", predicate="notes.txt") == 0
    assert attest("app", "--type", "custom") == 0
    first, second = (statement_in(envelope) for envelope in envelopes(FILE))

    assert first["predicateType"] == CUSTOM
    assert first["predicate"]["Data"] == "not JSON\n"
    assert second["predicate"]["Data"] == Path("predicate.json").read_text()
    assert set(first["predicate"]) == {"Data", "Timestamp"}
    assert first["predicate"]["Timestamp"].endswith("Z")
    assert verify("app", "--type", "custom") == 0


@pytest.mark.parametrize("content", [b"\x1f\x8b\x08not json", b"text", b"[1]", b'"text"', b'{"a": 1, "a": 2}'])
def test_what_is_no_json_object_is_no_predicate(content: bytes, capsys: Capture) -> None:
    Path("bundle.tar.gz").write_bytes(content)

    assert attest("app", predicate="bundle.tar.gz") == 2
    error = capsys.readouterr().err
    assert "bundle.tar.gz: expected " in error
    if content[:1] == b"\x1f":
        assert "--bundle-links DIR" in error


def test_bytes_that_are_no_text_are_not_custom(capsys: Capture) -> None:
    Path("bundle.tar.gz").write_bytes(b"\x1f\x8b\x08")

    assert attest("app", "--type", "custom", predicate="bundle.tar.gz") == 2
    assert "--bundle-links DIR" in capsys.readouterr().err


def prebuilt(digest: str = DIGEST, **changes: object) -> bytes:
    document = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "elsewhere", "digest": {"sha256": "0" * 64}}, {"digest": {"sha256": digest}}],
        "predicateType": TYPE,
        "predicate": {"a": 1},
        **changes,
    }
    return json.dumps(document, indent=1).encode()


def test_prebuilt_statement_is_signed_byte_for_byte() -> None:
    Path("statement.json").write_bytes(prebuilt())

    assert command("attest", "app", "-k", "alice", "--statement", "statement.json") == 0
    message, _ = message_of(envelopes(FILE)[0])
    assert message.endswith(prebuilt())
    assert verify("app") == 0


def test_statement_about_many_files_is_looked_through_once(monkeypatch: pytest.MonkeyPatch) -> None:
    subjects = []
    Path("dist").mkdir()
    for number in range(50):
        Path("dist", str(number)).write_text(str(number))
        subjects.append({"digest": {"sha256": hashlib.sha256(str(number).encode()).hexdigest()}})
    Path("statement.json").write_bytes(prebuilt(subject=subjects))
    compared = 0

    def counting(subject: DigestSet, wanted: DigestSet, pinned: str) -> bool:
        nonlocal compared
        compared += 1
        return matches(subject, wanted, pinned)

    monkeypatch.setattr(statements, "matches", counting)

    assert command("attest", "dist", "-k", "alice", "--statement", "statement.json") == 0
    assert compared == 50


def test_what_else_a_statement_is_about_is_said(capsys: Capture) -> None:
    Path("statement.json").write_bytes(prebuilt())
    Path("build.1.link").write_bytes(link("build", app=DIGEST, **{f"lib{n}": "2" * 64 for n in range(5)}))
    Path("alone.1.link").write_bytes(link("build", app=DIGEST))

    assert command("attest", "app", "-k", "alice", "--statement", "statement.json") == 0
    assert "warning: the statement is not about app alone; it also attests 'elsewhere'\n" in capsys.readouterr().err
    assert command("attest", "app", "-k", "alice", "--link", "build.1.link") == 0
    assert "it also attests 'lib0', 'lib1', 'lib2' and 2 more\n" in capsys.readouterr().err
    assert command("attest", "app", "-k", "alice", "--link", "alone.1.link") == 0
    assert "it also attests" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("data", "arguments", "problem"),
    [
        pytest.param(prebuilt("1" * 64), (), "it is not about 'app'", id="another-subject"),
        pytest.param(prebuilt(), ("--type", "https://example.com/x"), "expected the predicate type", id="another-type"),
        pytest.param(prebuilt(_type="link"), (), "_type: expected", id="no-statement"),
        pytest.param(prebuilt(subject=[]), (), "subject: expected", id="no-subject"),
        pytest.param(b'{"a": 1, "a": 2}', (), "appears twice", id="twice"),
        pytest.param(prebuilt(predicateType=LINK_BUNDLE), (), "predicate.links: missing", id="malformed-predicate"),
    ],
)
def test_prebuilt_statement_has_to_be_about_the_target(
    data: bytes, arguments: tuple[str, ...], problem: str, capsys: Capture
) -> None:
    Path("statement.json").write_bytes(data)

    assert command("attest", "app", "-k", "alice", "--statement", "statement.json", *arguments) == 2
    assert problem in capsys.readouterr().err
    assert not Path(FILE).exists()


def test_link_of_the_target_says_what_it_says() -> None:
    Path("build.1.link").write_bytes(link("build", app=DIGEST, other="2" * 64))

    assert command("attest", "app", "-k", "alice", "--link", "build.1.link") == 0
    statement = statement_in(envelopes(FILE)[0])
    assert statement["predicateType"] == LINK_V03
    assert [subject["name"] for subject in statement["subject"]] == ["app", "other"]
    assert statement["predicate"]["name"] == "build"
    assert verify("app", "--type", LINK_V03, "--field", "predicate.byproducts.return-value=0") == 0


def test_link_of_something_else_is_in_the_older_form_about_the_target(capsys: Capture) -> None:
    Path("test.1.link").write_bytes(link("test", report="2" * 64))

    assert command("attest", "app", "-k", "alice", "--link", "test.1.link") == 0
    statement = statement_in(envelopes(FILE)[0])
    assert statement["predicateType"] == LINK_V1
    assert statement["subject"] == [{"name": "app", "digest": {"sha256": DIGEST}}]
    assert statement["predicate"]["products"] == {"report": {"sha256": "2" * 64}}
    assert verify("app", "--type", "link") == 0
    assert command("attest", "app", "-k", "alice", "--link", "test.1.link", "--type", LINK_V03) == 2
    assert "is no product of the link 'test'" in capsys.readouterr().err


def test_link_is_no_attestation_by_itself(capsys: Capture) -> None:
    Path("x.link").write_text("{}")

    assert command("attest", "app", "-k", "alice", "--link", "x.link") == 2
    assert "x.link: " in capsys.readouterr().err
    Path("bare.link").write_text(json.dumps(json.loads(link("build", app=DIGEST))["signed"]))
    assert command("attest", "app", "-k", "alice", "--link", "bare.link") == 0


def links_directory() -> dict[str, bytes]:
    files = {"write.1.link": link("write", src="1" * 64), "build.1/inner.2.link": link("inner", app=DIGEST)}
    for name, data in files.items():
        path = Path("links", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    Path("links", "notes.txt").write_text("not a link")
    return files


def test_directory_of_links_is_one_attestation() -> None:
    files = links_directory()

    assert command("attest", "app", "-k", "alice", "--bundle-links", "links") == 0
    statement = statement_in(envelopes(FILE)[0])
    assert statement["predicateType"] == LINK_BUNDLE
    assert read_link_bundle(statement["predicate"]) == files
    assert verify("app", "--type", "link-bundle") == 0
    guide = "https://golemtrust.am/attestation/in-toto-bundle/v1"
    assert command("attest", "app", "-k", "alice", "--bundle-links", "links", "--type", guide) == 0
    assert verify("app", "--type", guide) == 0


def test_directory_without_links_is_refused(capsys: Capture) -> None:
    Path("links").mkdir()

    assert command("attest", "app", "-k", "alice", "--bundle-links", "links") == 2
    assert "there is nothing to attest" in capsys.readouterr().err
    assert command("attest", "app", "-k", "alice", "--bundle-links", "gone") == 2


def test_file_that_only_looks_like_a_link_is_refused(capsys: Capture) -> None:
    links_directory()
    Path("links", "x.1.link").write_text("hello")

    assert command("attest", "app", "-k", "alice", "--bundle-links", "links") == 2
    assert "links/x.1.link: not JSON" in capsys.readouterr().err


def test_too_many_links_are_refused(capsys: Capture) -> None:
    Path("links").mkdir()
    for number in range(MAX_BUNDLED_LINKS + 1):
        Path("links", f"s{number}.1.link").touch()

    assert command("attest", "app", "-k", "alice", "--bundle-links", "links") == 2
    assert f"at most {MAX_BUNDLED_LINKS} links" in capsys.readouterr().err


def test_directory_has_a_subject_for_each_file(tmp_path: Path) -> None:
    for name in ("a", "sub/b", "sub/c.pyc", ".git/config", "d.link"):
        path = Path("dist", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)

    assert attest("./dist/") == 0
    subjects = [subject["name"] for subject in statement_in(envelopes("dist.intoto.jsonl")[0])["subject"]]
    assert subjects == [".git/config", "a", "d.link", "sub/b", "sub/c.pyc"]
    assert verify("dist") == verify(str(tmp_path / "dist")) == 0


def test_directory_with_nothing_to_attest_is_refused(capsys: Capture) -> None:
    Path("dist").mkdir()

    assert attest("dist") == 2
    Path("dist", "broken").symlink_to("nowhere")
    assert attest("dist") == 2
    assert "broken" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [("--no-upload",), ("--legacy",), ("--new-bundle-format", "false")])
def test_options_for_images_are_refused_for_files(arguments: tuple[str, ...], capsys: Capture) -> None:
    assert attest("app", *arguments) == 2
    assert "is for images" in capsys.readouterr().err
    assert not Path(FILE).exists()


def test_no_key_means_the_identity_of_a_ci_job(capsys: Capture) -> None:
    assert command("attest", "app", "--yes", "--predicate", "predicate.json", "--type", TYPE) == 2
    error = capsys.readouterr().err
    assert "no --key was given: the identity of this CI job signs (sigstore:)" in error
    assert not Path(FILE).exists()


@pytest.mark.parametrize("arguments", [("--yes",), ("-y",), ("--tlog-upload=false",), ("--use-signing-config=false",)])
def test_spellings_of_cosign_change_nothing(arguments: tuple[str, ...]) -> None:
    assert attest("app", "-o", "plain.jsonl") == 0
    assert attest("app", *arguments) == 0
    assert Path(FILE).read_bytes() == Path("plain.jsonl").read_bytes()


def test_log_is_never_written_to(capsys: Capture) -> None:
    assert attest("app", "--tlog-upload=true") == 2
    assert "--tlog-upload" in capsys.readouterr().err


def test_platform_is_for_images(capsys: Capture) -> None:
    assert attest("app", "--platform", "linux/amd64") == 2
    assert "--platform" in capsys.readouterr().err


def test_missing_target_is_said(capsys: Capture) -> None:
    assert attest("./gone") == 2
    assert "there is no such file" in capsys.readouterr().err
