"""OpenPGP keys and signatures: what counts, and how little has to be wrong for it not to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from custody.encoding.instants import MAX_CLOCK_SKEW
from custody.errors import FormatError
from custody.keys.document import write_key
from custody.keys.key import Key, refuse_shared_subkeys
from custody.keys.openpgp import OpenPGPKey
from custody.keys.openpgp_algorithms import ALGORITHMS, algorithm_numbered
from custody.keys.openpgp_packets import read_mpis, read_packet, read_signature_packet
from custody.keys.public import key_of_spki
from tests.openpgp import MESSAGE, VECTORS, Maker, packet, read_openpgp, seconds, signature_of, subpacket
from tests.simulator import actor

KEYS = {name: entry for name, entry in VECTORS["keys"].items() if entry["key"] is not None}
AT = datetime(2026, 6, 1, tzinfo=UTC)


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@pytest.mark.parametrize("name", KEYS)
def test_signatures_of_the_reference_verify_and_changed_ones_do_not(name: str) -> None:
    key = read_openpgp(KEYS[name]["key"])
    for entry in KEYS[name]["signatures"]:
        signature = signature_of(entry)
        assert key.verify(signature, MESSAGE)
        assert not key.verify(signature, MESSAGE + b" ")
        for changed in (
            signature.replace(signature=flipped(signature.signature, -1)),
            signature.replace(signature=signature.signature + b"\0"),
            signature.replace(signature=b""),
            signature.replace(other_headers=flipped(signature.other_headers, -1)),
            signature.replace(keyid="0" * 40),
            signature.replace(keyid=""),
        ):
            assert not key.verify(changed, MESSAGE)


def test_a_signature_is_only_by_the_key_that_made_it() -> None:
    keys = {name: read_openpgp(entry["key"]) for name, entry in KEYS.items()}
    for name, entry in KEYS.items():
        signature = signature_of(entry["signatures"][0])
        assert [other for other, key in keys.items() if key.verify(signature, MESSAGE)] == [name]


@pytest.mark.parametrize("name", KEYS)
def test_keys_of_the_reference_are_written_as_they_were(name: str) -> None:
    assert write_key(read_openpgp(KEYS[name]["key"])) == KEYS[name]["key"]


def test_an_rsa_signature_without_its_leading_zeros_is_the_same() -> None:
    """Whoever leaves them out, as gpg does: the reference puts them back before it verifies."""
    key = read_openpgp(KEYS["rsa"]["key"])
    signature = signature_of(KEYS["rsa"]["signatures"][0])
    padded = signature.replace(signature=signature.signature.rjust(256, b"\0"))
    assert key.verify(padded, MESSAGE)
    assert algorithm_numbered(1).signature_of(b"\0\x09\x01\x02", key.spki) == b"\x01\x02".rjust(256, b"\0")
    assert not key.verify(padded.replace(signature=b"\0" + padded.signature), MESSAGE)


def test_halves_of_an_eddsa_signature_are_filled_up_to_32_bytes() -> None:
    value = algorithm_numbered(22).signature_of(b"\0\x01\x01\0\x02\x02", b"")
    assert value == b"\x01".rjust(32, b"\0") + b"\x02".rjust(32, b"\0")


def test_a_subkey_signs_for_its_primary_key() -> None:
    alice, laptop, stranger = Maker("alice"), Maker("laptop"), Maker("stranger")
    key = alice.with_subkeys(laptop)
    assert key.verify(alice.sign(b"x"), b"x")
    assert key.verify(laptop.sign(b"x"), b"x")
    assert not key.verify(stranger.sign(b"x"), b"x")
    assert not alice.key.verify(laptop.sign(b"x"), b"x")
    assert not key.verify(stranger.sign(b"x").replace(keyid=laptop.key.keyid), b"x")
    assert key.identity == alice.key.identity
    assert key.names == {alice.key.keyid, laptop.key.keyid}


def test_a_subkey_may_be_the_only_one_that_counts() -> None:
    alice, laptop = Maker("alice"), Maker("laptop")
    only = alice.with_subkeys(laptop).replace(only=laptop.key.keyid)
    assert only.verify(laptop.sign(b"x"), b"x")
    assert not only.verify(alice.sign(b"x"), b"x")
    assert (only.identity, only.listed_as) == (alice.key.identity, laptop.key.keyid)


def test_openpgp_and_plain_signatures_never_stand_for_each_other() -> None:
    alice, bob = Maker("alice"), actor("alice")
    assert bob.public_key.spki == alice.key.spki
    signature = alice.sign(b"x")
    assert alice.key.verify(signature, b"x")
    assert not alice.key.verify(signature.signature, b"x")
    assert bob.public_key.verify(bob.sign(b"x"), b"x")
    assert not bob.public_key.verify(signature, b"x")


def test_a_plain_key_with_the_same_material_has_the_same_identity() -> None:
    for name in ("rsa", "eddsa"):
        key = read_openpgp(KEYS[name]["key"])
        assert key_of_spki(key.spki, "").identity == key.identity
    assert Maker("alice").key.identity == Maker("alice", seconds(2024)).key.identity
    assert Maker("alice").key.identity != Maker("bob").key.identity


HEADERS: dict[str, dict[str, Any]] = {
    "a certification": {"kind": 0x10},
    "text, whose line ends may be others": {"kind": 0x01},
    "another hash": {"hash_number": 10},
    "SHA-1": {"hash_number": 2},
    "another algorithm": {"algorithm": 1},
    "another algorithm of curves": {"algorithm": 27},
    "another key": {"issuer": b"\x01" * 20},
    "made before its key": {"created": seconds(2024, 12, 31)},
    "something critical": {"more": subpacket(20, b"\0" * 8, critical=True)},
    "an unknown critical subpacket": {"more": subpacket(99, b"", critical=True)},
    "a second time": {"more": subpacket(2, b"\0" * 4)},
    "a second key": {"more": subpacket(16, b"\x02" * 8)},
    "a key id that is cut": {"more": subpacket(16, b"")},
}


@pytest.mark.parametrize("name", HEADERS)
def test_headers_that_say_something_else_make_a_good_signature_worthless(name: str) -> None:
    alice = Maker("alice")
    assert alice.key.verify(alice.sign(b"x"), b"x")
    assert not alice.key.verify(alice.sign(b"x", **HEADERS[name]), b"x")


def test_harmless_statements_in_headers_do_not_matter() -> None:
    alice = Maker("alice")
    issuer = subpacket(16, bytes.fromhex(alice.key.keyid)[-8:])
    for more in (issuer, subpacket(28, b"alice@example.com"), subpacket(99, b"whatever"), subpacket(3, b"\0\0\0\1")):
        assert alice.key.verify(alice.sign(b"x", more=more), b"x")


GOOD = Maker("alice").headers()


@pytest.mark.parametrize(
    "headers",
    [
        b"",
        GOOD[:5],
        GOOD[:-1],
        GOOD + b"\0",
        b"\x03" + GOOD[1:],
        b"\x06" + GOOD[1:],
        GOOD[:4] + b"\0\0",
        GOOD[:4] + b"\0\x01\0",
        GOOD[:4] + b"\0\x06" + b"\x05\x02\0\0\0",
        GOOD[:4] + b"\0\x05" + b"\x04\x02\0\0\0",
        GOOD[:4] + b"\0\x07" + b"\xff\0\0\0\x05\x02\0",
        GOOD[:4] + b"\0\x02" + b"\xc0\x01",
    ],
)
def test_headers_that_are_not_well_formed_are_worthless(headers: bytes) -> None:
    alice = Maker("alice")
    assert alice.key.verify(alice.sign(b"x", GOOD), b"x")
    assert not alice.key.verify(alice.sign(b"x", headers), b"x")


def test_lengths_of_subpackets_may_be_written_in_every_way() -> None:
    alice = Maker("alice")
    created = b"\x05\x02" + seconds(2026).to_bytes(4, "big")
    long = b"\xc0\x08" + b"\x63" + b"x" * 199  # 200 bytes in the two-byte form
    area = created + long + b"\x02\x63x"
    headers = bytes([4, 0, 22, 8]) + len(area).to_bytes(2, "big") + area
    assert alice.key.verify(alice.sign(b"x", headers), b"x")
    cut = headers[:5] + bytes([headers[5] - 1]) + headers[6:-1]
    assert not alice.key.verify(alice.sign(b"x", cut), b"x")


def test_an_expired_key_signs_no_more() -> None:
    alice = Maker("alice")
    key = alice.key.replace(validity=seconds(2026, 6, 2) - alice.key.created)
    signature = alice.sign(b"x")
    assert key.untimely(signature, AT) is None
    late = key.untimely(signature, AT + timedelta(days=1))
    assert late is not None
    assert late.key_expired
    assert "expired at 2026-06-02T00:00:00Z" in late.problem
    assert alice.key.replace(validity=0).untimely(signature, AT + timedelta(days=9999)) is None


def test_a_primary_key_that_has_expired_takes_its_subkeys_along() -> None:
    alice, laptop = Maker("alice"), Maker("laptop")
    key = alice.with_subkeys(laptop)
    signature = laptop.sign(b"x")
    assert key.untimely(signature, AT) is None
    for old in (key.replace(validity=1), key.replace(subkeys=(laptop.key.replace(validity=1),))):
        late = old.untimely(signature, AT)
        assert late is not None
        assert late.key_expired
    assert key.replace(subkeys=(laptop.key.replace(validity=1),)).untimely(alice.sign(b"x"), AT) is None


def test_signatures_and_keys_of_the_future_do_not_count_yet() -> None:
    alice = Maker("alice")
    signature = alice.sign(b"x", created=int(AT.timestamp()))
    assert alice.key.untimely(signature, AT) is None
    assert alice.key.untimely(signature, AT - MAX_CLOCK_SKEW) is None
    late = alice.key.untimely(signature, AT - MAX_CLOCK_SKEW - timedelta(seconds=1))
    assert late is not None
    assert not late.key_expired
    assert "still to come" in late.problem
    unborn = Maker("bob", seconds(2026, 7))
    assert unborn.key.untimely(unborn.sign(b"x", created=seconds(2026, 7)), AT) is not None
    assert alice.key.untimely(signature, datetime.max.replace(tzinfo=UTC)) is None


def test_a_signature_may_limit_its_own_time() -> None:
    alice = Maker("alice")
    day = subpacket(3, (86400).to_bytes(4, "big"))
    signature = alice.sign(b"x", created=seconds(2026, 6), more=day)
    assert alice.key.untimely(signature, AT) is None
    late = alice.key.untimely(signature, AT + timedelta(days=1))
    assert late is not None
    assert "good until 2026-06-02T00:00:00Z" in late.problem


def changed(name: str, **changes: object) -> OpenPGPKey:
    return read_openpgp(KEYS[name]["key"], **changes)


def public(name: str, **changes: str) -> dict[str, object]:
    return {"private": "", "public": {**KEYS[name]["key"]["keyval"]["public"], **changes}}


BAD_KEYS: dict[str, tuple[str, dict[str, object], str]] = {
    "another method": ("rsa", {"method": "pgp+dsa-fips-180-2"}, r"key\.method: the OpenPGP method"),
    "another type": ("rsa", {"type": "dsa"}, "is not supported"),
    "another hash": ("rsa", {"hashes": ["pgp+SHA1"]}, r"key\.hashes: expected \['pgp\+SHA2'\]"),
    "no hash": ("rsa", {"hashes": []}, "expected"),
    "a short id": ("rsa", {"keyid": KEYS["rsa"]["key"]["keyid"][-16:]}, "expected a fingerprint"),
    "an id in capitals": ("rsa", {"keyid": KEYS["rsa"]["key"]["keyid"].upper()}, "expected a fingerprint"),
    "another's id": ("rsa", {"keyid": KEYS["eddsa"]["key"]["keyid"]}, "the key's fingerprint is"),
    "another time": ("rsa", {"creation_time": 1}, "the key's fingerprint is"),
    "no time in range": ("rsa", {"creation_time": 2**32}, "at most 4294967295 seconds"),
    "a time before all": ("rsa", {"creation_time": -1}, "expected an integer >= 0"),
    "true for a time": ("rsa", {"creation_time": True}, "expected an integer"),
    "no period": ("rsa", {"validity_period": None}, "expected an integer"),
    "a private key": ("rsa", {"keyval": {**public("rsa"), "private": "ab"}}, r"private: expected no private key"),
    "other numbers": ("rsa", {"keyval": public("eddsa")}, r"key\.keyval\.public\.n: missing"),
    "spaces in a number": ("rsa", {"keyval": public("rsa", e="01 00 01")}, "hexadecimal"),
    "an even exponent": ("rsa", {"keyval": public("rsa", e="02")}, "not an RSA key"),
    "RSA-1024": ("rsa", {"keyval": public("rsa", n="c1" * 128)}, "expected an RSA key of 2048"),
    "DSA-1024": ("dsa", {"keyval": public("dsa", p="c1" * 128)}, "a DSA key of at least 2048 bits, got 1024"),
    "DSA for everybody": ("dsa", {"keyval": public("dsa", y="01")}, "weak DSA key"),
    "DSA with another generator": ("dsa", {"keyval": public("dsa", g="02")}, "weak DSA key|not a DSA key"),
    "DSA of a strange size": ("dsa", {"keyval": public("dsa", p="c1" * 300)}, "not a DSA key"),
    "Ed25519 for everybody": ("eddsa", {"keyval": public("eddsa", q="01" + "00" * 31)}, "weak ed25519 key"),
    "subkeys in a list": ("rsa", {"subkeys": []}, r"key\.subkeys: expected an object"),
    "a subkey under another id": (
        "subkeys",
        {"subkeys": {"0" * 40: next(iter(KEYS["subkeys"]["key"]["subkeys"].values()))}},
        "expected the key id that it is listed under",
    ),
    "too many subkeys": ("rsa", {"subkeys": {str(n): {} for n in range(101)}}, "expected at most 100, got 101"),
}


@pytest.mark.parametrize("name", BAD_KEYS)
def test_a_key_that_is_not_what_it_says_is_refused(name: str) -> None:
    which, changes, said = BAD_KEYS[name]
    changed(which)
    with pytest.raises(FormatError, match=said):
        changed(which, **changes)


def test_a_key_without_its_time_is_refused_since_its_fingerprint_cannot_be_checked() -> None:
    document = {name: value for name, value in KEYS["rsa"]["key"].items() if name != "creation_time"}
    with pytest.raises(FormatError, match=r"key\.creation_time: missing; import it again"):
        read_openpgp(document)


def test_unknown_fields_are_found_on_every_level() -> None:
    subkey_id, subkey = next(iter(KEYS["subkeys"]["key"]["subkeys"].items()))
    for changes, where in (
        ({"comment": 1}, "key.comment"),
        ({"keyval": {**KEYS["subkeys"]["key"]["keyval"], "certificate": "x"}}, "key.keyval.certificate"),
        ({"subkeys": {subkey_id: {**subkey, "subkeys": {}}}}, f"key.subkeys.{subkey_id}.subkeys"),
    ):
        changed("subkeys")
        with pytest.raises(AssertionError, match=where.replace(".", r"\.")):
            changed("subkeys", **changes)


def test_a_subkey_is_read_as_strictly_as_a_key() -> None:
    subkey_id, subkey = next(iter(KEYS["subkeys"]["key"]["subkeys"].items()))
    with pytest.raises(FormatError, match=rf"key\.subkeys\.{subkey_id}\.keyid: the key's fingerprint is"):
        changed("subkeys", subkeys={subkey_id: {**subkey, "creation_time": 5}})


def test_keys_of_two_people_share_no_subkey() -> None:
    alice, bob, laptop = Maker("alice"), Maker("bob"), Maker("laptop")
    sound: tuple[Key, ...] = (alice.with_subkeys(laptop), bob.key, actor("carol").public_key)
    refuse_shared_subkeys(sound, "keys")
    refuse_shared_subkeys((alice.with_subkeys(laptop), Maker("alice", seconds(2024)).with_subkeys(laptop)), "keys")
    refuse_shared_subkeys((alice.key, actor("alice").public_key), "keys")
    for shared in (bob.with_subkeys(laptop), laptop.key, actor("laptop").public_key):
        with pytest.raises(FormatError, match=r"^keys: keys \w+ and \w+ share a subkey"):
            refuse_shared_subkeys((*sound, shared), "keys")


@pytest.mark.parametrize(
    "data", [b"", b"\x7f", b"\xc2", b"\xc2\x05abc", b"\xc2\xe1abc", b"\x8b\x01a", b"\xc2\xff\0\0", b"\xc2\xc0"]
)
def test_what_is_no_packet_is_refused(data: bytes) -> None:
    assert read_packet(packet(2, b"abc") + b"more") == (2, b"abc", b"more")
    with pytest.raises(FormatError):
        read_packet(data)


def test_packets_have_lengths_in_five_forms() -> None:
    body = b"x" * 200
    for head in (b"\xc2\xc0\x08", b"\x88\xc8", b"\x89\0\xc8", b"\x8a\0\0\0\xc8"):
        assert read_packet(head + body) == (2, body, b"")
    assert read_packet(b"\xc2\x03abc") == (2, b"abc", b"")


def test_long_numbers_are_exactly_as_long_as_they_say() -> None:
    assert read_mpis(b"\0\x09\x01\xff\0\x01\x01", 2) == (b"\x01\xff", b"\x01")
    for data in (b"\0\x09\x03\xff", b"\0\x09\0\xff", b"\0\x08\xff\0", b"\0\x08"):
        with pytest.raises(FormatError):
            read_mpis(data, 1)


def test_a_signature_packet_is_read_to_its_end() -> None:
    body = Maker("alice").packet_body(b"x")
    assert read_signature_packet(body).headers.created == seconds(2026)
    for end in range(len(GOOD) + 4):
        with pytest.raises(FormatError):
            read_signature_packet(body[:end])


def test_every_algorithm_writes_what_it_reads() -> None:
    for entry in KEYS.values():
        key = read_openpgp(entry["key"])
        (algorithm,) = (algorithm for algorithm in ALGORITHMS if algorithm.method == key.scheme)
        body = algorithm.packet_body(key.created, dict(key.parameters), algorithm.numbers[0])
        assert algorithm.public_of(body[6:]) == dict(key.parameters)
        with pytest.raises(FormatError):
            algorithm.public_of(body[6:-1])
    for number in (2, 16, 18, 19, 27, 99):
        with pytest.raises(FormatError, match="is not supported"):
            algorithm_numbered(number)
