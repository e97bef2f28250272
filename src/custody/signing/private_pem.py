"""Private keys as PEM (RFC 7468): found in a file, told apart from what else people hand over, and opened.

PKCS8, encrypted or not, and the older `RSA PRIVATE KEY` and `EC PRIVATE KEY` are opened here; OpenSSH's, cosign's and
in-toto 1.x' own forms are handed on. Everything else that looks like a key is refused with what to do instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.encoding.text import from_base64
from custody.errors import FormatError, SignatureError
from custody.keys.pem import MAX_PEM_BYTES
from custody.value import Value

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from custody.signing.private_key import PrivateKey
    from custody.signing.secret import SecretSource

__all__ = ["COSIGN_VARIABLE", "MAX_KEY_BYTES", "is_cosign", "read_private_key", "write_private_key"]

COSIGN_VARIABLE = "COSIGN_PASSWORD"
"""What opens cosign's keys where no passphrase is given otherwise."""

MAX_KEY_BYTES = MAX_PEM_BYTES
"""The largest private key that is read; an RSA key of 16384 bits has 13 KB."""

_BEGIN, _END = "-----BEGIN ", "-----END "
_DASHES = "-----"

_PLAIN = frozenset({"PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"})
_ENCRYPTED = "ENCRYPTED PRIVATE KEY"
_OPENSSH = "OPENSSH PRIVATE KEY"
_COSIGN = frozenset({"ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY"})
_PRIVATE = _PLAIN | _COSIGN | {_ENCRYPTED, _OPENSSH}

_NEED_PRIVATE = "give the private key, the file without '.pub'"
_INSTEAD = {
    "PUBLIC KEY": ("a public key", _NEED_PRIVATE),
    "RSA PUBLIC KEY": ("a public key", _NEED_PRIVATE),
    "CERTIFICATE": ("a certificate", "sign with the private key that belongs to it"),
    "CERTIFICATE REQUEST": ("a certificate request", "sign with the private key that belongs to it"),
    "PGP PRIVATE KEY BLOCK": ("an OpenPGP key", "import it (gpg --import), and sign with gpg:FINGERPRINT"),
    "PGP PUBLIC KEY BLOCK": ("an OpenPGP public key", "sign with gpg:FINGERPRINT"),
    "DSA PRIVATE KEY": ("a DSA key", "make an ed25519 key with `custody keygen`"),
}

_ED25519_PREFIX = bytes.fromhex("302e020100300506032b657004220420")
"""The DER of an Ed25519 key in PKCS8 up to its 32 bytes (RFC 8410, section 7)."""

_ED25519_BYTES = 48


class _Block(Value):
    """One block of a PEM file: its label, the text between the lines, and all of it."""

    label: str
    body: str
    text: str

    @property
    def encrypted(self) -> bool:
        return self.label == _ENCRYPTED or "Proc-Type: 4,ENCRYPTED" in self.body


def read_private_key(data: bytes, name: str, secret: SecretSource) -> PrivateKey:
    """Return the private key in the PEM `data`; `secret` is asked only if it is encrypted.

    Raises:
        FormatError: there is no whole private key in it, or one of a kind that is not supported.
        SignatureError: the passphrase is wrong.
        UsageError: it is encrypted and there is no passphrase.

    """
    text = _text(data, name)
    if text.lstrip().startswith("{") or ("@@@@" in text and _BEGIN not in text):
        from custody.signing.legacy_key import read_legacy  # few files are of this form

        return read_legacy(text, name, secret, lambda pem: _read_block(_private_block(pem, name), name, secret))
    return _read_block(_private_block(text, name), name, secret)


def is_cosign(data: bytes) -> bool:
    """Return whether the PEM `data` is a key as cosign writes it."""
    return any(f"{_BEGIN}{label}{_DASHES}".encode() in data for label in _COSIGN)


def write_private_key(key: PrivateKey, passphrase: bytes | None) -> bytes:
    """Return `key` as PKCS8 PEM, encrypted if there is a passphrase."""
    from cryptography.hazmat.primitives import serialization  # slow import

    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase is not None:
        encryption = serialization.BestAvailableEncryption(passphrase)
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def _text(data: bytes, name: str) -> str:
    if len(data) > MAX_KEY_BYTES:
        raise FormatError(f"expected a key of at most {MAX_KEY_BYTES} bytes, got more", where=name)
    if data.startswith((b"0\x82", b"0.")):
        raise FormatError(
            "expected a private key as PEM text, got what looks like DER",
            where=name,
            remedy="convert it: openssl pkey -inform DER -in DER_FILE -out PEM_FILE",
        )
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise FormatError("expected a private key as PEM text, got bytes", where=name) from None


