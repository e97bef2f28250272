"""The three kinds of OpenPGP keys that sign here, and what differs between them.

| type | method | numbers | parameters | signature in a layout or link |
|---|---|---|---|---|
| rsa | pgp+rsa-pkcsv1.5 | 1, 3 | n, e | one number, as long as n |
| dsa | pgp+dsa-fips-180-2 | 17 | p, q, g, y | DER of r and s |
| eddsa | pgp+eddsa-ed25519 | 22 | q | R and S, 32 bytes each |
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.encoding.text import is_hex
from custody.errors import FormatError
from custody.keys import ed25519
from custody.keys.openpgp_packets import mpi, read_mpis
from custody.keys.pem import load_spki
from custody.value import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.hazmat.primitives.asymmetric.dsa import DSAPublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

__all__ = ["ALGORITHMS", "MIN_DSA_BITS", "Algorithm", "algorithm_numbered"]

MIN_DSA_BITS = 2048
"""Shorter DSA keys are within reach, as RSA keys of that length are."""

_ED25519_OID = bytes.fromhex("092b06010401da470f01")
"""Length and OID of the curve (RFC 9580, section 9.2)."""

_ED25519_HALF = 32
_UNCOMPRESSED = b"\x40"
"""Stands before the 32 bytes of a key (RFC 9580, section 11.2)."""


class Algorithm(Value):
    """One row of the table. `numbers` are RFC 4880's, the usual one first; `parameters` in their order in a packet."""

    keytype: str
    method: str
    numbers: tuple[int, ...]
    parameters: tuple[str, ...]

    def spki(self, public: Mapping[str, str], where: str) -> bytes:
        """Return the DER SubjectPublicKeyInfo of the hexadecimal parameters.

        Raises:
            FormatError: they are not these parameters, make no key, or a weak one.

        """
        for name in self.parameters:
            if not is_hex(public[name]) or len(public[name]) % 2:
                raise FormatError("expected an even number of hexadecimal digits", where=f"{where}.{name}")
        if self.keytype == "eddsa":
            return ed25519.spki_of_hex(public["q"], f"{where}.q")
        values = {name: int(public[name], 16) for name in self.parameters}
        return _rsa_spki(values, where) if self.keytype == "rsa" else _dsa_spki(values, where)

    def packet_body(self, created: int, public: Mapping[str, str], number: int) -> bytes:
        """Return the body of the packet (version 4) that holds the key; its fingerprint is computed from it."""
        values = [bytes.fromhex(public[name]) for name in self.parameters]
        head = b"\x04" + created.to_bytes(4, "big") + bytes([number])
        if self.keytype == "eddsa":
            return head + _ED25519_OID + mpi(_UNCOMPRESSED + values[0])
        return head + b"".join(mpi(value) for value in values)

    def public_of(self, material: bytes) -> dict[str, str]:
        """Return the parameters in what follows the algorithm's number in a key packet.

        Raises:
            FormatError: it is cut off, or EdDSA on another curve.

        """
        if self.keytype == "eddsa":
            if not material.startswith(_ED25519_OID):
                raise FormatError("its curve is not Ed25519")
            material = material[len(_ED25519_OID) :]
        values = read_mpis(material, len(self.parameters))
        if self.keytype == "eddsa":
            if len(values[0]) != 1 + _ED25519_HALF or not values[0].startswith(_UNCOMPRESSED):
                raise FormatError("its point is not written as Ed25519's are")
            return {"q": values[0][1:].hex()}
        return {name: value.hex() for name, value in zip(self.parameters, values, strict=True)}

    def signature_of(self, numbers: bytes, spki: bytes) -> bytes:
        """Return the signature, as layouts and links carry it, of the long numbers in its packet.

        Raises:
            FormatError: they are none of this algorithm's.

        """
        if self.keytype == "rsa":
            (value,) = read_mpis(numbers, 1)
            return value.rjust(_rsa_bytes(spki), b"\0")
        r, s = read_mpis(numbers, 2)
        if self.keytype == "eddsa":
            return r.rjust(_ED25519_HALF, b"\0") + s.rjust(_ED25519_HALF, b"\0")
        from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

        return encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))

    def verify(self, spki: bytes, signature: bytes, digest: bytes) -> bool:
        """Return whether `signature` over `digest`, whose length says its hash, is by the key."""
        if self.keytype == "eddsa":
            return len(signature) == 2 * _ED25519_HALF and ed25519.verify(spki, signature, digest)
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding, utils

        known = (hashes.SHA1(), hashes.SHA224(), hashes.SHA256(), hashes.SHA384(), hashes.SHA512())  # noqa: S303  # SHA-1 only in what a key says of itself
        hashed = utils.Prehashed(next(one for one in known if one.digest_size == len(digest)))
        try:
            if self.keytype == "rsa":
                padded = signature.rjust(_rsa_bytes(spki), b"\0")
                _rsa_key(spki).verify(padded, digest, padding.PKCS1v15(), hashed)
            else:
                _dsa_key(spki).verify(signature, digest, hashed)
        except InvalidSignature:
            return False
        return True


