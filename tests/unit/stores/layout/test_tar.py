"""Tar files: members are read where they lie, and what could mean two things or lead out is refused."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import tarfile
from pathlib import Path

import pytest

from custody.errors import StoreError
from custody.stores.images import NotFoundError
from custody.stores.layout.tar import MAX_TAR_HEADER_BYTES, MAX_TAR_LINKS, Tar
from tests.archives import write_tar


def member(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type = kind
    made.linkname = target
    return made


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the archive of the test is to be."""
    return tmp_path / "a.tar"


def test_members_are_read_where_they_lie(path: Path) -> None:
    long = "x" * 150 + "/é"
    tar = Tar(str(write_tar(path, [("./a", b"one"), (long, b"two"), ("empty", b"")], [member("d", tarfile.DIRTYPE)])))

    assert (tar.read("a", 10), tar.read(long, 10), tar.read("empty", 10)) == (b"one", b"two", b"")
    assert (tar.size("a"), tar.size("d"), tar.size("b")) == (3, None, None)
    assert "a" in tar
    assert "d" not in tar
    with pytest.raises(NotFoundError, match="there is no 'b' in it"):
        tar.read("b", 10)
    with pytest.raises(StoreError, match="expected at most 2 bytes, got 3"):
        tar.read("a", 2)


def test_links_inside_are_followed(path: Path) -> None:
    links = [
        member("d/soft", tarfile.SYMTYPE, "../a"),
        member("d/hard", tarfile.LNKTYPE, "a"),
        member("d/again", tarfile.SYMTYPE, "soft"),
    ]
    tar = Tar(str(write_tar(path, [("a", b"one")], links)))

    assert [tar.read(name, 10) for name in ("d/soft", "d/hard", "d/again")] == [b"one"] * 3


@pytest.mark.parametrize("target", ["/etc/passwd", "../../etc/passwd", "loop", "missing"])
def test_links_out_of_the_archive_or_in_circles_lead_nowhere(path: Path, target: str) -> None:
    tar = Tar(str(write_tar(path, [("a", b"one")], [member("loop", tarfile.SYMTYPE, target)])))

    assert "loop" not in tar


def test_links_are_followed_a_few_times_only(path: Path) -> None:
    links = [member(str(number), tarfile.SYMTYPE, str(number + 1)) for number in range(MAX_TAR_LINKS)]
    tar = Tar(str(write_tar(path, [(str(MAX_TAR_LINKS), b"end")], links)))

    assert "0" not in tar
    assert tar.read("1", 10) == b"end"


@pytest.mark.parametrize("name", ["../a", "/a", "b/../../a", ".."])
def test_names_that_lead_out_are_refused(path: Path, name: str) -> None:
    with pytest.raises(StoreError, match="leads out of the archive"):
        Tar(str(write_tar(path, [(name, b"one")])))


@pytest.mark.parametrize("again", [("a", b"two"), ("./a", b"two"), ("b/../a", b"two")], ids=["same", "dot", "dots"])
def test_a_member_that_is_there_twice_is_refused(path: Path, again: tuple[str, bytes]) -> None:
    with pytest.raises(StoreError, match="'a' is in it twice"):
        Tar(str(write_tar(path, [("a", b"one"), again])))


def test_a_link_in_place_of_a_file_is_refused(path: Path) -> None:
    with pytest.raises(StoreError, match="'a' is in it twice"):
        Tar(str(write_tar(path, [("a", b"one"), ("b", b"two")], [member("a", tarfile.SYMTYPE, "b")])))


@pytest.mark.parametrize("kind", [tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.GNUTYPE_SPARSE])
def test_what_is_no_plain_file_is_refused(path: Path, kind: bytes) -> None:
    with pytest.raises(StoreError, match=r"is no plain file|broken"):
        Tar(str(write_tar(path, [("a", b"one")], [member("b", kind)])))


@pytest.mark.parametrize(
    ("compress", "remedy"), [(gzip.compress, "gzip -d"), (bz2.compress, "bzip2 -d"), (lzma.compress, "xz -d")]
)
def test_a_compressed_archive_is_refused_with_what_uncompresses_it(path: Path, compress: object, remedy: str) -> None:
    assert callable(compress)
    data = write_tar(path, [("a", b"one")]).read_bytes()
    path.write_bytes(compress(data))

    with pytest.raises(StoreError, match=f"it is compressed; uncompress it first, with `{remedy}`"):
        Tar(str(path))


@pytest.mark.parametrize("content", [b"", b"no tar file", b"\0" * 10240, os.urandom(2048)])
def test_what_is_no_tar_file_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)

    with pytest.raises(StoreError, match=r"no tar file|there is no file in it"):
        Tar(str(path))


def test_an_archive_that_was_cut_off_is_refused(path: Path) -> None:
    data = write_tar(path, [("a", b"one" * 1000)]).read_bytes()
    path.write_bytes(data[:1024])

    with pytest.raises(StoreError, match=r"it ends before 'a' does|broken"):
        Tar(str(path))


def test_an_archive_that_changes_while_it_is_read_is_refused(path: Path) -> None:
    tar = Tar(str(write_tar(path, [("a", b"one")])))
    write_tar(path, [("a", b"other, and longer"), ("b", b"x" * 20000)])

    with pytest.raises(StoreError, match="it changed while it was read"):
        tar.read("a", 100)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(StoreError, match="it is no regular file"):
        Tar(str(tmp_path / "pipe"))
    with pytest.raises(NotFoundError, match="No such file"):
        Tar(str(tmp_path / "nothing"))
    with pytest.raises(StoreError, match="that is no file name"):
        Tar("a\0b")


def test_too_many_members_are_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("custody.stores.layout.tar.MAX_TAR_MEMBERS", 2)
    assert "b" in Tar(str(write_tar(path, [("a", b""), ("b", b"")])))

    with pytest.raises(StoreError, match="expected at most 2 files in it"):
        Tar(str(write_tar(path, [("a", b""), ("b", b"")], [member("c", tarfile.SYMTYPE, "a")])))


def test_a_header_of_any_size_is_not_read(path: Path) -> None:
    header = member("././@PaxHeader", tarfile.XHDTYPE)
    header.size = MAX_TAR_HEADER_BYTES * 100
    with path.open("wb") as file:
        file.write(header.tobuf())
        file.truncate(header.size)  # sparse: it takes no space

    with pytest.raises(StoreError, match=f"expected at most {MAX_TAR_HEADER_BYTES} bytes that describe its files"):
        Tar(str(path))


def test_headers_that_follow_each_other_without_end_are_refused(path: Path) -> None:
    header = member("././@PaxHeader", tarfile.XHDTYPE)
    content = io.BytesIO()
    for _ in range(2000):
        content.write(header.tobuf())
    path.write_bytes(content.getvalue())

    with pytest.raises(StoreError, match="broken"):
        Tar(str(path))
