"""When a layout ends: a date, an instant, or a duration from now on, always in UTC.

::

    2027-01-31             the beginning of that day
    2027-01-31T12:00:00Z   that instant
    90 days, 6 months      from `at` on; months and years by the calendar, so 31 January and a month is 28 February
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import MAXYEAR, UTC, datetime, timedelta

from custody.encoding.instants import read_instant, require_aware
from custody.errors import FormatError

__all__ = ["add_months", "read_expiry"]

_DURATION = re.compile(r"([0-9]{1,6})\s*(day|week|month|year)s?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_FORMS = "write a duration such as '6 months', a date such as 2027-01-31, or 2027-01-31T12:00:00Z"
_MONTHS = {"month": 1, "year": 12}
_DAYS = {"day": 1, "week": 7}


def read_expiry(text: str, *, at: datetime, where: str) -> datetime:
    """Return the instant, in UTC and cut to the second, that `text` names when read at `at`.

    Raises:
        FormatError: it is no date, instant or duration, or lies beyond the year 9999.

    """
    words = text.strip()
    duration = _DURATION.fullmatch(words)
    if duration is not None:
        return _later(int(duration[1]), duration[2], at, where)
    if _DAY.fullmatch(words):
        return read_instant(f"{words}T00:00:00Z", where)
    if words[:1].isdigit() and "T" in words:
        return read_instant(words, where)
    raise FormatError(f"expected an expiry, got {text!r:.60}", where=where, remedy=_FORMS)


def add_months(at: datetime, months: int) -> datetime:
    """Return the same day and time `months` later, or the last day of that month if it is shorter."""
    years, month = divmod(at.month - 1 + months, 12)
    year = at.year + years
    last = monthrange(year, month + 1)[1] if year <= MAXYEAR else at.day
    return at.replace(year=year, month=month + 1, day=min(at.day, last))


def _later(count: int, unit: str, at: datetime, where: str) -> datetime:
    start = require_aware(at).astimezone(UTC).replace(microsecond=0)
    if count == 0:
        raise FormatError(f"expected at least 1 {unit}, got 0", where=where, remedy=_FORMS)
    try:
        if unit in _MONTHS:
            return add_months(start, count * _MONTHS[unit])
        return start + timedelta(days=count * _DAYS[unit])
    except (ValueError, OverflowError):
        problem = f"{count} {unit}s from now lie beyond the year 9999"
        raise FormatError(problem, where=where) from None
