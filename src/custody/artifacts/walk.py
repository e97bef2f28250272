"""Which files are below a path.

Order on disk decides nothing: callers sort. Symbolic links are followed; one that leads back to a
directory it lies in is not entered again, one that leads nowhere or out of everything that was to
be recorded is reported.
"""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Iterator, Sequence

from custody.artifacts.exclude import Exclusion
from custody.artifacts.names import normal_path, shown
from custody.artifacts.options import Recording
from custody.artifacts.places import NOTHING_THERE, examine, kind_of, place
from custody.errors import RecordingError

__all__ = ["MAX_LINKED_DIRECTORIES", "Walk"]

MAX_LINKED_DIRECTORIES = 100_000
"""Directories reached through symbolic links in one recording; links among siblings multiply without end."""

_Identity = tuple[int, int]


class _Directory:
    """A directory to list.

    `ancestors` (device, inode), itself included, are known only where a link led here: without a
    link on the way a directory cannot be part of a loop, so that plain trees cost no extra call.
    `outside` is true below a link that was reported to lead out of what is recorded.
    """

    __slots__ = ("ancestors", "outside", "path")

    def __init__(self, path: str, ancestors: frozenset[_Identity] | None = None, *, outside: bool = False) -> None:
        self.path = path
        self.ancestors = ancestors
        self.outside = outside


