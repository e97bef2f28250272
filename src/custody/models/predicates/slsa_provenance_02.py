"""SLSA provenance 0.2 (slsa.dev/provenance/v0.2).

Its digests are any text: some builders write a commit under `sha256`, and nobody matches artifacts by them.
"""

from __future__ import annotations

from custody.models.predicates.shapes import flag, list_of, map_of, obj, record, said, text, timestamp

__all__ = ["TYPE", "check"]

TYPE = "https://slsa.dev/provenance/v0.2"

_material = record(optional={"uri": text, "digest": map_of(said)})
_source = record(optional={"uri": text, "digest": map_of(said), "entryPoint": text})
_invocation = record(optional={"configSource": _source, "parameters": obj, "environment": obj})
_metadata = record(
    optional={
        "buildInvocationId": text,
        "buildStartedOn": timestamp,
        "buildFinishedOn": timestamp,
        "completeness": record(optional={"parameters": flag, "environment": flag, "materials": flag}),
        "reproducible": flag,
    }
)

check = record(
    required={"builder": record(required={"id": said}), "buildType": said},
    optional={
        "invocation": _invocation,
        "buildConfig": obj,
        "metadata": _metadata,
        "materials": list_of(_material),
    },
)
