"""RSA with PSS (RFC 8017, section 8.1), where the salt may have any length, or with PKCS #1 v1.5 (section 8.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.errors import FormatError
from custody.keys.pem import load_spki
from custody.keys.schemes import MAX_RSA_BITS, MIN_RSA_BITS, RSA_PKCS1, RSA_SCHEMES

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import rsa

__all__ = ["check", "check_size", "verify"]


def check_size(key: rsa.RSAPublicKey, where: str) -> None:
    """Refuse a key that is too short to be safe or too long to be useful."""
    if not MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS:
        raise FormatError(
            f"expected an RSA key of {MIN_RSA_BITS} to {MAX_RSA_BITS} bits, got {key.key_size}",
            where=where,
            remedy="make a new one with `custody keygen --type rsa`",
        )


def check(spki: bytes, where: str) -> None:
    """Refuse what is not an RSA key of a sensible size."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = load_spki(spki)
    if not isinstance(key, rsa.RSAPublicKey):
        raise FormatError("expected an RSA key in the PEM, got another kind", where=where)
    check_size(key, where)


def verify(spki: bytes, scheme: str, signature: bytes, message: bytes) -> bool:
    """Return whether `signature` over `message` is by the key."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    key = load_spki(spki)
    if not isinstance(key, rsa.RSAPublicKey):
        return False
    algorithm = getattr(hashes, RSA_SCHEMES[scheme])()
    padded: padding.PKCS1v15 | padding.PSS = padding.PKCS1v15()
    if scheme not in RSA_PKCS1:
        padded = padding.PSS(mgf=padding.MGF1(algorithm), salt_length=padding.PSS.AUTO)
    try:
        key.verify(signature, message, padded, algorithm)
    except InvalidSignature:
        return False
    return True
