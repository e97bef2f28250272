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
    from custody.artifacts.resolvers.directory import record_directories
    from custody.artifacts.resolvers.file import record_files
    from custody.artifacts.resolvers.git import record_repositories
    from custody.artifacts.resolvers.ostree import record_refs

    return {
        "dir": record_directories,
        "file": record_files,
        "git": record_repositories,
        "ostree": record_refs,
    }
