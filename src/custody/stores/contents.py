"""What belongs to an image: of an index all manifests in it, of a manifest its config and layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.errors import StoreError
from custody.oci.manifest import INDEX_TYPES, MANIFEST_TYPES, MAX_MANIFESTS, Index, Manifest
from custody.stores.images import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from custody.oci.descriptor import Descriptor
    from custody.oci.digest import Digest
    from custody.stores.images import ImageStore

__all__ = ["MAX_INDEX_DEPTH", "blobs_of", "check_content", "is_elsewhere", "manifests_of"]

MAX_INDEX_DEPTH = 4
"""Indexes within indexes that are followed."""

_ELSEWHERE = (
    "application/vnd.oci.image.layer.nondistributable.",
    "application/vnd.docker.image.rootfs.foreign.",
)


def blobs_of(document: Manifest | Index) -> tuple[Descriptor, ...]:
    """Return the blobs that `document` itself names: config and layers of a manifest, each once."""
    if isinstance(document, Index):
        return ()
    return tuple({blob.digest: blob for blob in (document.config, *document.layers)}.values())


def is_elsewhere(blob: Descriptor) -> bool:
    """Return whether this is a layer that a store of images need not have, such as one of Windows."""
    return blob.media_type.startswith(_ELSEWHERE)


def manifests_of(store: ImageStore, top: Manifest | Index, *, sparse: bool = False) -> Iterator[Manifest | Index]:
    """Yield everything in `top` and then `top` itself, each once, parts before what they are part of.

    With `sparse`, what the store does not have is left out.

    Raises:
        NotFoundError: something is missing.
        StoreError: they are too many, or nested too deep.

    """
    return _Walk(store, sparse=sparse).below(top, MAX_INDEX_DEPTH)


def check_content(store: ImageStore, top: Manifest | Index) -> None:
    """Read everything that belongs to `top`, which is whole and as its digests say.

    What an index lists for other platforms may be missing; something has to be there.

    Raises:
        StoreError: something is missing, or is something else.

    """
    images = 0
    whole: set[tuple[Digest, int]] = set()  # images may share their layers
    for document in manifests_of(store, top, sparse=True):
        images += isinstance(document, Manifest)
        for blob in blobs_of(document):
            if (blob.digest, blob.size) in whole:
                continue
            try:
                for _ in store.blob(blob):
                    pass
                whole.add((blob.digest, blob.size))
            except NotFoundError:
                if not is_elsewhere(blob):
                    raise
    if not images:
        raise NotFoundError(f"{store.title}: there is no image in the index {top.digest}")


class _Walk:
    """A way through an index that goes nowhere twice."""

    def __init__(self, store: ImageStore, *, sparse: bool) -> None:
        self._store = store
        self._sparse = sparse
        self._seen: set[Digest] = set()

    def below(self, document: Manifest | Index, depth: int) -> Iterator[Manifest | Index]:
        """Yield the parts of `document`, and it."""
        if isinstance(document, Index):
            if depth == 0:
                raise StoreError(
                    f"{self._store.title}: expected at most {MAX_INDEX_DEPTH} indexes within each other, got more"
                )
            for entry in document.manifests:
                inner = self._enter(entry)
                if inner is not None:
                    yield from self.below(inner, depth - 1)
        yield document

    def _enter(self, entry: Descriptor) -> Manifest | Index | None:
        """Return the manifest `entry`; None if it was here before, or may be missing."""
        if entry.digest in self._seen:
            return None
        self._seen.add(entry.digest)
        if len(self._seen) > MAX_MANIFESTS:
            raise StoreError(f"{self._store.title}: expected at most {MAX_MANIFESTS} manifests in an index, got more")
        if entry.media_type not in (*MANIFEST_TYPES, *INDEX_TYPES):
            raise StoreError(f"{self._store.title}: {entry.digest} is {entry.media_type}, expected a manifest")
        try:
            inner = self._store.manifest(str(entry.digest))
        except NotFoundError:
            if self._sparse:
                return None
            raise
        if (inner.media_type, len(inner.raw)) != (entry.media_type, entry.size):
            raise StoreError(
                f"{self._store.title}: {entry.digest}: expected {entry.media_type} of {entry.size} bytes, got"
                f" {inner.media_type} of {len(inner.raw)}"
            )
        return inner
