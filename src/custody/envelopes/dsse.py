"""DSSE: `{"payload", "payloadType", "signatures": [{"keyid", "sig"}]}`, base64, signatures over the PAE (ITE-5)."""

from __future__ import annotations

import re
from binascii import a2b_base64, b2a_base64
from typing import TYPE_CHECKING, Any, Self

from custody.encoding.fields import Fields, as_object
from custody.encoding.pae import pae
from custody.encoding.strict import MAX_DOCUMENT_BYTES, read_json, write_json
from custody.encoding.text import from_base64, to_base64
from custody.envelopes.signature import NOTHING, Signature, read_signatures
from custody.errors import FormatError, SignatureError
from custody.value import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custody.encoding.uniform import Seen
    from custody.keys.key import SignatureValue

__all__ = ["IN_TOTO_PAYLOAD", "NO_CERTIFICATE_IN_DSSE", "NO_OPENPGP_IN_DSSE", "DSSEEnvelope", "read_large"]

IN_TOTO_PAYLOAD = "application/vnd.in-toto+json"
"""The payload type of links, layouts and statements."""

NO_OPENPGP_IN_DSSE = (
    "a DSSE envelope cannot carry an OpenPGP signature; leave DSSE out (--use-dsse), or sign with a key of another kind"
)

NO_CERTIFICATE_IN_DSSE = (
    "a DSSE envelope has no place for the certificate of a signature; leave DSSE out (--use-dsse), or the certificate"
    " (--cert)"
)

_HEAD = 4096
"""Within so many bytes the payload of a large envelope begins, if it is to be read fast."""

_PAYLOAD = rb'"payload"[ \t\n\r]*:[ \t\n\r]*"'
_PLACE = "here-stands-the-payload"


class DSSEEnvelope(Value):
    """A document in a DSSE envelope; `payload` is handed on byte for byte as it was signed."""

    payload: bytes
    payload_type: str = IN_TOTO_PAYLOAD
    signatures: tuple[Signature, ...] = ()

    kind = "dsse"

    @classmethod
    def read(cls, value: Mapping[str, Any], payload: bytes | None = None) -> Self:
        """Return the envelope that the parsed file `value` holds; its `payload` may have been decoded already.

        Raises:
            FormatError: a field is missing or wrong; the payload is not looked into.

        """
        fields = Fields(value)
        if payload is None:
            payload = from_base64(fields.text("payload"), "payload")
        payload_type = fields.text("payloadType")
        signatures = read_signatures(fields.any("signatures"), "signatures", from_base64, bundled=True)
        for index, signature in enumerate(signatures):
            if "other_headers" in signature.document:
                raise FormatError("an OpenPGP signature, which DSSE has no place for", where=f"signatures[{index}]")
        if any("bundle" in signature.document for signature in signatures):
            from custody.envelopes.sigstore_bundle import refuse_many  # few envelopes have one

            refuse_many(signatures, "signatures")
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

    def with_signature(self, keyid: str, value: SignatureValue, beside: Mapping[str, str] = NOTHING) -> Self:
        """Return a copy with one more signature.

        Raises:
            SignatureError: it is an OpenPGP signature, or has a certificate, for which DSSE has no place.

        """
        if beside:
            raise SignatureError(NO_CERTIFICATE_IN_DSSE)
        if isinstance(value, bytes):
            entry: dict[str, Any] = {"keyid": keyid, "sig": to_base64(value)}
        else:
            from custody.keys.keyless import KeylessSignature  # most signatures are bytes

            if not isinstance(value, KeylessSignature):
                raise SignatureError(NO_OPENPGP_IN_DSSE)
            entry = value.entry(keyid)
        return self.replace(signatures=(*self.signatures, Signature(keyid=keyid, value=value, document=entry)))

    def write(self) -> bytes:
        """Return the file; `read_envelope(e.write()) == e`."""
        signatures = [dict(s.document) for s in self.signatures]
        value = {"payload": _PLACE, "payloadType": self.payload_type, "signatures": signatures}
        text = write_json(value, indent=None, ensure_ascii=True)
        # A payload may be large, and is escaped nowhere. It comes first, whatever stands behind it.
        before, _, behind = text.partition(_PLACE.encode())
        return b"".join([before, b2a_base64(self.payload, newline=False), behind])


def read_large(data: bytes) -> tuple[Mapping[str, Any], bytes] | None:
    """Return the parsed file in `data` without its payload, and that decoded; None where that is not sure.

    A payload makes up nearly all of a large envelope. It is decoded where it stands, and the rest is parsed with
    something short in its place. Where nothing is escaped, that can stand nowhere else.
    """
    begin = re.compile(_PAYLOAD).search(data, 0, _HEAD)
    end = data.find(b'"', begin.end()) if begin is not None else -1
    if begin is None or end < 0 or len(data) > MAX_DOCUMENT_BYTES:
        return None
    head, tail = data[: begin.end()], data[end:]
    if b"\\" in head or b"\\" in tail or _PLACE.encode() in head + tail:
        return None
    try:
        value = read_json(head + _PLACE.encode() + tail)
        payload = a2b_base64(memoryview(data)[begin.end() : end], strict_mode=True)
    except (FormatError, ValueError):
        return None
    return (value, payload) if isinstance(value, dict) and value.get("payload") == _PLACE else None
