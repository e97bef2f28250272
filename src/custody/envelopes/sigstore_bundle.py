"""Sigstore bundles: a signature with what says whose it is, around a DSSE envelope or inside of one.

A DSSE envelope carries a bundle beside each keyless signature, `{"keyid", "sig", "bundle": {...}}`, as securesystemslib
does. Other tools put the envelope into the bundle: `{"mediaType", "verificationMaterial", "dsseEnvelope"}`. Such a file
is read as the envelope, with the rest of the bundle beside its one signature. Nothing is verified here.

`write_bundle` writes such a file as every reader takes it: one signature, no field that the format does not have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from custody.encoding.fields import Fields, as_object
from custody.encoding.hashing import sha256
from custody.encoding.strict import write_json
from custody.encoding.text import to_base64
from custody.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from custody.envelopes.dsse import DSSEEnvelope
    from custody.envelopes.signature import Signature
    from custody.keys.key import Key
    from custody.keys.keyless import KeylessSignature

__all__ = [
    "BUNDLE_TYPE",
    "MAX_BUNDLES",
    "MAX_BUNDLE_BYTES",
    "key_hint",
    "opened_bundle",
    "read_keyless_signature",
    "refuse_many",
    "write_bundle",
]

BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
"""The media type of bundles as they are written; older ones are read, too."""

MAX_BUNDLES = 32
"""The most keyless signatures of one envelope; each takes as long to check as dozens of others."""

MAX_BUNDLE_BYTES = 64 * 1024
"""The largest bundle of one signature, without what was signed; usual ones have less than 10 kB."""

_CERTIFICATES = ("certificate", "x509CertificateChain")
_PROOFS = ("certificate", "x509CertificateChain", "tlogEntries", "timestampVerificationData")


def read_keyless_signature(fields: Fields, signature: bytes) -> KeylessSignature:
    """Return `signature` with the bundle that stands beside it in the entry `fields`.

    Raises:
        FormatError: the bundle is no object, or too large.

    """
    from custody.keys.keyless import KeylessSignature  # few envelopes have one

    bundle = write_json(fields.object("bundle"), indent=None)
    if len(bundle) > MAX_BUNDLE_BYTES:
        raise FormatError(f"expected at most {MAX_BUNDLE_BYTES} bytes, got {len(bundle)}", where=fields.path("bundle"))
    return KeylessSignature(signature=signature, bundle=bundle)


def refuse_many(signatures: Iterable[Signature], where: str) -> None:
    """Refuse more keyless signatures than an envelope may have.

    Raises:
        FormatError: there are more.

    """
    count = sum("bundle" in signature.document for signature in signatures)
    if count > MAX_BUNDLES:
        raise FormatError(f"expected at most {MAX_BUNDLES} keyless signatures, got {count}", where=where)


def opened_bundle(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return the DSSE envelope in the parsed bundle `value`, with the rest beside its signature.

    What is signed by a key, not with a certificate, has no need of the rest.

    Raises:
        FormatError: there is no envelope in it, or it has not one signature.

    """
    fields = Fields(value)
    envelope = dict(as_object(fields.any("dsseEnvelope"), "dsseEnvelope"))
    signatures = Fields(envelope, "dsseEnvelope").list("signatures")
    if len(signatures) != 1:
        raise FormatError(f"expected one signature in a bundle, got {len(signatures)}", where="dsseEnvelope.signatures")
    entry = dict(as_object(signatures[0], "dsseEnvelope.signatures[0]"))
    material = fields.object("verificationMaterial")
    if any(name in material for name in _CERTIFICATES):
        entry["bundle"] = {"mediaType": fields.text("mediaType"), "verificationMaterial": material}
    envelope["signatures"] = [entry]
    return envelope


def write_bundle(envelope: DSSEEnvelope, key: Key) -> bytes:
    """Return the bundle around `envelope`, whose one signature `key` made; `read_envelope` reads the envelope back.

    With a keyless signature its certificate and proofs go into it, with one by a key a hint which key that is.

    Raises:
        FormatError: the envelope has not one signature.

    """
    if len(envelope.signatures) != 1:
        raise FormatError(f"a Sigstore bundle holds one signature, got {len(envelope.signatures)}")
    (signature,) = envelope.signatures
    media_type, material = BUNDLE_TYPE, {"publicKey": {"hint": key_hint(key)}}
    if "bundle" in signature.document:
        beside = Fields(signature.document["bundle"], "bundle")
        media_type, known = beside.text("mediaType"), beside.object("verificationMaterial")
        material = {name: known[name] for name in _PROOFS if name in known}
    value = signature.value if isinstance(signature.value, bytes) else getattr(signature.value, "signature", b"")
    document = {
        "mediaType": media_type,
        "verificationMaterial": material,
        "dsseEnvelope": {
            "payload": to_base64(envelope.payload),
            "payloadType": envelope.payload_type,
            "signatures": [{"sig": to_base64(value)}],
        },
    }
    return write_json(document, indent=None, ensure_ascii=True)


def key_hint(key: Key) -> str:
    """Return by which hint bundles name a public key: the base64 of the SHA-256 of its DER SubjectPublicKeyInfo."""
    return to_base64(bytes.fromhex(sha256(getattr(key, "spki", b""))))
