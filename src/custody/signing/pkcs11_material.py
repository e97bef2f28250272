"""Public keys as tokens hold them, attribute by attribute, as SubjectPublicKeyInfo.

RSA is a modulus and an exponent, a point of a curve is an OCTET STRING or, with some modules, the bare bytes. A
certificate holds the whole key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.errors import FormatError
from custody.keys.ed25519 import SPKI_PREFIX

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
    from pkcs11.constants import Attribute
    from pkcs11.types import Object

__all__ = ["EC_PARAMETERS", "ED25519_PARAMETERS", "attribute", "key_type", "spki_of"]

EC_PARAMETERS = {
    "SECP256R1": bytes.fromhex("06082a8648ce3d030107"),
    "SECP384R1": bytes.fromhex("06052b81040022"),
    "SECP521R1": bytes.fromhex("06052b81040023"),
}
"""CKA_EC_PARAMS of each curve by pyca/cryptography's name: its object identifier (RFC 5480, section 2.1.1.1) in DER."""

ED25519_PARAMETERS = (bytes.fromhex("130c656477617264733235353139"), bytes.fromhex("06032b6570"))
"""Those of Ed25519: the name `edwards25519`, or the object identifier (PKCS #11 3.0, section 2.3.5; RFC 8410)."""

_ED25519_BYTES = 32
_SHORT = 0x7F


def attribute(thing: Object, name: Attribute) -> bytes:
    """Return an attribute of bytes, empty if the object has none such or does not show it."""
    from pkcs11.exceptions import PKCS11Error

    try:
        return bytes(thing[name])
    except PKCS11Error:
        return b""


def spki_of(thing: Object, where: str) -> bytes:
    """Return the key in a public key, in a certificate, or in a private RSA key, which shows its public half.

    Raises:
        FormatError: there is none in it, or one of a kind that is not supported.

    """
    from pkcs11.constants import Attribute, ObjectClass
    from pkcs11.mechanisms import KeyType

    if thing.object_class == ObjectClass.CERTIFICATE:
        return _of_certificate(attribute(thing, Attribute.VALUE), where)
    kind = key_type(thing)
    if kind == KeyType.RSA:
        return _of_rsa(attribute(thing, Attribute.MODULUS), attribute(thing, Attribute.PUBLIC_EXPONENT), where)
    parameters, point = attribute(thing, Attribute.EC_PARAMS), attribute(thing, Attribute.EC_POINT)
    if kind in {KeyType.EC, KeyType.EC_EDWARDS} and point:
        return _of_ed25519(point, where) if parameters in ED25519_PARAMETERS else _of_curve(parameters, point, where)
    raise FormatError(
        "no public key that custody can use",
        where=where,
        remedy="use ed25519, ecdsa (P-256, P-384, P-521) or rsa",
    )


def key_type(thing: Object) -> int:
    """Return the CKK_ number of a key, -1 if it is one that nobody but its vendor knows."""
    from pkcs11.constants import Attribute
    from pkcs11.exceptions import PKCS11Error

    try:
        return int(thing[Attribute.KEY_TYPE])
    except (PKCS11Error, ValueError):
        return -1


def _of_rsa(modulus: bytes, exponent: bytes, where: str) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

    n, e = int.from_bytes(modulus, "big"), int.from_bytes(exponent, "big")
    try:
        return _encoded(RSAPublicNumbers(e, n).public_key())
    except ValueError as error:
        raise FormatError(f"not an RSA key: {error}", where=where) from None


def _of_curve(parameters: bytes, point: bytes, where: str) -> bytes:
    from cryptography.hazmat.primitives.asymmetric import ec

    for name, known in EC_PARAMETERS.items():
        if parameters == known:
            curve: ec.EllipticCurve = getattr(ec, name)()
            size = 1 + 2 * ((curve.key_size + 7) // 8)
            try:
                return _encoded(ec.EllipticCurvePublicKey.from_encoded_point(curve, _unwrapped(point, size)))
            except ValueError as error:
                raise FormatError(f"not a point of {name}: {error}", where=where) from None
    raise FormatError(
        f"the curve {parameters.hex()!r:.80} is not supported", where=where, remedy="use P-256, P-384, P-521 or ed25519"
    )


def _of_ed25519(point: bytes, where: str) -> bytes:
    raw = _unwrapped(point, _ED25519_BYTES)
    if len(raw) != _ED25519_BYTES:
        raise FormatError(f"expected {_ED25519_BYTES} bytes of an ed25519 key, got {len(raw)}", where=where)
    return SPKI_PREFIX + raw


def _unwrapped(point: bytes, size: int) -> bytes:
    """Return the last `size` bytes if what stands before is the head of an OCTET STRING or BIT STRING around them."""
    heads = {b"\x04" + _length(size), b"\x03" + _length(size + 1) + b"\0"}
    return point[-size:] if point[: len(point) - size] in heads else point


def _length(size: int) -> bytes:
    """Return a length below 256 as DER has it."""
    return bytes([size]) if size <= _SHORT else bytes([0x81, size])


def _of_certificate(der: bytes, where: str) -> bytes:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.x509 import load_der_x509_certificate

    try:
        return _encoded(load_der_x509_certificate(der).public_key())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise FormatError(f"not a certificate: {error}", where=where) from None


def _encoded(key: PublicKeyTypes) -> bytes:
    from cryptography.hazmat.primitives import serialization

    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
