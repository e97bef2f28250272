"""Instants as in-toto writes them: `YYYY-MM-DDTHH:MM:SSZ`, always UTC (specification 4.3.1)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from custody.encoding.fields import describe
from custody.errors import FormatError, UsageError

__all__ = ["MAX_CLOCK_SKEW", "read_instant", "require_aware", "write_instant"]

MAX_CLOCK_SKEW = timedelta(minutes=5)
"""How far ahead of the verifier's clock a functionary's may be."""

_EXACT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"


def read_instant(text: object, where: str) -> datetime:
    """Return the instant that `text` writes; `write_instant(read_instant(t)) == t`.

    Raises:
        FormatError: `text` is not exactly of the form `2030-01-31T23:59:59Z`.

    """
    if not isinstance(text, str) or not re.fullmatch(_EXACT, text):
        raise FormatError(f"expected an instant such as 2030-01-31T23:59:59Z, got {describe(text)}", where=where)
    if text[11:13] == "24":  # newer Pythons read it as the next day
        raise FormatError(f"no such instant: {text} (the day ends at 23:59:59)", where=where)
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise FormatError(f"no such instant: {text} ({error})", where=where) from None


def write_instant(at: datetime) -> str:
    """Return `at` in UTC, cut to the second."""
    naive = require_aware(at).astimezone(UTC).replace(tzinfo=None)
    return f"{naive.isoformat(timespec='seconds')}Z"


def require_aware(at: datetime) -> datetime:
    """Return `at`; a time without a zone is a UsageError, since it names no instant."""
    if at.tzinfo is None:
        raise UsageError(f"{at.isoformat()} has no time zone; use datetime.now(UTC)")
    return at
