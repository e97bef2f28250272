"""A verification summary: what somebody found when they verified an artifact (slsa.dev/verification_summary/v1)."""

from __future__ import annotations

import re

from custody.encoding.fields import Fields, as_object, describe
from custody.errors import FormatError
from custody.models.predicates.shapes import list_of, map_of, number, one_of, record, said, text, timestamp
from custody.models.resource_descriptor import read_resource_descriptor

__all__ = ["TYPE", "check"]

TYPE = "https://slsa.dev/verification_summary/v1"

_LEVEL = re.compile(r"(SLSA_[A-Z]+(?:_[A-Z]+)*)_LEVEL_(?:[0-9]+|UNEVALUATED)")
_PROPERTIES = frozenset({"SLSA_BUILD_REPRODUCED", "SLSA_SOURCE_TWO_PARTY_REVIEWED"})
_VERSION = re.compile(r"[0-9]+\.[0-9]+")


def _level(value: object, where: str) -> None:
    """Demand a level of SLSA, or one of somebody's own, which does not look like one of SLSA."""
    said(value, where)
    if str(value).startswith("SLSA_") and str(value) not in _PROPERTIES and not _LEVEL.fullmatch(str(value)):
        raise FormatError(
            f"expected a level such as SLSA_BUILD_LEVEL_3, got {describe(value)}",
            where=where,
            remedy="levels of your own must not begin with SLSA_",
        )


def _levels(value: object, where: str) -> None:
    """Demand levels, of each track one: a higher level implies the lower ones."""
    list_of(_level)(value, where)
    tracks: dict[str, int] = {}
    for index, level in enumerate(value if isinstance(value, list) else ()):
        found = _LEVEL.fullmatch(level)
        first = tracks.setdefault(found[1], index) if found else index
        if first != index:
            problem = f"expected one level of a track, got {level!r} beside {where}[{first}]"
            raise FormatError(problem, where=f"{where}[{index}]")


def _policy(value: object, where: str) -> None:
    read_resource_descriptor(value, where)
    said(Fields(value, where).any("uri"), f"{where}.uri")


def _input(value: object, where: str) -> None:
    read_resource_descriptor(value, where, digested=True)


def _slsa_version(value: object, where: str) -> None:
    text(value, where)
    if not _VERSION.fullmatch(str(value)):
        raise FormatError(f"expected a version such as 1.0, got {describe(value)}", where=where)


def _dependency_levels(value: object, where: str) -> None:
    map_of(number)(value, where)
    for level in as_object(value, where):
        _level(level, where)


check = record(
    required={
        "verifier": record(required={"id": said}, optional={"version": map_of(text)}),
        "resourceUri": said,
        "policy": _policy,
        "verificationResult": one_of("PASSED", "FAILED"),
        "verifiedLevels": _levels,
    },
    optional={
        "timeVerified": timestamp,
        "inputAttestations": list_of(_input),
        "dependencyLevels": _dependency_levels,
        "slsaVersion": _slsa_version,
    },
)
