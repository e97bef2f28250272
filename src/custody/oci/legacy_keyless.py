"""What proves a keyless signature, as annotations of a layer of a `.att` manifest and as a Sigstore bundle.

cosign's annotations hold the certificate as PEM, and what the transparency log answered, a promise with the entry, in a
form of Rekor's. Proofs of inclusion have no place there, and no keyless signature counts without one here. So custody
adds an annotation of its own with the whole bundle; what cosign 2 signed keylessly is found, and does not count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from custody.encoding.fields import Fields, as_object
from custody.encoding.strict import read_json, write_json
from custody.encoding.text import from_base64, from_hex, to_base64
from custody.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custody.envelopes.dsse import DSSEEnvelope

__all__ = ["legacy_annotations", "legacy_bundle"]

_CERTIFICATE = "dev.sigstore.cosign/certificate"
_CHAIN = "dev.sigstore.cosign/chain"
_LOG_ENTRY = "dev.sigstore.cosign/bundle"
_TIMESTAMP = "dev.sigstore.cosign/rfc3161timestamp"

_WHOLE = "dev.custody.bundle"

_OLD_BUNDLE = "application/vnd.dev.sigstore.bundle+json;version=0.1"
"""The version of bundles in which a promise of the log is enough."""

_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
_PEM_COLUMNS = 64


def legacy_annotations(envelope: DSSEEnvelope) -> Mapping[str, str]:
    """Return the annotations for the proofs beside the signature of `envelope`, none if it is signed by a key.

    Raises:
        FormatError: the bundle beside it is not as Sigstore writes them, or there is more than one.

    """
    beside = [s.document["bundle"] for s in envelope.signatures if "bundle" in s.document]
    if not beside:
        return {}
    if len(envelope.signatures) > 1:
        raise FormatError("a `.att` layer has the certificate of one signature only, got several signatures")
    material = Fields(Fields(beside[0], "bundle").any("verificationMaterial"), "bundle.verificationMaterial")
    whole = {name: beside[0].get(name) for name in ("mediaType", "verificationMaterial")}
    annotations = {_CERTIFICATE: _pem(_certificate(material)), _CHAIN: "", _WHOLE: _written(whole)}
    for entry in material.list("tlogEntries", [])[:1]:
        annotations[_LOG_ENTRY] = _rekor(Fields(entry, material.path("tlogEntries[0]")))
    stamps = Fields(material.object("timestampVerificationData", {})).list("rfc3161Timestamps", [])
    for stamp in stamps[:1]:
        annotations[_TIMESTAMP] = _written({"SignedRFC3161Timestamp": Fields(stamp).text("signedTimestamp")})
    return annotations


def legacy_bundle(annotations: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the Sigstore bundle that `annotations` amount to, without what was signed; None without a certificate.

    Raises:
        FormatError: they are not as cosign writes them.

    """
    if annotations.get(_WHOLE):
        return as_object(read_json(annotations[_WHOLE].encode()), _WHOLE)
    if not annotations.get(_CERTIFICATE):
        return None
    # The chain beside it is left out: who vouches for a certificate is trusted by the reader, or not at all.
    chain = {"certificates": [{"rawBytes": _from_pem(annotations[_CERTIFICATE])}]}
    material: dict[str, Any] = {"x509CertificateChain": chain}
    material["tlogEntries"] = [_log_entry(annotations[_LOG_ENTRY])] if annotations.get(_LOG_ENTRY) else []
    if annotations.get(_TIMESTAMP):
        stamp = Fields(read_json(annotations[_TIMESTAMP].encode()), _TIMESTAMP).text("SignedRFC3161Timestamp")
        material["timestampVerificationData"] = {"rfc3161Timestamps": [{"signedTimestamp": stamp}]}
    return {"mediaType": _OLD_BUNDLE, "verificationMaterial": material}


def _certificate(material: Fields) -> str:
    """Return the signer's certificate, base64 of DER, from either form."""
    if material.has("certificate"):
        return Fields(material.any("certificate"), material.path("certificate")).text("rawBytes")
    chain = Fields(material.any("x509CertificateChain"), material.path("x509CertificateChain"))
    found = chain.list("certificates")
    if not found:
        raise FormatError("expected a certificate, got an empty list", where=chain.path("certificates"))
    return Fields(found[0], chain.path("certificates[0]")).text("rawBytes")


def _rekor(entry: Fields) -> str:
    """Return the log's answer as Rekor's own form has it."""
    promise = Fields(entry.object("inclusionPromise", {})).text("signedEntryTimestamp", "")
    log_id = from_base64(Fields(entry.any("logId"), entry.path("logId")).text("keyId"), entry.path("logId.keyId"))
    payload = {
        "body": entry.text("canonicalizedBody"),
        "integratedTime": _number(entry, "integratedTime"),
        "logIndex": _number(entry, "logIndex"),
        "logID": log_id.hex(),
    }
    return _written({"SignedEntryTimestamp": promise, "Payload": payload})


def _log_entry(text: str) -> dict[str, Any]:
    """Return Rekor's form of an entry as bundles have it."""
    answer = Fields(read_json(text.encode()), _LOG_ENTRY)
    payload = Fields(answer.any("Payload"), answer.path("Payload"))
    body = payload.text("body")
    said = Fields(read_json(from_base64(body, payload.path("body"))), payload.path("body"))
    return {
        "logIndex": str(payload.integer("logIndex", minimum=0)),
        "logId": {"keyId": to_base64(from_hex(payload.text("logID"), payload.path("logID")))},
        "kindVersion": {"kind": said.text("kind"), "version": said.text("apiVersion")},
        "integratedTime": str(payload.integer("integratedTime", minimum=0)),
        "inclusionPromise": {"signedEntryTimestamp": answer.text("SignedEntryTimestamp")},
        "canonicalizedBody": body,
    }


def _number(entry: Fields, name: str) -> int:
    """Return a number that JSON of protocol buffers writes as text."""
    text = entry.text(name, "0")
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(2**63)):
        raise FormatError(f"expected digits, got {text!r:.60}", where=entry.path(name))
    return int(text)


def _pem(base64: str) -> str:
    lines = [base64[at : at + _PEM_COLUMNS] for at in range(0, len(base64), _PEM_COLUMNS)]
    return "\n".join((_BEGIN, *lines, _END, ""))


def _from_pem(text: str) -> str:
    """Return the first certificate in PEM `text` as base64 of DER."""
    _, begin, rest = text.partition(_BEGIN)
    certificate, end, _ = rest.partition(_END)
    if not begin or not end:
        raise FormatError("expected a certificate in PEM", where=_CERTIFICATE)
    return "".join(certificate.split())


def _written(document: object) -> str:
    return write_json(document, indent=None, ensure_ascii=True).decode()
