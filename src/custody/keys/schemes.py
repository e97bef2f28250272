"""The one table of key types and signature schemes.

| key type | scheme | key | signature |
|---|---|---|---|
| ed25519 | ed25519 | 32 bytes, in hexadecimal | RFC 8032 |
| ecdsa | ecdsa-sha2-nistp256, -nistp384, -nistp521 | PEM | DER, hash as long as the curve |
| rsa | rsassa-pss-sha256, -sha384, -sha512 | PEM, 2048 to 16384 bits | PSS, any salt length |
| rsa | rsa-pkcs1v15-sha256, -sha384, -sha512 | the same | PKCS #1 v1.5, for devices that cannot do PSS |
| ml-dsa | ml-dsa-65/1 | PEM | FIPS 204, over a prefix and the SHA-512 of the message |
"""

from __future__ import annotations

from custody.value import Value

__all__ = [
    "ECDSA",
    "ECDSA_SCHEMES",
    "ED25519",
    "MAX_RSA_BITS",
    "MIN_RSA_BITS",
    "MLDSA",
    "MLDSA_65",
    "RSA",
    "RSA_DEFAULT_SCHEME",
    "RSA_PKCS1",
    "RSA_SCHEMES",
    "Curve",
]

ED25519 = "ed25519"
ECDSA = "ecdsa"
RSA = "rsa"
MLDSA = "ml-dsa"

MLDSA_65 = "ml-dsa-65/1"
"""The one scheme of ML-DSA that is supported, about as strong as AES-192 (NIST's category 3)."""

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
    "rsa-pkcs1v15-sha256": "SHA256",
    "rsa-pkcs1v15-sha384": "SHA384",
    "rsa-pkcs1v15-sha512": "SHA512",
}
"""Each scheme with its hash, by pyca/cryptography's name."""

RSA_PKCS1 = frozenset(scheme for scheme in RSA_SCHEMES if scheme.startswith("rsa-pkcs1v15-"))
"""The schemes with the older padding, which is deterministic and not known to be broken for signatures."""

RSA_DEFAULT_SCHEME = "rsassa-pss-sha256"
