from __future__ import annotations

import time

import pytest

from custody.errors import FormatError
from custody.sources.strict_yaml import MAX_DEPTH, MAX_SOURCE_BYTES, read_yaml

BOMB = "a: &a [x, x]\n" + "\n".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]" for n in range(20)
)

ATTACKS: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "line 1: expected a layout's source, got nothing"),
    "comments only": (b"# nothing\n", "expected a layout's source, got nothing"),
    "an alias": (b"a: 1\nb: *x", "line 2, b: '*x' is an alias"),
    "an anchor": (b"a:\n  - &x 1", "line 2, a[0]: '&x' is an anchor"),
    "an anchor on a list": (b"a: &x [1]", "line 1, a: '&x' is an anchor"),
    "an anchor on a name": (b"&x a: 1", "line 1: '&x' is an anchor"),
    "a billion laughs": (BOMB.encode(), "line 1, a: '&a' is an anchor"),
    "a python object": (
        b"a: !!python/object/apply:os.system [id]",
        "line 1, a: '!!python/object/apply:os.system' is a tag",
    ),
    "a harmless tag": (b"a: !!str 1", "line 1, a: '!!str' is a tag"),
    "a tag of one's own": (b"a: !x 1", "line 1, a: '!x' is a tag"),
    "the tag that says no tag": (b"a: ! 1", "line 1, a: '!' is a tag"),
    "a name twice": (b"a: 1\nb: 2\na: 3", "line 3, a: 'a' stands here twice, first on line 1"),
    "a name twice, once quoted": (b"x:\n  a: 1\n  'a': 2", "line 3, x.a: 'a' stands here twice"),
    "a name twice, once escaped": (b'a: 1\n"\\x61": 2', "line 2, a: 'a' stands here twice"),
    "a merge": (b"<<: {a: 1}", "line 1: expected text, got the merge key <<"),
    "a list as a name": (b"? [a]\n: b", "line 1: expected text, got a list"),
    "two documents": (b"a: 1\n---\nb: 2", "line 2: a second document begins here"),
    "latin-1": (b"a: 1\nb: caf\xe9", "line 2: not UTF-8: byte 11 is 0xe9"),
    "utf-16": ("a: 1".encode("utf-16"), "line 1: not UTF-8: byte 0 is 0xff"),
    "a control character": (b"a: 1\nb: \x1b[2J", "line 2: the character '\\x1b' may not stand in YAML"),
    "a line break to some": (
        "a: 1\n# x\u2028b: 2".encode(),
        "line 2: the character '\\u2028' ends a line for some readers",
    ),
    "another one": ("a: x\x85y".encode(), "line 1: the character '\\x85' ends a line for some readers"),
    "a nul": (b'a: "\\0"', "line 1, a: the text holds a NUL"),
    "half a character": (b'a: "\\ud800"', "line 1, a: the text holds a NUL or half of a surrogate pair"),
    "an impossible character": (b'a: 1\nb: "\\U00110000"', "line 2: not YAML: an escape or a directive holds"),
    "an impossible version": (b"%YAML 1." + b"9" * 5000 + b"\n--- a", "line 1: not YAML: an escape or a directive"),
    "a star that begins text": (b"a:\n - *.tar", "line 2: not YAML: while scanning an alias"),
    "a tab": (b"a:\n\t- b", "line 2: not YAML"),
    "a colon in text": (
        b"a: b: c",
        "line 1: not YAML: mapping values are not allowed here; quote text that holds ': '",
    ),
    "an open quote": (b"a: 'b", "line 1: not YAML"),
    "an open list": (b"a: [b", "line 1: not YAML"),
    "a reserved character": (b"a: @b", "line 1: not YAML"),
    "deep nesting": (b"[" * 100_000, f"line 1: nested more than {MAX_DEPTH} levels deep"),
    "deep mappings": (b"{a: " * 5000, f"line 1: nested more than {MAX_DEPTH} levels deep"),
    "deep blocks": (b"- " * 5000, f"line 1: nested more than {MAX_DEPTH} levels deep"),
    "too much": (b"a: " + b"b" * MAX_SOURCE_BYTES, f"expected at most {MAX_SOURCE_BYTES} bytes of YAML"),
}


@pytest.mark.parametrize(("data", "message"), ATTACKS.values(), ids=ATTACKS)
def test_yaml_that_is_too_clever_is_refused_with_its_line(data: bytes, message: str) -> None:
    started = time.monotonic()
    with pytest.raises(FormatError) as error:
        read_yaml(data)
    assert message in str(error.value)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    "text",
    ["1", "010", "1_0", "0x1F", "1.10", ".nan", "1:30", "yes", "No", "on", "true", "null", "~", "", "2027-01-31", "="],
)
def test_what_yaml_takes_for_something_else_than_text_has_to_be_quoted(text: str) -> None:
    plain = read_yaml(f"a:\n  - {text}".encode())
    with pytest.raises(FormatError, match=r"line 2, a\[0\]: expected text, got (the|nothing)"):
        plain.entries()["a"].items()[0].text()
    quoted = read_yaml(f"a:\n  - '{text}'".encode())
    assert quoted.entries()["a"].items()[0].text() == text


@pytest.mark.parametrize(
    "text", ["0", "010", "1_0", "0x1", "1.0", "'1'", "yes", "-1", "+1", "9999999999", "[1]", "one"]
)
def test_only_plain_decimal_integers_are_integers(text: str) -> None:
    assert read_yaml(b"a: 1").entries()["a"].integer(minimum=1) == 1
    with pytest.raises(FormatError, match="line 1, a: expected an integer >= 1, got"):
        read_yaml(f"a: {text}".encode()).entries()["a"].integer(minimum=1)


def test_nodes_of_another_kind_are_refused_in_words() -> None:
    entries = read_yaml(b"a: []\nb: {}\nc: {x: 1}\nd: text\ne:").entries()
    for name, found in {"a": "an empty list", "b": "an empty mapping", "c": "'x: ...'"}.items():
        with pytest.raises(FormatError, match=f"expected text, got {found}"):
            entries[name].text()
    with pytest.raises(FormatError, match="expected a list, got 'text'; begin each item with '- '"):
        entries["d"].items()
    with pytest.raises(FormatError, match="expected 'name: value' lines, got nothing"):
        entries["e"].entries()


def test_a_line_break_of_some_readers_may_be_written_as_an_escape() -> None:
    assert read_yaml(b'a: "x\\u2028y\\x85"').entries()["a"].text() == "x\u2028y\x85"


def test_a_byte_order_mark_is_no_part_of_the_first_name() -> None:
    assert list(read_yaml("\ufeffa: 1".encode()).entries()) == ["a"]
