"""Tests of `git:`: a commit is one artifact, and a hostile repository gets nothing to run."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from custody.artifacts.recording import Recording, record
from custody.errors import RecordingError, UsageError


def git(directory: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(directory), *arguments], capture_output=True, check=True)
    return done.stdout.decode().strip()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a repository `repo` in the current directory, with one commit."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "repo"
    path.mkdir()
    git(path, "init", "--quiet")
    for name, data in {"b": b"1", "a/z": b"2\0\n", "a-": b"", "é": b"1"}.items():
        (path / name).parent.mkdir(exist_ok=True)
        (path / name).write_bytes(data)
    (path / "b").chmod(0o755)
    (path / "link").symlink_to("b")
    commit(path)
    return path


def commit(path: Path, message: str = "change") -> str:
    git(path, "add", "--all")
    git(path, "commit", "--quiet", "--message", message)
    return git(path, "rev-parse", "HEAD")


def content(path: Path, revision: str = "HEAD", algorithm: str = "sha256") -> str:
    """Return the digest as the documentation describes it, one blob at a time."""
    listing = subprocess.run(
        ["git", "-C", str(path), "ls-tree", "-r", "-z", revision], capture_output=True, check=True
    ).stdout
    lines = {}
    for entry in listing.split(b"\0")[:-1]:
        head, name = entry.split(b"\t", 1)
        mode, kind, object_id = head.decode().split()
        if kind == "blob":
            blob = subprocess.run(
                ["git", "-C", str(path), "cat-file", "blob", object_id],
                capture_output=True,
                check=True,
            ).stdout
            object_id = hashlib.new(algorithm, blob).hexdigest()
        lines[name] = f"{mode} {kind} {object_id}  ".encode() + name + b"\n"
    return hashlib.new(algorithm, b"".join(lines[name] for name in sorted(lines))).hexdigest()


def test_head_is_recorded_with_its_ids_and_the_digest_of_its_content(repository: Path) -> None:
    recorded = record(["git:repo"])
    assert recorded.warnings == ()
    assert recorded.artifacts == {
        "git:repo": {
            "gitCommit": git(repository, "rev-parse", "HEAD"),
            "gitTree": git(repository, "rev-parse", "HEAD^{tree}"),
            "sha256": content(repository),
        }
    }


def test_every_algorithm_is_recorded(repository: Path) -> None:
    recorded = record(["git:repo"], Recording(hash_algorithms=("sha384", "sha512")))
    digests = recorded.artifacts["git:repo"]
    assert set(digests) == {"gitCommit", "gitTree", "sha384", "sha512"}
    assert digests["sha512"] == content(repository, algorithm="sha512")


def test_many_blobs_are_read_by_one_process(repository: Path) -> None:
    for number in range(300):
        (repository / f"f{number}").write_text(str(number) * number)
    commit(repository)
    assert record(["git:repo"]).artifacts["git:repo"]["sha256"] == content(repository)


def test_a_large_blob_is_read_in_pieces(repository: Path) -> None:
    (repository / "large").write_bytes(os.urandom(3 << 20))
    commit(repository)
    assert record(["git:repo"]).artifacts["git:repo"]["sha256"] == content(repository)


def test_the_digest_is_of_content_and_not_of_history(repository: Path) -> None:
    before = record(["git:repo"]).artifacts["git:repo"]
    git(repository, "commit", "--quiet", "--allow-empty", "--message", "nothing")
    after = record(["git:repo"]).artifacts["git:repo"]
    assert before["gitCommit"] != after["gitCommit"]
    assert (before["gitTree"], before["sha256"]) == (after["gitTree"], after["sha256"])


def test_a_changed_mode_changes_the_digest(repository: Path) -> None:
    before = record(["git:repo"]).artifacts["git:repo"]["sha256"]
    (repository / "b").chmod(0o644)
    commit(repository)
    assert record(["git:repo"]).artifacts["git:repo"]["sha256"] != before


def test_a_submodule_keeps_its_commit(repository: Path) -> None:
    entry = f"160000,{'1' * 40},sub"
    git(repository, "update-index", "--add", "--cacheinfo", entry)
    git(repository, "commit", "--quiet", "--message", "submodule")
    assert record(["git:repo@HEAD"]).artifacts["git:repo@HEAD"]["sha256"] == content(repository)


def test_a_revision_is_recorded_under_its_name(repository: Path) -> None:
    first = git(repository, "rev-parse", "HEAD")
    git(repository, "tag", "--annotate", "--message", "first", "v1")
    (repository / "new").write_text("new")
    commit(repository)
    (repository / "new").write_text("and changed")
    recorded = record(["git:repo@v1"])
    assert recorded.warnings == ()
    assert recorded.artifacts["git:repo@v1"]["gitCommit"] == first
    assert recorded.artifacts["git:repo@v1"]["sha256"] == content(repository, "v1")


def test_a_path_with_an_at_sign_needs_a_revision(repository: Path) -> None:
    repository.rename(repository.with_name("pkg@1"))
    assert list(record(["git:pkg@1@HEAD"]).artifacts) == ["git:pkg@1@HEAD"]
    with pytest.raises(RecordingError, match="'git:pkg@1'"):
        record(["git:pkg@1"])
    with pytest.raises(UsageError, match="revision after '@'"):
        record(["git:pkg@"])


@pytest.mark.parametrize("revision", ["gone", "HEAD:b", "HEAD^{tree}", "HEAD..HEAD", "-", "a b"])
def test_what_is_no_commit_is_refused(repository: Path, revision: str) -> None:
    with pytest.raises(RecordingError, match="is no commit in it"):
        record([f"git:repo@{revision}"])
    assert repository.exists()


@pytest.mark.parametrize("option", ["--git-dir", "--output=INJECTED", "--all", "-h", "--help"])
def test_a5_a_revision_is_never_an_option(repository: Path, option: str) -> None:
    before = sorted(os.listdir(repository))
    with pytest.raises(RecordingError, match="is no commit in it"):
        record([f"git:repo@{option}"])
    assert sorted(os.listdir(repository)) == before


def test_paths_start_at_the_base_and_prefixes_are_stripped(repository: Path) -> None:
    recording = Recording(base_path=str(repository.parent), lstrip_paths=("re",))
    assert list(record(["git:repo"], recording).artifacts) == ["git:po"]


@pytest.mark.parametrize("name", ["b", "untracked"])
def test_files_that_differ_from_head_are_a_warning(repository: Path, name: str) -> None:
    before = record(["git:repo"]).artifacts
    (repository / name).write_text("changed")
    recorded = record(["git:repo"])
    assert recorded.artifacts == before
    assert recorded.warnings == ("'git:repo': its files differ from HEAD; recorded is HEAD, not the files",)


def test_a_repository_without_files_is_recorded(repository: Path) -> None:
    git(repository.parent, "clone", "--quiet", "--bare", "repo", "bare")
    artifacts = record(["git:bare", "git:repo", "git:repo/.git"]).artifacts
    assert artifacts["git:bare"] == artifacts["git:repo"] == artifacts["git:repo/.git"]


@pytest.mark.parametrize("inside", ["a", ".git/refs"])
def test_a_directory_inside_of_a_repository_is_not_that_repository(repository: Path, inside: str) -> None:
    with pytest.raises(RecordingError, match="expected the top of a git repository"):
        record([f"git:repo/{inside}"])
    assert repository.exists()


def test_what_is_no_repository_is_refused(repository: Path) -> None:
    (repository.parent / "plain").mkdir()
    with pytest.raises(RecordingError, match="'git:plain': it is not a git repository"):
        record(["git:plain"])
    with pytest.raises(RecordingError, match="got a regular file"):
        record(["git:repo/b"])


def test_a_repository_without_a_commit_is_refused(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    with pytest.raises(RecordingError, match="'HEAD' is no commit in it"):
        record([f"git:{tmp_path}"])


def test_d21_a_missing_repository_is_an_error_unless_it_may_be_missing() -> None:
    with pytest.raises(RecordingError, match="--optional 'git:gone'"):
        record(["git:gone"])
    assert record(["git:gone"], Recording(optional=("git:gone",))).artifacts == {}


def test_a_lost_object_is_an_error(repository: Path) -> None:
    blob = git(repository, "rev-parse", "HEAD:b")
    (repository / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(RecordingError, match=f"the object {blob} cannot be read"):
        record(["git:repo"])


def test_a_path_with_a_line_feed_is_refused(repository: Path) -> None:
    (repository / "a\nb").write_text("x")
    commit(repository)
    with pytest.raises(RecordingError, match="line feed"):
        record(["git:repo"])


def test_a_missing_git_is_a_sentence(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repository))
    with pytest.raises(RecordingError, match=r"git cannot be run .*install git"):
        record(["git:repo"])


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a directory away")
def test_the_repository_of_another_user_is_a_sentence(repository: Path) -> None:
    os.chown(repository, 12345, 12345)
    with pytest.raises(RecordingError, match=r"belongs to another user.*safe.directory '.*repo'"):
        record(["git:repo"])


class TestHostileRepository:
    @pytest.fixture
    def program(self, tmp_path: Path) -> str:
        """Return a program that leaves a mark."""
        path = tmp_path / "program"
        path.write_text(f"#!/bin/sh\ntouch {tmp_path}/MARK\ncat\n")
        path.chmod(0o755)
        return str(path)

    @pytest.mark.parametrize("setting", ["core.fsmonitor", "core.sshCommand", "diff.external"])
    def test_its_settings_run_nothing(self, repository: Path, program: str, setting: str, tmp_path: Path) -> None:
        git(repository, "config", setting, program)
        (repository / "b").write_text("changed")
        assert len(record(["git:repo"]).warnings) == 1
        assert not (tmp_path / "MARK").exists()

    def test_its_hooks_run_not(self, repository: Path, program: str, tmp_path: Path) -> None:
        hook = repository / ".git" / "hooks" / "post-index-change"
        hook.parent.mkdir(exist_ok=True)
        hook.symlink_to(program)
        os.utime(repository / "b", ns=(1, 1))
        record(["git:repo"])
        assert not (tmp_path / "MARK").exists()

    @pytest.mark.parametrize("kind", ["clean", "process"])
    def test_its_filters_run_not_and_that_is_said(
        self, repository: Path, program: str, kind: str, tmp_path: Path
    ) -> None:
        (repository / ".gitattributes").write_text("* filter=own\n")
        commit(repository)
        git(repository, "config", f"filter.own.{kind}", program)
        (repository / "b").write_text("changed")
        recorded = record(["git:repo"])
        assert "not compared with the files" in recorded.warnings[0]
        assert not (tmp_path / "MARK").exists()

    def test_a_lost_object_is_not_fetched(self, repository: Path, program: str, tmp_path: Path) -> None:
        blob = git(repository, "rev-parse", "HEAD:b")
        (repository / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
        for setting, value in {
            "core.repositoryFormatVersion": "1",
            "extensions.partialClone": "origin",
            "protocol.ext.allow": "always",
            "remote.origin.promisor": "true",
            "remote.origin.url": f"ext::{program}",
        }.items():
            git(repository, "config", setting, value)
        with pytest.raises(RecordingError, match="cannot be read"):
            record(["git:repo@HEAD"])
        assert not (tmp_path / "MARK").exists()

    def test_replaced_objects_are_not_followed(self, repository: Path) -> None:
        before = record(["git:repo"]).artifacts
        (repository / "b").write_text("another")
        replacement = git(repository, "hash-object", "-w", "b")
        git(repository, "replace", git(repository, "rev-parse", "HEAD:b"), replacement)
        git(repository, "checkout", "--quiet", "--", "b")
        assert record(["git:repo"]).artifacts == before

    def test_the_environment_of_a_hook_leads_nowhere_else(
        self, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        expected = record(["git:repo"])
        git(tmp_path, "init", "--quiet", "other")
        monkeypatch.setenv("GIT_DIR", str(tmp_path / "other" / ".git"))
        monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
        monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path))
        assert record(["git:repo"]) == expected
        assert repository.exists()
