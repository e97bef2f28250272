"""The grammar of artifact rules (specification 1.0, section 4.3.3), as JSON lists and as text.

::

    CREATE|DELETE|MODIFY|ALLOW|DISALLOW pattern
    REQUIRE name
    MATCH pattern [IN prefix] WITH MATERIALS|PRODUCTS [IN prefix] FROM step

Keywords may have any case; names, patterns and prefixes are taken as they are. In text, quotes hold a name with
spaces together.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, assert_never

from custody.encoding.fields import as_list, as_text, describe, plain_name
from custody.errors import FormatError
from custody.rules.artifacts import is_well_formed, normal_form, path_of
from custody.rules.patterns import check_pattern
from custody.rules.variants import (
    Allow,
    Create,
    Delete,
    Disallow,
    Match,
    Modify,
    Require,
    Rule,
)
from custody.value import Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from custody.rules.variants import ItemSide

__all__ = ["Words", "parse_rule", "parse_rules", "parse_text", "split_rule", "write_rule", "write_text"]

MAX_RULES = 10_000
"""The longest list of rules of one item."""

_SIMPLE: dict[str, type[Create | Delete | Modify | Allow | Disallow]] = {
    "CREATE": Create,
    "DELETE": Delete,
    "MODIFY": Modify,
    "ALLOW": Allow,
    "DISALLOW": Disallow,
}
_KEYWORDS = (*_SIMPLE, "REQUIRE", "MATCH")
_MATCH_SHAPE = "MATCH pattern [IN prefix] WITH MATERIALS|PRODUCTS [IN prefix] FROM step"
_PLAIN_WORD = re.compile(r"""[^\s"'\\#]+""")


class Words(Value):
    """The words of a rule: its keyword in upper case, the rest as they are; a prefix is None if there is no IN."""

    keyword: str
    operand: str
    source_prefix: str | None = None
    side: ItemSide = "materials"
    step_prefix: str | None = None
    step: str = ""


def parse_rules(value: object, where: str) -> tuple[Rule, ...]:
    """Return the rules in the JSON list `value`."""
    entries = as_list(value, where)
    if len(entries) > MAX_RULES:
        raise FormatError(f"expected at most {MAX_RULES} rules, got {len(entries)}", where=where)
    return tuple(parse_rule(entry, f"{where}[{i}]") for i, entry in enumerate(entries))


def parse_rule(value: object, where: str) -> Rule:
    """Return the rule that the JSON list `value` writes.

    Raises:
        FormatError: the keyword is unknown, the words are not of its shape, or the pattern is ambiguous.

    """
    parts = split_rule(value, where)
    if parts.keyword in _SIMPLE:
        return _SIMPLE[parts.keyword](pattern=_pattern(parts.operand, where))
    if parts.keyword == "REQUIRE":
        return Require(name=_path(parts.operand, where))
    return Match(
        source_prefix=_prefix(parts.source_prefix, where),
        step_prefix=_prefix(parts.step_prefix, where),
        pattern=_pattern(parts.operand, where),
        side=parts.side,
        step=plain_name(parts.step, where),
    )


def split_rule(value: object, where: str) -> Words:
    """Return the words of the rule that `value` writes, by what they stand for; what they say is not looked at.

    It is for those who show or edit rules that need not be good ones.

    Raises:
        FormatError: the keyword is unknown, or the words are not of its shape.

    """
    if not isinstance(value, list):
        raise FormatError(f"expected a list such as ['CREATE', '*'], got {describe(value)}", where=where)
    tokens = [as_text(token, f"{where}[{i}]") for i, token in enumerate(value)]
    if not tokens:
        raise FormatError("expected a rule, got an empty list", where=where)
    keyword = _word(tokens[0])
    if keyword in _SIMPLE or keyword == "REQUIRE":
        return Words(keyword=keyword, operand=_operand(tokens, where))
    if keyword == "MATCH":
        return _match(tokens, where)
    raise _unknown_keyword(tokens, where)


def parse_text(text: str, where: str) -> Rule:
    """Return the rule that a line such as `MATCH src/* WITH PRODUCTS FROM clone` writes."""
    import shlex  # layouts have their rules as lists

    lexer = shlex.shlex(text, posix=True, punctuation_chars=False)
    lexer.whitespace_split, lexer.commenters, lexer.escape = True, "", ""
    try:
        tokens = list(lexer)
    except ValueError as error:
        raise FormatError(f"cannot split {text!r:.160}: {error}", where=where) from None
    return parse_rule(tokens, where)


