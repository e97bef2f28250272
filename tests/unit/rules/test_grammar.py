from __future__ import annotations

import re

import pytest

from custody.errors import FormatError
from custody.rules.grammar import (
    MAX_RULES,
    Words,
    parse_rule,
    parse_rules,
    parse_text,
    split_rule,
    write_rule,
    write_text,
)
from custody.rules.variants import Allow, Create, Delete, Disallow, Match, Modify, Require, Rule

SHAPES: list[tuple[list[str], Rule]] = [
    (["CREATE", "*.o"], Create(pattern="*.o")),
    (["DELETE", "*.o"], Delete(pattern="*.o")),
    (["MODIFY", "*.o"], Modify(pattern="*.o")),
    (["ALLOW", "*"], Allow(pattern="*")),
    (["DISALLOW", "*"], Disallow(pattern="*")),
    (["REQUIRE", "foo*["], Require(name="foo*[")),
    (["MATCH", "a", "WITH", "MATERIALS", "FROM", "s"], Match(pattern="a", side="materials", step="s")),
    (["MATCH", "a", "WITH", "PRODUCTS", "FROM", "s"], Match(pattern="a", side="products", step="s")),
    (
        ["MATCH", "a", "IN", "src", "WITH", "PRODUCTS", "FROM", "s"],
        Match(pattern="a", source_prefix="src", side="products", step="s"),
    ),
    (
        ["MATCH", "a", "WITH", "PRODUCTS", "IN", "dst", "FROM", "s"],
        Match(pattern="a", step_prefix="dst", side="products", step="s"),
    ),
    (
        ["MATCH", "a", "IN", "src", "WITH", "MATERIALS", "IN", "dst/x", "FROM", "s"],
        Match(pattern="a", source_prefix="src", side="materials", step_prefix="dst/x", step="s"),
    ),
    # Keywords at places where names stand are names.
    (
        ["MATCH", "IN", "IN", "WITH", "WITH", "PRODUCTS", "IN", "FROM", "FROM", "FROM"],
        Match(pattern="IN", source_prefix="WITH", side="products", step_prefix="FROM", step="FROM"),
    ),
    (["CREATE", "CREATE"], Create(pattern="CREATE")),
]


@pytest.mark.parametrize(("tokens", "rule"), SHAPES)
def test_every_shape_is_read_and_written(tokens: list[str], rule: Rule) -> None:
    assert parse_rule(tokens, "") == rule
    assert write_rule(rule) == tokens
    assert parse_text(write_text(rule), "") == rule


@pytest.mark.parametrize(
    "tokens",
    [
        ["create", "A*"],
        ["DisAllow", "A*"],
        ["require", "A"],
        ["match", "A", "in", "Src", "with", "Products", "In", "Dst", "from", "Step"],
    ],
)
def test_keywords_have_any_case_and_names_keep_theirs(tokens: list[str]) -> None:
    words = {"create", "disallow", "require", "match", "in", "with", "products", "from"}
    upper = [token.upper() if token.lower() in words else token for token in tokens]
    assert parse_rule(tokens, "") == parse_rule(upper, "")
    assert write_rule(parse_rule(tokens, "")) == upper


