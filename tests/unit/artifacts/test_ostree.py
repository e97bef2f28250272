"""Tests of `ostree:`: the commit of a ref, by the digest of its object."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from custody.artifacts.recording import Recording, record
from custody.errors import RecordingError, UsageError

COMMIT = b"what a commit lists\r\n"
CHECKSUM = hashlib.sha256(COMMIT).hexdigest()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current directory, a repository whose refs `main` and `os/stable` name one commit."""
    path = tmp_path / "repo"
    (path / "refs" / "heads" / "os").mkdir(parents=True)
    for ref in ("main", "os/stable"):
        (path / "refs" / "heads" / ref).write_text(f"{CHECKSUM}\n")
    (path / "objects" / CHECKSUM[:2]).mkdir(parents=True)
    commit_of(path).write_bytes(COMMIT)
    monkeypatch.chdir(path)
    return path


def commit_of(repository: Path) -> Path:
    return repository / "objects" / CHECKSUM[:2] / f"{CHECKSUM[2:]}.commit"


def test_the_digest_is_that_of_the_commit(repository: Path) -> None:
    assert record(["ostree:main"]).artifacts == {"ostree:main": {"sha256": CHECKSUM}}
    other = hashlib.sha256(b"another").hexdigest()
    (repository / "refs" / "heads" / "main").write_text(other)
    with pytest.raises(RecordingError, match="No such file"):
        record(["ostree:main"])


def test_a_ref_may_have_parts(repository: Path) -> None:
    assert repository.exists()
    assert record(["ostree:os/stable"]).artifacts == {"ostree:os/stable": {"sha256": CHECKSUM}}
    with pytest.raises(RecordingError, match="expected a ref, got a directory"):
        record(["ostree:os"])


def test_the_repository_is_the_base_path(repository: Path) -> None:
    os.chdir(repository.parent)
    assert record(["ostree:main"], Recording(base_path="repo")).artifacts["ostree:main"]["sha256"] == CHECKSUM
    with pytest.raises(RecordingError, match="'ostree:main': it does not exist"):
        record(["ostree:main"])


def test_other_algorithms_are_over_the_same_object(repository: Path) -> None:
    recorded = record(["ostree:main"], Recording(hash_algorithms=("sha512",)))
    assert recorded.artifacts == {"ostree:main": {"sha512": hashlib.sha512(COMMIT).hexdigest()}}
    commit_of(repository).write_bytes(COMMIT + b"!")
    with pytest.raises(RecordingError, match="it was changed"):
        record(["ostree:main"], Recording(hash_algorithms=("sha512",)))


def test_line_endings_modes_prefixes_and_excludes_do_not_apply(repository: Path) -> None:
    assert repository.exists()
    recording = Recording(exclude=("*",), modes=True, normalize_line_endings=True, lstrip_paths=("ma",))
    assert record(["ostree:main"], recording).artifacts == {"ostree:main": {"sha256": CHECKSUM}}


def test_a_changed_commit_is_refused(repository: Path) -> None:
    commit_of(repository).write_bytes(COMMIT + b"!")
    with pytest.raises(RecordingError, match="it was changed; `ostree fsck` says more"):
        record(["ostree:main"])


@pytest.mark.parametrize("ref", ["../../config", "/etc/passwd", "os/../main", "main/", "./main", "", "a\0b"])
def test_a_name_that_leads_out_of_the_refs_is_refused(repository: Path, ref: str) -> None:
    (repository / "config").write_text(CHECKSUM)
    with pytest.raises((RecordingError, UsageError)):
        record([f"ostree:{ref}", "."])


def test_a_link_that_leads_out_of_the_refs_is_refused_and_an_alias_is_not(repository: Path) -> None:
    heads = repository / "refs" / "heads"
    (heads / "alias").symlink_to("os/stable")
    assert record(["ostree:alias"]).artifacts == {"ostree:alias": {"sha256": CHECKSUM}}
    (repository / "elsewhere").write_text(CHECKSUM)
    (heads / "out").symlink_to("../../elsewhere")
    with pytest.raises(RecordingError, match="outside of refs/heads"):
        record(["ostree:out"])


@pytest.mark.parametrize("content", ["", "main", f"{CHECKSUM}0", CHECKSUM[:-1] + "g", f"{CHECKSUM[:2]}/{CHECKSUM[3:]}"])
def test_a_ref_without_a_checksum_is_refused(repository: Path, content: str) -> None:
    (repository / "refs" / "heads" / "main").write_text(content)
    with pytest.raises(RecordingError, match="expected 64 hexadecimal digits"):
        record(["ostree:main"])


def test_an_endless_ref_and_a_fifo_are_refused(repository: Path) -> None:
    (repository / "refs" / "heads" / "main").write_text(CHECKSUM + "\n" * 5000)
    with pytest.raises(RecordingError, match="at most 4096 bytes"):
        record(["ostree:main"])
    os.mkfifo(repository / "refs" / "heads" / "pipe")
    with pytest.raises(RecordingError, match="got a FIFO"):
        record(["ostree:pipe"])


def test_a_missing_ref_is_an_error_unless_it_is_optional(repository: Path) -> None:
    assert repository.exists()
    with pytest.raises(RecordingError, match="'ostree:gone': it does not exist") as raised:
        record(["ostree:gone"])
    assert isinstance(raised.value.__cause__, FileNotFoundError)
    assert record(["ostree:gone"], Recording(optional=("ostree:gone",))).artifacts == {}
    warned = record(["ostree:gone"], Recording(missing_ok=True))
    assert warned.warnings == ("'ostree:gone' is not recorded: it does not exist",)
