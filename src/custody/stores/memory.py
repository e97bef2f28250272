"""Evidence in memory, laid out like a directory: for tests, and for programs that fetched it themselves."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from custody.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MemoryStore"]


class MemoryStore:
    """The links in `files`, which maps relative paths such as `build.1234abcd.link` to bytes."""

    def __init__(self, files: Mapping[str, bytes], base: str = "") -> None:
        """Look into the part of `files` below `base`."""
        self._files = files
        self._base = base

    def links(self, step: str) -> list[str]:
        """Return the names of the shape `{step}.{up to 8 characters}.link`, sorted."""
        shape = re.compile(rf"{re.escape(self._base + step)}\.[^./]{{1,8}}\.link")
        return sorted(name[len(self._base) :] for name in self._files if shape.fullmatch(name))

    def read(self, name: str) -> bytes:
        """Return the bytes."""
        try:
            return self._files[self._base + name]
        except KeyError:
            raise StoreError(f"there is no {self.source(name)!r}") from None

    def source(self, name: str) -> str:
        """Return the whole path."""
        return self._base + name

    def nested(self, name: str) -> MemoryStore | None:
        """Return what lies below the link's name without its suffix."""
        base = f"{self._base}{name.removesuffix('.link')}/"
        if any(path.startswith(base) for path in self._files):
            return MemoryStore(self._files, base)
        return None
