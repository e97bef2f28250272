"""A runtime trace: what a monitor saw of a process (in-toto.io/attestation/runtime-trace/v0.1)."""

from __future__ import annotations

from custody.encoding.fields import Fields
from custody.errors import FormatError
from custody.models.predicates.shapes import descriptor, list_of, maybe_descriptor, obj, record, said, timestamp

__all__ = ["TYPE", "check"]

TYPE = "https://in-toto.io/attestation/runtime-trace/v0.1"

_LOGS = {"process": list_of(obj), "network": list_of(obj), "fileAccess": list_of(descriptor)}


def _log(value: object, where: str) -> None:
    """Demand at least one kind of record; it may say that nothing happened."""
    record(optional=_LOGS)(value, where)
    fields = Fields(value, where)
    if all(fields.any(name, None) is None for name in _LOGS):
        raise FormatError("expected 'process', 'network' or 'fileAccess', got none of them", where=where)


check = record(
    required={
        "monitor": record(required={"type": said}, optional={"configSource": maybe_descriptor, "tracePolicy": obj}),
        "monitoredProcess": record(required={"hostID": said, "type": said, "event": said}),
        "monitorLog": _log,
    },
    optional={"metadata": record(optional={"buildStartedOn": timestamp, "buildFinishedOn": timestamp})},
)
