from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from custody.errors import FormatError, UsageError
from custody.sources.expiry import add_months, read_expiry

AT = datetime(2026, 1, 31, 12, 30, 15, 999, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 day", datetime(2026, 2, 1, 12, 30, 15, tzinfo=UTC)),
        ("90 days", datetime(2026, 5, 1, 12, 30, 15, tzinfo=UTC)),
        ("2 weeks", datetime(2026, 2, 14, 12, 30, 15, tzinfo=UTC)),
        ("1 month", datetime(2026, 2, 28, 12, 30, 15, tzinfo=UTC)),
        ("6 months", datetime(2026, 7, 31, 12, 30, 15, tzinfo=UTC)),
        ("11months", datetime(2026, 12, 31, 12, 30, 15, tzinfo=UTC)),
        ("25 months", datetime(2028, 2, 29, 12, 30, 15, tzinfo=UTC)),
        (" 2  years ", datetime(2028, 1, 31, 12, 30, 15, tzinfo=UTC)),
        ("2027-01-31", datetime(2027, 1, 31, tzinfo=UTC)),
        ("2027-01-31T23:59:59Z", datetime(2027, 1, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_an_expiry_is_read(text: str, expected: datetime) -> None:
    assert read_expiry(text, at=AT, where="expires") == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", "soon", "6", "months", "0 days", "-1 days", "1.5 years", "6 moons", "9999 years", "999999 weeks"),
        *("9999999 days", "2027-02-30", "2027-1-31", "2027-01-31 12:00:00", "2027-01-31T12:00:00", "٦ months"),
        *("2027-01-31T12:00:00+01:00", "31.01.2027", "P6M", "nan"),
    ],
)
def test_what_is_no_expiry_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(FormatError) as error:
        read_expiry(text, at=AT, where="expires")
    assert error.value.where == "expires"


def test_durations_begin_in_utc_whatever_zone_the_clock_has() -> None:
    east = AT.astimezone(timezone(timedelta(hours=14)))
    assert east.day != AT.day or east.month != AT.month
    assert read_expiry("1 month", at=east, where="") == read_expiry("1 month", at=AT, where="")
    assert read_expiry("1 month", at=east, where="").tzinfo is UTC


def test_a_time_without_a_zone_is_no_beginning() -> None:
    with pytest.raises(UsageError, match="no time zone"):
        read_expiry("1 month", at=datetime(2026, 1, 1), where="")  # noqa: DTZ001  # the fault under test


def test_the_last_moment_of_the_calendar_can_be_named_and_none_after_it() -> None:
    late = datetime(9999, 11, 30, tzinfo=UTC)
    assert add_months(late, 1) == datetime(9999, 12, 30, tzinfo=UTC)
    with pytest.raises(FormatError, match="beyond the year 9999"):
        read_expiry("2 months", at=late, where="expires")
