"""Copy an image, and what is attached to it, from one place to another.

::

    copy("registry.example.com/app:v1", "oci:mirror/app:v1", CopyRequest())
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.errors import UsageError
from custody.oci.platforms import read_platform
from custody.oci.reference import is_tag
from custody.stores.copying import Copied, CopyOptions, copy_image
from custody.stores.places import ARCHIVES, Place, opened, read_place
from custody.value import Value

if TYPE_CHECKING:
    from collections.abc import Callable

    from custody.oci.descriptor import Descriptor
    from custody.stores.images import ImageStore
    from custody.stores.registry.options import RegistryOptions

__all__ = ["ONLY", "CopyRequest", "copy", "list_tags"]

ONLY = ("attestations", "image")
"""The parts that may be copied alone."""


class CopyRequest(Value):
    """What is to be copied: the image for `platform`, if one is given; `only` one of `ONLY`, or everything."""

    platform: str = ""
    only: str = ""
    registry: RegistryOptions | None = None


def copy(source: str, target: str, request: CopyRequest) -> Copied:
    """Return what was copied from `source`, which then is at `target` with all its digests.

    Raises:
        UsageError: one of them is no place of an image, or cannot be written.
        StoreError: the image is not there, is not what its digests say, or cannot be written.

    """
    here, there = read_place(source), read_place(target)
    if there.kind in ARCHIVES:
        raise UsageError(
            f"{target!r:.200}: archives are only read; copy into a registry or an OCI layout (oci:DIRECTORY)"
        )
    _refuse_shared_login(here, there, request.registry)
    tag = there.version if is_tag(there.version) else ""
    options = CopyOptions(
        platform=read_platform(request.platform) if request.platform else None,
        image=request.only != ONLY[0],
        attached=request.only != ONLY[1],
        expected="" if tag else there.version,
    )
    with opened(here, request.registry) as reading, opened(there, request.registry, create=True) as writing:
        return copy_image(reading, here.version, writing, tag, options.replace(mount=_mount(here, there, writing)))


def list_tags(text: str, registry: RegistryOptions | None = None) -> tuple[str, ...]:
    """Return the tags of the repository, layout or archive that `text` names, sorted.

    Raises:
        UsageError: it names one image in it, or no such place.
        StoreError: it is not there, or cannot be read.

    """
    place = read_place(text)
    name = text.removeprefix("docker://").rpartition("/")[2]
    if place.reference is not None and "/" not in text and place.version.isdecimal():
        raise UsageError(f"expected a repository behind the registry, as in {text}/shop/app, got {text!r:.200}")
    if place.version and (place.is_local or ":" in name or "@" in text):
        raise UsageError(f"expected a repository, got {text!r:.200}: leave out {place.version!r:.100}")
    with opened(place, registry) as store:
        return store.tags()


def _mount(here: Place, there: Place, writing: ImageStore) -> Callable[[Descriptor], bool] | None:
    """Return what lets a registry take blobs over from another of its repositories, None if these are not of one."""
    mount = getattr(writing, "mount", None)
    if mount is None or here.reference is None or there.reference is None:
        return None
    if here.reference.registry != there.reference.registry:
        return None
    repository = here.reference.repository
    return lambda blob: bool(mount(blob, repository))


def _refuse_shared_login(here: Place, there: Place, registry: RegistryOptions | None) -> None:
    """Refuse to show the password of one registry to another."""
    if registry is None or not registry.username or here.reference is None or there.reference is None:
        return
    if here.reference.registry != there.reference.registry:
        raise UsageError(
            f"--registry-username is for one registry, and there are two: {here.reference.registry} and"
            f" {there.reference.registry}; log in to them with `docker login`, or copy by way of an OCI layout"
        )
