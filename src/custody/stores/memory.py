"""Evidence in memory, laid out like a directory: for tests, and for programs that fetched it themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.errors import StoreError
from custody.stores.names import SUFFIX, by_step

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["MemoryStore"]


class MemoryStore:
    """The links in `files`, which maps relative paths such as `build.1234abcd.link` to bytes."""

    def __init__(self, files: Mapping[str, bytes], base: str = "") -> None:
        """Look into `files`, whose paths all begin with `base`: empty, or a directory with its slash."""
        self._base = base
        self._files: dict[str, bytes] = {}
        self._below: dict[str, dict[str, bytes]] = {}
        for path, data in files.items():
            first, slash, rest = path[len(base) :].partition("/")
            if slash:
                self._below.setdefault(first, {})[f"{base}{first}/{rest}"] = data
            else:
                self._files[first] = data
        self._names = by_step(self._files)

    def links(self, step: str) -> Sequence[str]:
        """Return the names of the shape `{step}.{up to 8 characters}.link`, sorted."""
        return self._names.get(step, ())

    def read(self, name: str) -> bytes:
        """Return the bytes."""
        try:
            return self._files[name]
        except KeyError:
            raise StoreError(f"there is no {self.source(name)!r}") from None

    def source(self, name: str) -> str:
        """Return the whole path."""
        return self._base + name

    def nested(self, name: str) -> MemoryStore | None:
        """Return what lies below the link's name without its suffix."""
        first = name.removesuffix(SUFFIX)
        inside = self._below.get(first)
        return MemoryStore(inside, f"{self._base}{first}/") if inside is not None else None
