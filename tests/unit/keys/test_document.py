from __future__ import annotations

from typing import Any

import pytest

from custody.encoding.fields import Fields
from custody.errors import FormatError
from custody.keys.document import read_key, write_key
from custody.keys.public import PublicKey

PUBLIC = "393e671b200f964c49083d34a867f5d989ec1c69df7b66758fe471c8591b139c"


def refuse(fields: Fields) -> None:
    for path, _ in fields.unknown():
        raise FormatError("unknown", where=path)


def document(**changes: object) -> dict[str, Any]:
    fields = {"keyid": "carol", "keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": PUBLIC}, **changes}
    return {name: value for name, value in fields.items() if value is not ...}


def read(value: object, listed_as: str | None = "carol") -> PublicKey:
    key = read_key(value, "keys.carol", refuse_unknown=refuse, listed_as=listed_as)
    assert isinstance(key, PublicKey)
    return key


def test_a_key_is_read_and_written_back() -> None:
    key = read(document())
    assert (key.keyid, key.keytype, key.public) == ("carol", "ed25519", PUBLIC)
    assert write_key(key) == document()
    assert read(write_key(key)) == key


@pytest.mark.parametrize(
    "harmless",
    [
        {"keyid_hash_algorithms": ["sha256", "sha512"]},
        {"keyid_hash_algorithms": None},
        {"keyval": {"public": PUBLIC, "private": ""}},
        {"keyval": {"public": PUBLIC, "private": None}},
        {"keyid": ...},
    ],
)
def test_known_and_harmless_fields_are_accepted(harmless: dict[str, object]) -> None:
    assert read(document(**harmless)) == read(document())


@pytest.mark.parametrize("private", ["29ad", " ", "-----BEGIN", ["x"], {"d": 1}, 0, False, [], {}])
def test_a7_a_private_part_is_refused(private: object) -> None:
    with pytest.raises(FormatError, match=r"^keys\.carol\.keyval\.private: expected no private key, got one"):
        read(document(keyval={"public": PUBLIC, "private": private}))


@pytest.mark.parametrize("keyid", ["mallory", "Carol", "", None, 1, ["carol"]])
def test_d4_a_key_id_other_than_the_one_it_is_listed_under_is_refused(keyid: object) -> None:
    with pytest.raises(FormatError, match=r"^keys\.carol\.keyid: expected the key id that it is listed under"):
        read(document(keyid=keyid))


def test_a_key_that_is_not_listed_must_say_its_id() -> None:
    assert read(document(), None).keyid == "carol"
    with pytest.raises(FormatError, match=r"^keys\.carol\.keyid: missing"):
        read(document(keyid=...), None)


@pytest.mark.parametrize("keyid", ["", "../evil", "a/b", "a\0", "n" * 201])
def test_a3_a_key_id_that_is_no_plain_name_is_refused(keyid: str) -> None:
    with pytest.raises(FormatError, match="expected a"):
        read(document(keyid=keyid), keyid)
    with pytest.raises(FormatError, match="expected a"):
        read(document(keyid=keyid), None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"keytype": ...}, "keys.carol.keytype: missing"),
        ({"scheme": ...}, "keys.carol.scheme: missing"),
        ({"keyval": ...}, "keys.carol.keyval: missing"),
        ({"keyval": {}}, "keys.carol.keyval.public: missing"),
        ({"keyval": PUBLIC}, "keys.carol.keyval: expected an object"),
        ({"keyval": {"public": 3}}, "keys.carol.keyval.public: expected text, got 3"),
        ({"keyval": {"public": "00"}}, "keys.carol.keyval.public: expected 64 hexadecimal digits"),
        ({"scheme": "rot13"}, "keys.carol.keyval.public: the key type 'ed25519' with scheme 'rot13'"),
        ({"extra": 1}, "keys.carol.extra: unknown"),
        ({"keyval": {"public": PUBLIC, "certificate": "x"}}, "keys.carol.keyval.certificate: unknown"),
    ],
)
def test_what_is_missing_wrong_or_unknown_is_refused_with_its_path(changes: dict[str, object], message: str) -> None:
    with pytest.raises(FormatError) as caught:
        read(document(**changes))
    assert str(caught.value).startswith(message)


def test_an_openpgp_key_is_called_by_its_fingerprint_only() -> None:
    openpgp = {"keyid": "carol", "method": "pgp+rsa-pkcsv1.5", "type": "rsa", "keyval": {"public": {}, "private": ""}}
    with pytest.raises(FormatError, match=r"^keys\.carol\.keyid: expected a fingerprint"):
        read(openpgp)


@pytest.mark.parametrize("value", [None, [], "key", 1])
def test_what_is_no_object_is_refused(value: object) -> None:
    with pytest.raises(FormatError, match=r"^keys\.carol: expected an object"):
        read(value)
