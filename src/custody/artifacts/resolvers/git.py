r"""`git:PATH` and `git:PATH@REVISION`: a commit of a repository is one artifact.

Its digests are `gitCommit` and `gitTree`, the object ids that git claims, and for each hash
algorithm a digest over the content itself, because an id may be SHA-1. It is over one line for each
entry of `git ls-tree -r -z`, sorted by the bytes of their paths::

    <mode> <type> <hexadecimal digest of the blob>  <path>\n

The commit of a submodule keeps its object id in place of a digest. Recorded is the commit, `HEAD`
unless a revision is given, not the files in the work tree: when they differ from `HEAD` that is a
warning. What follows the last `@` is the revision, so that a path with an `@` needs one. Exclude
patterns, line endings and modes do not apply.

The repository may be hostile. Its fsmonitor, hooks and remote helpers are not run, replaced objects
are not followed, nothing is fetched, and `PATH` has to be the top of the repository itself, not
just below one.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from custody.artifacts.digest import CHUNK_BYTES
from custody.artifacts.names import name_uris, normal_path, shown
from custody.artifacts.options import Recorded, Recording
from custody.artifacts.places import examine, kind_of, place
from custody.encoding.text import is_hex
from custody.errors import RecordingError, UsageError
from custody.value import Value

if TYPE_CHECKING:
    from typing import IO

__all__ = ["Repository", "record_repositories"]

_SCHEME = "git"
_HEAD = "HEAD"

_SETTINGS = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "protocol.allow=never",
    "protocol.ext.allow=never",
)
"""What the repository's own configuration cannot change back: it could name programs to run."""

_ENVIRONMENT = {
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}

_KEPT = ("GIT_CONFIG", "GIT_EXEC_PATH")
"""Variables of the user; all else that git reads, such as GIT_DIR in a hook, would point it"
" somewhere else."""

_WINDOW = 60
"""Object ids that are asked for before their answers are read: they fit into the smallest pipe,"
" 4096 bytes."""


class _Entry(Value):
    """A line of `git ls-tree`."""

    mode: str
    kind: str
    object_id: str
    path: bytes


def record_repositories(references: Sequence[str], recording: Recording) -> Recorded:
    """Return one artifact for each of the repositories `references`.

    Raises:
        RecordingError: one is missing, git refuses it, or its content is incomplete.
        UsageError: a revision is empty.

    """
    artifacts: dict[str, Mapping[str, str]] = {}
    warnings: list[str] = []
    for name, reference in name_uris(_SCHEME, references, recording.lstrip_paths).items():
        uri = f"{_SCHEME}:{reference}"
        path, revision = _parse(reference)
        found = examine(path, uri, recording, warnings.append)
        if found is None:
            continue
        if not stat.S_ISDIR(found.st_mode):
            raise _refusal(uri, f"expected a repository, got a {kind_of(found.st_mode)}")
        try:
            repository = Repository(uri, place(path, recording.base_path))
            artifacts[name] = repository.digests(revision or _HEAD, recording.hash_algorithms)
            if not revision:
                warnings += repository.differences()
        except (ValueError, IndexError) as error:  # of this file's parsing: some other program is called git
            raise _refusal(uri, "git answered something else than it was asked; is it git?") from error
    return Recorded(artifacts=artifacts, warnings=tuple(warnings))


def _parse(reference: str) -> tuple[str, str]:
    """Return path and revision, which is empty when it is not given."""
    path, at, revision = reference.rpartition("@")
    if not at:
        return normal_path(reference), ""
    if not revision:
        raise UsageError(f"expected a revision after '@' in '{_SCHEME}:{reference}', for example @{_HEAD}")
    return normal_path(path), revision


