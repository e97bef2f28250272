"""DSSE's pre-authentication encoding (DSSE protocol, "PAE"): the bytes under the signatures of a DSSE envelope."""

from __future__ import annotations

__all__ = ["pae"]


def pae(payload_type: str, payload: bytes) -> bytes:
    """Return `DSSEv1 <len type> <type> <len payload> <payload>`; lengths count bytes."""
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)
