"""OpenPGP's binary forms (RFC 4880), read strictly: packets, signatures, subpackets and long numbers.

Every length must be exact: bytes that nobody looks at are bytes that somebody else may read differently.
"""

from __future__ import annotations

import hashlib

from custody.errors import FormatError
from custody.value import Value

__all__ = [
    "BINARY_DOCUMENT",
    "SHA1",
    "SHA256",
    "SIGNATURE",
    "Headers",
    "SignaturePacket",
    "Subpacket",
    "issuers",
    "mpi",
    "read_headers",
    "read_mpis",
    "read_packet",
    "read_signature_packet",
    "signature_digest",
    "v4_fingerprint",
]

SIGNATURE = 2
"""The tag of a signature packet (section 4.3)."""

BINARY_DOCUMENT = 0x00
"""The type of a signature over bytes as they are (section 5.2.1)."""

SHA1, SHA256 = 2, 8
_HASHES = {SHA1: "sha1", SHA256: "sha256", 9: "sha384", 10: "sha512", 11: "sha224"}
"""Hash algorithms by their numbers (section 9.4)."""

_VERSION = 4
_FINGERPRINT_BYTES = 20
_KEYID_BYTES = 8
_PREFIX_BYTES = 6

CREATION, EXPIRATION, ISSUER, ISSUER_FINGERPRINT = 2, 3, 16, 33


class Subpacket(Value):
    """A statement inside a signature; whoever does not know a critical one must not accept the signature."""

    kind: int
    critical: bool
    body: bytes


class Headers(Value):
    """What a signature says of itself and covers: the start of its packet up to the hashed subpackets' end.

    `created` and `expires` are seconds, of the epoch and from `created` on; `issuer` is the fingerprint of the key, in
    hexadecimal, or what is given of its end, or empty.
    """

    kind: int
    algorithm: int
    hash_number: int
    created: int
    expires: int
    issuer: str
    subpackets: tuple[Subpacket, ...]

    def all_of(self, kind: int) -> tuple[bytes, ...]:
        """Return the bodies of the subpackets of this kind."""
        return tuple(subpacket.body for subpacket in self.subpackets if subpacket.kind == kind)

    def critical_beyond(self, known: frozenset[int]) -> bool:
        """Return whether something critical is said that is not among the `known` kinds."""
        return any(subpacket.critical and subpacket.kind not in known for subpacket in self.subpackets)


class SignaturePacket(Value):
    """A signature with the bytes that it covers and those that it does not."""

    headers: Headers
    other_headers: bytes
    unhashed: tuple[Subpacket, ...]
    numbers: bytes
    """What is left: the long numbers of the signature itself."""


def read_packet(data: bytes) -> tuple[int, bytes, bytes]:
    """Return the tag and body of the first packet in the binary `data`, and what follows it (section 4.2).

    Raises:
        FormatError: it is cut off, or its length is not written in one piece.

    """
    reader = _Reader(data)
    first = reader.number(1)
    if not first & 0x80:
        raise FormatError("expected an OpenPGP packet, got something else")
    if first & 0x40:
        tag, length = first & 0x3F, _new_length(reader)
    else:
        tag, size = first >> 2 & 0x0F, 1 << (first & 0x03)
        if size > 4:  # noqa: PLR2004  # length type 3: until the end of the file
            raise FormatError("a packet without a length is not supported")
        length = reader.number(size)
    body = reader.take(length)
    return tag, body, reader.rest()


def _new_length(reader: _Reader) -> int:
    first = reader.number(1)
    if first < 192:  # noqa: PLR2004  # section 4.2.2, also below
        return first
    if first < 224:  # noqa: PLR2004
        return ((first - 192) << 8) + reader.number(1) + 192
    if first == 255:  # noqa: PLR2004
        return reader.number(4)
    raise FormatError("a packet in several pieces is not supported")


def read_signature_packet(body: bytes) -> SignaturePacket:
    """Return the signature in the `body` of its packet (section 5.2.3).

    Raises:
        FormatError: it is not version 4, a length is wrong, or it does not say when it was made.

    """
    reader = _Reader(body)
    prefix = reader.take(_PREFIX_BYTES)
    hashed = reader.take(int.from_bytes(prefix[-2:], "big"))
    other_headers = prefix + hashed
    unhashed = _subpackets(reader.take(reader.number(2)))
    reader.take(2)  # the start of the digest, which only helps to fail early
    return SignaturePacket(
        headers=read_headers(other_headers),
        other_headers=other_headers,
        unhashed=unhashed,
        numbers=reader.rest(),
    )


