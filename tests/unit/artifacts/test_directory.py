"""Tests of `dir:`: one digest over a directory, the one of a well-known pipeline."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from custody.artifacts.names import NameClashError
from custody.artifacts.recording import Recording, record
from custody.errors import RecordingError


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current directory with a directory `out` in it."""
    for name, data in {"b": b"1", "a/z": b"2", "a-": b"3", "a.link": b"4", "é": b"5"}.items():
        path = tmp_path / "out" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    monkeypatch.chdir(tmp_path)
    return tmp_path


EVERYTHING = Recording(exclude=())


def pipeline(directory: Path, program: str = "sha256sum") -> str:
    """Return what the pipeline says that the reference documents."""
    commands = f"find . -type f | cut -c3- | LC_ALL=C sort | xargs -r {program} | {program}"
    done = subprocess.run(["sh", "-c", commands], cwd=directory, capture_output=True, text=True, check=True)
    return done.stdout.split()[0]


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
def test_the_digest_is_that_of_the_pipeline(tree: Path, algorithm: str) -> None:
    recorded = record(["dir:out"], EVERYTHING.replace(hash_algorithms=(algorithm,)))
    assert recorded.artifacts == {"dir:out": {algorithm: pipeline(tree / "out", f"{algorithm}sum")}}


def test_the_construction_is_one_line_for_each_file(tree: Path) -> None:
    files = [("a-", b"3"), ("a.link", b"4"), ("a/z", b"2"), ("b", b"1"), ("é", b"5")]
    lines = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in files)
    recorded = record(["dir:out"], EVERYTHING)
    assert recorded.artifacts["dir:out"]["sha256"] == hashlib.sha256(lines.encode()).hexdigest()
    assert tree.exists()


def test_excludes_apply_inside_the_directory(tree: Path) -> None:
    (tree / "out" / "a.link").unlink()
    without = pipeline(tree / "out")
    (tree / "out" / "a.link").write_text("again")
    assert record(["dir:out"]).artifacts["dir:out"]["sha256"] == without
    renamed = (tree / "out").rename(tree / "x.link")
    assert record([f"dir:{renamed.name}"]).artifacts["dir:x.link"]["sha256"] == without


def test_paths_start_at_the_base(tree: Path) -> None:
    recorded = record(["dir:out"], EVERYTHING.replace(base_path=str(tree)))
    os.chdir(tree.parent)
    again = record(["dir:out"], EVERYTHING.replace(base_path=tree.name))
    assert recorded == again


def test_a_uri_is_not_normalised_but_its_prefix_is_stripped(tree: Path) -> None:
    assert list(record(["dir:./out"]).artifacts) == ["dir:./out"]
    stripped = Recording(lstrip_paths=(f"{tree}/",))
    assert list(record([f"dir:{tree}/out"], stripped).artifacts) == ["dir:out"]


def test_a_collision_after_stripping_is_an_error(tree: Path) -> None:
    (tree / "a" / "x").mkdir(parents=True)
    (tree / "b" / "x").mkdir(parents=True)
    with pytest.raises(NameClashError, match="cannot record both 'a/x' and 'b/x'"):
        record(["dir:a/x", "dir:b/x"], Recording(lstrip_paths=("a/", "b/")))
    with pytest.raises(RecordingError, match="no name is left"):
        record(["dir:a/x"], Recording(lstrip_paths=("a/x",)))


def test_links_count_as_what_they_lead_to(tree: Path) -> None:
    (tree / "real").mkdir()
    (tree / "real" / "b").write_bytes(b"1")
    (tree / "linked").mkdir()
    (tree / "linked" / "b").symlink_to("../out/b")
    artifacts = record(["dir:real", "dir:linked"]).artifacts
    assert artifacts["dir:real"] == artifacts["dir:linked"]


def test_line_endings_are_normalised_in_its_files(tree: Path) -> None:
    for name, data in {"unix": b"1\n", "windows": b"1\r\n"}.items():
        (tree / name).mkdir()
        (tree / name / "a").write_bytes(data)
    artifacts = record(["dir:unix", "dir:windows"]).artifacts
    assert artifacts["dir:unix"] != artifacts["dir:windows"]
    normalized = Recording(normalize_line_endings=True)
    artifacts = record(["dir:unix", "dir:windows"], normalized).artifacts
    assert artifacts["dir:unix"] == artifacts["dir:windows"]


@pytest.mark.parametrize("name", ["a\nb", "a\\b"])
def test_d22_names_that_the_lines_cannot_express_are_refused(tree: Path, name: str) -> None:
    (tree / "out" / name).write_text("x")
    with pytest.raises(RecordingError, match=r"'dir:out': .* line feed or a backslash"):
        record(["dir:out"])


def test_names_that_are_not_utf8_are_refused(tree: Path) -> None:
    (tree / "out" / os.fsdecode(b"\xff")).write_text("x")
    with pytest.raises(RecordingError, match="UTF-8"):
        record(["dir:out"])


def test_an_empty_directory_has_the_digest_of_no_lines_and_a_warning(tree: Path) -> None:
    (tree / "empty").mkdir()
    recorded = record(["dir:empty"])
    assert recorded.artifacts["dir:empty"]["sha256"] == hashlib.sha256(b"").hexdigest()
    assert "no files" in recorded.warnings[0]


def test_d21_a_missing_directory_is_an_error_unless_it_may_be_missing() -> None:
    with pytest.raises(RecordingError, match="--optional 'dir:gone'"):
        record(["dir:gone"])
    assert record(["dir:gone"], Recording(optional=("dir:gone",))).warnings == ()
    assert len(record(["dir:gone"], Recording(missing_ok=True)).warnings) == 1


def test_a_file_is_no_directory(tree: Path) -> None:
    with pytest.raises(RecordingError, match="expected a directory, got a regular file"):
        record(["dir:out/b"])
    assert tree.exists()


def test_modes_are_said_not_to_be_part_of_it(tree: Path) -> None:
    recorded = record(["dir:out"], Recording(modes=True))
    assert set(recorded.artifacts["dir:out"]) == {"sha256"}
    assert "modes of the files" in recorded.warnings[0]
    assert tree.exists()
