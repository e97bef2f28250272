"""`file:` and plain paths: every file at and below a path is an artifact under its path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from custody.artifacts.digest import digests_by_name
from custody.artifacts.names import are_names, name_files
from custody.artifacts.options import Artifacts, Recorded, Recording
from custody.artifacts.reading import MANY_FILES, Packet, Reader, records_of
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
        # Names that cannot be written are found before the reading ends.
        prefixes = recording.lstrip_paths
        named = name_files(walk.paths, prefixes) if prefixes or not are_names(walk.paths) else None
        packets = reading.packets()
    return Recorded(artifacts=_artifacts(packets, named, recording), warnings=tuple(walk.warnings))


def _artifacts(packets: Sequence[Packet], named: Mapping[str, str] | None, recording: Recording) -> Artifacts:
    """Return the artifacts in `packets` under their names, which are their paths if `named` is None."""
    if named is None and sum(len(paths) for paths, _ in packets) >= MANY_FILES:
        from custody.artifacts.rows import written_artifacts  # most steps have few

        written = written_artifacts(packets, recording)
        if written is not None:
            return written
    records = records_of(packets)
    if named is None:
        return digests_by_name(sorted(records.items()), recording)
    return digests_by_name(((name, records[named[name]]) for name in sorted(named)), recording)
