"""The seven rules, a closed union: code that forgets one does not type-check."""

from __future__ import annotations

from typing import Literal

from custody.value import Value

__all__ = [
    "Allow",
    "Create",
    "Delete",
    "Disallow",
    "ItemSide",
    "Match",
    "Modify",
    "Require",
    "Rule",
]

ItemSide = Literal["materials", "products"]
"""The two lists of artifacts that a link has."""


class Create(Value):
    """Consumes artifacts that match and are products but not materials."""

    pattern: str


class Delete(Value):
    """Consumes artifacts that match and are materials but not products."""

    pattern: str


class Modify(Value):
    """Consumes artifacts that match and are on both sides with comparable, differing digests."""

    pattern: str


class Allow(Value):
    """Consumes artifacts that match."""

    pattern: str


class Disallow(Value):
    """Fails if an artifact that nobody consumed matches."""

    pattern: str


class Require(Value):
    """Fails unless the artifact `name`, taken literally, was not consumed yet; consumes nothing."""

    name: str


class Match(Value):
    """Consumes artifacts that match and have the same digests in the link of `step`.

    Only artifacts below `source_prefix` are looked at, without it; they are sought below `step_prefix` among the
    `side` of `step`'s link. Empty prefixes change nothing.
    """

    pattern: str
    step: str
    side: ItemSide
    source_prefix: str = ""
    step_prefix: str = ""


Rule = Create | Delete | Modify | Allow | Disallow | Require | Match
