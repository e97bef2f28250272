"""`ostree:REF`: the commit that a ref of an OSTree repository names is one artifact, called `ostree:REF`.

The repository is the base path, the current directory unless it is given. Its digests are over the commit's object,
the file `objects/XX/YYY.commit` of the checksum XXYYY that stands in `refs/heads/REF`. That checksum is the SHA-256
of the object, so that the digest names the commit as `ostree rev-parse REF` does; an object that is something else is
refused. Exclude patterns, prefixes to strip, line endings and modes do not apply.

The repository may be hostile: a ref whose name or symbolic link leads out of `refs/heads` is refused.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence

from custody.artifacts.digest import digest_file
from custody.artifacts.names import name_uris, shown
from custody.artifacts.options import Recorded, Recording
from custody.artifacts.places import examine, kind_of, place
from custody.encoding.text import is_hex
from custody.errors import RecordingError, StoreError
from custody.files import read_file

__all__ = ["record_refs"]

_SCHEME = "ostree"
_REFS = "refs/heads"
_OWN = "sha256"
"""What OSTree's checksums are; it knows no other."""

_CHECKSUM_DIGITS = 64

_MAX_REF_BYTES = 4096
"""A ref holds a checksum and a line feed."""


def record_refs(references: Sequence[str], recording: Recording) -> Recorded:
    """Return one artifact for each of the refs `references`.

    Raises:
        RecordingError: a ref or its commit is missing, or is not what it should be.

    """
    artifacts: dict[str, Mapping[str, str]] = {}
    warnings: list[str] = []
    for name, ref in name_uris(_SCHEME, references, ()).items():
        path = f"{_REFS}/{_plain(ref, name)}"
        found = examine(path, name, recording, warnings.append)
        if found is None:
            continue
        if not stat.S_ISREG(found.st_mode):
            raise _refusal(name, f"expected a ref, got a {kind_of(found.st_mode)}")
        _demand_inside(path, name, recording.base_path)
        checksum = _checksum(path, name, recording.base_path)
        artifacts[name] = _digests(checksum, name, recording)
    return Recorded(artifacts=artifacts, warnings=tuple(warnings))


def _plain(ref: str, name: str) -> str:
    """Return `ref`, whose name stays inside of the directory of refs."""
    if "\0" in ref or not {"", ".", ".."}.isdisjoint(ref.split("/")):
        raise _refusal(name, "expected the name of a ref, such as 'main' or 'os/x86_64/stable'")
    return ref


def _demand_inside(path: str, name: str, base: str) -> None:
    """Refuse a ref that a symbolic link takes elsewhere; one that is another ref's alias is fine."""
    refs = os.path.realpath(place(_REFS, base))
    real = os.path.realpath(place(path, base))
    if os.path.commonpath([refs, real]) != refs:
        raise _refusal(name, f"it is a symbolic link to {shown(real)}, outside of {_REFS}")


def _checksum(path: str, name: str, base: str) -> str:
    """Return the checksum that stands in the ref at `path`."""
    try:
        data = read_file(place(path, base), what="the ref", limit=_MAX_REF_BYTES)
    except StoreError as error:
        raise _refusal(name, str(error)) from error
    checksum = data.decode("ascii", "replace").strip("\n")
    if len(checksum) != _CHECKSUM_DIGITS or not is_hex(checksum):
        raise _refusal(name, f"expected {_CHECKSUM_DIGITS} hexadecimal digits in {path}, got {checksum!r:.80}")
    return checksum


def _digests(checksum: str, name: str, recording: Recording) -> Mapping[str, str]:
    """Return the digests of the commit's object, which is what `checksum` says."""
    wanted = recording.hash_algorithms
    reading = Recording(hash_algorithms=(*wanted, *({_OWN} - {*wanted})))
    path = f"objects/{checksum[:2]}/{checksum[2:]}.commit"
    try:
        digests = digest_file(place(path, recording.base_path), reading)
    except RecordingError as error:
        raise _refusal(name, str(error)) from error.__cause__
    if digests[_OWN] != checksum.lower():
        raise _refusal(name, f"{path} has the SHA-256 {digests[_OWN]}: it was changed; `ostree fsck` says more")
    return {algorithm: digests[algorithm] for algorithm in wanted}


def _refusal(name: str, problem: str) -> RecordingError:
    """Return the error for the ref `name`."""
    return RecordingError(f"cannot record {shown(name)}: {problem}")
