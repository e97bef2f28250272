"""Instants as tools write them (RFC 3339, any zone, any fraction of a second) and as attestations do (UTC)."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from custody.encoding.fields import describe
from custody.errors import FormatError

__all__ = ["as_utc", "is_after"]

_FORM = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9})[0-9]{0,20})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_NEVER = "0001-01-01T00:00:00Z"
_SECONDS = len("2030-01-31T23:59:59")


def as_utc(value: object, where: str) -> str:
    """Return the instant that `value` writes as `2030-01-31T23:59:59.25Z`: in UTC, with its fraction as it is.

    '' for what Go programs write for an instant that they do not know, the beginning of the year 1.

    Raises:
        FormatError: it is no instant.

    """
    found = _FORM.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise FormatError(f"expected an instant such as 2030-01-31T23:59:59Z, got {describe(value)}", where=where)
    day, time, fraction, zone = found.groups()
    try:
        if time.startswith("24"):
            raise ValueError("the day ends at 23:59:59")  # noqa: TRY301  # newer Pythons read it as the next day
        instant = datetime.fromisoformat(f"{day}T{time}{zone.upper().replace('Z', '+00:00')}").astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise FormatError(f"no such instant: {value} ({error})", where=where) from None
    text = f"{instant.replace(tzinfo=None).isoformat()}{_written(fraction)}Z"
    return "" if text == _NEVER else text


def is_after(one: str, other: str) -> bool:
    """Return whether the instant `one` is after `other`, both as `as_utc` returns them."""
    return _key(one) > _key(other)


def _written(fraction: str | None) -> str:
    digits = (fraction or "").rstrip("0")
    return f".{digits}" if digits else ""


def _key(text: str) -> tuple[str, str]:
    return text[:_SECONDS], text[_SECONDS + 1 : -1].ljust(9, "0")
