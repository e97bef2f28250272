"""`custody sign`: who signed what, where it went, and what `--verify` says about it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from custody.cli.main import main
from custody.encoding.strict import read_json, write_json
from custody.envelopes.metablock import Metablock
from custody.signing.keypair import generate, write_pair
from custody.workflows.keys import read_public_key, written
from custody.workflows.sign import GOOD, check_signatures
from tests.unit.signing.terminal import custody_on_terminal
from tests.unit.workflows.test_sign import LAYOUT, LINK

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WORD", "geheim")
    monkeypatch.setenv("OTHER", "anderes")
    for name in ("alice", "bob"):
        write_pair(name, generate())
    write_pair("locked", generate(), passphrase=b"geheim")
    Path("root.layout").write_bytes(Metablock.wrap(LAYOUT).write())
    Path("link").write_bytes(Metablock.wrap(LINK).write())


def sign(*arguments: str, file: str = "root.layout") -> int:
    return main(["sign", "-f", file, *arguments])


def signed_by(*names: str, file: str = "root.layout") -> bool:
    keys = [read_public_key(f"{name}.pub") for name in names]
    return all(check.state == GOOD for check in check_signatures(file, keys))


@pytest.mark.parametrize("flag", ["--signing-key", "-k", "--key"])
def test_key_signs_under_every_spelling(flag: str, capsys: Capture) -> None:
    assert main(["sign", "--file", "root.layout", flag, "alice"]) == 0
    assert signed_by("alice")
    assert not signed_by("bob")
    keyid = read_public_key("alice.pub").keyid[:8]
    assert capsys.readouterr().out == f"root.layout: layout signed by {keyid}; 1 signature\n"


@pytest.mark.parametrize("keys", [["-k", "alice", "bob"], ["-k", "alice", "-k", "bob"]])
def test_several_keys_sign_at_once(keys: list[str]) -> None:
    assert sign(*keys) == 0
    assert signed_by("alice", "bob")


@pytest.mark.parametrize("flag", ["-a", "--append"])
def test_append_keeps_what_would_be_replaced(flag: str, capsys: Capture) -> None:
    assert sign("-k", "alice") == sign("-k", "bob", flag) == 0
    assert signed_by("alice", "bob")
    assert capsys.readouterr().out.endswith("; 2 signatures\n")
    assert sign("-k", "bob") == 0
    assert capsys.readouterr().out.endswith("; 1 signature, 2 earlier removed\n")
    assert not signed_by("alice")


@pytest.mark.parametrize("flag", ["-o", "--output"])
def test_output_is_where_it_is_asked_for(flag: str) -> None:
    before = Path("root.layout").read_bytes()
    assert sign("-k", "alice", flag, "signed.layout") == 0
    assert signed_by("alice", file="signed.layout")
    assert Path("root.layout").read_bytes() == before


def test_link_is_named_for_step_and_key(capsys: Capture) -> None:
    assert sign("-k", "alice", file="link") == 0
    name = f"build.{read_public_key('alice.pub').keyid[:8]}.link"
    assert capsys.readouterr().out.startswith(f"{name}: link signed by ")
    assert signed_by("alice", file=name)
    assert sign("-k", "alice", "-a", file="link") == 2
    assert sign("-k", "alice", "bob", file="link") == 2
    assert capsys.readouterr().err.count("a link has one functionary") == 2


def test_dsse_is_written_on_request() -> None:
    assert sign("-k", "alice", "--use-dsse") == 0
    assert "payload" in read_json(Path("root.layout").read_bytes())
    assert signed_by("alice")


def test_unknown_field_needs_a_decision(capsys: Capture) -> None:
    Path("draft").write_bytes(write_json({**LAYOUT, "x": 1, "y": 2}))
    assert sign("-k", "alice", "--ignore-field", "x", file="draft") == 2
    assert "draft: y: unknown field" in capsys.readouterr().err
    assert sign("-k", "alice", "--ignore-field", "x", "y", file="draft") == 0
    assert "unknown field x" in capsys.readouterr().err
    assert signed_by("alice", file="draft")


def test_expired_layout_is_signed_with_a_warning(capsys: Capture) -> None:
    Path("old").write_bytes(write_json({**LAYOUT, "expires": "2001-01-01T00:00:00Z"}))
    assert sign("-k", "alice", file="old") == 0
    assert "warning: the layout expired at 2001-01-01T00:00:00Z" in capsys.readouterr().err
    assert sign("-k", "alice") == 0
    assert capsys.readouterr().err == ""


def test_key_that_others_can_read_is_warned_about(capsys: Capture) -> None:
    Path("alice").chmod(0o644)
    assert sign("-k", "alice") == 0
    assert "warning: other users may read the private key 'alice' (mode 0644)" in capsys.readouterr().err


def test_passphrase_opens_several_keys(capsys: Capture) -> None:
    assert sign("-k", "locked", "alice") == 2
    assert "'locked' is encrypted: give its passphrase with --password" in capsys.readouterr().err
    assert sign("-k", "locked", "--password-env", "OTHER") == 2
    assert "the passphrase of 'locked' is wrong" in capsys.readouterr().err
    assert Path("root.layout").read_bytes() == Metablock.wrap(LAYOUT).write()
    write_pair("second", generate(), passphrase=b"geheim")
    with Path("word").open("w+") as word:
        word.write("geheim\n")
        word.flush()
        word.seek(0)
        assert sign("-k", "locked", "second", "alice", "--password-fd", str(word.fileno())) == 0
    assert signed_by("locked", "second", "alice")
    assert sign("-k", "locked", "--password-env", "WORD") == 0


@pytest.mark.parametrize("flag", ["-p", "--prompt", "-P", "--password"])
def test_passphrase_is_asked_for_at_the_terminal(flag: str, tmp_path: Path) -> None:
    arguments = ("sign", "-f", "root.layout", "-k", "locked", flag)
    session = custody_on_terminal(*arguments, cwd=str(tmp_path), answers=["geheim"])
    assert session.code == 0, session.output
    assert signed_by("locked")
    assert "geheim" not in session.screen + session.output


def test_terminal_asks_for_encrypted_keys_only(tmp_path: Path) -> None:
    arguments = ("sign", "-f", "root.layout", "-k", "alice", "-p")
    session = custody_on_terminal(*arguments, cwd=str(tmp_path), answers=[])
    assert (session.code, session.screen) == (0, "")


def test_scheme_of_an_rsa_key_is_chosen() -> None:
    write_pair("rsa", generate("rsa", bits=2048))
    assert sign("-k", "rsa", "--scheme", "rsassa-pss-sha512") == 0
    check = ["--verify", "--verification-keys", "rsa.pub"]
    assert sign(*check) == 1
    assert sign(*check, "--scheme", "rsassa-pss-sha512") == 0


def test_key_in_the_environment_signs(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setenv("KEY", Path("alice").read_text())
    assert sign("-k", "env:KEY") == 0
    assert signed_by("alice")
    assert sign("-k", "env:KEYS") == 2
    assert "'KEYS' is not set" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "expected at least one signing key"),
        (["-k", "alice.pub"], "alice.pub: expected a private key, got a public key"),
        (["-k", "nobody"], "'nobody': No such file"),
        (["-k", "alice", "nobody"], "'nobody': No such file"),
        (["-k", "pkcs11:token"], "expected NAME=VALUE in a pkcs11: URI"),
        (["-k", "hsm:alice"], "which PKCS #11 module drives the token"),
        (["-k", "root.layout"], "expected a private key in PEM, or in JSON as in-toto 1.x wrote it: keytype: missing"),
        (["-k", "alice", "--scheme", "rsassa-pss-sha256"], "for the scheme ed25519"),
        (["-k", "alice", "--verification-keys", "alice.pub"], "are for --verify"),
        (["-k", "alice", "-o", "missing/x"], "'missing/x': No such file or directory"),
        (["-k", "alice", "-o", "/dev/full"], "'/dev/full': it exists and is not a regular file"),
    ],
)
def test_what_cannot_be_done_changes_nothing(arguments: list[str], said: str, capsys: Capture) -> None:
    before = {path.name: path.read_bytes() for path in Path().iterdir()}
    assert sign(*arguments) == 2
    out, err = capsys.readouterr()
    assert err.startswith("custody sign: ")
    assert said in err
    assert out == ""
    assert {path.name: path.read_bytes() for path in Path().iterdir()} == before


def test_scheme_that_does_not_exist_is_refused(capsys: Capture) -> None:
    with pytest.raises(SystemExit, match="2"):
        sign("-k", "alice", "--scheme", "md5")
    err = capsys.readouterr().err
    assert "--scheme: expected one of rsassa-pss-sha256, rsassa-pss-sha384, rsassa-pss-sha512, rsa-pkcs1v15-" in err
    assert "got 'md5'" in err


@pytest.mark.parametrize("flag", ["--verification-keys", "--layout-keys", "--layout-key", "-k"])
def test_verify_says_a_line_a_key(flag: str, capsys: Capture) -> None:
    sign("-k", "alice")
    capsys.readouterr()
    names = {name: f"{read_public_key(f'{name}.pub').keyid[:8]} ({name}.pub)" for name in ("alice", "bob")}
    assert sign("--verify", flag, "alice.pub") == 0
    assert capsys.readouterr().out == f"root.layout: good signature by {names['alice']}\n"
    assert sign("--verify", flag, "alice.pub", "bob.pub") == 1
    out, err = capsys.readouterr()
    assert out.splitlines()[1] == f"root.layout: missing signature by {names['bob']}"
    assert err == f"custody sign: no good signature by {names['bob']}\n"


def test_verify_rejects_a_changed_layout(capsys: Capture) -> None:
    sign("-k", "alice")
    document = json.loads(Path("root.layout").read_bytes())
    document["signed"]["readme"] = "changed"
    Path("root.layout").write_text(json.dumps(document))
    assert sign("--verify", "--verification-keys", "alice.pub") == 1
    assert "root.layout: bad signature by " in capsys.readouterr().out


def test_verify_takes_keys_as_json() -> None:
    sign("-k", "alice")
    for name in ("alice", "bob"):
        Path(f"{name}.json").write_bytes(written(read_public_key(f"{name}.pub"), "metadata"))
    assert sign("--verify", "--verification-keys", "alice.json") == 0
    assert sign("--verify", "--verification-keys", "bob.json") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "expected public keys to check with"),
        (["-k", "alice"], "give the .pub file"),
        (["--verification-keys", "nobody.pub"], "No such file"),
        (["--verification-keys", "alice.pub", "-a"], "--append is for signing"),
        (["--verification-keys", "alice.pub", "-o", "x"], "--output is for signing"),
        (["--verification-keys", "alice.pub", "--use-dsse"], "--use-dsse is for signing"),
        (["--verification-keys", "alice.pub", "-p"], "--password is for signing"),
        (["--verification-keys", "alice.pub", "--ignore-field", "x"], "--ignore-field is for signing"),
    ],
)
def test_verify_that_cannot_be_told_is_no_verdict(arguments: list[str], said: str, capsys: Capture) -> None:
    sign("-k", "alice")
    assert sign("--verify", *arguments) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("data", [b"", b"{", b'{"_type": "layout"}', b"[1]"])
def test_verify_of_no_envelope_is_no_verdict(data: bytes, capsys: Capture) -> None:
    Path("bad").write_bytes(data)
    assert sign("--verify", "-k", "alice.pub", file="bad") == 2
    assert "custody sign: bad: " in capsys.readouterr().err
    assert sign("--verify", "-k", "alice.pub", file="nothing") == 2
