"""The headers of a tar file, followed a second time, and strictly.

Where headers contradict each other, readers of tar files choose differently: which of two names counts, whether a
directory has content, where the archive ends. An archive could show docker and skopeo, which are written in Go, another
`manifest.json` than the library that is used here. So a member counts only if its headers can be read in one way.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from custody.errors import StoreError

if TYPE_CHECKING:
    from tarfile import TarInfo

__all__ = ["TarHeaders"]

_BLOCK = 512
_EXTENDED = (b"x", b"L", b"K")  # what stands before a member: names in POSIX's form, or a name and a target in GNU's
_WITH_CONTENT = (b"0", b"\0")
_WITHOUT_CONTENT = (b"1", b"2", b"5")
_ACTED_UPON = ("path", "linkpath", "size")
_OCTAL = re.compile(rb"[ 0]*([0-7]*)[ \0]*")
_LARGE = 0x80  # begins a size that is a binary number


class TarHeaders:
    """The headers in the open file `descriptor`; `title` is what the archive is called."""

    def __init__(self, descriptor: int, title: str) -> None:
        """Begin at the beginning."""
        self._descriptor = descriptor
        self._title = title
        self._position = 0

    def follow(self, member: TarInfo) -> None:
        """Go to the end of `member`, which the library found next.

        Raises:
            StoreError: readers could differ about what it is, what it is called or where it ends.

        """
        seen: list[bytes] = []
        while True:
            block = os.pread(self._descriptor, _BLOCK, self._position)
            kind, size = block[156:157], _size(block)
            self._position += _BLOCK
            if kind not in _EXTENDED:
                break
            seen.append(kind)
            self._position += _padded(size or 0)
            self._demand(member, size is not None and _fit_together(seen), "has headers that contradict each other")
        self._demand(member, kind in _WITH_CONTENT + _WITHOUT_CONTENT, "is no plain file")
        self._demand(member, self._position == member.offset_data, "is where other readers see something else")
        self._demand(member, _is_named_once(block, member), "has names of which readers take different ones")
        content = member.size if kind in _WITH_CONTENT and not member.isdir() else 0
        expected = member.size if "size" in member.pax_headers else size
        agreed = expected == member.size == content >= 0
        self._demand(member, agreed, "has a size that readers could take differently")
        self._position += _padded(content)

    def end(self) -> None:
        """Demand that the archive ends here for every reader: with the end of the file, or with empty blocks.

        Raises:
            StoreError: something follows that the library cannot read, and others could.

        """
        if any(os.pread(self._descriptor, 2 * _BLOCK, self._position)):
            raise StoreError(f"{self._title}: it goes on where readers could take it for ended; was it put together?")

    def _demand(self, member: TarInfo, fact: bool, problem: str) -> None:  # noqa: FBT001  # what was found out
        if not fact:
            raise StoreError(f"{self._title}: {member.name!r:.200} {problem}")


def _size(block: bytes) -> int | None:
    """Return the size in a header, None if it is not written as every reader understands it."""
    field = block[124:136]
    if field[:1] == bytes([_LARGE]):
        return int.from_bytes(field[1:], "big")
    found = _OCTAL.fullmatch(field)
    return int(found[1] or b"0", 8) if found else None


def _padded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK


def _fit_together(seen: list[bytes]) -> bool:
    """Return whether each header stands there once, and none of POSIX's with one of GNU's."""
    return len(set(seen)) == len(seen) and (len(seen) == 1 or b"x" not in seen)


def _is_named_once(block: bytes, member: TarInfo) -> bool:
    """Return whether no reader sees another name: the first part of long names is POSIX's, and others ignore it."""
    is_posix = block[257:263] == b"ustar\0" and block[508:] != b"tar\0"
    headers = member.pax_headers
    return (
        bool(member.name)
        and (is_posix or not any(block[345:]))
        and not any(name.startswith("GNU.sparse.") for name in headers)
        and all(headers.get(name, "-") for name in _ACTED_UPON)
    )
