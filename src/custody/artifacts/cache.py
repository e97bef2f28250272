"""A file of digests, by which what has not changed since the last recording need not be read again.

An entry says: the file at this path had this identity (device, inode, size, modification and change time in
nanoseconds, mode) when it was read, and these digests. It answers for a file that has all of that still. An entry is
made only of a file that had rested when the recording began: one that changes twice within a tick of its file system's
clock would have one identity and two contents.

Who can write the cache can make a link lie. So the file is its user's own and refused otherwise, and only the materials
of `custody run` and `custody record start` are answered from it.

The file holds: what it is, for which options and since which start of the machine, each on a line; how many entries and
how many bytes of paths follow, 8 bytes each, little-endian; the entries, identity and digests; the paths with NUL
between them; the SHA-256 of all that.
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Iterable, Mapping
from hashlib import sha256
from operator import attrgetter

from custody.artifacts.digest import read_record
from custody.artifacts.names import shown
from custody.artifacts.options import Recording
from custody.artifacts.own_file import PRIVATE, read_own, refusal
from custody.artifacts.places import place
from custody.files import write_file
from custody.rules.artifacts import DIGEST_SIZES

__all__ = ["MAX_CACHE_BYTES", "MAX_ENTRIES", "DigestCache"]

MAX_CACHE_BYTES = 256 * 1024 * 1024
"""The largest file that is read or written; 100000 files take about 10 MB."""

MAX_ENTRIES = 1_000_000
"""The most files that one cache knows: all of them are in memory at once."""

_REST_NS = 2_000_000_000
"""So long a file must have been left alone when the recording began: the coarsest clock, FAT's, ticks so."""

_PART_FILES = 500
_MOST_PARTS = 128
"""So many fit into a pipe at once."""

_KIND = b"custody-digest-cache "
_FORMAT = _KIND + b"1"
_WHAT = "the digest cache"

_COUNTS = struct.Struct("<QQ")
_CHECKSUM_BYTES = sha256().digest_size
_MODE_BYTES = 2

_ASPECTS = attrgetter("st_dev", "st_ino", "st_size", "st_mtime_ns", "st_ctime_ns", "st_mode")
_IDENTITY = struct.Struct("<QQqqqI")
_NOBODY = bytes(_IDENTITY.size)
"""The identity of no file, as every file has a mode: such an entry never answers."""


