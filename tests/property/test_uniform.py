"""The fast way to read large documents says what the ordinary one says, about every document and every chain."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from custody.encoding import large, rows, strict, uniform
from custody.encoding.canonical import canonical_json
from custody.encoding.large import parse_large
from custody.encoding.strict import read_json, write_json
from custody.encoding.uniform import Seen, UniformObject, plain
from custody.envelopes import dsse, reader
from custody.envelopes.reader import read_envelope
from custody.errors import CustodyError, FormatError
from custody.models.link import read_link
from custody.reports.verdict_json import verdict_document
from custody.rules.artifacts import are_plain, read_artifacts
from custody.rules.digests import DEFAULT_PINNED, Comparison
from tests.simulator import Simulator

NAMES = st.text(st.sampled_from('ab/.:\n"\\é \u2028{},\x7f') | st.characters(exclude_categories=["Cs"]), max_size=8)
HEX = st.text("0123456789abcdefABCDEF", min_size=64, max_size=64)
SHA256 = HEX.map(lambda text: {"sha256": text})
TWO = st.tuples(HEX, HEX).map(lambda texts: {"sha256": texts[0], "sha512": texts[1] * 2})
DIGESTS = st.one_of(
    SHA256,
    TWO,
    st.dictionaries(st.sampled_from(["sha256", "sha512", "x y", "mode"]), HEX | NAMES | st.integers(), max_size=3),
)
MAPS = st.one_of(
    st.dictionaries(NAMES, SHA256, max_size=6),
    st.dictionaries(NAMES, TWO, max_size=6),
    st.dictionaries(NAMES, DIGESTS),
)
DOCUMENTS = st.dictionaries(NAMES, MAPS | NAMES | st.dictionaries(NAMES, MAPS), max_size=4)
LAYOUTS: list[dict[str, Any]] = [
    {"indent": 1},
    {"indent": 3},
    {},
    {"separators": (",", ":")},
    {"separators": (" ,\n", " : ")},
]
CHANGES = ['"', "\\", "{", "}", ",", ":", " ", "\n", "a", "", '"}, "', '": {"sha256": "', "\x00", "\\u0061", "\\ud800"]


def anything(_names: Sequence[str], _keys: Sequence[str], _texts: Sequence[Sequence[str]]) -> bool:
    return True


@contextmanager
def large_from(size: int) -> Iterator[None]:
    """Make documents of `size` characters large, and take large ones apart in small pieces."""
    with ExitStack() as stack:
        for module in (strict, reader):
            stack.enter_context(patch.object(module, "LARGE_TEXT", size))
        stack.enter_context(patch.object(large, "_SMALL", 0))
        stack.enter_context(patch.object(rows, "_PIECE", 100))
        stack.enter_context(patch.object(uniform, "_AT_ONCE", 2))
        yield


def both(text: str, accepts: rows.Accepts = anything, seen: Seen | None = None) -> tuple[Any, Any]:
    """Return what the fast way and the ordinary one read, or their errors."""
    answers = []
    for limit in (0, 1 << 40):
        with large_from(limit):
            try:
                answers.append(read_json(text.encode("utf-8", "surrogatepass"), seen=seen or Seen(accepts)))
            except FormatError as error:
                answers.append(str(error))
    return answers[0], answers[1]


def is_plain(value: object) -> bool:
    return not isinstance(value, UniformObject) and (not isinstance(value, dict) or all(map(is_plain, value.values())))


@given(document=DOCUMENTS, layout=st.sampled_from(LAYOUTS), ensure_ascii=st.booleans())
def test_written_documents_are_read_alike(
    document: dict[str, Any], layout: dict[str, Any], *, ensure_ascii: bool
) -> None:
    fast, ordinary = both(json.dumps(document, ensure_ascii=ensure_ascii, **layout))
    assert fast == ordinary == document
    assert list(fast) == list(ordinary)
    assert repr(fast) == repr(ordinary)
    with large_from(0):
        assert canonical_json(fast) == canonical_json(ordinary)
    copy = plain(fast)
    assert is_plain(copy)
    assert copy == document
    assert write_json(copy) == write_json(document)


@given(documents=st.lists(st.tuples(MAPS, st.sampled_from(LAYOUTS)), min_size=2, max_size=4))
def test_what_was_seen_before_changes_nothing(documents: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
    seen = Seen(anything)
    for number, (members, layout) in enumerate(documents):
        joined = {**documents[number - 1][0], **members}
        for each in (members, joined):
            fast, ordinary = both(json.dumps({"m": each}, **layout), seen=seen)
            assert fast == ordinary == {"m": each}
            assert list(fast["m"]) == list(each)
            with large_from(0):
                assert canonical_json(fast) == canonical_json(ordinary)


@given(
    document=DOCUMENTS,
    layout=st.sampled_from(LAYOUTS),
    at=st.integers(0, 400),
    change=st.sampled_from(CHANGES),
    cut=st.integers(0, 3),
)
@example(document={"m": {"a": {"sha256": "0"}, "b": {"sha256": "1"}}}, layout={}, at=19, change='"}, "', cut=0)
@settings(max_examples=300)
def test_damaged_documents_are_read_alike(
    document: dict[str, Any], layout: dict[str, Any], at: int, change: str, cut: int
) -> None:
    text = json.dumps(document, ensure_ascii=False, **layout)
    fast, ordinary = both(text[:at] + change + text[at + cut :])
    assert fast == ordinary


@given(MAPS, st.sampled_from(LAYOUTS))
def test_artifacts_judged_together_are_those_judged_one_by_one(members: dict[str, Any], layout: dict[str, Any]) -> None:
    answers: list[object] = []
    fast, _ = both(json.dumps({"materials": members}, ensure_ascii=False, **layout), are_plain)
    for value in (members, fast["materials"]):
        try:
            answers.append(dict(read_artifacts(value, "materials")))
        except FormatError as error:
            answers.append(str(error))
    assert answers[0] == answers[1]


PAIRS = st.dictionaries(st.sampled_from(["a", "b", "c", "c/d", "é"]), SHA256 | TWO, max_size=5)
PINNED = st.sampled_from([DEFAULT_PINNED, frozenset({"sha512"}), frozenset({"sha256", "sha512"})])


@st.composite
def alike(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return two sets of artifacts, much of which is the same or differs in case only."""
    one, other = draw(PAIRS), draw(PAIRS)
    for name, digests in one.items():
        spelling = draw(st.sampled_from([None, str, str.upper, str.lower]))
        if spelling is not None:
            other[name] = {algorithm: spelling(digest) for algorithm, digest in digests.items()}
    return one, other


