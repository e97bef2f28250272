"""Vulnerabilities that a scanner found (in-toto.io/attestation/vulns/v0.1 and v0.2).

In 0.1 each stands under `vulnerability`; its own example has them flat, as 0.2 does, and so have both here.
"""

from __future__ import annotations

from custody.encoding.fields import Fields
from custody.models.predicates.shapes import Shape, list_of, one_or_more, record, said, text, timestamp

__all__ = ["TYPE_01", "TYPE_02", "check_01", "check_02"]

TYPE_01 = "https://in-toto.io/attestation/vulns/v0.1"
TYPE_02 = "https://in-toto.io/attestation/vulns/v0.2"

_severity = record(required={"method": said, "score": said})
_vulnerability = record(required={"id": said, "severity": one_or_more(_severity)})


def _nested(value: object, where: str) -> None:
    fields = Fields(value, where)
    inner = fields.any("vulnerability", None)
    if inner is None:
        _vulnerability(value, where)
    else:
        _vulnerability(inner, fields.path("vulnerability"))


def _scan(vulnerability: Shape) -> Shape:
    database = record(required={"lastUpdate": timestamp}, optional={"uri": text, "version": text})
    scanner = record(
        required={"uri": said, "db": database, "result": list_of(vulnerability)}, optional={"version": text}
    )
    metadata = record(required={"scanStartedOn": timestamp, "scanFinishedOn": timestamp})
    return record(required={"scanner": scanner, "metadata": metadata})


check_01 = _scan(_nested)
check_02 = _scan(_vulnerability)
