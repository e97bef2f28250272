"""DSSE: `{"payload", "payloadType", "signatures": [{"keyid", "sig"}]}`, base64, signatures over the PAE (ITE-5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from custody.encoding.fields import Fields, as_object
from custody.encoding.pae import pae
from custody.encoding.strict import read_json, write_json
from custody.encoding.text import from_base64, to_base64
from custody.envelopes.signature import Signature, read_signatures
from custody.errors import FormatError, SignatureError
from custody.value import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custody.encoding.uniform import Seen
    from custody.keys.openpgp import OpenPGPSignature

__all__ = ["IN_TOTO_PAYLOAD", "NO_OPENPGP_IN_DSSE", "DSSEEnvelope"]

IN_TOTO_PAYLOAD = "application/vnd.in-toto+json"
"""The payload type of links, layouts and statements."""

NO_OPENPGP_IN_DSSE = (
    "a DSSE envelope cannot carry an OpenPGP signature; leave DSSE out (--use-dsse), or sign with a key of another kind"
)


class DSSEEnvelope(Value):
    """A document in a DSSE envelope; `payload` is handed on byte for byte as it was signed."""

    payload: bytes
    payload_type: str = IN_TOTO_PAYLOAD
    signatures: tuple[Signature, ...] = ()

    kind = "dsse"

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> Self:
        """Return the envelope that the parsed file `value` holds.

        Raises:
            FormatError: a field is missing or wrong; the payload is not looked into.

        """
        fields = Fields(value)
        payload = from_base64(fields.text("payload"), "payload")
        payload_type = fields.text("payloadType")
        signatures = read_signatures(fields.any("signatures"), "signatures", from_base64)
        for index, signature in enumerate(signatures):
            if not isinstance(signature.value, bytes):
                raise FormatError("an OpenPGP signature, which DSSE has no place for", where=f"signatures[{index}]")
        return cls(payload=payload, payload_type=payload_type, signatures=signatures)

    @classmethod
    def wrap(cls, document: Mapping[str, Any], payload_type: str = IN_TOTO_PAYLOAD) -> Self:
        """Return an unsigned envelope around `document`."""
        return cls(payload=write_json(document, indent=None, ensure_ascii=True), payload_type=payload_type)

    @property
    def signed_bytes(self) -> bytes:
        """The bytes that signatures cover."""
        return pae(self.payload_type, self.payload)

    def content(self, seen: Seen | None = None) -> Mapping[str, Any]:
        """Return the document inside; only for bytes whose signatures were checked, or to be signed."""
        try:
            return as_object(read_json(self.payload, seen=seen), "")
        except FormatError as error:
            raise error.within("payload") from None

    def with_signature(self, keyid: str, value: bytes | OpenPGPSignature) -> Self:
        """Return a copy with one more signature.

        Raises:
            SignatureError: it is an OpenPGP signature, for which DSSE has no place.

        """
        if not isinstance(value, bytes):
            raise SignatureError(NO_OPENPGP_IN_DSSE)
        entry = {"keyid": keyid, "sig": to_base64(value)}
        return self.replace(signatures=(*self.signatures, Signature(keyid=keyid, value=value, document=entry)))

    def write(self) -> bytes:
        """Return the file; `read_envelope(e.write()) == e`."""
        return write_json(
            {
                "payload": to_base64(self.payload),
                "payloadType": self.payload_type,
                "signatures": [dict(s.document) for s in self.signatures],
            },
            indent=None,
            ensure_ascii=True,
        )
