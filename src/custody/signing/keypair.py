"""New key pairs: made, and written as two files of which either both are there or neither."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from custody.errors import StoreError, UsageError
from custody.files import read_file, write_file
from custody.keys.pem import write_pem
from custody.keys.public import PublicKey
from custody.keys.schemes import MAX_RSA_BITS, MIN_RSA_BITS
from custody.signing.keyfile import public_key_of
from custody.signing.private_pem import MAX_KEY_BYTES, write_private_key
from custody.value import Value

if TYPE_CHECKING:
    from custody.signing.private_key import PrivateKey

__all__ = ["DEFAULT_RSA_BITS", "KINDS", "KeyPair", "generate", "require_free", "write_pair"]

KINDS: Mapping[str, str] = {
    "ed25519": "",
    "ecdsa": "SECP256R1",
    "ecdsa-p384": "SECP384R1",
    "ecdsa-p521": "SECP521R1",
    "rsa": "",
    "ml-dsa-65": "",
}
"""What `generate` makes; for ECDSA the name of the curve at pyca/cryptography."""

DEFAULT_RSA_BITS = 3072
"""About as strong as Ed25519 and P-256 (NIST SP 800-57 part 1, table 2)."""

PRIVATE_MODE = 0o600
PUBLIC_MODE = 0o644


class KeyPair(Value):
    """Two files with the halves of one key."""

    private_path: str
    public_path: str
    public_key: PublicKey


def generate(kind: str = "ed25519", *, bits: int | None = None) -> PrivateKey:
    """Return a new private key of one of `KINDS`; `bits` is for RSA.

    Raises:
        UsageError: there is no such kind, or the size is not one for it.
        FormatError: cryptography as it is installed cannot do ML-DSA.

    """
    if kind not in KINDS:
        raise UsageError(f"{kind!r} is no type of key; there are {', '.join(KINDS)}")
    if kind != "rsa":
        if bits is not None:
            raise UsageError(f"a key of type {kind} has one size only; leave the bits out")
        return _generate_curve(kind)
    size = DEFAULT_RSA_BITS if bits is None else bits
    if not MIN_RSA_BITS <= size <= MAX_RSA_BITS:
        raise UsageError(f"expected {MIN_RSA_BITS} to {MAX_RSA_BITS} bits for RSA, got {size}")
    from cryptography.hazmat.primitives.asymmetric import rsa  # slow import

    return rsa.generate_private_key(public_exponent=65537, key_size=size)


def require_free(path: str, *, replace: bool = False) -> None:
    """Refuse a `path` at which no pair can be written; ask before a passphrase is chosen in vain.

    Raises:
        StoreError: one of the two files exists and `replace` is not set, or the directory is missing.
        UsageError: the name is none for a private key.

    """
    _require_name(path)
    for taken in () if replace else (path, f"{path}.pub"):
        if os.path.lexists(taken):
            raise StoreError(
                f"{taken!r} exists already and is left as it is; choose another name, or replace the pair with --force"
            )


def write_pair(path: str, key: PrivateKey, *, passphrase: bytes | None = None, replace: bool = False) -> KeyPair:
    """Write `key` to `path`, mode 0600, and its public half to `path.pub`; both are there afterwards, or neither.

    Raises:
        StoreError: a file exists and `replace` is not set, the directory is missing, the disk is full.
        UsageError: the name is none for a private key.

    """
    require_free(path, replace=replace)
    public_path = f"{path}.pub"
    public_key = public_key_of(key, path)
    before = _bytes_before(path) if replace else None
    private = write_private_key(key, passphrase)
    write_file(path, private, what="private key", mode=PRIVATE_MODE, replace=replace)
    try:
        public = write_pem(public_key.spki).encode()
        write_file(public_path, public, what="public key", mode=PUBLIC_MODE, replace=replace)
    except BaseException:
        _restore(path, before)
        raise
    return KeyPair(private_path=path, public_path=public_path, public_key=public_key)


def _generate_curve(kind: str) -> PrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519  # slow imports

    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if kind == "ml-dsa-65":
        return _generate_mldsa()
    return ec.generate_private_key(getattr(ec, KINDS[kind])())


def _generate_mldsa() -> PrivateKey:
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey

        return MLDSA65PrivateKey.generate()
    except (ImportError, UnsupportedAlgorithm):
        from custody.keys import mldsa

        raise mldsa.unavailable("ml-dsa-65") from None


def _require_name(path: str) -> None:
    directory, name = os.path.split(path)
    if not name:
        raise UsageError(f"expected a file name for the private key, got {path!r}")
    if name.endswith(".pub"):
        raise UsageError(f"{name!r} would be the private key, and '.pub' says public; write {name[:-4]!r}")
    if directory and not os.path.isdir(directory):
        raise StoreError(f"there is no directory {directory!r}; make it first: mkdir -p {directory!r}")


def _bytes_before(path: str) -> bytes | None:
    """Return what `path` holds, so that it can be put back; None if there is nothing."""
    if not os.path.lexists(path):
        return None
    return read_file(path, what="private key", limit=MAX_KEY_BYTES)


def _restore(path: str, before: bytes | None) -> None:
    """Put `path` back to what it was: half a pair is worse than none."""
    if before is None:
        os.unlink(path)
    else:
        write_file(path, before, what="private key", mode=PRIVATE_MODE)