class Walk:
    """A search for files.

    `found` yields them; after it, `paths` has each file once, and `warnings` what the caller should know.
    """

    def __init__(self, references: Sequence[str], recording: Recording) -> None:
        """Prepare to search for `references`, relative to the base path of `recording`."""
        self.paths: list[str] = []
        self.warnings: list[str] = []
        self._recording = recording
        self._exclusion = Exclusion(recording.exclude)
        self._roots: dict[str, str] = {}
        for reference in references:
            self._roots.setdefault(normal_path(reference), reference)
        # One path leads to each file once; of several, another may have led to it before.
        self._known: set[str] | None = set() if len(self._roots) > 1 else None
        self._real_roots: frozenset[str] | None = None
        self._root = ""
        self._pending: list[_Directory] = []
        self._linked_directories = 0
        self._left_out = ""

    def found(self) -> Iterator[list[str]]:
        """Find everything, and yield each file once, directory by directory, those of each sorted.

        Raises:
            RecordingError: a path is missing or unreadable, or something there is neither file nor
                directory.

        """
        for path, reference in self._roots.items():
            for files in self._at(path, reference):
                new = self._new(files)
                if new:
                    self.paths += new
                    yield new

    def _new(self, files: list[str]) -> list[str]:
        """Return those of `files` that were not found before."""
        if self._known is None:
            return files
        new = [path for path in files if path not in self._known]
        self._known.update(new)
        return new

    def _at(self, path: str, reference: str) -> Iterator[list[str]]:
        """Find what is at or below `path`."""
        pattern = self._exclusion.pattern_for(path)
        if pattern is not None:
            self._warn(f"{shown(reference)} is not recorded: the exclude pattern {pattern!r} leaves it out")
            return
        found = examine(path, reference, self._recording, self._warn)
        if found is None:
            return
        if stat.S_ISREG(found.st_mode):
            yield [path]
        elif stat.S_ISDIR(found.st_mode):
            yield from self._below(path, reference)
        else:
            raise _not_a_file(path, found.st_mode)

    def _below(self, root: str, reference: str) -> Iterator[list[str]]:
        """Find what is below the directory `root`, and report it if that is nothing."""
        self._root = root
        self._left_out = ""
        self._pending = [_Directory(root)]
        anything = False
        while self._pending:
            directory = self._pending.pop()
            before = len(self._pending)
            try:
                with os.scandir(self._place(directory.path)) as entries:
                    files = self._list(directory, list(entries))
            except OSError as error:
                raise RecordingError(f"cannot list the directory {shown(directory.path)}: {error.strerror}") from error
            self._pending[before:] = sorted(self._pending[before:], key=_path, reverse=True)
            anything = anything or bool(files)
            yield files
        if not anything:
            self._warn(self._why_empty(reference))

    def _list(self, directory: _Directory, entries: list[os.DirEntry[str]]) -> list[str]:
        """Return the files directly in `directory`, sorted, and put the directories in it on the list."""
        prefix = "" if directory.path == "." else directory.path.rstrip("/") + "/"
        if not self._exclusion.spares([entry.name for entry in entries]):
            entries = self._spared(prefix, entries)
        files = [prefix + entry.name for entry in entries if entry.is_file(follow_symlinks=False)]
        if len(files) < len(entries):
            others = (entry for entry in entries if not entry.is_file(follow_symlinks=False))
            files += [path for entry in others if self._look_into(path := prefix + entry.name, entry, directory)]
        files.sort()
        return files

    def _spared(self, prefix: str, entries: list[os.DirEntry[str]]) -> list[os.DirEntry[str]]:
        """Return those of `entries` that are not left out."""
        covers = self._exclusion.covers
        spared = [entry for entry in entries if not covers(prefix + entry.name, entry.name)]
        if len(spared) < len(entries):
            first = min(prefix + entry.name for entry in {*entries}.difference(spared))
            self._left_out = min(self._left_out or first, first)
        return spared

    def _look_into(self, path: str, entry: os.DirEntry[str], directory: _Directory) -> bool:
        """Return whether `path`, which is no regular file itself, leads to one; put a directory on the list."""
        if entry.is_symlink():
            return self._follow(path, directory)
        if not entry.is_dir(follow_symlinks=False):
            raise _not_a_file(path, entry.stat(follow_symlinks=False).st_mode)
        self._descend(path, directory)
        return False

    def _follow(self, path: str, directory: _Directory) -> bool:
        """Return whether the symbolic link `path` in `directory` leads to a file; put a directory on the list."""
        try:
            mode = os.stat(self._place(path)).st_mode
        except OSError as error:
            if error.errno not in NOTHING_THERE:
                raise RecordingError(f"cannot record {shown(path)}: {error.strerror}") from error
            if not self._recording.dangling_ok:
                raise RecordingError(
                    f"cannot record {shown(path)}: it is a symbolic link to nothing, which no rule would see;"
                    " remove it, or exclude it"
                ) from error
            self._warn(f"{shown(path)} is not recorded: it is a symbolic link to nothing")
            return False
        is_file = stat.S_ISREG(mode)
        if not is_file and not stat.S_ISDIR(mode):
            raise _not_a_file(path, mode)
        if is_file or self._recording.follow_symlink_dirs:
            outside = directory.outside or self._leads_outside(path)
            if not is_file:
                known = directory.ancestors or self._ancestors_of(directory.path)
                self._descend(path, _Directory(directory.path, known, outside=outside))
        return is_file

    def _descend(self, path: str, directory: _Directory) -> None:
        """Put the directory `path` on the list, unless it is one of the directories it lies in."""
        if directory.ancestors is None:
            self._pending.append(_Directory(path))
            return
        identity = self._identity(path)
        if identity in directory.ancestors:
            self._warn(f"{shown(path)} is not entered: it leads back to a directory that it lies in")
            return
        self._linked_directories += 1
        if self._linked_directories > MAX_LINKED_DIRECTORIES:
            raise RecordingError(
                f"cannot record {shown(path)}: expected at most {MAX_LINKED_DIRECTORIES} directories reached through"
                " symbolic links; exclude some of the links, or do not follow them"
            )
        ancestors = directory.ancestors | {identity}
        self._pending.append(_Directory(path, ancestors, outside=directory.outside))

    def _ancestors_of(self, path: str) -> frozenset[_Identity]:
        """Return the identities of `path` and of what is above it, up to the root."""
        identities = {self._identity(path)}
        while path != self._root:
            path = posixpath.dirname(path) or "."
            identities.add(self._identity(path))
        return frozenset(identities)

    def _identity(self, path: str) -> _Identity:
        """Return what tells the directory `path` from every other."""
        found = os.stat(self._place(path))
        return found.st_dev, found.st_ino

    def _leads_outside(self, path: str) -> bool:
        """Report a symbolic link that leads out of everything that was to be recorded."""
        if self._real_roots is None:
            self._real_roots = frozenset(os.path.realpath(self._place(root)) for root in self._roots)
        target = real = os.path.realpath(self._place(path))
        while real not in self._real_roots:
            real, below = posixpath.dirname(real), real
            if real == below:
                self._warn(f"{shown(path)} is a symbolic link to {shown(target)}, outside of what is recorded")
                return True
        return False

    def _why_empty(self, reference: str) -> str:
        """Return why nothing was found below `reference`."""
        pattern = self._exclusion.pattern_for(self._left_out) if self._left_out else None
        if pattern is None:
            return f"{shown(reference)} adds nothing: there are no files in this directory"
        return (
            f"{shown(reference)} adds nothing: the exclude patterns leave out all that is in it, for example"
            f" {pattern!r} leaves out {shown(self._left_out)}"
        )

    def _place(self, path: str) -> str:
        return place(path, self._recording.base_path)

    def _warn(self, warning: str) -> None:
        self.warnings.append(warning)


def _path(directory: _Directory) -> str:
    return directory.path


def _not_a_file(path: str, mode: int) -> RecordingError:
    """Return the error for what can never be recorded; opening it could block or have effects."""
    return RecordingError(
        f"cannot record {shown(path)}: expected a file or directory, got a {kind_of(mode)}; exclude or remove it"
    )
