from __future__ import annotations

import pytest

from custody.encoding.text import from_base64, from_hex, is_hex, to_base64, to_utf8
from custody.errors import FormatError


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("", b""),
        ("AA==", b"\0"),
        ("AA", b"\0"),
        ("AAA=", b"\0\0"),
        ("AAA", b"\0\0"),
        ("AAAA", b"\0\0\0"),
        ("+/+/", b"\xfb\xff\xbf"),
        ("-_-_", b"\xfb\xff\xbf"),
        ("_w==", b"\xff"),
        ("_w", b"\xff"),
    ],
)
def test_both_alphabets_are_read_padded_or_not(text: str, data: bytes) -> None:
    assert from_base64(text, "payload") == data


@pytest.mark.parametrize(
    "text",
    [
        "A",
        "AAAAA",
        "=",
        "====",
        "A===",
        "AA=",
        "AA===",
        "AA==AA==",
        "AA==\n",
        " AA==",
        "A A=",
        "AA\n",
        "AA*=",
        "ÄÄ==",
        "A=A=",
    ],
)
def test_what_is_not_base64_is_refused(text: str) -> None:
    with pytest.raises(FormatError, match=r"^payload: expected base64"):
        from_base64(text, "payload")


def test_base64_is_written_in_the_standard_alphabet_with_padding_on_one_line() -> None:
    assert to_base64(b"\xfb\xff") == "+/8="
    assert "\n" not in to_base64(b"x" * 1000)


@pytest.mark.parametrize(("text", "data"), [("00", b"\0"), ("aF09", b"\xaf\x09")])
def test_hexadecimal_is_read_in_any_case(text: str, data: bytes) -> None:
    assert from_hex(text, "sig") == data


@pytest.mark.parametrize(
    "text", ["", "0", "abc", "0g", " 00", "00 ", "0 0", "00\n", "0x00", "\u0660\u0660", "\uff10\uff10"]
)
def test_what_is_not_hexadecimal_is_refused(text: str) -> None:
    with pytest.raises(FormatError, match=r"^sig: expected an even number of hexadecimal digits"):
        from_hex(text, "sig")


def test_is_hex_wants_at_least_one_ascii_digit_and_nothing_else() -> None:
    assert is_hex("0")
    assert not any(is_hex(text) for text in ("", "0 ", "0\n", "g", "\uff10"))


def test_text_is_written_in_utf_8() -> None:
    assert to_utf8("é\U0001f512") == "é\U0001f512".encode()


def test_half_of_a_surrogate_pair_is_refused_with_what_is_around_it() -> None:
    with pytest.raises(FormatError, match=r"in 'name\\udcff\.txt'; was it made from bytes"):
        to_utf8("name\udcff.txt")
