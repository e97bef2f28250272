from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from custody.encoding.instants import read_instant, require_aware, write_instant
from custody.errors import FormatError, UsageError


def test_an_instant_is_utc() -> None:
    assert read_instant("2030-01-31T23:59:58Z", "expires") == datetime(2030, 1, 31, 23, 59, 58, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2030-01-31T23:59:59z",
        "2030-01-31t23:59:59Z",
        "2030-01-31 23:59:59Z",
        "2030-01-31T23:59:59",
        "2030-01-31T23:59:59+00:00",
        "2030-01-31T23:59:59-05:00",
        "2030-01-31T23:59:59.5Z",
        "2030-01-31T23:59:59,5Z",
        "2030-01-31T23:59Z",
        "2030-01-31",
        "20300131T235959Z",
        "2030-W05-4T23:59:59Z",
        "\uff12030-01-31T23:59:59Z",
        "2030-01-31T23:59:5\u0669Z",
        " 2030-01-31T23:59:59Z",
        "2030-01-31T23:59:59Z\n",
        "12030-01-31T23:59:59Z",
        "-030-01-31T23:59:59Z",
        "2030-13-01T00:00:00Z",
        "2030-02-30T00:00:00Z",
        "2030-01-31T24:00:00Z",
        "2030-01-31T23:60:00Z",
        "2030-01-31T23:59:60Z",
        "0000-01-01T00:00:00Z",
        "",
        None,
        0,
        True,
        1_900_000_000,
        [],
        {},
    ],
)
def test_any_other_form_is_refused(text: object) -> None:
    with pytest.raises(FormatError, match=r"^expires: "):
        read_instant(text, "expires")


def test_the_message_shows_the_form_and_what_was_there() -> None:
    with pytest.raises(FormatError, match="expected an instant such as 2030-01-31T23:59:59Z, got null"):
        read_instant(None, "expires")


def test_writing_converts_to_utc_and_cuts_to_the_second() -> None:
    at = datetime(2030, 1, 1, 0, 30, 15, 999_999, tzinfo=timezone(timedelta(hours=2)))
    assert write_instant(at) == "2029-12-31T22:30:15Z"


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(UsageError, match="no time zone"):
        require_aware(datetime(2030, 1, 1))  # noqa: DTZ001  # what is tested