@given(alike(), PINNED, st.sampled_from(LAYOUTS), st.sampled_from(LAYOUTS))
def test_artifacts_compared_as_they_are_written_are_those_compared_one_by_one(
    maps: tuple[dict[str, Any], dict[str, Any]],
    pinned: frozenset[str],
    first: dict[str, Any],
    second: dict[str, Any],
) -> None:
    seen, comparison = Seen(are_plain), Comparison(pinned=pinned)
    one, other = (
        both(json.dumps({"m": members}, **layout), seen=seen)[0]["m"]
        for members, layout in zip(maps, (first, second), strict=True)
    )
    names = sorted(maps[0])
    assert comparison.sort_out_rows(names, names, one, other) == comparison.sort_out_rows(names, names, *maps)
    assert comparison.changed_among(names, one, other) == comparison.changed_among(names, *maps)
    assert comparison.same_artifacts(one, other) == comparison.same_artifacts(*maps)


TWICE = '{"signed": {"materials": {"a": {"sha256": "00"}, "b": {"sha256": "11"}}}}'


def test_object_that_was_seen_is_the_same_object() -> None:
    seen = Seen(anything)
    with large_from(0):
        one, other = (read_json(TWICE.encode(), seen=seen)["signed"]["materials"] for _ in range(2))
    assert isinstance(one, UniformObject)
    assert one is other
    assert one == {"a": {"sha256": "00"}, "b": {"sha256": "11"}}


