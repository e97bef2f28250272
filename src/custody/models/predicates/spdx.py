"""An SPDX document: 2.x has `spdxVersion`, 3 is JSON-LD (spdx.dev/Document, with or without a version)."""

from __future__ import annotations

from custody.encoding.fields import Fields, as_text, describe
from custody.errors import FormatError
from custody.models.predicates.shapes import given, list_of, obj, record, said, text

__all__ = ["TYPE", "TYPE_2", "TYPE_3", "check", "check_2", "check_3"]

TYPE = "https://spdx.dev/Document"
TYPE_2 = "https://spdx.dev/Document/v2.3"
TYPE_3 = "https://spdx.dev/Document/v3"


def _version(value: object, where: str) -> None:
    if not as_text(value, where).startswith("SPDX-2."):
        raise FormatError(f"expected a version such as SPDX-2.3, got {describe(value)}", where=where)


check_2 = record(
    required={"spdxVersion": _version, "SPDXID": said, "name": text, "creationInfo": obj},
    optional={"packages": list_of(obj), "files": list_of(obj), "relationships": list_of(obj)},
)
check_3 = record(required={"@context": given}, optional={"@graph": list_of(obj)})


def check(value: object, where: str) -> None:
    """Demand a document of either version."""
    fields = Fields(value, where)
    (check_3 if fields.has("@context") and not fields.has("spdxVersion") else check_2)(value, where)
