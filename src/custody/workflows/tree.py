"""Everything that hangs on an image and on its platforms, as a tree to be shown: a workflow that verifies nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from custody.errors import CustodyError
from custody.oci.attached import is_attestation, says_nothing
from custody.oci.manifest import Index, Manifest
from custody.stores.images import NotFoundError
from custody.stores.relocated import hanging_places
from custody.value import Value
from custody.workflows.download import MAX_ATTESTATIONS, found_on

if TYPE_CHECKING:
    from collections.abc import Iterator

    from custody.oci.descriptor import Descriptor
    from custody.oci.digest import Digest
    from custody.stores.images import ImageStore
    from custody.workflows.download import Attached

__all__ = ["MAX_PLATFORMS", "Branch", "hanging_tree"]

MAX_PLATFORMS = 100
"""The most entries of one index that are looked at."""

_OTHER_TAGS = {".sig": "signatures", ".sbom": "sbom"}
_NO_PLATFORM = "unknown/unknown"  # what builders call attestations that they put among the platforms


class Branch(Value):
    """A part of the tree: an `image` or `index`, what hangs on it, or a `problem`; `text` describes it in words."""

    kind: str
    text: str = ""
    digest: str = ""
    place: str = ""
    branches: tuple[Branch, ...] = ()

    def document(self) -> dict[str, Any]:
        """Return the tree as JSON data, without what is empty."""
        fields = {"kind": self.kind, "text": self.text, "digest": self.digest, "place": self.place}
        written: dict[str, Any] = {name: value for name, value in fields.items() if value}
        if self.branches:
            written["branches"] = [branch.document() for branch in self.branches]
        return written


def hanging_tree(store: ImageStore, image: Descriptor) -> Branch:
    """Return what hangs on `image` and on each of its platforms.

    Raises:
        NotFoundError: the image is not there.
        StoreError: it cannot be read.

    """
    manifest = store.manifest(str(image.digest))
    parts = tuple(_hanging(store, image.digest))
    if not isinstance(manifest, Index):
        return Branch(kind="image", digest=str(image.digest), branches=parts)
    platforms = tuple(_platform(store, entry) for entry in manifest.manifests[:MAX_PLATFORMS])
    if len(manifest.manifests) > MAX_PLATFORMS:
        count = len(manifest.manifests) - MAX_PLATFORMS
        platforms += (Branch(kind="problem", text=f"{count} more images of the index were not looked at"),)
    return Branch(kind="index", digest=str(image.digest), branches=parts + platforms)


def _platform(store: ImageStore, entry: Descriptor) -> Branch:
    text = str(entry.platform) if entry.platform else ""
    kind = "image" if text != _NO_PLATFORM else "attached"
    text = text if kind == "image" else entry.annotations.get("vnd.docker.reference.type", text)
    return Branch(kind=kind, text=text, digest=str(entry.digest), branches=tuple(_hanging(store, entry.digest)))


def _hanging(store: ImageStore, digest: Digest) -> Iterator[Branch]:
    yield from map(_branch, found_on(store, digest))
    for place in hanging_places(store):
        yield from _other_referrers(place, digest)
        yield from _other_tags(place, digest)


def _branch(found: Attached) -> Branch:
    name = found.layer or found.manifest
    document = found.document
    if document is None:
        return Branch(kind="problem", text=found.problem, digest=name, place=found.place)
    kind = "link" if document.is_link else "attestation"
    text = document.step or document.title if document.is_link else document.predicate_type
    return Branch(kind=kind, text=text, digest=name, place=found.place)


def _other_referrers(store: ImageStore, digest: Digest) -> Iterator[Branch]:
    """Yield the referrers that are no attestations; that they cannot be listed is a problem that was told already."""
    try:
        found = store.referrers(digest)
    except CustodyError:
        return
    for descriptor in found[:MAX_ATTESTATIONS]:
        listed = descriptor.artifact_type
        artifact_type = _type_of(store, descriptor) if says_nothing(listed) else listed
        if artifact_type and not is_attestation(artifact_type):
            place = f"a referrer in {store.title}"
            yield Branch(kind="referrer", text=artifact_type, digest=str(descriptor.digest), place=place)


def _type_of(store: ImageStore, descriptor: Descriptor) -> str:
    """Return what the manifest says it is, '' if it has attestations in it or cannot be read."""
    try:
        manifest = store.manifest(str(descriptor.digest))
    except CustodyError:
        return ""
    if isinstance(manifest, Manifest) and any(is_attestation(layer.media_type) for layer in manifest.layers):
        return ""
    return manifest.referrer.artifact_type


def _other_tags(store: ImageStore, digest: Digest) -> Iterator[Branch]:
    for suffix, kind in _OTHER_TAGS.items():
        tag = f"{digest.algorithm}-{digest.hex}{suffix}"
        try:
            found = store.resolve(tag)
        except NotFoundError:
            continue
        except CustodyError as error:
            yield Branch(kind="problem", text=str(error), place=f"{tag} in {store.title}")
            continue
        yield Branch(kind=kind, digest=str(found.digest), place=f"{tag} in {store.title}")
