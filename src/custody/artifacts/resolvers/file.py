"""`file:` and plain paths: every file at and below a path is an artifact under its path."""

from __future__ import annotations

from collections.abc import Sequence

from custody.artifacts.digest import digest_files
from custody.artifacts.names import name_files
from custody.artifacts.options import Recorded, Recording
from custody.artifacts.places import place
from custody.artifacts.walk import Walk

__all__ = ["record_files"]


def record_files(references: Sequence[str], recording: Recording) -> Recorded:
    """Return the files at and below `references`.

    Raises:
        RecordingError: a path is missing, a name cannot be written, a file cannot be read
            truthfully.

    """
    walk = Walk(references, recording)
    walk.run()
    named = name_files(sorted(walk.paths), recording.lstrip_paths)
    base = recording.base_path
    jobs = [(name, place(named[name], base)) for name in sorted(named)]
    return Recorded(artifacts=digest_files(jobs, recording), warnings=tuple(walk.warnings))
