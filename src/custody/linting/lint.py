"""All judges together."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from custody.linting.authority import judge_authority
from custody.linting.certificates import judge_certificates
from custody.linting.complaints import Code, Complaint
from custody.linting.flow import judge_flow
from custody.linting.items import Names
from custody.linting.keyless import judge_keyless
from custody.linting.lists import judge_lists
from custody.linting.patterns import judge_patterns
from custody.linting.surroundings import judge_commands, judge_expiry

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from custody.models.layout import Layout

__all__ = ["lint"]

_NUMBER = re.compile(r"\[([0-9]+)\]")
_SECTIONS = ("expires", "keys", "rootcas", "intermediatecas", "steps", "inspect")


def lint(layout: Layout, at: datetime, *, names: Mapping[str, str] | None = None) -> tuple[Complaint, ...]:
    """Return what an owner would regret about `layout` at the time `at`, the worst first.

    `names` says what people call keys, by key id. No complaints does not mean that the layout is right, only that
    nothing known is wrong.
    """
    found = [*_judge(layout, at, Names(functionaries=names or {}))]
    return tuple(sorted(found, key=lambda complaint: (complaint.severity.rank, _order(complaint))))


def _judge(layout: Layout, at: datetime, names: Names) -> Iterator[Complaint]:
    if not layout.steps:
        yield Complaint(
            code=Code.NO_STEPS,
            where="steps",
            sentence="the layout has no steps, so it demands nothing and is rejected",
            remedy="describe at least one step",
        )
    yield from judge_expiry(layout, at)
    yield from judge_authority(layout, names)
    yield from judge_certificates(layout, at, names)
    yield from judge_keyless(layout, names)
    yield from judge_commands(layout)
    yield from judge_lists(layout)
    yield from judge_flow(layout)
    yield from judge_patterns(layout)


def _order(complaint: Complaint) -> tuple[int, list[int], str]:
    """Return the place in the document, so that complaints read from top to bottom."""
    section = complaint.where.partition("[")[0].partition(".")[0]
    numbers = [int(number) for number in _NUMBER.findall(complaint.where)]
    return (_SECTIONS.index(section), numbers[:1], complaint.where)