def read_headers(other_headers: bytes) -> Headers:
    """Return what the covered start of a version 4 signature says; nothing may follow it.

    Raises:
        FormatError: it is another version, a length is wrong, or it does not say once when it was made.

    """
    reader = _Reader(other_headers)
    version, kind, algorithm, hash_number = reader.take(4)
    if version != _VERSION:
        raise FormatError(f"expected a signature of version {_VERSION}, got {version}")
    subpackets = _subpackets(reader.take(reader.number(2)))
    reader.end()
    said = {number: _once(subpackets, number) for number in (CREATION, EXPIRATION, ISSUER, ISSUER_FINGERPRINT)}
    created, expires = said[CREATION], said[EXPIRATION]
    if created is None:
        raise FormatError("the signature does not say when it was made")
    return Headers(
        kind=kind,
        algorithm=algorithm,
        hash_number=hash_number,
        created=_seconds(created),
        expires=_seconds(expires) if expires is not None else 0,
        issuer=_issuer(said[ISSUER], said[ISSUER_FINGERPRINT]),
        subpackets=subpackets,
    )


def issuers(subpackets: tuple[Subpacket, ...]) -> tuple[str, ...]:
    """Return every fingerprint, or end of one, that the subpackets name as the signer's."""
    long = [s.body[1:].hex() for s in subpackets if s.kind == ISSUER_FINGERPRINT]
    return tuple(long + [s.body.hex() for s in subpackets if s.kind == ISSUER])


def _issuer(keyid: bytes | None, fingerprint: bytes | None) -> str:
    if keyid is not None and len(keyid) != _KEYID_BYTES:
        raise FormatError("the signature names its key by something else than a key id")
    if fingerprint is None:
        return keyid.hex() if keyid is not None else ""
    if len(fingerprint) != 1 + _FINGERPRINT_BYTES or fingerprint[0] != _VERSION:
        raise FormatError("the signature names its key by something else than a fingerprint of version 4")
    if keyid is not None and not fingerprint.endswith(keyid):
        raise FormatError("the signature names two keys as its own")
    return fingerprint[1:].hex()


def _once(subpackets: tuple[Subpacket, ...], kind: int) -> bytes | None:
    found = [subpacket.body for subpacket in subpackets if subpacket.kind == kind]
    if len(found) > 1:
        raise FormatError(f"the signature has the subpacket {kind} twice")
    return found[0] if found else None


def _seconds(body: bytes) -> int:
    if len(body) != 4:  # noqa: PLR2004  # section 3.5
        raise FormatError(f"expected 4 bytes of seconds, got {len(body)}")
    return int.from_bytes(body, "big")


def _subpackets(area: bytes) -> tuple[Subpacket, ...]:
    """Return the subpackets that fill `area` exactly (section 5.2.3.1)."""
    reader, found = _Reader(area), []
    while reader:
        length = reader.number(1)
        if length == 255:  # noqa: PLR2004
            length = reader.number(4)
        elif length >= 192:  # noqa: PLR2004
            length = ((length - 192) << 8) + reader.number(1) + 192
        body = reader.take(length)
        if not body:
            raise FormatError("a subpacket without a type")
        found.append(Subpacket(kind=body[0] & 0x7F, critical=bool(body[0] & 0x80), body=body[1:]))
    return tuple(found)


def read_mpis(data: bytes, count: int) -> tuple[bytes, ...]:
    """Return the `count` long numbers that fill `data` exactly, without leading zeros (section 3.2)."""
    reader = _Reader(data)
    numbers = []
    for _ in range(count):
        bits = reader.number(2)
        number = reader.take((bits + 7) // 8)
        if int.from_bytes(number, "big").bit_length() != bits:
            raise FormatError("a long number is not as long as it says")
        numbers.append(number)
    reader.end()
    return tuple(numbers)


def mpi(number: bytes) -> bytes:
    """Return `number` as a long number; leading zeros go."""
    stripped = number.lstrip(b"\0")
    bits = int.from_bytes(stripped, "big").bit_length()
    return bits.to_bytes(2, "big") + stripped


def v4_fingerprint(body: bytes) -> str:
    """Return the fingerprint of the key in the `body` of its packet (section 12.2); SHA-1 is its definition."""
    head = b"\x99" + len(body).to_bytes(2, "big")
    return hashlib.sha1(head + body, usedforsecurity=False).hexdigest()


def signature_digest(content: bytes, other_headers: bytes, hash_number: int = SHA256) -> bytes:
    """Return the digest that is signed (section 5.2.4).

    Raises:
        FormatError: the hash algorithm is not supported.

    """
    name = _HASHES.get(hash_number)
    if name is None:
        raise FormatError(f"the hash algorithm {hash_number} is not supported")
    trailer = b"\x04\xff" + len(other_headers).to_bytes(4, "big")
    digest = hashlib.new(name, content)
    digest.update(other_headers + trailer)
    return digest.digest()


class _Reader:
    """Bytes read from front to back, never more than there are."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._data)

    def take(self, count: int) -> bytes:
        found = self._data[self._at : self._at + count]
        if len(found) != count:
            raise FormatError("cut off: it ends before a length that it gives")
        self._at += count
        return found

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def rest(self) -> bytes:
        found = self._data[self._at :]
        self._at = len(self._data)
        return found

    def end(self) -> None:
        if self:
            raise FormatError("something follows where it should end")
