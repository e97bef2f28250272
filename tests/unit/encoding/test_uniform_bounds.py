"""What uniform objects take is bounded by what was read, whoever wrote it."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable, Sequence
from typing import Any
from unittest.mock import patch

import pytest

from custody.encoding import strict, uniform
from custody.encoding.canonical import canonical_json
from custody.encoding.large import parse_large
from custody.encoding.strict import read_json
from custody.encoding.uniform import Seen, UniformObject

MEGABYTE = 1_000_000


def anything(_names: Sequence[str], _keys: Sequence[str], _texts: Sequence[Sequence[str]]) -> bool:
    return True


def members(count: int, prefix: str = "a") -> dict[str, dict[str, str]]:
    return {f"{prefix}{number:05}": {"sha256": "00"} for number in range(count)}


def document(found: dict[str, Any]) -> str:
    return json.dumps({"m": found}, separators=(",", ":"))


def read(text: str, seen: Seen) -> UniformObject:
    """Return the object that `text` is about, however small the text is."""
    with patch.object(strict, "LARGE_TEXT", 0):
        found = read_json(text.encode(), seen=seen)["m"]
    assert isinstance(found, UniformObject)
    assert found == json.loads(text)["m"]
    return found


def is_left_to_the_ordinary_parser(text: str, seen: Seen) -> bool:
    return parse_large(text, strict._DECODER.raw_decode, seen) is None


def peak_of(act: Callable[[], object]) -> int:
    """Return how many bytes `act` had in use at once."""
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


# --- shapes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ['"a00000":', '"a00000":{', '"sha256":', '"00"', "},"])
def test_objects_with_more_white_space_than_indentation_are_left_to_the_ordinary_parser(place: str) -> None:
    text = document(members(1000))
    assert len(read(text.replace(place, place + " " * 40), Seen(anything))) == 1000
    with patch.object(strict, "LARGE_TEXT", 0):
        found = read_json(text.replace(place, place + " " * 41).encode(), seen=Seen(anything))
    assert type(found["m"]) is dict


def test_white_space_before_an_object_may_be_long() -> None:
    text = document(members(1000)).replace('{"m":', '{"m":' + " " * 1000)
    assert len(read(text, Seen(anything))) == 1000


def test_members_do_not_grow_by_being_written_like_the_first() -> None:
    rest = {f"z{number}": {"k": "0"} for number in range(1000)}
    first = '{"m":{"a":' + " " * 40 + '{"k":"0"},'
    short = first + json.dumps(rest, separators=(",", ":"))[1:].replace('"z', '"\\u007a') + "}"
    found = read(short, Seen(anything))
    assert sum(map(len, found.rows.values())) < len(short)
    assert found["z1"] == {"k": "0"}


def test_text_between_members_that_stands_often_in_one_member_does_not_make_it_grow() -> None:
    wide = " " * 40
    first = f'{{"m":{{"a"{wide}:{wide}{{{wide}"x"{wide}:{wide}"0","y":"0"}},"b":{{"x":"'
    text = first + '","y":"' * (MEGABYTE // 7) + '"}}}'
    assert is_left_to_the_ordinary_parser(text, Seen(anything))
    assert peak_of(lambda: is_left_to_the_ordinary_parser(text, Seen(anything))) < 20 * MEGABYTE


# --- objects that were seen -----------------------------------------------------------------------


def test_object_that_differs_from_one_that_was_seen_is_not_joined_to_find_out() -> None:
    seen, known = Seen(anything), {"a": {"sha256": "00"}, "b" * MEGABYTE: {"sha256": "00"}, **members(5000)}
    text = document(known)
    one = read(text, seen)
    begin, ending = text.index('"a"') + 1, '"}}'
    end = text.index(ending)
    other = text.replace("bb", "cc", 1)
    assert one.ends_in(text, begin, ending, one.kind) == end
    assert one.ends_in(other, begin, ending, one.kind) == -1
    assert peak_of(lambda: one.ends_in(other, begin, ending, one.kind)) < 10_000
    assert read(text, seen) is one


@pytest.mark.parametrize("changed", ["a00000", "a00001", "a01023", "a01024", "a02047", "a04999"])
def test_object_that_differs_in_one_member_only_is_another(changed: str) -> None:
    seen, text = Seen(anything), document(members(5000))
    one = read(text, seen)
    assert read(text, seen) is one
    assert read(text.replace(changed, "x" + changed[1:]), seen) is not one


# --- members that were seen -----------------------------------------------------------------------


def held(seen: Seen) -> int:
    return sum(len(kind.known) + len(kind.odd) for kind in seen._kinds.values())


@pytest.mark.parametrize("escape", ["", '\\"'])
def test_members_of_many_documents_are_not_all_kept(escape: str) -> None:
    seen, all_of_them, first, most = Seen(anything), Seen(anything), None, 0
    for number in range(30):
        text = document(members(200, f"{number}-")).replace(f'"{number}-', f'"{escape}{number}-')
        read(text, all_of_them)
        with patch.object(uniform, "_KEPT", 1000 * 300):
            found = read(text, seen)
        first = first or (text, found)
        most = max(most, held(seen))
    assert held(all_of_them) == 30 * 200 * (2 if escape else 1)
    assert most <= 1300 * (2 if escape else 1)
    assert len(seen._objects) < len(all_of_them._objects)
    assert first is not None
    assert first[1] == json.loads(first[0])["m"]  # what was let go of did not take anything from it
    assert canonical_json(first[1]) == canonical_json(json.loads(first[0])["m"])


def test_members_of_unsure_objects_are_counted_too() -> None:
    seen = Seen(anything)
    with patch.object(uniform, "_KEPT", 1000 * 300):
        for number in range(30):
            text = document(members(400, f"{number}-")).replace("}}}", '},"x":{"sha256":1}}}')
            assert is_left_to_the_ordinary_parser(text, seen)
            assert held(seen) <= 1500


def test_large_objects_share_members_beyond_the_limit() -> None:
    seen = Seen(anything)
    with patch.object(uniform, "_KEPT", 0):
        one, other = (read(document({**members(1000), last: {"sha256": "00"}}), seen) for last in "xy")
    assert one.rows["a00001"] is other.rows["a00001"]


def test_object_that_is_found_again_stays_among_the_last() -> None:
    seen = Seen(anything)
    with patch.object(uniform, "_KEPT", 0):
        first = read(document(members(1000)), seen)
        for number in range(5):
            read(document(members(1000, f"{number}-")), seen)
            assert read(document(members(1000)), seen) is first


def test_nothing_is_kept_once_all_evidence_was_read() -> None:
    seen = Seen(anything)
    text = document({**members(1000), 'q"': {"sha256": "11", "other": "22"}})
    found = read(text, seen)
    seen.forget()
    assert (seen._kinds, seen._objects, found.kind.known, found.kind.odd) == ({}, [], {}, {})
    assert found == json.loads(text)["m"]
    assert found.odd() == {'q"': {"sha256": "11", "other": "22"}}
