"""SLSA provenance 1: how an artifact was built (slsa.dev/provenance/v1)."""

from __future__ import annotations

from custody.models.predicates.shapes import descriptor, list_of, map_of, obj, record, said, text, timestamp

__all__ = ["TYPE", "check"]

TYPE = "https://slsa.dev/provenance/v1"

_definition = record(
    required={"buildType": said, "externalParameters": obj},
    optional={"internalParameters": obj, "resolvedDependencies": list_of(descriptor)},
)
_builder = record(
    required={"id": said},
    optional={"version": map_of(text), "builderDependencies": list_of(descriptor)},
)
_metadata = record(optional={"invocationId": text, "startedOn": timestamp, "finishedOn": timestamp})
_details = record(required={"builder": _builder}, optional={"metadata": _metadata, "byproducts": list_of(descriptor)})

check = record(required={"buildDefinition": _definition, "runDetails": _details})
