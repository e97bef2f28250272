"""A simple verification result: the properties that somebody verified (in-toto.io/attestation/svr/v0.2)."""

from __future__ import annotations

from custody.models.predicates.shapes import descriptor, list_of, record, said, timestamp

__all__ = ["TYPE", "check"]

TYPE = "https://in-toto.io/attestation/svr/v0.2"

check = record(
    required={
        "verifier": record(required={"id": said, "policies": list_of(descriptor)}),
        "timeCreated": timestamp,
        "properties": list_of(said),
    },
)
