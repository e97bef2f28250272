"""Images on disk: OCI layouts, which are directories, and archives of images, which are tar files.

`open_layout` reads and writes a directory, `open_archive` reads a file that `docker save`, `skopeo copy` or
`buildah push` made. Both are stores of images like a registry's repository. Whatever they hold may be hostile: names
of files come from digests only, symbolic links are not followed, archives are never unpacked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from custody.stores.layout.store import LayoutStore
    from custody.stores.layout.writing import WritableLayout

__all__ = ["is_layout", "open_archive", "open_layout"]


def is_layout(path: str) -> bool:
    """Return whether the directory `path` says that it is an OCI layout."""
    import os

    return os.path.lexists(os.path.join(path, "oci-layout"))


def open_layout(path: str, *, create: bool = False) -> WritableLayout:
    """Return the OCI layout in the directory `path`; with `create` it is made when something is first put into it.

    Raises:
        StoreError: it is no OCI layout, or cannot become one.

    """
    from custody.stores.layout.writing import WritableLayout

    return WritableLayout(path, create=create)


def open_archive(path: str) -> LayoutStore:
    """Return the images in the tar file `path`: of an OCI layout, or of `docker save`.

    Raises:
        StoreError: it is no such archive, or one that could mean two things.

    """
    from custody.stores.layout.archives import read_archive
    from custody.stores.layout.store import LayoutStore

    return LayoutStore(read_archive(path))
