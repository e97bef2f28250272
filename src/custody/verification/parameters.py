"""Putting parameters into a layout (D20): one pass, only the names given, never more than text.

Without parameters nothing is substituted, so `awk '{print $1}'` stays as it is. A value is literal, also inside a
pattern: a `*` in it matches a star. Inside a set such as `[ab]` nothing is literal, so no value may stand there. A
name that was not given is an error in a rule and stays elsewhere.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from custody.errors import FormatError, UsageError
from custody.rules.patterns import escape

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ParameterMissingError", "substitute"]

_PLACE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_-]*)\}")
_SET = re.compile(r"\[!?+.[^\]]*\]", re.DOTALL)
_SIDES = ("expected_materials", "expected_products")
_COMMANDS = ("expected_command", "run")


class ParameterMissingError(FormatError):
    """A rule names a parameter that was not given."""


def substitute(document: Mapping[str, object], parameters: Mapping[str, str]) -> Mapping[str, object]:
    """Return the layout `document` with the values of `parameters` in its rules and commands.

    Raises:
        ParameterMissingError: a rule names a parameter that was not given.
        FormatError: a rule has one inside a set.
        UsageError: a parameter's name is not an identifier.

    """
    if not parameters:
        return document
    for name in parameters:
        if not _PLACE.fullmatch(f"{{{name}}}"):
            raise UsageError(f"expected an identifier as a parameter's name, got {name!r}")
    result = dict(document)
    for items in ("steps", "inspect"):
        entries = result.get(items)
        if isinstance(entries, list):
            result[items] = [_item(item, parameters, f"{items}[{i}]") for i, item in enumerate(entries)]
    return result


def _item(item: object, parameters: Mapping[str, str], where: str) -> object:
    if not isinstance(item, dict):
        return item
    result = dict(item)
    for side in _SIDES:
        if isinstance(result.get(side), list):
            result[side] = [_rule(rule, parameters, f"{where}.{side}[{i}]") for i, rule in enumerate(result[side])]
    for command in _COMMANDS:
        if isinstance(result.get(command), list):
            result[command] = [_word(word, parameters) for word in result[command]]
    return result


def _word(word: object, parameters: Mapping[str, str]) -> object:
    if not isinstance(word, str):
        return word
    return _PLACE.sub(lambda found: parameters.get(found[1], found[0]), word)


def _rule(rule: object, parameters: Mapping[str, str], where: str) -> object:
    if not isinstance(rule, list) or not all(isinstance(token, str) for token in rule):
        return rule
    is_literal = bool(rule) and rule[0].upper() == "REQUIRE"

    def put(index: int, token: str) -> str:
        def value(found: re.Match[str]) -> str:
            if found[1] not in parameters:
                raise ParameterMissingError(
                    f"no value was given for {found[0]}",
                    where=f"{where}[{index}]",
                    remedy=f"give one with --parameter {found[1]}=VALUE",
                )
            text = parameters[found[1]]
            if index != 1 or is_literal:
                return text
            # The second word of every rule but REQUIRE is a pattern. In a set `!` would negate, `]` would end it.
            if "[" in _SET.sub("", token[: found.start()]):
                raise FormatError(
                    f"{found[0]} stands inside a set, where its value would not be literal",
                    where=f"{where}[{index}]",
                    remedy="put it outside of the brackets; write '[[]' for a plain bracket",
                )
            return escape(text)

        return _PLACE.sub(value, token)

    return [rule[0], *(put(i, token) for i, token in enumerate(rule[1:], start=1))] if rule else rule
