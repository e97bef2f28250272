"""Names that scripts import from here, for want of public ones: loading keys from files, and signing with gpg."""

from __future__ import annotations

from in_toto._boundary.keys import load_public_key_from_file
from in_toto._boundary.signing import GPGSignature, GPGSigner
from in_toto._boundary.signing import load_signer as load_crypto_signer_from_pkcs8_file

__all__ = ["GPGSignature", "GPGSigner", "load_crypto_signer_from_pkcs8_file", "load_public_key_from_file"]
