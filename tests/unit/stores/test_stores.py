from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from custody.errors import StoreError
from custody.stores import directory as directory_module
from custody.stores.directory import DirectoryStore
from custody.stores.memory import MemoryStore
from custody.stores.protocol import EvidenceStore

Make = Callable[[Mapping[str, bytes]], EvidenceStore]

FILES = {
    "build.1234abcd.link": b"one",
    "build.99999999.link": b"two",
    "build.x.1234abcd.link": b"of another step",
    "build.123456789.link": b"too long",
    "build.link": b"of an inspection",
    "README": b"",
    "build.1234abcd/compile.aaaaaaaa.link": b"inside",
    "build.1234abcd/compile.aaaaaaaa/deep.bbbbbbbb.link": b"deep inside",
}


@pytest.fixture(params=["memory", "directory"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    def make_memory(files: Mapping[str, bytes]) -> EvidenceStore:
        return MemoryStore(files)

    def make_directory(files: Mapping[str, bytes]) -> EvidenceStore:
        for name, data in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return DirectoryStore(str(tmp_path))

    return make_memory if request.param == "memory" else make_directory


def test_links_are_found_by_the_name_of_their_step(make: Make) -> None:
    store = make(FILES)
    assert store.links("build") == ["build.1234abcd.link", "build.99999999.link"]
    assert store.links("build.x") == ["build.x.1234abcd.link"]
    assert list(store.links("none")) == []
    assert store.read("build.99999999.link") == b"two"


def test_what_belongs_to_a_sublayout_is_below_its_name(make: Make) -> None:
    inside = make(FILES).nested("build.1234abcd.link")
    assert inside is not None
    assert inside.links("compile") == ["compile.aaaaaaaa.link"]
    assert inside.read("compile.aaaaaaaa.link") == b"inside"
    assert inside.source("compile.aaaaaaaa.link").endswith("build.1234abcd/compile.aaaaaaaa.link")
    deep = inside.nested("compile.aaaaaaaa.link")
    assert deep is not None
    assert deep.read("deep.bbbbbbbb.link") == b"deep inside"
    assert make(FILES).nested("build.99999999.link") is None


def test_a_link_that_is_not_there_is_an_error_that_names_it(make: Make) -> None:
    with pytest.raises(StoreError, match=r"build\.00000000\.link"):
        make(FILES).read("build.00000000.link")


@pytest.mark.parametrize("step", ["b*", "b.ild", "[b]uild", "bui(ld", "build\\", "../build"])
def test_a_step_is_no_pattern(make: Make, step: str) -> None:
    assert list(make(FILES).links(step)) == []


def test_a_directory_that_cannot_be_listed_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="No such file"):
        DirectoryStore(str(tmp_path / "none"))
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="Not a directory"):
        DirectoryStore(str(tmp_path / "file"))
    with pytest.raises(StoreError, match="no directory name"):
        DirectoryStore("a\0b")
    assert DirectoryStore(str(tmp_path)).links("build") == ()


def test_files_in_the_current_directory_are_named_without_a_dot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "build.1234abcd.link").write_bytes(b"one")
    store = DirectoryStore(".")
    assert store.source("build.1234abcd.link") == "build.1234abcd.link"
    assert DirectoryStore("..").source("x") == "../x"


def test_absurdly_many_files_of_one_step_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory_module, "MAX_LINKS", 3)
    for number in range(3):
        (tmp_path / f"build.{number}.link").write_bytes(b"")
    assert len(DirectoryStore(str(tmp_path)).links("build")) == 3
    (tmp_path / "build.3.link").write_bytes(b"")
    with pytest.raises(StoreError, match="4 files that may be links of step 'build', expected at most 3"):
        DirectoryStore(str(tmp_path)).links("build")


def test_a_file_that_is_too_large_or_a_pipe_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory_module, "MAX_EVIDENCE_BYTES", 3)
    (tmp_path / "build.1.link").write_bytes(b"abc")
    os.mkfifo(tmp_path / "build.2.link")
    store = DirectoryStore(str(tmp_path))
    assert store.read("build.1.link") == b"abc"
    with pytest.raises(StoreError, match="not a regular file"):
        store.read("build.2.link")
    (tmp_path / "build.1.link").write_bytes(b"abcd")
    with pytest.raises(StoreError, match="at most 3 bytes"):
        store.read("build.1.link")
