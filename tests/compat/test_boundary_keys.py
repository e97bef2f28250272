"""Tests of the boundary of keys: one key in three forms is one key, and what is none is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from securesystemslib.exceptions import UnverifiedSignatureError, VerificationError
from securesystemslib.signer._crypto_signer import CryptoSigner
from securesystemslib.signer._signature import Signature

from custody.keys.document import write_key
from custody.keys.openpgp import OpenPGPKey
from in_toto._boundary.keys import Key, export_gpg_keys, key_document, load_public_key_from_file, public_key_of
from in_toto._boundary.signing import GPGSignature
from in_toto.exceptions import FormatError
from in_toto.models import _signer
from tests.openpgp import GPGHome, Maker, gpg_home

if TYPE_CHECKING:
    from pathlib import Path

SIGNERS = {
    "ed25519": CryptoSigner.generate_ed25519(),
    "ecdsa": CryptoSigner.generate_ecdsa(),
    "rsa": CryptoSigner.generate_rsa(),
}


def document_of(signer: CryptoSigner) -> dict[str, Any]:
    return {**signer.public_key.to_dict(), "keyid": signer.public_key.keyid}


@pytest.mark.parametrize("kind", SIGNERS)
def test_a_key_of_securesystemslib_its_document_and_custodys_are_one(kind: str) -> None:
    theirs = SIGNERS[kind].public_key
    key = public_key_of(theirs)
    assert key_document(key) == document_of(SIGNERS[kind])
    assert public_key_of(document_of(SIGNERS[kind])) == public_key_of(Key(key)) == key
    ours = Key(key)
    assert (ours.keyid, ours.keytype, ours.scheme, ours.keyval) == (
        theirs.keyid,
        theirs.keytype,
        theirs.scheme,
        theirs.keyval,
    )
    assert ours.to_dict() == theirs.to_dict()
    assert {ours: 1}[Key(key)] == 1
    assert repr(ours) == f"Key({theirs.keyid})"


@pytest.mark.parametrize("kind", SIGNERS)
def test_a_key_verifies_its_signatures_and_no_others(kind: str) -> None:
    signature = SIGNERS[kind].sign(b"content")
    key = Key(public_key_of(SIGNERS[kind].public_key))
    key.verify_signature(signature, b"content")
    for bad, content in (
        (signature, b"c0ntent"),
        (Signature(signature.keyid, "00" * 64), b"content"),
        (Signature(signature.keyid, "xyz"), b"content"),
        (GPGSignature(signature.keyid, signature.signature, "04"), b"content"),
        (None, b"content"),
    ):
        with pytest.raises(UnverifiedSignatureError):
            key.verify_signature(bad, content)


def test_what_is_harmless_in_a_key_is_taken_and_what_may_restrict_it_is_not() -> None:
    document = document_of(SIGNERS["ed25519"])
    keyval = document["keyval"]
    harmless = {**document, "keyid_hash_algorithms": ["sha256"], "keyval": {**keyval, "private": ""}}
    assert public_key_of(harmless) == public_key_of(document)
    malformed: list[object] = [
        {**document, "only": "on Sundays"},
        {**document, "keyval": {**keyval, "certificate": "mine"}},
        {**document, "keyval": {**keyval, "private": "ab"}},
        {**document, "keytype": "ml-dsa", "scheme": "ml-dsa-65/1"},
        {**document, "keyval": {"public": "ab"}},
        {**document, "keyid": "../ab"},
        {"keyid": "ab"},
        [],
        None,
        "ab",
    ]
    for bad in malformed:
        with pytest.raises(FormatError):
            public_key_of(bad)


@pytest.mark.parametrize("kind", SIGNERS)
def test_a_key_file_is_what_the_reference_makes_of_it(kind: str, tmp_path: Path) -> None:
    private = serialization.load_pem_private_key(SIGNERS[kind].private_bytes, None)
    pem = private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "key.pub").write_bytes(pem)
    assert load_public_key_from_file(tmp_path / "key.pub") == document_of(SIGNERS[kind])
    assert _signer.load_public_key_from_file(str(tmp_path / "key.pub")) == document_of(SIGNERS[kind])
    (tmp_path / "key").write_bytes(SIGNERS[kind].private_bytes)
    with pytest.raises(ValueError, match="private"):
        load_public_key_from_file(tmp_path / "key")


def test_what_is_no_key_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    (tmp_path / "weak").write_bytes(
        rsa.generate_private_key(65537, 1024)  # noqa: S505  # the point
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    for name, says in (("bytes", "PEM"), ("weak", "2048")):
        with pytest.raises(ValueError, match=says):
            load_public_key_from_file(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        load_public_key_from_file(tmp_path / "missing")


def test_an_openpgp_key_is_a_document_of_its_own_form() -> None:
    alice = Maker("alice")
    document = key_document(alice.key)
    assert document == write_key(alice.key) == Key(alice.key).to_dict()
    assert document["method"] == "pgp+eddsa-ed25519"
    assert public_key_of(document) == alice.key
    entry = alice.sign(b"content").entry()
    Key(alice.key).verify_signature(GPGSignature(**entry), b"content")
    with pytest.raises(UnverifiedSignatureError):
        Key(alice.key).verify_signature(GPGSignature(**entry), b"c0ntent")


def test_an_expired_openpgp_key_verifies_nothing() -> None:
    alice = Maker("alice")
    signature = GPGSignature(**alice.sign(b"content").entry())
    Key(alice.key).verify_signature(signature, b"content")
    with pytest.raises(VerificationError, match="expired"):
        Key(alice.key.replace(validity=1)).verify_signature(signature, b"content")


@pytest.fixture(scope="module")
def home() -> Iterator[GPGHome]:
    with gpg_home("a home") as made:
        made.generate("alice", "ed25519")
        made.add(made.fingerprints("<alice@example.com>")[0], "rsa2048")
        yield made


@pytest.mark.component("gpg")
def test_keys_of_a_keyring_are_exported_under_their_primary_keys(home: GPGHome) -> None:
    primary, subkey = home.fingerprints("<alice@example.com>")
    for keyid in (primary, subkey):
        exported = export_gpg_keys([keyid], home.path)
        assert list(exported) == [primary]
        assert list(exported[primary]["subkeys"]) == [subkey]
        assert isinstance(public_key_of(exported[primary]), OpenPGPKey)
    with pytest.raises(ValueError, match="00000000"):
        export_gpg_keys(["00000000"], home.path)
    with pytest.raises(FormatError):
        export_gpg_keys([f"{primary} --output x"], home.path)
