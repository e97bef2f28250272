from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from custody.encoding.strict import read_json, write_json
from custody.errors import FormatError
from custody.keys.public import PublicKey, make_key
from custody.models.layout import Inspection, Layout, Step, read_layout
from custody.models.link import Link, read_link
from custody.rules.variants import Allow, Create, Disallow, Match, Require

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
WORD = st.text("abcxyz_-.é 0", min_size=1, max_size=8).filter(lambda name: name not in {".", ".."})
PATHS = st.lists(st.sampled_from(["a", "b c", ".d", "é", "[x]"]), min_size=1, max_size=3).map("/".join)
PATTERNS = st.sampled_from(["*", "src/*", "a b*", "[!x]", "é?"])
SIDES = st.sampled_from(["materials", "products"])
PREFIXES = st.sampled_from(["", "src", "../x", "/abs"])
RULES = st.lists(
    st.one_of(
        *(st.builds(kind, pattern=PATTERNS) for kind in (Allow, Create, Disallow)),
        st.builds(Require, name=PATHS),
        st.builds(Match, pattern=PATTERNS, source_prefix=PREFIXES, side=SIDES, step_prefix=PREFIXES, step=WORD),
    ),
    max_size=3,
).map(tuple)
PUBLIC = "393e671b200f964c49083d34a867f5d989ec1c69df7b66758fe471c8591b139c"
COMMANDS = st.lists(TEXT, max_size=3).map(tuple)


def key(keyid: str) -> PublicKey:
    return make_key(keytype="ed25519", scheme="ed25519", public=PUBLIC, where="", keyid=keyid)


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    names = draw(st.lists(WORD, max_size=5, unique_by=str.casefold))
    cut = draw(st.integers(0, len(names)))
    keyids = draw(st.lists(WORD, max_size=3, unique=True))
    return Layout(
        expires=draw(st.datetimes(timezones=st.just(UTC))).replace(microsecond=0),
        readme=draw(TEXT),
        keys={keyid: key(keyid) for keyid in keyids},
        steps=tuple(
            Step(
                name=name,
                pubkeys=tuple(draw(st.lists(st.sampled_from([*keyids, "gone"]), max_size=3))),
                threshold=draw(st.integers(1, 9)),
                expected_command=draw(COMMANDS),
                expected_materials=draw(RULES),
                expected_products=draw(RULES),
            )
            for name in names[:cut]
        ),
        inspect=tuple(
            Inspection(
                name=name,
                run=("sh", *draw(COMMANDS)),
                expected_materials=draw(RULES),
                expected_products=draw(RULES),
            )
            for name in names[cut:]
        ),
    )


DIGESTS = st.dictionaries(
    st.sampled_from(["sha256", "sha512", "mode"]), st.text("0123456789abcdefABCDEF", min_size=1), min_size=1
)
ARTIFACTS = st.dictionaries(PATHS, DIGESTS, max_size=4)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
LINKS = st.builds(
    Link,
    name=WORD,
    materials=ARTIFACTS,
    products=ARTIFACTS,
    command=COMMANDS,
    byproducts=st.dictionaries(TEXT, JSON, max_size=3),
    environment=st.dictionaries(TEXT, JSON, max_size=3),
)


@given(layouts())
def test_a_layout_survives_being_written(layout: Layout) -> None:
    assert read_layout(layout.document()) == layout
    assert read_layout(read_json(write_json(layout.document()))) == layout


@given(LINKS)
def test_a_link_survives_being_written(link: Link) -> None:
    assert read_link(link.document()) == link
    assert read_link(read_json(write_json(link.document()))) == link


BASE = Layout(
    expires=datetime(2030, 1, 1, tzinfo=UTC),
    keys={"carol": key("carol")},
    steps=(Step(name="build", pubkeys=("carol",), expected_products=(Disallow(pattern="*"),)),),
    inspect=(Inspection(name="look", run=("true",)),),
).document()
PLACES: list[tuple[str | int, ...]] = [
    (),
    ("steps", 0),
    ("inspect", 0),
    ("keys", "carol"),
    ("keys", "carol", "keyval"),
]


@given(st.sampled_from(PLACES), TEXT.filter(lambda name: name != "private"), JSON)
def test_d2_whatever_field_is_added_it_is_refused_ignored_by_name_or_known(
    place: tuple[str | int, ...], name: str, value: object
) -> None:
    document = copy.deepcopy(BASE)
    inner: Any = document
    for part in place:
        inner = inner[part]
    known = name in inner or name in {"keyid_hash_algorithms", "rootcas", "intermediatecas", "cert_constraints"}
    if known:
        return
    inner[name] = value
    try:
        read_layout(document)
    except FormatError as error:
        assert read_layout(document, ignore=[error.where]).ignored == (error.where,)  # noqa: PT017  # the property
    else:
        raise AssertionError(document)


@given(JSON | st.dictionaries(st.sampled_from([*BASE, *Link(name="x").document()]), JSON))
def test_any_document_is_read_or_a_format_error(document: object) -> None:
    for read in (read_layout, read_link):
        try:
            read(document)
        except FormatError:
            continue


@given(st.sampled_from(PLACES), st.data())
def test_whatever_replaces_a_field_the_layout_is_read_or_a_format_error(
    place: tuple[str | int, ...], data: st.DataObject
) -> None:
    document = copy.deepcopy(BASE)
    inner: Any = document
    for part in place:
        inner = inner[part]
    inner[data.draw(st.sampled_from(sorted(inner)))] = data.draw(JSON)
    try:
        layout = read_layout(document)
    except FormatError:
        return
    assert read_layout(layout.document()) == layout
