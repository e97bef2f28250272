"""Private keys written in the forms of other tools."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.errors import UsageError

if TYPE_CHECKING:
    from custody.signing.private_key import PrivateKey

__all__ = ["FORMS", "convertible", "write_private"]

FORMS = ("private-pem", "private-openssh", "private-cosign")
"""PKCS8 in PEM, ssh-keygen's form, cosign's form."""


def convertible(key: PrivateKey, form: str, *, encrypted: bool) -> None:
    """Refuse what `write_private` would refuse; ask before a passphrase is chosen in vain.

    Raises:
        UsageError: the form has no place for this kind of key, or cannot do without a passphrase.

    """
    if form == "private-openssh":
        from custody.signing import openssh  # few keys become one

        openssh.refuse_other_kinds(key, encrypted=encrypted)
    if form == "private-cosign":
        from custody.signing import cosign_key

        if not encrypted:
            raise UsageError("a cosign key is always encrypted; give it a passphrase with --new-password or its like")
        cosign_key.refuse_other_kinds(key)


def write_private(key: PrivateKey, form: str, passphrase: bytes | None) -> bytes:
    """Return `key` in one of `FORMS`, encrypted if there is a passphrase.

    Raises:
        UsageError: the form has no place for this kind of key, an extra is missing, or cosign's has no passphrase.

    """
    if form == "private-openssh":
        from custody.signing.openssh import write_openssh

        return write_openssh(key, passphrase)
    if form == "private-cosign":
        from custody.signing.cosign_key import write_cosign

        if passphrase is None:
            raise UsageError("a cosign key is always encrypted")
        return write_cosign(key, passphrase)
    from custody.signing.private_pem import write_private_key

    return write_private_key(key, passphrase)
