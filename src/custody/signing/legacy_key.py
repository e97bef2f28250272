"""Private keys that in-toto and securesystemslib wrote before they took PEM for everything: JSON, encrypted or not.

::

    {"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": "hexadecimal", "private": "hexadecimal"}, ...}
    {"keytype": "ecdsa", ..., "keyval": {"public": "PEM", "private": "PEM"}, ...}

Encrypted, the same JSON is the ciphertext in `SALT@@@@ITERATIONS@@@@HMAC@@@@IV@@@@CIPHERTEXT`, in hexadecimal digits:
PBKDF2 with SHA-256 stretches the passphrase, AES-256 in counter mode encrypts, HMAC-SHA256 of the ciphertext protects
it. RSA keys were PEM already, in files as in here. They are read only; nothing writes them any more.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from custody.encoding.fields import Fields
from custody.encoding.strict import read_json
from custody.encoding.text import from_hex, is_hex
from custody.errors import FormatError, SignatureError
from custody.keys.public import make_key
from custody.signing.costs import check_pbkdf2

if TYPE_CHECKING:
    from collections.abc import Callable

    from custody.signing.private_key import PrivateKey
    from custody.signing.secret import SecretSource

__all__ = ["read_legacy"]

_ENCRYPTED = re.compile(
    r"(?P<salt>[0-9a-f]{2,256})@@@@(?P<iterations>[0-9]{1,12})@@@@(?P<hmac>[0-9a-f]{64})@@@@"
    r"(?P<iv>[0-9a-f]{32})@@@@(?P<ciphertext>[0-9a-f]+)"
)
_ED25519_BYTES = 32
_KEY_BYTES = 32


def read_legacy(text: str, name: str, secret: SecretSource, read_pem: Callable[[str], PrivateKey]) -> PrivateKey:
    """Return the key in `text`, whose public half must be the one beside it; `read_pem` reads a PEM inside.

    Raises:
        FormatError: it is malformed, holds no private key, or its passphrase is too dear to try.
        SignatureError: the passphrase is wrong.
        UsageError: it is encrypted and there is no passphrase.

    """
    data = text.encode()
    if not text.lstrip().startswith("{"):
        data = _decrypted(text.strip(), name, secret)
    try:
        return _key_of_json(data, read_pem)
    except FormatError as error:
        raise FormatError(
            f"expected a private key in PEM, or in JSON as in-toto 1.x wrote it: {error}", where=name
        ) from None


def _decrypted(text: str, name: str, secret: SecretSource) -> bytes:
    parts = _ENCRYPTED.fullmatch(text)
    if parts is None:
        raise FormatError(
            "expected an encrypted key of in-toto 1.x, SALT@@@@ITERATIONS@@@@HMAC@@@@IV@@@@CIPHERTEXT",
            where=name,
            remedy="copy the whole file again",
        )
    iterations = int(parts["iterations"])
    check_pbkdf2(iterations, name)
    from cryptography.exceptions import InvalidSignature  # slow imports
    from cryptography.hazmat.primitives import hashes, hmac
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

    salt, iv, ciphertext = (from_hex(parts[part], name) for part in ("salt", "iv", "ciphertext"))
    stretch = PBKDF2HMAC(algorithm=hashes.SHA256(), length=_KEY_BYTES, salt=salt, iterations=iterations)
    key = stretch.derive(secret.of(repr(name)))
    seal = hmac.HMAC(key, hashes.SHA256())
    seal.update(ciphertext)
    try:
        seal.verify(bytes.fromhex(parts["hmac"]))
    except InvalidSignature:
        raise SignatureError(f"the passphrase of {name!r} is wrong, or the file is damaged") from None
    decryptor = Cipher(algorithms.AES(key), modes.CTR(iv)).decryptor()
    return decryptor.update(ciphertext) + decryptor.finalize()


def _key_of_json(data: bytes, read_pem: Callable[[str], PrivateKey]) -> PrivateKey:
    fields = Fields(read_json(data))
    keytype, scheme = fields.text("keytype"), fields.text("scheme")
    keyval = Fields(fields.any("keyval"), fields.path("keyval"))
    private, public = keyval.text("private", ""), keyval.text("public")
    if not private:
        raise FormatError("got a public key only", where=keyval.path("private"), remedy="give the file without '.pub'")
    beside = make_key(keytype=keytype, scheme=scheme, public=public, where=keyval.path("public"))
    key = _ed25519(private, keyval.path("private")) if keytype == "ed25519" else read_pem(private)
    from custody.signing.keyfile import public_key_of  # it reads keys by this module

    if public_key_of(key, keyval.path("private")).spki != beside.spki:
        raise FormatError("the private key belongs to another public key", where=keyval.path("public"))
    return key


def _ed25519(private: str, where: str) -> PrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # few files are of this form
        Ed25519PrivateKey,
    )

    if not is_hex(private) or len(private) != 2 * _ED25519_BYTES:  # no message may repeat it
        raise FormatError(f"expected {2 * _ED25519_BYTES} hexadecimal digits, got something else", where=where)
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(private))
