"""Headers of a tar file that readers take differently are refused: what is attested is what docker would load.

In each archive the library of Python finds `GOOD` under the name `manifest.json`, and others find something else.
"""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from custody.errors import StoreError
from custody.stores.layout.tar import Tar

NAME = "manifest.json"
GOOD, EVIL = b"good", b"evil" * 200
END = bytes(1024)
GNU, OLD = b"ustar  \0", bytes(8)


def header(name: str, size: int, kind: bytes = b"0", **fields: bytes) -> bytes:
    """Return a header of POSIX's form, in which `fields` stand in other places, with its sum put right."""
    member = tarfile.TarInfo(name)
    member.size, member.type = size, kind
    block = bytearray(member.tobuf(tarfile.USTAR_FORMAT))
    places = {"length": 124, "magic": 257, "device": 329, "prefix": 345, "trailer": 508}
    for field, value in fields.items():
        block[places[field] : places[field] + len(value)] = value
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 512)


def file(name: str, data: bytes, kind: bytes = b"0", **fields: bytes) -> bytes:
    return header(name, len(data), kind, **fields) + padded(data)


def pax(kind: bytes = b"x", **records: str) -> bytes:
    text = b""
    for name, value in records.items():
        record = f" {name.replace('_', '.')}={value}\n"
        length = len(record) + 1
        while len(str(length)) + len(record) != length:
            length = len(str(length)) + len(record)
        text += f"{length}{record}".encode()
    return file("pax", text, kind)


def long_name(name: str) -> bytes:
    return file("././@LongLink", name.encode() + b"\0", b"L", magic=GNU)


SHOWN = file(NAME, GOOD)
WITHIN = SHOWN + END

AMBIGUOUS = {
    "names for all that follow": pax(b"g", path="x") + file(NAME, EVIL) + pax(b"g", path=NAME) + file("y", GOOD),
    "a name for sparse files": pax(GNU_sparse_name="x") + file(NAME, EVIL) + SHOWN,
    "an empty name": pax(path="") + file(NAME, EVIL) + SHOWN,
    "an empty long name": long_name("") + file(NAME, EVIL) + SHOWN,
    "both forms of names": pax(path="x") + long_name(NAME) + file("y", EVIL) + SHOWN,
    "two names of POSIX's form": pax(path="x") + pax(path=NAME) + file("y", EVIL) + SHOWN,
    "two names of GNU's form": long_name("x") + long_name(NAME) + file("y", EVIL) + SHOWN,
    "names of Solaris's form": pax(b"X", path="x") + file(NAME, EVIL) + SHOWN,
    "the first part of a name in GNU's form": file(NAME, EVIL, magic=GNU, prefix=b"x") + SHOWN,
    "the first part of a name in the old form": file(NAME, EVIL, magic=OLD, prefix=b"x") + SHOWN,
    "the first part of a name in star's form": file(NAME, EVIL, prefix=b"./" * 65 + b".x", trailer=b"tar\0") + SHOWN,
    "a directory with content": header("d/", len(WITHIN), b"\0") + WITHIN + file(NAME, EVIL),
    "a link with content": header("d", len(WITHIN), b"2") + WITHIN + file(NAME, EVIL),
    "a size after a zero byte": header("d", 0, length=b"\0%010o\0" % len(WITHIN)) + WITHIN + file(NAME, EVIL),
    "a size with an underscore": SHOWN + header("x", 0, length=b"0000_0000_0\0"),
    "a size below zero": SHOWN + header("x", 0, length=b"\xff" * 11 + b"\0"),
    "a size below zero for a long member": SHOWN + file("x", bytes(1024)) + pax(size="-1024") + file("y", b""),
    "a file that is another kind of file": file(NAME, GOOD, b"7"),
    "an end that is only one's": SHOWN + file("x", b"", magic=OLD, device=b"garbage!") + file(NAME, EVIL),
    "an end that is none": SHOWN + bytes(512) + file(NAME, EVIL),
}


@pytest.mark.parametrize("archive", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_what_readers_take_differently_is_refused(tmp_path: Path, archive: bytes) -> None:
    (tmp_path / "a.tar").write_bytes(archive + END)

    with pytest.raises(StoreError, match=r"differ|contradict|no plain file|other readers|goes on"):
        Tar(str(tmp_path / "a.tar"))


PLAIN = {
    "POSIX's form": SHOWN,
    "the old form": file(NAME, GOOD, magic=OLD),
    "GNU's form": long_name(NAME) + file("x", GOOD, magic=GNU),
    "a name and a size of POSIX's": pax(path=NAME, size=str(len(GOOD))) + file("x", GOOD),
    "a first part of a name": file(NAME, GOOD, prefix=b"."),
    "a binary size": file(NAME, GOOD, length=b"\x80" + len(GOOD).to_bytes(11, "big")),
}


@pytest.mark.parametrize("archive", PLAIN.values(), ids=PLAIN)
@pytest.mark.parametrize("end", [END, b"", bytes(10240)], ids=["empty blocks", "end of file", "padding"])
def test_what_all_readers_take_alike_is_read(tmp_path: Path, archive: bytes, end: bytes) -> None:
    (tmp_path / "a.tar").write_bytes(archive + end)

    assert Tar(str(tmp_path / "a.tar")).read(NAME, 10) == GOOD


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_names_and_links_of_every_form_are_read(tmp_path: Path, form: int) -> None:
    long = "/".join(["d" * 40] * 4)
    link = tarfile.TarInfo("l")
    link.type, link.linkname = tarfile.SYMTYPE, "d" * 90
    with tarfile.open(tmp_path / "a.tar", "w", format=form) as archive:
        member = tarfile.TarInfo(long)
        member.size = len(GOOD)
        archive.addfile(member, io.BytesIO(GOOD))
        archive.addfile(link)

    assert Tar(str(tmp_path / "a.tar")).read(long, 10) == GOOD
