"""A checkout: which commit the files of a git repository are of, where that comes from, and whether they are changed.

As for the artifacts of a repository, nothing that the repository configures is run.
"""

from __future__ import annotations

from custody.artifacts.names import normal_path, shown
from custody.artifacts.resolvers.git import Repository
from custody.errors import RecordingError
from custody.value import Value

__all__ = ["CLEAN", "MODIFIED", "UNKNOWN", "UNTRACKED", "Checkout", "read_checkout"]

CLEAN = "clean"
"""Every file is as in the commit, and there are no others but ignored ones."""

MODIFIED = "modified"
"""Files of the commit are changed, added or gone."""

UNTRACKED = "untracked"
"""Files of the commit are as they were; there are others besides, which git neither knows nor ignores."""

UNKNOWN = "unknown"
"""Nobody compared: there are no files, or comparing would run programs that the repository names."""

_UNTRACKED_ENTRY = b"??"


class Checkout(Value):
    """The commit that is checked out, the URL of the remote as git has it (with credentials!), and the files' state."""

    commit: str
    remote: str = ""
    state: str = UNKNOWN


def read_checkout(path: str) -> Checkout:
    """Return what is checked out at `path`, which is the top of a repository.

    Raises:
        RecordingError: it is none, has no commit yet, or git refuses it.
        UsageError: the path is none.

    """
    place = normal_path(path)
    repository = Repository(f"git:{place}", place)
    if not repository.ask("rev-parse", "--verify", "--quiet", "HEAD", may_fail=True):
        raise RecordingError(f"the repository {shown(place)} has no commit yet; commit what is built first")
    return Checkout(
        commit=repository.object_id("HEAD^{commit}", "HEAD"),
        remote=_remote(repository),
        state=_state(repository),
    )


def _remote(repository: Repository) -> str:
    """Return the URL of `origin`, or of the only remote, '' if there is no such."""
    answer = repository.ask("config", "--local", "-z", "--get-regexp", r"^remote\..*\.url$", may_fail=True)
    urls: dict[str, str] = {}
    for entry in answer.decode("utf-8", "replace").split("\0")[:-1]:
        name, _, url = entry.partition("\n")
        urls.setdefault(name, url)
    if "remote.origin.url" in urls:
        return urls["remote.origin.url"]
    return next(iter(urls.values())) if len(urls) == 1 else ""


def _state(repository: Repository) -> str:
    if not repository.has_files or repository.runs_filters():
        return UNKNOWN
    status = ("status", "--porcelain", "-z", "--untracked-files=normal", "--ignore-submodules=dirty")
    entries = repository.ask(*status).split(b"\0")[:-1]
    if not entries:
        return CLEAN
    return UNTRACKED if all(entry.startswith(_UNTRACKED_ENTRY) for entry in entries) else MODIFIED
