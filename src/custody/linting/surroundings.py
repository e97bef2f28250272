"""Expiry and commands: what stands around the rules."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from custody.encoding.instants import require_aware, write_instant
from custody.linting.complaints import Code, Complaint
from custody.linting.items import is_review, quote

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from custody.models.layout import Layout

__all__ = ["LATE", "SOON", "judge_commands", "judge_expiry"]

SOON = timedelta(days=14)
"""Less than this leaves no time to sign a new layout calmly."""

LATE = timedelta(days=2 * 366)
"""More than this, and a stolen key or a forgotten layout serves an attacker for years."""

_SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh", "fish"})
_OPERATORS = frozenset({"|", "||", "&&", "&", ";", ">", ">>", "<", "<<", "2>", "2>&1", "&>"})
_EXPANSION = re.compile(r"\$[A-Za-z_({]|`")


def judge_expiry(layout: Layout, at: datetime) -> Iterator[Complaint]:
    """Yield if the layout has expired, is about to, or lives too long."""
    left = layout.expires - require_aware(at)
    until = write_instant(layout.expires)
    if left <= timedelta(0):
        yield Complaint(
            code=Code.EXPIRED,
            where="expires",
            sentence=f"the layout expired at {until}",
            remedy="give a later one with `custody layout extend`, and sign again",
        )
    elif left < SOON:
        yield Complaint(
            code=Code.EXPIRES_SOON,
            where="expires",
            sentence=f"the layout expires in {left.days} days, at {until}",
            remedy="give a later one with `custody layout extend`, and sign again",
        )
    elif left > LATE:
        yield Complaint(
            code=Code.EXPIRES_LATE,
            where="expires",
            sentence=f"the layout is valid until {until}, for more than two years",
            remedy="give an earlier one and renew it in time; a stolen key serves no longer than that",
        )


def judge_commands(layout: Layout) -> Iterator[Complaint]:
    """Yield what is odd about commands."""
    for position, step in enumerate(layout.steps):
        where = f"steps[{position}].expected_command"
        if not step.expected_command and not is_review(step):
            yield Complaint(
                code=Code.NO_COMMAND,
                where=where,
                sentence=f"step {quote(step.name)} expects no command, so any will do",
                remedy="write the command that is meant to be run",
            )
        yield from _operators(step.expected_command, where)
    for position, inspection in enumerate(layout.inspect):
        where = f"inspect[{position}].run"
        if _is_shell(inspection.run):
            yield Complaint(
                code=Code.SHELL_COMMAND,
                where=where,
                sentence=f"inspection {quote(inspection.name)} runs a shell on the verifier's machine,"
                " over files that others made",
                remedy="run one program with its arguments, or mind every file name it expands",
            )
        else:
            yield from _operators(inspection.run, where)


def _is_shell(words: tuple[str, ...]) -> bool:
    name = words[0].rpartition("/")[2] if words else ""
    return name in _SHELLS and any(re.fullmatch(r"-[a-z]*c", word) for word in words[1:])


def _operators(words: tuple[str, ...], where: str) -> Iterator[Complaint]:
    if _is_shell(words):
        return
    for word in words:
        if word in _OPERATORS or _EXPANSION.match(word):
            yield Complaint(
                code=Code.SHELL_OPERATOR,
                where=where,
                sentence=f"{quote(word)} is handed on as it is: no shell reads this command",
                remedy="write a script, or a list such as [sh, -c, 'a | b']",
            )
            return
