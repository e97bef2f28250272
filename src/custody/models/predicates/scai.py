"""SCAI: attributes of an artifact or of what made it, with evidence (in-toto.io/attestation/scai/v0.3)."""

from __future__ import annotations

from custody.models.predicates.shapes import list_of, maybe_descriptor, obj, record, said

__all__ = ["TYPE", "check"]

TYPE = "https://in-toto.io/attestation/scai/v0.3"

_attribute = record(
    required={"attribute": said},
    optional={"target": maybe_descriptor, "conditions": obj, "evidence": maybe_descriptor},
)

check = record(
    required={"attributes": list_of(_attribute, least=1)},
    optional={"producer": maybe_descriptor},
)
