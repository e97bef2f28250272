"""Images in one repository whose attestations hang in another: for those who may not write where the image is.

cosign calls that other repository `COSIGN_REPOSITORY`. Its version 2 puts bundles beside the image all the same. So
what hangs on an image is looked for in both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.errors import UsageError
from custody.oci.reference import DEFAULT_TAG, read_reference

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from custody.oci.descriptor import Descriptor
    from custody.oci.digest import Digest
    from custody.oci.manifest import Index, Manifest
    from custody.oci.reference import Reference
    from custody.stores.images import ImageStore
    from custody.stores.registry.options import RegistryOptions

__all__ = ["RelocatedImages", "hanging_places", "relocated"]


class RelocatedImages:
    """The images of one store, with another one for what hangs on them; as a store it is the first."""

    def __init__(self, images: ImageStore, attachments: ImageStore) -> None:
        """Answer like `images`."""
        self._images = images
        self.attachments = attachments

    @property
    def places(self) -> tuple[ImageStore, ImageStore]:
        """Where the images are, and what hangs on them is, too; and where more is hung on them."""
        return self._images, self.attachments

    @property
    def title(self) -> str:
        """What the store of the images is called."""
        return self._images.title

    def resolve(self, name: str) -> Descriptor:
        """Return what a tag or digest stands for."""
        return self._images.resolve(name)

    def manifest(self, name: str) -> Manifest | Index:
        """Return the manifest or index."""
        return self._images.manifest(name)

    def blob(self, descriptor: Descriptor) -> Iterator[bytes]:
        """Yield the blob in pieces."""
        return self._images.blob(descriptor)

    def read_blob(self, descriptor: Descriptor, limit: int) -> bytes:
        """Return the blob."""
        return self._images.read_blob(descriptor, limit)

    def has(self, descriptor: Descriptor) -> bool:
        """Return whether the blob is there."""
        return self._images.has(descriptor)

    def put_blob(self, descriptor: Descriptor, chunks: Iterable[bytes]) -> None:
        """Store a blob beside the images."""
        self._images.put_blob(descriptor, chunks)

    def put_manifest(self, raw: bytes, media_type: str, tag: str = "") -> Descriptor:
        """Store a manifest beside the images."""
        return self._images.put_manifest(raw, media_type, tag)

    def referrers(self, digest: Digest, artifact_type: str = "") -> tuple[Descriptor, ...]:
        """Return the referrers beside the images."""
        return self._images.referrers(digest, artifact_type)

    def tags(self) -> tuple[str, ...]:
        """Return the tags of the images."""
        return self._images.tags()


def hanging_places(store: ImageStore) -> tuple[ImageStore, ...]:
    """Return the stores in which something may hang on the images of `store`; the last is where more is hung."""
    return store.places if isinstance(store, RelocatedImages) else (store,)


def relocated(store: ImageStore, image: Reference, repository: str, options: RegistryOptions) -> RelocatedImages:
    """Return `store`, which has `image`, with `repository` for what hangs on it.

    The user and password that `options` have go to no other registry than that of the image.

    Raises:
        UsageError: `repository` is no name of a repository, or has a tag or digest.

    """
    from custody.stores.registry import open_repository

    reference = read_reference(repository)
    if reference.digest is not None or reference.tag != DEFAULT_TAG or repository.endswith(f":{DEFAULT_TAG}"):
        raise UsageError(f"expected a repository for attestations, without tag and digest, got {repository!r:.200}")
    if reference.registry != image.registry:
        options = options.replace(username="", password=None)
    return RelocatedImages(store, open_repository(reference, options=options))
