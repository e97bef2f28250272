"""Public keys that are not in files: in GnuPG's keyring, in a PKCS #11 token, or kept by a service.

Asking for them needs no private key.

| URI | key |
|---|---|
| `gpg:FINGERPRINT`, `gpg:FINGERPRINT?home=DIR` | a key in GnuPG's keyring |
| `pkcs11:token=TOKEN;object=LABEL`, `hsm:LABEL`, `hsm:LABEL.pub` | a key in a PKCS #11 token |
| `awskms:`, `gcpkms:`, `azurekms:`, `hashivault:` | a key that a service keeps |
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from custody.keys.key import Key
    from custody.signing.signer import Request

__all__ = ["exported_key"]


def exported_key(scheme: str, rest: str, request: Request) -> Key | None:
    """Return the public key that a URI names, None if this scheme is none of those above.

    Raises:
        UsageError: there is no such key, or no way to it.
        FormatError: it is no key to rely on.
        SignatureError: the token did not let us in, or the service gave no key.

    """
    if scheme == "gpg":
        from custody.signing.gpg import export_key, parse_uri  # starts processes

        keyid, home = parse_uri(rest)
        return export_key(keyid, home, remark=request.remark)
    if scheme in {"hsm", "pkcs11"}:
        from custody.signing import pkcs11, pkcs11_uri  # loads a module

        uri = pkcs11_uri.read_label(rest) if scheme == "hsm" else pkcs11_uri.read_uri(rest)
        return pkcs11.export_key(uri, request)
    if scheme in {"awskms", "azurekms", "gcpkms", "hashivault", "hv"}:
        from custody.signing.kms import export_kms_key  # asks a service

        return export_kms_key(scheme, rest, request)
    return None
