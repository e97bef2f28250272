"""Statements: laws of reading and writing, of matching digests, and of links as statements."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from custody.encoding.strict import read_json, write_json
from custody.envelopes.dsse import DSSEEnvelope
from custody.envelopes.reader import read_envelope
from custody.errors import FormatError
from custody.models.digest_set import matches, read_digest_set
from custody.models.link import Link
from custody.models.link_statement import LINK_TYPES, link_to_statement, statement_to_link
from custody.models.predicates import check_predicate, check_statement
from custody.models.resource_descriptor import ResourceDescriptor, read_resource_descriptor
from custody.models.statement import STATEMENT_TYPES, make_statement, read_statement
from custody.rules.engine import Item, Sides, apply_rules
from custody.rules.grammar import parse_rules
from custody.rules.variants import ItemSide
from tests.unit.models.predicates.documents import GOOD

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
WORD = st.text("abcxyz_-.é 0", min_size=1, max_size=8).filter(lambda name: name not in {".", ".."})
PATHS = st.lists(st.sampled_from(["a", "b c", ".d", "é", "[x]"]), min_size=1, max_size=3).map("/".join)
SIZES = {"sha256": 64, "sha512": 128, "gitCommit": 40, "mode": 4}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(TEXT, JSON, max_size=3)
TYPES = st.sampled_from(["https://example.com/mine/v1", "urn:x:y"])
VERSIONS = st.sampled_from(sorted(STATEMENT_TYPES))


@st.composite
def digest_sets(draw: st.DrawFn) -> dict[str, str]:
    """Return digests of which few are different, so that many sets have some in common."""
    names = draw(st.lists(st.sampled_from(sorted(SIZES)), min_size=1, unique=True))
    return {name: draw(st.sampled_from("ab")) * SIZES[name] for name in names}


SUBJECTS = st.lists(
    st.builds(ResourceDescriptor, name=WORD, digest=digest_sets()),
    min_size=1,
    max_size=4,
    unique_by=lambda each: each.name,
)
ARTIFACTS = st.dictionaries(PATHS, digest_sets(), max_size=4)
LINKS = st.builds(
    Link,
    name=WORD,
    materials=ARTIFACTS,
    products=st.dictionaries(PATHS, digest_sets(), min_size=1, max_size=4),
    command=st.lists(TEXT, max_size=3).map(tuple),
    byproducts=OBJECTS,
    environment=OBJECTS,
)


@given(SUBJECTS, TYPES, st.none() | OBJECTS, VERSIONS)
def test_what_is_written_is_read(
    subjects: list[ResourceDescriptor], kind: str, predicate: dict[str, Any] | None, version: str
) -> None:
    document = make_statement(subjects, kind, predicate, version=version)

    for found in (read_statement(document), read_statement(read_json(write_json(document)))):
        assert (found.type, found.predicate_type, found.predicate) == (STATEMENT_TYPES[version], kind, predicate or {})
        assert [each.replace(document={}) for each in found.subject] == subjects
        assert make_statement(found.subject, found.predicate_type, found.predicate, version=version) == document


@given(SUBJECTS, TYPES, OBJECTS, VERSIONS)
def test_a_statement_survives_an_envelope(
    subjects: list[ResourceDescriptor], kind: str, predicate: dict[str, Any], version: str
) -> None:
    document = make_statement(subjects, kind, predicate, version=version)

    envelope = read_envelope(DSSEEnvelope.wrap(document).write())

    assert read_statement(envelope.content()).document == document
    assert (
        DSSEEnvelope.wrap(make_statement(list(subjects), kind, copy.deepcopy(predicate), version=version)) == envelope
    )


@given(SUBJECTS, TYPES, OBJECTS, OBJECTS)
def test_unknown_fields_are_kept_and_change_nothing(
    subjects: list[ResourceDescriptor], kind: str, predicate: dict[str, Any], more: dict[str, Any]
) -> None:
    document = make_statement(subjects, kind, predicate)
    longer = {**{f"x{name}": value for name, value in more.items()}, **document}

    found, other = read_statement(document), read_statement(longer)

    assert other.document == longer
    assert other.replace(document={}) == found.replace(document={})


def refused_at(check: Callable[[], object]) -> str:
    """Return where `check` finds a document wrong, `predicate` if nowhere."""
    try:
        check()
    except FormatError as error:
        return error.where
    return "predicate"


@given(OBJECTS | st.sampled_from(sorted(GOOD)).map(lambda uri: dict(GOOD[uri])), st.sampled_from(sorted(GOOD)))
def test_whatever_a_predicate_holds_it_passes_or_is_refused(predicate: dict[str, Any], uri: str) -> None:
    assert refused_at(lambda: check_predicate(uri, predicate)).startswith("predicate")


def places(value: object) -> Iterator[tuple[Any, Any]]:
    """Yield every object or list in `value` with each of its keys or indexes."""
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in list(keys):
        yield value, key
        yield from places(value[key])  # type: ignore[index]  # it is one of both


@given(st.data(), st.sampled_from(sorted(GOOD)), JSON)
def test_whatever_stands_in_a_field_it_passes_or_is_refused_with_a_path(
    data: st.DataObject, uri: str, value: object
) -> None:
    predicate = read_json(write_json(GOOD[uri]))
    found = list(places(predicate))
    assume(found)
    place, key = data.draw(st.sampled_from(found))
    place[key] = value
    assert refused_at(lambda: check_predicate(uri, predicate)).startswith("predicate")


@given(digest_sets(), digest_sets(), st.sampled_from(sorted(SIZES)))
def test_digests_match_if_the_pinned_one_is_equal_and_no_common_one_differs(
    one: dict[str, str], other: dict[str, str], pinned: str
) -> None:
    common = one.keys() & other.keys()
    expected = pinned in common and all(one[name] == other[name] for name in common)

    assert matches(one, other, pinned) == matches(other, one, pinned) == expected


@given(digest_sets(), st.sampled_from(sorted(SIZES)))
def test_a_digest_set_matches_itself_by_what_it_has(digests: dict[str, str], pinned: str) -> None:
    assert matches(read_digest_set(digests, ""), digests, pinned) == (pinned in digests)


@given(digest_sets(), digest_sets(), digest_sets())
def test_more_digests_never_make_a_match(one: dict[str, str], other: dict[str, str], more: dict[str, str]) -> None:
    """Ignoring a digest must not turn a refusal into a match, except the one that differed."""
    if matches({**more, **one}, other) and "sha256" in one:
        assert matches(one, other)


@given(OBJECTS)
def test_whatever_a_descriptor_holds_it_is_read_or_refused(value: Mapping[str, Any]) -> None:
    assert refused_at(lambda: read_resource_descriptor(value, "predicate")).startswith("predicate")


@given(LINKS, st.sampled_from(LINK_TYPES), VERSIONS)
def test_a_link_survives_being_a_statement(link: Link, kind: str, version: str) -> None:
    document = link_to_statement(link, predicate_type=kind, version=version)
    check_statement(read_statement(document))

    assert statement_to_link(read_statement(document)) == link
    assert statement_to_link(read_statement(read_json(write_json(document)))) == link
    assert (
        link_to_statement(statement_to_link(read_statement(document)), predicate_type=kind, version=version) == document
    )


@given(LINKS, LINKS, st.sampled_from(LINK_TYPES))
def test_two_links_are_two_statements(one: Link, other: Link, kind: str) -> None:
    same = link_to_statement(one, predicate_type=kind) == link_to_statement(other, predicate_type=kind)

    assert same == (one == other)


RULES = parse_rules(
    [["MATCH", "*", "WITH", "PRODUCTS", "FROM", "before"], ["CREATE", "a"], ["MODIFY", "*"], ["DISALLOW", "*"]], ""
)


@given(LINKS, LINKS, st.sampled_from(LINK_TYPES))
@pytest.mark.parametrize("side", ["materials", "products"])
def test_rules_judge_a_statement_as_they_judge_its_link(side: ItemSide, link: Link, before: Link, kind: str) -> None:
    def trace(link: Link, before: Link) -> object:
        links = {"before": Sides(materials=before.materials, products=before.products)}
        sides = Sides(materials=link.materials, products=link.products)
        return apply_rules(RULES, Item(name=link.name, sides=sides, side=side, links=links))

    def again(link: Link) -> Link:
        return statement_to_link(read_statement(link_to_statement(link, predicate_type=kind)))

    found = trace(again(link), again(before))

    assert repr(found) == repr(trace(link, before))
