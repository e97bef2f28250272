"""Predicates of cosign's own: a vulnerability scan, anything at all, and the signature of an image."""

from __future__ import annotations

from custody.models.predicates.shapes import given, local_timestamp, obj, record, text

__all__ = ["CUSTOM", "SIGN", "VULN", "check_custom", "check_sign", "check_vuln"]

VULN = "https://cosign.sigstore.dev/attestation/vuln/v1"
CUSTOM = "https://cosign.sigstore.dev/attestation/v1"
SIGN = "https://sigstore.dev/cosign/sign/v1"

_database = record(optional={"uri": text, "version": text})

check_vuln = record(
    required={
        "scanner": record(required={"result": given}, optional={"uri": text, "version": text, "db": _database}),
        "metadata": record(required={"scanStartedOn": local_timestamp, "scanFinishedOn": local_timestamp}),
    },
    optional={"invocation": obj},
)

check_custom = record(required={"Data": text}, optional={"Timestamp": local_timestamp})

check_sign = record()
