"""One repository of a registry, as an `ImageStore`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.errors import FormatError, StoreError, UsageError
from custody.oci.content import read_whole, verified
from custody.oci.manifest import read_manifest
from custody.oci.messages import Remote
from custody.oci.protocol import check_name, get_blob, get_manifest, has, list_tags, mount_blob, put_blob
from custody.oci.reference import is_tag
from custody.oci.referrers import list_referrers, push_manifest
from custody.stores.images import NotFoundError
from custody.stores.registry.retries import MAX_TRIES
from custody.stores.registry.wire import BrokenOffError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from custody.oci.descriptor import Descriptor
    from custody.oci.digest import Digest
    from custody.oci.manifest import Index, Manifest
    from custody.stores.registry.options import Progress
    from custody.stores.registry.session import Session

__all__ = ["RegistryRepository"]


class RegistryRepository:
    """A repository that is asked over HTTP; whatever it returns has been verified."""

    def __init__(self, at: Remote, session: Session, progress: Progress) -> None:
        """Ask when something is wanted."""
        self._at = at
        self._session = session
        self._progress = progress
        self._absent: Digest | None = None  # what was looked for last and is not there

    @property
    def title(self) -> str:
        """Registry and repository."""
        return self._at.title

    def close(self) -> None:
        """Close the connections; what is asked afterwards fails."""
        self._session.close()

    def resolve(self, name: str) -> Descriptor:
        """Return what a tag or a digest stands for."""
        return self.manifest(name).descriptor

    def manifest(self, name: str) -> Manifest | Index:
        """Return the manifest or index called `name`."""
        check_name(name)
        found = self._session.run(get_manifest(self._at, name))
        if found is None:
            raise NotFoundError(f"there is no {name} in {self.title}")
        return found

    def blob(self, descriptor: Descriptor) -> Iterator[bytes]:
        """Yield a blob in pieces; only the last one makes it verified."""
        there, stream = self._session.stream(get_blob(self._at, descriptor), descriptor.size)
        if not there:
            raise NotFoundError(f"there is no {descriptor.digest} in {self.title}")
        try:
            yield from self._shown("pull", descriptor, verified(descriptor, stream, self.title))
        finally:
            stream.close()

    def read_blob(self, descriptor: Descriptor, limit: int) -> bytes:
        """Return a blob of at most `limit` bytes."""
        if descriptor.size > limit:
            return read_whole(descriptor, (), self.title, limit)  # says why not
        return b"".join(self.blob(descriptor))

    def has(self, descriptor: Descriptor) -> bool:
        """Return whether the blob or manifest is there."""
        there = self._session.run(has(self._at, descriptor))
        self._absent = None if there else descriptor.digest
        return there

    def put_blob(self, descriptor: Descriptor, chunks: Iterable[bytes]) -> None:
        """Store a blob; chunks that can be read again are sent again when the connection breaks."""
        if self._absent != descriptor.digest and self.has(descriptor):
            return
        self._absent = None
        tries = 1 if iter(chunks) is chunks else MAX_TRIES
        for tried in range(1, tries + 1):
            content = self._shown("push", descriptor, verified(descriptor, chunks, "what is to be pushed"))
            try:
                self._session.run(put_blob(self._at, descriptor, content))
            except BrokenOffError as error:
                if tried == tries or error.lasting:
                    raise
            else:
                return

    def mount(self, descriptor: Descriptor, repository: str) -> bool:
        """Return whether the registry has taken the blob over from another of its repositories."""
        return self._session.run(mount_blob(self._at, descriptor, repository))

    def put_manifest(self, raw: bytes, media_type: str, tag: str = "") -> Descriptor:
        """Store a manifest or index; with a subject it can be found as its referrer."""
        try:
            manifest = read_manifest(raw, media_type)
        except FormatError as error:
            raise StoreError(f"cannot write to {self.title}: {error}") from None
        if tag and not is_tag(tag):
            raise UsageError(f"expected a tag, got {tag!r:.200}")
        self._session.run(push_manifest(self._at, manifest, tag or str(manifest.digest)))
        return manifest.descriptor

    def referrers(self, digest: Digest, artifact_type: str = "") -> tuple[Descriptor, ...]:
        """Return what refers to `digest`."""
        return self._session.run(list_referrers(self._at, digest, artifact_type))

    def tags(self) -> tuple[str, ...]:
        """Return the tags, sorted."""
        found = self._session.run(list_tags(self._at))
        if found is None:
            raise NotFoundError(f"there is no repository {self.title}")
        return found

    def _shown(self, verb: str, descriptor: Descriptor, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Yield `chunks` and say how far it got."""
        what = f"{verb} {descriptor.digest}"
        done = 0
        try:
            for chunk in chunks:
                done += len(chunk)
                self._progress(what, done, descriptor.size)
                yield chunk
        finally:
            if done < descriptor.size:  # it broke off, and nothing moves any more
                self._progress(what, descriptor.size, descriptor.size)
