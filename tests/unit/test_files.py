from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

import pytest

from custody.errors import StoreError
from custody.files import read_file, write_file


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def no_space(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


# --- reading --------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 100, 200_000])
def test_a_file_is_read_whole(tmp_path: Path, size: int) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"x" * size)
    assert read_file(str(path), what="link", limit=200_000) == b"x" * size


def test_a_file_of_exactly_the_limit_is_read(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"1234")
    assert read_file(str(path), what="link", limit=4) == b"1234"


def test_a_file_larger_than_the_limit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"12345")
    with pytest.raises(StoreError, match=r"cannot read link '.*f': expected at most 4 bytes, got more"):
        read_file(str(path), what="link", limit=4)


def test_a_file_whose_size_the_system_does_not_know_is_read_whole() -> None:
    assert read_file("/proc/self/status", what="status", limit=1_000_000).startswith(b"Name:")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"cannot read layout '.*gone': No such file"):
        read_file(str(tmp_path / "gone"), what="layout", limit=1)


def test_a_fifo_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    with pytest.raises(StoreError, match="not a regular file"):
        read_file(str(path), what="link", limit=1)


@pytest.mark.parametrize("path", ["/", "/dev/null", "/dev/zero"])
def test_directories_and_devices_are_refused(path: str) -> None:
    with pytest.raises(StoreError, match="not a regular file"):
        read_file(path, what="link", limit=1)


def test_refused_files_leave_no_descriptor_open(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for path in (tmp_path, "/dev/null"):
        with pytest.raises(StoreError):
            read_file(str(path), what="link", limit=1)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("s")
        with pytest.raises(StoreError, match="cannot read link 's'"):
            read_file("s", what="link", limit=1)


@pytest.mark.parametrize("path", ["a\0b", "\ud800"])
def test_what_is_no_file_name_cannot_be_read(path: str) -> None:
    with pytest.raises(StoreError, match="that is no file name"):
        read_file(path, what="link", limit=1)


# --- writing --------------------------------------------------------------------------------------


@pytest.mark.parametrize("replace", [True, False])
def test_a_new_file_holds_the_bytes_and_nothing_else_is_left(tmp_path: Path, replace: bool) -> None:
    write_file(str(tmp_path / "f"), b"new", what="link", replace=replace)
    assert (tmp_path / "f").read_bytes() == b"new"
    assert names(tmp_path) == ["f"]


def test_a_file_in_the_current_directory_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_file("f", b"new", what="link")
    assert names(tmp_path) == ["f"]


def test_an_existing_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old")
    write_file(str(path), b"new", what="link")
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["f"]


def test_an_existing_file_is_not_replaced_unless_allowed(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old")
    with pytest.raises(StoreError, match=r"link '.*f' exists already and is left as it is"):
        write_file(str(path), b"new", what="link", replace=False)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["f"]


def test_a_dangling_symlink_counts_as_existing(tmp_path: Path) -> None:
    (tmp_path / "f").symlink_to("nowhere")
    with pytest.raises(StoreError, match="exists already"):
        write_file(str(tmp_path / "f"), b"new", what="link", replace=False)
    assert names(tmp_path) == ["f"]


def test_a_file_that_appears_meanwhile_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, fsync = tmp_path / "f", os.fsync

    def appear(descriptor: int) -> None:
        path.write_bytes(b"theirs")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", appear)
    with pytest.raises(StoreError, match="exists already"):
        write_file(str(path), b"ours", what="link", replace=False)
    assert path.read_bytes() == b"theirs"
    assert names(tmp_path) == ["f"]


def test_a_file_system_without_hard_links_still_never_replaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "f"

    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)
    write_file(str(path), b"one", what="key", mode=0o600, replace=False)
    with pytest.raises(StoreError, match="exists already"):
        write_file(str(path), b"two", what="key", replace=False)
    assert path.read_bytes() == b"one"
    assert names(tmp_path) == ["f"]


@pytest.mark.parametrize("replace", [True, False])
def test_a_full_disk_leaves_everything_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, replace: bool
) -> None:
    path = tmp_path / "f"
    if replace:
        path.write_bytes(b"old")
    before = names(tmp_path)
    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(StoreError, match=r"cannot write link '.*f': No space left on device"):
        write_file(str(path), b"new", what="link", replace=replace)
    assert names(tmp_path) == before
    assert not replace or path.read_bytes() == b"old"