class Repository:
    """The repository at `location`; `uri` names it in messages."""

    def __init__(self, uri: str, location: str) -> None:
        """Make sure that git reads this directory, and not a repository somewhere above it.

        Raises:
            RecordingError: it is not the top of a repository that git agrees to read.

        """
        self._uri = uri
        self._location = location
        settings = [argument for setting in _SETTINGS for argument in ("-c", setting)]
        self._git = ["git", "-C", location, *settings]
        inside, prefix = self.ask("rev-parse", "--is-inside-work-tree", "--show-prefix").split(b"\n", 1)
        self.has_files = inside == b"true"
        top = prefix.strip() == b""
        if not self.has_files:
            directory = self.ask("rev-parse", "--absolute-git-dir").removesuffix(b"\n")
            top = os.path.realpath(directory) == os.fsencode(os.path.realpath(location))
        if not top:
            raise _refusal(uri, "expected the top of a git repository, got a directory inside of one")

    def digests(self, revision: str, algorithms: Sequence[str]) -> dict[str, str]:
        """Return the ids of the commit `revision` and its tree, and its content's digests."""
        commit = self.object_id(f"{revision}^{{commit}}", revision)
        tree = self.object_id(f"{commit}^{{tree}}", revision)
        entries = sorted(self._entries(tree), key=lambda entry: entry.path)
        blobs = self._blobs([e.object_id for e in entries if e.kind == "blob"], algorithms)
        content = {name: hashlib.new(name) for name in algorithms}
        for entry in entries:
            for name, running in content.items():
                digest = blobs[entry.object_id][name] if entry.kind == "blob" else entry.object_id
                running.update(f"{entry.mode} {entry.kind} {digest}  ".encode() + entry.path + b"\n")
        digests = {name: running.hexdigest() for name, running in content.items()}
        return {"gitCommit": commit, "gitTree": tree, **digests}

    def differences(self) -> list[str]:
        """Return a warning where the files are not those of HEAD, which is what was recorded."""
        if not self.has_files:
            return []
        if self.runs_filters():
            warning = (
                f"{shown(self._uri)}: HEAD is recorded and not compared with the files, because that would run the"
                " filter programs that the repository configures"
            )
            return [warning]
        status = ("status", "--porcelain", "-z", "--untracked-files=normal")
        if not self.ask(*status, "--ignore-submodules=dirty"):
            return []
        return [f"{shown(self._uri)}: its files differ from HEAD; recorded is HEAD, not the files"]

    def runs_filters(self) -> bool:
        """Return whether comparing files would run programs that this repository itself names."""
        pattern = r"^filter\..*\.(clean|process)$"
        arguments = ("config", "--show-scope", "--name-only", "-z", "--get-regexp", pattern)
        scopes = self.ask(*arguments, may_fail=True).split(b"\0")[::2]
        return b"local" in scopes or b"worktree" in scopes

    def object_id(self, expression: str, revision: str) -> str:
        """Return the id of the one object that `expression` means, which is never an option."""
        arguments = ("rev-parse", "--verify", "--quiet", "--end-of-options", expression)
        found = self.ask(*arguments, may_fail=True).decode("ascii", "replace").removesuffix("\n")
        if not is_hex(found):
            raise _refusal(
                self._uri,
                f"{shown(revision)} is no commit in it; if the path itself holds an '@', add a revision: PATH@{_HEAD}",
            )
        return found

    def _entries(self, tree: str) -> list[_Entry]:
        """Return everything in `tree`, subdirectories taken apart."""
        entries = []
        for line in self.ask("ls-tree", "-r", "-z", tree).split(b"\0")[:-1]:
            head, _, path = line.partition(b"\t")
            if b"\n" in path:
                raise _refusal(
                    self._uri,
                    f"{shown(os.fsdecode(path))} holds a line feed, which its lines cannot express",
                )
            mode, kind, object_id = head.decode("ascii").split(" ")
            entries.append(_Entry(mode=mode, kind=kind, object_id=object_id, path=path))
        return entries

    def _blobs(self, object_ids: Sequence[str], algorithms: Sequence[str]) -> dict[str, dict[str, str]]:
        """Return the digests of the blobs, read by one process in pieces."""
        import subprocess

        wanted = list(dict.fromkeys(object_ids))
        digests = {}
        try:
            with subprocess.Popen(
                [*self._git, "cat-file", "--batch"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_environment(),
            ) as process:
                for start in range(0, len(wanted), _WINDOW):
                    window = wanted[start : start + _WINDOW]
                    _pipe(process.stdin).write("".join(f"{each}\n" for each in window).encode())
                    _pipe(process.stdin).flush()
                    for each in window:
                        digests[each] = self._read_blob(_pipe(process.stdout), each, algorithms)
        except OSError as error:
            raise _refusal(self._uri, f"git stopped while its objects were read: {error}") from error
        return digests

    def _read_blob(self, answers: IO[bytes], object_id: str, algorithms: Sequence[str]) -> dict[str, str]:
        """Return the digests of the blob that is next in `answers`."""
        header = answers.readline().decode("ascii", "replace").split()
        if header[:2] != [object_id, "blob"]:
            raise _refusal(
                self._uri,
                f"the object {object_id} cannot be read; a shallow or partial clone is not enough",
            )
        hashes = {name: hashlib.new(name) for name in algorithms}
        left = int(header[2])
        while left:
            chunk = answers.read(min(left, CHUNK_BYTES))
            if not chunk:
                raise _refusal(self._uri, f"git stopped in the middle of the object {object_id}")
            left -= len(chunk)
            for running in hashes.values():
                running.update(chunk)
        answers.read(1)  # the line feed after the content
        return {name: running.hexdigest() for name, running in hashes.items()}

    def ask(self, *arguments: str, may_fail: bool = False) -> bytes:
        """Return what git answers; with `may_fail`, nothing where its exit code is 1."""
        import subprocess

        try:
            done = subprocess.run(
                [*self._git, *arguments],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                env=_environment(),
                check=False,
            )
        except OSError as error:
            raise _refusal(
                self._uri,
                f"git cannot be run ({error.strerror}); install git, or record the files by their path",
            ) from error
        if done.returncode and not (may_fail and done.returncode == 1):
            raise _refusal(self._uri, self._reason(done.stderr.decode("utf-8", "replace")))
        return done.stdout

    def _reason(self, complaint: str) -> str:
        """Return what git complains about as one sentence."""
        if "dubious ownership" in complaint:
            directory = os.path.realpath(self._location)
            return (
                "it belongs to another user, so git does not read it; if you trust it, run git config --global --add"
                f" safe.directory {shown(directory)}"
            )
        if "not a git repository" in complaint:
            return "it is not a git repository"
        return complaint.strip().splitlines()[-1] if complaint.strip() else "git failed without a reason"


def _environment() -> dict[str, str]:
    """Return the environment that git runs in."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("GIT_") or k.startswith(_KEPT)}
    # A relative entry of PATH would find the `git` of whoever made the directory that is recorded.
    path = os.pathsep.join(entry for entry in os.get_exec_path() if os.path.isabs(entry))
    return kept | _ENVIRONMENT | {"PATH": path}


def _pipe(end: IO[bytes] | None) -> IO[bytes]:
    """Return the end of a pipe that was asked for."""
    if end is None:
        raise OSError("no pipe")
    return end


def _refusal(uri: str, problem: str) -> RecordingError:
    """Return the error for the repository `uri`."""
    return RecordingError(f"cannot record {shown(uri)}: {problem}")
