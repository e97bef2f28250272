"""What `docker save` wrote before Docker 25, and skopeo and podman still write, read as an OCI layout.

Such an archive has a config and layers for each image and no manifest, so it has no digest of its own. The one that is
made for it here is, byte for byte, the one that skopeo makes, so that `skopeo inspect docker-archive:FILE` shows the
same digest; `custody copy` pushes exactly this manifest, and what is attested of the archive holds for the image in the
registry. The config's digest, which docker calls the image's id, would match no image in any registry.

A layer is what its `diff_id` in the config names: its uncompressed tar. A layer that lies there compressed is
uncompressed while it is read.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from custody.encoding.fields import Fields
from custody.encoding.strict import read_json, write_json
from custody.errors import FormatError, StoreError, UsageError
from custody.oci.descriptor import Descriptor, describe_bytes
from custody.oci.digest import Digest, read_digest, sha256_of
from custody.oci.manifest import (
    DOCKER_CONFIG,
    DOCKER_MANIFEST,
    MAX_LAYERS,
    MAX_MANIFEST_BYTES,
    OCI_INDEX,
)
from custody.oci.reference import read_reference
from custody.stores.layout.content import CHUNK_BYTES
from custody.stores.layout.store import CONTAINERD_NAME, REF_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from custody.stores.layout.archives import SavedImage
    from custody.stores.layout.tar import Tar

__all__ = ["MAX_LAYER_BYTES", "DockerArchive"]

MAX_LAYER_BYTES = 64 * 1024 * 1024 * 1024
"""Bytes of a layer that lies compressed in an archive, when it is uncompressed."""

# Docker's name for compressed layers. Skopeo gives it to those in archives, which are not, and readers look for
# themselves; another one would make another digest.
_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"

_GZIP = b"\x1f\x8b"
_GZIP_WINDOW = 31  # zlib's number for gzip with the largest window


class DockerArchive:
    """The images of `tar` that its `manifest.json` lists as `saved`."""

    def __init__(self, tar: Tar, saved: Iterable[SavedImage]) -> None:
        """Make the manifests.

        Raises:
            StoreError: a part is missing, or is something else than its name says.

        """
        self._tar = tar
        self.title = tar.title
        self._made: dict[Digest, bytes] = {}
        self._files: dict[Digest, str] = {}
        self._sizes: dict[str, int] = {}
        entries = [entry for image in saved for entry in self._entries_of(image)]
        document = {
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": [entry.write() for entry in entries],
        }
        self._index = write_json(document, indent=None)

    def index(self) -> bytes:
        """Return an index of the images by the names they were saved under."""
        return self._index

    def size(self, digest: Digest) -> int | None:
        """Return the size of a manifest, config or uncompressed layer, None if there is none."""
        if digest in self._made:
            return len(self._made[digest])
        name = self._files.get(digest)
        return None if name is None else self._size_of(name)

    def chunks(self, digest: Digest) -> Iterator[bytes]:
        """Yield a manifest, config or uncompressed layer in pieces."""
        if digest in self._made:
            return iter((self._made[digest],))
        return self._uncompressed(self._files[digest])

    def _entries_of(self, image: SavedImage) -> list[Descriptor]:
        """Return what the index says of `image`: once for each of its names."""
        config = self._config(image)
        raw = _skopeo_manifest(describe_bytes(config, DOCKER_CONFIG), self._layers(image, config))
        if len(raw) > MAX_MANIFEST_BYTES:
            raise StoreError(f"{self.title}: the manifest of an image in it is larger than {MAX_MANIFEST_BYTES} bytes")
        entry = describe_bytes(raw, DOCKER_MANIFEST)
        self._made[sha256_of(config)] = config
        self._made[entry.digest] = raw
        return [entry.replace(annotations=_names(tag)) for tag in image.tags] or [entry]

    def _config(self, image: SavedImage) -> bytes:
        config = self._tar.read(image.config, MAX_MANIFEST_BYTES)
        # Docker and podman name it by its digest; a name of another shape promises nothing.
        named = image.config.removesuffix(".json").rpartition("/")[2]
        try:
            promised = read_digest(named if ":" in named else f"sha256:{named}")
        except FormatError:
            return config
        if not promised.matches(config):
            raise StoreError(
                f"{self.title}: {image.config!r:.200} has another digest than its name says; it was changed"
            )
        return config

    def _layers(self, image: SavedImage, config: bytes) -> list[Descriptor]:
        """Return the layers by the digests that the config says they have; their content is verified when read."""
        where = f"{self.title}: {image.config:.200}"
        try:
            fields = Fields(read_json(config, limit=MAX_MANIFEST_BYTES))
            ids = Fields(fields.object("rootfs"), "rootfs").texts("diff_ids", ())
            digests = [read_digest(text, f"rootfs.diff_ids[{place}]") for place, text in enumerate(ids)]
        except FormatError as error:
            raise error.within(where) from None
        if len(digests) != len(image.layers) or len(digests) > MAX_LAYERS:
            raise StoreError(
                f"{where}: expected as many layers as manifest.json lists, which are {len(image.layers)}, and at most"
                f" {MAX_LAYERS}; got {len(digests)}"
            )
        layers = []
        for digest, name in zip(digests, image.layers, strict=True):
            if self._tar.size(name) is None:
                raise StoreError(f"{self.title}: the layer {name!r:.200} is missing")
            self._files.setdefault(digest, name)
            layers.append(Descriptor(media_type=_LAYER, digest=digest, size=self._size_of(name)))
        return layers

    def _size_of(self, name: str) -> int:
        """Return the uncompressed size of a layer, which for a compressed one means to uncompress it once."""
        if name not in self._sizes:
            plain = self._tar.size(name) if not self._is_compressed(name) else None
            self._sizes[name] = sum(map(len, self._uncompressed(name))) if plain is None else plain
        return self._sizes[name]

    def _is_compressed(self, name: str) -> bool:
        return next(self._tar.chunks(name), b"").startswith(_GZIP)

    def _uncompressed(self, name: str) -> Iterator[bytes]:
        if not self._is_compressed(name):
            yield from self._tar.chunks(name)
            return
        left = MAX_LAYER_BYTES
        for chunk in _gunzip(self._tar.chunks(name), f"{self.title}: {name:.200}"):
            left -= len(chunk)
            if left < 0:
                raise StoreError(f"{self.title}: {name:.200}: expected at most {MAX_LAYER_BYTES} bytes, got more")
            yield chunk


def _skopeo_manifest(config: Descriptor, layers: Iterable[Descriptor]) -> bytes:
    """Return a manifest of docker's, written as skopeo writes it: the order of the fields is part of its digest."""
    described = [
        {"mediaType": each.media_type, "size": each.size, "digest": str(each.digest)} for each in (config, *layers)
    ]
    document = {"schemaVersion": 2, "mediaType": DOCKER_MANIFEST, "config": described[0], "layers": described[1:]}
    return json.dumps(document, separators=(",", ":")).encode()


def _names(tag: str) -> dict[str, str]:
    """Return the annotations for the name `tag` of an image."""
    try:
        return {REF_NAME: tag, CONTAINERD_NAME: str(read_reference(tag))}
    except UsageError as error:
        raise StoreError(f"manifest.json: {error}") from None


def _gunzip(chunks: Iterable[bytes], title: str) -> Iterator[bytes]:
    """Yield what the members of a gzip file hold, in pieces of a bounded size."""
    import zlib

    inflate = zlib.decompressobj(_GZIP_WINDOW)
    try:
        for chunk in chunks:
            rest = chunk
            while rest:
                if inflate.eof:
                    inflate = zlib.decompressobj(_GZIP_WINDOW)
                data = inflate.decompress(rest, CHUNK_BYTES)
                rest = inflate.unused_data if inflate.eof else inflate.unconsumed_tail
                if data:
                    yield data
        yield inflate.flush()
    except zlib.error as error:
        raise StoreError(f"{title}: a compressed layer cannot be uncompressed: {error}") from None
    if not inflate.eof:
        raise StoreError(f"{title}: a compressed layer ends in the middle")
