"""What predicates are made of: a shape looks at a value and refuses it with its path.

::

    check = record(required={"purl": said}, optional={"packageId": text})
    check({"purl": 3}, "predicate")       # FormatError: predicate.purl: expected text, got 3

An optional field may be null, which is as if it were not there. Fields that a record does not name may hold anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from custody.encoding.fields import Fields, as_list, as_object, as_text, describe, path_to
from custody.encoding.instants import read_instant
from custody.errors import FormatError
from custody.models.resource_descriptor import read_optional_descriptor, read_resource_descriptor

__all__ = [
    "Shape",
    "descriptor",
    "flag",
    "given",
    "list_of",
    "local_timestamp",
    "map_of",
    "maybe_descriptor",
    "number",
    "obj",
    "one_of",
    "one_or_more",
    "record",
    "said",
    "text",
    "timestamp",
]

Shape = Callable[[object, str], None]
"""Refuses a value at a path with a FormatError, or does nothing."""

_INSTANT = re.compile(r"([0-9-]{10}T[0-9:]{8})(?:\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})")
_NO_FIELDS: Mapping[str, Shape] = {}


def given(value: object, where: str) -> None:
    """Demand anything but null."""
    if value is None:
        raise FormatError("expected something, got null", where=where)


def text(value: object, where: str) -> None:
    """Demand text."""
    as_text(value, where)


def said(value: object, where: str) -> None:
    """Demand text that is not empty."""
    if not as_text(value, where):
        raise FormatError("expected text, got an empty one", where=where)


def flag(value: object, where: str) -> None:
    """Demand true or false."""
    if not isinstance(value, bool):
        raise FormatError(f"expected true or false, got {describe(value)}", where=where)


def number(value: object, where: str) -> None:
    """Demand an integer that is not negative."""
    if type(value) is not int or value < 0:
        raise FormatError(f"expected an integer >= 0, got {describe(value)}", where=where)


def obj(value: object, where: str) -> None:
    """Demand an object, whatever is in it."""
    as_object(value, where)


def timestamp(value: object, where: str) -> None:
    """Demand an instant of RFC 3339 in UTC, with or without fractions of a second."""
    _instant(value, where, ("Z",))


def local_timestamp(value: object, where: str) -> None:
    """Demand an instant of RFC 3339, in whatever time zone."""
    _instant(value, where, ("Z", "+", "-"))


def _instant(value: object, where: str, zones: tuple[str, ...]) -> None:
    found = _INSTANT.fullmatch(value) if isinstance(value, str) else None
    if found is None or not found[2].startswith(zones):
        raise FormatError(f"expected an instant such as 2030-01-31T23:59:59Z, got {describe(value)}", where=where)
    read_instant(f"{found[1]}Z", where)


def descriptor(value: object, where: str) -> None:
    """Demand a resource descriptor."""
    read_resource_descriptor(value, where)


def maybe_descriptor(value: object, where: str) -> None:
    """Demand a resource descriptor, or an empty object."""
    read_optional_descriptor(value, where)


def one_of(*choices: str) -> Shape:
    """Return what demands one of `choices`."""

    def check(value: object, where: str) -> None:
        if value not in choices:
            raise FormatError(f"expected {' or '.join(map(repr, choices))}, got {describe(value)}", where=where)

    return check


def list_of(shape: Shape, *, least: int = 0) -> Shape:
    """Return what demands a list of at least so many items of `shape`."""

    def check(value: object, where: str) -> None:
        items = as_list(value, where)
        if len(items) < least:
            raise FormatError(f"expected at least {least}, got {describe(value)}", where=where)
        for index, item in enumerate(items):
            shape(item, f"{where}[{index}]")

    return check


def one_or_more(shape: Shape) -> Shape:
    """Return what demands one of `shape`, or a list of them that is not empty."""
    several = list_of(shape, least=1)

    def check(value: object, where: str) -> None:
        (several if isinstance(value, list) else shape)(value, where)

    return check


def map_of(shape: Shape) -> Shape:
    """Return what demands an object whose fields are all of `shape`."""

    def check(value: object, where: str) -> None:
        for name, item in as_object(value, where).items():
            shape(item, path_to(where, name))

    return check


def record(required: Mapping[str, Shape] = _NO_FIELDS, optional: Mapping[str, Shape] = _NO_FIELDS) -> Shape:
    """Return what demands an object with these fields."""

    def check(value: object, where: str) -> None:
        fields = Fields(value, where)
        for name, shape in required.items():
            shape(fields.any(name), fields.path(name))
        for name, shape in optional.items():
            item = fields.any(name, None)
            if item is not None:
                shape(item, fields.path(name))

    return check
