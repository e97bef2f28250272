"""A release: the artifacts that make up one version of a package (in-toto.io/attestation/release/v0.1)."""

from __future__ import annotations

import re

from custody.encoding.fields import as_text, describe
from custody.errors import FormatError
from custody.models.predicates.shapes import record, text

__all__ = ["TYPE", "check"]

TYPE = "https://in-toto.io/attestation/release/v0.1"

_PURL = re.compile(r"pkg:/*[A-Za-z][A-Za-z0-9.+-]*/(?:[^?#]*/)?[^/@?#]+@[^/@?#]+(?:[?#].*)?", re.DOTALL)


def _purl(value: object, where: str) -> None:
    """Demand a package URL with a version, which package URLs alone may leave out."""
    if not _PURL.fullmatch(as_text(value, where)):
        problem = f"expected a package URL with a version, such as pkg:pypi/name@1.0, got {describe(value)}"
        raise FormatError(problem, where=where)


check = record(required={"purl": _purl}, optional={"packageId": text})
