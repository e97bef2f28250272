"""Writing into an OCI layout: blobs first, and one new index at the end, so that nothing is ever half there.

Several processes may write at once: blobs are named by their digest, and the index is changed by one after the other.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from custody.encoding.strict import read_json, write_json
from custody.errors import StoreError, UsageError
from custody.oci.descriptor import Descriptor
from custody.oci.manifest import MAX_MANIFEST_BYTES, MAX_MANIFESTS, Index, Manifest, read_manifest
from custody.oci.reference import is_tag
from custody.stores.contents import blobs_of, is_elsewhere
from custody.stores.images import NotFoundError
from custody.stores.layout.directory import Directory, Lock
from custody.stores.layout.store import REF_NAME, LayoutStore

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["WritableLayout"]


class WritableLayout(LayoutStore):
    """The OCI layout in a directory."""

    def __init__(self, path: str, *, create: bool = False) -> None:
        """Look into the directory `path`; with `create` it is made a layout when something is put into it.

        Raises:
            NotFoundError: there is no such directory.
            StoreError: it is no layout, or something else is in it.

        """
        self._directory = Directory(path)
        super().__init__(self._directory)
        self._is_alone = False
        self._missing = create and _may_become_layout(path)
        if not self._missing:
            if not os.path.isdir(path):
                raise NotFoundError(f"cannot read {self.title}: there is no such directory")
            self._directory.check()

    def put_blob(self, descriptor: Descriptor, chunks: Iterable[bytes]) -> None:
        """Store a blob; nothing is stored unless it has the size and the digest of `descriptor`."""
        self._create()
        self._directory.write_blob(descriptor, chunks)

    def put_manifest(self, raw: bytes, media_type: str, tag: str = "") -> Descriptor:
        """Store a manifest or index, all parts of which are there; the image that was called `tag` loses that name.

        Without a tag it is in the index too, unless it belongs to an index that is.

        Raises:
            FormatError: it is no manifest.
            StoreError: a part of it is missing.
            UsageError: that cannot be a tag.

        """
        if tag and not is_tag(tag):
            raise UsageError(f"{tag!r:.200} cannot be a tag: expected letters, digits, `_`, `.` and `-`, at most 128")
        document = read_manifest(raw, media_type)
        self._create()
        self._demand_parts(document)
        descriptor = document.descriptor
        self._directory.write_blob(descriptor, [raw])
        if document.artifact_type and document.subject is not None:
            descriptor = descriptor.replace(artifact_type=document.artifact_type)
        with self.alone():
            self._enter(descriptor, document, tag)
        return document.descriptor

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold everybody else off from changing the index, also between reading and writing."""
        if self._is_alone:
            yield
            return
        self._create()
        with Lock(self._directory.path):
            self._is_alone = True
            try:
                yield
            finally:
                self._is_alone = False

    def _create(self) -> None:
        if self._missing:
            self._directory.create()
            self._missing = False

    def entries(self) -> tuple[Descriptor, ...]:
        """Return what the index lists: nothing in a directory that is yet to become a layout."""
        return () if self._missing else super().entries()

    def _enter(self, descriptor: Descriptor, document: Manifest | Index, tag: str) -> None:
        """Put `descriptor` into the index, where it takes the name `tag` from any other."""
        index = self._index()
        named = descriptor.replace(annotations={REF_NAME: tag} if tag else {})
        kept = [entry for entry in index.manifests if not _gives_way(entry, named, document)]
        if tag or all(entry.digest != descriptor.digest for entry in kept):
            kept.append(named)
        if len(kept) > MAX_MANIFESTS:
            raise StoreError(f"{self.title} is full: expected at most {MAX_MANIFESTS} entries")
        changed = {**read_json(index.raw, limit=MAX_MANIFEST_BYTES), "manifests": [entry.write() for entry in kept]}
        data = write_json(changed, indent=None)
        if len(data) > MAX_MANIFEST_BYTES:
            raise StoreError(f"{self.title} is full: expected an index of at most {MAX_MANIFEST_BYTES} bytes")
        if data != index.raw:
            self._directory.write_index(data)

    def _demand_parts(self, document: Manifest | Index) -> None:
        """Refuse what would be incomplete."""
        for part in document.manifests if isinstance(document, Index) else blobs_of(document):
            if self._directory.size(part.digest) != part.size and not is_elsewhere(part):
                raise StoreError(
                    f"{self.title}: {document.digest} needs {part.digest} of {part.size} bytes, which is not there"
                )


def _gives_way(entry: Descriptor, named: Descriptor, document: Manifest | Index) -> bool:
    """Return whether `entry` leaves the index: its name goes to another, or what is entered says all that it says."""
    tag = entry.annotations.get(REF_NAME, "")
    if tag:
        return tag == named.annotations.get(REF_NAME)
    if set(entry.annotations) - {REF_NAME}:
        return False
    if entry.digest == named.digest:
        return REF_NAME in named.annotations
    children = document.manifests if isinstance(document, Index) else ()
    return any(child.digest == entry.digest for child in children)


def _may_become_layout(path: str) -> bool:
    """Return whether `path` is yet to become a layout; what is there and is none is refused."""
    try:
        names = os.listdir(path)
    except FileNotFoundError:
        return True
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "that is no directory name"
        raise StoreError(f"cannot write an OCI layout to {path!r}: {reason}") from error
    if "oci-layout" in names:
        return False
    if names:
        raise StoreError(f"cannot write an OCI layout to {path!r}: other files are in it, such as {min(names)!r:.80}")
    return True
