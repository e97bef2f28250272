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

__all__ = ["CHUNK_BYTES", "Job", "digest_files"]

CHUNK_BYTES = 1 << 20
"""How much of a file is in memory at once."""

Job = tuple[str, str]
"""The name of an artifact, and where its file lies."""

_NEW = {"sha256": hashlib.sha256, "sha384": hashlib.sha384, "sha512": hashlib.sha512}

_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK


def digest_files(jobs: Iterable[Job], recording: Recording) -> dict[str, Mapping[str, str]]:
    """Return name to digests, in the order of `jobs`.

    Each job stands alone: `digest_files(a + b, r) == digest_files(a, r) | digest_files(b, r)`.

    Raises:
        RecordingError: a file cannot be read, is no regular file, or changes while it is read.

    """
    return {name: _digest_file(location, recording) for name, location in jobs}


def _digest_file(location: str, recording: Recording) -> dict[str, str]:
    """Return the digests of the file at `location`."""
    try:
        descriptor = os.open(location, _FLAGS)
        try:
            before = os.fstat(descriptor)
            if not stat.S_ISREG(before.st_mode):
                raise _changed(location, f"expected a regular file, got a {kind_of(before.st_mode)}")
            digests = _digest_content(descriptor, location, before.st_size, recording)
            after = os.fstat(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise RecordingError(f"cannot read {shown(location)}: {error.strerror}") from error
    if after.st_mtime_ns != before.st_mtime_ns or after.st_size != before.st_size:
        raise _changed(location, "expected size and modification time to stay as they were")
    if recording.modes:
        digests["mode"] = f"{stat.S_IMODE(after.st_mode):04o}"
    return digests


def _digest_content(descriptor: int, location: str, size: int, recording: Recording) -> dict[str, str]:
    """Return the digests of what `descriptor` holds, read once."""
    algorithms = recording.hash_algorithms
    chunks = _read(descriptor, location, size)
    if recording.normalize_line_endings:
        chunks = _normalized(chunks)
    elif size < CHUNK_BYTES:
        data = b"".join(chunks)
        return {name: _NEW[name](data).hexdigest() for name in algorithms}
    hashes = {name: _NEW[name]() for name in algorithms}
    for chunk in chunks:
        for running in hashes.values():
            running.update(chunk)
    return {name: running.hexdigest() for name, running in hashes.items()}


def _read(descriptor: int, location: str, size: int) -> Iterator[bytes]:
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


def _normalized(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield `chunks` with CRLF and CR as LF; a CR at the end waits for what follows it."""
    held = b""
    for chunk in chunks:
        data = held + chunk
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
