"""What files with OpenPGP keys look like from outside: enough to send them to `openpgp_certificate`, and no more."""

from __future__ import annotations

__all__ = ["MAX_CERTIFICATE_BYTES", "is_openpgp"]

MAX_CERTIFICATE_BYTES = 1024 * 1024
"""The largest OpenPGP key that is read; one with hundreds of others' signatures has about 200 kB."""

_ARMOUR = b"-----BEGIN PGP PUBLIC KEY BLOCK-----"

_FIRST_BYTES = (b"\x98", b"\x99", b"\x9a", b"\xc6")
"""How the packet of a public key begins, in the old and the new format; no PEM, DER or JSON does."""


def is_openpgp(data: bytes) -> bool:
    """Return whether `data` looks like a public key as `gpg --export` writes it, armoured or not."""
    return data.lstrip().startswith(_ARMOUR) or data.startswith(_FIRST_BYTES)
