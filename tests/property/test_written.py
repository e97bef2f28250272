"""Artifacts that are written at once are those that are listed one by one, in every form of JSON."""

from __future__ import annotations

import json
import string
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any
from unittest.mock import patch

from hypothesis import example, given
from hypothesis import strategies as st

from custody.artifacts import rows
from custody.artifacts.digest import digests_by_name
from custody.artifacts.options import Recording
from custody.artifacts.recording import record
from custody.artifacts.resolvers import file
from custody.artifacts.rows import written_artifacts
from custody.encoding import uniform
from custody.encoding.canonical import canonical_json
from custody.encoding.strict import read_json, write_json
from custody.encoding.uniform import Seen, plain
from custody.encoding.written import WrittenObject, stands_for_itself
from custody.models.link import Link
from custody.rules.artifacts import are_plain, read_artifacts
from custody.rules.digests import Comparison, column
from tests.property.test_artifacts import EVERYTHING, TREES, on_disk
from tests.property.test_uniform import DOCUMENTS, LAYOUTS, anything, large_from

NAMES = st.text(
    st.sampled_from("ab/.!é \u2603🔒{},:") | st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6
)
PLAIN_NAMES = NAMES.filter(stands_for_itself)
RECORDINGS = st.sampled_from(
    [
        Recording(),
        Recording(modes=True),
        Recording(hash_algorithms=("sha512", "sha256")),
        Recording(hash_algorithms=("sha384", "sha256", "sha384"), modes=True),
    ]
)


def records(data: st.DataObject, names: st.SearchStrategy[str], recording: Recording) -> dict[str, bytes]:
    """Draw records of a few files."""
    size = {"sha256": 32, "sha384": 48, "sha512": 64}
    length = sum(size[name] for name in recording.hash_algorithms) + 2 * recording.modes
    mode = st.integers(min_value=0, max_value=0o7777).map(lambda mode: mode.to_bytes(2))
    digests = st.binary(min_size=length - 2, max_size=length - 2)
    record = st.tuples(digests, mode).map(b"".join)
    return data.draw(st.dictionaries(names, record, min_size=1, max_size=8))


def packets(data: st.DataObject, found: Mapping[str, bytes]) -> list[tuple[Sequence[str], bytes]]:
    """Draw packets with what was `found`, in any order, now and then sorted."""
    names = data.draw(st.permutations([*found])) if data.draw(st.booleans()) else sorted(found)
    size = data.draw(st.integers(min_value=1, max_value=8))
    some = [names[at : at + size] for at in range(0, len(names), size)]
    return data.draw(st.permutations([(part, b"".join(found[name] for name in part)) for part in some]))


def written(data: st.DataObject, recording: Recording) -> tuple[WrittenObject, dict[str, Any]]:
    """Draw artifacts, written at once and listed one by one."""
    found = records(data, PLAIN_NAMES, recording)
    with patch.object(rows, "_AT_ONCE", data.draw(st.integers(min_value=1, max_value=9))):
        artifacts = written_artifacts(packets(data, found), recording)
    assert artifacts is not None
    return artifacts, digests_by_name(sorted(found.items()), recording)


@given(RECORDINGS, st.data())
def test_written_artifacts_are_those_that_are_listed_one_by_one(recording: Recording, data: st.DataObject) -> None:
    artifacts, expected = written(data, recording)
    assert artifacts == expected
    assert artifacts.plain() == expected
    assert list(artifacts) == list(artifacts.keys()) == list(expected)
    assert len(artifacts) == len(expected)
    assert repr(artifacts) == repr({name: dict(sorted(digests.items())) for name, digests in expected.items()})


@given(RECORDINGS, st.data())
def test_written_artifacts_with_another_digest_differ(recording: Recording, data: st.DataObject) -> None:
    artifacts, expected = written(data, recording)
    name = data.draw(st.sampled_from([*expected]))
    expected[name] = {**expected[name], "sha256": "0" * 63 + "x"}
    assert artifacts != expected


@given(RECORDINGS, NAMES, st.data())
@example(Recording(), "\x7f", None)
@example(Recording(), '"', None)
@example(Recording(), "\\", None)
@example(Recording(), "\u2028", None)
def test_names_that_are_escaped_somewhere_are_not_written_at_once(
    recording: Recording, name: str, data: st.DataObject | None
) -> None:
    found = {**(records(data, PLAIN_NAMES, recording) if data else {}), name: bytes(32)}
    if len(set(map(len, found.values()))) > 1:
        found = {name: bytes(32)}
    plainly = all(
        json.dumps(name, ensure_ascii=False) == f'"{name}"' == canonical_json(name).decode() for name in found
    )
    artifacts = written_artifacts(packets(data, found) if data else [([name], bytes(32))], Recording())
    assert artifacts is None or plainly
    assert artifacts is not None or not all(set(name) <= {*string.ascii_letters, *string.digits} for name in found)


