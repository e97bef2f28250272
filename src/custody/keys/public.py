"""A public key: its label, what it is, and whether a signature is its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.encoding.hashing import sha256
from custody.errors import FormatError
from custody.keys import ed25519
from custody.keys.keyid import keyid_of, legacy_keyid_of
from custody.keys.pem import load_spki, spki_of_pem, write_pem
from custody.keys.schemes import (
    ECDSA,
    ECDSA_SCHEMES,
    ED25519,
    MLDSA,
    MLDSA_65,
    RSA,
    RSA_DEFAULT_SCHEME,
    RSA_SCHEMES,
)
from custody.value import Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from custody.keys.key import Key, SignatureValue

__all__ = ["PublicKey", "key_of_pem", "key_of_spki", "make_key", "signer_among"]


class PublicKey(Value):
    """A key that verifies. `keyid` is a label; `spki` (DER SubjectPublicKeyInfo) is the key."""

    keyid: str
    keytype: str
    scheme: str
    public: str
    spki: bytes

    @property
    def identity(self) -> str:
        """What the key is, whatever it is called: the hash of its material."""
        return sha256(self.spki)

    @property
    def canonical_public(self) -> str:
        """The material as key files and the reference write it: hexadecimal digits, or PEM."""
        raw = ed25519.raw_of_spki(self.spki)
        return write_pem(self.spki) if raw is None else raw.hex()

    @property
    def identities(self) -> frozenset[str]:
        """The hashes of all material that signs for this key."""
        return frozenset({self.identity})

    @property
    def own_ids(self) -> frozenset[str]:
        """Both ids that follow from the material, as the layout wrote it and as a key file would.

        A layout by the Go implementation has a PEM without its final newline, the reference's id is of one with it
        (D3).
        """
        computed = set()
        for public in {self.public, self.canonical_public}:
            computed.add(keyid_of(self.keytype, self.scheme, public))
            computed.add(legacy_keyid_of(self.keytype, self.scheme, public))
        return frozenset(computed)

    @property
    def names(self) -> frozenset[str]:
        """Every id that signatures, files and layouts may call it by: its label, and both computed ids."""
        return self.own_ids | {self.keyid}

    @property
    def listed_as(self) -> str:
        """The id by which a step lists it."""
        return self.keyid

    def verify(self, signature: SignatureValue, message: bytes) -> bool:
        """Return whether `signature` over `message` is by this key; one of another kind of keys never is."""
        if not isinstance(signature, bytes):
            return False
        if self.keytype == ED25519:
            return ed25519.verify(self.spki, signature, message)
        if self.keytype == MLDSA:
            from custody.keys import mldsa

            return mldsa.verify(self.spki, signature, message)
        from custody.keys import ecdsa, rsa  # most keys are Ed25519

        if self.keytype == RSA:
            return rsa.verify(self.spki, self.scheme, signature, message)
        return ecdsa.verify(self.spki, self.scheme, signature, message)


def make_key(*, keytype: str, scheme: str, public: str, where: str, keyid: str = "") -> PublicKey:
    """Return the checked key of a layout's three fields; without `keyid` it is computed.

    A type may be a curve's scheme, as old releases of the reference wrote it.

    Raises:
        FormatError: the type or scheme is unknown, the material is not of that type, or the key is weak.

    """
    if keytype == ED25519 and scheme == ED25519:
        spki = ed25519.spki_of_hex(public, where)
    elif keytype == RSA and scheme in RSA_SCHEMES:
        from custody.keys import rsa

        spki = spki_of_pem(public, where)
        rsa.check(spki, where)
    elif keytype in {ECDSA, scheme} and scheme in ECDSA_SCHEMES:
        from custody.keys import ecdsa

        spki = spki_of_pem(public, where)
        ecdsa.check(spki, scheme, where)
    elif keytype == MLDSA and scheme == MLDSA_65:
        from custody.keys import mldsa

        spki = spki_of_pem(public, where)
        mldsa.public_of_spki(spki, where)
    else:
        raise FormatError(
            f"the key type {keytype!r:.40} with scheme {scheme!r:.40} is not supported",
            where=where,
            remedy="use ed25519, ecdsa (P-256, P-384, P-521), rsa (rsassa-pss-sha256) or ml-dsa (ml-dsa-65/1)",
        )
    label = keyid or keyid_of(keytype, scheme, public)
    return PublicKey(keyid=label, keytype=keytype, scheme=scheme, public=public, spki=spki)


def key_of_spki(spki: bytes, where: str, *, scheme: str = "") -> PublicKey:
    """Return the key of a DER SubjectPublicKeyInfo under the id that the reference gives it.

    `scheme` chooses among those of the key's type; one of another type is a FormatError.
    """
    raw = ed25519.raw_of_spki(spki)
    if raw is not None:
        return make_key(keytype=ED25519, scheme=scheme or ED25519, public=raw.hex(), where=where)
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec as _ec
    from cryptography.hazmat.primitives.asymmetric import rsa as _rsa

    from custody.keys import ecdsa, mldsa

    if mldsa.is_spki(spki):
        return make_key(keytype=MLDSA, scheme=scheme or MLDSA_65, public=write_pem(spki), where=where)
    try:
        key = load_spki(spki)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise FormatError(f"not a public key: {error}", where=where) from None
    if isinstance(key, _ec.EllipticCurvePublicKey):
        found = scheme or ecdsa.scheme_of(key, where)
        return make_key(keytype=ECDSA, scheme=found, public=write_pem(spki), where=where)
    if isinstance(key, _rsa.RSAPublicKey):
        chosen = scheme or RSA_DEFAULT_SCHEME
        return make_key(keytype=RSA, scheme=chosen, public=write_pem(spki), where=where)
    raise FormatError(
        f"a {type(key).__name__} is not supported",
        where=where,
        remedy="use ed25519, ecdsa (P-256, P-384, P-521), rsa or ml-dsa-65",
    )


def key_of_pem(text: str, where: str) -> PublicKey:
    """Return the key of a public PEM under the id that the reference gives it."""
    return key_of_spki(spki_of_pem(text, where), where)


def signer_among(keys: Sequence[Key], hint: str, signature: SignatureValue, message: bytes) -> Key | None:
    """Return the key of `keys` that made `signature`, or None.

    `hint` is the key id beside the signature: nobody signed it, so it only says where to look first.
    """
    for key in sorted(keys, key=lambda key: key.keyid != hint):
        if key.verify(signature, message):
            return key
    return None