def _private_block(text: str, name: str) -> _Block:
    """Return the one private key among the blocks; parameters or a certificate beside it do not matter."""
    blocks = _blocks(text, name)
    private = [block for block in blocks if block.label in _PRIVATE]
    if len(private) == 1:
        return private[0]
    if private:
        raise FormatError(f"expected one private key, got {len(private)}", where=name)
    for block in blocks:
        found, remedy = _INSTEAD.get(block.label, (f"'{block.label}'", "give a PKCS8 PEM file"))
        raise FormatError(f"expected a private key, got {found}", where=name, remedy=remedy)
    raise _no_pem(text, name)


def _blocks(text: str, name: str) -> list[_Block]:
    blocks = []
    start = text.find(_BEGIN)
    while start >= 0:
        label_end = text.find(_DASHES, start + len(_BEGIN))
        label = text[start + len(_BEGIN) : label_end]
        end_line = f"{_END}{label}{_DASHES}"
        end = text.find(end_line, label_end)
        if label_end < 0 or "\n" in label or end < 0:
            raise FormatError(
                f"cut off: '-----BEGIN {label.splitlines()[0] if label else ''}-----' has no end",
                where=name,
                remedy="copy the whole file again",
            )
        stop = end + len(end_line)
        body = text[label_end + len(_DASHES) : end]
        blocks.append(_Block(label=label, body=body, text=f"{text[start:stop]}\n"))
        start = text.find(_BEGIN, stop)
    return blocks


def _no_pem(text: str, name: str) -> FormatError:
    stripped = text.strip()
    if not stripped:
        return FormatError("expected a private key, got an empty file", where=name)
    if stripped.startswith(("ssh-", "ecdsa-sha2-", "sk-")):
        found, remedy = "an OpenSSH public key", _NEED_PRIVATE
    else:
        found, remedy = "something else", "the file begins with '-----BEGIN PRIVATE KEY-----'"
    return FormatError(f"expected a private key in PEM, got {found}", where=name, remedy=remedy)


def _plain_ed25519(der: bytes) -> Ed25519PrivateKey | None:
    """Return the key if `der` is the usual form of one: most keys are, and need no slow import."""
    if len(der) != _ED25519_BYTES or not der.startswith(_ED25519_PREFIX):
        return None
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # only who signs pays
        Ed25519PrivateKey,
    )

    return Ed25519PrivateKey.from_private_bytes(der[len(_ED25519_PREFIX) :])


def _read_block(block: _Block, name: str, secret: SecretSource) -> PrivateKey:
    if block.label == "PRIVATE KEY":
        key = _plain_ed25519(from_base64("".join(block.body.split()), name))
        if key is not None:
            return key
    if block.label == _OPENSSH or block.label in _COSIGN:
        return _foreign(block, name, secret)
    if block.label == _ENCRYPTED:
        from custody.signing.costs import check_pkcs8  # only encrypted keys cost something

        check_pkcs8(from_base64("".join(block.body.split()), name), name)
    passphrase = secret.of(repr(name)) if block.encrypted else None
    return _open(block, name, passphrase)


def _foreign(block: _Block, name: str, secret: SecretSource) -> PrivateKey:
    """Return the key in a form of another tool's."""
    data = from_base64("".join(block.body.split()), name)
    if block.label in _COSIGN:
        from custody.signing.cosign_key import read_cosign  # few files are of these forms

        return read_cosign(data, name, secret)
    from custody.signing.openssh import read_openssh

    return read_openssh(data, block.text, name, secret)


def _open(block: _Block, name: str, passphrase: bytes | None) -> PrivateKey:
    from cryptography.exceptions import UnsupportedAlgorithm  # slow imports
    from cryptography.hazmat.primitives import serialization

    from custody.keys import mldsa
    from custody.signing.private_key import supported

    try:
        key = serialization.load_pem_private_key(block.text.encode(), passphrase)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        if mldsa.is_named_in(str(error)):
            raise mldsa.unavailable(name) from None
        if isinstance(error, UnsupportedAlgorithm):
            raise FormatError(f"not supported: {error}", where=name) from None
        if passphrase is None:
            raise FormatError(f"not a private key: {error}", where=name) from None
        if "password" in str(error).lower():
            raise SignatureError(f"the passphrase of {name!r} is wrong") from None
        raise SignatureError(f"the passphrase of {name!r} is wrong, or the file is damaged: {error}") from None
    return supported(key, name)
