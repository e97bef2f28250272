"""Payload types: what an envelope says about what is in it, before anybody looked."""

from __future__ import annotations

import re

from custody.envelopes.dsse import IN_TOTO_PAYLOAD

__all__ = ["is_statement_payload_type"]

_OF_PREDICATE = re.compile(r"application/vnd\.in-toto\.[A-Za-z0-9][A-Za-z0-9._-]{0,99}\+json")


def is_statement_payload_type(payload_type: str) -> bool:
    """Return whether a statement may be in an envelope of this type, which names a kind of predicate or none.

    It is a hint: what the predicate is says the statement alone.
    """
    return payload_type == IN_TOTO_PAYLOAD or _OF_PREDICATE.fullmatch(payload_type) is not None
