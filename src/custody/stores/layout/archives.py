"""Archives of images: an OCI layout in a tar file, or what `docker save` wrote, which may be both.

Docker from 25 on writes an OCI layout with a `manifest.json` beside it, for older readers. The layout counts, as it
holds the manifest itself. But docker and skopeo may load what `manifest.json` lists, so an archive in which the two
differ is refused: what is attested must be what runs.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from custody.encoding.fields import Fields, as_list
from custody.encoding.strict import read_json
from custody.errors import FormatError, StoreError
from custody.oci.manifest import MAX_MANIFEST_BYTES, MAX_MANIFESTS, Manifest
from custody.stores.contents import manifests_of
from custody.stores.images import NotFoundError
from custody.stores.layout.content import INDEX, MARKER, MAX_MARKER_BYTES, Content, check_marker
from custody.stores.layout.tar import Tar
from custody.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeAlias

    from custody.oci.digest import Digest
    from custody.stores.layout.store import LayoutStore

    _Parts: TypeAlias = tuple[str, tuple[str, ...]]

__all__ = ["SavedImage", "read_archive", "read_saved"]

_SAVED = "manifest.json"


class SavedImage(Value):
    """An entry of the `manifest.json` of `docker save`: names of members, and of the image."""

    config: str
    layers: tuple[str, ...]
    tags: tuple[str, ...]


class _Layout:
    """An OCI layout in a tar file."""

    def __init__(self, tar: Tar) -> None:
        """Look into `tar`."""
        self._tar = tar
        self.title = tar.title
        check_marker(tar.read(MARKER, MAX_MARKER_BYTES), self.title)

    def index(self) -> bytes:
        """Return the bytes of its index."""
        return self._tar.read(INDEX, MAX_MANIFEST_BYTES)

    def size(self, digest: Digest) -> int | None:
        """Return the size of a blob, None if there is none."""
        return self._tar.size(_place(digest))

    def chunks(self, digest: Digest) -> Iterator[bytes]:
        """Yield a blob in pieces."""
        return self._tar.chunks(_place(digest))


def read_archive(path: str) -> Content:
    """Return what is in the tar file `path`.

    Raises:
        StoreError: it is no archive of images, or could mean two things.

    """
    tar = Tar(path)
    if MARKER in tar:
        layout = _Layout(tar)
        if _SAVED in tar:
            _demand_agreement(layout, read_saved(tar))
        return layout
    if _SAVED in tar:
        from custody.stores.layout.docker_archive import DockerArchive

        return DockerArchive(tar, read_saved(tar))
    raise StoreError(
        f"{tar.title} is no archive of images: expected {MARKER} (an OCI layout) or {_SAVED} (`docker save`) in it"
    )


def read_saved(tar: Tar) -> tuple[SavedImage, ...]:
    """Return what the `manifest.json` of `docker save` lists."""
    try:
        listed = as_list(read_json(tar.read(_SAVED, MAX_MANIFEST_BYTES), limit=MAX_MANIFEST_BYTES), "")
        _demand_count("images", len(listed))
        images = tuple(_read_image(value, f"[{place}]") for place, value in enumerate(listed))
        _demand_count("images and names", sum(len(image.tags) or 1 for image in images))
    except FormatError as error:
        raise error.within(f"{tar.title}: {_SAVED}") from None
    return images


def _read_image(value: object, where: str) -> SavedImage:
    fields = Fields(value, where)
    tags: Any = fields.any("RepoTags", None)
    return SavedImage(
        config=fields.text("Config"),
        layers=fields.texts("Layers"),
        tags=() if tags is None else fields.texts("RepoTags"),
    )


def _demand_count(what: str, count: int) -> None:
    if not 0 < count <= MAX_MANIFESTS:
        raise FormatError(f"expected 1 to {MAX_MANIFESTS} {what}, got {count}")


def _demand_agreement(layout: _Layout, saved: tuple[SavedImage, ...]) -> None:
    """Refuse an archive whose two lists of images do not mean the same ones, under the same names."""
    from custody.stores.layout.store import LayoutStore

    held = _Held(LayoutStore(layout))
    for image in saved:
        parts = (image.config, image.layers)
        if not (all(parts in held.under(tag) for tag in image.tags) if image.tags else parts in held.anywhere):
            raise StoreError(
                f"{layout.title}: {_SAVED} and {INDEX} differ about the image"
                f" {(*image.tags, image.config)[0]!r:.200}, so that it depends on the reader what is loaded"
            )


class _Held:
    """The images of a layout, each as the members of its config and layers; whatever is listed is looked into once."""

    def __init__(self, store: LayoutStore) -> None:
        self._store = store
        self._found: dict[Digest, frozenset[_Parts]] = {}

    def under(self, name: str) -> frozenset[_Parts]:
        """Return the image called `name`, or those of the index that is."""
        try:
            digest = self._store.resolve(name).digest
            if digest not in self._found:
                self._found[digest] = frozenset(self._images(digest))
        except NotFoundError:
            return frozenset()
        return self._found[digest]

    @cached_property
    def anywhere(self) -> frozenset[_Parts]:
        """All of them."""
        return frozenset().union(*(self.under(str(entry.digest)) for entry in self._store.entries()))

    def _images(self, digest: Digest) -> Iterator[_Parts]:
        top = self._store.manifest(str(digest))
        for document in manifests_of(self._store, top, sparse=True):
            if isinstance(document, Manifest):
                yield _place(document.config.digest), tuple(_place(layer.digest) for layer in document.layers)


def _place(digest: Digest) -> str:
    return f"blobs/{digest.algorithm}/{digest.hex}"
