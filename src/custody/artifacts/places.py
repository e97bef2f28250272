"""Places: where a path leads on disk, and what happens when nothing is there."""

from __future__ import annotations

import errno
import os
import posixpath
import stat
from collections.abc import Callable
from functools import lru_cache

from custody.artifacts.names import normal_path, shown
from custody.artifacts.options import Recording
from custody.errors import RecordingError, UsageError

__all__ = ["NOTHING_THERE", "Warn", "check_base", "demand", "examine", "kind_of", "place"]

Warn = Callable[[str], None]

NOTHING_THERE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
"""What the system says where a path or a symbolic link leads nowhere; all else hides something"
" that is there."""

_KINDS = {
    stat.S_IFIFO: "FIFO",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "character device",
    stat.S_IFBLK: "block device",
    stat.S_IFDIR: "directory",
    stat.S_IFREG: "regular file",
}


def place(path: str, base: str) -> str:
    """Return where `path` lies, seen from the current directory, which never changes."""
    return posixpath.join(base, path) if base else path


def check_base(recording: Recording) -> None:
    """Refuse a base path that is no directory."""
    base = recording.base_path
    if base and ("\0" in base or not os.path.isdir(base)):
        raise UsageError(f"base_path: expected an existing directory, got {shown(base)}")


def kind_of(mode: int) -> str:
    """Return what `st_mode` says a file is, in words."""
    return _KINDS.get(stat.S_IFMT(mode), "file of an unknown kind")


def examine(path: str, reference: str, recording: Recording, warn: Warn) -> os.stat_result | None:
    """Return what lies at `path`, links followed, or None where it may be missing.

    `reference` is how the user wrote it.

    Raises:
        RecordingError: it is missing and may not be, or the system does not let it be seen. Its cause is the
            system's error.

    """
    location = place(path, recording.base_path)
    try:
        return os.stat(location)
    except OSError as error:
        if error.errno not in NOTHING_THERE:
            raise RecordingError(f"cannot record {shown(reference)}: {error.strerror}") from error
        dangling = os.path.islink(location)
        problem = "it is a symbolic link to nothing" if dangling else "it does not exist"
        demand(reference, problem, recording, warn, error)
        return None


def demand(reference: str, problem: str, recording: Recording, warn: Warn, cause: Exception) -> None:
    """Return if `reference`, of which `problem` says how it is missing, may be so.

    Raises:
        RecordingError: it may not, because of `cause`.

    """
    if not _may_be_missing(reference, problem, recording, warn):
        raise _missing(reference, problem, recording) from cause


def _may_be_missing(reference: str, problem: str, recording: Recording, warn: Warn) -> bool:
    """Return whether `recording` lets `reference` be missing, and warn of it unless it is called optional."""
    if _spelling(reference) in _spellings(recording.optional):
        return True
    if recording.missing_ok:
        warn(f"{shown(reference)} is not recorded: {problem}")
    return recording.missing_ok


def _missing(reference: str, problem: str, recording: Recording) -> RecordingError:
    """Return the error for a path that has to be there."""
    listed = "; write several paths with spaces between them, not commas" if "," in reference else ""
    where = f" in {shown(recording.base_path)}" if recording.base_path else ""
    return RecordingError(
        f"cannot record {shown(reference)}{where}: {problem}; correct the path, or allow it to be missing with"
        f" --optional {shown(reference)}{listed}"
    )


@lru_cache(maxsize=1)
def _spellings(references: tuple[str, ...]) -> frozenset[str]:
    """Return the spellings of `references`, which are asked for with every path that is missing."""
    return frozenset(_spelling(reference) for reference in references)


def _spelling(reference: str) -> str:
    """Return the spelling under which references are compared: `file:./a` is `a`."""
    return normal_path(reference.removeprefix("file:"))
