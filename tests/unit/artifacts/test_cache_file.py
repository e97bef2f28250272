"""Tests of the file of a digest cache: whose it has to be, what makes it useless, when it is written."""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from custody.artifacts import cache
from custody.artifacts.cache import DigestCache
from custody.artifacts.cached import record_with_cache
from custody.artifacts.options import Recording
from custody.artifacts.recording import record
from custody.errors import RecordingError, StoreError
from tests.unit.artifacts.caches import FALSE, answers, cached, lie, make_tree, plain


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    make_tree(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("rested")
def test_the_file_is_private_and_written_only_if_something_changed(here: Path) -> None:
    cached()
    first = (here / "cache").stat()
    assert first.st_mode & 0o777 == 0o600
    cached()
    assert (here / "cache").stat().st_ino == first.st_ino
    (here / "src" / "new").write_text("new")
    cached()
    assert (here / "cache").stat().st_ino != first.st_ino
    assert (here / "cache").stat().st_mode & 0o777 == 0o600
    assert {path.name for path in here.iterdir()} == {"src", "cache"}


@pytest.mark.usefixtures("rested")
def test_a_recording_of_no_files_leaves_the_cache_alone(here: Path) -> None:
    cached()
    content = (here / "cache").read_bytes()
    assert record_with_cache([], Recording(), "cache").artifacts == {}
    assert (here / "cache").read_bytes() == content


@pytest.mark.usefixtures("rested")
def test_a_recording_that_fails_leaves_the_cache_alone(here: Path) -> None:
    cached()
    content = (here / "cache").read_bytes()
    (here / "src" / "new").write_text("new")
    with pytest.raises(RecordingError):
        record_with_cache(["src", "missing"], Recording(), "cache")
    assert (here / "cache").read_bytes() == content


@pytest.mark.usefixtures("rested")
def test_a_write_that_is_interrupted_leaves_the_old_cache(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cached()
    content = (here / "cache").read_bytes()
    (here / "src" / "new").write_text("new")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as during:
        during.setattr(os, "fsync", full)
        with pytest.raises(StoreError, match="cannot write the digest cache 'cache': No space left"):
            cached()
    assert (here / "cache").read_bytes() == content
    assert {path.name for path in here.iterdir()} == {"src", "cache"}
    assert cached() == plain()


OTHERS = [
    Recording(hash_algorithms=("sha512", "sha256")),
    Recording(hash_algorithms=("sha256", "sha512")),
    Recording(normalize_line_endings=True),
    Recording(modes=True),
]


@pytest.mark.usefixtures("rested")
@pytest.mark.parametrize("other", OTHERS)
def test_a_cache_of_other_options_does_not_answer(read: list[str], other: Recording) -> None:
    cached()
    read.clear()
    recorded = record_with_cache(["src"], other, "cache")
    assert recorded.artifacts == record(["src"], other).artifacts
    assert len(read) == 3
    (warning,) = recorded.warnings
    assert "it was made with other options, 'sha256' and not 'sha" in warning
    read.clear()
    assert record_with_cache(["src"], other, "cache") == record(["src"], other)
    assert read == []


@pytest.mark.usefixtures("rested")
def test_a_cache_of_an_earlier_start_of_the_machine_does_not_answer(
    read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "_start_of_the_machine", lambda: b"first")
    cached()
    read.clear()
    monkeypatch.setattr(cache, "_start_of_the_machine", lambda: b"second")
    assert cached() == plain()
    assert len(read) == 3


def test_a_machine_that_does_not_number_its_starts_has_an_empty_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(*_: object) -> None:
        raise FileNotFoundError

    monkeypatch.setattr("builtins.open", closed)
    assert cache._start_of_the_machine() == b""


@pytest.mark.usefixtures("rested")
def test_who_can_write_the_cache_can_make_a_link_lie() -> None:
    cached()
    lie("src/a")
    assert cached()["src/a"] == FALSE.hex()


def damage(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


@pytest.mark.usefixtures("rested")
@pytest.mark.parametrize("part", ["digest", "path", "count", "checksum", "cut", "longer", "shorter than a checksum"])
def test_a_damaged_cache_does_not_answer(here: Path, read: list[str], part: str) -> None:
    cached()
    lie("src/a")
    lying = (here / "cache").read_bytes()
    header = len(DigestCache("cache", Recording())._header)
    damaged = {
        "digest": damage(lying, lying.index(FALSE) + 3),
        "path": damage(lying, lying.index(b"src/a")),
        "count": damage(lying, header),
        "checksum": damage(lying, len(lying) - 1),
        "cut": lying[:-1],
        "longer": lying + b"\n",
        "shorter than a checksum": lying[: len(b"custody-digest-cache 1\n")],
    }[part]
    (here / "cache").write_bytes(damaged)
    read.clear()
    recorded = record_with_cache(["src"], Recording(), "cache")
    assert recorded.artifacts == record(["src"]).artifacts
    assert len(read) == 3
    assert recorded.warnings == ("the digest cache 'cache' is not used and will be made anew: it is damaged",)
    assert cached() == plain()


@pytest.mark.usefixtures("rested")
@pytest.mark.parametrize("what", ["counts", "encoding", "names", "nothing"])
def test_a_cache_that_was_made_up_is_damaged_too(here: Path, what: str) -> None:
    cached()
    lie("src/a")
    lying = (here / "cache").read_bytes()
    start = len(DigestCache("cache", Recording())._header)
    header, counts, rest = lying[:start], lying[start : start + 16], lying[start + 16 : -32]
    made_up = {
        "counts": header + struct.pack("<QQ", 1 << 60, 0) + rest,
        "encoding": header + counts + rest.replace(b"src/a", b"src/\xff"),
        "names": header + counts + rest.replace(b"src/a", b"src\0a"),
        "nothing": header,
    }[what]
    (here / "cache").write_bytes(made_up + hashlib.sha256(made_up).digest())
    recorded = record_with_cache(["src"], Recording(), "cache")
    assert recorded.artifacts == record(["src"]).artifacts
    assert recorded.warnings == ("the digest cache 'cache' is not used and will be made anew: it is damaged",)


def test_a_cache_of_another_version_does_not_answer(here: Path) -> None:
    (here / "cache").write_bytes(b"custody-digest-cache 2\nsomething new")
    (here / "cache").chmod(0o600)
    recorded = record_with_cache(["src"], Recording(), "cache")
    assert recorded.artifacts == record(["src"]).artifacts
    assert "it is of another version of custody" in recorded.warnings[0]
    cached()


@pytest.mark.usefixtures("rested")
def test_an_entry_of_nobody_answers_for_nobody(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = (here / "src" / "a").stat()
    strange = os.stat_result(list(found), {"st_mtime_ns": 1 << 64, "st_ctime_ns": found.st_ctime_ns})
    known = DigestCache("cache", Recording())
    known.keep({"src/a": cache._NOBODY + FALSE})
    known.write()
    known = DigestCache.read("cache", Recording())
    assert answers(known) == {}
    with monkeypatch.context() as during:
        during.setattr(os, "stat", lambda _: strange)
        assert answers(known) == {}


def make_other(path: Path) -> None:
    path.write_text("precious")


def make_link(path: Path) -> None:
    path.symlink_to(path.parent / "src" / "a")


def make_dangling_link(path: Path) -> None:
    path.symlink_to(path.parent / "nowhere")


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (make_other, "it holds something else, which would be lost; name another file"),
        (make_link, "it is a symbolic link; name the file it leads to"),
        (make_dangling_link, "it is a symbolic link; name the file it leads to"),
        (os.mkfifo, "it is not a regular file"),
        (os.mkdir, "it is not a regular file"),
    ],
)
def test_what_is_no_cache_is_refused_and_left_as_it_is(here: Path, make: Callable[[Path], None], problem: str) -> None:
    make(here / "cache")
    before = os.lstat(here / "cache")
    with pytest.raises(StoreError) as refused:
        record_with_cache(["src"], Recording(), "cache")
    assert str(refused.value) == f"cannot use the digest cache 'cache': {problem}"
    assert os.lstat(here / "cache") == before


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_cache_that_others_may_write_to_is_refused(here: Path, mode: int) -> None:
    cached()
    (here / "cache").chmod(mode)
    with pytest.raises(StoreError, match=rf"others may write to it \(mode {mode:04o}, expected 0600\).*; remove it$"):
        cached()


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o400])
def test_a_cache_that_others_may_only_read_is_used(here: Path, mode: int) -> None:
    cached()
    (here / "cache").chmod(mode)
    assert cached() == plain()


