"""What a hostile tree or machine does to a recording: programs in it are not run, patterns do not make it stumble."""

from __future__ import annotations

import os
import subprocess
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from custody.artifacts.recording import Recording, record
from custody.errors import RecordingError, UsageError


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def repository(here: Path) -> Path:
    path = here / "repository"
    path.mkdir()
    (path / "a").write_text("one")
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"]):
        subprocess.run(["git", *words], cwd=path, check=True)
    return path


def program(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.mark.parametrize("entry", ["", ".", "tools"])
def test_git_of_the_tree_is_not_run(entry: str, here: Path, repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty or relative entry of PATH is wherever one stands, which may be a checkout that nobody trusts."""
    expected = record([f"git:{repository.name}"]).artifacts
    for directory in (here, repository):
        program(directory / entry / "git", f"touch {here}/owned; exit 1")
    monkeypatch.setenv("PATH", f"{entry}:{os.environ['PATH']}")
    assert record([f"git:{repository.name}"]).artifacts == expected
    assert not (here / "owned").exists()


@pytest.mark.parametrize("answer", ["", "true", "true\\n\\nx", "\\377\\n\\n", "true\\n\\n\\0\\0"])
def test_what_only_calls_itself_git_is_no_traceback(
    answer: str, here: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(here / "bin" / "git", f"printf '{answer}'")
    monkeypatch.setenv("PATH", f"{here}/bin:{os.environ['PATH']}")
    with pytest.raises(RecordingError, match="git"):
        record([f"git:{repository.name}"])


def test_hidden_submodule_configuration_is_not_run(here: Path, repository: Path) -> None:
    inner = here / "inner"
    subprocess.run(["git", "clone", "-q", str(repository), str(inner)], check=True)
    add = ["git", "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner), "inner"]
    subprocess.run(add, cwd=repository, check=True)
    subprocess.run(["git", "commit", "-qm", "two"], cwd=repository, check=True)
    program(here / "bin" / "owned", f"touch {here}/owned; cat")
    attributes = repository / ".git/modules/inner/info/attributes"
    attributes.parent.mkdir(exist_ok=True)
    attributes.write_text("* filter=f\n")
    for setting in ("core.fsmonitor", "filter.f.clean", "filter.f.process"):
        subprocess.run(["git", "config", setting, f"{here}/bin/owned"], cwd=repository / "inner", check=True)
    for setting in ("status.submoduleSummary", "submodule.recurse"):
        subprocess.run(["git", "config", setting, "true"], cwd=repository, check=True)
    subprocess.run(["git", "config", "diff.ignoreSubmodules", "none"], cwd=repository, check=True)
    (repository / "inner" / "a").write_text("changed")
    assert list(record(["git:repository"]).artifacts) == ["git:repository"]
    assert not (here / "owned").exists()


@pytest.mark.parametrize("pattern", ["[a--b]", "[z-a]", "[a-\\]", "\\", "!", "a\\"])
def test_pattern_without_a_meaning_is_refused(pattern: str) -> None:
    Path("a").touch()
    with pytest.raises(UsageError, match="expected gitignore patterns"):
        record(["."], Recording(exclude=(pattern,)))


@pytest.mark.parametrize("pattern", ["[[]", "[a&&b]", "[a||b]", "[a~~b]"])
def test_pattern_that_python_muses_about_is_just_a_pattern(pattern: str) -> None:
    for name in ("[", "a", "&", "kept"):
        Path(name).touch()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        recorded = record(["."], Recording(exclude=(pattern,))).artifacts
    assert "kept" in recorded
    assert len(recorded) < 4


def test_twins_that_look_alike_are_two_artifacts() -> None:
    names = {"e\u0301", "\u00e9", "A", "a", "\u0430"}
    for name in names:
        Path(name).write_text(ascii(name))
    assert set(record(["."]).artifacts) == names


@pytest.fixture
def deep(here: Path) -> Iterator[Callable[[int], None]]:
    """Return what makes `deep/d/d/d...` with a file at the end, and clear it away without recursion."""

    def make(levels: int) -> None:
        for name in ["deep", *["d"] * levels]:
            os.mkdir(name)
            os.chdir(name)
        Path("f").touch()
        os.symlink("..", "up")
        os.chdir(here)

    yield make
    subprocess.run(["rm", "-rf", str(here / "deep")], check=True)


def test_tree_of_a_thousand_levels_is_recorded(deep: Callable[[int], None]) -> None:
    """Deeper than Python's recursion limit."""
    deep(1500)
    recorded = record(["deep"])
    assert list(recorded.artifacts) == ["deep" + "/d" * 1500 + "/f"]
    assert "leads back to a directory that it lies in" in recorded.warnings[0]


def test_tree_deeper_than_paths_can_be_is_refused_and_not_cut(deep: Callable[[int], None]) -> None:
    deep(2500)
    with pytest.raises(RecordingError, match="File name too long"):
        record(["deep"])
