"""How a token is asked for a signature: the mechanism of each scheme, what is handed to it, and what comes back.

| scheme | first choice | else |
|---|---|---|
| ecdsa-sha2-nistp256 and its like | CKM_ECDSA over the digest | CKM_ECDSA_SHA256 and its like |
| rsassa-pss-sha256 and its like | CKM_RSA_PKCS_PSS over the digest | CKM_SHA256_RSA_PKCS_PSS and its like |
| rsa-pkcs1v15-sha256 and its like | CKM_RSA_PKCS over a DigestInfo | CKM_SHA256_RSA_PKCS and its like |
| ed25519 | CKM_EDDSA over the message | |

Hashing here is the first choice: what is signed may be long, and tokens are slow.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from custody.errors import SignatureError, UsageError
from custody.keys.schemes import ECDSA, ECDSA_SCHEMES, ED25519, RSA_PKCS1, RSA_SCHEMES
from custody.value import Value

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from pkcs11.mechanisms import MGF, Mechanism

    from custody.keys.public import PublicKey

__all__ = ["Way", "way_for"]

_DIGEST_INFO = {
    "SHA256": bytes.fromhex("3031300d060960864801650304020105000420"),
    "SHA384": bytes.fromhex("3041300d060960864801650304020205000430"),
    "SHA512": bytes.fromhex("3051300d060960864801650304020305000440"),
}
"""What stands before a digest in PKCS #1 v1.5 (RFC 8017, section 9.2, note 1)."""

_DIGEST_BYTES = {"SHA256": 32, "SHA384": 48, "SHA512": 64}


class Way(Value):
    """A mechanism with its parameters. `digest` names the hash that is computed here, if any, `prefix` goes before it.

    `der` is set if the token returns two numbers side by side, which ECDSA's signatures have in DER.
    """

    mechanism: Mechanism
    parameters: tuple[Mechanism, MGF, int] | None = None
    digest: str = ""
    prefix: bytes = b""
    der: bool = False

    def handed(self, message: bytes) -> bytes:
        """Return what the token signs for `message`."""
        if not self.digest:
            return message
        return self.prefix + hashlib.new(self.digest.lower(), message).digest()

    def signature(self, returned: bytes) -> bytes:
        """Return the signature in what the token returned, or raise a SignatureError."""
        if not self.der:
            return returned
        from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

        if not returned or len(returned) % 2:
            raise SignatureError(f"expected two numbers of one length from the token, got {len(returned)} bytes")
        half = len(returned) // 2
        return encode_dss_signature(int.from_bytes(returned[:half], "big"), int.from_bytes(returned[half:], "big"))


def way_for(key: PublicKey, able: AbstractSet[Mechanism | int], token: str) -> Way:
    """Return the best way to sign by the scheme of `key` with a token that is `able` to do so, else a UsageError."""
    for way in _ways(key):
        if way.mechanism in able:
            return way
    wanted = " or ".join(f"CKM_{way.mechanism.name}" for way in _ways(key))
    raise UsageError(f"{token} cannot make {key.scheme} signatures: it has no {wanted}")


def _ways(key: PublicKey) -> tuple[Way, ...]:
    from pkcs11.mechanisms import MGF, Mechanism

    if key.keytype == ED25519:
        return (Way(mechanism=Mechanism.EDDSA),)
    if key.keytype == ECDSA:
        name = ECDSA_SCHEMES[key.scheme].hash_name
        return (
            Way(mechanism=Mechanism.ECDSA, digest=name, der=True),
            Way(mechanism=Mechanism[f"ECDSA_{name}"], der=True),
        )
    name = RSA_SCHEMES[key.scheme]
    if key.scheme in RSA_PKCS1:
        return (
            Way(mechanism=Mechanism.RSA_PKCS, digest=name, prefix=_DIGEST_INFO[name]),
            Way(mechanism=Mechanism[f"{name}_RSA_PKCS"]),
        )
    parameters = (Mechanism[name], MGF[name], _DIGEST_BYTES[name])
    return (
        Way(mechanism=Mechanism.RSA_PKCS_PSS, parameters=parameters, digest=name),
        Way(mechanism=Mechanism[f"{name}_RSA_PKCS_PSS"], parameters=parameters),
    )
