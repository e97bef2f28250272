"""`custody key`: shows what a key file holds, and writes it in another form."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from custody.cli.main import main
from custody.keys.public import key_of_pem
from custody.signing.keypair import generate, write_pair
from custody.signing.registry import load_signer
from custody.signing.secret import SecretSource
from custody.workflows.keys import read_public_key
from tests.unit.signing.terminal import custody_on_terminal

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WORD", "geheim")
    monkeypatch.setenv("OTHER", "anderes")
    write_pair("alice", generate())
    write_pair("locked", generate(), passphrase=b"geheim")
    write_pair("rsa", generate("rsa", bits=2048))


def shown(arguments: list[str], capsys: Capture) -> list[dict[str, object]]:
    assert main(["key", "show", "--format", "json", *arguments]) == 0
    found: list[dict[str, object]] = json.loads(capsys.readouterr().out)
    return found


def opens(path: str, variable: str, public: str) -> bool:
    """Return whether the passphrase in `variable` opens `path`, and it is the private half of `public`."""
    return load_signer(path, SecretSource(environment=variable)).public_key == read_public_key(public)


def test_both_halves_show_the_same_key(capsys: Capture) -> None:
    private, public = shown(["alice", "alice.pub"], capsys)
    assert (private["file"], private["kind"]) == ("alice", "private")
    assert (public["file"], public["kind"]) == ("alice.pub", "public")
    same = ("keytype", "scheme", "keyid", "keyid_go", "spki_sha256", "bits")
    assert [private[name] for name in same] == [public[name] for name in same]
    assert public["keyid"] == read_public_key("alice.pub").keyid


def test_text_shows_type_scheme_ids_and_fingerprint(capsys: Capture) -> None:
    [facts] = shown(["rsa.pub"], capsys)
    assert main(["key", "show", "rsa.pub"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("rsa.pub\n  public key, rsa, 2048 bits\n")
    for name in ("scheme", "keyid", "keyid_go", "spki_sha256"):
        assert str(facts[name]) in text


def test_scheme_of_an_rsa_key_decides_its_id(capsys: Capture) -> None:
    [usual] = shown(["rsa.pub"], capsys)
    [other] = shown(["rsa.pub", "--scheme", "rsassa-pss-sha512"], capsys)
    assert usual["scheme"] == "rsassa-pss-sha256"
    assert other["scheme"] == "rsassa-pss-sha512"
    assert usual["keyid"] != other["keyid"]
    assert usual["spki_sha256"] == other["spki_sha256"]


def test_encrypted_key_needs_its_passphrase(capsys: Capture) -> None:
    assert main(["key", "show", "locked"]) == 2
    assert "'locked' is encrypted" in capsys.readouterr().err
    assert main(["key", "show", "locked", "--password-env", "OTHER"]) == 2
    assert "the passphrase of 'locked' is wrong" in capsys.readouterr().err
    [facts] = shown(["locked", "--password-env", "WORD"], capsys)
    assert facts["keyid"] == read_public_key("locked.pub").keyid


def test_encrypted_key_is_opened_from_a_descriptor(capsys: Capture) -> None:
    Path("word").write_text("geheim\n")
    with Path("word").open() as word:
        assert shown(["locked", "--password-fd", str(word.fileno())], capsys)


def test_encrypted_key_is_opened_at_the_terminal(tmp_path: Path) -> None:
    session = custody_on_terminal("key", "show", "-P", "locked", cwd=str(tmp_path), answers=["geheim"])
    assert session.code == 0, session.output
    assert "Passphrase of 'locked':" in session.screen
    assert "geheim" not in session.screen + session.output
    assert custody_on_terminal("key", "show", "-P", "locked", cwd=str(tmp_path), answers=["x"]).code == 2


@pytest.mark.parametrize("name", ["missing", ".", "text", "empty", "cut"])
def test_what_is_no_key_shows_nothing(name: str, capsys: Capture) -> None:
    Path("text").write_text("hello")
    Path("empty").touch()
    Path("cut").write_text(Path("alice").read_text()[:50])
    assert main(["key", "show", "alice", name]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert name in err


def test_private_key_becomes_its_public_pem(capsys: Capture) -> None:
    assert main(["key", "convert", "alice", "--to", "pem"]) == 0
    assert capsys.readouterr().out == Path("alice.pub").read_text()
    assert main(["key", "convert", "alice", "--to", "pem", "-o", "copy.pub"]) == 0
    assert Path("copy.pub").read_bytes() == Path("alice.pub").read_bytes()


@pytest.mark.parametrize("name", ["alice", "rsa"])
def test_metadata_and_pem_are_each_other_s_inverse(name: str, capsys: Capture) -> None:
    assert main(["key", "convert", f"{name}.pub", "--to", "metadata", "-o", "key.json"]) == 0
    document = json.loads(Path("key.json").read_text())
    assert set(document) == {"keyid", "keytype", "scheme", "keyval"}
    capsys.readouterr()
    assert main(["key", "convert", "key.json", "--to", "pem"]) == 0
    assert capsys.readouterr().out == Path(f"{name}.pub").read_text()
    document["keyval"]["public"] = "?"
    Path("key.json").write_text(json.dumps(document))
    assert main(["key", "convert", "key.json", "--to", "pem"]) == 2


def test_metadata_says_the_scheme_that_was_asked_for(capsys: Capture) -> None:
    assert main(["key", "convert", "rsa.pub", "--to", "metadata", "--scheme", "rsassa-pss-sha384"]) == 0
    assert json.loads(capsys.readouterr().out)["scheme"] == "rsassa-pss-sha384"
    assert main(["key", "convert", "alice.pub", "--to", "metadata", "--scheme", "rsassa-pss-sha384"]) == 2
    assert "for the scheme ed25519" in capsys.readouterr().err


def test_private_key_gets_a_passphrase() -> None:
    assert main(["key", "convert", "alice", "--to", "private-pem", "--new-password-env", "WORD", "-o", "new"]) == 0
    assert "ENCRYPTED" in Path("new").read_text()
    assert Path("new").stat().st_mode & 0o777 == 0o600
    assert opens("new", "WORD", "alice.pub")


def test_private_key_changes_its_passphrase_in_place(capsys: Capture) -> None:
    change = ["key", "convert", "locked", "--to", "private-pem", "--new-password-env", "OTHER", "-o", "locked"]
    assert main([*change, "--password-env", "WORD"]) == 2
    assert "exists already; replace it with --force" in capsys.readouterr().err
    assert main([*change, "--force", "--password-env", "OTHER"]) == 2
    assert "is wrong" in capsys.readouterr().err
    assert opens("locked", "WORD", "locked.pub")
    assert main([*change, "--force", "--password-env", "WORD"]) == 0
    assert opens("locked", "OTHER", "locked.pub")


def test_private_key_loses_its_passphrase_on_request_only(capsys: Capture) -> None:
    convert = ["key", "convert", "locked", "--to", "private-pem", "--password-env", "WORD", "-o", "open"]
    assert main(convert) == 2
    assert "say what protects the new file" in capsys.readouterr().err
    assert not Path("open").exists()
    assert main([*convert, "--no-password"]) == 0
    assert load_signer("open").public_key == read_public_key("locked.pub")
    assert Path("open").stat().st_mode & 0o777 == 0o600


def test_new_passphrase_from_a_descriptor() -> None:
    Path("word").write_text("anderes")
    descriptor = os.open("word", os.O_RDONLY)
    to = ["--to", "private-pem", "-o", "new", "--new-password-fd", str(descriptor)]
    assert main(["key", "convert", "alice", *to]) == 0
    os.close(descriptor)
    assert opens("new", "OTHER", "alice.pub")


def test_new_passphrase_is_asked_twice_at_the_terminal(tmp_path: Path) -> None:
    convert = ("key", "convert", "locked", "-P", "--to", "private-pem", "--new-password", "-o", "new")
    session = custody_on_terminal(*convert, cwd=str(tmp_path), answers=["geheim", "anderes", "anders"])
    assert session.code == 2
    assert not Path("new").exists()
    session = custody_on_terminal(*convert, cwd=str(tmp_path), answers=["geheim", "anderes", "anderes"])
    assert session.code == 0, session.output
    assert opens("new", "OTHER", "locked.pub")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["alice", "--to", "private-pem", "--no-password"], "a private key is not printed"),
        (["alice.pub", "--to", "private-pem", "--no-password", "-o", "x"], "got a public key"),
        (["alice", "--to", "pem", "--no-password"], "a public key has none"),
        (["alice", "--to", "metadata", "--new-password-env", "WORD"], "a public key has none"),
        (
            ["rsa", "--to", "private-pem", "--no-password", "--scheme", "rsassa-pss-sha256", "-o", "x"],
            "a private key file has no scheme",
        ),
        (["alice", "--to", "pem", "-o", "alice.pub"], "'alice.pub' exists already"),
        (["alice", "--to", "pem", "-o", "missing/alice.pub"], "No such file or directory"),
        (["alice", "--to", "pem", "--force", "-o", "/dev/full"], "not a regular file"),
    ],
)
def test_what_makes_no_sense_writes_nothing(arguments: list[str], said: str, capsys: Capture) -> None:
    before = {path.name: path.read_bytes() for path in Path().iterdir()}
    assert main(["key", "convert", *arguments]) == 2
    out, err = capsys.readouterr()
    assert said in err
    assert out == ""
    assert {path.name: path.read_bytes() for path in Path().iterdir()} == before


@pytest.mark.component("openssl")
def test_openssl_opens_what_was_written() -> None:
    assert main(["key", "convert", "rsa", "--to", "private-pem", "--new-password-env", "WORD", "-o", "new"]) == 0
    command = ["openssl", "pkey", "-in", "new", "-pubout", "-passin"]
    opened = subprocess.run([*command, "env:WORD"], capture_output=True, check=True)
    assert key_of_pem(opened.stdout.decode(), "").identity == read_public_key("rsa.pub").identity
    assert subprocess.run([*command, "env:OTHER"], capture_output=True, check=False).returncode != 0
