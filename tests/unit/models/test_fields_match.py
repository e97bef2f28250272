"""Demands on fields: their grammar, and what is equal to what."""

from __future__ import annotations

import json
from typing import Any

import pytest

from custody.errors import UsageError
from custody.models.fields_match import (
    MAX_FIELD_DEMANDS,
    MAX_FIELD_TEXT,
    read_field_demand,
    read_field_demands,
)

DOCUMENT: dict[str, Any] = {
    "predicate": {
        "builder": {"id": "https://example.com/b?x=1"},
        "count": 42,
        "ratio": 0.5,
        "ok": True,
        "off": False,
        "none": None,
        "text": "42",
        "word": "true",
        "empty": "",
        "list": [{"name": "a", "n": 1}, {"name": "b", "n": [2, 3]}],
        "dev.example/x": {"y z": "deep"},
        'quote"]=': "odd",
        "a-b_c": "plain",
        "big": 9007199254740993,
    }
}

MET = [
    "predicate.builder.id=https://example.com/b?x=1",
    "predicate.count=42",
    "predicate.count=42.0",
    "predicate.count=4.2e1",
    "predicate.ratio=0.5",
    "predicate.ok=true",
    "predicate.off=false",
    "predicate.none=null",
    'predicate.text="42"',
    'predicate.word="true"',
    "predicate.empty=",
    'predicate.empty=""',
    "predicate.list[0].name=a",
    "predicate.list[*].name=b",
    "predicate.list[*].n=1",
    "predicate.list[1].n[*]=3",
    "predicate.list[*].n[*]=2",
    'predicate["dev.example/x"]["y z"]=deep',
    '["predicate"].count=42',
    'predicate["quote\\"]="]=odd',
    "predicate.a-b_c=plain",
    "predicate.big=9007199254740993",
]

UNMET = [
    "predicate.builder.id=https://example.com/b",
    "predicate.builder.id=https://example.com/b?x=1 ",
    "predicate.builder=https://example.com/b?x=1",
    "predicate.count=43",
    'predicate.count="42"',
    "predicate.count=true",
    "predicate.ok=1",
    'predicate.ok="true"',
    "predicate.off=0",
    "predicate.off=null",
    "predicate.none=false",
    "predicate.none=",
    "predicate.missing=null",
    "predicate.missing=",
    "predicate.text=42",
    "predicate.word=true",
    "predicate.list[2].name=a",
    "predicate.list[0].name=b",
    "predicate.list.name=a",
    "predicate.list[*]=a",
    "predicate[0]=a",
    "predicate[*]=a",
    "predicate.builder[*]=https://example.com/b?x=1",
    "predicate.list[*].n[*]=4",
    "Predicate.count=42",
    "predicate.big=9007199254740992",
    "count=42",
]

NONE = [
    "",
    "=",
    "=x",
    "predicate",
    "predicate.count",
    ".predicate=1",
    "predicate.=1",
    "predicate..count=1",
    "predicate.count.=1",
    "predicate[=1",
    "predicate[]=1",
    "predicate[-1]=1",
    "predicate[1.5]=1",
    "predicate[a]=1",
    'predicate["a]=1',
    "predicate['a']=1",
    "predicate.[0]=1",
    "predicate.*=1",
    "predicate count=1",
    "predicate[0]count=1",
    'predicate["\\ud800"]=1',
    'predicate="unfinished',
    'predicate="two" "texts"',
    "predicate={}",
    "predicate=[1]",
    "predicate=1e999",
]


@pytest.mark.parametrize("text", MET)
def test_demand_is_met(text: str) -> None:
    assert read_field_demand(text).problem(DOCUMENT) == ""


@pytest.mark.parametrize("text", UNMET)
def test_demand_is_not_met(text: str) -> None:
    assert read_field_demand(text).problem(DOCUMENT)


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_demand_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--field: "):
        read_field_demand(text)


def test_problem_says_what_was_expected_and_what_is_there() -> None:
    problem = read_field_demand("predicate.list[*].name=c").problem(DOCUMENT)

    assert problem == "predicate.list[*].name is expected to be the text 'c', got the text 'a' and the text 'b'"


@pytest.mark.parametrize(("text", "remedy"), [("predicate.text=42", "'\"42\"'"), ("predicate.word=true", "'\"true\"'")])
def test_text_that_looks_like_another_value_has_a_remedy(text: str, remedy: str) -> None:
    problem = read_field_demand(text).problem(DOCUMENT)

    assert f"write it as a JSON string to mean the text: {remedy}" in problem
    assert read_field_demand(f"{text.partition('=')[0]}={remedy[1:-1]}").problem(DOCUMENT) == ""


def test_missing_field_is_said_to_be_missing() -> None:
    assert "got nothing there" in read_field_demand("predicate.missing=1").problem(DOCUMENT)


def test_demands_are_limited() -> None:
    assert len(read_field_demands(("a=1",) * MAX_FIELD_DEMANDS)) == MAX_FIELD_DEMANDS
    with pytest.raises(UsageError, match="at most"):
        read_field_demands(("a=1",) * (MAX_FIELD_DEMANDS + 1))
    longest = "a=" + "x" * (MAX_FIELD_TEXT - 2)
    assert read_field_demand(longest).problem(json.loads('{"a": 1}'))
    with pytest.raises(UsageError, match="at most"):
        read_field_demand(f"{longest}x")
