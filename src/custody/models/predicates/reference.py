"""References to documents that say more about an artifact (in-toto.io/attestation/reference/v0.1)."""

from __future__ import annotations

from custody.models.predicates.shapes import descriptor, list_of, record, said

__all__ = ["TYPE", "check"]

TYPE = "https://in-toto.io/attestation/reference/v0.1"

_placed = record(required={"downloadLocation": said, "mediaType": said})


def _reference(value: object, where: str) -> None:
    descriptor(value, where)
    _placed(value, where)


check = record(
    required={"attester": record(required={"id": said}), "references": list_of(_reference, least=1)},
)
