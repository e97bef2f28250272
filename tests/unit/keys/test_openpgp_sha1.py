"""Keys that say with SHA-1 what they are: they count, with a remark that tells how to renew them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from custody.errors import FormatError
from custody.keys.openpgp import OpenPGPKey
from custody.keys.openpgp_certificate import read_certificate
from custody.keys.openpgp_sha1 import MAX_USER_ID_BYTES
from tests.openpgp import (
    CERTIFY,
    ENCRYPT,
    SIGN,
    Maker,
    bound,
    certificate,
    certification,
    flags,
    packet,
    seconds,
    subpacket,
)

AT = datetime(2026, 6, 1, tzinfo=UTC)
MD5, SHA1 = 1, 2
YEAR = 365 * 86400
ALICE, LAPTOP, MALLORY = Maker("alice"), Maker("laptop"), Maker("mallory")

OVER = subpacket(9, YEAR.to_bytes(4, "big"))
LATER = subpacket(9, (90 * YEAR).to_bytes(4, "big"))
"""An expiry that is to come for pysequoia, too, which has a clock of its own."""

PICTURE = subpacket(1, b"picture")

NOT_ITS_OWN = "no valid signature of its own"


def read(data: bytes) -> tuple[OpenPGPKey, list[str]]:
    remarks: list[str] = []
    return read_certificate(data, "alice.asc", at=AT, remark=remarks.append), remarks


def refused(data: bytes) -> str:
    with pytest.raises(FormatError) as caught:
        read(data)
    return str(caught.value)


def on_key(until: str = "never") -> str:
    fingerprint = ALICE.key.keyid
    return (
        f"the key {fingerprint} vouches for itself with SHA-1, which is outdated; renew it and export it again:"
        f" gpg --quick-set-expire {fingerprint} {until}"
    )


def on_binding(until: str = "never") -> str:
    fingerprint, subkey = ALICE.key.keyid, LAPTOP.key.keyid
    return (
        f"the subkey {subkey[:8]} of {fingerprint} is bound to it with SHA-1, which is outdated; renew it and export it"
        f" again: gpg --quick-set-expire {fingerprint} {until} {subkey}"
    )


ON_CONSENT = (
    f"the subkey {LAPTOP.key.keyid[:8]} of {ALICE.key.keyid} says with SHA-1 that it belongs there, which is outdated;"
    f" only a new subkey changes that: gpg --quick-add-key {ALICE.key.keyid} ALGORITHM sign"
)


def test_a_key_that_vouches_for_itself_with_sha1_counts_with_a_remark() -> None:
    assert read(certificate(ALICE)) == (ALICE.key, [])
    assert read(certificate(ALICE, hash_number=SHA1)) == (ALICE.key, [on_key()])


def test_the_remark_keeps_the_date_that_the_key_has() -> None:
    data = certificate(ALICE, hash_number=SHA1, more=flags(CERTIFY | SIGN) + LATER)
    assert read(data) == (ALICE.key.replace(validity=90 * YEAR), [on_key("21141211T000000")])
    subkey = bound(ALICE, LAPTOP, hash_number=SHA1, more=LATER)
    key, remarks = read(certificate(ALICE, subkeys=[subkey]))
    assert key.subkeys == (LAPTOP.key.replace(validity=90 * YEAR),)
    assert remarks == [on_binding("21141211T000000")]


@pytest.mark.parametrize(
    ("subkey", "remarks"),
    [
        (bound(ALICE, LAPTOP), []),
        (bound(ALICE, LAPTOP, hash_number=SHA1), [on_binding()]),
        (bound(ALICE, LAPTOP, hash_number=SHA1, back_hash_number=SHA1), [on_binding()]),
        (bound(ALICE, LAPTOP, back_hash_number=SHA1), [ON_CONSENT]),
    ],
)
def test_a_subkey_that_is_bound_with_sha1_counts_with_a_remark(subkey: bytes, remarks: list[str]) -> None:
    assert read(certificate(ALICE, subkeys=[subkey])) == (ALICE.with_subkeys(LAPTOP), remarks)
    by_sha1 = certificate(ALICE, subkeys=[subkey], hash_number=SHA1)
    assert read(by_sha1) == (ALICE.with_subkeys(LAPTOP), [on_key(), *remarks])


def test_a_key_may_vouch_for_itself_directly_with_sha1() -> None:
    # A direct signature beside another one can only restrict the key, so nothing is said of it.
    direct = ALICE.signed_packet(ALICE.hashed, kind=0x1F, hash_number=SHA1, more=LATER)
    assert read(certificate(ALICE, before=direct)) == (ALICE.key.replace(validity=90 * YEAR), [])
    alone = ALICE.signed_packet(ALICE.hashed, kind=0x1F, hash_number=SHA1, more=flags(SIGN))
    assert read(packet(6, ALICE.body) + alone) == (ALICE.key, [on_key()])
    others = MALLORY.signed_packet(ALICE.hashed, kind=0x1F, hash_number=SHA1, more=flags(SIGN))
    assert NOT_ITS_OWN in refused(packet(6, ALICE.body) + others)


def certified_by(who: Maker, content: bytes, **said: object) -> bytes:
    """Return the key of alice with a certification, with SHA-1, that `who` made over `content`."""
    signature = who.signed_packet(content, kind=0x13, created=seconds(2025), hash_number=SHA1, **said)
    return packet(6, ALICE.body) + packet(13, b"alice") + signature


HERS = ALICE.hashed + b"\xb4" + (5).to_bytes(4, "big") + b"alice"
IN_HER_NAME = {"issuer": bytes.fromhex(ALICE.key.keyid)}

TAMPERED: dict[str, bytes] = {
    "over another user id": certified_by(ALICE, HERS[:-1] + b"f"),
    "over another key": certified_by(ALICE, MALLORY.hashed + HERS[len(ALICE.hashed) :]),
    "by another key": certified_by(MALLORY, HERS),
    "by another key in her name": certified_by(MALLORY, HERS, **IN_HER_NAME),
    "over the digest of another hash": certificate(ALICE).replace(
        ALICE.headers(kind=0x13, created=seconds(2025), more=flags(CERTIFY | SIGN)),
        ALICE.headers(kind=0x13, created=seconds(2025), more=flags(CERTIFY | SIGN), hash_number=SHA1),
    ),
    "of another type": packet(6, ALICE.body)
    + packet(13, b"alice")
    + ALICE.signed_packet(HERS, kind=0x00, created=seconds(2025), hash_number=SHA1),
    "from the future": certificate(ALICE, hash_number=SHA1, created=seconds(2027)),
    "with MD5": certificate(ALICE, hash_number=MD5),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_a_self_signature_with_sha1_that_is_not_good_makes_no_key(name: str) -> None:
    assert read(certified_by(ALICE, HERS)) == (ALICE.key, [on_key()])
    assert NOT_ITS_OWN in refused(TAMPERED[name])


@pytest.mark.parametrize(
    ("subkey", "said"),
    [
        (bound(MALLORY, LAPTOP, hash_number=SHA1, back_hash_number=SHA1), "is not bound to the key"),
        (bound(ALICE, LAPTOP, back=MALLORY, hash_number=SHA1, back_hash_number=SHA1), "does not say itself"),
        (bound(ALICE, LAPTOP, claim=False, hash_number=SHA1), "does not say itself"),
        (bound(ALICE, LAPTOP, hash_number=MD5, back_hash_number=SHA1), "is not bound to the key"),
        (bound(ALICE, LAPTOP, hash_number=SHA1, back_hash_number=MD5), "does not say itself"),
    ],
)
def test_a_binding_with_sha1_that_is_not_good_binds_no_subkey(subkey: bytes, said: str) -> None:
    good = bound(ALICE, LAPTOP, hash_number=SHA1, back_hash_number=SHA1)
    assert read(certificate(ALICE, subkeys=[good])) == (ALICE.with_subkeys(LAPTOP), [on_binding()])
    key, (remark,) = read(certificate(ALICE, subkeys=[subkey]))
    assert key == ALICE.key
    assert said in remark


def both(sha1: int, sha256: int, *, sha1_says: bytes = b"", sha256_says: bytes = b"") -> bytes:
    """Return the key of alice with two certifications, made at these times."""
    signed = certification(ALICE, b"alice", created=sha1, hash_number=SHA1, more=flags(SIGN) + sha1_says)
    newer = certification(ALICE, b"alice", created=sha256, more=flags(SIGN) + sha256_says)
    return packet(6, ALICE.body) + signed + newer[len(packet(13, b"alice")) :]


def test_the_newest_self_signature_decides_whatever_its_hash() -> None:
    older, newer = seconds(2025), seconds(2026)
    assert read(both(older, newer)) == (ALICE.key, [])
    assert read(both(newer, older)) == (ALICE.key, [on_key()])
    assert read(both(older, older)) == (ALICE.key, [])
    assert "expired at 2026-01-01" in refused(both(newer, older, sha1_says=OVER))
    assert read(both(older, newer, sha1_says=OVER)) == (ALICE.key, [])
    assert "expired at 2026-01-01" in refused(both(older, newer, sha256_says=OVER))
    assert read(both(newer, older, sha256_says=OVER)) == (ALICE.key, [on_key()])


def test_the_newest_binding_decides_whatever_its_hash() -> None:
    content = ALICE.hashed + LAPTOP.hashed
    again = ALICE.signed_packet(content, kind=0x18, created=seconds(2026), more=flags(ENCRYPT), hash_number=SHA1)
    assert read(certificate(ALICE, subkeys=[bound(ALICE, LAPTOP)]))[0].subkeys
    assert read(certificate(ALICE, subkeys=[bound(ALICE, LAPTOP, behind=again)])) == (ALICE.key, [])


@pytest.mark.parametrize(
    "user_id",
    ["é".encode() * (MAX_USER_ID_BYTES // 2), b"Alice (at home) <alice@example.com>", b""],
)
def test_sha1_certifies_user_ids_that_are_short_text(user_id: bytes) -> None:
    assert read(certificate(ALICE, hash_number=SHA1, user_id=user_id)) == (ALICE.key, [on_key()])


@pytest.mark.parametrize(
    "user_id", [b"a" * (MAX_USER_ID_BYTES + 1), b"alice\0", b"al\x1bice", "alice\x85".encode(), b"\xe9lice"]
)
def test_sha1_certifies_no_user_id_that_has_room_for_a_collision(user_id: bytes) -> None:
    assert read(certificate(ALICE, user_id=user_id)) == (ALICE.key, [])
    assert NOT_ITS_OWN in refused(certificate(ALICE, hash_number=SHA1, user_id=user_id))


def test_sha1_certifies_no_picture() -> None:
    """A stranger's key that alice certified with SHA-1 may collide with one, and the like would lift her expiry."""
    mortal = certificate(ALICE, more=flags(CERTIFY | SIGN) + LATER)
    picture = certification(ALICE, PICTURE, tag=17, created=seconds(2026), hash_number=SHA1)
    assert read(mortal + picture) == (ALICE.key.replace(validity=90 * YEAR), [])
    assert read(mortal + certification(ALICE, PICTURE, tag=17, created=seconds(2026))) == (ALICE.key, [])
    assert NOT_ITS_OWN in refused(packet(6, ALICE.body) + picture)


def test_a_key_with_sha1_that_is_revoked_or_expired_is_refused() -> None:
    revocation = ALICE.signed_packet(ALICE.hashed, kind=0x20, hash_number=SHA1)
    assert "is revoked" in refused(certificate(ALICE, hash_number=SHA1, before=revocation))
    assert "expired at 2026-01-01" in refused(certificate(ALICE, hash_number=SHA1, more=flags(SIGN) + OVER))
    withdrawn = ALICE.signed_packet(HERS, kind=0x30, created=seconds(2026), hash_number=SHA1)
    assert NOT_ITS_OWN in refused(certificate(ALICE, hash_number=SHA1, subkeys=[withdrawn]))
