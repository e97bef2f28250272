"""ML-DSA-65 (FIPS 204), which no quantum computer is known to break; keys and signatures as securesystemslib has them.

Signed is a prefix with the version of the scheme and the SHA-512 of the message (TUF's TAP 21), with an empty context.
A key has one encoding only, and is told by it. pyca/cryptography can do ML-DSA since version 48, where it was built
with a library that can; without it such keys are refused, and so is every layout that holds one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.errors import FormatError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PublicKey

__all__ = ["is_named_in", "is_spki", "prehashed", "public_of_spki", "unavailable", "verify"]

_NAME = "2.16.840.1.101.3.4.3.18"
"""The algorithm's object identifier (RFC 9881, section 2)."""

_SPKI_PREFIX = bytes.fromhex("308207b2300b0609608648016503040312038207a100")
"""The DER of a SubjectPublicKeyInfo up to the key's bytes (RFC 9881, section 4)."""

_KEY_BYTES = 1952
_DOMAIN = b"tuf\x01"


def is_spki(spki: bytes) -> bool:
    """Return whether `spki` holds an ML-DSA-65 key."""
    return spki.startswith(_SPKI_PREFIX) and len(spki) == len(_SPKI_PREFIX) + _KEY_BYTES


def is_named_in(complaint: str) -> bool:
    """Return whether what a parser complains of is the algorithm, as pyca/cryptography's do that do not know it."""
    return _NAME in complaint


def public_of_spki(spki: bytes, where: str) -> MLDSA65PublicKey:
    """Return the key object for a SubjectPublicKeyInfo.

    Raises:
        FormatError: it holds another kind of key, or this build of pyca/cryptography cannot do ML-DSA.

    """
    if not is_spki(spki):
        raise FormatError("expected an ML-DSA-65 key in the PEM, got another kind", where=where)
    from cryptography.exceptions import UnsupportedAlgorithm  # few keys are of this kind

    try:
        from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PublicKey

        return MLDSA65PublicKey.from_public_bytes(spki[len(_SPKI_PREFIX) :])
    except (ImportError, UnsupportedAlgorithm):
        raise unavailable(where) from None


def verify(spki: bytes, signature: bytes, message: bytes) -> bool:
    """Return whether `signature` over `message` is by the key."""
    from cryptography.exceptions import InvalidSignature

    try:
        public_of_spki(spki, "").verify(signature, prehashed(message))
    except InvalidSignature:
        return False
    return True


def prehashed(message: bytes) -> bytes:
    """Return what is signed in place of `message`: prefix, version of the scheme, SHA-512."""
    from cryptography.hazmat.primitives.hashes import SHA512, Hash

    context = Hash(SHA512())
    context.update(message)
    return _DOMAIN + context.finalize()


def unavailable(where: str) -> FormatError:
    """Return the error for an installation that cannot do ML-DSA."""
    import cryptography

    return FormatError(
        f"an ML-DSA key, which cryptography {cryptography.__version__} as it is built here cannot use",
        where=where,
        remedy="install a newer one: pip install 'custody[post-quantum]'",
    )
