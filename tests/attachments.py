"""Images in a layout and what hangs on them, for tests of attaching and downloading."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from custody.envelopes.dsse import DSSEEnvelope
from custody.oci.descriptor import Descriptor, Platform, describe_bytes
from custody.oci.digest import Digest
from custody.oci.manifest import EMPTY_DESCRIPTOR, OCI_CONFIG, Index, Manifest, make_index, make_manifest
from custody.stores.images import ImageStore
from custody.stores.layout import open_layout
from custody.stores.layout.writing import WritableLayout
from tests.simulator import Actor, actor

__all__ = [
    "TYPE",
    "Overlaid",
    "Watched",
    "attestation",
    "layout_with_image",
    "link",
    "put_image",
    "put_index",
    "put_referrer",
    "statement",
]

TYPE = "https://example.com/TestResult/v1"
_LAYER = "application/vnd.oci.image.layer.v1.tar"


def put_image(store: ImageStore, tag: str = "", content: bytes = b"x") -> Descriptor:
    """Put an image of one layer into `store`."""
    config = json.dumps({"architecture": "amd64", "os": "linux", "made-of": content.decode()}).encode()
    blobs = [(describe_bytes(config, OCI_CONFIG), config), (describe_bytes(content, _LAYER), content)]
    for descriptor, data in blobs:
        store.put_blob(descriptor, (data,))
    manifest = make_manifest(blobs[0][0], [blobs[1][0]])
    return store.put_manifest(manifest.raw, manifest.media_type, tag)


def put_index(store: ImageStore, tag: str, images: dict[str, Descriptor]) -> Descriptor:
    """Put an index into `store`, of `images` by platform."""
    entries = []
    for name, image in images.items():
        system, architecture = name.split("/")
        entries.append(image.replace(platform=Platform(os=system, architecture=architecture)))
    index = make_index(entries)
    return store.put_manifest(index.raw, index.media_type, tag)


def put_referrer(store: ImageStore, image: Descriptor, data: bytes, media_type: str, **more: str) -> Descriptor:
    """Hang `data` on `image`, with `more` annotations on the manifest."""
    layer = describe_bytes(data, media_type)
    store.put_blob(layer, (data,))
    store.put_blob(EMPTY_DESCRIPTOR, (b"{}",))
    manifest = make_manifest(EMPTY_DESCRIPTOR, [layer], artifact_type=media_type, subject=image, annotations=more)
    return store.put_manifest(manifest.raw, manifest.media_type)


def layout_with_image(path: Path) -> tuple[ImageStore, Descriptor]:
    """Return a layout in the directory `path` and the image `v1` in it."""
    store = open_layout(str(path), create=True)
    return store, put_image(store, "v1")


def statement(image: Descriptor, predicate_type: str = TYPE, predicate: object = None) -> dict[str, Any]:
    """Return a statement about `image`."""
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"digest": {"sha256": image.digest.hex}}],
        "predicateType": predicate_type,
        "predicate": {"passed": 42} if predicate is None else predicate,
    }


def attestation(document: dict[str, Any], *signers: Actor, keyids: bool = False) -> bytes:
    """Return `document` in a DSSE envelope, signed by alice, or by `signers`."""
    envelope = DSSEEnvelope.wrap(document)
    for who in signers or (actor("alice"),):
        envelope = envelope.with_signature(who.keyid if keyids else "", who.sign(envelope.signed_bytes))
    return envelope.write()


def link(step: str, **products: str) -> dict[str, Any]:
    """Return the link of `step`."""
    return {
        "_type": "link",
        "name": step,
        "command": [],
        "materials": {},
        "products": {name: {"sha256": digest} for name, digest in products.items()},
        "byproducts": {},
        "environment": {},
    }


class Watched(WritableLayout):
    """An OCI layout that writes down which manifests it was asked for while nobody else could change its index."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self._marker = path / "oci-layout"
        self.read_alone: set[str] = set()

    def manifest(self, name: str) -> Manifest | Index:
        with self._marker.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.read_alone.add(name)
        return super().manifest(name)


class Overlaid:
    """A store in which some answers are replaced: a small hostile registry."""

    def __init__(
        self,
        store: ImageStore,
        *,
        manifests: dict[str, Manifest | Index | Exception] | None = None,
        referrers: tuple[Descriptor, ...] | Exception | None = None,
        blobs: dict[str, bytes | Exception] | None = None,
    ) -> None:
        """Answer like `store`, but for what is given."""
        self._store = store
        self._manifests = manifests or {}
        self._referrers = referrers
        self._blobs = blobs or {}
        self.read: list[str] = []

    @property
    def title(self) -> str:
        """What it is called in messages."""
        return "registry.example.com/app"

    def manifest(self, name: str) -> Manifest | Index:
        """Return the manifest, or raise what stands in its place."""
        self.read.append(name)
        found = self._manifests.get(name)
        if isinstance(found, Exception):
            raise found
        return found or self._store.manifest(name)

    def referrers(self, digest: Digest, artifact_type: str = "") -> tuple[Descriptor, ...]:
        """Return the referrers, or raise what stands in their place."""
        if isinstance(self._referrers, Exception):
            raise self._referrers
        return self._store.referrers(digest, artifact_type) if self._referrers is None else self._referrers

    def resolve(self, name: str) -> Descriptor:
        """Return the descriptor."""
        return self._store.resolve(name)

    def blob(self, descriptor: Descriptor) -> Iterator[bytes]:
        """Yield the blob."""
        return self._store.blob(descriptor)

    def read_blob(self, descriptor: Descriptor, limit: int) -> bytes:
        """Return the blob, or raise what stands in its place."""
        self.read.append(str(descriptor.digest))
        found = self._blobs.get(str(descriptor.digest))
        if isinstance(found, Exception):
            raise found
        return self._store.read_blob(descriptor, limit) if found is None else found

    def has(self, descriptor: Descriptor) -> bool:
        """Return whether the blob is there."""
        return self._store.has(descriptor)

    def put_blob(self, descriptor: Descriptor, chunks: Any) -> None:  # noqa: ANN401  # passed on
        """Store a blob."""
        self._store.put_blob(descriptor, chunks)

    def put_manifest(self, raw: bytes, media_type: str, tag: str = "") -> Descriptor:
        """Store a manifest."""
        return self._store.put_manifest(raw, media_type, tag)

    def tags(self) -> tuple[str, ...]:
        """Return the tags."""
        return self._store.tags()
