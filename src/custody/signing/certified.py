"""A signer with a certificate for its key: the certificate stands beside its signatures, for steps that ask for it.

What a verifier would refuse whatever the layout says is refused here: a certificate for another key, out of its time,
or not for signing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.encoding.text import to_base64
from custody.errors import FormatError, UsageError
from custody.files import read_file
from custody.keys.keyid import legacy_keyid_of
from custody.keys.public import PublicKey
from custody.keys.x509_certificate import MAX_CERT_BYTES, certificates_of_file
from custody.keys.x509_path import own_problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from typing import TypeAlias

    from custody.keys.key import SignatureValue
    from custody.keys.x509_certificate import Certificate
    from custody.signing.signer import Signer

    Timestamper: TypeAlias = Callable[[bytes], bytes]

__all__ = ["CertifiedSigner", "certify", "read_certificates"]

MAX_FILE_BYTES = 16 * MAX_CERT_BYTES
"""The largest file of certificates that is read."""


class CertifiedSigner:
    """`signer`, whose signatures come with `certificate`, and with what `timestamp`, if any, returns for them."""

    __slots__ = ("_key", "_signer", "_timestamp", "certificate")

    def __init__(
        self, signer: Signer, key: PublicKey, certificate: Certificate, timestamp: Timestamper | None = None
    ) -> None:
        """Sign with `signer`, whose public key `key` is the certificate's."""
        self._signer = signer
        self._key = key
        self._timestamp = timestamp
        self.certificate = certificate

    @property
    def public_key(self) -> PublicKey:
        """The key that verifies what `sign` returns."""
        return self._key

    @property
    def signing_id(self) -> str:
        """The key id as the Go implementation computes it, which finds the signature and the link by no other."""
        return legacy_keyid_of(self._key.keytype, self._key.scheme, self._key.public)

    @property
    def withheld(self) -> frozenset[str]:
        """The environment variables that the signer was opened with."""
        found: frozenset[str] = getattr(self._signer, "withheld", frozenset())
        return found

    def sign(self, message: bytes) -> SignatureValue:
        """Return the signature over `message`."""
        return self._signer.sign(message)

    def beside(self, signature: SignatureValue) -> Mapping[str, str]:
        """Return what stands beside `signature`: `cert` in PEM, and `timestamp` in base64.

        Raises:
            SignatureError: the timestamp authority gives none.

        """
        found = {"cert": self.certificate.pem}
        if self._timestamp is not None and isinstance(signature, bytes):
            found["timestamp"] = to_base64(self._timestamp(signature))
        return found


def certify(
    signer: Signer,
    path: str,
    *,
    at: datetime,
    remark: Callable[[str], None],
    timestamp: Timestamper | None = None,
) -> CertifiedSigner:
    """Return the signer with the first certificate of the PEM file `path`, as files have a chain from the leaf on.

    What `timestamp` returns for a signature stands beside it, too.

    Raises:
        StoreError: the file cannot be read.
        FormatError: it holds no certificate.
        UsageError: its certificate could not count at the instant `at`, or not for this signer's key.

    """
    certificate, *others = read_certificates(path)
    key = signer.public_key
    if not isinstance(key, PublicKey):
        raise UsageError(f"the certificate {path!r} does not go with a {key.scheme} key; leave --cert out")
    if key.spki != certificate.key.spki:
        raise UsageError(
            f"the certificate {path!r} is for another key ({certificate.key.keyid[:8]}) than the signing key"
            f" ({key.keyid[:8]})"
        )
    if key.scheme != certificate.key.scheme:
        raise UsageError(f"signatures with a certificate have the scheme {certificate.key.scheme}, not {key.scheme}")
    problem = own_problem(certificate, at)
    if problem is not None:
        raise UsageError(f"no link would count by the certificate {path!r}: {problem.text}")
    if others:
        remark(
            f"only the first certificate of {path!r} stands in the link; verifiers need the other {len(others)} in the"
            " layout (intermediatecas) or by --intermediate-certs"
        )
    return CertifiedSigner(signer, key, certificate, timestamp)


def read_certificates(path: str) -> Sequence[Certificate]:
    """Return the certificates of the PEM file `path`, in its order, at least one.

    Raises:
        StoreError: it cannot be read.
        FormatError: it holds none, or one that cannot be judged.

    """
    try:
        return certificates_of_file(read_file(path, what="certificate", limit=MAX_FILE_BYTES), "")
    except FormatError as error:
        raise error.within(path) from None
