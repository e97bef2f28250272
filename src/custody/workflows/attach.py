"""Hang attestations and links on an image: a workflow that stores, and neither signs nor verifies.

Attaching the same document again changes nothing. With `legacy` all attestations of an image share one manifest, which
clients read, extend and store anew; a layout is locked meanwhile, and registries have no way to do that at once. So it
is read again afterwards, and what somebody else's version lacks is put in again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.errors import StoreError, UsageError
from custody.oci.attached import attestation_tag, extended, legacy_blob, referrers_of
from custody.oci.manifest import EMPTY_BLOB, EMPTY_DESCRIPTOR, Manifest
from custody.stores.images import NotFoundError, alone_in
from custody.stores.relocated import hanging_places

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from custody.oci.attached import Blob
    from custody.oci.descriptor import Descriptor
    from custody.oci.documents import Document
    from custody.stores.images import ImageStore

__all__ = ["MAX_ATTEMPTS", "attach"]

MAX_ATTEMPTS = 8
"""How often a `.att` manifest is stored that somebody else stores at the same time."""


def attach(
    store: ImageStore, image: Descriptor, documents: Iterable[Document], *, legacy: bool = False
) -> tuple[Descriptor, ...]:
    """Return the manifests in `store` with which `documents` hang on `image` afterwards, each once.

    Links in envelopes of their own always are referrers.

    Raises:
        UsageError: there are no documents.
        FormatError: one cannot be stored in this form, or the image has as many attestations as cosign reads.
        StoreError: the store cannot be read or written.

    """
    given = tuple(documents)
    if not given:
        raise UsageError("there is nothing to attach: no attestation was given")
    place = hanging_places(store)[-1]
    referring = [document for document in given if document.is_link or not legacy]
    made = [each for document in referring for each in referrers_of(image, document)]
    listed = [legacy_blob(document) for document in given if legacy and not document.is_link]
    stored = [_attach_referrer(place, each) for each in made]
    if listed:
        with alone_in(place):
            stored.append(_attach_legacy(place, image, listed))
    return tuple({str(each.digest): each for each in stored}.values())


def _attach_referrer(store: ImageStore, made: tuple[Blob, Manifest]) -> Descriptor:
    layer, manifest = made
    _put(store, layer.descriptor, layer.data)
    _put(store, EMPTY_DESCRIPTOR, EMPTY_BLOB)
    return store.put_manifest(manifest.raw, manifest.media_type)


def _attach_legacy(store: ImageStore, image: Descriptor, layers: Sequence[Blob]) -> Descriptor:
    tag = attestation_tag(image.digest)
    for layer in layers:
        _put(store, layer.descriptor, layer.data)
    stored = None
    for _ in range(MAX_ATTEMPTS):
        existing = _existing(store, tag)
        changed = extended(existing, [layer.descriptor for layer in layers])
        if changed is None and existing is not None:
            return stored if stored is not None and stored.digest == existing.digest else existing.descriptor
        if changed is not None:
            config, manifest = changed
            _put(store, config.descriptor, config.data)
            stored = store.put_manifest(manifest.raw, manifest.media_type, tag)
    raise StoreError(
        f"{store.title}: {tag} was stored {MAX_ATTEMPTS} times, and each time somebody else's was there afterwards;"
        " attach again when nobody else does, or leave out --legacy"
    )


def _existing(store: ImageStore, tag: str) -> Manifest | None:
    """Return the manifest called `tag`, None if there is none."""
    try:
        found = store.manifest(tag)
    except NotFoundError:
        return None
    if not isinstance(found, Manifest):
        raise StoreError(f"{store.title}: {tag} is expected to be a manifest of attestations, and is an index")
    return found


def _put(store: ImageStore, descriptor: Descriptor, data: bytes) -> None:
    if not store.has(descriptor):
        store.put_blob(descriptor, (data,))
