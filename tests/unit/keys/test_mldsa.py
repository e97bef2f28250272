"""ML-DSA-65: signatures of securesystemslib and custody are each other's, and nothing that is changed verifies."""

from __future__ import annotations

import json
import sys
from functools import cache
from hashlib import sha512
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA65PrivateKey
from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer import CryptoSigner, Signature, SSlibKey

from custody.errors import FormatError
from custody.keys import mldsa
from custody.keys.document import read_key, write_key
from custody.keys.pem import spki_of_pem, write_pem
from custody.keys.public import PublicKey, key_of_pem, key_of_spki, make_key
from custody.signing.keyfile import KeySigner, public_key_of
from custody.signing.keypair import generate, write_pair
from custody.signing.private_pem import write_private_key
from custody.signing.secret import SecretSource
from custody.signing.signer import Request

MESSAGE = b"what was made of what"
DER, SPKI = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
MODULE = "cryptography.hazmat.primitives.asymmetric.mldsa"


@cache
def signer() -> KeySigner:
    key = generate("ml-dsa-65")
    return KeySigner(key, public_key_of(key, "pq"))


def allow(_fields: object) -> None:
    """Take unknown fields as they are."""


def theirs(key: PublicKey) -> SSlibKey:
    document = write_key(key)
    return SSlibKey.from_dict(document.pop("keyid"), document)


def test_a_genuine_signature_verifies() -> None:
    key = signer().public_key
    assert (key.keytype, key.scheme) == ("ml-dsa", "ml-dsa-65/1")
    assert key.verify(signer().sign(MESSAGE), MESSAGE)


@pytest.mark.parametrize("message", [b"", MESSAGE + b"\n", MESSAGE.upper(), b"tuf\x01" + sha512(MESSAGE).digest()])
def test_a_signature_over_another_message_is_rejected(message: bytes) -> None:
    assert not signer().public_key.verify(signer().sign(MESSAGE), message)


