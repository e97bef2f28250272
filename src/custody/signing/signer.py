"""What signs: a public key and a function. Where the private key is, nobody else needs to know."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

from custody.keys.key import ignore_remark
from custody.signing.secret import NO_SECRET, SecretSource
from custody.value import Value

if TYPE_CHECKING:
    from custody.keys.key import Key, SignatureValue

__all__ = ["Request", "Signer", "has_certificate", "put_beside", "signing_id"]


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


def has_certificate(signer: Signer) -> bool:
    """Return whether a certificate stands beside the signer's signatures."""
    return getattr(signer, "certificate", None) is not None


def put_beside(signer: Signer, signature: SignatureValue) -> Mapping[str, str]:
    """Return the fields that stand beside the signer's `signature`: its certificate, and a timestamp, if it has them.

    Raises:
        SignatureError: the timestamp authority gives none.

    """
    found: Callable[[SignatureValue], Mapping[str, str]] | None = getattr(signer, "beside", None)
    return {} if found is None else found(signature)


class Request(Value):
    """What a signer is loaded with besides its address."""

    secret: SecretSource = NO_SECRET
    scheme: str = ""
    """The signature scheme of an RSA key; empty for the usual one."""

    remark: Callable[[str], None] = ignore_remark
    """Called with what the key's owner should know, such as a file that others can read."""