def test_a_cache_of_another_user_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    cached()
    owner = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.raises(StoreError, match=f"belongs to user {owner}, who could make your links lie"):
        cached()


def test_a_cache_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    cached()
    monkeypatch.setattr(cache, "MAX_CACHE_BYTES", 100)
    with pytest.raises(StoreError, match=r"expected at most 100 bytes, got [0-9]{3}; name another file"):
        cached()


@pytest.mark.parametrize(("path", "problem"), [("no/cache", "there is no such directory"), ("a\0b", "no file name")])
def test_a_place_where_no_file_can_be_is_refused_before_anything_is_read(
    read: list[str], path: str, problem: str
) -> None:
    with pytest.raises(StoreError, match=problem):
        record_with_cache(["src"], Recording(), path)
    assert read == []


def test_an_empty_file_is_an_empty_cache(here: Path) -> None:
    (here / "cache").touch(mode=0o600)
    assert cached() == plain()
    assert (here / "cache").stat().st_size


@pytest.mark.usefixtures("rested")
@pytest.mark.parametrize(("limit", "value"), [("MAX_ENTRIES", 2), ("MAX_CACHE_BYTES", 300)])
def test_more_than_a_cache_may_hold_is_recorded_without_one(
    here: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    monkeypatch.setattr(cache, limit, value)
    recorded = record_with_cache(["src"], Recording(), "cache")
    assert recorded.artifacts == record(["src"]).artifacts
    assert "is left as it was: expected at most" in recorded.warnings[0]
    assert not (here / "cache").exists()


@pytest.mark.usefixtures("rested")
def test_a_cache_of_more_entries_than_there_may_be_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    cached()
    monkeypatch.setattr(cache, "MAX_ENTRIES", 2)
    recorded = record_with_cache(["src/a"], Recording(), "cache")
    assert recorded.artifacts == record(["src/a"]).artifacts
    assert "it is damaged" in recorded.warnings[0]


@pytest.mark.usefixtures("rested")
@pytest.mark.parametrize("what", ["gone", "closed"])
def test_what_is_wrong_with_a_file_is_said_by_who_reads_it(here: Path, what: str) -> None:
    cached()
    known = DigestCache.read("cache", Recording())
    (here / "src" / "in" / "c").unlink()
    if what == "closed":
        (here / "src" / "in" / "c").mkdir()
    assert {*answers(known)} == {"src/a", "src/b"}
    with pytest.raises(RecordingError):
        known.make("src/in/c")
