"""ECDSA over NIST's curves (FIPS 186-5), signatures in DER."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.errors import FormatError
from custody.keys.pem import load_spki
from custody.keys.schemes import ECDSA_SCHEMES

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

__all__ = ["check", "scheme_of", "verify"]


def scheme_of(key: ec.EllipticCurvePublicKey, where: str) -> str:
    """Return the scheme that goes with the key's curve."""
    for scheme, curve in ECDSA_SCHEMES.items():
        if curve.name == key.curve.name:
            return scheme
    raise FormatError(
        f"the curve {key.curve.name} is not supported",
        where=where,
        remedy="use a key on P-256, P-384 or P-521",
    )


def check(spki: bytes, scheme: str, where: str) -> None:
    """Refuse a key that is not on the curve of its scheme."""
    from cryptography.hazmat.primitives.asymmetric import ec

    key = load_spki(spki)
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise FormatError("expected an ECDSA key in the PEM, got another kind", where=where)
    found = scheme_of(key, where)
    if found != scheme:
        raise FormatError(f"the key is for {found}, its scheme says {scheme}", where=where)


def verify(spki: bytes, scheme: str, signature: bytes, message: bytes) -> bool:
    """Return whether `signature` over `message` is by the key."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    key = load_spki(spki)
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return False
    algorithm = getattr(hashes, ECDSA_SCHEMES[scheme].hash_name)()
    try:
        key.verify(signature, message, ec.ECDSA(algorithm))
    except InvalidSignature:
        return False
    return True