ALGORITHMS = (
    Algorithm(keytype="rsa", method="pgp+rsa-pkcsv1.5", numbers=(1, 3), parameters=("n", "e")),
    Algorithm(keytype="dsa", method="pgp+dsa-fips-180-2", numbers=(17,), parameters=("p", "q", "g", "y")),
    Algorithm(keytype="eddsa", method="pgp+eddsa-ed25519", numbers=(22,), parameters=("q",)),
)
"""Every algorithm; RSA's number 2 is for encryption only."""

_NAMES = {
    2: "RSA for encryption only",
    16: "ElGamal",
    18: "ECDH",
    19: "ECDSA",
    20: "ElGamal",
    25: "X25519",
    26: "X448",
    27: "Ed25519 of RFC 9580",
    28: "Ed448",
}


def algorithm_numbered(number: int) -> Algorithm:
    """Return the algorithm with this number in OpenPGP's packets.

    Raises:
        FormatError: it is none that signs here.

    """
    for algorithm in ALGORITHMS:
        if number in algorithm.numbers:
            return algorithm
    raise FormatError(f"its algorithm ({_NAMES.get(number, number)}) is not supported")


def _rsa_spki(values: Mapping[str, int], where: str) -> bytes:
    from cryptography.hazmat.primitives.asymmetric import rsa

    from custody.keys.rsa import check_size

    try:
        key = rsa.RSAPublicNumbers(values["e"], values["n"]).public_key()
    except ValueError as error:
        raise FormatError(f"not an RSA key: {error}", where=where) from None
    check_size(key, where)
    return _der(key)


def _dsa_spki(values: Mapping[str, int], where: str) -> bytes:
    from cryptography.hazmat.primitives.asymmetric import dsa

    p, q, g, y = (values[name] for name in ("p", "q", "g", "y"))
    if p.bit_length() < MIN_DSA_BITS:
        raise FormatError(
            f"expected a DSA key of at least {MIN_DSA_BITS} bits, got {p.bit_length()}",
            where=where,
            remedy="make an Ed25519 key",
        )
    try:
        key = dsa.DSAPublicNumbers(y, dsa.DSAParameterNumbers(p, q, g)).public_key()
    except ValueError as error:
        raise FormatError(f"not a DSA key: {error}", where=where) from None
    # Outside the group of order q, such as y = 1, anybody can sign (FIPS 186-4, section 4.7; SP 800-89, 5.3.1).
    if not (1 < g < p and 1 < y < p and pow(g, q, p) == 1 and pow(y, q, p) == 1):
        raise FormatError("a weak DSA key: signatures under it prove nothing", where=where)
    return _der(key)


def _der(key: RSAPublicKey | DSAPublicKey) -> bytes:
    from cryptography.hazmat.primitives import serialization

    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _rsa_key(spki: bytes) -> RSAPublicKey:
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = load_spki(spki)
    if not isinstance(key, rsa.RSAPublicKey):
        raise TypeError(type(key))
    return key


def _dsa_key(spki: bytes) -> DSAPublicKey:
    from cryptography.hazmat.primitives.asymmetric import dsa

    key = load_spki(spki)
    if not isinstance(key, dsa.DSAPublicKey):
        raise TypeError(type(key))
    return key


def _rsa_bytes(spki: bytes) -> int:
    return (_rsa_key(spki).key_size + 7) // 8
