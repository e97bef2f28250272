from __future__ import annotations

import pytest

from custody.encoding.strict import MAX_DEPTH, MAX_DIGITS, read_json, write_json
from custody.errors import FormatError

REFUSED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "not JSON: there is nothing in it"),
    "only white space": (b" \n", "not JSON"),
    "key twice": (b'{"a": 1, "a": 2}', "the key 'a' appears twice in one object"),
    "key twice with equal values": (b'{"a": 1, "a": 1}', "the key 'a' appears twice"),
    "key twice after unescaping": (b'{"a": 1, "\\u0061": 2}', "the key 'a' appears twice"),
    "key twice deep inside": (b'[{"x": {"b": 1, "c": 2, "b": 3}}]', "the key 'b' appears twice"),
    "empty key twice": (b'{"": 1, "": 2}', "the key '' appears twice"),
    "long key twice": (b'{"%b": 1, "%b": 2}' % (b"k" * 999, b"k" * 999), "appears twice"),
    "NaN": (b'{"a": NaN}', "NaN is not JSON"),
    "Infinity": (b"[Infinity]", "Infinity is not JSON"),
    "-Infinity": (b"-Infinity", "-Infinity is not JSON"),
    "a number that overflows": (b"1e999", "the number 1e999 is too large"),
    "a negative number that overflows": (b"[-1e999]", "the number -1e999 is too large"),
    "5000 digits": (b"9" * 5000, "expected at most 4000 digits in a number, got 5000"),
    "a million digits": (b"[-" + b"9" * 1_000_000 + b"]", "expected at most 4000 digits"),
    "leading zero": (b"01", "not JSON"),
    "high surrogate": (b'"\\ud800"', "half of a surrogate pair"),
    "low surrogate in upper case": (b'["\\uDFFF"]', "half of a surrogate pair"),
    "swapped surrogates": (b'{"k": "\\udd12\\ud83d"}', "half of a surrogate pair"),
    "surrogate in a key": (b'{"\\ud800": 1}', "half of a surrogate pair"),
    "surrogate as bytes": (b'"\xed\xa0\x80"', "not UTF-8: byte 1 is 0xed"),
    "byte order mark": (b"\xef\xbb\xbf{}", "not JSON: it begins with a byte order mark"),
    "PEM": (b"-----BEGIN PUBLIC KEY-----\n", "not JSON: it is a PEM file"),
    "UTF-16 with a mark": ('{"a": 1}'.encode("utf-16"), "not UTF-8: byte 0 is 0xff"),
    "UTF-16 without a mark": ('{"a": 1}'.encode("utf-16-le"), "not JSON"),
    "UTF-32": ('{"a": 1}'.encode("utf-32-be"), "not JSON"),
    "Latin-1": ('"é"'.encode("latin-1"), "not UTF-8: byte 1 is 0xe9"),
    "overlong UTF-8": (b'"\xc0\xaf"', "not UTF-8"),
    "two documents": (b"{} {}", "not JSON: Extra data at line 1 column 4"),
    "trailing bytes": (b"{}\0", "not JSON: Extra data"),
    "cut off": (b'{"a": [1, 2', "not JSON"),
    "trailing comma": (b"[1,]", "not JSON"),
    "single quotes": (b"{'a': 1}", "not JSON"),
    "comment": (b"{} // why", "not JSON"),
    "raw control character": (b'"a\nb"', "not JSON: Invalid control character"),
    "100k lists": (b"[" * 100_000 + b"]" * 100_000, "nested more than 64 levels deep"),
    "100k lists that never end": (b"[" * 100_000, "nested more than 64 levels deep"),
    "100k objects": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested more than 64 levels deep"),
    "mixed nesting": (b'[{"a":' * 50 + b"1" + b"}]" * 50, "nested more than 64 levels deep"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_has_no_single_meaning_is_refused(case: str) -> None:
    data, message = REFUSED[case]
    with pytest.raises(FormatError) as caught:
        read_json(data)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"null", None),
        (b" true\n", True),
        (b'{"a": 1, "b": [1.5, -2, 1e3]}', {"a": 1, "b": [1.5, -2, 1000.0]}),
        (b'"\\ud83d\\udd12"', "\U0001f512"),
        (b'"\\\\ud800"', "\\ud800"),
        ('"\U0001f512é"'.encode(), "\U0001f512é"),
        (b'[{"a": 1}, {"a": 1}]', [{"a": 1}, {"a": 1}]),
        pytest.param(b"9" * MAX_DIGITS, int("9" * MAX_DIGITS), id="longest integer"),
        (b'"\\u0000"', "\0"),
    ],
)
def test_strict_json_is_read(data: bytes, value: object) -> None:
    assert read_json(data) == value


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")], ids=["lists", "objects"])
def test_the_deepest_document_is_read_and_one_level_more_is_refused(opening: bytes, closing: bytes) -> None:
    def nested(levels: int) -> bytes:
        return opening * (levels - 1) + b"[]" + closing * (levels - 1)

    read_json(nested(MAX_DEPTH))
    with pytest.raises(FormatError, match="nested more than 64 levels deep"):
        read_json(nested(MAX_DEPTH + 1))


def test_a_document_of_exactly_the_limit_is_read() -> None:
    assert read_json(b"[1]", limit=3) == [1]


def test_a_document_larger_than_the_limit_is_refused_unread() -> None:
    with pytest.raises(FormatError, match="expected at most 3 bytes of JSON, got 4"):
        read_json(b"[1] ", limit=3)


def test_written_json_is_sorted_utf_8() -> None:
    assert write_json({"b": "é", "a": [1]}, indent=None) == '{"a": [1], "b": "é"}'.encode()
    assert write_json({"b": 1, "a": 2}) == b'{\n "a": 2,\n "b": 1\n}'


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), pytest.param(10**5000, id="5001 digits"), "\ud800", {"\udcff": 1}]
)
def test_what_is_no_json_cannot_be_written(value: object) -> None:
    with pytest.raises(FormatError):
        write_json(value)
