"""Targets: what a user names to attest it, to verify it, or to attach something to it.

::

    open_target("dist/app.whl")                       # a file: one subject
    open_target("dist")                               # a directory: a subject for each file in it
    open_target("registry.example.com/app:v1")        # an image: its digest, which the tag is resolved to once
    open_target("oci:build/app:v1")                   # an image on disk, all of which is verified

What exists as a path is one; anything else is a name of an image as docker reads it. `oci:`, `oci-archive:`,
`docker-archive:` and `docker://` always mean an image.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from custody.artifacts.options import Recording
from custody.errors import StoreError, UsageError
from custody.models.resource_descriptor import ResourceDescriptor
from custody.models.statement import MAX_SUBJECTS
from custody.oci.descriptor import Descriptor
from custody.oci.platforms import read_platform
from custody.stores.contents import check_content
from custody.stores.places import ARCHIVES, LAYOUT, REGISTRY, Place, open_place, read_place
from custody.stores.platforms import for_platform
from custody.value import Value

if TYPE_CHECKING:
    from custody.stores.images import ImageStore
    from custody.stores.registry.options import RegistryOptions

__all__ = ["DIRECTORY", "FILE", "IMAGE", "Target", "TargetOptions", "open_target"]

FILE, DIRECTORY, IMAGE = "file", "directory", "image"

_PATHS = ("/", "./", "../")

_LAYOUT_PARTS = frozenset({"oci-layout", "index.json", "blobs", "ingest", "manifest.json", "repositories"})
"""What stands in an image on disk, as different tools write it."""


class TargetOptions(Value):
    """How a target is found: registries as `registry` says, of an index the image for `platform` if one is given.

    `recording` says which files of a directory count. `attachments` is another repository, for what hangs on images of
    registries.
    """

    registry: RegistryOptions | None = None
    platform: str = ""
    attachments: str = ""
    recording: Recording = Recording()


class Target(Value):
    """What a user named. For an image, `name` has its digest, and `store` and `descriptor` say where and what it is."""

    name: str
    kind: str
    subjects: tuple[ResourceDescriptor, ...]
    store: ImageStore | None = None
    descriptor: Descriptor | None = None
    warnings: tuple[str, ...] = ()


_USUAL = TargetOptions()


def open_target(text: str, options: TargetOptions = _USUAL) -> Target:
    """Return what `text` names now; later changes, and tags that move, do not change it.

    Raises:
        UsageError: it names nothing that could be there.
        StoreError: it is not there (NotFoundError), or is not what its digests say.
        RecordingError: a file cannot be recorded.

    """
    if text.startswith((f"{LAYOUT}:", f"{REGISTRY}://", *(f"{kind}:" for kind in ARCHIVES))):
        return _open_image(read_place(text), options)
    if os.path.lexists(text):
        if _is_layout(text):
            return _open_image(Place(text=f"{LAYOUT}:{text}", kind=LAYOUT, path=text), options)
        return _open_files(text, options)
    if not text or text.startswith(_PATHS):
        raise UsageError(f"expected a file, a directory or an image, got {text!r:.200}: there is no such file")
    try:
        place = read_place(text)
    except UsageError as error:
        raise UsageError(f"there is no file {text!r:.200}, and it names no image: {error}") from None
    try:
        return _open_image(place, options)
    except StoreError as error:
        if place.reference is None or text.startswith(place.reference.registry):
            raise
        # Whoever mistypes the name of a file hears of a registry that they never named.
        raise type(error)(f"there is no file {text!r:.200}, and of the image {place.reference}: {error}") from None


def _is_layout(path: str) -> bool:
    """Return whether the directory `path` is an image on disk.

    Raises:
        UsageError: it is one, and something else: whoever puts an image that is attested into a directory would have
            that verified, in place of the files there.

    """
    if not os.path.isdir(path) or not os.path.lexists(os.path.join(path, "oci-layout")):
        return False
    others = sorted(set(os.listdir(path)) - _LAYOUT_PARTS)
    if others:
        raise UsageError(
            f"{path!r:.200} is an image on disk and has other files, such as {others[0]!r:.80}: which is meant? write"
            f" {f'{LAYOUT}:{path}'!r:.200} for the image, or move the files to a directory of their own"
        )
    return True


def _open_files(path: str, options: TargetOptions) -> Target:
    from custody.artifacts.recording import record

    if options.platform:
        raise UsageError(f"--platform chooses an image of an index, and {path!r:.200} is no image")
    recorded = record([f"file:{path}"], options.recording)
    if not 0 < len(recorded.artifacts) <= MAX_SUBJECTS:
        raise UsageError(
            f"{path!r:.200}: expected 1 to {MAX_SUBJECTS} files that can be subjects, got {len(recorded.artifacts)}"
        )
    subjects = tuple(
        ResourceDescriptor(name=name, digest=dict(digests)) for name, digests in recorded.artifacts.items()
    )
    kind = DIRECTORY if os.path.isdir(path) else FILE
    return Target(name=path, kind=kind, subjects=subjects, warnings=recorded.warnings)


def _open_image(place: Place, options: TargetOptions) -> Target:
    wanted = read_platform(options.platform) if options.platform else None
    store = open_place(place, options.registry)
    found = for_platform(store, store.manifest(place.version), wanted)
    if place.is_local:
        check_content(store, found)
    digest = found.digest
    name = place.reference.name if place.reference else f"{place.kind}:{place.path}"
    subject = ResourceDescriptor(name=name, digest={digest.algorithm: digest.hex})
    if place.reference is not None and options.attachments:
        from custody.stores.registry.options import RegistryOptions
        from custody.stores.relocated import relocated

        store = relocated(store, place.reference, options.attachments, options.registry or RegistryOptions())
    return Target(name=f"{name}@{digest}", kind=IMAGE, subjects=(subject,), store=store, descriptor=found.descriptor)
