"""The options for keys that several commands share: every spelling means the same, every flag decides."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from pathlib import Path

import pytest

from custody.cli.key_options import (
    add_signing_key,
    add_verification_keys,
    secret_variables,
    signer_from,
    verification_keys_from,
)
from custody.errors import FormatError, SignatureError, UsageError
from custody.signing.keypair import generate, write_pair
from custody.workflows.keys import read_public_key


@pytest.fixture(autouse=True)
def _keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WORD", "geheim")
    monkeypatch.setenv("OTHER", "anderes")
    for name in ("alice", "bob"):
        write_pair(name, generate())
    write_pair("locked", generate(), passphrase=b"geheim")


def parsed(*arguments: str) -> Namespace:
    parser = ArgumentParser(allow_abbrev=False)
    add_signing_key(parser)
    add_verification_keys(parser)
    return parser.parse_args(arguments)


@pytest.mark.parametrize("flag", ["--signing-key", "-k", "--key", "--key-path"])
def test_signing_key_is_known_under_every_spelling(flag: str) -> None:
    assert signer_from(parsed(flag, "alice")).public_key == read_public_key("alice.pub")
    assert signer_from(parsed(flag, "bob")).public_key == read_public_key("bob.pub")


def test_missing_signing_key_says_how_to_get_one() -> None:
    with pytest.raises(UsageError, match=r"--signing-key FILE \(`custody keygen alice` makes one\)"):
        signer_from(parsed())


def test_passphrase_opens_the_key() -> None:
    locked = read_public_key("locked.pub")
    assert signer_from(parsed("-k", "locked", "--password-env", "WORD")).public_key == locked
    with pytest.raises(SignatureError, match="is wrong"):
        signer_from(parsed("-k", "locked", "--password-env", "OTHER"))
    Path("word").write_text("geheim\n")
    descriptor = os.open("word", os.O_RDONLY)
    assert signer_from(parsed("-k", "locked", "--password-fd", str(descriptor))).public_key == locked
    os.close(descriptor)
    with pytest.raises(UsageError, match="is encrypted"):
        signer_from(parsed("-k", "locked"))


def test_password_takes_no_value(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        parsed("-k", "locked", "--password=geheim")
    assert "--password" in capsys.readouterr().err


def test_scheme_decides_for_rsa() -> None:
    write_pair("rsa", generate("rsa", bits=2048))
    signer = signer_from(parsed("-k", "rsa", "--scheme", "rsassa-pss-sha384"))
    assert signer.public_key.scheme == "rsassa-pss-sha384"


def test_key_that_others_can_read_is_warned_about(capsys: pytest.CaptureFixture[str]) -> None:
    signer_from(parsed("-k", "alice"))
    assert capsys.readouterr().err == ""
    Path("alice").chmod(0o640)
    signer_from(parsed("-k", "alice"))
    assert capsys.readouterr().err.startswith("warning: other users may read the private key 'alice'")


def test_variables_with_secrets_are_known() -> None:
    assert secret_variables(parsed("-k", "env:KEY", "--password-env", "WORD")) == {"KEY", "WORD"}
    assert secret_variables(parsed("-k", "alice")) == set()
    assert secret_variables(parsed()) == set()


@pytest.mark.parametrize("flag", ["--verification-keys", "--layout-keys", "--layout-key"])
def test_verification_keys_add_up_under_every_spelling(flag: str) -> None:
    keys = tuple(read_public_key(f"{name}.pub") for name in ("alice", "bob"))
    assert verification_keys_from(parsed(flag, "alice.pub", "bob.pub")) == keys
    assert verification_keys_from(parsed(flag, "alice.pub", flag, "bob.pub", "alice.pub")) == keys
    assert verification_keys_from(parsed()) == ()


def test_private_key_does_not_verify() -> None:
    with pytest.raises(FormatError, match=r"alice: .*give the \.pub file"):
        verification_keys_from(parsed("--verification-keys", "bob.pub", "alice"))
