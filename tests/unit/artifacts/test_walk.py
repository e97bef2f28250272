"""Tests of `custody.artifacts.walk`: symbolic links, and what is neither file nor directory."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from custody.artifacts import walk
from custody.artifacts.recording import Recording, record
from custody.errors import RecordingError


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current directory, empty and for this test only."""
    directory = tmp_path / "tree"
    directory.mkdir()
    monkeypatch.chdir(directory)
    return directory


def link(path: Path, target: str | Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


def write(path: Path, text: str = "x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


class TestLinks:
    def test_a_link_to_a_file_is_recorded_with_its_content(self, tree: Path) -> None:
        write(tree / "a")
        link(tree / "l", "a")
        recorded = record(["."])
        assert list(recorded.artifacts) == ["a", "l"]
        assert recorded.artifacts["a"] == recorded.artifacts["l"]
        assert recorded.warnings == ()

    def test_a_link_to_nothing_is_a_warning(self, tree: Path) -> None:
        write(tree / "a")
        link(tree / "l", "gone")
        link(tree / "own", "own")
        recorded = record(["."])
        assert list(recorded.artifacts) == ["a"]
        assert recorded.warnings == (
            "'l' is not recorded: it is a symbolic link to nothing",
            "'own' is not recorded: it is a symbolic link to nothing",
        )

    def test_a_link_to_nothing_is_refused_where_nothing_may_go_unseen(self, tree: Path) -> None:
        link(tree / "l", "gone")
        with pytest.raises(RecordingError, match="'l': it is a symbolic link to nothing, which no rule would see"):
            record(["."], Recording(dangling_ok=False))
        assert record(["."], Recording(dangling_ok=False, exclude=("l",))).artifacts == {}

    def test_linked_directories_are_followed_unless_told_otherwise(self, tree: Path) -> None:
        write(tree / "d" / "a")
        link(tree / "l", "d")
        assert list(record(["."]).artifacts) == ["d/a", "l/a"]
        assert list(record(["."], Recording(follow_symlink_dirs=False)).artifacts) == ["d/a"]

    def test_a_given_link_to_a_directory_is_always_followed(self, tree: Path) -> None:
        write(tree / "d" / "a")
        link(tree / "l", "d")
        recorded = record(["l"], Recording(follow_symlink_dirs=False))
        assert list(recorded.artifacts) == ["l/a"]
        assert recorded.warnings == ()

    @pytest.mark.parametrize("base", ["", "..", "relative"])
    def test_d22_symlink_loop_records_each_file_once(
        self, tree: Path, base: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write(tree / "a" / "f")
        link(tree / "a" / "self", ".")
        link(tree / "a" / "b" / "up", "../../a")
        if base == "..":
            monkeypatch.chdir(tree / "a")
        if base == "relative":
            monkeypatch.chdir(tree.parent)
        recorded = record(["a"], Recording(base_path="tree" if base == "relative" else base))
        assert list(recorded.artifacts) == ["a/f"]
        assert recorded.warnings == (
            "'a/b/up' is not entered: it leads back to a directory that it lies in",
            "'a/self' is not entered: it leads back to a directory that it lies in",
        )

    def test_d22_two_links_into_each_other_end(self, tree: Path) -> None:
        write(tree / "a" / "f")
        write(tree / "b" / "g")
        link(tree / "a" / "b", "../b")
        link(tree / "b" / "a", "../a")
        recorded = record(["."])
        assert list(recorded.artifacts) == ["a/b/g", "a/f", "b/a/f", "b/g"]
        assert len(recorded.warnings) == 2

    def test_d22_a_link_above_the_root_does_not_enter_the_root_again(self, tree: Path) -> None:
        write(tree / "src" / "f")
        write(tree / "other" / "g")
        link(tree / "src" / "up", "..")
        recorded = record(["src"])
        assert list(recorded.artifacts) == ["src/f", "src/up/other/g"]
        assert recorded.warnings == (
            f"'src/up' is a symbolic link to '{tree}', outside of what is recorded",
            "'src/up/src' is not entered: it leads back to a directory that it lies in",
        )

    def test_d22_a_link_out_of_the_recorded_roots_is_recorded_and_reported(self, tree: Path) -> None:
        outside = write(tree.parent / "outside" / "secret")
        link(tree / "src" / "file", outside)
        link(tree / "src" / "directory", outside.parent)
        recorded = record(["src"])
        assert list(recorded.artifacts) == ["src/directory/secret", "src/file"]
        assert recorded.warnings == (
            f"'src/directory' is a symbolic link to '{outside.parent}', outside of what is recorded",
            f"'src/file' is a symbolic link to '{outside}', outside of what is recorded",
        )

    def test_a_link_into_another_recorded_root_is_not_reported(self, tree: Path) -> None:
        write(tree / "lib" / "a")
        write(tree / "single")
        link(tree / "src" / "a", "../lib/a")
        link(tree / "src" / "b", "../single")
        assert record(["src", "lib", "single"]).warnings == ()
        assert len(record(["src"]).warnings) == 2

    def test_below_a_reported_link_nothing_is_reported_again(self, tree: Path) -> None:
        write(tree.parent / "outside" / "deep" / "a")
        link(tree.parent / "outside" / "deep" / "b", "a")
        link(tree / "l", "../outside")
        recorded = record(["."])
        assert list(recorded.artifacts) == ["l/deep/a", "l/deep/b"]
        assert len(recorded.warnings) == 1

    def test_links_that_multiply_are_stopped(self, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for level in range(5):
            for side in "lr":
                link(tree / f"d{level}" / side, f"../d{level + 1}")
        (tree / "d5").mkdir()
        monkeypatch.setattr(walk, "MAX_LINKED_DIRECTORIES", 61)
        with pytest.raises(RecordingError, match="at most 61 directories reached through"):
            record(["d0"])
        monkeypatch.setattr(walk, "MAX_LINKED_DIRECTORIES", 62)
        assert record(["d0"]).artifacts == {}


def make_fifo(path: Path) -> None:
    os.mkfifo(path)


def make_socket(path: Path) -> None:
    # Bound by its bare name: the path of a socket may have 107 bytes only.
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(path.name)


def make_device_link(path: Path) -> None:
    path.symlink_to("/dev/null")


class TestSpecialFiles:
    @pytest.mark.parametrize(
        ("make", "kind"),
        [
            (make_fifo, "FIFO"),
            (make_socket, "socket"),
            (make_device_link, "character device"),
        ],
    )
    def test_d22_what_is_no_file_is_refused_without_blocking(
        self, tree: Path, make: Callable[[Path], None], kind: str
    ) -> None:
        make(tree / "special")
        with pytest.raises(RecordingError, match=f"'special': expected a file.*got a {kind}"):
            record(["."])
        with pytest.raises(RecordingError, match=f"'special': expected a file.*got a {kind}"):
            record(["special"], Recording(missing_ok=True))
        assert record(["."], Recording(exclude=("special",))).artifacts == {}

    def test_a_directory_that_cannot_be_listed_is_an_error(self, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tree / "closed").mkdir()
        list_directory = os.scandir

        def refuse(path: str) -> object:
            if path.endswith("closed"):
                raise PermissionError(13, "Permission denied")
            return list_directory(path)

        monkeypatch.setattr(os, "scandir", refuse)
        with pytest.raises(RecordingError, match="list the directory 'closed': Permission denied"):
            record(["."])


def test_files_are_found_directory_by_directory_in_order(tree: Path) -> None:
    for name in ("b/d/2", "b/d/1", "b/c", "b/e", "a/1", "c", "b.d"):
        write(tree / name)
    found = [[*paths] for paths in walk.Walk(["."], Recording()).found()]
    assert found == [["b.d", "c"], ["a/1"], ["b/c", "b/e"], ["b/d/1", "b/d/2"]]


def test_file_below_two_of_the_paths_is_found_once(tree: Path) -> None:
    for name in ("b/d/1", "b/c", "a"):
        write(tree / name)
    search = walk.Walk(["b/d", "b/c", ".", "b"], Recording())
    found = [path for paths in search.found() for path in paths]
    assert found == search.paths == ["b/d/1", "b/c", "a"]
