"""ssh-keygen's private keys are opened and written; wrong passphrases, damage and dear ones are refused."""

from __future__ import annotations

import base64
import contextlib
import subprocess
import sys
from pathlib import Path

import pytest

from custody.errors import CustodyError, FormatError, SignatureError, UsageError
from custody.signing import costs
from custody.signing.keypair import generate
from custody.signing.openssh import write_openssh
from custody.signing.registry import load_signer
from custody.signing.secret import SecretSource
from custody.workflows.keys import read_public_key

MESSAGE = b"what was made of what"
KINDS = [("ed25519", ""), ("ecdsa", "256"), ("ecdsa", "384"), ("ecdsa", "521"), ("rsa", "2048")]
WORD = SecretSource(environment="WORD")

pytestmark = pytest.mark.component("ssh-keygen")


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WORD", "geheim")
    monkeypatch.setenv("OTHER", "anderes")


def ssh_keygen(kind: str, bits: str = "", passphrase: str = "", *more: str) -> Path:
    size = ["-b", bits] if bits else []
    command = ["ssh-keygen", "-q", "-t", kind, *size, "-N", passphrase, "-C", "me@here", "-f", "key", *more]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return Path("key")


def content(path: Path) -> bytes:
    return base64.b64decode("".join(path.read_text().splitlines()[1:-1]))


def write_content(path: Path, der: bytes) -> None:
    body = base64.encodebytes(der).decode()
    path.write_text(f"-----BEGIN OPENSSH PRIVATE KEY-----\n{body}-----END OPENSSH PRIVATE KEY-----\n")


@pytest.mark.parametrize(("kind", "bits"), KINDS)
@pytest.mark.parametrize("passphrase", ["", "geheim"])
def test_key_of_ssh_keygen_opens_and_signs(kind: str, bits: str, passphrase: str) -> None:
    signer = load_signer(str(ssh_keygen(kind, bits, passphrase)), WORD)
    public = read_public_key("key.pub")
    assert signer.public_key == public
    assert public.verify(signer.sign(MESSAGE), MESSAGE)
    assert not public.verify(signer.sign(MESSAGE), MESSAGE + b".")


@pytest.mark.parametrize("cipher", ["aes256-ctr", "aes256-gcm@openssh.com", "aes256-cbc"])
def test_wrong_passphrase_is_told(cipher: str) -> None:
    path = str(ssh_keygen("ed25519", "", "geheim", "-Z", cipher))
    assert load_signer(path, WORD).public_key.keyid
    with pytest.raises(SignatureError, match="the passphrase of 'key' is wrong"):
        load_signer(path, SecretSource(environment="OTHER"))
    with pytest.raises(UsageError, match="'key' is encrypted: give its passphrase"):
        load_signer(path)


def test_key_that_is_not_encrypted_asks_for_nothing() -> None:
    assert load_signer(str(ssh_keygen("ed25519")), SecretSource(environment="NOT_SET_AT_ALL")).public_key.keyid


@pytest.mark.parametrize("passphrase", ["", "geheim"])
def test_damage_anywhere_opens_no_other_key(passphrase: str) -> None:
    path = ssh_keygen("ed25519", "", passphrase, "-a", "1")
    good, key = content(path), load_signer(str(path), WORD).public_key
    for position in range(0, len(good), 7):
        write_content(path, bytes(byte ^ (index == position) for index, byte in enumerate(good)))
        with contextlib.suppress(CustodyError):  # not of what nobody needs, such as the comment
            assert load_signer(str(path), WORD).public_key == key


@pytest.mark.parametrize("passphrase", ["", "geheim"])
def test_key_that_is_cut_off_is_refused(passphrase: str) -> None:
    path = ssh_keygen("ed25519", "", passphrase, "-a", "1")
    good = content(path)
    for length in range(0, len(good), 9):
        write_content(path, good[:length])
        with pytest.raises(CustodyError, match="key"):
            load_signer(str(path), WORD)


@pytest.mark.parametrize("rounds", [0, 1025, 2**32 - 1])
def test_dear_passphrase_is_refused_before_it_is_asked_for(rounds: int) -> None:
    path = ssh_keygen("ed25519", "", "geheim", "-a", "16")
    good = content(path)
    shown = b"\0\0\0\x10"
    assert good.count(shown) >= 2  # how long the salt is, and the rounds behind it
    position = good.index(shown, good.index(shown) + 4)
    write_content(path, good[:position] + rounds.to_bytes(4, "big") + good[position + 4 :])
    with pytest.raises(FormatError, match=f"expected 1 to 1024 rounds of bcrypt, got {rounds}"):
        load_signer(str(path), SecretSource(environment="NOT_SET_AT_ALL"))


def test_rounds_up_to_the_limit_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(ssh_keygen("ed25519", "", "geheim", "-a", "8"))
    monkeypatch.setattr(costs, "MAX_BCRYPT_ROUNDS", 8)
    assert load_signer(path, WORD).public_key.keyid
    monkeypatch.setattr(costs, "MAX_BCRYPT_ROUNDS", 7)
    with pytest.raises(FormatError, match="rounds of bcrypt, got 8"):
        load_signer(path, WORD)


def test_unknown_encryption_and_content_are_refused() -> None:
    path = ssh_keygen("ed25519", "", "geheim", "-a", "1")
    good = content(path)
    for changed, said in (
        (good.replace(b"bcrypt", b"bcrypd"), "encrypted in an unknown way"),
        (good.replace(b"aes256-ctr", b"aes256-cts"), "not supported"),
        (b"something else", "another beginning"),
        (good[:14], "another beginning"),
    ):
        write_content(path, changed)
        with pytest.raises(FormatError, match=said):
            load_signer(str(path), WORD)


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "ecdsa-p384", "ecdsa-p521", "rsa"])
@pytest.mark.parametrize("passphrase", ["", "geheim"])
def test_ssh_keygen_opens_what_was_written(kind: str, passphrase: str) -> None:
    key = generate(kind, bits=2048 if kind == "rsa" else None)
    Path("new").touch(0o600)
    Path("new").write_bytes(write_openssh(key, passphrase.encode() or None))
    command = ["ssh-keygen", "-y", "-f", "new", "-P"]
    shown = subprocess.run([*command, passphrase], check=True, capture_output=True)
    Path("new.pub").write_bytes(shown.stdout)
    assert read_public_key("new.pub") == load_signer("new", WORD).public_key
    if passphrase:
        assert subprocess.run([*command, "other"], check=False, capture_output=True).returncode != 0


def test_key_without_a_form_there_is_refused() -> None:
    with pytest.raises(UsageError, match="OpenSSH has no form for a key of the type ml-dsa"):
        write_openssh(generate("ml-dsa-65"), None)


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(ssh_keygen("ed25519", "", "geheim", "-a", "1"))
    monkeypatch.setitem(sys.modules, "bcrypt", None)
    with pytest.raises(UsageError, match=r"pip install 'custody\[openssh\]'"):
        load_signer(path, WORD)
    with pytest.raises(UsageError, match=r"pip install 'custody\[openssh\]'"):
        write_openssh(generate(), b"geheim")
    Path("plain").write_bytes(write_openssh(generate(), None))
    assert load_signer("plain").public_key.keyid


def test_weak_keys_are_refused() -> None:
    with pytest.raises(FormatError, match="2048 to 16384 bits, got 1024"):
        load_signer(str(ssh_keygen("rsa", "1024")))
