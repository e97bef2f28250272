"""Resolvers: one for each URI scheme that can be recorded.

A resolver is called with what follows the scheme in every reference of that scheme, and how to
record. It returns the artifacts under their full names, URIs with the scheme, and no two of
different content under one name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from custody.artifacts.options import Recorded, Recording

TYPE_CHECKING = False  # known to checkers
if TYPE_CHECKING:
    from custody.stores.registry.options import RegistryOptions

__all__ = ["Resolver", "default_resolvers", "images_by"]

Resolver = Callable[[Sequence[str], Recording], Recorded]


def default_resolvers() -> Mapping[str, Resolver]:
    """Return the usual resolvers by scheme; only an image in a registry needs more than this machine."""
    return {
        "dir": _record_directories,
        "file": _record_files,
        "git": _record_repositories,
        "oci": images_by(),
        "ostree": _record_refs,
    }


def images_by(options: Callable[[], RegistryOptions] | None = None) -> Resolver:
    """Return the resolver of images; `options` is asked how registries are reached when an image is in one."""

    def record_images(references: Sequence[str], recording: Recording) -> Recorded:
        from custody.artifacts.resolvers.oci import record_images as record

        return record(references, recording, options)

    return record_images


# Each is imported when its scheme is used: a step seldom has more than one.


def _record_directories(references: Sequence[str], recording: Recording) -> Recorded:
    from custody.artifacts.resolvers.directory import record_directories

    return record_directories(references, recording)


def _record_files(references: Sequence[str], recording: Recording) -> Recorded:
    from custody.artifacts.resolvers.file import record_files

    return record_files(references, recording)


def _record_repositories(references: Sequence[str], recording: Recording) -> Recorded:
    from custody.artifacts.resolvers.git import record_repositories

    return record_repositories(references, recording)


def _record_refs(references: Sequence[str], recording: Recording) -> Recorded:
    from custody.artifacts.resolvers.ostree import record_refs

    return record_refs(references, recording)
