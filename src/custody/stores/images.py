"""What a repository of images offers, wherever it is: in a registry, in a directory, in an archive.

Whatever is read through it has the digest that was asked for, or an error is raised.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Protocol

from custody.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from contextlib import AbstractContextManager

    from custody.oci.descriptor import Descriptor
    from custody.oci.digest import Digest
    from custody.oci.manifest import Index, Manifest

__all__ = ["ImageStore", "NotFoundError", "alone_in"]


class NotFoundError(StoreError):
    """The store answered, and what was asked for is not in it."""


class ImageStore(Protocol):
    """One repository of images."""

    @property
    def title(self) -> str:
        """How to call it in messages."""

    def resolve(self, name: str) -> Descriptor:
        """Return what a tag, or a digest written as text, stands for; NotFoundError if there is none."""

    def manifest(self, name: str) -> Manifest | Index:
        """Return the manifest or index called `name`, a tag or a digest; its digest was verified."""

    def blob(self, descriptor: Descriptor) -> Iterator[bytes]:
        """Yield a blob in pieces, never more than its size.

        Use what was yielded only after the last piece: size and digest are verified then, by a StoreError.
        """

    def read_blob(self, descriptor: Descriptor, limit: int) -> bytes:
        """Return a blob of at most `limit` bytes; size and digest were verified."""

    def has(self, descriptor: Descriptor) -> bool:
        """Return whether the blob is there."""

    def put_blob(self, descriptor: Descriptor, chunks: Iterable[bytes]) -> None:
        """Store a blob, which must have the size and the digest of `descriptor`."""

    def put_manifest(self, raw: bytes, media_type: str, tag: str = "") -> Descriptor:
        """Store a manifest or index, called `tag` too if given; with a `subject`, it is found as its referrer."""

    def referrers(self, digest: Digest, artifact_type: str = "") -> tuple[Descriptor, ...]:
        """Return the manifests whose subject is `digest`, of that type of artifact if one is given."""

    def tags(self) -> tuple[str, ...]:
        """Return the tags, sorted."""


def alone_in(store: ImageStore) -> AbstractContextManager[None]:
    """Hold everybody else off from changing what `store` calls by tags, if it can: layouts can, registries cannot."""
    alone = getattr(store, "alone", None)
    found: AbstractContextManager[None] = nullcontext() if alone is None else alone()
    return found
