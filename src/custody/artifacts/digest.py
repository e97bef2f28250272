"""Digests of files: one open, one pass, every algorithm.

The walk has seen a regular file, but by now anything may be there. So a file is opened without
blocking, looked at through the descriptor, read, and looked at again: what changes while it is read
has no digest.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from custody.artifacts.names import shown
from custody.artifacts.options import Recording
from custody.artifacts.places import kind_of
from custody.errors import RecordingError
from custody.rules.artifacts import DIGEST_SIZES
from custody.rules.digests import MODE

if TYPE_CHECKING:
    from hashlib import _Hash as HASH

__all__ = [
    "CHUNK_BYTES",
    "LARGE_FILE_BYTES",
    "Part",
    "digest_file",
    "digests_by_name",
    "load_hashlib",
    "parts_of",
    "read_record",
]

CHUNK_BYTES = 1 << 20
"""How much of a file is in memory at once."""

LARGE_FILE_BYTES = 32 << 20
"""From here on a file is read ahead while it is hashed."""

Buffer = bytes | memoryview

Part = tuple[str, int, int]
"""A part of a record: the name of the digest, where it starts and where it ends."""

_MODE_BYTES = 2

_NEW: dict[str, Callable[..., HASH]] = {}
"""What makes a hash by its algorithm, once `hashlib` is loaded."""

_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK


def read_record(location: str, recording: Recording) -> tuple[bytes, os.stat_result]:
    """Return the record of the file at `location`, and what the system says of the file that was read.

    Raises:
        RecordingError: it cannot be read, is no regular file, or changes while it is read.

    """
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
    return record, after


def digest_file(location: str, recording: Recording) -> dict[str, str]:
    """Return the digests of the file at `location`; a RecordingError as `read_record`."""
    return digests_by_name([("", read_record(location, recording)[0])], recording)[""]


def digests_by_name(records: Iterable[tuple[str, bytes]], recording: Recording) -> dict[str, dict[str, str]]:
    """Return name to digests, given name and record of each file."""
    parts = parts_of(recording)
    if len(parts) == 1 and not recording.modes:  # the usual case, and the fast one
        algorithm = parts[0][0]
        return {name: {algorithm: record.hex()} for name, record in records}
    return {name: {part: _text(part, record[start:end]) for part, start, end in parts} for name, record in records}


def parts_of(recording: Recording) -> list[Part]:
    """Return what a record holds."""
    parts: list[Part] = []
    end = 0
    for name in (*recording.hash_algorithms, *((MODE,) if recording.modes else ())):
        start, end = end, end + (_MODE_BYTES if name == MODE else DIGEST_SIZES[name] // 2)
        parts.append((name, start, end))
    return parts


def _text(part: str, value: bytes) -> str:
    return f"{int.from_bytes(value):04o}" if part == MODE else value.hex()


def _digest_content(descriptor: int, location: str, size: int, recording: Recording) -> bytes:
    """Return the digests of what `descriptor` holds, read once."""
    algorithms = recording.hash_algorithms
    if size < CHUNK_BYTES and not recording.normalize_line_endings:
        # One byte more than there should be: an answer of the right size is then the whole, without another call.
        data = os.pread(descriptor, size + 1, 0)
        if len(data) == size:
            digests = [_NEW[name](data).digest() if _NEW else _small_digest(name, data) for name in algorithms]
            return digests[0] if len(digests) == 1 else b"".join(digests)
    if size < LARGE_FILE_BYTES:
        chunks = _read(descriptor, location, size)
    else:
        from custody.artifacts.ahead import read_ahead

        chunks = _counted(read_ahead(descriptor, CHUNK_BYTES), location, size)
    if recording.normalize_line_endings:
        chunks = _normalized(chunks)
    load_hashlib()
    hashes = [_NEW[name]() for name in algorithms]
    for chunk in chunks:
        for running in hashes:
            running.update(chunk)
    return b"".join([running.digest() for running in hashes])


def load_hashlib() -> None:
    """Be ready for many files or large ones."""
    import hashlib

    _NEW.update({name: getattr(hashlib, name) for name in DIGEST_SIZES})


def _small_digest(algorithm: str, data: bytes) -> bytes:
    """Return the digest of the content of one of a few small files.

    `hashlib` loads a second OpenSSL, the system's, where whoever signs has loaded the one of pyca/cryptography. That
    takes as long as hashing thousands of such files, for each of which `hashlib` is twice as fast.
    """
    if "hashlib" in sys.modules or "cryptography.hazmat.primitives.hashes" not in sys.modules:
        load_hashlib()
        return _NEW[algorithm](data).digest()
    from custody.encoding.hashing import digest

    return digest(algorithm, data)


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