def test_member_that_was_seen_is_the_same_member() -> None:
    seen = Seen(anything)
    with large_from(0):
        one = read_json(TWICE.encode(), seen=seen)["signed"]["materials"]
        other = read_json(TWICE.replace("11", "22").encode(), seen=seen)["signed"]["materials"]
        seen.forget()
        later = read_json(TWICE.encode(), seen=seen)["signed"]["materials"]
    assert one.rows["a"] is other.rows["a"]
    assert one != other
    assert later == one
    assert later.rows["a"] is not one.rows["a"]


def test_small_objects_of_a_large_document_are_left_to_the_ordinary_parser() -> None:
    members = {f"{number}": {"sha256": "00"} for number in range(200)}
    few = dict(list(members.items())[:20])
    with patch.object(strict, "LARGE_TEXT", 0):
        document = read_json(write_json({"many": members, "few": few}), seen=Seen(anything))
    assert isinstance(document["many"], UniformObject)
    assert type(document["few"]) is dict
    assert document == {"many": members, "few": few}


def test_members_that_are_not_accepted_are_left_to_the_ordinary_parser() -> None:
    def short(names: Sequence[str], keys: Sequence[str], texts: Sequence[Sequence[str]]) -> bool:
        assert keys == ("sha256",)
        assert [len(column) for column in texts] == [len(names)]
        return "11" not in texts[0]

    with large_from(0):
        refused = read_json(TWICE.encode(), seen=Seen(short))["signed"]["materials"]
        accepted = read_json(TWICE.replace("11", "22").encode(), seen=Seen(short))["signed"]["materials"]
    assert type(refused) is dict
    assert isinstance(accepted, UniformObject)


def test_changing_what_was_looked_up_changes_no_object() -> None:
    with large_from(0):
        found = read_json(TWICE.replace('"b"', r'"\""').encode(), seen=Seen(anything))["signed"]["materials"]
    assert isinstance(found, UniformObject)
    for name in ("a", '"'):
        found[name]["sha256"] = "evil"
    assert found == {"a": {"sha256": "00"}, '"': {"sha256": "11"}}


def test_who_does_not_ask_for_shared_objects_gets_none() -> None:
    with large_from(0):
        document = read_json(
            TWICE.replace("}}}}", '}}, "products": {"a": {"sha256": "00"}, "b": {"sha256": "11"}}}}').encode()
        )
    materials, products = document["signed"]["materials"], document["signed"]["products"]
    assert type(materials) is dict
    assert materials == products
    assert materials is not products


def test_only_the_last_few_objects_are_remembered() -> None:
    seen = Seen(anything)
    with large_from(0):
        first = read_json(TWICE.encode(), seen=seen)["signed"]["materials"]
        for number in range(20):
            read_json(TWICE.replace("11", f"{number:03}").encode(), seen=seen)
        again = read_json(TWICE.encode(), seen=seen)["signed"]["materials"]
    assert again == first
    assert again is not first


def test_one_name_with_escapes_does_not_make_all_members_slow() -> None:
    members = {f"{number}": {"sha256": "00"} for number in range(9)} | {'"': {"sha256": "11"}, "x": {"md5": "22"}}
    fast, ordinary = both(json.dumps({"m": members}))
    assert isinstance(fast["m"], UniformObject)
    assert fast["m"].odd() == {'"': {"sha256": "11"}, "x": {"md5": "22"}}
    assert fast == ordinary


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
    assert parse_large(TWICE, strict._DECODER.raw_decode, Seen(anything)) is not None
    try:
        found = parse_large(text, strict._DECODER.raw_decode, Seen(anything))
    except FormatError:
        found = None
    assert found is None
    fast, ordinary = both(text)
    assert isinstance(fast, str)
    assert fast == ordinary


