"""Evidence in a directory, as the reference lays it out.

`{step}.{first 8 characters of a key id}.link` holds a link or a sublayout, the directory `{step}.{the same}` the links
of that sublayout.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from custody.errors import StoreError
from custody.files import read_file
from custody.stores.names import SUFFIX, by_step

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["MAX_EVIDENCE_BYTES", "MAX_LINKS", "DirectoryStore"]

MAX_LINKS = 1024
"""The most files that are considered for one step."""

MAX_EVIDENCE_BYTES = 256 * 1024 * 1024
"""The largest file that is read as evidence."""


class DirectoryStore:
    """The links in the directory `path`."""

    def __init__(self, path: str) -> None:
        """Look into `path`; a directory that cannot be listed is a StoreError."""
        self.path = path
        try:
            self._names = by_step(os.listdir(path))
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "that is no directory name"
            raise StoreError(f"cannot look for links in {path!r}: {reason}") from error

    def links(self, step: str) -> Sequence[str]:
        """Return the files called `{step}.{up to 8 characters}.link`, sorted."""
        found = self._names.get(step, ())
        if len(found) > MAX_LINKS:
            raise StoreError(
                f"{self.path!r} has {len(found)} files that may be links of step {step!r}, expected at most"
                f" {MAX_LINKS}: remove those that are none"
            )
        return found

    def read(self, name: str) -> bytes:
        """Return the bytes of the file."""
        return read_file(self.source(name), what="link", limit=MAX_EVIDENCE_BYTES)

    def source(self, name: str) -> str:
        """Return its path."""
        return os.path.join(self.path, name) if self.path != "." else name

    def nested(self, name: str) -> DirectoryStore | None:
        """Return the directory called like the link without its suffix."""
        inside = os.path.join(self.path, name.removesuffix(SUFFIX))
        return DirectoryStore(inside) if os.path.isdir(inside) else None
