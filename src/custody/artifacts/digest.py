"""Digests of files: one open, one pass, every algorithm.

The walk has seen a regular file, but by now anything may be there. So a file is opened without
blocking, looked at through the descriptor, read, and looked at again: what changes while it is read
has no digest.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping

from custody.artifacts.names import shown
from custody.artifacts.options import Recording
from custody.artifacts.places import kind_of
from custody.errors import RecordingError
from custody.rules.digests import MODE

__all__ = ["CHUNK_BYTES", "LARGE_FILE_BYTES", "MANY_FILES", "Job", "digest_files"]

CHUNK_BYTES = 1 << 20
"""How much of a file is in memory at once."""

MANY_FILES = 500
"""So many files are worth several processes; for fewer, starting them takes longer than it saves."""

LARGE_FILE_BYTES = 32 << 20
"""From here on a file is read ahead while it is hashed."""

Job = tuple[str, str]
"""The name of an artifact, and where its file lies."""

Buffer = bytes | memoryview

_MODE_BYTES = 2

_NEW = {"sha256": hashlib.sha256, "sha384": hashlib.sha384, "sha512": hashlib.sha512}

_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK


def digest_files(jobs: Iterable[Job], recording: Recording) -> dict[str, Mapping[str, str]]:
    """Return name to digests, in the order of `jobs`; many files are read by several processes at once.

    Each job stands alone: `digest_files(a + b, r) == digest_files(a, r) | digest_files(b, r)`.

    Raises:
        RecordingError: a file cannot be read, is no regular file, or changes while it is read.

    """
    listed = list(jobs)

    def work(start: int, stop: int) -> bytes:
        return b"".join([_digest_file(location, recording) for _, location in listed[start:stop]])

    if len(listed) >= MANY_FILES:
        from custody.artifacts.workers import how_many, spread

        workers = how_many()
        if workers > 1:
            return _unpack(listed, spread(work, len(listed), workers), recording)
    return _unpack(listed, [work(0, len(listed))], recording)


def _unpack(jobs: Iterable[Job], batches: Iterable[bytes], recording: Recording) -> dict[str, Mapping[str, str]]:
    """Return name to digests, given the records of all jobs in their order."""
    parts = _parts(recording)
    length = parts[-1][2]
    names = iter([name for name, _ in jobs])
    found: dict[str, Mapping[str, str]] = {}
    if len(parts) == 1:  # the usual case, and the fast one
        (algorithm, _, _) = parts[0]
        for batch in batches:
            text = batch.hex()
            found.update(
                (name, {algorithm: text[at : at + 2 * length]})
                for at, name in zip(range(0, 2 * len(batch), 2 * length), names, strict=False)
            )
        return found
    for batch in batches:
        for at in range(0, len(batch), length):
            record = batch[at : at + length]
            found[next(names)] = {part: _text(part, record[start:end]) for part, start, end in parts}
    return found


def _parts(recording: Recording) -> list[tuple[str, int, int]]:
    """Return what a record holds: the name of each digest, where it starts and where it ends."""
    parts: list[tuple[str, int, int]] = []
    end = 0
    for name in (*recording.hash_algorithms, *((MODE,) if recording.modes else ())):
        start, end = end, end + (_MODE_BYTES if name == MODE else _NEW[name]().digest_size)
        parts.append((name, start, end))
    return parts


def _text(part: str, value: bytes) -> str:
    return f"{int.from_bytes(value):04o}" if part == MODE else value.hex()


def _digest_file(location: str, recording: Recording) -> bytes:
    """Return the record of the file at `location`: its digests, and its mode if that is recorded."""
    try:
        descriptor = os.open(location, _FLAGS)
        try:
            before = os.fstat(descriptor)
            if not stat.S_ISREG(before.st_mode):
                raise _changed(location, f"expected a regular file, got a {kind_of(before.st_mode)}")
            record = _digest_content(descriptor, location, before.st_size, recording)
            after = os.fstat(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise RecordingError(f"cannot read {shown(location)}: {error.strerror}") from error
    # The change time moves also when a writer sets the modification time back.
    if (
        after.st_mtime_ns != before.st_mtime_ns
        or after.st_ctime_ns != before.st_ctime_ns
        or after.st_size != before.st_size
    ):
        raise _changed(location, "expected its size and times to stay as they were")
    if recording.modes:
        record += stat.S_IMODE(after.st_mode).to_bytes(_MODE_BYTES)
    return record


def _digest_content(descriptor: int, location: str, size: int, recording: Recording) -> bytes:
    """Return the digests of what `descriptor` holds, read once."""
    algorithms = recording.hash_algorithms
    if size < LARGE_FILE_BYTES:
        chunks = _read(descriptor, location, size)
    else:
        from custody.artifacts.ahead import read_ahead

        chunks = _counted(read_ahead(descriptor, CHUNK_BYTES), location, size)
    if recording.normalize_line_endings:
        chunks = _normalized(chunks)
    elif size < CHUNK_BYTES:
        data = b"".join(chunks)
        return b"".join([_NEW[name](data).digest() for name in algorithms])
    hashes = [_NEW[name]() for name in algorithms]
    for chunk in chunks:
        for running in hashes:
            running.update(chunk)
    return b"".join([running.digest() for running in hashes])


def _counted(chunks: Iterable[memoryview], location: str, size: int) -> Iterator[memoryview]:
    """Yield `chunks`, or raise because together they are not exactly `size` bytes."""
    left = size
    for chunk in chunks:
        left -= len(chunk)
        if left < 0:
            break
        yield chunk
    if left:
        raise _changed(location, f"expected {size} bytes, got {'more' if left < 0 else size - left}")


def _read(descriptor: int, location: str, size: int) -> Iterator[Buffer]:
    """Yield exactly `size` bytes, or raise because there are more or fewer."""
    left = size
    while left >= 0:
        # One byte more than there should be: a short answer is then the end, without another call.
        wanted = min(left + 1, CHUNK_BYTES)
        chunk = os.read(descriptor, wanted)
        left -= len(chunk)
        yield chunk
        if not chunk or (not left and len(chunk) < wanted):
            break
    if left:
        raise _changed(location, f"expected {size} bytes, got {'more' if left < 0 else size - left}")


def _normalized(chunks: Iterable[Buffer]) -> Iterator[bytes]:
    """Yield `chunks` with CRLF and CR as LF; a CR at the end waits for what follows it."""
    held = b""
    for chunk in chunks:
        data = held + bytes(chunk)
        held = b"\r" if data.endswith(b"\r") else b""
        yield data.removesuffix(held).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if held:
        yield b"\n"


def _changed(location: str, how: str) -> RecordingError:
    """Return the error for a file that is not what it was a moment ago."""
    return RecordingError(
        f"cannot record {shown(location)}: it changed while it was read ({how}); record it when nothing writes to it,"
        " or exclude it"
    )
