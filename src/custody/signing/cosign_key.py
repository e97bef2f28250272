"""cosign's private keys: PKCS8 in a box of NaCl (XSalsa20 and Poly1305) under a passphrase that scrypt stretches.

The file is PEM around JSON::

    {"kdf": {"name": "scrypt", "params": {"N": 65536, "r": 8, "p": 1}, "salt": "base64"},
     "cipher": {"name": "nacl/secretbox", "nonce": "base64"}, "ciphertext": "base64"}

It is always encrypted, though the passphrase may be empty, and needs PyNaCl, the extra `cosign`. Where no passphrase is
given otherwise, the variable `COSIGN_PASSWORD` holds it, as for cosign itself.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from custody.encoding.fields import Fields
from custody.encoding.strict import read_json, write_json
from custody.encoding.text import from_base64, to_base64
from custody.errors import FormatError, SignatureError, UsageError
from custody.signing.costs import check_scrypt
from custody.signing.private_key import key_of_pkcs8
from custody.signing.private_pem import COSIGN_VARIABLE
from custody.signing.secret import MAX_PASSPHRASE_BYTES

if TYPE_CHECKING:
    from nacl.secret import SecretBox

    from custody.signing.private_key import PrivateKey
    from custody.signing.secret import SecretSource

__all__ = ["read_cosign", "refuse_other_kinds", "write_cosign"]

_N, _R, _P = 65536, 8, 1
"""What cosign writes."""

_SALT_BYTES = 32
_LINE = 64


def read_cosign(payload: bytes, name: str, secret: SecretSource) -> PrivateKey:
    """Return the key in the JSON `payload` of cosign's PEM.

    Raises:
        FormatError: it is malformed, its passphrase is too dear to try, or it holds a kind of key that does not sign.
        SignatureError: the passphrase is wrong.
        UsageError: there is no passphrase, or no PyNaCl.

    """
    try:
        document = Fields(read_json(payload))
        salt, (n, r, p) = _function(document)
        nonce, ciphertext = _cipher(document)
    except FormatError as error:
        raise FormatError(f"not a cosign key: {error}", where=name) from None
    check_scrypt(n, r, p, name)
    _require_nacl()
    from nacl.exceptions import CryptoError

    passphrase = _passphrase(name, secret)
    try:
        der = _box(passphrase, salt, (n, r, p)).decrypt(ciphertext, nonce)
    except ValueError as error:  # of scrypt, or of a length that the box does not have
        raise FormatError(f"not a cosign key: {error}", where=name) from None
    except CryptoError:
        raise SignatureError(f"the passphrase of {name!r} is wrong, or the file is damaged") from None
    return key_of_pkcs8(der, name)


def write_cosign(key: PrivateKey, passphrase: bytes) -> bytes:
    """Return `key` as cosign writes it, encrypted under `passphrase`.

    Raises:
        UsageError: cosign would sign with this kind of key in another way, or PyNaCl is missing.

    """
    from cryptography.hazmat.primitives import serialization  # slow import

    refuse_other_kinds(key)
    der = key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    salt = os.urandom(_SALT_BYTES)
    sealed = _box(passphrase, salt, (_N, _R, _P)).encrypt(der)
    document = {
        "kdf": {"name": "scrypt", "params": {"N": _N, "r": _R, "p": _P}, "salt": to_base64(salt)},
        "cipher": {"name": "nacl/secretbox", "nonce": to_base64(sealed.nonce)},
        "ciphertext": to_base64(sealed.ciphertext),
    }
    label = "ENCRYPTED SIGSTORE PRIVATE KEY"
    body = to_base64(write_json(document, indent=None))
    lines = [body[i : i + _LINE] for i in range(0, len(body), _LINE)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""]).encode()


def refuse_other_kinds(key: PrivateKey) -> None:
    """Refuse what `write_cosign` cannot write or cosign would use in another way."""
    from cryptography.hazmat.primitives.asymmetric import ec  # slow import

    if not (isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1)):
        raise UsageError(
            "only an ECDSA key on P-256 is of use to both: with others cosign signs in another way than custody;"
            " make one with `custody keygen --type ecdsa`"
        )
    _require_nacl()


def _function(document: Fields) -> tuple[bytes, tuple[int, int, int]]:
    """Return salt and parameters of the function that stretches the passphrase."""
    kdf = Fields(document.any("kdf"), document.path("kdf"))
    kdf.constant("name", "scrypt")
    params = Fields(kdf.any("params"), kdf.path("params"))
    numbers = tuple(params.integer(name, minimum=1) for name in ("N", "r", "p"))
    return from_base64(kdf.text("salt"), kdf.path("salt")), (numbers[0], numbers[1], numbers[2])


def _cipher(document: Fields) -> tuple[bytes, bytes]:
    cipher = Fields(document.any("cipher"), document.path("cipher"))
    cipher.constant("name", "nacl/secretbox")
    nonce = from_base64(cipher.text("nonce"), cipher.path("nonce"))
    return nonce, from_base64(document.text("ciphertext"), document.path("ciphertext"))


def _box(passphrase: bytes, salt: bytes, parameters: tuple[int, int, int]) -> SecretBox:
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt  # slow imports
    from nacl.secret import SecretBox

    n, r, p = parameters
    return SecretBox(Scrypt(salt=salt, length=SecretBox.KEY_SIZE, n=n, r=r, p=p).derive(passphrase))


def _passphrase(name: str, secret: SecretSource) -> bytes:
    """Return what was given, else what `COSIGN_PASSWORD` holds, which may be empty."""
    if secret:
        return secret.of(repr(name))
    value = os.environ.get(COSIGN_VARIABLE)
    if value is None:
        raise UsageError(
            f"{name!r} is a cosign key: set {COSIGN_VARIABLE}, or give its passphrase with --password"
            " (asks on the terminal), --password-env NAME or --password-fd N"
        )
    passphrase = os.fsencode(value)
    if len(passphrase) > MAX_PASSPHRASE_BYTES:
        raise UsageError(f"the passphrase in {COSIGN_VARIABLE} is longer than {MAX_PASSPHRASE_BYTES} bytes")
    return passphrase


def _require_nacl() -> None:
    try:
        import nacl.secret  # noqa: F401  # asked for before a passphrase is
    except ImportError:
        raise UsageError("cosign's keys need an extra: pip install 'custody[cosign]'") from None
