"""The one table of key types and signature schemes.

| key type | scheme | key | signature |
|---|---|---|---|
| ed25519 | ed25519 | 32 bytes, in hexadecimal | RFC 8032 |
| ecdsa | ecdsa-sha2-nistp256, -nistp384, -nistp521 | PEM | DER, hash as long as the curve |
| rsa | rsassa-pss-sha256, -sha384, -sha512 | PEM, 2048 to 16384 bits | PSS, any salt length |
"""

from __future__ import annotations

from custody.value import Value

__all__ = [
    "ECDSA",
    "ECDSA_SCHEMES",
    "ED25519",
    "MAX_RSA_BITS",
    "MIN_RSA_BITS",
    "RSA",
    "RSA_DEFAULT_SCHEME",
    "RSA_SCHEMES",
    "Curve",
]

ED25519 = "ed25519"
ECDSA = "ecdsa"
RSA = "rsa"

MIN_RSA_BITS = 2048
"""Shorter RSA keys are within reach of factoring (specification 1.0, section 4.2)."""

MAX_RSA_BITS = 16384
"""Longer RSA keys only cost the verifier time."""


class Curve(Value):
    """A curve of NIST's with the hash that goes with it; `name` is pyca/cryptography's."""

    name: str
    hash_name: str


ECDSA_SCHEMES = {
    "ecdsa-sha2-nistp256": Curve(name="secp256r1", hash_name="SHA256"),
    "ecdsa-sha2-nistp384": Curve(name="secp384r1", hash_name="SHA384"),
    "ecdsa-sha2-nistp521": Curve(name="secp521r1", hash_name="SHA512"),
}

RSA_SCHEMES = {
    "rsassa-pss-sha256": "SHA256",
    "rsassa-pss-sha384": "SHA384",
    "rsassa-pss-sha512": "SHA512",
}

RSA_DEFAULT_SCHEME = "rsassa-pss-sha256"
