"""Tests of `custody.artifacts.digest`: what is read is what was there, or it is an error."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

import cryptography.hazmat.primitives.hashes  # noqa: F401  # whoever signs has it
import pytest

from custody.artifacts import digest
from custody.artifacts.digest import digest_file
from custody.artifacts.options import Recording
from custody.artifacts.recording import record
from custody.errors import RecordingError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(b"content")
    return path


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digest, "CHUNK_BYTES", 4)


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("size", range(14))
def test_any_size_around_the_chunks_is_read_whole(file: Path, size: int) -> None:
    data = bytes(range(size))
    file.write_bytes(data)
    algorithms = ("sha256", "sha512")
    assert digest_file(str(file), Recording(hash_algorithms=algorithms)) == {
        name: hashlib.new(name, data).hexdigest() for name in algorithms
    }


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("before", range(6))
@pytest.mark.parametrize("ending", [b"\r\n", b"\r", b"\n", b"\r\r\n", b"\r\n\r"])
@pytest.mark.parametrize("after", [b"", b"z"])
def test_line_endings_are_normalised_across_chunks(file: Path, before: int, ending: bytes, after: bytes) -> None:
    data = b"x" * before + ending + after
    file.write_bytes(data)
    expected = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    recorded = digest_file(str(file), Recording(normalize_line_endings=True))
    assert recorded["sha256"] == hashlib.sha256(expected).hexdigest()


def test_a_file_larger_than_a_chunk_is_read_in_pieces(file: Path) -> None:
    data = os.urandom(digest.CHUNK_BYTES) * 2 + b"end"
    file.write_bytes(data)
    recorded = digest_file(str(file), Recording())
    assert recorded["sha256"] == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
def test_a_small_file_is_hashed_by_the_library_that_is_loaded(
    file: Path, algorithm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = Recording(hash_algorithms=(algorithm,))
    expected = {algorithm: hashlib.new(algorithm, b"content").hexdigest()}
    monkeypatch.setattr(digest, "_NEW", {})
    monkeypatch.delitem(sys.modules, "hashlib")
    assert "cryptography.hazmat.primitives.hashes" in sys.modules
    assert digest_file(str(file), recording) == expected
    assert "hashlib" not in sys.modules
    monkeypatch.delitem(sys.modules, "cryptography.hazmat.primitives.hashes")
    assert digest_file(str(file), recording) == expected
    assert "hashlib" in sys.modules
    file.write_bytes(b"CONTENT")
    assert digest_file(str(file), recording) != expected


def append(path: Path) -> None:
    with path.open("ab") as more:
        more.write(b"!")


def rewrite(path: Path) -> None:
    path.write_bytes(b"CONTENT")
    os.utime(path, ns=(1, 1))


def append_secretly(path: Path) -> None:
    times = path.stat()
    append(path)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def truncate(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("change", [append, append_secretly, rewrite, truncate])
@pytest.mark.parametrize("when", ["before the read", "after the read"])
def test_a_file_that_changes_while_it_is_read_is_refused(
    file: Path, change: Callable[[Path], None], when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = os.pread

    def read_and_change(descriptor: int, size: int, offset: int) -> bytes:
        if when == "before the read":
            change(file)
        data = read(descriptor, size, offset)
        if when == "after the read":
            change(file)
        return data

    monkeypatch.setattr(os, "pread", read_and_change)
    with pytest.raises(RecordingError, match="changed while it was read"):
        digest_file(str(file), Recording())


def test_a_file_with_more_bytes_than_its_size_is_refused() -> None:
    # The system makes the content of this file up when it is read, and says it has 0 bytes.
    with pytest.raises(RecordingError, match="expected 0 bytes, got more"):
        record(["/proc/self/status"])


def test_a_file_that_became_a_fifo_is_refused_without_blocking(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(RecordingError, match="got a FIFO"):
        digest_file(str(tmp_path / "fifo"), Recording())


def test_a_file_that_became_a_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="got a directory"):
        digest_file(str(tmp_path), Recording())


def test_a_file_that_went_away_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"cannot read '.*gone': No such file"):
        digest_file(str(tmp_path / "gone"), Recording())


def test_an_unreadable_file_is_an_error_with_the_reason_of_the_system() -> None:
    # Nothing is mapped at address 0, so that reading fails, also for root.
    with pytest.raises(RecordingError, match="cannot read '/proc/self/mem': Input/output error"):
        record(["/proc/self/mem"])


def test_no_descriptor_stays_open(file: Path, tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    digest_file(str(file), Recording())
    with pytest.raises(RecordingError):
        digest_file(str(tmp_path), Recording())
    assert len(os.listdir("/proc/self/fd")) == before
