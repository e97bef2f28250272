"""OpenPGP keys and signatures as in-toto carries them: bare numbers, without the certificate they came in.

A layout holds the numbers of a primary key and of its subkeys, so what OpenPGP says about them elsewhere (user ids,
revocations, what a key is for) was judged when the key was imported. A signature covers its own headers too: what they
say is checked here, strictly, since the signature alone does not say what it was made for.

Whichever of a key's subkeys signed, it is the primary key's signature, and one vote.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from custody.encoding.instants import MAX_CLOCK_SKEW, write_instant
from custody.errors import FormatError
from custody.keys.keyid import short_id
from custody.keys.openpgp_algorithms import ALGORITHMS, Algorithm
from custody.keys.openpgp_packets import (
    BINARY_DOCUMENT,
    CREATION,
    EXPIRATION,
    ISSUER,
    ISSUER_FINGERPRINT,
    SHA256,
    Headers,
    read_headers,
    signature_digest,
)
from custody.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from custody.keys.key import SignatureValue

__all__ = ["OpenPGPKey", "OpenPGPSignature", "Untimely", "algorithm_of"]

_UNDERSTOOD = frozenset({CREATION, EXPIRATION, ISSUER, ISSUER_FINGERPRINT})


class OpenPGPSignature(Value):
    """A signature with what it says of itself; `keyid` is the fingerprint of the key or subkey that made it."""

    keyid: str
    signature: bytes
    other_headers: bytes

    def entry(self) -> dict[str, str]:
        """Return the entry by which a Metablock carries it."""
        return {
            "keyid": self.keyid,
            "other_headers": self.other_headers.hex(),
            "signature": self.signature.hex(),
        }

    def headers(self) -> Headers | None:
        """Return what it says of itself, None if that is not well-formed."""
        try:
            return read_headers(self.other_headers)
        except FormatError:
            return None


class Untimely(Value):
    """Why a good signature does not count at an instant: its key has expired, or its time is not now."""

    key_expired: bool
    problem: str


class OpenPGPKey(Value):
    """A primary key with its subkeys, or one subkey. `spki` (DER SubjectPublicKeyInfo) is the material.

    `created` and `validity` are seconds, of the epoch and from then on; no validity means for ever. `subkeys` is None
    if none were written. `only` is the id of the only one of these keys whose signatures count, any if empty.
    """

    keyid: str
    keytype: str
    scheme: str
    parameters: tuple[tuple[str, str], ...]
    spki: bytes
    created: int
    validity: int | None = None
    subkeys: tuple[OpenPGPKey, ...] | None = None
    only: str = ""

    @property
    def identity(self) -> str:
        """Whose key it is, whatever it is called: the hash of the primary key's material."""
        return hashlib.sha256(self.spki).hexdigest()

    @property
    def identities(self) -> frozenset[str]:
        """The hashes of all material that signs for this key: of the primary key and of its subkeys."""
        return frozenset(part.identity for part in (self, *(self.subkeys or ())))

    @property
    def names(self) -> frozenset[str]:
        """Every id that signatures, files and layouts may call it by."""
        return frozenset(part.keyid for part in self.signing_parts())

    @property
    def own_ids(self) -> frozenset[str]:
        """The ids that follow from the material; a fingerprint was checked when the key was read."""
        return frozenset({self.keyid})

    @property
    def listed_as(self) -> str:
        """The id by which a step lists it."""
        return self.only or self.keyid

    @property
    def expires(self) -> datetime | None:
        """The instant from which on it is not valid any more, None if never."""
        if not self.validity:
            return None
        return _instant(self.created + self.validity)

    def part(self, keyid: str) -> OpenPGPKey | None:
        """Return the primary key or subkey with this id, None if there is none, or it does not count."""
        return next((part for part in self.signing_parts() if part.keyid == keyid), None)

    def signing_parts(self) -> Iterator[OpenPGPKey]:
        """Yield the primary key and the subkeys whose signatures count."""
        for part in (self, *(self.subkeys or ())):
            if self.only in ("", part.keyid):
                yield part

    def verify(self, signature: SignatureValue, message: bytes) -> bool:
        """Return whether `signature` over `message` is by this key or a subkey of it, whatever the time is."""
        if not isinstance(signature, OpenPGPSignature):
            return False
        part, headers = self.part(signature.keyid), signature.headers()
        if part is None or headers is None or not _is_document_signature(headers, part):
            return False
        digest = signature_digest(message, signature.other_headers)
        return algorithm_of(part).verify(part.spki, signature.signature, digest)

    def untimely(self, signature: OpenPGPSignature, at: datetime) -> Untimely | None:
        """Return why a signature that is good does not count at the instant `at`, None if it does.

        When a signature was made is only what its signer says, so an expired key signs no more: nobody could tell.
        """
        part, headers = self.part(signature.keyid), signature.headers()
        for key in (self, part):
            if key is not None and key.expires is not None and key.expires <= at:
                problem = f"key {short_id(key.keyid)} expired at {write_instant(key.expires)}"
                return Untimely(key_expired=True, problem=problem)
        for key in (self, part):
            if key is not None and _is_ahead(key.created, at):
                problem = (
                    f"key {short_id(key.keyid)} says it was made at {_written(key.created)}, which is still to come"
                )
                return Untimely(key_expired=False, problem=problem)
        if headers is None:
            return None
        if _is_ahead(headers.created, at):
            problem = f"the signature says it was made at {_written(headers.created)}, which is still to come"
            return Untimely(key_expired=False, problem=problem)
        if headers.expires and _instant(headers.created + headers.expires) <= at:
            problem = f"the signature says it was good until {_written(headers.created + headers.expires)} only"
            return Untimely(key_expired=False, problem=problem)
        return None


def algorithm_of(key: OpenPGPKey) -> Algorithm:
    """Return the row of the table that the key is of."""
    return next(algorithm for algorithm in ALGORITHMS if algorithm.method == key.scheme)


def _is_document_signature(headers: Headers, key: OpenPGPKey) -> bool:
    """Return whether these are the headers of a signature over plain bytes that `key` may have made (A6)."""
    return (
        headers.kind == BINARY_DOCUMENT
        and headers.hash_number == SHA256
        and headers.algorithm in algorithm_of(key).numbers
        and key.keyid.endswith(headers.issuer)
        and headers.created >= key.created
        and not headers.critical_beyond(_UNDERSTOOD)
    )


def _is_ahead(seconds: int, at: datetime) -> bool:
    return _instant(seconds) - at > MAX_CLOCK_SKEW


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _written(seconds: int) -> str:
    return write_instant(_instant(seconds))
