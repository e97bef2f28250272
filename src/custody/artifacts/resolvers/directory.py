r"""`dir:PATH`: a whole directory is one artifact, called `dir:PATH` exactly as it was given.

Its digest is over one line for each file below it, sorted by the bytes of their paths, the paths
relative to it::

    <hexadecimal digest of the file>  <path>\n

which is what `find . -type f | cut -c3- | LC_ALL=C sort | xargs sha256sum | sha256sum` says, and
the reference implementation records; like there, symbolic links count as what they lead to, and the
exclude patterns apply inside the directory. Another hash algorithm takes the place of SHA-256 both
in the lines and over them.
"""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Mapping, Sequence

from custody.artifacts.digest import digests_by_name
from custody.artifacts.names import name_uris, normal_path, shown, utf8_name
from custody.artifacts.options import Recorded, Recording
from custody.artifacts.places import examine, kind_of, place
from custody.artifacts.reading import Reader
from custody.artifacts.walk import Walk
from custody.errors import RecordingError

__all__ = ["record_directories"]

_SCHEME = "dir"


def record_directories(references: Sequence[str], recording: Recording) -> Recorded:
    """Return one artifact for each of the directories `references`.

    Raises:
        RecordingError: one is missing or no directory, or something in it cannot be recorded.

    """
    artifacts: dict[str, dict[str, str]] = {}
    warnings: list[str] = []
    for name, reference in name_uris(_SCHEME, references, recording.lstrip_paths).items():
        uri = f"{_SCHEME}:{reference}"
        path = normal_path(reference)
        found = examine(path, uri, recording, warnings.append)
        if found is None:
            continue
        if not stat.S_ISDIR(found.st_mode):
            raise RecordingError(
                f"cannot record {shown(uri)}: expected a directory, got a {kind_of(found.st_mode)}; give its path"
                " without the scheme"
            )
        inside = recording.replace(base_path=place(path, recording.base_path), modes=False)
        if recording.modes:
            warnings.append(f"{shown(uri)}: the modes of the files in it are not part of its digest")
        artifacts[name] = _digest_directory(uri, inside, warnings)
    return Recorded(artifacts=artifacts, warnings=tuple(warnings))


def _digest_directory(uri: str, inside: Recording, warnings: list[str]) -> dict[str, str]:
    """Return the digests over everything below the base path of `inside`."""
    walk = Walk(["."], inside)
    with Reader(inside) as reader:
        for paths in walk.found():
            _check_lines(uri, paths)
            reader.add(paths)
        warnings += [f"{uri}: {warning}" for warning in walk.warnings]
        named = {utf8_name(path): path for path in walk.paths}
        records = reader.records()
    # By code point is by byte: UTF-8 keeps the order.
    digests = digests_by_name(((name, records[named[name]]) for name in sorted(named)), inside)
    return {algorithm: _over_lines(digests, algorithm) for algorithm in inside.hash_algorithms}


def _check_lines(uri: str, paths: Sequence[str]) -> None:
    """Refuse what would make lines ambiguous."""
    for path in paths:
        if "\n" in path or "\\" in path:
            # sha256sum escapes both, the reference neither: two trees could have the same lines.
            raise RecordingError(
                f"cannot record {shown(uri)}: {shown(path)} holds a line feed or a backslash, which its lines cannot"
                f" express; exclude or rename it, or record {shown(uri.removeprefix('dir:'))} file by file"
            )


def _over_lines(digests: Mapping[str, Mapping[str, str]], algorithm: str) -> str:
    """Return the digest over the lines of all files."""
    over = hashlib.new(algorithm)
    for path, of_file in digests.items():
        over.update(f"{of_file[algorithm]}  {path}\n".encode())
    return over.hexdigest()
