"""Private keys in memory, whatever file they come from: which kinds sign here, and how PKCS8 becomes one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.errors import FormatError
from custody.keys import mldsa

if TYPE_CHECKING:
    from typing import TypeGuard

    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    PrivateKey = Ed25519PrivateKey | EllipticCurvePrivateKey | MLDSA65PrivateKey | RSAPrivateKey

__all__ = ["key_of_pkcs8", "supported"]


def supported(key: object, name: str) -> PrivateKey:
    """Return `key` itself, of a kind that signs.

    Raises:
        FormatError: it is of another kind.

    """
    if _signs(key):
        return key
    raise FormatError(
        f"a {type(key).__name__.lstrip('_')} is not supported",
        where=name,
        remedy="use ed25519, ecdsa (P-256, P-384, P-521), rsa or ml-dsa-65",
    )


def key_of_pkcs8(der: bytes, name: str) -> PrivateKey:
    """Return the key in unencrypted PKCS8.

    Raises:
        FormatError: there is none in it, or one of a kind that does not sign here.

    """
    from cryptography.exceptions import UnsupportedAlgorithm  # slow imports
    from cryptography.hazmat.primitives import serialization

    try:
        return supported(serialization.load_der_private_key(der, None), name)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        if mldsa.is_named_in(str(error)):
            raise mldsa.unavailable(name) from None
        raise FormatError(f"not a private key: {error}", where=name) from None


def _signs(key: object) -> TypeGuard[PrivateKey]:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa  # slow imports

    if isinstance(key, ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        return True
    try:
        from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey
    except ImportError:  # an older version, which reads no such key either
        return False
    return isinstance(key, MLDSA65PrivateKey)
