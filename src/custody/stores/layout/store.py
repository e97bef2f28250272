"""A layout as a store of images: tags, manifests, blobs and referrers, each verified against its digest.

Tags are what `index.json` calls its entries, by the annotation `org.opencontainers.image.ref.name`. Referrers are
those entries whose manifest has a `subject`, and what the tag `sha256-<hex>` lists, as in a registry without the
referrers API.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from custody.errors import FormatError, StoreError, UsageError
from custody.oci.content import verified
from custody.oci.descriptor import Descriptor
from custody.oci.digest import Digest, read_digest
from custody.oci.manifest import INDEX_TYPES, MANIFEST_TYPES, MAX_MANIFEST_BYTES, OCI_INDEX, Index, Manifest
from custody.oci.manifest import read_manifest as parse_manifest
from custody.oci.reference import read_reference
from custody.oci.referrers import MAX_REFERRERS, fallback_tag
from custody.stores.images import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from custody.stores.layout.content import Content

__all__ = ["CONTAINERD_NAME", "MAX_SCANNED_BYTES", "REF_NAME", "LayoutStore"]

REF_NAME = "org.opencontainers.image.ref.name"
CONTAINERD_NAME = "io.containerd.image.name"
"""What containerd and docker call an image in full, where `REF_NAME` is its tag only."""

MAX_SCANNED_BYTES = 64 * 1024 * 1024
"""Bytes of manifests that are read to find the referrers of an image, or the only image of a layout."""

_BESIDE_AN_IMAGE = re.compile(r"sha(256|512)-[0-9a-f]+(\.[a-z]+)?")
_SHOWN_TAGS = 10


class LayoutStore:
    """The images of a layout, to read only."""

    def __init__(self, content: Content) -> None:
        """Look into `content`."""
        self._content = content
        self._last: Index | None = None
        self._listed: dict[Digest, Descriptor] = {}

    @property
    def title(self) -> str:
        """How to call it in messages."""
        return self._content.title

    def resolve(self, name: str) -> Descriptor:
        """Return what a tag or digest stands for; with an empty name the only image there is.

        Raises:
            NotFoundError: there is none.
            StoreError: several images have that name, or the layout is not as it should be.

        """
        if not name:
            return self._only()
        digest = _as_digest(name)
        if digest is not None:
            return self._by_digest(digest)
        spellings = _spellings(name)
        found = {entry.digest: entry for entry in self.entries() if _is_called(entry, spellings)}
        if len(found) > 1:
            raise StoreError(f"{self.title}: {len(found)} images are called {name!r:.200}, expected one")
        if not found:
            raise NotFoundError(f"{self.title}: no image is called {name!r:.200}; {self._what_there_is()}")
        return next(iter(found.values()))

    def manifest(self, name: str) -> Manifest | Index:
        """Return the manifest or index called `name`; size, digest and media type are as the layout says."""
        return self._manifest(self.resolve(name))

    def blob(self, descriptor: Descriptor) -> Iterator[bytes]:
        """Yield a blob in pieces, never more than its size; after the last one size and digest are verified."""
        size = self._content.size(descriptor.digest)
        if size is None:
            raise NotFoundError(f"{self.title}: there is no blob {descriptor.digest}")
        return verified(descriptor, self._content.chunks(descriptor.digest), self.title)

    def read_blob(self, descriptor: Descriptor, limit: int) -> bytes:
        """Return a blob of at most `limit` bytes."""
        if descriptor.size > limit:
            raise StoreError(
                f"{self.title}: {descriptor.digest} has {descriptor.size} bytes, expected at most {limit} here"
            )
        return b"".join(self.blob(descriptor))

    def has(self, descriptor: Descriptor) -> bool:
        """Return whether the blob is there and whole: it is read, as anything may lie under its name."""
        if self._content.size(descriptor.digest) != descriptor.size:
            return False
        try:
            for _ in self.blob(descriptor):
                pass
        except StoreError:
            return False
        return True

    def put_blob(self, descriptor: Descriptor, chunks: Iterable[bytes]) -> None:  # noqa: ARG002  # the protocol's
        """Refuse: an archive is only read."""
        raise self._read_only()

    def put_manifest(self, raw: bytes, media_type: str, tag: str = "") -> Descriptor:  # noqa: ARG002  # the protocol's
        """Refuse: an archive is only read."""
        raise self._read_only()

    def referrers(self, digest: Digest, artifact_type: str = "") -> tuple[Descriptor, ...]:
        """Return the entries whose subject is `digest`, of that type of artifact if one is given, each once.

        Those whose manifest cannot be read are among them: nobody knows what they refer to, they must not hide the
        others, and whoever reads them is told.
        """
        found: dict[Digest, Descriptor] = {}
        fallback = (fallback_tag(digest),)
        listed = [entry for entry in self.entries() if _is_called(entry, fallback)]
        inside = [each for entry in listed for each in _children(self._manifest(entry))]
        for entry in self._scannable([*self.entries(), *inside]):
            try:
                document = self._manifest(entry)
            except (FormatError, StoreError):
                found[entry.digest] = entry
                continue
            if document.subject is not None and document.subject.digest == digest:
                found[document.digest] = document.referrer
        if len(found) > MAX_REFERRERS:
            raise StoreError(f"{self.title}: expected at most {MAX_REFERRERS} referrers of {digest}, got {len(found)}")
        return tuple(each for each in found.values() if artifact_type in ("", each.artifact_type))

    def tags(self) -> tuple[str, ...]:
        """Return what the entries are called, sorted."""
        names = {entry.annotations.get(REF_NAME, "") for entry in self.entries()}
        return tuple(sorted(names - {""}))

    def entries(self) -> tuple[Descriptor, ...]:
        """Return what the index lists."""
        return self._index().manifests

    def _index(self) -> Index:
        """Return the index as it is now; it is parsed when it has changed, and not for each manifest that is read."""
        raw = self._content.index()
        if self._last is not None and self._last.raw == raw:
            return self._last
        try:
            index = parse_manifest(raw, OCI_INDEX)
        except FormatError as error:
            raise error.within(f"{self.title}: index.json") from None
        if not isinstance(index, Index):
            raise FormatError("expected an index of images", where=f"{self.title}: index.json")
        self._last = index
        self._listed = {entry.digest: entry for entry in reversed(index.manifests)}  # the first one counts
        return index

    def _manifest(self, descriptor: Descriptor) -> Manifest | Index:
        try:
            raw = self.read_blob(descriptor, MAX_MANIFEST_BYTES)
            return parse_manifest(raw, descriptor.media_type, descriptor.digest)
        except FormatError as error:
            raise error.within(f"{self.title}: {descriptor.digest}") from None

    def _by_digest(self, digest: Digest) -> Descriptor:
        """Return the descriptor of a manifest, which an index inside of the layout may be alone to name."""
        if self.entries() and digest in self._listed:
            return self._listed[digest]
        size = self._content.size(digest)
        if size is None:
            raise NotFoundError(f"{self.title}: there is no {digest}")
        descriptor = Descriptor(media_type="", digest=digest, size=size)
        return self._manifest(descriptor).descriptor

    def _only(self) -> Descriptor:
        """Return the only image; what is attached to it is none of its own."""
        candidates = {
            entry.digest: entry
            for entry in self.entries()
            if not _BESIDE_AN_IMAGE.fullmatch(entry.annotations.get(REF_NAME, ""))
        }
        if len(candidates) > 1:
            documents = map(self._manifest, self._scannable(candidates.values()))
            attached = {each.digest for each in documents if each.subject is not None}
            candidates = {digest: entry for digest, entry in candidates.items() if digest not in attached}
        if len(candidates) == 1:
            return next(iter(candidates.values()))
        if not candidates:
            raise NotFoundError(f"{self.title}: there is no image in it")
        raise UsageError(
            f"{self.title} has {len(candidates)} images: say which one, with its tag or digest; {self._what_there_is()}"
        )

    def _scannable(self, entries: Iterable[Descriptor]) -> Iterator[Descriptor]:
        """Yield those of `entries` that are manifests, each once, as long as they are not too large together."""
        left = MAX_SCANNED_BYTES
        for entry in {entry.digest: entry for entry in entries}.values():
            if entry.media_type not in (*MANIFEST_TYPES, *INDEX_TYPES):
                continue
            left -= entry.size
            if left < 0:
                raise StoreError(f"{self.title}: its manifests are larger than {MAX_SCANNED_BYTES} bytes together")
            yield entry

    def _what_there_is(self) -> str:
        tags = self.tags()
        more = f" and {len(tags) - _SHOWN_TAGS} more" if len(tags) > _SHOWN_TAGS else ""
        return f"there is {', '.join(tags[:_SHOWN_TAGS])}{more}" if tags else "nothing in it has a name"

    def _read_only(self) -> StoreError:
        return StoreError(f"{self.title} is only read; copy the image into a registry or an OCI layout (oci:DIRECTORY)")


def _as_digest(name: str) -> Digest | None:
    try:
        return read_digest(name)
    except FormatError:
        return None


def _spellings(name: str) -> tuple[str, ...]:
    """Return `name`, and the whole name that it stands for if docker may leave parts out of that."""
    try:
        return name, str(read_reference(name))
    except UsageError:
        return (name,)


def _is_called(entry: Descriptor, spellings: tuple[str, ...]) -> bool:
    """Return whether a name with these `spellings` means `entry`: its tag, or its whole name."""
    return entry.annotations.get(REF_NAME) == spellings[0] or entry.annotations.get(CONTAINERD_NAME) in spellings


def _children(document: Manifest | Index) -> tuple[Descriptor, ...]:
    return document.manifests if isinstance(document, Index) else ()