@pytest.mark.parametrize("keyword", ["D\u0131SALLOW", "DI\u017fALLOW", "\uff21LLOW", "ALLOW ", " ALLOW", "ALLOW\0"])
def test_letters_outside_ascii_make_no_keywords(keyword: str) -> None:
    with pytest.raises(FormatError, match="unknown rule"):
        parse_rule([keyword, "*"], "")
    with pytest.raises(FormatError, match="expected MATCH pattern"):
        parse_rule(["MATCH", "*", "w\u0131th", "PRODUCTS", "FROM", "s"], "")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "r[0]: expected a list such as ['CREATE', '*'], got null"),
        ("ALLOW *", "r[0]: expected a list such as ['CREATE', '*'], got 'ALLOW *'"),
        ({}, "r[0]: expected a list"),
        ([], "r[0]: expected a rule, got an empty list"),
        ([1], "r[0][0]: expected text, got 1"),
        (["ALLOW", None], "r[0][1]: expected text, got null"),
        (["ALLOW"], "r[0]: expected ALLOW and one name or pattern, got 'ALLOW'"),
        (["allow", "a", "b"], "r[0]: expected ALLOW and one name or pattern, got 'allow a b'; a name with spaces"),
        (["REQUIRE"], "r[0]: expected REQUIRE and one name"),
        (["REQUIRE", "a", "b"], "r[0]: expected REQUIRE and one name"),
        (["ALLOW", ""], "r[0]: expected a pattern, got ''"),
        (["ALLOW", "file:"], "r[0]: expected a pattern, got ''"),
        (["DISALLOW", "[^a]"], "r[0]: '[^' in '[^a]' negates"),
        (["FORBID", "*"], "r[0]: unknown rule 'FORBID'; use CREATE, DELETE, MODIFY, ALLOW, DISALLOW, REQUIRE, MATCH"),
        (["MATCH"], "r[0]: expected MATCH pattern [IN prefix] WITH"),
        (["MATCH", "*"], "r[0]: expected MATCH pattern"),
        (["MATCH", "*", "WITH", "PRODUCTS"], "r[0]: expected MATCH pattern"),
        (["MATCH", "*", "WITH", "PRODUCTS", "FROM"], "r[0]: expected MATCH pattern"),
        (["MATCH", "*", "WITH", "PRODUCTS", "FROM", "s", "x"], "r[0]: expected MATCH pattern"),
        (["MATCH", "*", "WITH", "BYPRODUCTS", "FROM", "s"], "r[0]: expected MATCH pattern"),
        (["MATCH", "*", "PRODUCTS", "FROM", "s"], "r[0]: expected MATCH pattern"),
        (["MATCH", "*", "IN", "WITH", "PRODUCTS", "FROM", "s"], "r[0]: expected MATCH pattern"),
        (["MATCH", "*", "IN"], "r[0]: expected MATCH pattern"),
        (["MATCH", "*", "WITH", "PRODUCTS", "IN", "FROM", "s"], "r[0]: expected MATCH pattern"),
        (["MATCH", "*", "IN", "a", "IN", "b", "WITH", "PRODUCTS", "FROM", "s"], "r[0]: expected MATCH pattern"),
        (["MATCH", "[", "WITH", "PRODUCTS", "FROM", "s"], "r[0]: the '[' in '['"),
        (["MATCH", "", "WITH", "PRODUCTS", "FROM", "s"], "r[0]: expected a pattern, got ''"),
        (["MATCH", "*", "WITH", "PRODUCTS", "FROM", "../s"], "r[0]: expected a plain name, got '../s'"),
        (["MATCH", "*", "WITH", "PRODUCTS", "FROM", ""], "r[0]: expected a name, got ''"),
    ],
)
def test_what_is_no_rule_is_refused_with_its_path(value: object, message: str) -> None:
    with pytest.raises(FormatError) as caught:
        parse_rules([value], "r")
    assert str(caught.value).startswith(message)


def test_a_pattern_without_a_rule_gets_told_what_to_write() -> None:
    with pytest.raises(FormatError) as caught:
        parse_rule(["src/**"], "")
    for part in ("['ALLOW', 'src/*']", "['CREATE', 'src/*']", "['MATCH', 'src/*', 'WITH', 'PRODUCTS', 'FROM', step]"):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("tokens", "rule"),
    [
        (["ALLOW", "file:foo*"], Allow(pattern="foo*")),
        (["REQUIRE", "file:foo"], Require(name="foo")),
        (
            ["MATCH", "file:a", "IN", "file:b", "WITH", "PRODUCTS", "IN", "file:c", "FROM", "s"],
            Match(pattern="a", source_prefix="b", side="products", step_prefix="c", step="s"),
        ),
    ],
)
def test_d7_file_is_a_spelling_of_the_path(tokens: list[str], rule: Rule) -> None:
    assert parse_rule(tokens, "") == rule


@pytest.mark.parametrize("keyword", ["ALLOW", "DISALLOW", "REQUIRE"])
def test_d7_file_stands_once_at_most(keyword: str) -> None:
    with pytest.raises(FormatError, match="expected 'file:' once at most"):
        parse_rule([keyword, "file:file:foo"], "")


@pytest.mark.parametrize("dot", [".", "file:."])
def test_d9_in_dot_changes_nothing(dot: str) -> None:
    plain = parse_rule(["MATCH", "*", "WITH", "PRODUCTS", "FROM", "s"], "")
    assert parse_rule(["MATCH", "*", "IN", dot, "WITH", "PRODUCTS", "IN", dot, "FROM", "s"], "") == plain


@pytest.mark.parametrize(
    ("prefix", "normal"),
    [
        ("lib/", "lib"),
        ("./lib", "lib"),
        ("a/../lib", "lib"),
        ("//lib", "/lib"),
        ("a//b", "a/b"),
        ("", "."),
        ("./", "."),
    ],
)
def test_d7_d10_a_prefix_that_is_not_normalised_is_refused(prefix: str, normal: str) -> None:
    for tokens in (
        ["MATCH", "*", "IN", prefix, "WITH", "PRODUCTS", "FROM", "s"],
        ["MATCH", "*", "WITH", "PRODUCTS", "IN", prefix, "FROM", "s"],
        ["MATCH", "*", "IN", f"file:{prefix}", "WITH", "PRODUCTS", "FROM", "s"],
    ):
        with pytest.raises(FormatError, match=f"expected a normalised prefix, got '{prefix}'; write '{normal}'"):
            parse_rule(tokens, "")


def test_a_list_of_rules_has_a_longest_length() -> None:
    assert len(parse_rules([["ALLOW", "*"]] * MAX_RULES, "")) == MAX_RULES
    with pytest.raises(FormatError, match=r"^r: expected at most 10000 rules, got 10001"):
        parse_rules([["ALLOW", "*"]] * (MAX_RULES + 1), "r")


