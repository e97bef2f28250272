"""Reading files while more of them are being found; many are read by several processes at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from custody.artifacts.digest import load_hashlib, read_record
from custody.artifacts.options import Recording
from custody.artifacts.places import place

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from custody.artifacts.workers import Crew

__all__ = ["MANY_FILES", "Packet", "Reader", "records_of"]

Packet = tuple[Sequence[str], bytes]
"""Paths, at least one, and what was read of each, joined: always as many bytes."""

MANY_FILES = 500
"""So many files are worth several processes; for fewer, starting them takes longer than it saves."""

_PACKET_FILES = 64


class Reader:
    """Reads files, from the beginning to the end of a `with` block.

    What is read of each is its record, or what `read` returns for its path: always as many bytes, or a RecordingError.
    """

    def __init__(self, recording: Recording, read: Callable[[str], bytes] | None = None) -> None:
        """Prepare to read as `recording` says."""
        self._read = read or _usual_read(recording)
        self._added: list[str] = []
        self._found: list[Packet] = []
        self._alone = False
        self._crew: Crew | None = None

    def __enter__(self) -> Self:
        """Do nothing until there is something to read."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Leave no process behind."""
        if self._crew is not None:
            self._crew.__exit__(kind, error, where)
        # It knows this reader: what was read would stay until somebody looks for unreachable cycles.
        self._crew = None

    def add(self, paths: Sequence[str]) -> None:
        """Read the files at `paths` at some time, perhaps from now on."""
        self._added += paths
        if self._crew is None and len(self._added) >= MANY_FILES and not self._alone:
            self._hire()
        if self._crew is not None and len(self._added) >= _PACKET_FILES:
            self._crew.give(self._added)
            self._added = []

    def packets(self) -> Sequence[Packet]:
        """Return what was read of each file that was added, in no order.

        Raises:
            RecordingError: a file cannot be read, is no regular file, or changes while it is read: the first such file
                by name.

        """
        if self._crew is None:
            paths = sorted(self._added)
            return [(paths, b"".join([self._read(path) for path in paths]))] if paths else []
        if self._added:
            self._crew.give(self._added)
        self._crew.finish()
        return self._found

    def records(self) -> dict[str, bytes]:
        """Return what was read by path; errors as `packets`."""
        return records_of(self.packets())

    def _take(self, paths: Sequence[str], content: bytes) -> None:
        """Note down the records of `paths`, which are `content`."""
        self._found.append((paths, content))

    def _hire(self) -> None:
        """Start processes that read, unless one is as quick."""
        from custody.artifacts.workers import Crew, how_many

        workers = how_many()
        self._alone = workers == 1
        if self._alone:
            return
        load_hashlib()  # once for all of them
        self._crew = Crew(self._read, self._take, workers)
        try:
            self._crew.__enter__()
        except OSError:  # too many processes or open files: one can do it, too
            self._crew = None
            self._alone = True


def _usual_read(recording: Recording) -> Callable[[str], bytes]:
    """Return what reads the record of the file at a path."""
    base = recording.base_path
    if base:
        return lambda path: read_record(place(path, base), recording)[0]
    return lambda path: read_record(path, recording)[0]


def records_of(packets: Iterable[Packet]) -> dict[str, bytes]:
    """Return what was read by path."""
    found: dict[str, bytes] = {}
    for paths, content in packets:
        size = len(content) // len(paths)
        found.update(zip(paths, [content[at : at + size] for at in range(0, len(content), size)], strict=True))
    return found
