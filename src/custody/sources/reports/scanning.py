"""What the readers of vulnerability scanners' reports share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from custody.encoding.fields import Fields, as_list, describe
from custody.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MAX_FINDINGS", "annotation", "counted", "findings", "optional_text", "refuse_many", "score_text"]

MAX_FINDINGS = 100_000
"""The most findings of one report, of a vulnerability scanner or in SARIF."""

_MAX_SCORE = 10


def findings(value: object, where: str) -> list[Any]:
    """Return `value` as a list of at most `MAX_FINDINGS` items or raise a FormatError."""
    found = as_list(value, where)
    refuse_many(len(found), where)
    return found


def refuse_many(count: int, where: str) -> None:
    """Refuse more than `MAX_FINDINGS` findings with a FormatError."""
    if count > MAX_FINDINGS:
        raise FormatError(f"expected at most {MAX_FINDINGS} findings, got {count}", where=where)


def counted(count: int, noun: str) -> str:
    """Return how many there are, as `1 finding` and `2 findings`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def optional_text(fields: Fields, name: str) -> str:
    """Return a field as text; '' if it is not there or null."""
    return "" if fields.any(name, None) is None else fields.text(name)


def score_text(value: object, where: str) -> str:
    """Return a CVSS score as text with one decimal or raise a FormatError."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _MAX_SCORE:
        raise FormatError(f"expected a score from 0 to 10, got {describe(value)}", where=where)
    return f"{value:.1f}"


def annotation(**known: str) -> Mapping[str, str]:
    """Return what is `known` about the place of a finding, without what is ''."""
    return {name: value for name, value in known.items() if value}
