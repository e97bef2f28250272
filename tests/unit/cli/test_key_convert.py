"""`custody key convert` between the forms of other tools; protection is never lost unasked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from custody.cli.main import main
from custody.signing.keypair import generate, write_pair
from custody.signing.registry import load_signer
from custody.signing.secret import SecretSource
from custody.workflows.keys import read_public_key

Capture = pytest.CaptureFixture[str]

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "foreign_keys.json").read_bytes())
PRIVATE = ["private-pem", "private-openssh", "private-cosign"]
WORD, OTHER = SecretSource(environment="WORD"), SecretSource(environment="OTHER")


@pytest.fixture(autouse=True)
def _keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WORD", "geheim")
    monkeypatch.setenv("OTHER", "anderes")
    write_pair("alice", generate("ecdsa"))
    write_pair("locked", generate("ecdsa"), passphrase=b"geheim")
    write_pair("ed", generate())
    write_pair("pq", generate("ml-dsa-65"))


def convert(source: str, form: str, out: str, *more: str) -> int:
    return main(["key", "convert", source, "--to", form, "-o", out, *more])


def mode_of(path: str) -> int:
    return Path(path).stat().st_mode & 0o777


@pytest.mark.parametrize("first", PRIVATE)
@pytest.mark.parametrize("second", PRIVATE)
def test_private_forms_lead_to_each_other(first: str, second: str) -> None:
    assert convert("alice", first, "one", "--new-password-env", "WORD") == 0
    assert convert("one", second, "two", "--password-env", "WORD", "--new-password-env", "OTHER") == 0
    for path, secret in (("one", WORD), ("two", OTHER)):
        assert load_signer(path, secret).public_key == read_public_key("alice.pub")
        assert mode_of(path) == 0o600
    assert convert("two", "private-pem", "three", "--password-env", "WORD", "--new-password-env", "WORD") == 2
    assert not Path("three").exists()


@pytest.mark.parametrize("form", PRIVATE)
def test_passphrase_is_lost_on_request_only(form: str, capsys: Capture) -> None:
    assert convert("locked", form, "open", "--password-env", "WORD") == 2
    assert "say what protects the new file" in capsys.readouterr().err
    assert not Path("open").exists()
    code = convert("locked", form, "open", "--password-env", "WORD", "--no-password")
    if form == "private-cosign":
        assert code == 2
        assert "a cosign key is always encrypted" in capsys.readouterr().err
        assert not Path("open").exists()
    else:
        assert code == 0
        assert load_signer("open").public_key == read_public_key("locked.pub")
        assert mode_of("open") == 0o600


@pytest.mark.parametrize("form", PRIVATE)
def test_private_key_is_not_printed(form: str, capsys: Capture) -> None:
    assert main(["key", "convert", "alice", "--to", form, "--new-password-env", "WORD"]) == 2
    out, err = capsys.readouterr()
    assert (out, "a private key is not printed" in err) == ("", True)


@pytest.mark.parametrize(
    ("source", "form", "said"),
    [
        ("ed", "private-cosign", "only an ECDSA key on P-256"),
        ("pq", "private-cosign", "only an ECDSA key on P-256"),
        ("pq", "private-openssh", "OpenSSH has no form for a key of the type ml-dsa"),
        ("pq.pub", "openssh", "OpenSSH has no form for a key of the type ml-dsa"),
        ("alice.pub", "private-openssh", "got a public key"),
        ("alice.pub", "private-cosign", "got a public key"),
    ],
)
def test_what_has_no_form_there_is_refused_before_a_passphrase_is_read(
    source: str, form: str, said: str, capsys: Capture
) -> None:
    more = ["--new-password-env", "NOT_SET_AT_ALL"] if form.startswith("private") else []
    assert convert(source, form, "new", *more) == 2
    assert said in capsys.readouterr().err
    assert not Path("new").exists()


def test_key_of_cosign_becomes_pem_with_its_own_variable(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    vector = VECTORS["cosign"][0]
    Path("cosign.key").write_text(vector["private"])
    assert main(["key", "convert", "cosign.key", "--to", "pem"]) == 2
    assert "set COSIGN_PASSWORD" in capsys.readouterr().err
    monkeypatch.setenv("COSIGN_PASSWORD", vector["passphrase"])
    assert main(["key", "convert", "cosign.key", "--to", "pem"]) == 0
    assert capsys.readouterr().out == vector["public"]


@pytest.mark.parametrize("name", ["ed25519, encrypted", "ecdsa, encrypted", "rsa, encrypted"])
def test_key_of_in_toto_1_becomes_pem(name: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    [vector] = [vector for vector in VECTORS["in_toto_1"] if vector["name"] == name]
    monkeypatch.setenv("OLD", vector["passphrase"])
    Path("old").write_text(vector["private"])
    Path("old.pub").write_text(vector["public"])
    protect = ["--password-env", "OLD", "--new-password-env", "WORD"]
    assert convert("old", "private-pem", "new", *protect) == 0
    assert load_signer("new", WORD).public_key.identity == read_public_key("old.pub").identity
    monkeypatch.setenv("OLD", "wrong")
    assert convert("old", "private-pem", "newer", *protect) == 2
    assert "the passphrase of 'old' is wrong" in capsys.readouterr().err
    assert not Path("newer").exists()


@pytest.mark.parametrize("source", ["alice", "alice.pub", "alice.json"])
def test_public_forms_lead_to_each_other(source: str, capsys: Capture) -> None:
    assert convert("alice.pub", "metadata", "alice.json") == 0
    assert convert(source, "openssh", "alice.ssh") == 0
    capsys.readouterr()
    assert main(["key", "convert", "alice.ssh", "--to", "pem"]) == 0
    assert capsys.readouterr().out == Path("alice.pub").read_text()
    Path("alice.ssh").write_text(Path("alice.ssh").read_text().replace("AAAA", "AAAB", 1))
    assert main(["key", "convert", "alice.ssh", "--to", "pem"]) == 2


def test_public_form_takes_no_new_passphrase(capsys: Capture) -> None:
    assert convert("alice", "openssh", "alice.ssh", "--no-password") == 2
    assert "a public key has none" in capsys.readouterr().err


def test_post_quantum_key_is_shown_and_converted(capsys: Capture) -> None:
    assert main(["key", "show", "pq", "pq.pub"]) == 0
    assert capsys.readouterr().out.count("key, ml-dsa, 15616 bits\n  scheme        ml-dsa-65/1\n") == 2
    assert convert("pq", "private-pem", "locked-pq", "--new-password-env", "WORD") == 0
    assert load_signer("locked-pq", WORD).public_key == read_public_key("pq.pub")
    assert convert("pq", "metadata", "pq.json") == 0
    assert read_public_key("pq.json") == read_public_key("pq.pub")


RUN = ["run", "-n", "build", "-p", "seen", "--signing-key"]


@pytest.mark.parametrize("uri", ["cosign:cosign.key", "cosign.key", "env:KEY"])
def test_command_does_not_see_what_opened_the_key(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    vector = VECTORS["cosign"][0]
    Path("cosign.key").write_text(vector["private"])
    Path("cosign.key").chmod(0o600)
    monkeypatch.setenv("KEY", vector["private"])
    monkeypatch.setenv("COSIGN_PASSWORD", vector["passphrase"])
    command = ["sh", "-c", 'echo "password ${COSIGN_PASSWORD-none}" > seen']
    assert main([*RUN, uri, "--", *command]) == 0
    assert Path("seen").read_text() == "password none\n"
    assert main([*RUN, "alice", "--", *command]) == 0  # which may need it
    assert Path("seen").read_text() == f"password {vector['passphrase']}\n"
