r"""`oci:IMAGE`: an image is one artifact, called `oci:IMAGE` exactly as it was given.

Its digests are over the bytes of its manifest or index, so that its sha256 is the digest that registries know it by.
A tag is resolved once. An image on disk is read whole, and is refused if something in it is not what its digest says;
a registry's is not, as everybody who pulls it verifies it. IMAGE is one of::

    registry.example.com/app:v1         in a registry, also docker://registry.example.com/app:v1
    build/app:v1                        an OCI layout, the directory build/app
    oci-archive:FILE[:TAG]              an OCI layout in a tar file
    docker-archive:FILE[:REFERENCE]     what `docker save` or skopeo wrote

What begins with `./`, `../` or `/`, or is a directory, is a path. A name of an image has its registry in it, such as
`docker.io/library/app:v1`: without one it could be a layout that is missing, which nobody may take from the network.
Exclude patterns, line endings and modes do not apply.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from custody.artifacts.names import name_uris, shown
from custody.artifacts.options import Recorded, Recording
from custody.artifacts.places import demand
from custody.errors import FormatError, RecordingError, StoreError
from custody.stores.contents import check_content
from custody.stores.images import NotFoundError
from custody.stores.places import ARCHIVES, LAYOUT, REGISTRY, Place, opened, read_place

if TYPE_CHECKING:
    from custody.oci.manifest import Index, Manifest
    from custody.stores.registry.options import RegistryOptions

__all__ = ["record_images"]

_SCHEME = "oci"
_PATHS = ("/", "./", "../")


def record_images(
    references: Sequence[str], recording: Recording, options: Callable[[], RegistryOptions] | None = None
) -> Recorded:
    """Return one artifact for each of the images `references`; `options` says how registries are reached.

    Raises:
        RecordingError: one is missing, cannot be reached, or is not what its digests say.
        UsageError: a reference is none.

    """
    artifacts: dict[str, Mapping[str, str]] = {}
    warnings: list[str] = []
    for name, reference in name_uris(_SCHEME, references, recording.lstrip_paths).items():
        uri = f"{_SCHEME}:{reference}"
        try:
            image = _image(_place_of(reference, recording.base_path), options)
        except NotFoundError as error:
            demand(uri, f"it does not exist ({error})", recording, warnings.append, error)
            continue
        except (FormatError, StoreError) as error:
            raise RecordingError(f"cannot record {shown(uri)}: {error}") from error
        artifacts[name] = {each: hashlib.new(each, image.raw).hexdigest() for each in recording.hash_algorithms}
    return Recorded(artifacts=artifacts, warnings=tuple(warnings))


def _image(where: Place, options: Callable[[], RegistryOptions] | None) -> Manifest | Index:
    """Return the manifest or index of the image; one that is on disk is whole.

    Raises:
        NotFoundError: the image does not exist. One of which a part is missing does, so that is another error.

    """
    with opened(where, options() if options is not None and not where.is_local else None) as store:
        if not where.is_local:
            return store.manifest(where.version)
        found = store.resolve(where.version)
        try:
            image = store.manifest(str(found.digest))
            check_content(store, image)
        except NotFoundError as error:
            raise StoreError(str(error)) from error
        return image


def _place_of(reference: str, base: str) -> Place:
    """Return where the image is."""
    if reference.startswith((f"{REGISTRY}://", *(f"{kind}:" for kind in ARCHIVES))):
        return read_place(reference, base=base)
    layout = read_place(f"{LAYOUT}:{reference}", base=base)
    if reference.startswith(_PATHS) or os.path.lexists(layout.path):
        return layout
    first, slash, _ = reference.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return read_place(reference)
    raise NotFoundError(
        f"there is no directory {shown(layout.path)}; an image in a registry is named with the registry, such as"
        " docker.io/library/app:v1"
    )
