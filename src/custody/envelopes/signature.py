"""A signature as an envelope carries it: the bytes, and a hint whose they may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from custody.encoding.fields import Fields, as_list, as_object
from custody.encoding.text import from_hex
from custody.errors import FormatError
from custody.value import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Self

    from custody.keys.key import SignatureValue
    from custody.keys.openpgp import OpenPGPSignature

__all__ = ["MAX_SIGNATURES", "NOTHING", "Signature", "read_signatures"]

MAX_SIGNATURES = 256
"""More signatures than this on one envelope cost the verifier time and mean nothing."""


NOTHING: Mapping[str, str] = {}
"""What stands beside most signatures."""


class Signature(Value):
    """A signature; `keyid` is a hint that nobody signed, `document` the entry as it was read."""

    keyid: str
    value: SignatureValue
    document: Mapping[str, Any]

    @property
    def certificate(self) -> str:
        """The certificate that stands beside it, as PEM, '' if there is none; it was not looked at."""
        found = self.document.get("cert")
        return found if isinstance(found, str) else ""

    @property
    def timestamp(self) -> str:
        """The timestamp that stands beside it, in base64, '' if there is none; it was not looked at."""
        found = self.document.get("timestamp")
        return found if isinstance(found, str) else ""

    @classmethod
    def openpgp(cls, value: OpenPGPSignature) -> Self:
        """Return an OpenPGP signature with the entry by which a Metablock carries it."""
        return cls(keyid=value.keyid, value=value, document=value.entry())


def read_signatures(
    value: object, where: str, decode: Callable[[str, str], bytes], *, bundled: bool = False
) -> tuple[Signature, ...]:
    """Return the signatures in the list `value`; an entry that is not one is a FormatError.

    With `bundled` an entry may carry a Sigstore bundle, and is a keyless signature then.
    """
    entries = as_list(value, where)
    if len(entries) > MAX_SIGNATURES:
        raise FormatError(f"expected at most {MAX_SIGNATURES}, got {len(entries)}", where=where)
    return tuple(_read(entry, f"{where}[{i}]", decode, bundled) for i, entry in enumerate(entries))


def _read(entry: object, where: str, decode: Callable[[str, str], bytes], bundled: bool) -> Signature:  # noqa: FBT001
    fields = Fields(entry, where)
    keyid = fields.text("keyid", "")
    value: SignatureValue
    if fields.has("other_headers"):
        value = _read_openpgp(fields, keyid)
    else:
        value = decode(fields.text("sig"), fields.path("sig"))
        if bundled and fields.has("bundle"):
            from custody.envelopes.sigstore_bundle import read_keyless_signature  # few envelopes have one

            value = read_keyless_signature(fields, value)
    return Signature(keyid=keyid, value=value, document=as_object(entry, where))


def _read_openpgp(fields: Fields, keyid: str) -> OpenPGPSignature:
    """Return a signature in the reference's OpenPGP form; its headers are judged when it is verified."""
    from custody.keys.openpgp import OpenPGPSignature  # few envelopes have one

    other_headers = fields.text("other_headers")
    return OpenPGPSignature(
        keyid=keyid,
        signature=from_hex(fields.text("signature"), fields.path("signature")),
        other_headers=from_hex(other_headers, fields.path("other_headers")) if other_headers else b"",
    )
