"""An OCI layout in a directory: `oci-layout`, `index.json` and `blobs/ALGORITHM/HEX` (image specification 1.1).

The directory may be anybody's. No symbolic link in it is followed, neither to read nor to write, so that nothing
outside of it is read or changed; the directory itself may be reached through one.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from custody.errors import StoreError
from custody.files import write_file
from custody.oci.manifest import MAX_MANIFEST_BYTES
from custody.stores.images import NotFoundError
from custody.stores.layout.content import CHUNK_BYTES, INDEX, MARKER, MAX_MARKER_BYTES, check_marker

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from types import TracebackType
    from typing import Self

    from custody.oci.descriptor import Descriptor
    from custody.oci.digest import Digest

__all__ = ["Directory", "Lock"]

_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_MARKER = b'{"imageLayoutVersion":"1.0.0"}'
_NO_IMAGES = b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}'


class Directory:
    """The files of the layout in the directory `path`."""

    def __init__(self, path: str) -> None:
        """Look at `path`, of which nothing is read yet."""
        self.path = path
        self.title = f"the OCI layout {path!r}"

    def check(self) -> None:
        """Refuse a directory that is no layout."""
        check_marker(self._read((MARKER,), MAX_MARKER_BYTES), self.title)

    def index(self) -> bytes:
        """Return the bytes of `index.json`."""
        return self._read((INDEX,), MAX_MANIFEST_BYTES)

    def size(self, digest: Digest) -> int | None:
        """Return the size of a blob's file, None if there is none."""
        try:
            descriptor = self._open(_parts(digest))
        except NotFoundError:
            return None
        try:
            return os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)

    def chunks(self, digest: Digest) -> Iterator[bytes]:
        """Yield what a blob's file holds."""
        descriptor = self._open(_parts(digest))
        try:
            while chunk := os.read(descriptor, CHUNK_BYTES):
                yield chunk
        except OSError as error:
            raise self._trouble("read", "/".join(_parts(digest)), error) from error
        finally:
            os.close(descriptor)

    def create(self) -> None:
        """Make the directory a layout without images, unless it is one; `oci-layout` comes last."""
        try:
            os.makedirs(self.path, exist_ok=True)
            os.makedirs(os.path.join(self.path, "blobs", "sha256"), exist_ok=True)
        except OSError as error:
            raise self._trouble("make", error.filename or self.path, error) from error
        for name, data in ((INDEX, _NO_IMAGES), (MARKER, _MARKER)):
            path = os.path.join(self.path, name)
            try:
                write_file(path, data, what="the layout's file", replace=False)
            except StoreError:
                if not os.path.lexists(path):  # else somebody else made it meanwhile
                    raise

    def write_blob(self, descriptor: Descriptor, chunks: Iterable[bytes]) -> None:
        """Store a blob; what has another size or digest, or breaks off, leaves nothing behind.

        Raises:
            StoreError: it has, or it cannot be written.

        """
        algorithm, name = descriptor.digest.algorithm, descriptor.digest.hex
        try:
            folder = self._folder(("blobs", algorithm), make=True)
        except OSError as error:
            raise self._trouble("write into", f"blobs/{algorithm}", error) from error
        beside = f".{os.urandom(8).hex()}.tmp"
        try:
            try:
                self._write_new(folder, beside, descriptor, chunks)
                os.replace(beside, name, src_dir_fd=folder, dst_dir_fd=folder)
                os.fsync(folder)
            except BaseException:
                _discard(beside, folder)
                raise
        except OSError as error:
            raise self._trouble("write", f"blobs/{algorithm}/{name}", error) from error
        finally:
            os.close(folder)

    def write_index(self, data: bytes) -> None:
        """Let `index.json` be `data`; who reads it meanwhile sees what was or what is."""
        write_file(os.path.join(self.path, INDEX), data, what="the layout's index")

    def _write_new(self, folder: int, name: str, descriptor: Descriptor, chunks: Iterable[bytes]) -> None:
        hasher, left = descriptor.digest.hasher(), descriptor.size
        with os.fdopen(os.open(name, _NEW, 0o666, dir_fd=folder), "wb") as file:
            for chunk in chunks:
                left -= len(chunk)
                if left < 0:
                    break
                hasher.update(chunk)
                file.write(chunk)
            if left or hasher.finalize().hex() != descriptor.digest.hex:
                raise StoreError(
                    f"{self.title}: expected {descriptor.size} bytes with the digest {descriptor.digest}, got others;"
                    " nothing was stored"
                )
            file.flush()
            os.fsync(file.fileno())

    def _read(self, parts: Sequence[str], limit: int) -> bytes:
        descriptor = self._open(parts)
        try:
            with os.fdopen(descriptor, "rb") as file:
                data = file.read(limit + 1)
        except OSError as error:
            raise self._trouble("read", "/".join(parts), error) from error
        if len(data) > limit:
            raise StoreError(f"{self.title}: {'/'.join(parts)}: expected at most {limit} bytes, got more")
        return data

    def _open(self, parts: Sequence[str]) -> int:
        """Return a descriptor of a regular file of the layout."""
        name = "/".join(parts)
        try:
            folder = self._folder(parts[:-1])
            try:
                descriptor = os.open(parts[-1], _FILE, dir_fd=folder)
            finally:
                os.close(folder)
        except FileNotFoundError as error:
            raise NotFoundError(f"{self.title}: there is no {name}") from error
        except (OSError, ValueError) as error:
            raise self._trouble("read", name, error) from error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise StoreError(f"{self.title}: {name} is no regular file")
        return descriptor

    def _folder(self, parts: Sequence[str], *, make: bool = False) -> int:
        """Return a descriptor of a directory of the layout, which no symbolic link leads to."""
        folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for part in parts:
                inner = _inside(part, folder, make=make)
                os.close(folder)
                folder = inner
        except BaseException:
            os.close(folder)
            raise
        return folder

    def _trouble(self, verb: str, name: str, error: OSError | ValueError) -> StoreError:
        reason = getattr(error, "strerror", None) or "that is no file name"
        if getattr(error, "errno", None) in {errno.ELOOP, errno.ENOTDIR}:
            reason = "it, or a directory above it, is a symbolic link or no directory; links are not followed here"
        return StoreError(f"{self.title}: cannot {verb} {name}: {reason}")


class Lock:
    """Holds everybody else off from changing the index of the layout at `path`, until it is left."""

    def __init__(self, path: str) -> None:
        """Lock nothing yet."""
        self._path = os.path.join(path, MARKER)
        self._descriptor = -1

    def __enter__(self) -> Self:
        """Wait until nobody else holds it."""
        import fcntl

        try:
            self._descriptor = os.open(self._path, _FILE)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        except OSError as error:
            self._close()
            raise StoreError(f"cannot lock {self._path!r}: {error.strerror}") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let others in."""
        self._close()

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _parts(digest: Digest) -> tuple[str, str, str]:
    """Return where a blob lies; a digest's parts are plain names, as they were read."""
    return "blobs", digest.algorithm, digest.hex


def _inside(part: str, folder: int, *, make: bool) -> int:
    try:
        return os.open(part, _FOLDER, dir_fd=folder)
    except FileNotFoundError:
        if not make:
            raise
    with suppress(FileExistsError):  # somebody else made it meanwhile
        os.mkdir(part, dir_fd=folder)
    return os.open(part, _FOLDER, dir_fd=folder)


def _discard(name: str, folder: int) -> None:
    with suppress(FileNotFoundError):  # it was never made
        os.unlink(name, dir_fd=folder)
