"""Metablock: `{"signatures": [...], "signed": {...}}`, signatures in hexadecimal over canonical JSON.

The untyped `signed` is what is canonicalised, never a model of it: a field that a model dropped would be signed
by nobody and yet verify.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from custody.encoding.canonical import canonical_json, check_canonical
from custody.encoding.fields import Fields
from custody.encoding.strict import write_json
from custody.encoding.text import from_hex
from custody.envelopes.signature import NOTHING, Signature, read_signatures
from custody.errors import SignatureError
from custody.value import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custody.encoding.uniform import Seen
    from custody.keys.key import SignatureValue

__all__ = ["KEYLESS_NEEDS_DSSE", "Metablock"]

KEYLESS_NEEDS_DSSE = "a keyless signature goes into a DSSE envelope only; add --use-dsse"


class Metablock(Value):
    """A document in the legacy envelope; `document` is `signed` as it was read."""

    document: Mapping[str, Any]
    signatures: tuple[Signature, ...] = ()

    kind = "metablock"
    payload_type = "application/vnd.in-toto+json"

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> Self:
        """Return the Metablock that the parsed file `value` holds.

        Raises:
            FormatError: a field is missing or wrong, or `signed` has no canonical JSON, so that no
                signature of it can exist.

        """
        fields = Fields(value)
        document = fields.object("signed")
        check_canonical(document, "signed")
        signatures = read_signatures(fields.any("signatures"), "signatures", from_hex)
        return cls(document=document, signatures=signatures)

    @classmethod
    def wrap(cls, document: Mapping[str, Any]) -> Self:
        """Return an unsigned envelope around `document`."""
        return cls(document=document)

    @property
    def payload(self) -> bytes:
        """The bytes whose meaning is the content."""
        return canonical_json(self.document)

    @property
    def signed_bytes(self) -> bytes:
        """The bytes that signatures cover."""
        return canonical_json(self.document)

    def content(self, seen: Seen | None = None) -> Mapping[str, Any]:  # noqa: ARG002  # it was parsed with its envelope
        """Return the document inside; only for bytes whose signatures were checked, or to be signed."""
        return self.document

    def with_signature(self, keyid: str, value: SignatureValue, beside: Mapping[str, str] = NOTHING) -> Self:
        """Return a copy with one more signature; one in OpenPGP's form has its key id in it.

        `beside` are further fields of its entry: the certificate of its key, where the Go implementation has it.

        Raises:
            SignatureError: it is a keyless signature, which only DSSE envelopes carry.

        """
        if isinstance(value, bytes):
            signature = Signature(keyid=keyid, value=value, document={"keyid": keyid, "sig": value.hex(), **beside})
        else:
            from custody.keys.openpgp import OpenPGPSignature  # most signatures are bytes

            if not isinstance(value, OpenPGPSignature):
                raise SignatureError(KEYLESS_NEEDS_DSSE)
            signature = Signature.openpgp(value)
        return self.replace(signatures=(*self.signatures, signature))

    def write(self) -> bytes:
        """Return the file; `read_envelope(e.write()) == e`."""
        value = {"signatures": [dict(s.document) for s in self.signatures], "signed": self.document}
        return write_json(value, ensure_ascii=True)
