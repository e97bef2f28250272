from __future__ import annotations

from itertools import pairwise

import pytest

from custody.errors import FormatError
from custody.sources.reports.times import as_utc, is_after


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2030-01-31T23:59:59Z", "2030-01-31T23:59:59Z"),
        ("2030-01-31t23:59:59z", "2030-01-31T23:59:59Z"),
        ("2030-01-31T01:00:00+02:00", "2030-01-30T23:00:00Z"),
        ("2030-01-31T23:00:00-02:30", "2030-02-01T01:30:00Z"),
        ("2030-01-31T12:00:00.019094754+02:00", "2030-01-31T10:00:00.019094754Z"),
        ("2030-01-31T12:00:00.500Z", "2030-01-31T12:00:00.5Z"),
        ("2030-01-31T12:00:00.000Z", "2030-01-31T12:00:00Z"),
        ("0001-01-01T00:00:00Z", ""),
    ],
)
def test_instants_become_utc_and_keep_their_fraction(text: str, expected: str) -> None:
    assert as_utc(text, "here") == expected


@pytest.mark.parametrize(
    "value",
    [
        None,
        3,
        "",
        "2030-01-31",
        "2030-01-31 12:00:00Z",
        "2030-01-31T12:00:00",
        "2030-02-30T12:00:00Z",
        "2030-01-31T24:00:00Z",
        "2030-01-31T12:00:60Z",
        "2030-01-31T12:00:00+99:00",
        "0001-01-01T00:00:00+01:00",
        "2030-01-31T12:00:00Z\n",
        "٢٠٣٠-01-31T12:00:00Z",
    ],
)
def test_what_is_no_instant_is_refused(value: object) -> None:
    with pytest.raises(FormatError, match="here: "):
        as_utc(value, "here")


def test_instants_are_compared_with_their_fractions() -> None:
    order = ["2030-01-31T12:00:00Z", "2030-01-31T12:00:00.25Z", "2030-01-31T12:00:00.5Z", "2030-01-31T12:00:01Z"]

    for earlier, later in pairwise(order):
        assert is_after(later, earlier)
        assert not is_after(earlier, later)
        assert not is_after(later, later)
