from __future__ import annotations

from collections.abc import Callable

import pytest

from custody.encoding.fields import (
    MAX_NAME_BYTES,
    Fields,
    as_list,
    as_object,
    as_text,
    describe,
    path_to,
    plain_name,
)
from custody.errors import FormatError


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        ({}, "an empty object"),
        ({"a": 1}, "an object"),
        ([], "an empty list"),
        ([1], "a list"),
        (1, "1"),
        (1.5, "1.5"),
        ("a\n", r"'a\n'"),
    ],
)
def test_values_are_described_in_the_words_of_json(value: object, text: str) -> None:
    assert describe(value) == text


def test_a_long_value_is_shortened() -> None:
    assert len(describe("x" * 10_000)) == 60


@pytest.mark.parametrize(
    ("read", "value", "problem"),
    [
        (as_object, [1], "expected an object, got a list"),
        (as_object, None, "expected an object, got null"),
        (as_list, {}, "expected a list, got an empty object"),
        (as_list, "ab", "expected a list, got 'ab'"),
        (as_text, 3, "expected text, got 3"),
        (as_text, None, "expected text, got null"),
    ],
)
def test_another_type_is_refused_with_its_path(
    read: Callable[[object, str], object], value: object, problem: str
) -> None:
    with pytest.raises(FormatError) as caught:
        read(value, "steps[0]")
    assert str(caught.value) == f"steps[0]: {problem}"


@pytest.mark.parametrize(
    ("where", "name", "path"),
    [
        ("", "expires", "expires"),
        ("steps[0]", "expected_materials", "steps[0].expected_materials"),
        ("byproducts", "return-value", "byproducts.return-value"),
        ("keys", "ab" * 32, "keys." + "ab" * 32),
        # Nothing may pass for a field at another place.
        ("", "steps[0].name", "['steps[0].name']"),
        ("a", "b.c", "a['b.c']"),
        ("a", "", "a['']"),
        ("a", "x\n", r"a['x\n']"),
        ("a", "\u202e", r"a['\u202e']"),
    ],
)
def test_paths(where: str, name: str, path: str) -> None:
    assert path_to(where, name) == path


def test_the_path_of_a_long_name_is_short() -> None:
    assert len(path_to("a", "x" * 10_000)) < 150


def test_fields_read_each_kind() -> None:
    fields = Fields({"t": "x", "l": [1], "o": {"a": 1}, "ts": ["a", "b"], "i": 3, "n": None})
    assert fields.text("t") == "x"
    assert fields.list("l") == [1]
    assert fields.object("o") == {"a": 1}
    assert fields.texts("ts") == ("a", "b")
    assert fields.integer("i", minimum=3) == 3
    assert fields.any("n") is None
    assert fields.has("n")
    assert not fields.has("m")


def test_a_default_stands_in_for_what_is_missing_only() -> None:
    fields = Fields({"n": None})
    assert fields.text("m", "x") == "x"
    assert fields.texts("m", []) == ()
    assert fields.integer("m", 1, minimum=1) == 1
    with pytest.raises(FormatError, match=r"^n: expected text, got null"):
        fields.text("n", "x")


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (lambda f: f.text("gone"), "steps[0].gone: missing"),
        (lambda f: f.text("i"), "steps[0].i: expected text, got 0"),
        (lambda f: f.list("i"), "steps[0].i: expected a list, got 0"),
        (lambda f: f.object("i"), "steps[0].i: expected an object, got 0"),
        (lambda f: f.texts("l"), "steps[0].l[1]: expected text, got 2"),
        (lambda f: f.integer("i", minimum=1), "steps[0].i: expected an integer >= 1, got 0"),
        (lambda f: f.integer("b", minimum=0), "steps[0].b: expected an integer >= 0, got true"),
        (lambda f: f.integer("s", minimum=0), "steps[0].s: expected an integer >= 0, got '1'"),
        (lambda f: f.integer("f", minimum=0), "steps[0].f: expected an integer >= 0, got 1.0"),
        (lambda f: f.constant("s", "link"), "steps[0].s: expected 'link', got '1'"),
        (lambda f: f.constant("gone", "link"), "steps[0].gone: missing"),
        (lambda f: Fields(f.any("l"), f.path("l")), "steps[0].l: expected an object, got a list"),
    ],
)
def test_errors_have_the_path_of_the_field(read: Callable[[Fields], object], message: str) -> None:
    fields = Fields({"i": 0, "b": True, "s": "1", "f": 1.0, "l": ["a", 2]}, "steps[0]")
    with pytest.raises(FormatError) as caught:
        read(fields)
    assert str(caught.value) == message


def test_fields_that_nobody_asked_for_are_unknown() -> None:
    fields = Fields({"a": 1, "b": 2, "c": 3}, "signed")
    fields.any("a")
    fields.any("gone", None)
    assert fields.has("b")
    assert list(fields.unknown()) == [("signed.b", 2), ("signed.c", 3)]


@pytest.mark.parametrize(
    "name", ["build", "build.sh", "a b", ".hidden", "...", "-x", "prüfen", "字", "a:b", "n" * MAX_NAME_BYTES]
)
def test_plain_names_are_accepted(name: str) -> None:
    assert plain_name(name, "name") == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../evil",
        "a/b",
        "/abs",
        "a\\b",
        "..\\evil",
        "a\0b",
        "a\nb",
        "a\x1b[2J",
        "a\x7f",
        "\u202egnp.exe",
        "a\u2028b",
        "a\u00a0b",
        "a\ud800",
        "n" * (MAX_NAME_BYTES + 1),
        "é" * (MAX_NAME_BYTES // 2 + 1),
        "n" * 1_000_000,
        None,
        1,
        ["build"],
    ],
)
def test_names_that_could_lead_elsewhere_are_refused(name: object) -> None:
    with pytest.raises(FormatError, match=r"^steps\[0\]\.name: expected") as caught:
        plain_name(name, "steps[0].name")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 250
