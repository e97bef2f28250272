"""`custody keygen`: two files and a name, or a sentence and nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from custody.cli.main import main
from custody.keys.public import key_of_pem
from custody.signing.registry import load_signer
from custody.signing.secret import SecretSource
from custody.workflows.keys import read_public_key
from tests.unit.signing.terminal import custody_on_terminal


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def word() -> Iterator[int]:
    """Return a descriptor from which a passphrase can be read."""
    Path("word").write_text("from a file\n")
    descriptor = os.open("word", os.O_RDONLY)
    Path("word").unlink()
    yield descriptor
    os.close(descriptor)


def files() -> list[str]:
    return sorted(str(path) for path in Path().rglob("*"))


def opens(path: str, variable: str, public: str) -> bool:
    """Return whether the passphrase in `variable` opens `path`, and it is the private half of `public`."""
    return load_signer(path, SecretSource(environment=variable)).public_key == read_public_key(public)


def test_pair_is_made_and_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keygen", "alice"]) == 0
    keyid = key_of_pem(Path("alice.pub").read_text(), "").keyid
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[2] for line in lines] == ["alice", "alice.pub", keyid]
    assert Path("alice").stat().st_mode & 0o777 == 0o600
    assert load_signer("alice").public_key.keyid == keyid


@pytest.mark.parametrize(
    ("arguments", "scheme"),
    [
        ([], "ed25519"),
        (["-t", "ed25519"], "ed25519"),
        (["--type", "ecdsa"], "ecdsa-sha2-nistp256"),
        (["-t", "ecdsa-p384"], "ecdsa-sha2-nistp384"),
        (["-t", "ecdsa-p521"], "ecdsa-sha2-nistp521"),
        (["-t", "rsa", "--bits", "2048"], "rsassa-pss-sha256"),
    ],
)
def test_type_decides_the_scheme(arguments: list[str], scheme: str) -> None:
    assert main(["keygen", *arguments, "k"]) == 0
    assert load_signer("k").public_key.scheme == scheme


@pytest.mark.parametrize(("bits", "said"), [("1024", "2048 to 16384 bits"), ("2048", "one size only")])
def test_bits_decide(bits: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    kind = "rsa" if bits == "1024" else "ed25519"
    assert main(["keygen", "-t", kind, "--bits", bits, "k"]) == 2
    assert said in capsys.readouterr().err
    assert files() == []


@pytest.mark.parametrize("taken", ["alice", "alice.pub"])
def test_nothing_is_overwritten_without_force(taken: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path(taken).write_text("precious")
    assert main(["keygen", "alice"]) == 2
    assert f"custody keygen: '{taken}' exists already" in capsys.readouterr().err
    assert files() == [taken]
    assert Path(taken).read_text() == "precious"
    assert main(["keygen", "alice", "--force"]) == 0
    assert load_signer("alice").public_key == key_of_pem(Path("alice.pub").read_text(), "")


def test_missing_directory_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keygen", "keys/alice"]) == 2
    assert "there is no directory 'keys'; make it first: mkdir -p 'keys'" in capsys.readouterr().err
    Path("keys").mkdir()
    assert main(["keygen", "keys/alice"]) == 0


def test_passphrase_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORD", "geheim")
    assert main(["keygen", "--password-env", "WORD", "alice"]) == 0
    assert "ENCRYPTED" in Path("alice").read_text()
    assert opens("alice", "WORD", "alice.pub")


def test_passphrase_comes_from_a_descriptor(word: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["keygen", "--password-fd", str(word), "alice"]) == 0
    monkeypatch.setenv("WORD", "from a file")
    assert opens("alice", "WORD", "alice.pub")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--password-env", "NOT_SET"], "'NOT_SET' is not set"),
        (["--password-env", "EMPTY"], "is empty"),
        (["--password-env", ""], "needs the name of a variable"),
        (["--password-fd", "987"], "descriptor 987: Bad file descriptor"),
        (["--password-fd", "-1"], "expected a number from 0"),
    ],
)
def test_passphrase_that_is_not_there_makes_no_key(
    arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EMPTY", "")
    assert main(["keygen", *arguments, "alice"]) == 2
    assert said in capsys.readouterr().err
    assert files() == []


@pytest.mark.parametrize("flag", ["-p", "-P", "--password"])
def test_prompt_asks_twice_and_hides_what_is_typed(flag: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = custody_on_terminal("keygen", flag, "alice", cwd=str(tmp_path), answers=["hunter2", "hunter2"])
    assert session.code == 0, session.output
    assert "New passphrase for 'alice':" in session.screen
    assert "hunter2" not in session.screen + session.output
    monkeypatch.setenv("WORD", "hunter2")
    assert opens("alice", "WORD", "alice.pub")


@pytest.mark.parametrize(("answers", "said"), [(["one", "other"], "the two passphrases differ"), ([""], "is empty")])
def test_prompt_that_does_not_agree_makes_no_key(answers: list[str], said: str, tmp_path: Path) -> None:
    session = custody_on_terminal("keygen", "-p", "alice", cwd=str(tmp_path), answers=answers)
    assert session.code == 2
    assert said in session.output
    assert files() == []


def test_two_sources_of_a_passphrase_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["keygen", "-p", "--password-env", "X", "alice"])
    assert "not allowed with" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["alice.pub", "", "sub/"])
def test_names_that_are_none_are_refused(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("sub").mkdir()
    assert main(["keygen", name]) == 2
    assert "custody keygen: " in capsys.readouterr().err
    assert files() == ["sub"]
