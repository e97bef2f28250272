from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from custody.artifacts.checkout import CLEAN, MODIFIED, UNKNOWN, UNTRACKED, Checkout, read_checkout
from custody.errors import RecordingError, UsageError

pytestmark = pytest.mark.component("git")


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], capture_output=True, check=True, text=True).stdout.strip()


@pytest.fixture(autouse=True)
def head(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the commit of a repository in the current directory."""
    monkeypatch.chdir(tmp_path)
    git("init", "--quiet")
    Path(".gitignore").write_text("*.o\n")
    Path("a.c").write_text("1")
    git("add", "--all")
    git("commit", "--quiet", "--message", "first")
    return git("rev-parse", "HEAD")


def test_commit_of_unchanged_files_is_clean(head: str) -> None:
    Path("a.o").write_text("ignored")

    assert read_checkout(".") == Checkout(commit=head, remote="", state=CLEAN)


def test_changed_file_is_seen(head: str) -> None:
    Path("a.c").write_text("2")

    assert read_checkout(".") == Checkout(commit=head, state=MODIFIED)


@pytest.mark.parametrize("command", [("rm", "a.c"), ("mv", "a.c", "??"), ("rm", "--cached", "a.c")])
def test_file_that_is_gone_or_moved_is_seen(command: tuple[str, ...]) -> None:
    git(*command)

    assert read_checkout(".").state == MODIFIED


def test_file_that_is_added_and_not_committed_is_seen() -> None:
    Path("b.c").write_text("2")
    assert read_checkout(".").state == UNTRACKED
    git("add", "b.c")
    assert read_checkout(".").state == MODIFIED


def test_untracked_and_changed_files_are_changed() -> None:
    Path("a.c").write_text("2")
    Path("b.c").write_text("2")

    assert read_checkout(".").state == MODIFIED


def test_repository_that_would_run_programs_is_not_compared(tmp_path: Path) -> None:
    git("config", "filter.x.clean", f"touch {tmp_path / 'ran'}; cat")
    Path(".gitattributes").write_text("* filter=x\n")
    Path("a.c").write_text("2")

    assert read_checkout(".").state == UNKNOWN
    assert not (tmp_path / "ran").exists()


def test_repository_without_files_is_not_compared(head: str) -> None:
    git("clone", "--quiet", "--bare", ".", "bare.git")

    assert read_checkout("bare.git").commit == head
    assert read_checkout("bare.git").state == UNKNOWN


@pytest.mark.parametrize(
    ("remotes", "url"),
    [
        pytest.param({"origin": "https://u:p@example.com/a"}, "https://u:p@example.com/a", id="origin"),
        pytest.param({"mirror": "x:y", "origin": "../a"}, "../a", id="origin-of-several"),
        pytest.param({"upstream": "x:y"}, "x:y", id="the-only-one"),
        pytest.param({"a": "x:y", "b": "x:z"}, "", id="which-of-them"),
        pytest.param({}, "", id="none"),
    ],
)
def test_remote_is_origin_or_the_only_one(remotes: dict[str, str], url: str) -> None:
    for name, address in remotes.items():
        git("remote", "add", name, address)

    assert read_checkout(".").remote == url


def test_repository_without_a_commit_is_refused() -> None:
    git("init", "--quiet", "empty")

    with pytest.raises(RecordingError, match=r"^the repository 'empty' has no commit yet; commit what is built first$"):
        read_checkout("empty")


@pytest.mark.parametrize(
    ("path", "problem"),
    [("sub", "got a directory inside of one"), ("missing", "git"), ("/", "it is not a git repository")],
)
def test_what_is_no_repository_is_refused(path: str, problem: str) -> None:
    Path("sub").mkdir()

    with pytest.raises(RecordingError, match=problem):
        read_checkout(path)


def test_what_is_no_path_is_refused() -> None:
    with pytest.raises(UsageError):
        read_checkout("a\0b")
