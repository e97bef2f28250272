"""Copying an image from one store to another, with what is attached to it.

Blobs come first, then the manifests they belong to, then attestations, and the tag at the very end: whoever finds the
tag finds everything. Every byte keeps its digest, so that what was signed stays signed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.errors import StoreError
from custody.oci.attached import extended
from custody.oci.manifest import Index, Manifest
from custody.stores.contents import blobs_of, is_elsewhere, manifests_of
from custody.stores.images import NotFoundError, alone_in
from custody.stores.platforms import for_platform
from custody.value import Value

if TYPE_CHECKING:
    from collections.abc import Callable

    from custody.oci.descriptor import Descriptor, Platform
    from custody.oci.digest import Digest
    from custody.stores.images import ImageStore

__all__ = ["ATTACHED_SUFFIXES", "MAX_ATTACHED", "MAX_ATTACHED_DEPTH", "Copied", "CopyOptions", "copy_image"]

ATTACHED_SUFFIXES = (".att", ".sig", ".sbom")
"""What cosign appends to `sha256-<hex>` to name what it attaches to an image."""

MAX_ATTACHED = 10_000
"""Manifests that are copied because they are attached to an image, or to what is attached to it."""

MAX_ATTACHED_DEPTH = 4
"""How far attestations of attestations are followed."""


class CopyOptions(Value):
    """What is copied: of an index the image for `platform` only, if any; the image, what is attached to it, or both.

    Nothing is, if the image has another digest than the `expected` one. `mount` is asked first whether the target takes
    a blob over from the source by itself, as one registry can.
    """

    platform: Platform | None = None
    image: bool = True
    attached: bool = True
    expected: str = ""
    mount: Callable[[Descriptor], bool] | None = None


class Copied(Value):
    """What a copy did. `top` is the image that has the tag now; blobs that were there already are `skipped`."""

    top: Descriptor
    manifests: int
    attached: int
    blobs: int
    skipped: int
    bytes: int
    warnings: tuple[str, ...] = ()


def copy_image(
    source: ImageStore, version: str, target: ImageStore, tag: str = "", options: CopyOptions | None = None
) -> Copied:
    """Return what was copied of the image `version` of `source`; at the end it is called `tag` in `target`.

    Raises:
        NotFoundError: the image, or a part of it, is not in `source`; or it should be in `target`, and is not.
        StoreError: something is not what its digest says, or cannot be written; then `tag` is what it was.

    """
    wanted = options or CopyOptions()
    top = for_platform(source, source.manifest(version), wanted.platform)
    if wanted.expected not in ("", str(top.digest)):
        raise StoreError(f"{source.title}: expected the image {wanted.expected}, got {top.digest}")
    job = _Job(source, target, wanted.mount)
    if wanted.image:
        images = job.copy_whole(top)
    else:
        target.manifest(str(top.digest))  # attached to nothing, they would never be found
        images = [document.digest for document in manifests_of(source, top, sparse=True)]
    if wanted.attached:
        for digest in images:
            job.copy_attached(digest, MAX_ATTACHED_DEPTH)
    if wanted.image and tag:
        job.put(top, tag)
    return job.done(top.descriptor)


class _Job:
    """A copy under way."""

    def __init__(self, source: ImageStore, target: ImageStore, mount: Callable[[Descriptor], bool] | None) -> None:
        self._source = source
        self._target = target
        self._mount = mount
        self._blobs: set[Digest] = set()
        self._there: set[Digest] = set()
        self._attached: set[Digest] = set()
        self._done: set[tuple[Digest, str]] = set()  # one manifest may hang on two images, under two tags
        self._manifests: set[Digest] = set()
        self._warnings: list[str] = []
        self._bytes = 0

    def done(self, top: Descriptor) -> Copied:
        """Return what was done."""
        return Copied(
            top=top,
            manifests=len(self._manifests),
            attached=len(self._attached),
            blobs=len(self._blobs),
            skipped=len(self._there),
            bytes=self._bytes,
            warnings=tuple(self._warnings),
        )

    def copy_whole(self, top: Manifest | Index) -> list[Digest]:
        """Copy `top` and all that is in it, and return the digests of the manifests."""
        digests = []
        for document in manifests_of(self._source, top):
            self._copy_blobs(document)
            self.put(document)
            digests.append(document.digest)
        return digests

    def put(self, document: Manifest | Index, tag: str = "") -> None:
        """Put a manifest whose parts are there."""
        stored = self._target.put_manifest(document.raw, document.media_type, tag)
        if stored.digest != document.digest:
            raise StoreError(f"{self._target.title}: expected {document.digest} to be stored, got {stored.digest}")
        self._manifests.add(document.digest)

    def copy_attached(self, subject: Digest, depth: int) -> None:
        """Copy what is attached to the manifest `subject`, and what is attached to that."""
        found = [*self._tagged(subject), *self._referring(subject)]
        for document, tag in found:
            if (document.digest, tag) in self._done:
                continue
            if depth == 0 or len(self._done) >= MAX_ATTACHED:
                raise StoreError(
                    f"{self._source.title}: too much is attached to {subject}: expected at most {MAX_ATTACHED}"
                    f" manifests in {MAX_ATTACHED_DEPTH} steps"
                )
            self._done.add((document.digest, tag))
            self._copy_one(document, tag)
            if document.digest not in self._attached:
                self._attached.add(document.digest)
                self.copy_attached(document.digest, depth - 1)

    def _copy_one(self, document: Manifest | Index, tag: str) -> None:
        """Copy one manifest that is attached to another."""
        for part in manifests_of(self._source, document):
            self._copy_blobs(part)
            if part.digest != document.digest:
                self.put(part)
        with alone_in(self._target):
            there = self._called(tag)
            if there is None or there.digest == document.digest:
                self.put(document, tag)
            else:
                self._merge(document, there, tag)

    def _called(self, tag: str) -> Manifest | Index | None:
        """Return what the target calls `tag`, None if nothing."""
        try:
            return self._target.manifest(tag) if tag else None
        except NotFoundError:
            return None

    def _merge(self, document: Manifest | Index, there: Manifest | Index, tag: str) -> None:
        """Add the attestations or signatures of `document` to those that the target has under the same tag."""
        if tag.endswith(".sbom") or isinstance(document, Index) or isinstance(there, Index):
            self._warnings.append(f"{self._target.title}: {tag} is there already and differs; it was left as it is")
            return
        changed = extended(there, document.layers)
        if changed is None:
            return
        config, merged = changed
        if not self._target.has(config.descriptor):
            self._target.put_blob(config.descriptor, (config.data,))
        self.put(merged, tag)

    def _tagged(self, subject: Digest) -> list[tuple[Manifest | Index, str]]:
        """Return what cosign's tags name, each with its tag; what the target calls so too is kept there."""
        found: list[tuple[Manifest | Index, str]] = []
        for suffix in ATTACHED_SUFFIXES:
            tag = f"{subject.algorithm}-{subject.hex}{suffix}"
            try:
                document = self._source.manifest(tag)
            except NotFoundError:
                continue
            found.append((document, tag))
        return found

    def _referring(self, subject: Digest) -> list[tuple[Manifest | Index, str]]:
        """Return the referrers; one whose own `subject` is another is not copied."""
        found: list[tuple[Manifest | Index, str]] = []
        for descriptor in self._source.referrers(subject):
            document = self._source.manifest(str(descriptor.digest))
            if document.subject is None or document.subject.digest != subject:
                self._warnings.append(
                    f"{self._source.title}: {descriptor.digest} is listed as attached to {subject} and is not; it was"
                    " not copied"
                )
                continue
            found.append((document, ""))
        return found

    def _copy_blobs(self, document: Manifest | Index) -> None:
        for blob in blobs_of(document):
            if blob.digest in self._blobs or blob.digest in self._there:
                continue
            if self._target.has(blob) or self._mounted(blob):
                self._there.add(blob.digest)
                continue
            try:
                self._target.put_blob(blob, self._source.blob(blob))
            except NotFoundError:
                if not is_elsewhere(blob):
                    raise
                continue
            self._blobs.add(blob.digest)
            self._bytes += blob.size

    def _mounted(self, blob: Descriptor) -> bool:
        """Return whether the target took `blob` over by itself; where it may not, the blob is sent."""
        try:
            return self._mount is not None and self._mount(blob)
        except StoreError:
            return False
