"""PKCS #11 URIs (RFC 7512): what they name, and what they may not say."""

from __future__ import annotations

import pytest

from custody.errors import UsageError
from custody.signing.pkcs11_uri import TOKEN_ATTRIBUTES, KeyURI, read_label, read_uri, shown_id


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ("", KeyURI()),
        ("object=builder", KeyURI(label="builder")),
        ("object=", KeyURI(label="")),
        ("token=custody;object=builder", KeyURI(label="builder", on={"token": "custody"})),
        ("object=builder;token=custody", KeyURI(label="builder", on={"token": "custody"})),
        ("object=my%20key%3B%25%C3%A9", KeyURI(label="my key;%\u00e9")),
        ("object=a b=c&d", KeyURI(label="a b=c&d")),
        ("id=%01%af%00", KeyURI(keyid=b"\x01\xaf\x00")),
        ("id=ab%2d", KeyURI(keyid=b"ab-")),
        ("id=%FF;type=private", KeyURI(keyid=b"\xff", kind="private")),
        ("type=public", KeyURI(kind="public")),
        ("token=padded%20%20", KeyURI(on={"token": "padded"})),
        ("slot-id=007", KeyURI(on={"slot-id": "7"})),
        ("?module-path=/lib/x%20y.so", KeyURI(module_path="/lib/x y.so")),
        ("object=a?pin-source=file:/etc/pin", KeyURI(label="a", pin_source="file:/etc/pin")),
        ("object=a?pin-source=pin&module-path=x.so", KeyURI(label="a", pin_source="pin", module_path="x.so")),
    ],
)
def test_uri_says_which_key_on_which_token(rest: str, expected: KeyURI) -> None:
    assert read_uri(rest) == expected


@pytest.mark.parametrize("name", [name for name in TOKEN_ATTRIBUTES if name != "slot-id"])
def test_every_attribute_of_a_token_is_kept(name: str) -> None:
    assert read_uri(f"{name}=a%20b").on == {name: "a b"}


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        ("object", "expected NAME=VALUE in a pkcs11: URI, between ';', got 'object'"),
        ("=x", "expected NAME=VALUE"),
        ("object=a;;token=b", "expected NAME=VALUE in a pkcs11: URI, between ';', got ''"),
        ("object=a;object=a", "'object' stands twice"),
        ("object=a?pin-source=a&pin-source=b", "'pin-source' stands twice"),
        ("object=50%", "'object' in a pkcs11: URI: a '%' without two hexadecimal digits; write %25"),
        ("object=%G0", "without two hexadecimal digits"),
        ("object=%ff", "'object' in a pkcs11: URI is not UTF-8"),
        ("label=a", "a pkcs11: URI has no attribute 'label'; there are object, id, type, token"),
        ("x-vendor=a", "has no attribute 'x-vendor'"),
        ("Object=a", "has no attribute 'Object'"),
        ("id=", "'id' in a pkcs11: URI is empty"),
        ("type=cert", "expected type=private or type=public in a pkcs11: URI, got 'cert'"),
        ("slot-id=x", "expected a number for 'slot-id' in a pkcs11: URI, got 'x'"),
        ("slot-id=-1", "expected a number"),
        ("slot-id=\u0663", "expected a number"),
        ("?module-name=softhsm", "'module-name' behind the '?' of a pkcs11: URI is not supported; write module-path="),
        ("?x-vendor=1", "'x-vendor' behind the '?' of a pkcs11: URI is not supported; there are module-path and pin-"),
        ("?object=a", "'object' behind the '?'"),
        ("pin-source=a", "has no attribute 'pin-source'"),
        ("?module-path=", "'module-path' in a pkcs11: URI names no file"),
        ("?pin-source=%00", "'pin-source' in a pkcs11: URI names no file"),
    ],
)
def test_uri_that_cannot_be_heeded_is_refused(rest: str, said: str) -> None:
    with pytest.raises(UsageError) as error:
        read_uri(rest)
    assert said in str(error.value)


@pytest.mark.parametrize(
    "rest", ["?pin-value=4711", "object=a?pin-value=4711", "nonsense=1?pin-value=4711", "type=cert?x=1&pin-value=4711"]
)
def test_pin_in_a_uri_is_refused_and_not_repeated(rest: str) -> None:
    with pytest.raises(UsageError, match="shows the PIN to everybody") as error:
        read_uri(rest)
    assert "4711" not in str(error.value)


@pytest.mark.parametrize("label", ["builder", "builder-key-id", "a b", "50%", "a;b=c?d", "object=x"])
def test_short_form_takes_its_label_as_it_is(label: str) -> None:
    assert read_label(label) == KeyURI(label=label)


def test_short_form_without_a_label_is_refused() -> None:
    with pytest.raises(UsageError, match="'hsm:' names no key"):
        read_label("")


@pytest.mark.parametrize(
    ("rest", "shown"),
    [
        ("", "key"),
        ("object=a", "key called 'a'"),
        ("id=%01%41", "key with id=%01%41"),
        ("object=a;id=%01", "key called 'a' and with id=%01"),
    ],
)
def test_key_is_shown_by_what_names_it(rest: str, shown: str) -> None:
    assert read_uri(rest).shown == shown


@pytest.mark.parametrize("keyid", [b"\x00", b"A", bytes(range(256))])
def test_shown_id_reads_back(keyid: bytes) -> None:
    assert read_uri(shown_id(keyid)).keyid == keyid
