"""Tests of the boundary of signers: custody's sign for both libraries, and passwords belong to encrypted keys only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives import serialization
from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer._crypto_signer import CryptoSigner
from securesystemslib.signer._signature import Signature as TheirSignature

from custody.signing.keyfile import KeySigner as CoreSigner
from in_toto._boundary.signing import (
    GPGSignature,
    GPGSigner,
    Signature,
    gpg_signer,
    is_signer,
    load_signer,
)
from in_toto.exceptions import FormatError
from in_toto.models import _signer
from tests.openpgp import GPGHome, gpg_home

PASSWORD = b"hunter2"

SIGNERS = {
    "ed25519": CryptoSigner.generate_ed25519(),
    "ecdsa": CryptoSigner.generate_ecdsa(),
    "rsa": CryptoSigner.generate_rsa(),
}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with a key of each kind, `KIND` plain and `KIND.enc` encrypted."""
    directory = tmp_path_factory.mktemp("keys")
    for kind, signer in SIGNERS.items():
        (directory / kind).write_bytes(signer.private_bytes)
        private = serialization.load_pem_private_key(signer.private_bytes, None)
        encrypted = private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(PASSWORD),
        )
        (directory / f"{kind}.enc").write_bytes(encrypted)
    return directory


@pytest.mark.parametrize("kind", SIGNERS)
@pytest.mark.parametrize("password", [None, PASSWORD])
def test_a_key_in_a_file_signs_for_securesystemslib(kind: str, password: bytes | None, keys: Path) -> None:
    path = keys / (kind if password is None else f"{kind}.enc")
    signer = load_signer(path, password)
    theirs = SIGNERS[kind].public_key
    signature = signer.sign(b"content")
    assert (signature.keyid, signer.public_key.keyid) == (theirs.keyid, theirs.keyid)
    theirs.verify_signature(TheirSignature.from_dict(signature.to_dict()), b"content")
    signer.public_key.verify_signature(signature, b"content")
    with pytest.raises(UnverifiedSignatureError):
        theirs.verify_signature(TheirSignature.from_dict(signature.to_dict()), b"c0ntent")
    assert signer.public_key.to_dict() == theirs.to_dict()
    assert isinstance(signer.custody, CoreSigner)
    assert is_signer(signer)
    assert repr(signer) == f"KeySigner({theirs.keyid})"


def test_the_name_that_scripts_use_loads_the_same_signer(keys: Path) -> None:
    signer = _signer.load_crypto_signer_from_pkcs8_file(str(keys / "rsa.enc"), PASSWORD)
    assert signer.public_key.keyid == SIGNERS["rsa"].public_key.keyid


def test_a_password_is_for_an_encrypted_key_and_the_right_one(keys: Path) -> None:
    assert load_signer(str(keys / "rsa.enc"), PASSWORD).public_key.keytype == "rsa"
    with pytest.raises(TypeError, match="Password was given but private key is not encrypted"):
        load_signer(str(keys / "rsa"), PASSWORD)
    with pytest.raises(TypeError, match="Password was given but private key is not encrypted"):
        load_signer(str(keys / "ed25519"), b"")
    with pytest.raises(TypeError, match="Password was not given but private key is encrypted"):
        load_signer(str(keys / "rsa.enc"))
    with pytest.raises(ValueError, match="passphrase"):
        load_signer(str(keys / "rsa.enc"), b"wrong")


def test_what_is_no_private_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "none").write_text("none")
    with pytest.raises(ValueError, match="expected a private key"):
        load_signer(str(tmp_path / "none"))
    with pytest.raises(FileNotFoundError):
        load_signer(str(tmp_path / "missing"))
    with pytest.raises(ValueError, match="which PKCS #11 module"):
        load_signer("hsm:1")


def test_a_key_may_come_from_elsewhere(keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", (keys / "ecdsa").read_text())
    assert load_signer("env:KEY").public_key.keyid == SIGNERS["ecdsa"].public_key.keyid


def test_signatures_are_what_securesystemslib_makes_of_them() -> None:
    entry = {"keyid": "ab", "sig": "cd", "cert": "mine"}
    ours, theirs = Signature.from_dict(entry), TheirSignature.from_dict(dict(entry))
    assert ours == theirs
    assert ours.to_dict() == theirs.to_dict() == entry
    assert ours != TheirSignature("ab", "ce")
    assert ours != entry
    assert repr(ours) == "Signature(ab, cd)"
    assert {ours: 1}[Signature.from_dict(entry)] == 1
    with pytest.raises(KeyError):
        Signature.from_dict({"keyid": "ab"})


def test_a_gpg_signature_has_its_own_form() -> None:
    entry = {"keyid": "ab", "signature": "cd", "other_headers": "ef"}
    assert GPGSignature.from_dict(entry).to_dict() == entry
    assert GPGSignature.from_dict(entry) != Signature("ab", "cd")
    with pytest.raises(KeyError):
        GPGSignature.from_dict({"keyid": "ab", "signature": "cd"})


def test_whatever_signs_and_has_a_key_is_a_signer() -> None:
    class Shy:
        @property
        def public_key(self) -> None:
            raise NotImplementedError

        def sign(self) -> None: ...

    assert is_signer(SIGNERS["rsa"])
    assert is_signer(Shy())
    assert is_signer(SimpleNamespace(sign=print, public_key=None))
    for other in (None, "signer", object(), SimpleNamespace(sign=print), SimpleNamespace(sign=1, public_key=1)):
        assert not is_signer(other)


@pytest.fixture(scope="module")
def home() -> Iterator[GPGHome]:
    with gpg_home("a home") as made:
        made.generate("alice", "ed25519")
        made.add(made.fingerprints("<alice@example.com>")[0], "rsa2048")
        yield made


@pytest.mark.component("gpg")
def test_a_gpg_key_signs_under_the_id_of_its_subkey(home: GPGHome) -> None:
    primary, subkey = home.fingerprints("<alice@example.com>")
    signer = gpg_signer(primary, home.path)
    signature = signer.sign(b"content")
    assert isinstance(signature, GPGSignature)
    assert (signature.keyid, signer.public_key.keyid) == (subkey, primary)
    signer.public_key.verify_signature(signature, b"content")
    with pytest.raises(UnverifiedSignatureError):
        signer.public_key.verify_signature(signature, b"c0ntent")
    assert is_signer(signer)
    assert repr(signer) == f"GPGSigner({primary})"
    assert GPGSigner(homedir=home.path).public_key == signer.public_key


@pytest.mark.component("gpg")
def test_a5_what_is_no_key_id_never_reaches_gpg(home: GPGHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    primary = home.fingerprints("<alice@example.com>")[0]
    with pytest.raises(FormatError, match="hex string"):
        gpg_signer(f"{primary} --output INJECTED", home.path)
    assert os.listdir() == []
    with pytest.raises(ValueError, match="00000000"):
        gpg_signer("00000000", home.path)