def test_rules_are_a_list() -> None:
    assert parse_rules([], "r") == ()
    values: tuple[object, ...] = (None, {}, "ALLOW *")
    for value in values:
        with pytest.raises(FormatError, match=r"^r: expected a list"):
            parse_rules(value, "r")


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("ALLOW *", Allow(pattern="*")),
        ("  allow \t *\n", Allow(pattern="*")),
        ("ALLOW 'a b'", Allow(pattern="a b")),
        ('ALLOW "a b"', Allow(pattern="a b")),
        ("""ALLOW "it's" """, Allow(pattern="it's")),
        ("""REQUIRE 'say "hi"'""", Require(name='say "hi"')),
        ("ALLOW #a", Allow(pattern="#a")),
        ("ALLOW a#b", Allow(pattern="a#b")),
        ("REQUIRE a\\b", Require(name="a\\b")),
        ("REQUIRE 'a\\b'", Require(name="a\\b")),
        ('REQUIRE "a\\"', Require(name="a\\")),
        ("ALLOW -rf", Allow(pattern="-rf")),
        ("ALLOW $HOME;ls|x&>(y)", Allow(pattern="$HOME;ls|x&>(y)")),
        ("MATCH src/* WITH PRODUCTS FROM clone", Match(pattern="src/*", side="products", step="clone")),
    ],
)
def test_text_is_split_at_spaces_outside_quotes(text: str, rule: Rule) -> None:
    assert parse_text(text, "") == rule


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "s: expected a rule, got an empty list"),
        ("ALLOW 'a", 's: cannot split "ALLOW \'a": No closing quotation'),
        ("ALLOW a b", "s: expected ALLOW and one name or pattern"),
        ("src/*", "s: 'src/*' is a pattern without a rule"),
        ("ALLOW ''", "s: expected a pattern"),
        ("ALLOW a\\*", "s: the backslash"),
    ],
)
def test_text_that_is_no_rule_is_refused(text: str, message: str) -> None:
    with pytest.raises(FormatError) as caught:
        parse_text(text, "s")
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    "name", ["a b", "it's", 'say "hi"', "both ' and \"", "#", "-x", "é", "", "\u00a0", "a\tb", "\\", "'", '"', "'\"'"]
)
def test_names_of_any_kind_survive_as_text(name: str) -> None:
    assert parse_text(write_text(Require(name=name)), "") == Require(name=name)


def test_long_garbage_makes_no_long_message() -> None:
    for value in (["x" * 100_000], ["x" * 100_000, "a"], ["ALLOW", "[" * 100_000], ["MATCH", *["x" * 100_000] * 9]):
        with pytest.raises(FormatError) as caught:
            parse_rule(value, "")
        assert len(str(caught.value)) < 900


@pytest.mark.parametrize(
    ("pattern", "better"),
    [("./a*", "a*"), ("src/", "src/*"), ("a//*", "a/*"), ("a/../b", "b"), ("//a", "/a"), ("*/", "*/*")],
)
def test_a_pattern_that_some_verifiers_tidy_up_is_refused_with_the_tidy_one(pattern: str, better: str) -> None:
    for rule in (["DISALLOW", pattern], ["MATCH", pattern, "WITH", "PRODUCTS", "FROM", "a"]):
        with pytest.raises(FormatError, match=f"write {re.escape(repr(better))}$"):
            parse_rule(rule, "steps[0].expected_products[0]")
        parse_rule([rule[0], better, *rule[2:]], "")


@pytest.mark.parametrize("pattern", ["../a", "/abs/*", "a/.b", "git:lib//x", "*"])
def test_a_tidy_pattern_and_one_with_a_scheme_is_taken_as_it_is(pattern: str) -> None:
    assert write_rule(parse_rule(["ALLOW", pattern], "")) == ["ALLOW", pattern]


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        (["Create", "[^a]"], Words(keyword="CREATE", operand="[^a]")),
        (["REQUIRE", "a//b"], Words(keyword="REQUIRE", operand="a//b")),
        (
            ["match", "\\", "In", "a/../b", "with", "Products", "IN", ".", "FROM", "../step"],
            Words(
                keyword="MATCH",
                operand="\\",
                source_prefix="a/../b",
                side="products",
                step_prefix=".",
                step="../step",
            ),
        ),
    ],
)
def test_the_words_of_a_rule_are_told_apart_also_where_no_verifier_takes_them(tokens: list[str], words: Words) -> None:
    assert split_rule(tokens, "") == words


def test_words_of_no_shape_are_refused_whatever_they_say() -> None:
    for tokens in (["CREATE", "a", "b"], ["MATCH", "a", "WITH", "PRODUCTS"], ["SUBVERT", "a"]):
        with pytest.raises(FormatError):
            split_rule(tokens, "")
