"""Files that decide what a link says, and so may be written by their user only."""

from __future__ import annotations

import os
import stat

from custody.artifacts.names import shown
from custody.errors import StoreError

__all__ = ["PRIVATE", "read_own", "refusal"]

PRIVATE = 0o600
"""The mode of such a file."""

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY


def read_own(path: str, *, what: str, limit: int) -> bytes:
    """Return the at most `limit` bytes of the file `path`, none if it is not there but can be; errors call it `what`.

    Raises:
        StoreError: others could have written it, it is no regular file or too large, or it cannot be read.

    """
    try:
        descriptor = os.open(path, _FLAGS)
    except FileNotFoundError as error:
        if not os.path.isdir(os.path.dirname(path) or "."):
            raise refusal(what, path, "there is no such directory; make it first") from error
        return b""
    except OSError as error:
        if os.path.islink(path):
            raise refusal(what, path, "it is a symbolic link; name the file it leads to") from error
        raise refusal(what, path, error.strerror or str(error)) from error
    except ValueError:
        raise refusal(what, path, "that is no file name") from None
    try:
        found = os.fstat(descriptor)
        _demand_own(path, found, what, limit)
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(limit + 1)
    except OSError as error:
        raise refusal(what, path, error.strerror or str(error)) from error
    finally:
        os.close(descriptor)


def _demand_own(path: str, found: os.stat_result, what: str, limit: int) -> None:
    """Refuse what others could have written."""
    if not stat.S_ISREG(found.st_mode):
        raise refusal(what, path, "it is not a regular file")
    if found.st_uid != os.geteuid():
        raise refusal(
            what,
            path,
            f"it belongs to user {found.st_uid}, who could make your links lie, and you are {os.geteuid()}; name"
            " another file",
        )
    if found.st_mode & _OTHERS_WRITE:
        raise refusal(
            what,
            path,
            f"others may write to it (mode {stat.S_IMODE(found.st_mode):04o}, expected {PRIVATE:04o}), and could make"
            " your links lie; remove it",
        )
    if found.st_size > limit:
        raise refusal(what, path, f"expected at most {limit} bytes, got {found.st_size}; name another file")


def refusal(what: str, path: str, problem: str) -> StoreError:
    """Return the error for a file that is not used."""
    return StoreError(f"cannot use {what} {shown(path)}: {problem}")
