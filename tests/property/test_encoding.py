from __future__ import annotations

import base64
import json
import string
from datetime import UTC, datetime

from hypothesis import example, given
from hypothesis import strategies as st

from custody.encoding.canonical import canonical_json
from custody.encoding.instants import read_instant, write_instant
from custody.encoding.pae import pae
from custody.encoding.strict import read_json, write_json
from custody.encoding.text import from_base64, from_hex, to_base64
from custody.errors import FormatError

TEXT = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from('\\"\n\r\t\b\f\0\x1f\x7fnrtbfu/'))
SCALARS = st.none() | st.booleans() | st.integers(-(10**60), 10**60) | TEXT
CANONICAL = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=20)
DOCUMENTS = st.recursive(
    SCALARS | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=20,
)


def naive(value: object) -> str:
    """Write canonical JSON character by character, as its definition reads."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case str():
            return '"' + "".join("\\" + c if c in {"\\", '"'} else c for c in value) + '"'
        case list():
            return "[" + ",".join(naive(item) for item in value) + "]"
        case dict():
            keys = sorted(value, key=lambda key: [ord(c) for c in key])
            return "{" + ",".join(f"{naive(key)}:{naive(value[key])}" for key in keys) + "}"
        case _:
            raise AssertionError(value)


@given(CANONICAL)
@example("\\n")
@example("\\\n")
@example({"\\u0000": "\0"})
@example({"\U0001f512": 1, "\ue000": 2, "\uffff": 3})
def test_canonical_json_is_what_its_definition_says(document: object) -> None:
    assert canonical_json(document) == naive(document).encode()


@given(CANONICAL, CANONICAL)
def test_different_documents_have_different_canonical_bytes(one: object, other: object) -> None:
    assert (canonical_json(one) == canonical_json(other)) == (write_json(one) == write_json(other))


@given(DOCUMENTS, st.sampled_from([None, 0, 1]))
def test_reading_what_was_written_gives_the_same(document: object, indent: int | None) -> None:
    again = read_json(write_json(document, indent=indent))
    assert again == document
    assert write_json(again) == write_json(document)


@given(document=DOCUMENTS, indent=st.sampled_from([None, 0, 1, 2]), ensure_ascii=st.booleans())
@example(
    document={"a": {"x": "é", "y": "1"}, "b": {"x": 1}, "c": {"x": {}}, "d": ({"e": "f"}, [])},
    indent=1,
    ensure_ascii=True,
)
def test_written_json_is_that_of_the_standard_library(
    document: object, indent: int | None, *, ensure_ascii: bool
) -> None:
    expected = json.dumps(document, sort_keys=True, indent=indent, ensure_ascii=ensure_ascii)
    assert write_json(document, indent=indent, ensure_ascii=ensure_ascii) == expected.encode()


@given(st.binary(max_size=200) | st.text(alphabet=string.punctuation + "0123456789truefalsn \n").map(str.encode))
def test_reading_any_bytes_is_a_document_or_a_format_error(data: bytes) -> None:
    try:
        document = read_json(data)
    except FormatError:
        return
    assert read_json(write_json(document)) == document


@given(st.binary(max_size=100), st.booleans(), st.booleans())
def test_base64_is_read_in_every_spelling(data: bytes, url_safe: bool, padded: bool) -> None:
    text = (base64.urlsafe_b64encode if url_safe else base64.b64encode)(data).decode()
    assert from_base64(text if padded else text.rstrip("="), "") == data
    assert to_base64(data) == base64.b64encode(data).decode()


@given(st.binary(min_size=1, max_size=50), st.characters(), st.integers(0))
def test_a_character_that_is_not_base64_is_refused_anywhere(data: bytes, intruder: str, at: int) -> None:
    text = to_base64(data).rstrip("=")
    spoiled = text[: at % (len(text) + 1)] + intruder + text[at % (len(text) + 1) :]
    if intruder not in string.ascii_letters + string.digits + "+/-_=":
        try:
            from_base64(spoiled, "")
        except FormatError:
            return
        raise AssertionError(spoiled)


@given(st.binary(min_size=1, max_size=50))
def test_hexadecimal_is_read_back(data: bytes) -> None:
    assert from_hex(data.hex(), "") == data
    assert from_hex(data.hex().upper(), "") == data


@given(st.datetimes(timezones=st.just(UTC)))
def test_an_instant_is_read_back_to_the_second(at: datetime) -> None:
    text = write_instant(at)
    assert read_instant(text, "") == at.replace(microsecond=0)
    assert write_instant(read_instant(text, "")) == text


@given(st.text(max_size=25))
@example("2030-01-31T24:00:00Z")
def test_every_text_that_is_an_instant_is_written_the_same_way(text: str) -> None:
    try:
        at = read_instant(text, "")
    except FormatError:
        return
    assert write_instant(at) == text


@given(TEXT, st.binary(max_size=50), TEXT, st.binary(max_size=50))
def test_pae_is_injective(type_1: str, payload_1: bytes, type_2: str, payload_2: bytes) -> None:
    assert (pae(type_1, payload_1) == pae(type_2, payload_2)) == ((type_1, payload_1) == (type_2, payload_2))
