"""The fast way to read large documents says what the ordinary one says, about every document."""

from __future__ import annotations

import json
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from custody.encoding import strict
from custody.encoding.canonical import canonical_json
from custody.encoding.strict import read_json
from custody.encoding.uniform import Seen, UniformObject, parse_large
from custody.errors import FormatError
from custody.rules.artifacts import read_artifacts

NAMES = st.text(st.sampled_from('ab/.:\n"\\é \u2028{},') | st.characters(exclude_categories=["Cs"]), max_size=8)
HEX = st.text("0123456789abcdefABCDEF", min_size=64, max_size=64)
DIGESTS = st.one_of(
    HEX.map(lambda text: {"sha256": text}),
    st.dictionaries(st.sampled_from(["sha256", "sha512", "x y"]), HEX | NAMES | st.integers(), max_size=2),
)
MAPS = st.dictionaries(NAMES, HEX.map(lambda text: {"sha256": text}), max_size=6) | st.dictionaries(NAMES, DIGESTS)
DOCUMENTS = st.dictionaries(NAMES, MAPS | NAMES | st.dictionaries(NAMES, MAPS), max_size=4)
LAYOUTS: list[dict[str, Any]] = [
    {"indent": 1},
    {"indent": 3},
    {},
    {"separators": (",", ":")},
    {"separators": (" ,\n", " : ")},
]


def both(text: str) -> tuple[Any, Any]:
    """Return what the fast way and the ordinary one read, or their errors."""
    answers = []
    for limit in (0, 1 << 40):
        with patch.object(strict, "LARGE_TEXT", limit):
            try:
                answers.append(read_json(text.encode("utf-8", "surrogatepass"), seen=Seen()))
            except FormatError as error:
                answers.append(str(error))
    return answers[0], answers[1]


@given(document=DOCUMENTS, layout=st.sampled_from(LAYOUTS), ensure_ascii=st.booleans())
def test_written_documents_are_read_alike(
    document: dict[str, Any], layout: dict[str, Any], *, ensure_ascii: bool
) -> None:
    fast, plain = both(json.dumps(document, ensure_ascii=ensure_ascii, **layout))
    assert fast == plain == document
    assert list(fast) == list(plain)
    assert canonical_json(fast) == canonical_json(plain)


@given(
    document=DOCUMENTS,
    layout=st.sampled_from(LAYOUTS),
    at=st.integers(0, 400),
    change=st.sampled_from(['"', "\\", "{", "}", ",", ":", " ", "\n", "a", "", '"}, "', '": {"sha256": "', "\x00"]),
    cut=st.integers(0, 3),
)
@example(document={"m": {"a": {"sha256": "0"}, "b": {"sha256": "1"}}}, layout={}, at=19, change='"}, "', cut=0)
def test_damaged_documents_are_read_alike(
    document: dict[str, Any], layout: dict[str, Any], at: int, change: str, cut: int
) -> None:
    text = json.dumps(document, ensure_ascii=False, **layout)
    fast, plain = both(text[:at] + change + text[at + cut :])
    assert fast == plain


@given(document=st.dictionaries(st.just("materials"), MAPS, min_size=1))
def test_artifacts_judged_together_are_those_judged_one_by_one(document: dict[str, Any]) -> None:
    answers: list[object] = []
    for value in (document["materials"], both(json.dumps(document, ensure_ascii=False))[0]["materials"]):
        try:
            answers.append(dict(read_artifacts(value, "materials")))
        except FormatError as error:
            answers.append(str(error))
    assert answers[0] == answers[1]


TWICE = '{"signed": {"materials": {"a": {"sha256": "00"}, "b": {"sha256": "11"}}}}'


def test_object_that_was_seen_is_the_same_object() -> None:
    seen = Seen()
    with patch.object(strict, "LARGE_TEXT", 0):
        one, other = (read_json(TWICE.encode(), seen=seen)["signed"]["materials"] for _ in range(2))
    assert isinstance(one, UniformObject)
    assert one is other
    assert one == {"a": {"sha256": "00"}, "b": {"sha256": "11"}}


def test_who_does_not_ask_for_shared_objects_gets_none() -> None:
    with patch.object(strict, "LARGE_TEXT", 0):
        document = read_json(
            TWICE.replace("}}}}", '}}, "products": {"a": {"sha256": "00"}, "b": {"sha256": "11"}}}}').encode()
        )
    materials, products = document["signed"]["materials"], document["signed"]["products"]
    assert type(materials) is dict
    assert materials == products
    assert materials is not products


def test_only_the_last_few_objects_are_remembered() -> None:
    seen = Seen()
    with patch.object(strict, "LARGE_TEXT", 0):
        first = read_json(TWICE.encode(), seen=seen)["signed"]["materials"]
        for number in range(20):
            read_json(TWICE.replace("11", f"{number:03}").encode(), seen=seen)
        again = read_json(TWICE.encode(), seen=seen)["signed"]["materials"]
    assert again == first
    assert again is not first


@pytest.mark.parametrize(
    "text",
    [
        TWICE.replace('"b"', '"a"'),
        TWICE.replace('"b"', r'"\u0061"'),
        TWICE.replace('"sha256": "11"', '"sha256": "11", "sha256": "11"'),
        TWICE.replace('{"signed"', '{"signed": 1, "signed"'),
        TWICE + "x",
        TWICE[:-1],
        TWICE.replace("11", "1\x00"),
    ],
)
def test_what_is_no_strict_json_is_left_to_the_ordinary_parser(text: str) -> None:
    assert parse_large(TWICE, strict._DECODER.raw_decode, Seen()) is not None
    assert parse_large(text, strict._DECODER.raw_decode, Seen()) in (None, [])
    fast, plain = both(text)
    assert isinstance(fast, str)
    assert fast == plain
