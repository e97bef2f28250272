"""A tar file, of which single members are read where they lie; nothing is ever unpacked.

Refused is what no archive of images needs and what two readers could understand differently: names that lead out of
the archive or stand there twice, devices, sparse files, members beyond the end, headers that contradict each other,
compressed archives. What a member costs to find is bounded, however the file was made.
"""

from __future__ import annotations

import os
import posixpath
import stat
from typing import TYPE_CHECKING

from custody.errors import StoreError
from custody.stores.images import NotFoundError
from custody.stores.layout.content import CHUNK_BYTES
from custody.stores.layout.tar_headers import TarHeaders
from custody.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterator
    from tarfile import TarInfo
    from typing import IO

__all__ = ["MAX_TAR_HEADER_BYTES", "MAX_TAR_LINKS", "MAX_TAR_MEMBERS", "Tar"]

MAX_TAR_MEMBERS = 10_000
"""Members of an archive: an image has at most a thousand layers, each with a few files beside it."""

MAX_TAR_HEADER_BYTES = 16 * 1024 * 1024
"""Bytes of an archive that describe its members, all together."""

MAX_TAR_LINKS = 8
"""Links inside of an archive that are followed to one member; older dockers wrote equal layers once."""

_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY

_COMPRESSED = {
    b"\x1f\x8b": "gzip -d",
    b"BZh": "bzip2 -d",
    b"\xfd7zXZ\x00": "xz -d",
    b"\x28\xb5\x2f\xfd": "zstd -d",
}
"""How compressed files begin, and what undoes it."""


class _Member(Value):
    """Where a file's content lies in the archive."""

    offset: int
    size: int