def write_rule(rule: Rule) -> list[str]:
    """Return `rule` as a JSON list; `parse_rule(write_rule(r), "") == r`."""
    match rule:
        case Require():
            return ["REQUIRE", rule.name]
        case Match():
            source = ["IN", rule.source_prefix] if rule.source_prefix else []
            step = ["IN", rule.step_prefix] if rule.step_prefix else []
            return [
                *("MATCH", rule.pattern, *source, "WITH", rule.side.upper()),
                *(*step, "FROM", rule.step),
            ]
        case Create() | Delete() | Modify() | Allow() | Disallow():
            return [type(rule).__name__.upper(), rule.pattern]
        case _:
            assert_never(rule)


def write_text(rule: Rule) -> str:
    """Return `rule` as text; `parse_text(write_text(r), "") == r`."""
    return " ".join(_quote(token) for token in write_rule(rule))


def _quote(token: str) -> str:
    if _PLAIN_WORD.fullmatch(token):
        return token
    quote = '"' if "'" in token else "'"
    if quote not in token:
        return f"{quote}{token}{quote}"
    # A name with both quotes: each single quote goes into double quotes of its own, as in a shell.
    parts = [f"'{part}'" for part in token.split("'")]
    return '"\'"'.join(parts)


def _operand(tokens: Sequence[str], where: str) -> str:
    if len(tokens) != 2:  # noqa: PLR2004  # keyword and operand
        raise FormatError(
            f"expected {tokens[0].upper()} and one name or pattern, got {' '.join(tokens)!r:.120}",
            where=where,
            remedy="a name with spaces is one item of the list, and quoted in text",
        )
    return tokens[1]


def _word(token: str) -> str:
    """Return `token` as a keyword; upper case turns some letters outside ASCII into those inside."""
    return token.upper() if token.isascii() else token


def _path(token: str, where: str) -> str:
    path = path_of(token)
    if path_of(path) != path:
        raise FormatError(f"expected 'file:' once at most, got {token!r:.120}", where=where)
    return path


def _pattern(token: str, where: str) -> str:
    pattern = _path(token, where)
    check_pattern(pattern, where)
    if not is_well_formed(pattern):
        better = normal_form(pattern) + ("/*" if pattern.endswith("/") else "")
        raise FormatError(
            f"the pattern {pattern!r:.120} is put in order by some verifiers and matches nothing for others",
            where=where,
            remedy=f"write {better!r:.120}",
        )
    return pattern


def _match(tokens: Sequence[str], where: str) -> Words:
    words = [_word(token) for token in tokens]
    rest = list(range(2, len(tokens)))
    source = _after_in(tokens, words, rest)
    if len(rest) < 4 or words[rest[0]] != "WITH" or words[rest[1]] not in {"MATERIALS", "PRODUCTS"}:  # noqa: PLR2004
        raise _bad_match(tokens, where)
    side: ItemSide = "materials" if words[rest[1]] == "MATERIALS" else "products"
    del rest[:2]
    target = _after_in(tokens, words, rest)
    if len(rest) != 2 or words[rest[0]] != "FROM":  # noqa: PLR2004  # FROM and the step
        raise _bad_match(tokens, where)
    return Words(
        keyword="MATCH",
        operand=tokens[1],
        source_prefix=source,
        side=side,
        step_prefix=target,
        step=tokens[rest[1]],
    )


def _after_in(tokens: Sequence[str], words: Sequence[str], rest: list[int]) -> str | None:
    """Take `IN prefix` off the front of `rest` and return the prefix, None if it is not there."""
    if len(rest) < 2 or words[rest[0]] != "IN":  # noqa: PLR2004  # IN and the prefix
        return None
    prefix = tokens[rest[1]]
    del rest[:2]
    return prefix


def _prefix(token: str | None, where: str) -> str:
    if token is None:
        return ""
    prefix = path_of(token)
    if prefix == ".":  # D9: the directory that everything is in
        return ""
    if not is_well_formed(prefix):
        raise FormatError(
            f"expected a normalised prefix, got {prefix!r:.120}",
            where=where,
            remedy=f"write {normal_form(prefix)!r:.120}",
        )
    return prefix


def _bad_match(tokens: Sequence[str], where: str) -> FormatError:
    return FormatError(
        f"expected {_MATCH_SHAPE}, got {' '.join(tokens)!r:.160}",
        where=where,
        remedy="a rule that compares with the same step also names it after FROM",
    )


def _unknown_keyword(tokens: Sequence[str], where: str) -> FormatError:
    if len(tokens) == 1:
        pattern = tokens[0][:100].replace("**", "*")
        return FormatError(
            f"{tokens[0]!r:.120} is a pattern without a rule",
            where=where,
            remedy=(
                f"write ['ALLOW', {pattern!r}] to accept such artifacts, ['CREATE', {pattern!r}] to demand"
                f" that the step makes them, or ['MATCH', {pattern!r}, 'WITH', 'PRODUCTS', 'FROM', step] to"
                " tie them to a step; '*' also crosses '/'"
            ),
        )
    return FormatError(f"unknown rule {tokens[0]!r:.60}", where=where, remedy=f"use {', '.join(_KEYWORDS)}")
