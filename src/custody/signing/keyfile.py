"""Signers over private keys that custody holds in memory: from a file, a variable or a descriptor.

Ed25519, ECDSA on P-256, P-384 and P-521, and RSA from 2048 bits, each by its scheme in `keys/schemes.py`.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from custody.errors import FormatError, StoreError, UsageError
from custody.files import read_file
from custody.keys.ed25519 import SPKI_PREFIX
from custody.keys.public import key_of_spki
from custody.keys.schemes import ECDSA_SCHEMES, ED25519, MLDSA, RSA, RSA_PKCS1, RSA_SCHEMES
from custody.signing.private_pem import COSIGN_VARIABLE, MAX_KEY_BYTES, is_cosign, read_private_key
from custody.signing.secret import read_descriptor

if TYPE_CHECKING:
    from custody.keys.public import PublicKey
    from custody.signing.private_key import PrivateKey
    from custody.signing.signer import Request

__all__ = ["KeySigner", "public_key_of", "read_key_bytes", "signer_of_file"]

_DESCRIPTOR_PATH = r"/(?:dev|proc/self)/fd/([0-9]{1,9})"

_OTHERS = 0o077


class KeySigner:
    """A signer over a private key in memory; its text form does not show the key."""

    __slots__ = ("_key", "_public_key", "withheld")

    def __init__(self, key: PrivateKey, public_key: PublicKey, *, withheld: frozenset[str] = frozenset()) -> None:
        """Sign with `key`, whose public half is `public_key`; `withheld` are the variables that opened it."""
        self._key = key
        self._public_key = public_key
        self.withheld = withheld

    @classmethod
    def from_pem(cls, data: bytes, name: str, request: Request) -> KeySigner:
        """Return the signer over the private key in the PEM `data`, called `name` in errors."""
        key = read_private_key(data, name, request.secret)
        withheld = frozenset({COSIGN_VARIABLE}) if is_cosign(data) and not request.secret else frozenset[str]()
        return cls(key, public_key_of(key, name, scheme=request.scheme), withheld=withheld)

    def __repr__(self) -> str:
        """Return the name of the key."""
        return f"KeySigner({self._public_key.keyid})"

    @property
    def public_key(self) -> PublicKey:
        """The key that verifies what `sign` returns."""
        return self._public_key

    def sign(self, message: bytes) -> bytes:
        """Return the signature over `message`; RSA-PSS with a salt as long as the digest, ECDSA in DER."""
        if self._public_key.keytype == ED25519:
            return self._key.sign(message)  # type: ignore[call-arg]  # the type says which key it is
        if self._public_key.keytype == MLDSA:
            from custody.keys.mldsa import prehashed  # few keys are of this kind

            return self._key.sign(prehashed(message))  # type: ignore[call-arg]
        from cryptography.hazmat.primitives import hashes  # slow imports
        from cryptography.hazmat.primitives.asymmetric import ec, padding

        scheme = self._public_key.scheme
        if isinstance(self._key, ec.EllipticCurvePrivateKey):
            algorithm = getattr(hashes, ECDSA_SCHEMES[scheme].hash_name)()
            return self._key.sign(message, ec.ECDSA(algorithm))
        algorithm = getattr(hashes, RSA_SCHEMES[scheme])()
        padded: padding.PKCS1v15 | padding.PSS = padding.PKCS1v15()
        if scheme not in RSA_PKCS1:
            padded = padding.PSS(padding.MGF1(algorithm), padding.PSS.DIGEST_LENGTH)
        return self._key.sign(message, padded, algorithm)  # type: ignore[call-arg,arg-type]  # an RSA key


def signer_of_file(path: str, request: Request, *, only_cosign: bool = False) -> KeySigner:
    """Return the signer over the private key in the file `path`; a remark says if others can read it.

    With `only_cosign`, any other key than cosign's is refused.

    Raises:
        StoreError: the file cannot be read.
        FormatError, SignatureError, UsageError: see `read_private_key`.

    """
    data = read_key_bytes(path)
    if only_cosign and not is_cosign(data):
        raise FormatError("expected a cosign key, got something else", where=path, remedy="leave 'cosign:' out")
    signer = KeySigner.from_pem(data, path, request)
    _remark_if_shared(path, request)
    return signer


def public_key_of(key: PrivateKey, name: str, *, scheme: str = "") -> PublicKey:
    """Return the public half of `key` under the id that the reference gives it.

    Raises:
        FormatError: its curve is not supported, or an RSA key is too short.
        UsageError: `scheme` is not one of this key's.

    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # only who signs pays
        Ed25519PrivateKey,
    )

    if isinstance(key, Ed25519PrivateKey):
        spki = SPKI_PREFIX + key.public_key().public_bytes_raw()
    else:
        from cryptography.hazmat.primitives import serialization  # slow import

        spki = key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    found = key_of_spki(spki, name)
    if not scheme or scheme == found.scheme:
        return found
    if found.keytype != RSA or scheme not in RSA_SCHEMES:
        raise UsageError(f"{name!r} is for the scheme {found.scheme}, not for {scheme!r}")
    return key_of_spki(spki, name, scheme=scheme)


def read_key_bytes(path: str, *, what: str = "private key", limit: int = MAX_KEY_BYTES) -> bytes:
    """Return the bytes of a key file; `/dev/fd/N`, as shells name `<(command)`, is descriptor N.

    Raises:
        StoreError: it cannot be read, or is larger than any key.
        UsageError: the descriptor is not open.

    """
    descriptor = re.fullmatch(_DESCRIPTOR_PATH, path)
    if descriptor is not None:
        return read_descriptor(int(descriptor[1]), f"{what} {path!r}", limit)
    return read_file(path, what=what, limit=limit)


def _remark_if_shared(path: str, request: Request) -> None:
    if re.fullmatch(_DESCRIPTOR_PATH, path):
        return
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        raise StoreError(f"cannot read private key {path!r}: {error.strerror}") from error
    if mode & _OTHERS:
        request.remark(
            f"other users may read the private key {path!r} (mode {mode & 0o777:04o});"
            f" keep it to yourself: chmod 600 {path!r}"
        )