class Tar:
    """The tar file `path`, whose members were listed once; a file that changes afterwards is refused."""

    def __init__(self, path: str) -> None:
        """List the members of `path`.

        Raises:
            StoreError: it is no tar file, or one that is not read here.

        """
        self.path = path
        self.title = f"the archive {path!r}"
        self._members: dict[str, _Member] = {}
        self._links: dict[str, str] = {}
        self._state: tuple[int, ...] = ()
        with self._open() as file:
            self._refuse_compressed(file)
            self._list(file)

    def __contains__(self, name: str) -> bool:
        """Return whether there is a file `name`."""
        return self._find(name) is not None

    def size(self, name: str) -> int | None:
        """Return the bytes of the file `name`, None if there is none."""
        member = self._find(name)
        return None if member is None else member.size

    def read(self, name: str, limit: int) -> bytes:
        """Return the file `name`, of at most `limit` bytes."""
        size = self.size(name)
        if size is not None and size > limit:
            raise StoreError(f"{self.title}: {name}: expected at most {limit} bytes, got {size}")
        return b"".join(self.chunks(name))

    def chunks(self, name: str) -> Iterator[bytes]:
        """Yield the file `name` in pieces."""
        member = self._find(name)
        if member is None:
            raise NotFoundError(f"{self.title}: there is no {name!r:.200} in it")
        with self._open() as file:
            file.seek(member.offset)
            left = member.size
            while left:
                chunk = file.read(min(left, CHUNK_BYTES))
                if not chunk:
                    raise StoreError(f"{self.title}: it ends in the middle of {name!r:.200}")
                left -= len(chunk)
                yield chunk

    def _find(self, name: str) -> _Member | None:
        """Return where the file `name` lies, links inside of the archive followed."""
        for _ in range(MAX_TAR_LINKS):
            if name not in self._links:
                return self._members.get(name)
            name = self._links[name]
        return None

    def _open(self) -> IO[bytes]:
        """Return the open file, which still is what it was."""
        try:
            descriptor = os.open(self.path, _READ)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "that is no file name"
            kind = NotFoundError if isinstance(error, FileNotFoundError) else StoreError
            raise kind(f"cannot read {self.title}: {reason}") from error
        found = os.fstat(descriptor)
        state = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
        problem = ""
        if not stat.S_ISREG(found.st_mode):
            problem = "it is no regular file"
        elif self._state not in ((), state):
            problem = "it changed while it was read"
        if problem:
            os.close(descriptor)
            raise StoreError(f"cannot read {self.title}: {problem}")
        self._state = state
        return os.fdopen(descriptor, "rb")

    def _refuse_compressed(self, file: IO[bytes]) -> None:
        begin = file.read(8)
        file.seek(0)
        for magic, remedy in _COMPRESSED.items():
            if begin.startswith(magic):
                raise StoreError(f"cannot read {self.title}: it is compressed; uncompress it first, with `{remedy}`")

    def _list(self, file: IO[bytes]) -> None:
        import tarfile

        end = os.fstat(file.fileno()).st_size
        strict = TarHeaders(file.fileno(), self.title)
        try:
            archive = tarfile.TarFile(fileobj=_Headers(file, self.title), mode="r", errorlevel=0)  # type: ignore[arg-type]  # what it reads with
            while (member := archive.next()) is not None:
                archive.members.clear()  # type: ignore[attr-defined]  # they would add up
                strict.follow(member)
                self._add(member, end)
            strict.end()
        # Whatever a header makes the library stumble over, it is the file's fault.
        except (tarfile.TarError, OSError, ValueError, ArithmeticError, LookupError, RecursionError, EOFError) as error:
            raise StoreError(
                f"cannot read {self.title}: it is no tar file, or a broken one ({error!s:.100})"
            ) from error
        if not self._members:
            raise StoreError(f"cannot read {self.title}: there is no file in it")

    def _add(self, member: TarInfo, end: int) -> None:
        name = _inside(member.name)
        if name is None:
            raise StoreError(f"{self.title}: {member.name!r:.200} leads out of the archive")
        if member.isdir():
            return
        if name in self._members or name in self._links:
            raise StoreError(f"{self.title}: {name!r:.200} is in it twice, so that readers could differ")
        if len(self._members) + len(self._links) >= MAX_TAR_MEMBERS:
            raise StoreError(f"{self.title}: expected at most {MAX_TAR_MEMBERS} files in it, got more")
        if member.issym() or member.islnk():
            below = posixpath.dirname(name) if member.issym() else ""
            # A link out of the archive leads nowhere: nothing outside of it is ever looked at.
            self._links[name] = _inside(posixpath.join(below, member.linkname)) or ""
        elif not member.isreg() or member.issparse():
            raise StoreError(f"{self.title}: {name!r:.200} is no plain file")
        elif member.offset_data + member.size > end:
            raise StoreError(f"{self.title}: it ends before {name!r:.200} does; was it copied whole?")
        else:
            self._members[name] = _Member(offset=member.offset_data, size=member.size)


class _Headers:
    """What the library may read of the file: the members' headers, as long as they are not too large."""

    def __init__(self, file: IO[bytes], title: str) -> None:
        self._file = file
        self._title = title
        self._left = MAX_TAR_HEADER_BYTES
        self.name = ""
        self.mode = "rb"

    def read(self, size: int) -> bytes:
        """Return the next `size` bytes."""
        if not 0 <= size <= self._left:
            raise StoreError(
                f"{self._title}: expected at most {MAX_TAR_HEADER_BYTES} bytes that describe its files, got more"
            )
        self._left -= max(size, 1)
        return self._file.read(size)

    def seek(self, offset: int) -> int:
        """Go to `offset`."""
        return self._file.seek(offset)

    def tell(self) -> int:
        """Return where the next byte is read."""
        return self._file.tell()


def _inside(name: str) -> str | None:
    """Return the one spelling of a name in the archive; None if it leads out of it."""
    normal = posixpath.normpath(name)
    if name.startswith("/") or "\0" in name or normal == ".." or normal.startswith("../"):
        return None
    return normal