def test_name_that_is_escaped_without_need_is_like_any_other() -> None:
    seen = Seen(anything)
    texts = [TWICE.replace('"b"', name) for name in (r'"\u00e9"', '"é"', r'"\u00E9"', r'"\u00e9"')]
    with large_from(0):
        found = [read_json(text.encode(), seen=seen)["signed"]["materials"] for text in texts]
    assert all(each == {"a": {"sha256": "00"}, "é": {"sha256": "11"}} for each in found)
    assert all(each.all_have(frozenset({"sha256"})) for each in found)
    assert len({each.rows["é"] for each in found}) == 1
    assert found[0].rows["é"] is found[3].rows["é"]


def test_object_that_was_escaped_ends_where_the_text_says() -> None:
    seen, escaped = Seen(anything), TWICE.replace('"b"', r'"\u00e9"')
    plain_text = TWICE.replace('"b"', '"é"').replace("}}}}", '}}, "x": "}}", "y": "}}", "z": {}}}')
    with large_from(0):
        first = read_json(escaped.encode(), seen=seen)
        assert read_json(plain_text.encode(), seen=seen) == json.loads(plain_text)
    assert first == json.loads(escaped)


def test_text_between_members_inside_a_name_is_no_end_of_a_member() -> None:
    document = {"m": {"a": {"sha256": "00"}, 'b"}, ': {": NaN, ": "00"}, "c": {"sha256": "11"}}}
    fast, ordinary = both(json.dumps(document))
    assert fast == ordinary == document


def test_half_of_a_surrogate_pair_in_one_odd_name_is_found() -> None:
    good = TWICE.replace('"b"', r'"\ud83d\ude00"')
    assert not isinstance(both(good)[0], str)
    fast, ordinary = both(TWICE.replace('"b"', r'"\ud800"'))
    assert "half of a surrogate pair" in fast
    assert fast == ordinary


# --- envelopes ------------------------------------------------------------------------------------

PAYLOADS = st.sampled_from(
    ["", "e30=", "e30", "e3 0=", "e\\u0033030", "-_8=", "x", "here-stands-the-payload", '"', "é"]
)
ENVELOPE = '{"payload": "PAYLOAD", "payloadType": "t", "signatures": [{"keyid": "a", "sig": "AP8="}]}'
ORDERS = [
    ENVELOPE,
    '{"payloadType": "t", "signatures": [{"keyid": "a", "sig": "AP8=", "payload": "e30="}], "payload": "PAYLOAD"}',
    '{"signatures": [{"keyid": "a", "sig": "", "payload": "PAYLOAD"}], "payload": "e30=", "payloadType": "t"}',
    '{"payload": "PAYLOAD", "payload": "e30=", "payloadType": "t", "signatures": []}',
    '{"payload": "PAYLOAD", "signed": {}, "payloadType": "t", "signatures": []}',
    '{"x": "\\"payload\\": \\"e30=", "payload": "PAYLOAD", "payloadType": "t", "signatures": []}',
    '{"a\\"payload": "PAYLOAD", "payload": "here-stands-the-payload", "payloadType": "t", "signatures": []}',
    '{"payload": {"payload": "PAYLOAD"}, "payloadType": "t", "signatures": []}',
    '[{"payload": "PAYLOAD", "payloadType": "t", "signatures": []}]',
]


@given(
    st.sampled_from(ORDERS),
    PAYLOADS,
    st.sampled_from(CHANGES),
    st.none() | st.integers(0, 120),
    st.sampled_from(["", " "]),
)
@settings(max_examples=300)
def test_envelopes_are_read_alike_whether_their_payload_is_decoded_where_it_stands(
    order: str, payload: str, change: str, at: int | None, gap: str
) -> None:
    text = order.replace("PAYLOAD", payload).replace(": ", f"{gap}:{gap}")
    if at is not None:
        text = text[:at] + change + text[at:]
    answers: list[object] = []
    for limit in (0, 1 << 40):
        with large_from(limit):
            try:
                answers.append(read_envelope(text.encode("utf-8", "surrogatepass")))
            except FormatError as error:
                answers.append(str(error))
    assert answers[0] == answers[1]


