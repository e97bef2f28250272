"""SHA-256 of keys and documents.

By pyca/cryptography: whoever asks what a key or a layout is called checks signatures with it. `hashlib` would load a
second OpenSSL, the system's, and that takes as long as judging a small chain.
"""

from __future__ import annotations

__all__ = ["sha256"]


def sha256(data: bytes) -> str:
    """Return the SHA-256 of `data` in hexadecimal digits."""
    from cryptography.hazmat.primitives.hashes import SHA256, Hash  # slow where nothing is hashed

    context = Hash(SHA256())
    context.update(data)
    return context.finalize().hex()
