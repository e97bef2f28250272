"""Uniform members are written as the ordinary way writes them, for every document."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from custody.encoding import canonical, members
from custody.encoding.canonical import canonical_json
from custody.encoding.indented import indented_parts
from custody.errors import FormatError

NAMES = st.text(st.sampled_from('ab/:\n"\\é\x00\x7f\u2028{},') | st.characters(exclude_categories=["Cs"]), max_size=6)
UNIFORM = st.dictionaries(NAMES, NAMES.map(lambda text: {"sha256": text}), max_size=5)
MIXED = st.dictionaries(
    NAMES, st.dictionaries(st.sampled_from(["sha256", "x", 'y"']), NAMES | st.integers() | st.none(), max_size=2)
)
DOCUMENTS = st.dictionaries(NAMES, UNIFORM | MIXED | NAMES, max_size=4) | UNIFORM | MIXED


@pytest.fixture(autouse=True, scope="module")
def few_members_are_many() -> Iterator[None]:
    with patch.object(members, "MANY_MEMBERS", 1), patch.object(canonical, "MANY_MEMBERS", 1):
        yield


@given(DOCUMENTS)
@example({"a": {"sha256": '"'}})
@example({"a": {"sha256": "\n"}, "b\n": {"sha256": ""}})
@example({"a": {"a": {"sha256": "0"}, "é": {"sha256": "1"}}})
def test_canonical_json_is_what_it_is_member_by_member(document: dict[str, Any]) -> None:
    fast = canonical_json(document)
    with patch.object(members, "MANY_MEMBERS", 1 << 40), patch.object(canonical, "MANY_MEMBERS", 1 << 40):
        assert fast == canonical_json(document)


@given(document=DOCUMENTS, width=st.integers(min_value=0, max_value=3), ensure_ascii=st.booleans())
@example(document={"a": {"sha256": "\n"}, "b\n": {"sha256": ""}}, width=1, ensure_ascii=False)
@example(document={"é": {"sha256": "1"}}, width=1, ensure_ascii=True)
@example(document={"é": {"sha256": "1"}}, width=1, ensure_ascii=False)
def test_indented_json_is_that_of_the_standard_library(
    document: dict[str, Any], width: int, *, ensure_ascii: bool
) -> None:
    expected = json.dumps(document, sort_keys=True, indent=width, ensure_ascii=ensure_ascii)
    assert "".join(indented_parts(document, width, ensure_ascii=ensure_ascii)) == expected


@pytest.mark.parametrize(
    "members_of",
    [{1: {"sha256": "0"}}, {"a": {1: "0"}}, {"a": {"sha256": 0.5}}, {"a": {"sha256": "\ud800"}}, {"\ud800": {"k": ""}}],
)
def test_uniform_members_that_are_not_json_are_refused(members_of: dict[Any, Any]) -> None:
    with pytest.raises(FormatError):
        canonical_json({"materials": members_of})
