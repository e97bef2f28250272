"""Find what hangs on an image, wherever it hangs: a workflow that reads, and verifies nothing.

Referrers and the `.att` manifest are always both looked at, so that neither hides the other. What cannot be read is an
entry that says so: somebody else's attestation must not stand in the way of a good one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.envelopes.dsse import DSSEEnvelope
from custody.errors import CustodyError, FormatError
from custody.oci.attached import (
    LINK_ARTIFACT,
    TITLE,
    attestation_tag,
    is_attestation,
    is_signature,
    says_nothing,
    with_proofs,
)
from custody.oci.documents import MAX_ATTESTATION_BYTES, Document, read_document
from custody.oci.manifest import Manifest
from custody.stores.images import NotFoundError
from custody.stores.relocated import hanging_places
from custody.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from custody.oci.descriptor import Descriptor
    from custody.oci.digest import Digest
    from custody.stores.images import ImageStore

__all__ = ["MAX_ATTESTATIONS", "Attached", "found_on"]

MAX_ATTESTATIONS = 1000
"""The most attestations that are read of each of the two places of one image."""


class Attached(Value):
    """Something that hangs on an image as an attestation or link: a `document`, or the `problem` why it is none.

    `place` says where it hangs, for people; `manifest` and `layer` are the digests by which it is stored. With
    `is_other` it turned out to be something else, which counts among what was looked at.
    """

    place: str
    manifest: str = ""
    layer: str = ""
    document: Document | None = None
    problem: str = ""
    is_other: bool = False


def found_on(store: ImageStore, digest: Digest) -> Iterator[Attached]:
    """Yield the attestations and links that hang on the image `digest`, one at a time: nothing of them was verified.

    The last entry of a place with more than `MAX_ATTESTATIONS` says that the rest was not looked at.
    """
    for place in hanging_places(store):
        yield from _found_in(place, digest)


def _found_in(store: ImageStore, digest: Digest) -> Iterator[Attached]:
    place = f"a referrer in {store.title}"
    yield from _capped(_referrers(store, digest, place), place)
    place = f"{attestation_tag(digest)} in {store.title}"
    yield from _capped(_legacy(store, digest, place), place)


def _referrers(store: ImageStore, digest: Digest, place: str) -> Iterator[Attached]:
    try:
        found = store.referrers(digest)
    except CustodyError as error:
        yield Attached(place=place, problem=f"the referrers cannot be listed: {error}")
        return
    for descriptor in found:
        if says_nothing(descriptor.artifact_type) or is_attestation(descriptor.artifact_type):
            yield from _referrer(store, digest, descriptor, place)


def _referrer(store: ImageStore, digest: Digest, descriptor: Descriptor, place: str) -> Iterator[Attached]:
    entry = Attached(place=place, manifest=str(descriptor.digest))
    try:
        manifest = store.manifest(entry.manifest)
        if not isinstance(manifest, Manifest) or is_signature(manifest):
            return
        layers = [layer for layer in manifest.layers if is_attestation(layer.media_type)]
        if not layers and not is_attestation(manifest.artifact_type):
            yield entry.replace(is_other=True)
            return
        _check_subject(manifest, digest)
        if not layers:
            raise FormatError("expected an attestation in it, got none")
    except CustodyError as error:
        yield entry.replace(problem=str(error))
        return
    for layer in layers:
        yield _read(store, layer, entry.replace(layer=str(layer.digest)))


def _check_subject(manifest: Manifest, digest: Digest) -> None:
    """Refuse what a list of referrers has in it and what refers to something else."""
    if manifest.subject is None or manifest.subject.digest != digest:
        subject = manifest.subject.digest if manifest.subject else "nothing"
        raise FormatError(f"expected a referrer of {digest}, got one of {subject}")


def _legacy(store: ImageStore, digest: Digest, place: str) -> Iterator[Attached]:
    try:
        manifest = store.manifest(attestation_tag(digest))
        if not isinstance(manifest, Manifest):
            raise FormatError("expected a manifest of attestations, got an index")
    except NotFoundError:
        return
    except CustodyError as error:
        yield Attached(place=place, problem=str(error))
        return
    for layer in manifest.layers:
        yield _read(store, layer, Attached(place=place, manifest=str(manifest.digest), layer=str(layer.digest)))


def _capped(entries: Iterator[Attached], place: str) -> Iterator[Attached]:
    """Yield at most `MAX_ATTESTATIONS` of `entries` that may be attestations, looking at no more than that."""
    for number, entry in enumerate(entries):
        if number == MAX_ATTESTATIONS:
            problem = f"more than {MAX_ATTESTATIONS} attestations hang there; the rest was not looked at"
            yield Attached(place=place, problem=problem)
            return
        if not entry.is_other:
            yield entry


def _read(store: ImageStore, layer: Descriptor, entry: Attached) -> Attached:
    """Return `entry` with the document in `layer`, or why there is none."""
    try:
        title = layer.annotations.get(TITLE, "")
        document = read_document(store.read_blob(layer, MAX_ATTESTATION_BYTES), title=title)
        if not isinstance(document.envelope, DSSEEnvelope) and layer.media_type != LINK_ARTIFACT:
            raise FormatError("expected a DSSE envelope, got a Metablock")
        return entry.replace(document=with_proofs(document, layer.annotations))
    except CustodyError as error:
        return entry.replace(problem=str(error))
