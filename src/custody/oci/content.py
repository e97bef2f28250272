"""Blobs on their way: passed on piece by piece, never beyond their size, and judged at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from custody.oci.descriptor import Descriptor

__all__ = ["read_whole", "verified"]


def verified(descriptor: Descriptor, chunks: Iterable[bytes], where: str) -> Iterator[bytes]:
    """Yield `chunks`, which must be the blob of `descriptor`; `where` names their source in errors.

    Raises:
        StoreError: there is more or less than its size, or the digest is another one. What was yielded before proves
            nothing until the end.

    """
    hasher = descriptor.digest.hasher()
    left = descriptor.size
    for chunk in chunks:
        left -= len(chunk)
        if left < 0:
            raise StoreError(f"{where} sent more than the {descriptor.size} bytes of {descriptor.digest}")
        hasher.update(chunk)
        yield chunk
    if left:
        raise StoreError(
            f"{where} sent {descriptor.size - left} bytes of {descriptor.digest}, which has {descriptor.size}"
        )
    found = hasher.finalize().hex()
    if found != descriptor.digest.hex:
        raise StoreError(
            f"{where} sent other bytes than asked for: expected the digest {descriptor.digest},"
            f" got {descriptor.digest.algorithm}:{found}"
        )


def read_whole(descriptor: Descriptor, chunks: Iterable[bytes], where: str, limit: int) -> bytes:
    """Return a blob of at most `limit` bytes, verified.

    Raises:
        StoreError: it is larger, or not the blob of `descriptor`.

    """
    if descriptor.size > limit:
        raise StoreError(
            f"{where}: expected at most {limit} bytes in {descriptor.digest}, its descriptor says {descriptor.size}"
        )
    return b"".join(verified(descriptor, chunks, where))
