"""OpenSSH's public keys are read and written; everything else that begins like one is named."""

from __future__ import annotations

import base64
import hashlib
import subprocess
from pathlib import Path

import pytest

from custody.errors import FormatError
from custody.keys.openssh import spki_of_line, write_line
from custody.keys.public import key_of_spki
from custody.signing.keyfile import public_key_of
from custody.signing.keypair import generate
from custody.workflows.keys import read_public_key

KINDS = ["ed25519", "ecdsa", "ecdsa-p384", "ecdsa-p521", "rsa"]


def line_of(kind: str = "ed25519") -> tuple[bytes, bytes]:
    """Return a public key and its line."""
    spki = public_key_of(generate(kind, bits=2048 if kind == "rsa" else None), "").spki
    line = write_line(spki)
    assert line is not None
    return spki, line


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_is_read(kind: str) -> None:
    spki, line = line_of(kind)
    assert spki_of_line(line, "") == spki
    for more in (b" me@here", b" a comment of words", " für mich".encode()):
        assert spki_of_line(b"\n  " + line.strip() + more + b"\r\n\n", "") == spki


@pytest.mark.component("ssh-keygen")
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "ed25519"])  # it exports no such key
def test_ssh_keygen_has_the_same_key_in_pem(kind: str, tmp_path: Path) -> None:
    spki, line = line_of(kind)
    (tmp_path / "key.pub").write_bytes(line)
    command = ["ssh-keygen", "-e", "-m", "PKCS8", "-f", str(tmp_path / "key.pub")]
    shown = subprocess.run(command, check=True, capture_output=True)
    (tmp_path / "key.pem").write_bytes(shown.stdout)
    assert (
        read_public_key(str(tmp_path / "key.pem"))
        == read_public_key(str(tmp_path / "key.pub"))
        == key_of_spki(spki, "")
    )


@pytest.mark.component("ssh-keygen")
@pytest.mark.parametrize("kind", KINDS)
def test_ssh_keygen_knows_the_line_that_is_written(kind: str, tmp_path: Path) -> None:
    _, line = line_of(kind)
    (tmp_path / "key.pub").write_bytes(line)
    shown = subprocess.run(["ssh-keygen", "-l", "-f", str(tmp_path / "key.pub")], check=True, capture_output=True)
    fingerprint = base64.b64encode(hashlib.sha256(base64.b64decode(line.split()[1])).digest()).decode().rstrip("=")
    assert f"SHA256:{fingerprint}" in shown.stdout.decode()


def test_kind_without_a_form_there_is_none() -> None:
    assert write_line(public_key_of(generate("ml-dsa-65"), "").spki) is None


def test_another_key_is_another_key() -> None:
    spki, line = line_of()
    kind, body, *_ = line.split()
    raw = base64.b64decode(body)
    other = spki_of_line(kind + b" " + base64.b64encode(raw[:-1] + bytes([raw[-1] ^ 1])), "")
    assert other != spki


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"", "expected one OpenSSH public key on one line"),
        (b"{}\n{}", "expected one OpenSSH public key on one line; give a file for each key"),
        (b"ssh-ed25519", "not an OpenSSH public key"),
        (b"ssh-ed25519 ", "not an OpenSSH public key"),
        (b"ssh-ed25519 AAAA me", "not an OpenSSH public key"),
        (b"ssh-ed25519 ?", "not an OpenSSH public key"),
        (b"ssh-rsa-cert-v01@openssh.com AAAA", "got an OpenSSH certificate"),
        (b"ssh-ed25519-cert-v01@openssh.com AAAA", "got an OpenSSH certificate"),
        (b"sk-ssh-ed25519@openssh.com AAAA", "got an OpenSSH key in hardware"),
        (b"ssh-dss AAAA", "got a DSA key"),
        (b"ssh-mldsa65 AAAA", "the kind 'ssh-mldsa65' is not supported"),
        (b"ssh-\xff AAAA", "is not supported"),
        (b"x" * 65537, "expected one OpenSSH public key on one line"),
    ],
)
def test_what_is_no_key_is_named(line: bytes, said: str) -> None:
    text = line.replace(b"{}", line_of()[1].strip())
    with pytest.raises(FormatError) as raised:
        spki_of_line(text, "alice.pub")
    assert str(raised.value).startswith("alice.pub: ")
    assert said in str(raised.value)


def test_kind_in_front_must_be_the_key_s() -> None:
    _, line = line_of("ecdsa")
    with pytest.raises(FormatError, match="not an OpenSSH public key"):
        spki_of_line(line.replace(b"nistp256 ", b"nistp384 ", 1), "")


def test_line_that_is_cut_off_is_no_key() -> None:
    _, line = line_of("rsa")
    for length in range(8, len(line) - 1, 11):
        with pytest.raises(FormatError):
            spki_of_line(line[:length], "")


@pytest.mark.parametrize("raw", [bytes(32), b"\x01" + bytes(31)])
def test_weak_key_is_refused(raw: bytes, tmp_path: Path) -> None:
    blob = b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + raw
    (tmp_path / "weak.pub").write_bytes(b"ssh-ed25519 " + base64.b64encode(blob))
    with pytest.raises(FormatError, match="weak"):
        read_public_key(str(tmp_path / "weak.pub"))


def test_scheme_is_for_rsa(tmp_path: Path) -> None:
    for kind in ("rsa", "ed25519"):
        (tmp_path / kind).write_bytes(line_of(kind)[1])
    assert read_public_key(str(tmp_path / "rsa"), scheme="rsassa-pss-sha512").scheme == "rsassa-pss-sha512"
    with pytest.raises(FormatError, match="for the scheme ed25519"):
        read_public_key(str(tmp_path / "ed25519"), scheme="rsassa-pss-sha512")
