"""What can hang on an image: attestations in DSSE envelopes and Sigstore bundles, and links.

Several documents may stand in one file, one a line. Nothing is verified here: what a document says it is decides only
how it is stored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from custody.encoding.fields import Fields, as_object
from custody.encoding.strict import read_json, write_json
from custody.encoding.text import to_base64
from custody.envelopes.dsse import DSSEEnvelope
from custody.envelopes.json_lines import split_lines
from custody.envelopes.reader import read_envelope
from custody.envelopes.sigstore_bundle import BUNDLE_TYPE
from custody.errors import FormatError
from custody.value import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custody.envelopes.reader import Envelope
    from custody.envelopes.signature import Signature

__all__ = [
    "MAX_ATTESTATION_BYTES",
    "Document",
    "envelope_line",
    "read_document",
    "read_documents",
]

MAX_ATTESTATION_BYTES = 128 * 1024 * 1024
"""The largest attestation or link that is attached or downloaded: what cosign reads by default."""

_LINK_TYPES = frozenset({"link", "layout"})  # a layout in place of a link is a sublayout


class Document(Value):
    """One attestation or link; `raw` is how it was written, `title` the file that it came from.

    What `claims_of` the payload said, `kind`, `predicate_type` and `step`, nobody has verified.
    """

    raw: bytes
    envelope: Envelope
    is_bundle: bool = False
    kind: str = ""
    predicate_type: str = ""
    step: str = ""
    title: str = ""

    @property
    def is_link(self) -> bool:
        """Whether it is a link or a sublayout in an envelope of its own, not the predicate of a statement."""
        return self.kind in _LINK_TYPES

    def bundles(self) -> tuple[bytes, ...]:
        """Return it as Sigstore bundles, of which each holds one signature; a bundle stays as it is."""
        if self.is_bundle:
            return (self.raw,)
        envelope = self.dsse
        return tuple(_bundle(envelope, signature) for signature in envelope.signatures)

    @property
    def dsse(self) -> DSSEEnvelope:
        """The envelope of an attestation, which is always a DSSE envelope, else a FormatError."""
        if isinstance(self.envelope, DSSEEnvelope):
            return self.envelope
        raise FormatError(
            f"expected a link in a Metablock, got {self.kind or 'a document without _type'!r:.80}",
            remedy="attestations are signed in DSSE envelopes: `custody attest`",
        )


def read_documents(data: bytes, *, title: str = "") -> tuple[Document, ...]:
    """Return the documents in a file: one, or one a line.

    Raises:
        FormatError: one is no envelope, carries no JSON object, or nobody signed it; there is none, or too many.

    """
    found = []
    for line in split_lines(data):
        try:
            found.append(read_document(line.data, title=title))
        except FormatError as error:
            raise error.within(f"line {line.number}") if line.number else error from None
    if not found:
        raise FormatError("expected an attestation or a link, got an empty file")
    return tuple(found)


def read_document(data: bytes, *, title: str = "") -> Document:
    """Return the one document in `data`; FormatError as for `read_documents`."""
    if len(data) > MAX_ATTESTATION_BYTES:
        raise FormatError(f"expected at most {MAX_ATTESTATION_BYTES} bytes, got {len(data)}")
    envelope = read_envelope(data)
    if not envelope.signatures:
        raise FormatError("nobody signed it", where="signatures", remedy="sign it with `custody sign`")
    is_bundle = isinstance(envelope, DSSEEnvelope) and "dsseEnvelope" in as_object(read_json(data), "")
    document = Document(raw=data, envelope=envelope, is_bundle=is_bundle, title=title, **_claims_of(envelope))
    if not document.is_link:
        _ = document.dsse  # or it would be found out when the others are stored already
    return document


def envelope_line(envelope: DSSEEnvelope) -> bytes:
    """Return `envelope` on one line as cosign writes it: standard base64, nothing beside key id and signature."""
    signatures = [{"keyid": s.keyid, "sig": to_base64(_bytes_of(s))} for s in envelope.signatures]
    return write_json(_dsse(envelope, signatures), indent=None, ensure_ascii=True)


def _claims_of(envelope: Envelope) -> dict[str, str]:
    """Return what the payload calls itself: its type, and the type of its predicate or the name of its step."""
    content = envelope.content()
    return {
        "kind": _text(content, "_type"),
        "predicate_type": _text(content, "predicateType"),
        "step": _text(content, "name"),
    }


def _text(content: Mapping[str, Any], name: str) -> str:
    found = content.get(name)
    return found if isinstance(found, str) else ""


def _bundle(envelope: DSSEEnvelope, signature: Signature) -> bytes:
    """Return a bundle of `envelope` with one of its signatures.

    The key id goes where it is no more than a hint. Beside the signature, sigstore-go refuses one that is not of its
    own making.
    """
    media_type, material = BUNDLE_TYPE, {"publicKey": {"hint": signature.keyid}}
    if "bundle" in signature.document:
        beside = Fields(signature.document["bundle"], "signatures: bundle")
        media_type, material = beside.text("mediaType"), beside.object("verificationMaterial")
    document = {
        "mediaType": media_type,
        "verificationMaterial": material,
        "dsseEnvelope": _dsse(envelope, [{"sig": to_base64(_bytes_of(signature))}]),
    }
    return write_json(document, indent=None, ensure_ascii=True)


def _dsse(envelope: DSSEEnvelope, signatures: list[dict[str, str]]) -> dict[str, object]:
    return {
        "payload": to_base64(envelope.payload),
        "payloadType": envelope.payload_type,
        "signatures": signatures,
    }


def _bytes_of(signature: Signature) -> bytes:
    if isinstance(signature.value, bytes):
        return signature.value
    from custody.keys.keyless import KeylessSignature  # most signatures are bytes

    if not isinstance(signature.value, KeylessSignature):
        raise FormatError("an OpenPGP signature, which DSSE has no place for", where="signatures")
    return signature.value.signature