@given(RECORDINGS, st.data())
def test_what_is_written_at_once_is_the_same_json(recording: Recording, data: st.DataObject) -> None:
    artifacts, expected = written(data, recording)
    link, usual = Link(name="s", materials=artifacts), Link(name="s", materials=expected)
    assert json.dumps(link.document(), sort_keys=True) == json.dumps(usual.document(), sort_keys=True)
    assert canonical_json(link.to_write()) == canonical_json(usual.document())
    assert canonical_json({"in": link.to_write()}) == canonical_json({"in": usual.document()})
    for indent in (None, 0, 1, 3):
        for ensure_ascii in (False, True):
            expected_text = json.dumps(usual.document(), sort_keys=True, indent=indent, ensure_ascii=ensure_ascii)
            for document in (link.to_write(), {"in": link.to_write()}):
                text = write_json(document, indent=indent, ensure_ascii=ensure_ascii).decode()
                assert json.loads(text) == json.loads(json.dumps(plain(document)))
            assert write_json(link.to_write(), indent=indent, ensure_ascii=ensure_ascii).decode() == expected_text


@given(RECORDINGS, st.data())
def test_equal_artifacts_share_what_they_have(recording: Recording, data: st.DataObject) -> None:
    artifacts, expected = written(data, recording)
    with patch.object(rows, "_AT_ONCE", 3):
        again = written_artifacts([(list(artifacts), b"".join(map(_bytes, expected.values())))], Recording(modes=True))
    assert artifacts.sharing(artifacts) == artifacts.sharing(expected) == expected
    assert again is None or again.sharing(artifacts) == again


def _bytes(digests: Mapping[str, str]) -> bytes:
    return bytes.fromhex(digests["sha256"]) + int(digests.get("mode", "0"), 8).to_bytes(2)


@given(st.data())
def test_written_artifacts_are_compared_as_those_that_were_read(data: st.DataObject) -> None:
    ours, expected = written(data, Recording())
    theirs = {name: digests for name, digests in expected.items() if data.draw(st.booleans())}
    theirs |= {name: {"sha256": "AB" * 32} for name in theirs if data.draw(st.booleans())}
    text = write_json({"a": theirs}, indent=data.draw(st.sampled_from([None, 1])))
    with large_from(0):
        read = read_json(text, seen=Seen(are_plain))["a"]
    comparison = Comparison()
    names = [name for name in expected if name in theirs]
    for found in (read, theirs):
        assert comparison.sort_out_rows(names, names, ours, found) == comparison.sort_out_rows(
            names, names, expected, theirs
        )
        assert comparison.changed_among(expected, ours, found) == comparison.changed_among(expected, expected, theirs)
        assert comparison.same_artifacts(ours, found) == comparison.same_artifacts(expected, theirs)
    assert column(ours, "sha256") == column(expected, "sha256")
    assert column(ours, "sha512") == [""] * len(expected)
    assert read_artifacts(ours, "") is ours


@given(TREES, st.sets(st.integers(min_value=0, max_value=5)))
def test_what_is_skipped_is_not_in_large_recordings_either(tree: Mapping[str, bytes], places: set[int]) -> None:
    names = {name for place, name in enumerate(sorted(tree)) if place in places}
    contents = {name: sha256(tree[name]).hexdigest() for name in names}
    with on_disk(tree) as directory:
        recording = EVERYTHING.replace(base_path=directory)
        whole = record(["."], recording).artifacts
        with patch.object(file, "MANY_FILES", 1):
            found = record(["."], recording, skip=lambda name, digests: contents.get(name) == digests["sha256"])
    assert found.artifacts == {name: digests for name, digests in whole.items() if name not in names}
    assert list(found.artifacts) == sorted(tree.keys() - names)
    assert canonical_json(Link(name="s", products=found.artifacts).to_write()) == canonical_json(
        Link(name="s", products=found.artifacts).document()
    )


@given(TREES)
def test_large_recordings_find_what_small_ones_do(tree: Mapping[str, bytes]) -> None:
    with on_disk(tree) as directory:
        recording = EVERYTHING.replace(base_path=directory)
        expected = record(["."], recording)
        with patch.object(file, "MANY_FILES", 1):
            found = record(["."], recording)
            again = record([".", *tree], recording)
    assert found == again == expected
    assert list(found.artifacts) == sorted(tree)


@given(
    document=DOCUMENTS,
    layout=st.sampled_from(LAYOUTS),
    indent=st.sampled_from([None, 0, 1]),
    ensure_ascii=st.booleans(),
)
def test_objects_that_were_read_are_written_as_they_are_when_taken_apart(
    document: dict[str, Any], layout: dict[str, Any], indent: int | None, *, ensure_ascii: bool
) -> None:
    text = json.dumps(document, ensure_ascii=False, **layout).encode("utf-8", "surrogatepass")
    with large_from(0), patch.object(uniform, "_AT_ONCE", 2):
        fast = read_json(text, seen=Seen(anything))
        assert write_json(fast, indent=indent, ensure_ascii=ensure_ascii) == write_json(
            plain(fast), indent=indent, ensure_ascii=ensure_ascii
        )
