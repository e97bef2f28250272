"""`file:` and plain paths: every file at and below a path is an artifact under its path."""

from __future__ import annotations

from collections.abc import Sequence

from custody.artifacts.digest import digests_by_name
from custody.artifacts.names import name_files
from custody.artifacts.options import Recorded, Recording
from custody.artifacts.reading import Reader
from custody.artifacts.walk import Walk

__all__ = ["record_files"]


def record_files(references: Sequence[str], recording: Recording, reader: Reader | None = None) -> Recorded:
    """Return the files at and below `references`, read by `reader`, the usual one if None.

    Raises:
        RecordingError: a path is missing, a name cannot be written, a file cannot be read
            truthfully.

    """
    walk = Walk(references, recording)
    with reader or Reader(recording) as reading:
        for paths in walk.found():
            reading.add(paths)
        named = name_files(sorted(walk.paths), recording.lstrip_paths)
        records = reading.records()
    artifacts = digests_by_name(((name, records[named[name]]) for name in sorted(named)), recording)
    return Recorded(artifacts=artifacts, warnings=tuple(walk.warnings))