def test_a_tampered_signature_is_rejected() -> None:
    good = signer().sign(MESSAGE)
    tampered = [b"", b"\0", good[:-1], good + b"\0", b"\0" + good, good[::-1], bytes(len(good)), good * 2]
    tampered += [good[:i] + bytes([good[i] ^ 1]) + good[i + 1 :] for i in (0, len(good) // 2, len(good) - 1)]
    for signature in tampered:
        assert not signer().public_key.verify(signature, MESSAGE)


def test_a_signature_by_another_key_or_of_another_kind_is_rejected() -> None:
    other = generate("ml-dsa-65")
    assert not signer().public_key.verify(KeySigner(other, public_key_of(other, "")).sign(MESSAGE), MESSAGE)
    classical = generate("ed25519")
    assert not signer().public_key.verify(KeySigner(classical, public_key_of(classical, "")).sign(MESSAGE), MESSAGE)
    assert not public_key_of(classical, "").verify(signer().sign(MESSAGE), MESSAGE)


def test_a_signature_over_the_bare_message_is_rejected() -> None:
    """The prefix says what the signature is for, so that no other protocol's can pass for it."""
    key = MLDSA65PrivateKey.generate()
    public = key_of_spki(key.public_key().public_bytes(DER, SPKI), "")
    assert public.verify(key.sign(mldsa.prehashed(MESSAGE)), MESSAGE)
    assert not public.verify(key.sign(MESSAGE), MESSAGE)
    assert not public.verify(key.sign(sha512(MESSAGE).digest()), MESSAGE)
    assert not public.verify(key.sign(mldsa.prehashed(MESSAGE), b"context"), MESSAGE)


def test_securesystemslib_accepts_the_signature_and_rejects_a_changed_one() -> None:
    key, signature = signer().public_key, signer().sign(MESSAGE)
    theirs(key).verify_signature(Signature(key.keyid, signature.hex()), MESSAGE)
    for changed, message in ((signature[:-1] + b"\0", MESSAGE), (signature, MESSAGE + b".")):
        with pytest.raises(UnverifiedSignatureError):
            theirs(key).verify_signature(Signature(key.keyid, changed.hex()), message)


def test_signature_of_securesystemslib_verifies_and_its_twin_does_not() -> None:
    made = CryptoSigner.generate_mldsa(scheme="ml-dsa-65/1")
    document = {**made.public_key.to_dict(), "keyid": made.public_key.keyid}
    key = read_key(document, "", refuse_unknown=allow)
    signature = bytes.fromhex(made.sign(MESSAGE).signature)
    assert key.verify(signature, MESSAGE)
    assert not key.verify(signature, MESSAGE + b".")
    assert key_of_pem(document["keyval"]["public"], "").keyid == made.public_key.keyid
    own = KeySigner.from_pem(made.private_bytes, "theirs", Request())
    assert own.public_key.identity == key.identity


def test_key_is_written_and_read_as_layouts_list_it() -> None:
    key = signer().public_key
    assert read_key(write_key(key), "", refuse_unknown=allow) == key
    assert key_of_pem(write_pem(key.spki), "") == key
    assert json.loads(json.dumps(write_key(key)))["keyval"]["public"].startswith("-----BEGIN PUBLIC KEY-----\n")


@pytest.mark.parametrize(
    ("keytype", "scheme"),
    [
        ("ml-dsa", "ml-dsa-65"),
        ("ml-dsa", "ml-dsa-65/2"),
        ("ml-dsa", "ml-dsa-87/1"),
        ("ml-dsa-65/1", "ml-dsa-65/1"),
        ("ecdsa", "ml-dsa-65/1"),
        ("ed25519", "ml-dsa-65/1"),
    ],
)
def test_other_names_are_refused(keytype: str, scheme: str) -> None:
    with pytest.raises(FormatError, match="is not supported"):
        make_key(keytype=keytype, scheme=scheme, public=signer().public_key.public, where="")


def test_type_and_material_must_go_together() -> None:
    classical = write_pem(public_key_of(generate("ecdsa"), "").spki)
    with pytest.raises(FormatError, match="expected an ML-DSA-65 key in the PEM, got another kind"):
        make_key(keytype="ml-dsa", scheme="ml-dsa-65/1", public=classical, where="")
    with pytest.raises(FormatError, match="expected an ECDSA key"):
        make_key(keytype="ecdsa", scheme="ecdsa-sha2-nistp256", public=signer().public_key.public, where="")
    with pytest.raises(FormatError, match="expected an RSA key"):
        make_key(keytype="rsa", scheme="rsassa-pss-sha256", public=signer().public_key.public, where="")
    other = write_pem(MLDSA44PrivateKey.generate().public_key().public_bytes(DER, SPKI))
    with pytest.raises(FormatError, match="expected an ML-DSA-65 key in the PEM, got another kind"):
        make_key(keytype="ml-dsa", scheme="ml-dsa-65/1", public=other, where="")
    with pytest.raises(FormatError, match="MLDSA44PublicKey is not supported"):
        key_of_pem(other, "")


def test_one_key_has_one_encoding() -> None:
    spki = signer().public_key.spki
    assert mldsa.is_spki(spki)
    for other in (spki[:-1], spki + b"\0", b"\x30\x82\x07\xb4" + spki[4:15] + b"\x05\0" + spki[15:]):
        with pytest.raises(FormatError):
            key_of_pem(write_pem(other), "")


@pytest.mark.parametrize("passphrase", [None, b"geheim"])
def test_private_file_holds_the_key(passphrase: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORD", "geheim")
    key = generate("ml-dsa-65")
    pair = write_pair(str(tmp_path / "pq"), key, passphrase=passphrase)
    opened = KeySigner.from_pem((tmp_path / "pq").read_bytes(), "pq", Request(secret=SecretSource(environment="WORD")))
    assert opened.public_key == pair.public_key == key_of_pem((tmp_path / "pq.pub").read_text(), "")
    assert (tmp_path / "pq").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("kind", [MLDSA44PrivateKey])
def test_private_key_of_another_size_is_refused(kind: type[MLDSA44PrivateKey]) -> None:
    pem = kind.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(FormatError, match="MLDSA44PrivateKey is not supported"):
        KeySigner.from_pem(pem, "pq", Request())


def test_cryptography_without_ml_dsa_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    public = signer().public_key
    monkeypatch.setitem(sys.modules, MODULE, None)
    said = r"an ML-DSA key, which cryptography [0-9.]+ as it is built here cannot use; install a newer one: pip"
    with pytest.raises(FormatError, match=said):
        read_key(write_key(public), "key", refuse_unknown=allow)
    with pytest.raises(FormatError, match=said):
        generate("ml-dsa-65")
    with pytest.raises(FormatError, match=said):
        public.verify(b"", MESSAGE)


def test_cryptography_that_does_not_know_the_algorithm_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before version 48 its parsers refuse the algorithm; here they are made to."""
    from cryptography.exceptions import UnsupportedAlgorithm

    def refuse(*_: object, **__: object) -> None:
        raise UnsupportedAlgorithm("Unknown key type: 2.16.840.1.101.3.4.3.18")

    private, public = write_private_key(generate("ml-dsa-65"), None), write_pem(signer().public_key.spki)
    assert spki_of_pem(public, "") == signer().public_key.spki
    monkeypatch.setitem(sys.modules, MODULE, None)
    for parser in ("load_der_public_key", "load_pem_private_key", "load_der_private_key"):
        monkeypatch.setattr(serialization, parser, refuse)
    with pytest.raises(FormatError, match=r"pq\.pub: an ML-DSA key, which cryptography .*'custody\[post-quantum\]'"):
        key_of_pem(public, "pq.pub")
    with pytest.raises(FormatError, match=r"pq: an ML-DSA key, which cryptography .*'custody\[post-quantum\]'"):
        KeySigner.from_pem(private, "pq", Request())
