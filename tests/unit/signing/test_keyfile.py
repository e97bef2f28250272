"""Signers over key files: what they sign verifies, also by OpenSSL, and by nobody else's key."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from custody.errors import StoreError, UsageError
from custody.keys.public import PublicKey, key_of_pem
from custody.signing.keyfile import KeySigner, signer_of_file
from custody.signing.keypair import KINDS, KeyPair, generate, write_pair
from custody.signing.signer import Request

MESSAGE = b"what was made of what"


@pytest.fixture(params=[*KINDS])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> KeyPair:
    kind: str = request.param
    key = generate(kind, bits=2048 if kind == "rsa" else None)
    return write_pair(str(tmp_path / kind), key)


def public_of(pair: KeyPair) -> PublicKey:
    return key_of_pem(Path(pair.public_path).read_text(), "pub")


def test_signature_verifies_with_the_public_file(pair: KeyPair) -> None:
    signer = signer_of_file(pair.private_path, Request())
    assert signer.public_key == public_of(pair) == pair.public_key
    assert public_of(pair).verify(signer.sign(MESSAGE), MESSAGE)


def test_signature_of_another_message_or_key_is_rejected(pair: KeyPair) -> None:
    signer = signer_of_file(pair.private_path, Request())
    other = KeySigner(generate(), pair.public_key)  # an ed25519 key that pretends
    assert not public_of(pair).verify(signer.sign(MESSAGE + b"!"), MESSAGE)
    if pair.public_key.keytype == "ed25519":
        assert not public_of(pair).verify(other.sign(MESSAGE), MESSAGE)


@pytest.mark.component("openssl")
@pytest.mark.parametrize("pair", [kind for kind in KINDS if kind != "ml-dsa-65"], indirect=True)  # OpenSSL 3.5 has it
def test_openssl_accepts_the_signature_and_rejects_a_changed_one(pair: KeyPair, tmp_path: Path) -> None:
    signer = signer_of_file(pair.private_path, Request())
    signature = signer.sign(MESSAGE)
    assert openssl_verifies(pair, signature, tmp_path)
    flipped = signature[:-1] + bytes([signature[-1] ^ 1])
    assert not openssl_verifies(pair, flipped, tmp_path)


def openssl_verifies(pair: KeyPair, signature: bytes, directory: Path) -> bool:
    (directory / "message").write_bytes(MESSAGE)
    (directory / "signature").write_bytes(signature)
    options = {
        "ed25519": [],
        "ecdsa-sha2-nistp256": ["-digest", "sha256"],
        "ecdsa-sha2-nistp384": ["-digest", "sha384"],
        "ecdsa-sha2-nistp521": ["-digest", "sha512"],
        "rsassa-pss-sha256": [
            "-digest", "sha256", "-pkeyopt", "rsa_padding_mode:pss", "-pkeyopt", "rsa_pss_saltlen:32",
        ],
    }[pair.public_key.scheme]  # fmt: skip
    command = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", pair.public_path]
    files = ["-in", str(directory / "message"), "-sigfile", str(directory / "signature")]
    return subprocess.run([*command, *files, *options], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("scheme", ["rsassa-pss-sha256", "rsassa-pss-sha384", "rsassa-pss-sha512"])
def test_rsa_signs_by_the_scheme_that_was_asked_for(scheme: str, tmp_path: Path) -> None:
    path = str(tmp_path / "rsa")
    write_pair(path, generate("rsa", bits=2048))
    signer = signer_of_file(path, Request(scheme=scheme))
    signature = signer.sign(MESSAGE)
    assert signer.public_key.scheme == scheme
    assert signer.public_key.verify(signature, MESSAGE)
    for other in {"rsassa-pss-sha256", "rsassa-pss-sha384", "rsassa-pss-sha512"} - {scheme}:
        assert not signer_of_file(path, Request(scheme=other)).public_key.verify(signature, MESSAGE)


@pytest.mark.parametrize("scheme", ["rsassa-pss-sha256", "ed448"])
def test_scheme_of_another_kind_of_key_is_refused(scheme: str, tmp_path: Path) -> None:
    path = str(tmp_path / "alice")
    write_pair(path, generate())
    with pytest.raises(UsageError, match=f"for the scheme ed25519, not for '{scheme}'"):
        signer_of_file(path, Request(scheme=scheme))


@pytest.mark.parametrize(("mode", "remarked"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True)])
def test_key_that_others_can_read_is_remarked(mode: int, remarked: bool, tmp_path: Path) -> None:
    path = tmp_path / "alice"
    write_pair(str(path), generate())
    path.chmod(mode)
    remarks: list[str] = []
    signer_of_file(str(path), Request(remark=remarks.append))
    assert bool(remarks) is remarked
    assert not remarks or f"(mode {mode:04o})" in remarks[0]


def test_signer_does_not_show_its_key(tmp_path: Path) -> None:
    path = tmp_path / "alice"
    write_pair(str(path), generate())
    signer = signer_of_file(str(path), Request())
    assert repr(signer) == f"KeySigner({signer.public_key.keyid})"


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    cases = {"missing": "No such file", ".": "not a regular file", "pipe": "not a regular file"}
    for name, said in cases.items():
        with pytest.raises(StoreError, match=said):
            signer_of_file(str(tmp_path / name), Request())


def test_shell_substitution_is_read_as_a_descriptor(tmp_path: Path) -> None:
    pair = write_pair(str(tmp_path / "alice"), generate())
    reading, writing = os.pipe()
    os.write(writing, (tmp_path / "alice").read_bytes())
    os.close(writing)
    remarks: list[str] = []
    signer = signer_of_file(f"/dev/fd/{reading}", Request(remark=remarks.append))
    os.close(reading)
    assert signer.public_key == pair.public_key
    assert not remarks
