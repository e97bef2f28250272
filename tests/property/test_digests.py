"""Comparing many artifacts at once, parsed or as they are written, against comparing them one by one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from custody.encoding import large, strict
from custody.encoding.large import parse_large
from custody.encoding.uniform import Seen, UniformObject
from custody.rules.artifacts import Artifacts, are_plain, read_artifacts
from custody.rules.digests import Comparison, column

Table = dict[str, dict[str, str]]

SHA256 = st.sampled_from(["a" * 64, "A" * 64, "b" * 64, "bB" * 32])
SHA512 = st.sampled_from(["a" * 128, "A" * 128, "c" * 128])
MODE = st.sampled_from(["0644", "0755"])
PLAIN = (
    st.fixed_dictionaries({"sha256": SHA256})
    | st.fixed_dictionaries({"sha256": SHA256, "sha512": SHA512})
    | st.fixed_dictionaries({"mode": MODE, "sha256": SHA256})
)
ODD = st.fixed_dictionaries({}, optional={"sha256": SHA256 | st.just("a" * 8), "sha512": SHA512, "md5": st.just("00")})
NAME = st.sampled_from(["a", "b", "c", "d", "e", "src/a", "src/b", "sha256"])
PINNED = st.sampled_from([{"sha256"}, {"sha256"}, {"sha512"}, {"sha256", "sha512"}, {"sha256", "mode"}])
SPACING = st.sampled_from([(",", ":"), (", ", ": ")])


KINDS: list[st.SearchStrategy[dict[str, str]]] = [
    PLAIN,
    ODD,
    *(st.fixed_dictionaries({"sha256": SHA256, **more}) for more in ({}, {"sha512": SHA512}, {"mode": MODE})),
]


@st.composite
def tables(draw: st.DrawFn, count: int = 1) -> tuple[Table, ...]:
    """Return so many tables of artifacts, most of which have the same algorithms, as links have them."""
    digests = draw(st.sampled_from(KINDS))
    return tuple(draw(st.dictionaries(NAME, digests, max_size=8)) for _ in range(count))


def as_read(table: Table, spacing: tuple[str, str], seen: Seen | None) -> Artifacts:
    """Return the table as it is, or kept as it is written if that is possible and there is a memory for it."""
    if seen is None or not all(table.values()):
        return table
    text = json.dumps({"all": table}, separators=spacing)
    with patch.object(large, "_SMALL", 0):
        found = parse_large(text, strict._DECODER.raw_decode, seen)
    return read_artifacts(found["all"], "all") if found else table


def test_artifacts_are_kept_as_they_are_written() -> None:
    table = {"a": {"sha256": "a" * 64}, "b": {"sha256": "b" * 64}}
    for spacing in ((",", ":"), (", ", ": ")):
        read = as_read(table, spacing, Seen(are_plain))
        assert isinstance(read, UniformObject)
        assert dict(read) == table


CASES: dict[str, tuple[dict[str, str], dict[str, str], bool]] = {
    "the same": ({"sha256": "a" * 64}, {"sha256": "a" * 64}, True),
    "another case": ({"sha256": "a" * 64}, {"sha256": "A" * 64}, True),
    "another digest": ({"sha256": "a" * 64}, {"sha256": "b" * 64}, False),
    "two, another case": ({"sha256": "a" * 64, "sha512": "A" * 128}, {"sha256": "A" * 64, "sha512": "a" * 128}, True),
    "two, one differs": ({"sha256": "a" * 64, "sha512": "a" * 128}, {"sha256": "a" * 64, "sha512": "b" * 128}, False),
}


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_artifacts_are_compared_however_they_are_written(case: str, *, apart: bool) -> None:
    one, other, same = CASES[case]
    seen = Seen(are_plain)
    mine = as_read({"a": one, "b": one}, (",", ":"), seen)
    yours = as_read({"a": other, "b": other}, (", ", ": ") if apart else (",", ":"), seen)
    assert isinstance(mine, UniformObject)
    assert isinstance(yours, UniformObject)
    names = ["a", "b"]
    assert Comparison().sort_out_rows(names, ["b", "a"], mine, yours) == ((names, []) if same else ([], names))
    assert Comparison().changed_among(names, mine, yours) == ([] if same else names)


def test_artifacts_that_nobody_checked_are_compared_by_what_they_say() -> None:
    with patch.object(large, "_SMALL", 0):
        text = json.dumps({"all": {"a": {"sha256": "a" * 8}, "b": {"sha256": "b" * 64}}})
        found = parse_large(text, strict._DECODER.raw_decode, Seen(lambda *_: True))
    unchecked = found["all"] if found else None
    assert isinstance(unchecked, UniformObject)
    assert Comparison().sort_out_rows(["a", "b"], ["a", "b"], unchecked, unchecked) == (["b"], ["a"])
    assert Comparison().sort_out_rows(["a", "b"], ["b", "a"], unchecked, unchecked) == ([], ["a", "b"])
    assert Comparison().changed_among(["a", "b"], unchecked, unchecked) == []
    assert column(unchecked, "sha256") == ["a" * 8, "b" * 64]


@settings(max_examples=300)
@given(tables(2), PINNED, SPACING, SPACING, st.sampled_from(["parsed", "one", "both", "both", "apart"]))
def test_many_artifacts_are_compared_as_one_by_one(
    both: tuple[Table, Table], pinned: set[str], spacing: tuple[str, str], other_spacing: tuple[str, str], kept: str
) -> None:
    ours, theirs = both
    seen = Seen(are_plain) if kept != "parsed" else None
    mine = as_read(ours, spacing, seen)
    yours = as_read(theirs, other_spacing, {"one": None, "apart": Seen(are_plain)}.get(kept, seen))
    comparison = Comparison(pinned=frozenset(pinned))
    names = sorted(ours)
    for others in (names, names[::-1]):
        pairs = [(name, other) for name, other in zip(names, others, strict=True) if other in theirs]
        same = [name for name, other in pairs if comparison.same(ours[name], theirs[other])]
        expected = same, [name for name, _ in pairs if name not in same]
        assert comparison.sort_out_rows(names, others, mine, yours) == expected
        assert comparison.sort_out(names, map(ours.__getitem__, names), map(theirs.get, others)) == expected
    everything = sorted({*ours, *theirs})
    changed = [n for n in everything if n in ours and n in theirs and comparison.changed(ours[n], theirs[n])]
    assert comparison.changed_among(everything, mine, yours) == changed


@given(tables(), SPACING, st.sampled_from(["sha256", "sha512", "mode", "md5"]))
def test_a_column_holds_what_each_artifact_has(tables: tuple[Table], spacing: tuple[str, str], algorithm: str) -> None:
    (table,) = tables
    expected = [digests.get(algorithm, "") for digests in table.values()]
    artifacts: Mapping[str, Mapping[str, str]]
    for artifacts in (table, as_read(table, spacing, Seen(are_plain))):
        assert list(artifacts) == list(table)
        assert column(artifacts, algorithm) == expected
