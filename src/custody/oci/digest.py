"""Digests as registries write them: `sha256:<hex>` (image specification 1.1, descriptor.md).

::

    digest = read_digest("sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")
    digest.matches(b"test")
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from custody.encoding.fields import describe
from custody.errors import FormatError
from custody.value import Value

if TYPE_CHECKING:
    from typing import Protocol

    class Hasher(Protocol):
        """What takes bytes piece by piece and ends in a digest."""

        def update(self, data: bytes) -> None:
            """Take more bytes."""

        def finalize(self) -> bytes:
            """Return the digest; nothing can be added afterwards."""


__all__ = ["DIGEST_LENGTHS", "Digest", "read_digest", "sha256_of"]

DIGEST_LENGTHS = {"sha256": 64, "sha512": 128}
"""The registered algorithms, each with the number of its hexadecimal digits."""


class Digest(Value):
    """What some bytes are called; `str(d)` is `sha256:...`."""

    algorithm: str
    hex: str

    def __str__(self) -> str:
        """Return `algorithm:hex`."""
        return f"{self.algorithm}:{self.hex}"

    def hasher(self) -> Hasher:
        """Return a new hasher of this digest's algorithm."""
        return _hasher(self.algorithm)

    def matches(self, data: bytes) -> bool:
        """Return whether `data` has this digest."""
        return _hex_of(self.algorithm, data) == self.hex


def read_digest(text: object, where: str = "") -> Digest:
    """Return the digest that `text` writes; `str(read_digest(t)) == t`.

    Raises:
        FormatError: it is no sha256 or sha512 digest in lower-case hexadecimal digits of full length.

    """
    if isinstance(text, str):
        algorithm, _, digits = text.partition(":")
        length = DIGEST_LENGTHS.get(algorithm)
        if length is not None and len(digits) == length and re.fullmatch(r"[0-9a-f]+", digits):
            return Digest(algorithm=algorithm, hex=digits)
    raise FormatError(
        f"expected a digest such as sha256:<64 lower-case hexadecimal digits>, or sha512:<128>, got {describe(text)}",
        where=where,
    )


def sha256_of(data: bytes) -> Digest:
    """Return the SHA-256 digest of `data`."""
    return Digest(algorithm="sha256", hex=_hex_of("sha256", data))


def _hex_of(algorithm: str, data: bytes) -> str:
    hasher = _hasher(algorithm)
    hasher.update(data)
    return hasher.finalize().hex()


def _hasher(algorithm: str) -> Hasher:
    from cryptography.hazmat.primitives.hashes import SHA256, SHA512, Hash  # slow where nothing is hashed

    return Hash(SHA512() if algorithm == "sha512" else SHA256())
