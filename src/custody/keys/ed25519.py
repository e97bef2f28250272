"""Ed25519 (RFC 8032): 32 bytes of key, no choices, no slow imports."""

from __future__ import annotations

from custody.errors import FormatError

__all__ = ["SPKI_PREFIX", "raw_of_spki", "spki_of_hex", "verify"]

SPKI_PREFIX = bytes.fromhex("302a300506032b6570032100")
"""The DER of a SubjectPublicKeyInfo up to the key's 32 bytes (RFC 8410, section 4)."""

_KEY_BYTES = 32
_FIELD = 2**255 - 19
_ORDER_8 = 55188659117513257062467267217118295137698188065244968500265048394206261417927
_WEAK = frozenset({0, 1, _FIELD - 1, _ORDER_8, _FIELD - _ORDER_8})
"""The y of the points of order 1, 2, 4 and 8: under such a key anybody can sign. The test derives them."""


def spki_of_hex(public: str, where: str) -> bytes:
    """Return the SubjectPublicKeyInfo of 64 hexadecimal digits."""
    try:
        raw = bytes.fromhex(public)
    except ValueError:
        raw = b""
    if len(raw) != _KEY_BYTES or len(public) != 2 * _KEY_BYTES:
        raise FormatError(f"expected 64 hexadecimal digits, got {public!r:.80}", where=where)
    _refuse_weak(raw, where)
    return SPKI_PREFIX + raw


def raw_of_spki(spki: bytes) -> bytes | None:
    """Return the key's 32 bytes, or None if `spki` holds another kind of key."""
    if spki.startswith(SPKI_PREFIX) and len(spki) == len(SPKI_PREFIX) + _KEY_BYTES:
        return spki[len(SPKI_PREFIX) :]
    return None


def _refuse_weak(raw: bytes, where: str) -> None:
    """Refuse points that sign for everybody, and second spellings of a point (RFC 8032, 5.1.3)."""
    y = int.from_bytes(raw, "little") & (2**255 - 1)
    if y >= _FIELD or y in _WEAK:
        raise FormatError(
            "a weak ed25519 key: signatures under it prove nothing",
            where=where,
            remedy="make a new one with `custody keygen`",
        )


def verify(spki: bytes, signature: bytes, message: bytes) -> bool:
    """Return whether `signature` over `message` is by the key."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PublicKey,
    )

    try:
        Ed25519PublicKey.from_public_bytes(spki[len(SPKI_PREFIX) :]).verify(signature, message)
    except InvalidSignature:
        return False
    return True
