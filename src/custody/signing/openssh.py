"""Private keys as ssh-keygen writes them (PROTOCOL.key of OpenSSH): Ed25519, ECDSA and RSA, encrypted or not.

Encrypted ones need bcrypt, the extra `openssh`. Keys in hardware (`sk-...`) sign something else than a message, so
they are refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.encoding.text import from_base64
from custody.errors import FormatError, SignatureError, UsageError
from custody.keys.schemes import MLDSA
from custody.signing.costs import check_bcrypt
from custody.signing.private_key import supported

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.serialization import KeySerializationEncryption

    from custody.signing.private_key import PrivateKey
    from custody.signing.secret import SecretSource

__all__ = ["read_openssh", "refuse_other_kinds", "write_openssh"]

_MAGIC = b"openssh-key-v1\0"
_WORD = 4
_ROUNDS = 24
"""What ssh-keygen takes by default since OpenSSH 9.4."""


def read_openssh(der: bytes, text: str, name: str, secret: SecretSource) -> PrivateKey:
    """Return the key in the PEM `text`, whose content is `der`; `secret` is asked only if it is encrypted.

    Raises:
        FormatError: it is malformed, of a kind that does not sign, or its passphrase is too dear to try.
        SignatureError: the passphrase is wrong.
        UsageError: it is encrypted, and there is no passphrase, or no bcrypt.

    """
    passphrase = None
    if _is_encrypted(der, name):
        _require_bcrypt()
        passphrase = secret.of(repr(name))
    from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm  # slow imports
    from cryptography.hazmat.primitives import serialization

    try:
        key = supported(serialization.load_ssh_private_key(text.encode(), passphrase), name)
    except UnsupportedAlgorithm as error:
        raise FormatError(f"an OpenSSH private key that is not supported: {error}", where=name) from None
    except (ValueError, TypeError, NotImplementedError, InvalidTag) as error:
        if passphrase is None:
            raise FormatError(f"not an OpenSSH private key: {error}", where=name) from None
        raise SignatureError(f"the passphrase of {name!r} is wrong, or the file is damaged") from None
    _refuse_another(key, der, name)
    return key


def write_openssh(key: PrivateKey, passphrase: bytes | None) -> bytes:
    """Return `key` in OpenSSH's form, encrypted if there is a passphrase.

    Raises:
        UsageError: OpenSSH has no form for this kind of key, or bcrypt is missing.

    """
    from cryptography.hazmat.primitives import serialization  # slow import

    refuse_other_kinds(key, encrypted=passphrase is not None)
    form = serialization.PrivateFormat.OpenSSH
    encryption: KeySerializationEncryption = serialization.NoEncryption()
    if passphrase is not None:
        encryption = form.encryption_builder().kdf_rounds(_ROUNDS).build(passphrase)
    return key.private_bytes(serialization.Encoding.PEM, form, encryption)


def refuse_other_kinds(key: PrivateKey, *, encrypted: bool) -> None:
    """Refuse what `write_openssh` cannot write."""
    from custody.signing.keyfile import public_key_of  # it reads keys by this module

    kind = public_key_of(key, "the key").keytype
    if kind == MLDSA:
        raise UsageError(f"OpenSSH has no form for a key of the type {kind}; write --to private-pem")
    if encrypted:
        _require_bcrypt()


def _is_encrypted(der: bytes, name: str) -> bool:
    """Return whether a passphrase is needed; one that is too dear to try is refused."""
    if not der.startswith(_MAGIC):
        raise FormatError("not an OpenSSH private key: it has another beginning", where=name)
    cipher, rest = _string(der[len(_MAGIC) :], name)
    function, rest = _string(rest, name)
    options, _ = _string(rest, name)
    if cipher == b"none":
        return False
    if function != b"bcrypt":
        raise FormatError("an OpenSSH private key that is encrypted in an unknown way", where=name)
    _, rounds = _string(options, name)
    check_bcrypt(int.from_bytes(rounds[:_WORD], "big"), name)
    return True


def _refuse_another(key: PrivateKey, der: bytes, name: str) -> None:
    """Refuse a key that is not the one beside which it stands, as a flipped bit makes it: the parser does not."""
    from cryptography.hazmat.primitives import serialization  # slow import

    line = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    rest = der[len(_MAGIC) :]
    for _ in range(3):  # cipher, function, options
        _, rest = _string(rest, name)
    beside, _ = _string(rest[_WORD:], name)
    if from_base64(line.split()[1].decode(), name) != beside:
        raise FormatError("the private key belongs to another public key than the one in it", where=name)


def _string(data: bytes, name: str) -> tuple[bytes, bytes]:
    """Return the string that `data` begins with, and what follows it."""
    end = _WORD + int.from_bytes(data[:_WORD], "big")
    if len(data) < max(end, _WORD):
        raise FormatError("not an OpenSSH private key: it is cut off", where=name)
    return data[_WORD:end], data[end:]


def _require_bcrypt() -> None:
    try:
        import bcrypt  # noqa: F401  # pyca/cryptography takes it
    except ImportError:
        raise UsageError("encrypted OpenSSH keys need an extra: pip install 'custody[openssh]'") from None
