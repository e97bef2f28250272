"""An OpenVEX document: which vulnerabilities matter for a product (openvex.dev/ns)."""

from __future__ import annotations

from custody.encoding.fields import as_text, describe
from custody.errors import FormatError
from custody.models.predicates.shapes import given, list_of, local_timestamp, one_of, record, said

__all__ = ["TYPE", "check"]

TYPE = "https://openvex.dev/ns"


def _context(value: object, where: str) -> None:
    if not as_text(value, where).startswith(TYPE):
        raise FormatError(f"expected {TYPE!r} or a version of it, got {describe(value)}", where=where)


def _vulnerability(value: object, where: str) -> None:
    """Demand its name: by itself until 0.0.2, in an object since 0.2.0."""
    (said if isinstance(value, str) else record(required={"name": said}))(value, where)


_statement = record(
    required={
        "vulnerability": _vulnerability,
        "status": one_of("not_affected", "affected", "fixed", "under_investigation"),
    },
    optional={"timestamp": local_timestamp, "products": list_of(given)},
)

check = record(
    required={
        "@context": _context,
        "@id": said,
        "author": said,
        "timestamp": local_timestamp,
        "version": given,
        "statements": list_of(_statement),
    },
)
