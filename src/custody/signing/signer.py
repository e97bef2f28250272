"""What signs: a public key and a function. Where the private key is, nobody else needs to know."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from custody.keys.key import ignore_remark
from custody.signing.secret import NO_SECRET, SecretSource
from custody.value import Value

if TYPE_CHECKING:
    from custody.keys.key import Key, SignatureValue
    from custody.keys.x509_certificate import Certificate

__all__ = ["Request", "Signer", "certificate_beside", "signing_id"]


class Signer(Protocol):
    """Whoever can sign: a key in a file, in a device, at a service."""

    @property
    def public_key(self) -> Key:
        """The key that verifies what `sign` returns."""
        ...

    def sign(self, message: bytes) -> SignatureValue:
        """Return the signature over `message` by the scheme of `public_key`.

        Raises:
            SignatureError: the key cannot be used now.

        """
        ...


def signing_id(signer: Signer) -> str:
    """Return the id that the signer's signatures and links carry: its key's, or of the subkey that signs for it."""
    found: str = getattr(signer, "signing_id", "")
    return found or signer.public_key.keyid


def certificate_beside(signer: Signer) -> str:
    """Return the certificate, as PEM, that stands beside the signer's signatures, '' if there is none."""
    certificate: Certificate | None = getattr(signer, "certificate", None)
    return "" if certificate is None else certificate.pem


class Request(Value):
    """What a signer is loaded with besides its address."""

    secret: SecretSource = NO_SECRET
    scheme: str = ""
    """The signature scheme of an RSA key; empty for the usual one."""

    remark: Callable[[str], None] = ignore_remark
    """Called with what the key's owner should know, such as a file that others can read."""
