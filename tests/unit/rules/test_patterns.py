from __future__ import annotations

import pytest

from custody.errors import FormatError
from custody.rules.patterns import Pattern, check_pattern, escape, has_wildcard


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        ("*", ["", "a", "a/b", ".hidden", "a\nb"], []),
        ("src/*", ["src/a", "src/a/b/c", "src/.x", "src/"], ["src", "a/src/b", "xsrc/a"]),
        ("*.py", ["a.py", "a/b.py", ".py"], ["a.pyc", "a.py\n"]),
        ("a?c", ["abc", "a/c", "a.c", "a\nc"], ["ac", "abbc"]),
        ("[a-c]", ["a", "b", "c"], ["d", "-", "ab"]),
        ("[!a]", ["b", "!", "/"], ["a", ""]),
        ("[]a]", ["]", "a"], ["[]a]"]),
        ("[!]a]", ["b"], ["]", "a"]),
        ("[a-]", ["a", "-"], ["b"]),
        ("[-a]", ["a", "-"], ["b"]),
        ("[!-a]", ["b"], ["a", "-"]),
        ("[a-c-]", ["a", "b", "-"], ["d"]),
        ("[--0]", ["-", ".", "/", "0"], ["1"]),
        ("[a^]", ["a", "^"], ["b"]),
        ("[[]", ["["], ["[[]"]),
        ("[a-a]", ["a"], ["-"]),
        ("a]b", ["a]b"], ["ab"]),
        ("[*?]", ["*", "?"], ["a"]),
        ("foo", ["foo"], ["FOO", "foo/", "foo\n"]),
        ("[.]x", [".x"], ["ax"]),
        ("[a&&b]", ["a", "&", "b"], ["c"]),
        ("$^", ["$^"], [""]),
    ],
)
def test_patterns_mean_what_glob_7_says_but_cross_slashes(pattern: str, matching: list[str], other: list[str]) -> None:
    check_pattern(pattern, "")
    assert all(Pattern(pattern).matches(name) for name in matching)
    assert not any(Pattern(pattern).matches(name) for name in other)
    assert Pattern(pattern).filter([*other, *matching]) == matching


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("", "expected a pattern, got ''; write '*' for all"),
        ("[^a]", "negates for some verifiers and is a plain '^' to others; write '[!' to negate"),
        ("x/[^]]*", "write '[!'"),
        ("a\\*b", "the backslash in 'a\\\\\\\\*b' is an escape to some verifiers"),
        ("\\", "the backslash"),
        ("[\\]]", "the backslash"),
        ("[a", "the '[' in '[a' is never closed; write '[[]' for a plain bracket"),
        ("[", "is never closed"),
        ("[]", "is never closed"),
        ("[!]", "is never closed"),
        ("a]b[", "is never closed"),
        ("[a][b", "is never closed"),
        ("[c-a]", "the range 'c-a' in '[c-a]' is reversed"),
        ("[!c-a]", "is reversed"),
        ("[a-bz-y]", "the range 'z-y'"),
        ("[0-z-a]", "may be one range or two"),
        ("[a-c-e]", "may be one range or two; put the '-' last"),
        ("[[:alpha:]]", "the class in '[[:alpha:]' of '[[:alpha:]]' is a plain set"),
        ("[![:digit:]x]", "the class"),
        ("[[.a.]]", "the class"),
        ("[[=a=]]", "the class"),
    ],
)
def test_d6_patterns_that_verifiers_read_differently_are_refused(pattern: str, message: str) -> None:
    with pytest.raises(FormatError) as caught:
        check_pattern(pattern, "steps[0].expected_products[1]")
    assert str(caught.value).startswith("steps[0].expected_products[1]: ")
    assert message.replace("\\\\\\\\", "\\\\") in str(caught.value)


def test_a_set_in_a_file_name_is_a_set() -> None:
    check_pattern("pages/[slug].tsx", "")
    assert Pattern("pages/[slug].tsx").matches("pages/s.tsx")
    assert not Pattern("pages/[slug].tsx").matches("pages/[slug].tsx")


@pytest.mark.parametrize("text", ["a*b", "[x]", "?", "[!a]", "plain", "a]b", "[[]"])
def test_an_escaped_text_matches_itself_only(text: str) -> None:
    check_pattern(escape(text), "")
    assert Pattern(escape(text)).matches(text)
    assert not Pattern(escape(text)).matches(text + "x")
    assert not Pattern(escape("a*b")).matches("axb")


def test_wildcards_are_recognised() -> None:
    assert all(has_wildcard(text) for text in ("*", "a?", "[a]"))
    assert not any(has_wildcard(text) for text in ("", "a", "a]b", "a.b", "{a}"))


def test_many_stars_take_no_time() -> None:
    assert not Pattern("*a" * 50 + "b").matches("a" * 5000)
