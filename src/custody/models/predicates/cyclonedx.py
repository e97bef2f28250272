"""A CycloneDX bill of materials (cyclonedx.org/bom)."""

from __future__ import annotations

from custody.models.predicates.shapes import list_of, obj, one_of, record, said

__all__ = ["TYPE", "check"]

TYPE = "https://cyclonedx.org/bom"

check = record(
    required={"bomFormat": one_of("CycloneDX"), "specVersion": said},
    optional={
        "metadata": obj,
        "components": list_of(obj),
        "dependencies": list_of(obj),
        "vulnerabilities": list_of(obj),
    },
)
