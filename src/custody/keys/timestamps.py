"""Timestamps of signatures (RFC 3161): an authority's word that a signature existed at an instant.

A certificate that has expired since proves nothing, unless somebody other than the signer vouches that the signature
was made before. The `rfc3161-client` library checks the token; whom to believe is the verifier's choice, never that of
the evidence.

1. The token is granted, and covers the hash of exactly this signature.
2. An authority signed it, whose certificate is for timestamps and was valid at that instant, under a given root.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from custody.errors import UsageError
from custody.value import Value

if TYPE_CHECKING:
    from datetime import datetime

    from cryptography import x509

    from custody.keys.x509_certificate import Certificate

__all__ = ["MAX_TIMESTAMP_BYTES", "NEEDS_TIMESTAMP_EXTRA", "TimestampAuthorities", "read_token"]

MAX_TIMESTAMP_BYTES = 32 * 1024
"""The largest timestamp that is looked at; with a chain of certificates in it one has 2 to 8 kB."""

NEEDS_TIMESTAMP_EXTRA = "timestamps need an extra: pip install 'custody[timestamp]'"

_SAID = 200
_TRACE = ": ErrorStack"
"""What begins the part of an error that only its library understands."""


class TimestampAuthorities(Value):
    """Whose timestamps count: authorities with a certificate under one of `roots`."""

    roots: tuple[Certificate, ...]

    def _validate(self) -> None:
        if not self.roots:
            raise UsageError("expected a certificate of an authority for timestamps, got none")

    def instant(self, token: bytes, signature: bytes) -> datetime | str:
        """Return when `signature` existed according to `token`, or why that tells nothing.

        Raises:
            UsageError: the extra that reads timestamps is not installed.

        """
        try:
            from rfc3161_client import VerificationError, VerifierBuilder
        except ImportError:
            raise UsageError(NEEDS_TIMESTAMP_EXTRA) from None
        response = read_token(token)
        if isinstance(response, str):
            return response
        try:
            VerifierBuilder(roots=[_parsed(root) for root in self.roots]).build().verify_message(response, signature)
            found: datetime = response.tst_info.gen_time
        except (VerificationError, ValueError, TypeError, KeyError) as error:
            words = " ".join(str(error).partition(_TRACE)[0].split())
            return words[:_SAID] or "it cannot be checked"
        return found


def read_token(token: bytes) -> Any | str:  # noqa: ANN401  # the library's class, which is imported late
    """Return the parsed timestamp (a `TimeStampResp` in DER), or why there is none; nothing is verified.

    Raises:
        UsageError: the extra that reads timestamps is not installed.

    """
    try:
        from rfc3161_client import decode_timestamp_response
    except ImportError:
        raise UsageError(NEEDS_TIMESTAMP_EXTRA) from None
    if len(token) > MAX_TIMESTAMP_BYTES:
        return f"expected at most {MAX_TIMESTAMP_BYTES} bytes, got {len(token)}"
    try:
        return decode_timestamp_response(token)
    except (ValueError, TypeError):
        return "it is no timestamp of RFC 3161"


def _parsed(certificate: Certificate) -> x509.Certificate:
    from cryptography.x509 import load_der_x509_certificate

    return load_der_x509_certificate(certificate.der)
