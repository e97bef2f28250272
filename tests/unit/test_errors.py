from __future__ import annotations

import pytest

from custody import errors
from custody.errors import CustodyError, FormatError


@pytest.mark.parametrize("name", [n for n in errors.__all__ if n != "CustodyError"])
def test_every_error_is_a_custody_error(name: str) -> None:
    assert issubclass(getattr(errors, name), CustodyError)


@pytest.mark.parametrize(
    ("where", "remedy", "text"),
    [
        ("", "", "expected text"),
        ("steps[0].name", "", "steps[0].name: expected text"),
        ("", "write one", "expected text; write one"),
        ("steps[0].name", "write one", "steps[0].name: expected text; write one"),
    ],
)
def test_format_error_says_where_what_and_remedy(where: str, remedy: str, text: str) -> None:
    assert str(FormatError("expected text", where=where, remedy=remedy)) == text


@pytest.mark.parametrize(
    ("inner", "outer", "where"),
    [
        ("", "a.layout", "a.layout"),
        ("[0]", "rules", "rules[0]"),
        ("steps[0].name", "a.layout", "a.layout: steps[0].name"),
    ],
)
def test_within_puts_the_outer_path_first(inner: str, outer: str, where: str) -> None:
    error = FormatError("missing", where=inner, remedy="add it").within(outer)
    assert (error.where, error.problem, error.remedy) == (where, "missing", "add it")
