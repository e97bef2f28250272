"""Tests of `custody.artifacts.cache`: what it answers is what reading would have said, or it does not answer."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from custody.artifacts import cache, workers
from custody.artifacts.cache import DigestCache
from custody.artifacts.cached import record_with_cache
from custody.artifacts.digest import read_record
from custody.artifacts.options import Recording
from custody.errors import RecordingError
from tests.unit.artifacts.caches import OLD, cached, make_tree, plain, tick


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    make_tree(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("rested")
def test_what_has_not_changed_is_not_read_again(read: list[str]) -> None:
    expected = plain()
    assert cached() == expected
    assert sorted(read) == ["src/a", "src/b", "src/in/c"]
    read.clear()
    assert cached() == expected
    assert read == []


def rewrite(here: Path) -> None:
    (here / "src" / "a").write_text("AAA")


def rewrite_secretly(here: Path) -> None:
    rewrite(here)
    os.utime(here / "src" / "a", ns=(OLD, OLD))


def write_in_place_secretly(here: Path) -> None:
    with (here / "src" / "a").open("r+b") as file:
        file.write(b"A")
    os.utime(here / "src" / "a", ns=(OLD, OLD))


def append(here: Path) -> None:
    with (here / "src" / "a").open("ab") as file:
        file.write(b"!")


def replace(here: Path) -> None:
    (here / "other").write_text("AAA")
    os.utime(here / "other", ns=(OLD, OLD))
    (here / "other").rename(here / "src" / "a")


def replace_by_a_link(here: Path) -> None:
    (here / "src" / "a").unlink()
    (here / "src" / "a").symlink_to("b")


def swap(here: Path) -> None:
    (here / "src" / "a").rename(here / "other")
    (here / "src" / "b").rename(here / "src" / "a")
    (here / "other").rename(here / "src" / "b")


def touch(here: Path) -> None:
    (here / "src" / "a").touch()


def change_mode(here: Path) -> None:
    (here / "src" / "a").chmod(0o700)


@pytest.mark.usefixtures("rested")
@pytest.mark.parametrize(
    "change",
    [
        append,
        change_mode,
        replace,
        replace_by_a_link,
        rewrite,
        rewrite_secretly,
        swap,
        touch,
        write_in_place_secretly,
    ],
)
def test_what_has_changed_is_read_again(here: Path, read: list[str], change: Callable[[Path], None]) -> None:
    cached()
    read.clear()
    tick(here)
    change(here)
    assert cached() == plain()
    assert read[0] == "src/a"
    assert "src/in/c" not in read


@pytest.mark.usefixtures("rested")
def test_a_directory_that_takes_the_place_of_another_is_read(here: Path, read: list[str]) -> None:
    (here / "other").mkdir()
    (here / "other" / "c").write_text("IN/CIN/C!"[:12])
    cached()
    os.utime(here / "other" / "c", ns=(OLD, OLD))
    (here / "src" / "in").rename(here / "gone")
    (here / "other").rename(here / "src" / "in")
    read.clear()
    assert cached() == plain()
    assert read == ["src/in/c"]


@pytest.mark.usefixtures("rested")
def test_a_link_stands_for_the_file_it_leads_to(here: Path, read: list[str]) -> None:
    for name in ("one", "two"):
        (here / name).write_text(name)
        os.utime(here / name, ns=(OLD, OLD))
    (here / "src" / "link").symlink_to(here / "one")
    recorded = record_with_cache(["src"], Recording(), "cache").artifacts["src/link"]
    assert recorded == {"sha256": hashlib.sha256(b"one").hexdigest()}
    (here / "src" / "link").unlink()
    (here / "src" / "link").symlink_to(here / "two")
    read.clear()
    recorded = record_with_cache(["src"], Recording(), "cache").artifacts["src/link"]
    assert recorded == {"sha256": hashlib.sha256(b"two").hexdigest()}
    assert read == ["src/link"]


FIELDS = {"st_mode": 0, "st_ino": 1, "st_dev": 2, "st_size": 6}


@pytest.mark.parametrize("aspect", [*FIELDS, "st_mtime_ns", "st_ctime_ns"])
def test_every_aspect_of_a_file_is_part_of_its_identity(here: Path, aspect: str) -> None:
    found = (here / "src" / "a").stat()
    values = list(found)
    times = {"st_mtime_ns": found.st_mtime_ns, "st_ctime_ns": found.st_ctime_ns}
    assert cache._identity(os.stat_result(values, times)) == cache._identity(found)
    if aspect in times:
        times[aspect] += 1
    else:
        values[FIELDS[aspect]] += 1
    assert cache._identity(os.stat_result(values, times)) != cache._identity(found)


def test_a_file_of_a_time_out_of_bounds_has_no_identity(here: Path) -> None:
    found = (here / "src" / "a").stat()
    times = {"st_mtime_ns": -(1 << 64), "st_ctime_ns": found.st_ctime_ns}
    assert cache._identity(os.stat_result(list(found), times)) == cache._NOBODY


@pytest.mark.parametrize("change", [rewrite_secretly, write_in_place_secretly])
def test_a_file_that_had_not_rested_is_read_again(here: Path, read: list[str], change: Callable[[Path], None]) -> None:
    cached()
    change(here)  # within a tick of the clock nothing but the content need differ
    read.clear()
    assert cached() == plain()
    assert sorted(read) == ["src/a", "src/b", "src/in/c"]


def test_a_file_has_rested_two_seconds_after_its_last_change(
    here: Path, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = (here / "src" / "a").stat().st_ctime_ns
    for after, reads in ((2_000_000_000, 1), (2_000_000_001, 1), (2_000_000_001, 0)):
        monkeypatch.setattr(time, "time_ns", lambda after=after: changed + after)
        read.clear()
        cached(path="src/a")
        assert len(read) == reads


def test_a_file_from_the_future_is_always_read(here: Path, read: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    now = (here / "src" / "a").stat().st_ctime_ns
    os.utime(here / "src" / "a", ns=(now + 10**13, now + 10**13))
    monkeypatch.setattr(time, "time_ns", lambda: now + 10**12)
    cached()
    read.clear()
    assert cached() == plain()
    assert read == ["src/a"]


@pytest.mark.usefixtures("rested")
def test_the_identity_is_that_of_what_was_read_not_of_what_lay_there_before_and_after(
    here: Path, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "evil").mkdir()
    (here / "evil" / "c").write_text("evil")

    def swapped(location: str, recording: Recording) -> tuple[bytes, os.stat_result]:
        (here / "src" / "in").rename(here / "src" / "kept")
        (here / "evil").rename(here / "src" / "in")
        try:
            return read_record(location, recording)
        finally:
            (here / "src" / "in").rename(here / "evil")
            (here / "src" / "kept").rename(here / "src" / "in")

    with monkeypatch.context() as during:
        during.setattr(cache, "read_record", swapped)
        lying = cached(path="src/in")
    assert lying["src/in/c"] == hashlib.sha256(b"evil").hexdigest()
    read.clear()
    assert cached(path="src/in") == plain(path="src/in")
    assert read == ["src/in/c"]


@pytest.mark.usefixtures("rested")
def test_what_is_gone_is_forgotten_and_what_is_new_is_learnt(here: Path, read: list[str]) -> None:
    cached()
    (here / "src" / "a").rename(here / "src" / "d")
    assert cached() == plain()
    content = (here / "cache").read_bytes()
    assert b"src/a" not in content
    assert b"src/d" in content
    read.clear()
    assert cached() == plain()
    assert read == []


@pytest.mark.usefixtures("rested")
def test_names_may_hold_whatever_names_hold(here: Path, read: list[str]) -> None:
    for name in ("line\nfeed", "ünï", "\U0001f600", "-", " "):
        (here / "src" / name).write_text(name)
    assert cached() == plain()
    read.clear()
    assert cached() == plain()
    assert read == []


@pytest.mark.usefixtures("rested")
def test_paths_are_seen_from_the_base_path(here: Path, read: list[str]) -> None:
    below = Recording(base_path="src")
    assert cached(below, ".") == plain(below, ".")
    read.clear()
    assert cached(below, ".") == plain(below, ".")
    assert read == []
    shutil.copytree(here / "src", here / "copy")
    (here / "copy" / "a").write_text("AAA")
    beside = Recording(base_path="copy")
    assert cached(beside, ".") == plain(beside, ".")
    assert len(read) == 3


@pytest.mark.usefixtures("rested")
@pytest.mark.parametrize("processes", [1, 2])
def test_many_files_are_looked_up_and_read_by_several_processes(
    here: Path, monkeypatch: pytest.MonkeyPatch, processes: int
) -> None:
    monkeypatch.setattr(workers, "how_many", lambda: processes)
    for number in range(1700):
        (here / "src" / f"{number:04}").write_text(f"{number:04}")
    assert cached() == plain()
    for step in (1700, 850, 2):  # none, some, and enough changes that they are read by several processes
        tick(here)
        for number in range(0, 1700, step):
            (here / "src" / f"{number:04}").write_text(f"{step + number:04}")
        assert cached() == plain()
    assert cached() == plain()


@pytest.mark.usefixtures("rested")
def test_a_process_that_is_killed_while_it_looks_is_an_error(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(600):
        (here / "src" / f"{number:04}").write_text("x")
    cached()
    content = (here / "cache").read_bytes()
    caller = os.getpid()

    def dying(*_: object) -> bytes:
        assert os.getpid() != caller
        os.kill(os.getpid(), signal.SIGKILL)
        return b""

    monkeypatch.setattr(workers, "how_many", lambda: 2)
    monkeypatch.setattr(DigestCache, "changed", dying)
    with pytest.raises(RecordingError, match="was ended by signal 9 before its work was done"):
        cached()
    assert (here / "cache").read_bytes() == content