class DigestCache:
    """What the last recording found, and what this one finds.

    `warnings` is what the user should know about the file.
    """

    __slots__ = (
        *("_entries", "_entry_bytes", "_header", "_is_read", "_kept", "_path", "_paths", "_recording", "_rested"),
        "warnings",
    )

    def __init__(self, path: str, recording: Recording) -> None:
        """Know nothing yet, and be for what `recording` wants of files; the recording begins now."""
        self.warnings: list[str] = []
        self._path = path
        self._recording = recording
        self._rested = time.time_ns() - _REST_NS
        self._header = b"\n".join([_FORMAT, _options(recording), _start_of_the_machine(), b""])
        self._entry_bytes = _IDENTITY.size + _record_bytes(recording)
        self._is_read = False  # if not, the file has to be written anyway
        self._paths: list[str] = []
        self._entries = b""
        self._kept: dict[str, bytes] | None = None

    @classmethod
    def read(cls, path: str, recording: Recording) -> DigestCache:
        """Return what the file `path` knows: nothing if it is missing, damaged, or from before the machine started.

        Raises:
            StoreError: it cannot be read, it is something else, or it is not this user's alone to write.

        """
        cache = cls(path, recording)
        data = read_own(path, what=_WHAT, limit=MAX_CACHE_BYTES)
        if data and not data.startswith(_KIND):  # a slip of the finger must not cost a key or a source
            raise refusal(_WHAT, path, "it holds something else, which would be lost; name another file")
        if data:
            problem = cache._load(data)
            if problem:
                cache.warnings.append(f"{_WHAT} {shown(path)} is not used and will be made anew: {problem}")
        return cache

    def parts(self) -> list[str]:
        """Return names for parts of what is known, which `changed` takes."""
        count = len(self._paths)
        size = max(_PART_FILES, -(-count // _MOST_PARTS))
        return [f"{at}:{at + size}" for at in range(0, count, size)]

    def changed(self, part: str) -> bytes:
        """Return the numbers of the files in `part` that are not as they were; symbolic links are followed."""
        start, stop = map(int, part.split(":"))
        base, pack, size, known = self._recording.base_path, _IDENTITY.pack, self._entry_bytes, self._entries
        numbers: list[int] = []
        for number, path in enumerate(self._paths[start:stop], start):
            try:
                found = _ASPECTS(os.stat(place(path, base) if base else path))
                if known.startswith(pack(*found), number * size):
                    continue
            except (OSError, struct.error):  # whoever reads the file says what is wrong
                pass
            numbers.append(number)
        return struct.pack(f"={len(numbers)}I", *numbers)

    def entries(self, changed: Iterable[bytes]) -> dict[str, bytes]:
        """Return path to entry of what is known, without what has `changed`."""
        known = self._by_path()
        for (number,) in struct.iter_unpack("=I", b"".join(changed)):
            del known[self._paths[number]]
        return known

    def all_records(self, paths: Iterable[str], changed: Iterable[bytes]) -> tuple[list[str], bytes] | None:
        """Return `paths`, sorted, and their records, joined, if they are all that is known and nothing has `changed`.

        If so, the cache is to stay as it is.
        """
        if any(changed) or sorted(paths) != self._paths:
            return None
        entries, size, start = self._entries, self._entry_bytes, _IDENTITY.size
        return self._paths, b"".join([entries[at + start : at + size] for at in range(0, len(entries), size)])

    def make(self, path: str) -> bytes:
        """Return the entry of the file at `path`, which is read; it will never answer if the file had not rested.

        Raises:
            RecordingError: it cannot be read, is no regular file, or changes while it is read.

        """
        # The identity is that of the descriptor that was read: between two looks at a path a directory can be swapped.
        record, found = read_record(place(path, self._recording.base_path), self._recording)
        rested = max(found.st_mtime_ns, found.st_ctime_ns) < self._rested
        return (_identity(found) if rested else _NOBODY) + record

    def keep(self, entries: Mapping[str, bytes]) -> dict[str, bytes]:
        """Know `entries` by path from now on, and nothing else; the result is the record in each of them."""
        self._kept = dict(entries)
        start = _IDENTITY.size
        return {path: entry[start:] for path, entry in entries.items()}

    def write(self) -> None:
        """Make the file hold what was kept. It is left alone if it does already, or with a warning if that is too much.

        Raises:
            StoreError: it cannot be written; it is as it was.

        """
        entries = self._kept
        if entries is None or (self._is_read and entries == self._by_path()):
            return
        paths = sorted(entries)
        names = "\0".join(paths).encode("utf-8", "surrogatepass")
        joined = b"".join(map(entries.__getitem__, paths))
        content = b"".join([self._header, _COUNTS.pack(len(entries), len(names)), joined, names])
        if len(entries) > MAX_ENTRIES or len(content) + _CHECKSUM_BYTES > MAX_CACHE_BYTES:
            self.warnings.append(
                f"{_WHAT} {shown(self._path)} is left as it was: expected at most {MAX_ENTRIES} files and"
                f" {MAX_CACHE_BYTES} bytes, got {len(entries)} files and {len(content)} bytes"
            )
            return
        write_file(self._path, content + sha256(content).digest(), what=_WHAT, mode=PRIVATE)
        self._is_read, self._paths, self._entries = True, paths, joined

    def _by_path(self) -> dict[str, bytes]:
        """Return path to entry of all that is known."""
        entries, size = self._entries, self._entry_bytes
        parts = [entries[at : at + size] for at in range(0, len(entries), size)]
        return dict(zip(self._paths, parts, strict=True))

    def _load(self, data: bytes) -> str:
        """Know what `data` says; the result is why it cannot be used, empty if it can be or is merely of old."""
        if not data.startswith(_FORMAT + b"\n"):
            return "it is of another version of custody"
        content, checksum = data[:-_CHECKSUM_BYTES], data[-_CHECKSUM_BYTES:]
        if sha256(content).digest() != checksum:
            return "it is damaged"
        if not content.startswith(self._header):
            return _difference(content, self._header)
        try:
            self._parse(content)
        except (ValueError, struct.error):  # well summed up, but nothing that `write` writes
            return "it is damaged"
        return ""

    def _parse(self, content: bytes) -> None:
        """Know what `content` says.

        Raises:
            ValueError, struct.error: it is not what its counts say.

        """
        start = len(self._header) + _COUNTS.size
        count, length = _COUNTS.unpack(content[len(self._header) : start])
        end = start + count * self._entry_bytes
        if count > MAX_ENTRIES or len(content) != end + length:
            raise ValueError("the counts are wrong")
        paths = content[end:].decode("utf-8", "surrogatepass").split("\0") if count else []
        if len(paths) != count:
            raise ValueError("the paths are more or fewer")
        self._is_read, self._paths, self._entries = True, paths, content[start:end]


def _identity(found: os.stat_result) -> bytes:
    """Return what tells a file, and every state of it, from others; `_NOBODY` where its times are out of all bounds."""
    try:
        return _IDENTITY.pack(*_ASPECTS(found))
    except struct.error:
        return _NOBODY


def _options(recording: Recording) -> bytes:
    """Return the line about what a record holds."""
    words = [*recording.hash_algorithms]
    words += ["normalized"] if recording.normalize_line_endings else []
    words += ["modes"] if recording.modes else []
    return " ".join(words).encode()


def _start_of_the_machine() -> bytes:
    """Return the line that no other machine has, nor this one once it has started again: devices are renumbered then.

    It is empty where the system has no such number.
    """
    try:
        with open("/proc/sys/kernel/random/boot_id", "rb") as file:
            return file.readline().strip()
    except OSError:
        return b""


def _record_bytes(recording: Recording) -> int:
    """Return how long a record is."""
    digests = sum(DIGEST_SIZES[name] // 2 for name in recording.hash_algorithms)
    return digests + (_MODE_BYTES if recording.modes else 0)


def _difference(content: bytes, header: bytes) -> str:
    """Return why a whole cache is of no use under `header`; empty if it is of an earlier start of the machine."""
    theirs, ours = content.split(b"\n", 2)[1], header.split(b"\n", 2)[1]
    if theirs == ours:
        return ""
    return (
        f"it was made with other options, {theirs.decode('ascii', 'replace')!r:.80} and not {ours.decode()!r}; give"
        " commands that record differently a cache each"
    )
