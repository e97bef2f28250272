"""Where an image is, as users write it: in a registry, in an OCI layout, in an archive.

::

    registry.example.com/app:v1     docker://registry.example.com/app:v1     localhost:5000/app@sha256:...
    oci:DIRECTORY[:TAG]             oci-archive:FILE[:TAG]                   docker-archive:FILE[:REFERENCE]

A name is resolved by whoever asks the store that `open_place` returns, once: what follows uses the digest.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from custody.errors import UsageError
from custody.oci.reference import Reference, read_reference
from custody.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from custody.stores.images import ImageStore
    from custody.stores.registry.options import RegistryOptions

__all__ = ["ARCHIVES", "LAYOUT", "REGISTRY", "Place", "open_place", "opened", "read_place"]

REGISTRY = "docker"
LAYOUT = "oci"
ARCHIVES = ("oci-archive", "docker-archive")

_AT_DIGEST = re.compile(r"(.+)@(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})")


class Place(Value):
    """One image: in the layout or archive at `path`, or at `reference` in a registry.

    `version` is the tag or digest to ask the store for. Empty, it means the only image there is.
    """

    text: str
    kind: str
    path: str = ""
    version: str = ""
    reference: Reference | None = None

    @property
    def is_local(self) -> bool:
        """Whether the image is on disk."""
        return self.reference is None


def read_place(text: str, *, base: str = "") -> Place:
    """Return the place that `text` writes; relative paths start from `base`.

    Raises:
        UsageError: it is none.

    """
    scheme, colon, rest = text.partition(":")
    if colon and scheme in (LAYOUT, *ARCHIVES):
        if not rest:
            raise UsageError(f"expected a path after {scheme}:, as in {scheme}:PATH[:TAG], got {text!r:.200}")
        path, version = _split(os.path.join(base, rest), first=scheme in ARCHIVES)
        return Place(text=text, kind=scheme, path=path, version=version)
    reference = read_reference(text.removeprefix(f"{REGISTRY}://"))
    return Place(text=text, kind=REGISTRY, version=reference.version, reference=reference)


def open_place(place: Place, options: RegistryOptions | None = None, *, create: bool = False) -> ImageStore:
    """Return the store of `place`; with `create`, an OCI layout that is not there yet is made when it is written.

    Raises:
        StoreError: nothing of that kind is there.
        UsageError: the registry's client is not installed.

    """
    if place.reference is not None:
        from custody.stores.registry import open_repository
        from custody.stores.registry.options import RegistryOptions

        return open_repository(place.reference, options=options or RegistryOptions())
    from custody.stores.layout import open_archive, open_layout

    return open_layout(place.path, create=create) if place.kind == LAYOUT else open_archive(place.path)


@contextmanager
def opened(place: Place, options: RegistryOptions | None = None, *, create: bool = False) -> Iterator[ImageStore]:
    """Give what `open_place` returns, and close its connections at the end."""
    store = open_place(place, options, create=create)
    try:
        yield store
    finally:
        close = getattr(store, "close", None)
        if close is not None:
            close()


def _split(rest: str, *, first: bool) -> tuple[str, str]:
    """Return path and tag or digest; what exists as it is written is a path."""
    if os.path.lexists(rest):
        return rest, ""
    at_digest = _AT_DIGEST.fullmatch(rest)
    if at_digest is not None:
        return at_digest[1], at_digest[2]
    # The name behind an archive may have colons of its own; that of a layout is a tag.
    path, colon, version = rest.partition(":") if first else rest.rpartition(":")
    if not colon or (not first and "/" in version):
        return rest, ""
    if not path or not version:
        raise UsageError(f"expected PATH:TAG, got {rest!r:.200}")
    return path, version