def test_payload_of_a_usual_envelope_is_decoded_where_it_stands() -> None:
    good = ENVELOPE.replace("PAYLOAD", "e30=").encode()
    assert dsse.read_large(good) is not None
    assert dsse.read_large(good.replace(b"e30=", b"e30")) is None
    with patch.object(dsse, "MAX_DOCUMENT_BYTES", len(good) - 1):
        assert dsse.read_large(good) is None


# --- chains ---------------------------------------------------------------------------------------

FILES = st.dictionaries(st.sampled_from(["a", "b/c", "b/d", "é", 'q"', "x:y"]), st.sampled_from(["1", "2"]), min_size=2)


@st.composite
def chains(draw: st.DrawFn) -> Simulator:
    """Return a chain of three steps, each of which may change what it takes, with something wrong here and there."""
    chain = Simulator(dsse=draw(st.booleans()))
    made: dict[str, bytes | str] = {}
    previous = ""
    for step in ("one", "two", "three"):
        before = [f"MATCH * WITH PRODUCTS FROM {previous}", "DISALLOW *"] if previous else []
        after = draw(st.sampled_from([[], ["CREATE *", "MODIFY *"], ["MATCH * WITH MATERIALS FROM two", "DISALLOW *"]]))
        taken, made = made, {**made, **draw(FILES)}
        taken |= draw(st.sampled_from([{}, {}, {"evil": "1"}]))
        chain.step(step, "bob", "alice", expected_materials=before, expected_products=after, perform=False)
        for who in draw(st.sampled_from([["bob"], ["alice", "bob"]])):
            chain.perform(step, who, materials=taken, products=made, byproducts=draw(BYPRODUCTS))
        previous = step
    return chain


BYPRODUCTS: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [{}, {"return-value": 0}, {"x": {"a": {"sha256": "0" * 64}, "b": {"sha256": "0" * 64}}}, {"a": {"b": "c"}}]
)


def rewritten(data: bytes, layout: dict[str, Any]) -> bytes:
    """Return the file as another program would write it: with other white space, digests of a Metablock the same."""
    return json.dumps(json.loads(data), **layout).encode()


@given(chains(), st.data())
@settings(max_examples=150)
def test_chains_are_judged_alike(chain: Simulator, data: st.DataObject) -> None:
    for name, content in list(chain.files.items()):
        chain.files[name] = rewritten(content, data.draw(st.sampled_from(LAYOUTS)))
    if data.draw(st.booleans()):
        name = data.draw(st.sampled_from(sorted(chain.files)))
        at = data.draw(st.integers(0, len(chain.files[name])))
        change = data.draw(st.sampled_from(CHANGES)).encode()
        chain.files[name] = chain.files[name][:at] + change + chain.files[name][at + len(change) :]
    answers: list[object] = []
    for limit in (0, 1 << 40):
        with large_from(limit):
            try:
                verdict = chain.judge()
            except CustodyError as error:
                answers.append(str(error))
                continue
            summary = verdict.summary_link
            answers.append(
                (
                    verdict_document(verdict, explain=True, all_artifacts=True),
                    write_json(summary.document()) if summary is not None else b"",
                    summary is None or read_link(summary.document()) == summary,
                )
            )
    assert answers[0] == answers[1]


def test_chain_of_large_links_is_accepted_and_a_changed_one_is_not() -> None:
    chain = Simulator()
    made: dict[str, bytes | str] = {f"f{number:04}": "1" for number in range(900)}
    chain.step("one", "bob", products=made)
    chain.step("two", "bob", materials=made, expected_materials=["MATCH * WITH PRODUCTS FROM one", "DISALLOW *"])
    assert all(len(data) > uniform.LARGE_TEXT for data in chain.files.values())
    chain.judge().require()
    name = next(iter(chain.files))
    chain.files[name] = re.sub(rb'("f0500": \{\n\s*"sha256": ")[0-9a-f]', rb"\g<1>x", chain.files[name])
    assert not chain.judge().accepted
