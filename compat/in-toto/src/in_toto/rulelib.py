"""Artifact rules as lists of words, taken apart and put together.

::

    unpack_rule(["MATCH", "*", "WITH", "PRODUCTS", "FROM", "build"])["dest_name"]   # build
    pack_rule("CREATE", "app")                                                      # ["CREATE", "app"]

The shape is checked here. Whether a verifier takes the pattern shows when a layout is signed or verified.
"""

from __future__ import annotations

TYPE_CHECKING = False  # known to checkers; importing it from `typing` takes longer than this module
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "ALL_RULES",
    "COMPLEX_RULES",
    "GENERIC_RULES",
    "pack_allow_rule",
    "pack_create_rule",
    "pack_delete_rule",
    "pack_disallow_rule",
    "pack_modify_rule",
    "pack_require_rule",
    "pack_rule",
    "pack_rule_data",
    "unpack_rule",
]

GENERIC_RULES = {"create", "modify", "delete", "allow", "disallow", "require"}
"""The keywords of rules with a pattern and nothing else."""

COMPLEX_RULES = {"match"}
"""The keywords of other rules."""

ALL_RULES = GENERIC_RULES | COMPLEX_RULES


def unpack_rule(rule: list[str]) -> dict[str, str]:
    """Return the parts of a rule: `rule_type` in lower case and `pattern`.

    For MATCH also `source_prefix` and `dest_prefix`, empty if there are none, `dest_type` in lower case and
    `dest_name`.

    Raises:
        FormatError: it is no list of texts, or none that makes a rule.

    """
    from custody.errors import FormatError
    from custody.rules.grammar import split_rule
    from in_toto._boundary.checks import check_list_of, check_text, malformed

    check_list_of(check_text, rule)
    try:
        words = split_rule(rule, "")
    except FormatError as error:
        raise malformed(f"Wrong rule format, {error}\nGot:\n\t{rule}") from None
    if words.keyword != "MATCH":
        return {"rule_type": words.keyword.lower(), "pattern": words.operand}
    return {
        "rule_type": "match",
        "pattern": words.operand,
        "source_prefix": words.source_prefix or "",
        "dest_prefix": words.step_prefix or "",
        "dest_type": words.side,
        "dest_name": words.step,
    }


def pack_rule(  # public
    rule_type: str,
    pattern: str,
    source_prefix: str | None = None,
    dest_type: str | None = None,
    dest_prefix: str | None = None,
    dest_name: str | None = None,
) -> list[str]:
    """Return the rule with these parts; all but the first two are for MATCH, which needs the type and the name.

    Raises:
        FormatError: a part is missing or malformed.

    """
    from in_toto._boundary.checks import check_text, malformed

    check_text(rule_type)
    check_text(pattern)
    if rule_type.lower() not in ALL_RULES:
        known = ", ".join(sorted(ALL_RULES))
        raise malformed(f"'{rule_type}' is not a valid 'type': expected one of {known} (case insensitive).")
    if rule_type.lower() != "match":
        return [rule_type.upper(), pattern]
    if not isinstance(dest_type, str) or dest_type.lower() not in {"materials", "products"}:
        raise malformed(f"'{dest_type}' is not a valid 'dest_type': expected 'MATERIALS' or 'PRODUCTS'.")
    if not (isinstance(dest_name, str) and dest_name):
        raise malformed(f"'{dest_name}' is not a valid 'dest_name': expected the name of a step.")
    source, destination = _in(source_prefix), _in(dest_prefix)
    return ["MATCH", pattern, *source, "WITH", dest_type.upper(), *destination, "FROM", dest_name]


def pack_rule_data(rule_data: Mapping[str, str]) -> list[str]:
    """Return the rule with the parts in `rule_data`; `unpack_rule(pack_rule_data(d)) == d`."""
    return pack_rule(**rule_data)


def pack_create_rule(pattern: str) -> list[str]:
    """Return the CREATE rule with this pattern."""
    return pack_rule("CREATE", pattern)


def pack_delete_rule(pattern: str) -> list[str]:
    """Return the DELETE rule with this pattern."""
    return pack_rule("DELETE", pattern)


def pack_modify_rule(pattern: str) -> list[str]:
    """Return the MODIFY rule with this pattern."""
    return pack_rule("MODIFY", pattern)


def pack_allow_rule(pattern: str) -> list[str]:
    """Return the ALLOW rule with this pattern."""
    return pack_rule("ALLOW", pattern)


def pack_disallow_rule(pattern: str) -> list[str]:
    """Return the DISALLOW rule with this pattern."""
    return pack_rule("DISALLOW", pattern)


def pack_require_rule(filename: str) -> list[str]:
    """Return the REQUIRE rule for this one artifact; it is a name, not a pattern."""
    return pack_rule("REQUIRE", filename)


def _in(prefix: str | None) -> list[str]:
    from in_toto._boundary.checks import check_text

    if not prefix:
        return []
    check_text(prefix)
    return ["IN", prefix]
