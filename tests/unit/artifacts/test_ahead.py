"""Tests of `custody.artifacts.ahead`, and of large files, which are read with it."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

import pytest

from custody.artifacts import digest
from custody.artifacts.ahead import read_ahead
from custody.artifacts.digest import digest_file
from custody.artifacts.options import Recording
from custody.errors import RecordingError


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digest, "LARGE_FILE_BYTES", 10)
    monkeypatch.setattr(digest, "CHUNK_BYTES", 4)


@pytest.mark.parametrize("size", [0, 1, 3, 4, 5, 8, 100, 1001])
def test_parts_joined_are_the_file(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    (tmp_path / "f").write_bytes(data)
    with (tmp_path / "f").open("rb") as file:
        assert b"".join(bytes(part) for part in read_ahead(file.fileno(), 4)) == data


def test_reader_ends_with_whoever_asked_for_it(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x" * 1000)
    before = threading.active_count()
    with (tmp_path / "f").open("rb") as file:
        parts = read_ahead(file.fileno(), 4)
        assert bytes(next(parts)) == b"xxxx"
        parts.close()  # type: ignore[attr-defined]  # a generator
        assert threading.active_count() == before


def test_error_of_the_reader_is_raised_here(tmp_path: Path) -> None:
    directory = os.open(tmp_path, os.O_RDONLY)
    with pytest.raises(IsADirectoryError):
        next(read_ahead(directory, 4))
    os.close(directory)


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("normalize", [False, True])
def test_large_file_has_the_digest_of_its_bytes(tmp_path: Path, normalize: bool) -> None:
    data = b"line\r\n" * 50 + b"\r"
    (tmp_path / "f").write_bytes(data)
    expected = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if normalize else data
    how = Recording(normalize_line_endings=normalize, hash_algorithms=("sha256", "sha384"))
    assert digest_file(str(tmp_path / "f"), how) == {
        name: hashlib.new(name, expected).hexdigest() for name in ("sha256", "sha384")
    }


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize(("size", "how"), [(25, "expected 30 bytes, got 25"), (35, "expected 30 bytes, got more")])
def test_large_file_of_another_size_than_it_had_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, how: str
) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"x" * 30)
    look = os.fstat

    def look_and_change(descriptor: int) -> os.stat_result:
        found = look(descriptor)
        os.truncate(path, size)
        return found

    monkeypatch.setattr(os, "fstat", look_and_change)
    with pytest.raises(RecordingError, match=how):
        digest_file(str(path), Recording())
