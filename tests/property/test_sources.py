from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from custody.encoding.fields import plain_name
from custody.envelopes.dsse import DSSEEnvelope
from custody.envelopes.metablock import Metablock
from custody.envelopes.reader import read_envelope
from custody.errors import FormatError
from custody.keys.ed25519 import SPKI_PREFIX
from custody.keys.pem import write_pem
from custody.keys.public import key_of_spki
from custody.linting.complaints import Severity
from custody.linting.lint import lint
from custody.models.layout import Inspection, Layout, Step, read_layout
from custody.rules.artifacts import is_well_formed
from custody.rules.grammar import write_text
from custody.rules.patterns import check_pattern
from custody.rules.variants import Allow, Create, Delete, Disallow, Match, Modify, Require
from custody.sources.supply_chain import compile_source

AT = datetime(2026, 7, 31, tzinfo=UTC)
SPKI = {name: SPKI_PREFIX + sha256(name.encode()).digest() for name in ("alice", "bob", "yes", "1", "null")}
PEM = {name: write_pem(spki) for name, spki in SPKI.items()}

plain = st.characters(codec="utf-8", exclude_characters="\0\x85\u2028\u2029", exclude_categories=["Cs"])
"""Whatever may stand in text; what YAML writers leave raw although YAML readers differ about it is left out."""
printable = st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Zl", "Zp"])


def is_name(text: str) -> bool:
    try:
        return bool(plain_name(text, ""))
    except FormatError:
        return False


def is_pattern(text: str) -> bool:
    try:
        check_pattern(text, "")
    except FormatError:
        return False
    return is_well_formed(text)


names = st.text(printable, min_size=1, max_size=8).filter(is_name)
patterns = st.text(printable, min_size=1, max_size=8).filter(is_pattern)
prefixes = st.sampled_from(["", "src", "a b/c", "../x", "#", "'"])
rules = st.one_of(
    *(st.builds(kind, pattern=patterns) for kind in (Allow, Create, Delete, Disallow, Modify)),
    st.builds(Require, name=patterns),
    st.builds(
        Match,
        pattern=patterns,
        step=names,
        side=st.sampled_from(["materials", "products"]),
        source_prefix=prefixes,
        step_prefix=prefixes,
    ),
)
words = st.lists(st.text(plain, max_size=8), min_size=1, max_size=3)
lists = st.lists(rules.map(write_text), max_size=4)


def items(count: int, **more: Any) -> st.SearchStrategy[dict[str, Any]]:  # noqa: ANN401  # strategies
    fields = {"name": st.just(f"item-{count}"), "expected_materials": lists, "expected_products": lists}
    return st.fixed_dictionaries(fields | more)


step_fields = {
    "functionaries": st.lists(st.sampled_from(sorted(PEM)), unique=True),
    "threshold": st.integers(min_value=1, max_value=999),
    "expected_command": words,
}
sources = st.fixed_dictionaries(
    {
        "readme": st.text(plain, max_size=30),
        "expires": st.sampled_from(["6 months", "2030-01-31", "9 days", "2030-01-31T00:00:01Z"]),
        "functionaries": st.just(PEM),
        "steps": st.tuples(items(1, **step_fields), items(2, **step_fields)).map(list),
        "inspect": st.tuples(items(3, run=words)).map(list),
    }
)


class Plain(yaml.SafeDumper):
    """Writes the same list twice instead of an alias."""

    def ignore_aliases(self, data: object) -> bool:
        return data is not self


def compiled(source: dict[str, Any]) -> Layout:
    text = yaml.dump(source, Dumper=Plain, allow_unicode=True)
    return compile_source(text.encode(), base_directory="", at=AT)


@given(sources)
def test_a_compiled_source_survives_writing_and_reading_in_both_envelopes(source: dict[str, Any]) -> None:
    layout = compiled(source)
    for kind in (Metablock, DSSEEnvelope):
        written = kind.wrap(layout.document()).write()
        assert read_layout(read_envelope(written).content()) == layout


@given(sources)
def test_every_word_of_a_source_arrives_in_the_layout(source: dict[str, Any]) -> None:
    layout = compiled(source)
    assert layout.readme == source["readme"]
    items_of_layout: list[Step | Inspection] = [*layout.steps, *layout.inspect]
    for item, written in zip(items_of_layout, (*source["steps"], *source["inspect"]), strict=True):
        assert item.name == written["name"]
        assert [write_text(rule) for rule in item.expected_materials] == written["expected_materials"]
        assert [write_text(rule) for rule in item.expected_products] == written["expected_products"]
    for step, written in zip(layout.steps, source["steps"], strict=True):
        assert step.threshold == written["threshold"]
        assert list(step.expected_command) == written["expected_command"]
        assert step.pubkeys == tuple(key_of_spki(SPKI[name], name).keyid for name in written["functionaries"])
    assert [list(item.run) for item in layout.inspect] == [item["run"] for item in source["inspect"]]


@given(sources)
def test_any_layout_can_be_linted_and_the_worst_comes_first(source: dict[str, Any]) -> None:
    ranks = [complaint.severity.rank for complaint in lint(compiled(source), AT)]
    assert ranks == sorted(ranks)
    assert all(0 <= rank < len(Severity) for rank in ranks)


@given(st.one_of(st.binary(max_size=200), st.text(alphabet="ab:-[]{}&*!'\"|>%@#? \n\t\\", max_size=60).map(str.encode)))
def test_whatever_is_no_source_is_a_format_error(data: bytes) -> None:
    with pytest.raises(FormatError, match=r"."):
        compile_source(data, base_directory="/nowhere", at=AT)
