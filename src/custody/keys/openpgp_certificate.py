"""What is believed of an OpenPGP key as `gpg --export` writes it (RFC 4880, sections 11.1 and 12.1).

Such a file is a heap of packets that anybody may have put together. Only what the primary key signed itself counts:

1. a self-signature makes it a key at all, and says until when it is valid;
2. a subkey belongs to it if the primary key says so, and the subkey says so too: otherwise somebody could claim the
   signatures of another's subkey;
3. only a subkey that is meant for signing signs (GHSA-jjgp-whrp-gq8m);
4. what is revoked, expired, not yet valid or too weak does not count: of a primary key an error, of a subkey a remark;
5. what a key says of itself with SHA-1 counts, with a remark (see `openpgp_sha1`).

`pysequoia` (the extra `gpg`) takes armour and packets apart, and its own opinion on fingerprint and expiry is heard,
too, the latter unless the key rests on SHA-1, which it never accepts. It does not tell which subkeys are bound, and
calls revoked what any stranger's revocation lies beside, so all signatures are checked here.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from custody.encoding.instants import MAX_CLOCK_SKEW, write_instant
from custody.errors import FormatError, UsageError
from custody.keys import openpgp_sha1
from custody.keys.keyid import short_id
from custody.keys.openpgp import OpenPGPKey, algorithm_of
from custody.keys.openpgp_algorithms import algorithm_numbered
from custody.keys.openpgp_document import MAX_SUBKEYS, make_openpgp_key
from custody.keys.openpgp_forms import MAX_CERTIFICATE_BYTES
from custody.keys.openpgp_packets import (
    SignaturePacket,
    issuers,
    read_signature_packet,
    signature_digest,
    v4_fingerprint,
)
from custody.keys.openpgp_sha1 import is_by_sha1, leaves_no_room
from custody.value import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pysequoia import Cert

__all__ = ["read_certificate"]

# Tags of packets (section 4.3).
_SIGNATURE, _SECRET_KEY, _PUBLIC_KEY, _SECRET_SUBKEY = 2, 5, 6, 7
_MARKER, _TRUST, _USER_ID, _SUBKEY, _ATTRIBUTE, _PADDING = 10, 12, 13, 14, 17, 21

# Types of signatures (section 5.2.1).
_CERTIFICATIONS = frozenset({0x10, 0x11, 0x12, 0x13})
_SUBKEY_BINDING, _PRIMARY_BINDING, _DIRECT = 0x18, 0x19, 0x1F
_KEY_REVOCATION, _SUBKEY_REVOCATION, _CERTIFICATION_REVOCATION = 0x20, 0x28, 0x30

# Types of subpackets (section 5.2.3.1).
_KEY_EXPIRATION, _REVOCATION_KEY, _PRIMARY_USER_ID, _KEY_FLAGS, _EMBEDDED = 9, 12, 25, 27, 32
_UNDERSTOOD = frozenset({2, 3, 4, 7, 9, 11, 12, 16, 20, 21, 22, 23, 24, 25, 26, 27, 29, 30, 32, 33, 34})

_MAY_SIGN = 0x02


class _Part(Value):
    """A packet of a key, user id or subkey, with the signatures that follow it."""

    tag: int
    body: bytes
    signatures: tuple[bytes, ...] = ()


def read_certificate(
    data: bytes, where: str, *, at: datetime, remark: Callable[[str], None] = lambda _: None
) -> OpenPGPKey:
    """Return the one public key in `data`, armoured or not, with those of its subkeys that may sign at `at`.

    `remark` is told which subkeys for signing were left out, and why, and what rests on SHA-1.

    Raises:
        FormatError: it is no such key, or one that nobody should rely on: not its own, expired, revoked or weak.
        UsageError: the extra `gpg` is not installed.

    """
    if len(data) > MAX_CERTIFICATE_BYTES:
        raise FormatError(
            f"expected an OpenPGP key of at most {MAX_CERTIFICATE_BYTES} bytes, got {len(data)}",
            where=where,
            remedy="leave out others' signatures: gpg --export-options export-minimal --export FINGERPRINT",
        )
    certificate, packets = _taken_apart(data, where)
    try:
        parts = _parts(packets)
        judge = _Judge(parts, at)
        key = judge.key(remark)
    except FormatError as error:
        raise FormatError(error.problem, where=where, remedy=error.remedy) from None
    _second_opinion(certificate, key, where)
    if not judge.rests_on_sha1:
        _second_opinion_on_expiry(certificate, key, at, where)
    return key


def _taken_apart(data: bytes, where: str) -> tuple[Cert, list[tuple[int, bytes]]]:
    """Return the certificate as pysequoia has it, and the tags and bodies of its packets."""
    try:
        from pysequoia import Cert
        from pysequoia.packet import PacketPile, Tag
    except ImportError:
        raise UsageError("reading OpenPGP keys needs an extra: pip install 'custody[gpg]'") from None
    try:
        # pysequoia counts the kinds of packets, and its numbers are those of the standard up to 14 only.
        numbers = {int(Tag.UserAttribute): _ATTRIBUTE, int(Tag.Padding): _PADDING}
        numbers |= {number: number for number in range(_SUBKEY + 1)}
        packets = [(numbers.get(int(packet.tag), -1), bytes(packet.body)) for packet in PacketPile.from_bytes(data)]
        _refuse_secret(packets, where)
        certificates = Cert.split_bytes(data)
    except (RuntimeError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise FormatError(f"not an OpenPGP public key: {reason}", where=where) from None
    if len(certificates) == 1:
        return certificates[0], packets
    if not certificates:
        raise FormatError("expected an OpenPGP public key, got none", where=where)
    known = ", ".join(certificate.fingerprint for certificate in certificates)
    raise FormatError(
        f"expected one OpenPGP key, got {len(certificates)}: {known:.400}",
        where=where,
        remedy="export the one that is meant: gpg --export --armor FINGERPRINT",
    )


def _refuse_secret(packets: Iterable[tuple[int, bytes]], where: str) -> None:
    if any(tag in {_SECRET_KEY, _SECRET_SUBKEY} for tag, _ in packets):
        raise FormatError(
            "expected a public key, got a private one",
            where=where,
            remedy="export the public key: gpg --export --armor FINGERPRINT",
        )


def _second_opinion(certificate: Cert, key: OpenPGPKey, where: str) -> None:
    """Refuse a key that is another one to pysequoia."""
    if certificate.fingerprint != key.keyid:
        raise FormatError(f"its fingerprint is not certain: {key.keyid} or {certificate.fingerprint}", where=where)


def _second_opinion_on_expiry(certificate: Cert, key: OpenPGPKey, at: datetime, where: str) -> None:
    """Refuse what pysequoia refuses, if it sees more than was seen here."""
    try:
        expiration = certificate.expiration
    except RuntimeError as error:
        reason = str(error).partition("\n")[0]
        raise FormatError(f"the key {key.keyid} is none to rely on: {reason}", where=where) from None
    if expiration is not None and expiration <= at:
        raise _expired(key.keyid, expiration).within(where)


def _parts(packets: Iterable[tuple[int, bytes]]) -> list[_Part]:
    """Return primary key, user ids and subkeys with their signatures."""
    parts: list[_Part] = []
    for tag, body in packets:
        if tag in {_MARKER, _TRUST, _PADDING}:
            continue
        if tag == _SIGNATURE and parts:
            parts[-1] = parts[-1].replace(signatures=(*parts[-1].signatures, body))
        elif tag == (_PUBLIC_KEY if not parts else tag) and tag in {_PUBLIC_KEY, _USER_ID, _ATTRIBUTE, _SUBKEY}:
            parts.append(_Part(tag=tag, body=body))
        else:
            raise FormatError("not an OpenPGP public key: a packet that does not belong there")
    if not parts or any(part.tag == _PUBLIC_KEY for part in parts[1:]):
        raise FormatError("not one OpenPGP public key")
    return parts


class _Judge:
    """Decides what counts of one certificate at one instant."""

    def __init__(self, parts: Sequence[_Part], at: datetime) -> None:
        self._at = at
        self._primary, *others = parts
        # Wherever a revocation stands, it must not be overlooked.
        self._everything = _Part(tag=0, body=b"", signatures=tuple(s for part in parts for s in part.signatures))
        self._user_ids = [part for part in others if part.tag in {_USER_ID, _ATTRIBUTE}]
        self._subkeys = [part for part in others if part.tag == _SUBKEY]
        self._key = _key_of(self._primary.body)
        self._claims = self._found_claims()

    @property
    def rests_on_sha1(self) -> bool:
        """Whether the self-signature that speaks for the key is with SHA-1; what others say can only restrict it."""
        return is_by_sha1(self._claims[0])

    def key(self, remark: Callable[[str], None]) -> OpenPGPKey:
        """Return the key, or raise a FormatError if it is none to rely on."""
        self._check_age(self._key)
        if not self._claims:
            raise FormatError(
                f"the key {self._key.keyid} has no valid signature of its own",
                remedy="those with MD5 or RIPEMD-160 do not count; let gpg make a new one:"
                f" gpg --quick-set-expire {self._key.keyid} never",
            )
        self._refuse_revoked()
        key = self._key.replace(validity=self._validity())
        if key.expires is not None and key.expires <= self._at:
            raise _expired(key.keyid, key.expires)
        if self.rests_on_sha1:
            remark(openpgp_sha1.of_key(key))
        subkeys = tuple(subkey for part in self._subkeys if (subkey := self._subkey(part, remark)) is not None)
        if len(subkeys) > MAX_SUBKEYS:
            raise FormatError(f"expected at most {MAX_SUBKEYS} subkeys that sign, got {len(subkeys)}")
        flags = _flags(self._claims[0])
        if not subkeys and flags is not None and not flags & _MAY_SIGN:
            raise FormatError(f"neither the key {key.keyid} nor a subkey of it may sign", remedy="use another key")
        return key.replace(subkeys=subkeys or None)

    def _check_age(self, key: OpenPGPKey) -> None:
        created = datetime.fromtimestamp(key.created, UTC)
        if created - self._at > MAX_CLOCK_SKEW:
            raise FormatError(
                f"the key {key.keyid} says it was made at {write_instant(created)}, which is still to come",
                remedy="is the clock right?",
            )

    def _found_claims(self) -> list[SignaturePacket]:
        """Return the newest self-signature of each user id and of the key itself, the one that speaks for it first."""
        user_ids = [found for part in self._user_ids if (found := self._certification(part)) is not None]
        # The user id marked as primary speaks for the key, else the newest (section 5.2.3.19).
        user_ids.sort(key=lambda s: (bool(_flag(s, _PRIMARY_USER_ID)), s.headers.created), reverse=True)
        direct = _newest(self._valid(self._primary, {_DIRECT}, b""))
        return [*user_ids, *([direct] if direct is not None else [])]

    def _certification(self, part: _Part) -> SignaturePacket | None:
        lead = b"\xb4" if part.tag == _USER_ID else b"\xd1"
        content = lead + len(part.body).to_bytes(4, "big") + part.body
        found = self._valid(part, _CERTIFICATIONS, content)
        plain = part.tag == _USER_ID and leaves_no_room(part.body)
        newest = _newest(s for s in found if plain or not is_by_sha1(s))
        revoked = self._valid(part, {_CERTIFICATION_REVOCATION}, content, strict=False)
        if newest is None or any(r.headers.created >= newest.headers.created for r in revoked):
            return None
        return newest

    def _validity(self) -> int | None:
        """Return the shortest validity that the key gives itself where it speaks for itself; 0 stands for ever."""
        direct = [claim for claim in self._claims[1:] if claim.headers.kind == _DIRECT]
        said = [validity for claim in (self._claims[0], *direct) if (validity := _validity(claim)) is not None]
        return min(said, key=lambda seconds: seconds or float("inf"), default=None)

    def _refuse_revoked(self) -> None:
        if self._valid(self._everything, {_KEY_REVOCATION}, b"", strict=False):
            raise FormatError(f"the key {self._key.keyid} is revoked", remedy="use another key")
        # Others whom the key named may revoke it, and their keys are not at hand to check that they did.
        named = {body[2:].hex() for claim in self._claims for body in claim.headers.all_of(_REVOCATION_KEY)}
        for body in self._everything.signatures:
            found = _signature(body)
            if found is None or found.headers.kind != _KEY_REVOCATION:
                continue
            if any(fingerprint.endswith(issuer) for fingerprint in named for issuer in _issuers(found)):
                raise FormatError(
                    f"the key {self._key.keyid} is revoked by a key that it named", remedy="use another key"
                )

    def _subkey(self, part: _Part, remark: Callable[[str], None]) -> OpenPGPKey | None:
        """Return the subkey if its signatures count; what it is not meant for needs no remark."""
        binding = _newest(self._valid(part, {_SUBKEY_BINDING}, _hashed_key(part.body)))
        if binding is not None and not (_flags(binding) or 0) & _MAY_SIGN:
            return None
        try:
            subkey = _key_of(part.body)
            if binding is None:
                raise FormatError("it is not bound to the key by a valid signature")  # noqa: TRY301  # all in one list
            subkey = subkey.replace(validity=_validity(binding))
            back = self._check_subkey(subkey, part, binding)
        except FormatError as error:
            name = short_id(v4_fingerprint(part.body))
            remark(f"the subkey {name} of {self._key.keyid} is left out: {error.problem}")
            return None
        if is_by_sha1(binding):
            remark(openpgp_sha1.of_binding(self._key, subkey))
        elif is_by_sha1(back):
            remark(openpgp_sha1.of_consent(self._key, subkey))
        return subkey

    def _check_subkey(self, subkey: OpenPGPKey, part: _Part, binding: SignaturePacket) -> SignaturePacket:
        """Return the signature by which the subkey says that it belongs to the key; an error if it does not count."""
        self._check_age(subkey)
        if self._valid(self._everything, {_SUBKEY_REVOCATION}, _hashed_key(part.body), strict=False):
            raise FormatError("it is revoked")
        if subkey.expires is not None and subkey.expires <= self._at:
            raise _expired(subkey.keyid, subkey.expires)
        back = _newest(self._bound_back(subkey, part, binding))
        if back is None:
            raise FormatError("it does not say itself that it belongs to the key")
        return back

    def _bound_back(self, subkey: OpenPGPKey, part: _Part, binding: SignaturePacket) -> Iterator[SignaturePacket]:
        """Yield by what the subkey signed that it belongs to the primary key (section 5.2.1, type 0x19)."""
        content = _hashed_key(self._primary.body) + _hashed_key(part.body)
        for subpacket in (*binding.headers.subpackets, *binding.unhashed):
            found = _signature(subpacket.body) if subpacket.kind == _EMBEDDED else None
            if found is not None and found.headers.kind == _PRIMARY_BINDING and self._counts(found, subkey, content):
                yield found

    def _valid(
        self, part: _Part, kinds: Iterable[int], content: bytes, *, strict: bool = True
    ) -> list[SignaturePacket]:
        """Return the signatures of these kinds behind `part` that the primary key made over itself and `content`."""
        whole = _hashed_key(self._primary.body) + content
        wanted = frozenset(kinds)
        found = [found for body in part.signatures if (found := _signature(body)) is not None]
        return [s for s in found if s.headers.kind in wanted and self._counts(s, self._key, whole, strict=strict)]

    def _counts(self, found: SignaturePacket, key: OpenPGPKey, content: bytes, *, strict: bool = True) -> bool:
        """Return whether `key` made the signature over `content`; a revocation (not `strict`) counts in any case."""
        headers = found.headers
        named = _issuers(found)
        if headers.algorithm not in algorithm_of(key).numbers or not all(key.keyid.endswith(name) for name in named):
            return False
        if strict and (headers.critical_beyond(_UNDERSTOOD) or not self._is_now(found)):
            return False
        try:
            digest = signature_digest(content, found.other_headers, headers.hash_number)
        except FormatError:
            return not strict  # what cannot be checked must not revive a key
        try:
            value = algorithm_of(key).signature_of(found.numbers, key.spki)
        except FormatError:
            return False
        return algorithm_of(key).verify(key.spki, value, digest)

    def _is_now(self, found: SignaturePacket) -> bool:
        made = datetime.fromtimestamp(found.headers.created, UTC)
        ends = made + timedelta(seconds=found.headers.expires)
        return made - self._at <= MAX_CLOCK_SKEW and (not found.headers.expires or ends > self._at)


def _key_of(body: bytes) -> OpenPGPKey:
    """Return the key in the body of its packet, without what is said of it."""
    if len(body) < 6 or body[0] != 4:  # noqa: PLR2004  # version 4, seconds, algorithm (section 5.5.2)
        raise FormatError("expected an OpenPGP key of version 4, got another", remedy="make a key of version 4")
    algorithm = algorithm_numbered(body[5])
    key = make_openpgp_key(
        algorithm,
        algorithm.public_of(body[6:]),
        where="",
        created=int.from_bytes(body[1:5], "big"),
        validity=None,
        number=body[5],
    )
    if key.keyid != v4_fingerprint(body):
        raise FormatError("its numbers are not written as they should be")
    return key


def _hashed_key(body: bytes) -> bytes:
    """Return a key as signatures cover it (section 5.2.4)."""
    return b"\x99" + len(body).to_bytes(2, "big") + body


def _signature(body: bytes) -> SignaturePacket | None:
    try:
        return read_signature_packet(body)
    except FormatError:
        return None


def _newest(found: Iterable[SignaturePacket]) -> SignaturePacket | None:
    """Return the newest signature; of two that are equally new, not the one with SHA-1."""
    return max(found, key=lambda one: (one.headers.created, not is_by_sha1(one)), default=None)


def _issuers(found: SignaturePacket) -> tuple[str, ...]:
    return issuers((*found.headers.subpackets, *found.unhashed))


def _flag(found: SignaturePacket, kind: int) -> int | None:
    bodies = found.headers.all_of(kind)
    return bodies[-1][0] if bodies and bodies[-1] else None


def _flags(found: SignaturePacket) -> int | None:
    """Return what the key may be used for, None if that is not said."""
    return _flag(found, _KEY_FLAGS)


def _validity(found: SignaturePacket) -> int | None:
    """Return for how many seconds from its making the key is valid, None if that is not said."""
    bodies = found.headers.all_of(_KEY_EXPIRATION)
    return int.from_bytes(bodies[-1][:4], "big") if bodies else None


def _expired(keyid: str, expires: datetime) -> FormatError:
    return FormatError(
        f"the key {keyid} expired at {write_instant(expires)}",
        remedy="extend it (gpg --quick-set-expire) and export it again, or use another key",
    )
