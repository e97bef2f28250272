"""Public keys as PEM (RFC 7468): SubjectPublicKeyInfo, read strictly and written one way."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from custody.encoding.text import from_base64, to_base64
from custody.errors import FormatError
from custody.keys import ed25519

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

__all__ = ["MAX_PEM_BYTES", "OPENSSH_BEGINNINGS", "load_spki", "spki_of_pem", "write_pem"]

MAX_PEM_BYTES = 64 * 1024
"""The largest key file that is read; an RSA key of 16384 bits has 3 KB."""

OPENSSH_BEGINNINGS = (b"ssh-", b"ecdsa-sha2-", b"sk-")
"""How the line of an OpenSSH public key begins, which is no PEM: `custody.keys.openssh` reads it."""

_BLOCK = (  # possessive, so that a body without an end costs linear time
    r"(?a)\s*+-----BEGIN (?P<label>[A-Z0-9 ]++)-----\s(?P<body>[A-Za-z0-9+/=\s]*+)-----END (?P=label)-----\s*+"
)
_REMEDIES = {
    "RSA PUBLIC KEY": "convert it with `openssl rsa -RSAPublicKey_in -pubout`",
    "CERTIFICATE": "take the key out of it with `openssl x509 -noout -pubkey`",
}
_LINE = 64


def spki_of_pem(text: str, where: str) -> bytes:
    """Return the DER SubjectPublicKeyInfo of the PEM `text`, re-encoded by a parser that knew it.

    Raises:
        FormatError: it is not one whole PEM block of a public key.

    """
    if "PRIVATE KEY-----" in text:
        raise FormatError("expected a public key, got a private one", where=where, remedy="give the .pub file")
    match = re.fullmatch(_BLOCK, text) if len(text) <= MAX_PEM_BYTES else None
    if match is None:
        raise FormatError(
            "expected one PEM block, '-----BEGIN PUBLIC KEY-----' to '-----END PUBLIC KEY-----'",
            where=where,
            remedy="is the file cut off, or not a key?",
        )
    label = match["label"]
    if label != "PUBLIC KEY":
        raise FormatError(f"expected 'PUBLIC KEY', got '{label:.40}'", where=where, remedy=_REMEDIES.get(label, ""))
    der = from_base64("".join(match["body"].split()), where)
    if ed25519.raw_of_spki(der) is not None:
        return der
    return _normalised(der, where)


def load_spki(spki: bytes) -> PublicKeyTypes:
    """Return the key object for a SubjectPublicKeyInfo that was read before."""
    from cryptography.hazmat.primitives.serialization import (
        load_der_public_key,
    )

    return load_der_public_key(spki)


def write_pem(spki: bytes) -> str:
    """Return `spki` as PEM, with a final newline; `spki_of_pem(write_pem(x), "") == x`."""
    body = to_base64(spki)
    lines = [body[i : i + _LINE] for i in range(0, len(body), _LINE)]
    return "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""])


def _normalised(der: bytes, where: str) -> bytes:
    """Return the one encoding of the key in `der`, so that equal keys have equal bytes."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    try:
        key = serialization.load_der_public_key(der)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        from custody.keys import mldsa

        if mldsa.is_spki(der):  # whoever makes a key of it says what is missing
            return der
        raise FormatError(f"not a public key: {error}", where=where) from None
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
