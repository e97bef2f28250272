"""Whole files, read with a limit and written so that nothing is ever half there."""

from __future__ import annotations

import errno
import os
import stat

from custody.errors import StoreError

__all__ = ["read_file", "write_file"]

_CHUNK = 64 * 1024
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


def read_file(path: str, *, what: str, limit: int) -> bytes:
    """Return the bytes of the regular file `path`, at most `limit`; `what` names it in errors.

    Raises:
        StoreError: it is missing, unreadable, larger than `limit`, or no regular file (a FIFO never
            blocks).

    """
    if "-----BEGIN" in path:  # maybe a private one, which no message may repeat
        raise StoreError(f"cannot read {what}: expected the name of a file, got the text of a key")
    try:
        # O_NONBLOCK: opening a FIFO must not wait for somebody to write into it.
        descriptor = os.open(path, _READ)
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise StoreError(f"cannot read {what} {path!r}: it is not a regular file")
            data = _read_up_to(descriptor, limit + 1, found.st_size + 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise StoreError(f"cannot read {what} {path!r}: {error.strerror or error}") from error
    except ValueError:
        raise StoreError(f"cannot read {what} {path!r}: that is no file name") from None
    if len(data) > limit:
        raise StoreError(f"cannot read {what} {path!r}: expected at most {limit} bytes, got more")
    return data


def write_file(
    path: str, data: bytes, *, what: str, mode: int = 0o666, replace: bool = True, durable: bool = True
) -> None:
    """Make `path` hold exactly `data`, or leave it as it was.

    The bytes go to a file beside it first, which then takes its name: a symlink at `path` gives way
    and what it leads to stays as it is. `mode` is cut by the umask. With `replace=False` an existing
    file is never touched, also if it appears meanwhile. Devices, pipes and sockets never give way.
    Unless `durable` is false, the bytes are on the disk afterwards, so that they outlast a power cut.

    Raises:
        StoreError: the file exists and may not be replaced, the disk is full, the directory is not
            writable.

    """
    try:
        if replace:
            _refuse_special(path, what)
            _write_replacing(path, data, mode, durable=durable)
        else:
            _write_once(path, data, mode, durable=durable)
    except FileExistsError as error:
        raise StoreError(f"{what} {path!r} exists already and is left as it is") from error
    except OSError as error:
        raise StoreError(f"cannot write {what} {path!r}: {error.strerror or error}") from error
    except ValueError:
        raise StoreError(f"cannot write {what} {path!r}: that is no file name") from None


def _read_up_to(descriptor: int, limit: int, expected: int) -> bytes:
    parts: list[bytes] = []
    left = limit
    while left > 0:
        part = os.read(descriptor, min(left, max(expected, _CHUNK)))
        if not part:
            break
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _refuse_special(path: str, what: str) -> None:
    """Refuse to put a file where a device is: root would lose `/dev/null` to it."""
    try:
        mode = os.stat(path).st_mode  # follows symlinks, as /dev/stdout is one
    except OSError:
        return
    if not stat.S_ISREG(mode):
        raise StoreError(f"cannot write {what} {path!r}: it exists and is not a regular file")


def _write_replacing(path: str, data: bytes, mode: int, *, durable: bool) -> None:
    beside = _beside(path)
    _write_new(beside, data, mode, durable=durable)
    try:
        os.replace(beside, path)
    except BaseException:
        os.unlink(beside)
        raise


def _write_once(path: str, data: bytes, mode: int, *, durable: bool) -> None:
    if os.path.lexists(path):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
    beside = _beside(path)
    _write_new(beside, data, mode, durable=durable)
    try:
        os.link(beside, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _write_new(path, data, mode, durable=durable)  # a file system without hard links, such as a USB stick's
    finally:
        os.unlink(beside)


def _beside(path: str) -> str:
    """Return a new name in the same directory, no longer than file names may be."""
    directory, name = os.path.split(path)
    return os.path.join(directory, f".{name[:40]}.{os.urandom(8).hex()}.tmp")


def _write_new(path: str, data: bytes, mode: int, *, durable: bool) -> None:
    descriptor = os.open(path, _WRITE, mode)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            if durable:
                os.fsync(descriptor)
    except BaseException:
        os.unlink(path)
        raise
