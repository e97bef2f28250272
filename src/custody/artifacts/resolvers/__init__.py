"""Resolvers: one for each URI scheme that can be recorded.

A resolver is called with what follows the scheme in every reference of that scheme, and how to
record. It returns the artifacts under their full names, URIs with the scheme, and no two of
different content under one name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from custody.artifacts.options import Recorded, Recording

__all__ = ["Resolver", "default_resolvers"]

Resolver = Callable[[Sequence[str], Recording], Recorded]


def default_resolvers() -> Mapping[str, Resolver]:
    """Return the resolvers that need nothing but this machine, by scheme."""
    return {"dir": _record_directories, "file": _record_files, "git": _record_repositories, "ostree": _record_refs}


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
