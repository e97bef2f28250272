"""What is believed of an exported OpenPGP key, and what somebody may put into one in vain."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Any

import pytest

from custody.errors import FormatError, UsageError
from custody.keys.document import write_key
from custody.keys.openpgp import OpenPGPKey
from custody.keys.openpgp_certificate import read_certificate
from custody.keys.openpgp_forms import MAX_CERTIFICATE_BYTES, is_openpgp
from tests.openpgp import (
    CERTIFY,
    ENCRYPT,
    SIGN,
    VECTORS,
    Maker,
    bound,
    certificate,
    certification,
    flags,
    packet,
    read_openpgp,
    seconds,
    subpacket,
)

AT = datetime(2026, 6, 1, tzinfo=UTC)
YEAR = 365 * 86400

ALICE, LAPTOP, MALLORY = Maker("alice"), Maker("laptop"), Maker("mallory")


def read(data: bytes, at: datetime = AT) -> tuple[OpenPGPKey, list[str]]:
    remarks: list[str] = []
    return read_certificate(data, "alice.asc", at=at, remark=remarks.append), remarks


def refused(data: bytes, at: datetime = AT) -> str:
    with pytest.raises(FormatError) as caught:
        read(data, at)
    assert caught.value.where == "alice.asc"
    return str(caught.value)


@pytest.mark.parametrize("name", ["rsa", "dsa", "eddsa", "expiring"])
def test_a_key_is_imported_as_the_reference_imports_it(name: str) -> None:
    entry = VECTORS["keys"][name]
    key, remarks = read(entry["armored"].encode())
    assert write_key(key) == entry["key"]
    assert remarks == []


def test_a_subkey_for_encryption_is_none_that_signs() -> None:
    """GHSA-jjgp-whrp-gq8m: the reference takes it for one."""
    entry = VECTORS["keys"]["subkeys"]
    key, _ = read(entry["armored"].encode())
    reference = read_openpgp(entry["key"])
    signs = {signature["keyid"] for signature in entry["signatures"]}
    assert {subkey.keyid for subkey in key.subkeys or ()} == signs
    assert {subkey.keyid for subkey in reference.subkeys or ()} > signs


def test_subkeys_on_curves_and_of_other_kinds_than_the_primary_key_are_imported() -> None:
    """D24: the reference loses every subkey of a primary key on a curve."""
    entry = VECTORS["keys"]["curve"]
    key, remarks = read(entry["armored"].encode())
    assert [subkey.keytype for subkey in key.subkeys or ()] == ["eddsa", "rsa", "dsa"]
    assert remarks == []


def test_a_made_key_and_its_subkey_are_imported() -> None:
    key, remarks = read(certificate(ALICE, subkeys=[bound(ALICE, LAPTOP)]))
    assert key == ALICE.with_subkeys(LAPTOP)
    assert remarks == []
    assert read_openpgp(write_key(key)) == key
    assert read(certificate(ALICE))[0] == ALICE.key


def claimed(**said: Any) -> bytes:  # noqa: ANN401  # see `bound`
    return certificate(ALICE, subkeys=[bound(ALICE, LAPTOP, **said)])


REVOKED_SUBKEY = ALICE.signed_packet(ALICE.hashed + LAPTOP.hashed, kind=0x28)

LEFT_OUT: dict[str, tuple[bytes, str]] = {
    "another's subkey without its consent": (claimed(claim=False), "does not say itself"),
    "another's subkey with somebody else's consent": (claimed(back=MALLORY), "does not say itself"),
    "one that another key claims": (certificate(ALICE, subkeys=[bound(MALLORY, LAPTOP)]), "not bound"),
    "without any binding": (certificate(ALICE, subkeys=[packet(14, LAPTOP.body)]), "not bound"),
    "revoked": (claimed(behind=REVOKED_SUBKEY), "is revoked"),
    "revoked, with the revocation elsewhere": (
        certificate(ALICE, before=REVOKED_SUBKEY, subkeys=[bound(ALICE, LAPTOP)]),
        "is revoked",
    ),
    "expired": (claimed(more=subpacket(9, YEAR.to_bytes(4, "big"))), "expired at 2026-01-01"),
    "bound in the future": (claimed(created=seconds(2027)), "not bound"),
    "bound for a time that is over": (claimed(more=subpacket(3, (5).to_bytes(4, "big"))), "not bound"),
    "bound under an unknown condition": (claimed(more=subpacket(99, b"", critical=True)), "not bound"),
    "made in the future": (
        certificate(ALICE, subkeys=[bound(ALICE, Maker("late", seconds(2027)))]),
        "still to come",
    ),
    "on another curve": (
        certificate(ALICE, subkeys=[packet(14, LAPTOP.body[:5] + b"\x13" + LAPTOP.body[6:])]),
        "ECDSA",
    ),
}


@pytest.mark.parametrize("name", LEFT_OUT)
def test_a_subkey_that_is_none_to_rely_on_is_left_out_with_a_remark(name: str) -> None:
    data, said = LEFT_OUT[name]
    key, remarks = read(data)
    assert key == ALICE.key
    (remark,) = remarks
    assert said in remark
    assert "is left out" in remark


@pytest.mark.parametrize("purpose", [ENCRYPT, CERTIFY, 0x20, 0, None])
def test_only_a_subkey_for_signing_signs(purpose: int | None) -> None:
    assert read(claimed(purpose=SIGN | ENCRYPT))[0].subkeys is not None
    assert read(claimed(purpose=purpose)) == (ALICE.key, [])


def test_the_newest_binding_counts() -> None:
    again = ALICE.signed_packet(ALICE.hashed + LAPTOP.hashed, kind=0x18, created=seconds(2026), more=flags(ENCRYPT))
    assert read(claimed())[0].subkeys is not None
    assert read(claimed(behind=again))[0].subkeys is None
    earlier = ALICE.signed_packet(ALICE.hashed + LAPTOP.hashed, kind=0x18, created=seconds(2025), more=flags(ENCRYPT))
    assert read(certificate(ALICE, subkeys=[bound(ALICE, LAPTOP, created=seconds(2026), behind=earlier)]))[0].subkeys


EXPIRES = subpacket(9, YEAR.to_bytes(4, "big"))
DESIGNATED = subpacket(12, b"\x80\x16" + bytes.fromhex(MALLORY.key.keyid))

REFUSED: dict[str, tuple[bytes, str]] = {
    "revoked": (certificate(ALICE, before=ALICE.signed_packet(ALICE.hashed, kind=0x20)), "is revoked"),
    "revoked behind the user id": (
        certificate(ALICE, subkeys=[ALICE.signed_packet(ALICE.hashed, kind=0x20)]),
        "is revoked",
    ),
    "revoked with SHA-1": (
        certificate(ALICE, before=ALICE.signed_packet(ALICE.hashed, kind=0x20, hash_number=2)),
        "is revoked",
    ),
    "revoked by whom it named": (
        certificate(
            ALICE,
            before=ALICE.signed_packet(ALICE.hashed, kind=0x1F, more=DESIGNATED)
            + MALLORY.signed_packet(ALICE.hashed, kind=0x20),
        ),
        "is revoked by a key that it named",
    ),
    "expired": (certificate(ALICE, more=flags(SIGN) + EXPIRES), "expired at 2026-01-01"),
    "expired by what it says of itself": (
        certificate(ALICE, before=ALICE.signed_packet(ALICE.hashed, kind=0x1F, more=EXPIRES)),
        "expired at 2026-01-01",
    ),
    "made in the future": (certificate(Maker("late", seconds(2027)), created=seconds(2027)), "still to come"),
    "self-signed in the future": (certificate(ALICE, created=seconds(2027)), "no valid signature of its own"),
    "self-signed with MD5": (certificate(ALICE, hash_number=1), "no valid signature of its own"),
    "without a self-signature": (packet(6, ALICE.body) + packet(13, b"alice"), "no valid signature of its own"),
    "for certification only": (certificate(ALICE, more=flags(CERTIFY)), "may sign"),
    "for encryption only": (certificate(ALICE, more=flags(ENCRYPT)), "may sign"),
    "two keys": (certificate(ALICE) + certificate(MALLORY), "expected one OpenPGP key, got 2"),
    "a private key": (packet(5, ALICE.body + b"\0" * 40), "private|not an OpenPGP public key"),
    "no key": (packet(13, b"alice"), "not an OpenPGP|got none"),
    "nothing": (b"", "got none"),
    "cut off": (certificate(ALICE)[:-9], "not an OpenPGP public key"),
    "an old version": (b"\x98\x03\x03\0\0" + certificate(ALICE), "OpenPGP"),
    "another algorithm": (packet(6, ALICE.body[:5] + b"\x13" + ALICE.body[6:]), "ECDSA|not an OpenPGP"),
    "too large": (certificate(ALICE) + b"x" * MAX_CERTIFICATE_BYTES, "at most 1048576 bytes"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_key_that_is_none_to_rely_on_is_refused(name: str) -> None:
    import re

    data, said = REFUSED[name]
    assert read(certificate(ALICE))[0] == ALICE.key
    assert re.search(said, refused(data)), refused(data)


def test_a_revocation_by_somebody_else_means_nothing() -> None:
    by_mallory = MALLORY.signed_packet(ALICE.hashed, kind=0x20)
    assert read(certificate(ALICE, before=by_mallory))[0] == ALICE.key
    in_her_name = MALLORY.signed_packet(ALICE.hashed, kind=0x20, issuer=bytes.fromhex(ALICE.key.keyid))
    assert read(certificate(ALICE, before=in_her_name))[0] == ALICE.key


def test_a_user_id_that_was_withdrawn_speaks_for_nobody() -> None:
    user_id = b"\xb4" + len(b"alice").to_bytes(4, "big") + b"alice"
    withdrawn = ALICE.signed_packet(ALICE.hashed + user_id, kind=0x30, created=seconds(2026))
    assert read(certificate(ALICE))[0] == ALICE.key
    assert "no valid signature of its own" in refused(certificate(ALICE, subkeys=[withdrawn]))


def test_a_key_may_carry_a_picture_and_padding() -> None:
    picture = certification(ALICE, subpacket(1, b"picture"), tag=17, more=flags(SIGN))
    assert read(certificate(ALICE) + picture + packet(21, b"padding")) == (ALICE.key, [])
    assert "not an OpenPGP public key" in refused(certificate(ALICE) + packet(19, b"m" * 20))


def test_a_key_counts_until_it_expires() -> None:
    # pysequoia has a clock of its own, so the key must not have expired yet in truth either.
    later = subpacket(9, (90 * YEAR).to_bytes(4, "big"))
    data = certificate(ALICE, more=flags(SIGN) + later)
    key, _ = read(data)
    assert key == ALICE.key.replace(validity=90 * YEAR)
    assert key.expires is not None
    assert "expired at" in refused(data, key.expires)


def test_a_flipped_bit_is_noticed_or_changes_nothing() -> None:
    good = certificate(ALICE, subkeys=[bound(ALICE, LAPTOP)])
    expected = ALICE.with_subkeys(LAPTOP)
    for at in range(0, len(good), 5):
        changed = good[:at] + bytes([good[at] ^ 4]) + good[at + 1 :]
        try:
            key, _ = read(changed)
        except FormatError:
            continue
        assert key in {expected, ALICE.key}


def test_armour_and_bytes_are_told_from_other_keys() -> None:
    assert is_openpgp(b"\n-----BEGIN PGP PUBLIC KEY BLOCK-----\n")
    assert is_openpgp(certificate(ALICE))
    assert is_openpgp(b"\x99\x01\x0d\x04")
    for other in (b"", b"-----BEGIN PUBLIC KEY-----", b"0\x82\x01\x22", b"{}", b"\xef\xbb\xbf-----BEGIN"):
        assert not is_openpgp(other)


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(certificate(ALICE))[0] == ALICE.key
    monkeypatch.setitem(sys.modules, "pysequoia", None)
    with pytest.raises(UsageError, match=r"pip install 'custody\[gpg\]'"):
        read(certificate(ALICE))
