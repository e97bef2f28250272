"""SHA-2 of keys, documents and small files.

By pyca/cryptography: whoever asks what a key or a layout is called checks signatures with it. `hashlib` would load a
second OpenSSL, the system's, and that takes as long as judging a small chain.
"""

from __future__ import annotations

__all__ = ["digest", "sha256"]


def sha256(data: bytes) -> str:
    """Return the SHA-256 of `data` in hexadecimal digits."""
    return digest("sha256", data).hex()


def digest(algorithm: str, data: bytes) -> bytes:
    """Return the digest of `data` by `algorithm`: sha256, sha384 or sha512."""
    from cryptography.hazmat.primitives import hashes  # slow where nothing is hashed

    context = hashes.Hash(getattr(hashes, algorithm.upper())())
    context.update(data)
    return context.finalize()
