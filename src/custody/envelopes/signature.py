"""A signature as an envelope carries it: the bytes, and a hint whose they may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from custody.encoding.fields import Fields, as_list, as_object
from custody.encoding.text import from_hex
from custody.errors import FormatError
from custody.value import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["MAX_SIGNATURES", "Signature", "read_signatures"]

MAX_SIGNATURES = 256
"""More signatures than this on one envelope cost the verifier time and mean nothing."""


class Signature(Value):
    """A signature; `keyid` is a hint that nobody signed, `document` the entry as it was read."""

    keyid: str
    value: bytes
    document: Mapping[str, Any]

    @property
    def is_openpgp(self) -> bool:
        """Whether it is in the reference's OpenPGP form, which covers more than the message."""
        return "other_headers" in self.document


def read_signatures(value: object, where: str, decode: Callable[[str, str], bytes]) -> tuple[Signature, ...]:
    """Return the signatures in the list `value`; an entry that is not one is a FormatError."""
    entries = as_list(value, where)
    if len(entries) > MAX_SIGNATURES:
        raise FormatError(f"expected at most {MAX_SIGNATURES}, got {len(entries)}", where=where)
    return tuple(_read(entry, f"{where}[{i}]", decode) for i, entry in enumerate(entries))


def _read(entry: object, where: str, decode: Callable[[str, str], bytes]) -> Signature:
    fields = Fields(entry, where)
    keyid = fields.text("keyid", "")
    if fields.has("other_headers"):
        value = from_hex(fields.text("signature"), fields.path("signature"))
    else:
        value = decode(fields.text("sig"), fields.path("sig"))
    return Signature(keyid=keyid, value=value, document=as_object(entry, where))