def test_an_interruption_leaves_everything_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_file(str(path), b"new", what="link")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["f"]


def test_a_device_that_is_full_is_an_error() -> None:
    with pytest.raises(StoreError, match="not a regular file"):
        write_file("/dev/full", b"x", what="link")


@pytest.mark.parametrize("kind", ["fifo", "directory", "symlink to a fifo"])
def test_what_is_no_regular_file_is_never_replaced(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "special"
    if kind == "directory":
        path.mkdir()
    else:
        os.mkfifo(tmp_path / "fifo")
        path.symlink_to("fifo")
        path = tmp_path / "fifo" if kind == "fifo" else path
    before = names(tmp_path)
    with pytest.raises(StoreError, match="exists and is not a regular file"):
        write_file(str(path), b"x", what="link")
    assert names(tmp_path) == before
    assert not path.is_file()


def test_what_a_symlink_leads_to_is_never_written(tmp_path: Path) -> None:
    target, path = tmp_path / "target", tmp_path / "f"
    target.write_bytes(b"theirs")
    path.symlink_to(target)
    write_file(str(path), b"ours", what="link")
    assert target.read_bytes() == b"theirs"
    assert path.read_bytes() == b"ours"
    assert not path.is_symlink()


def test_a_missing_directory_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"cannot write link '.*/f': No such file or directory"):
        write_file(str(tmp_path / "gone" / "f"), b"x", what="link")


@pytest.mark.parametrize("path", ["", "a\0b", "\ud800"])
def test_what_is_no_file_name_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError, match="cannot write link"):
        write_file(path, b"x", what="link")
    assert names(tmp_path) == []


@pytest.mark.parametrize("replace", [True, False])
@pytest.mark.parametrize("name", ["n" * 255, "\u5b57" * 85, "\U0001f512" * 63])
def test_the_longest_names_can_be_written(tmp_path: Path, name: str, replace: bool) -> None:
    write_file(str(tmp_path / name), b"x", what="link", replace=replace)
    assert names(tmp_path) == [name]


@pytest.mark.parametrize(
    ("mode", "umask", "expected"),
    [(0o600, 0o000, 0o600), (0o666, 0o022, 0o644), (0o666, 0o077, 0o600)],
)
def test_the_mode_is_cut_by_the_umask(tmp_path: Path, mode: int, umask: int, expected: int) -> None:
    path = tmp_path / "key"
    before = os.umask(umask)
    try:
        write_file(str(path), b"x", what="key", mode=mode)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == expected


def test_a_private_file_is_private_before_it_has_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    fsync = os.fsync

    def look(descriptor: int) -> None:
        seen.append(os.fstat(descriptor).st_mode & 0o777)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", look)
    (tmp_path / "key").touch(0o644)
    write_file(str(tmp_path / "key"), b"x", what="key", mode=0o600)
    assert seen == [0o600]
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("durable", "flushed"), [(True, 1), (False, 0)])
@pytest.mark.parametrize("replace", [True, False])
def test_what_has_to_outlast_a_power_cut_is_flushed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, durable: bool, flushed: int, replace: bool
) -> None:
    seen: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: seen.append(os.fstat(descriptor).st_size))
    write_file(str(tmp_path / "f"), b"content", what="link", replace=replace, durable=durable)
    assert seen == [len(b"content")] * flushed
    assert (tmp_path / "f").read_bytes() == b"content"
