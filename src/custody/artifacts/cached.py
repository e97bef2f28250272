"""Recording with a digest cache: only what has changed since the last recording is read.

It is for materials before a command runs, on the machine and in the name of whoever signs for them. A command can make
a file that it changed look as before, so products are never recorded so; nor is what a verifier decides about.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from custody.artifacts.cache import DigestCache
from custody.artifacts.exclude import Exclusion
from custody.artifacts.names import normal_path, shown
from custody.artifacts.options import Recorded, Recording
from custody.artifacts.places import place
from custody.artifacts.reading import Packet, Reader, records_of
from custody.artifacts.recording import record
from custody.artifacts.resolvers import Resolver, default_resolvers
from custody.artifacts.resolvers.file import record_files
from custody.errors import UsageError

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from custody.artifacts.workers import Crew

__all__ = ["CachedReader", "check_cache_place", "record_with_cache"]

_FILE = "file"
_WHOLE = "dir"


def record_with_cache(
    paths: Sequence[str], recording: Recording, cache: str, *, resolvers: Mapping[str, Resolver] | None = None
) -> Recorded:
    """Return what `record` would; the file `cache` then knows the digests of all files at `paths`, and of no others.

    It answers for files that are recorded one by one. Whatever else `resolvers` serve is read.

    Raises:
        RecordingError: as `record`; the cache is as it was.
        UsageError: as `record`, or files are recorded by a resolver that knows of no cache.
        StoreError: the cache is not this user's own, or it cannot be read or written.

    """
    known = default_resolvers() if resolvers is None else resolvers
    if known[_FILE] is not default_resolvers()[_FILE]:
        raise UsageError(
            "a digest cache answers for the usual resolver of files only, and another is given; leave out one"
        )
    digests = DigestCache.read(cache, recording)

    def cached(references: Sequence[str], how: Recording) -> Recorded:
        return record_files(references, how, CachedReader(how, digests))

    recorded = record(paths, recording, resolvers={**known, _FILE: cached})
    digests.write()
    return recorded.replace(warnings=(*recorded.warnings, *digests.warnings))


class CachedReader(Reader):
    """Reads those files only that `cache` has no answer for.

    All that it knows is looked at while more files are being found, and what is to be read is read after that.
    """

    def __init__(self, recording: Recording, cache: DigestCache) -> None:
        """Prepare to read as `recording` says, for which `cache` was made."""
        super().__init__(recording, cache.make)
        self._cache = cache
        self._parts = cache.parts()
        self._changed: list[bytes] = []
        self._paths: list[str] = []
        self._lookers: Crew | None = None

    def __enter__(self) -> Self:
        """Begin to look at what is known, if that is worth several processes."""
        if len(self._parts) > 1:
            from custody.artifacts.workers import Crew, how_many

            workers = how_many()
            if workers > 1:
                self._start(Crew(self._cache.changed, lambda _, numbers: self._changed.append(numbers), workers))
        return super().__enter__()

    def _start(self, crew: Crew) -> None:
        """Let `crew` look at all parts; where the system has no room for it, nobody does yet."""
        with suppress(OSError):
            self._lookers = crew.__enter__()
        try:
            for part in self._parts if self._lookers else ():
                crew.give([part])
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Leave no process behind."""
        if self._lookers is not None:
            self._lookers.__exit__(kind, error, where)
        self._lookers = None
        super().__exit__(kind, error, where)

    def add(self, paths: Sequence[str]) -> None:
        """Look up the files at `paths`, or read them, at some time."""
        if self._parts:
            self._paths += paths
        else:
            super().add(paths)

    def packets(self) -> Sequence[Packet]:
        """Return the record of each file that was added, in no order; the cache keeps them.

        Raises:
            RecordingError: as `Reader.packets`.

        """
        self._look()
        unchanged = self._cache.all_records(self._paths, self._changed) if self._parts else None
        if unchanged is not None:
            return [unchanged]
        known = self._cache.entries(self._changed)
        found = {path: known[path] for path in self._paths if path in known}
        super().add([path for path in self._paths if path not in found])
        records = self._cache.keep({**found, **records_of(super().packets())})
        return [(list(records), b"".join(records.values()))] if records else []

    def _look(self) -> None:
        """Find out what of all that is known is not as it was."""
        if self._lookers is None:
            self._changed = [self._cache.changed(part) for part in self._parts]
        else:
            self._lookers.finish()
            self._lookers.__exit__(None, None, None)  # before others are started, who would keep its pipes open
            self._lookers = None


def check_cache_place(cache: str, paths: Sequence[str], recording: Recording) -> None:
    """Demand that the file `cache`, there yet or not, is none of those at `paths`, else raise a UsageError."""
    try:
        real = os.path.realpath(cache)
    except ValueError:
        raise UsageError(f"expected a file for the digest cache, got {cache!a:.200}, which no file can be") from None
    exclusion = Exclusion(recording.exclude)
    for path in paths:
        scheme, _, reference = path.partition(":")
        whole = scheme == _WHOLE
        root = normal_path(reference if reference and scheme in {_FILE, _WHOLE} else path)
        below = _below(real, os.path.realpath(place(root, recording.base_path)))
        if below is None:
            continue
        recorded = below if whole else posixpath.normpath(posixpath.join(root, below))
        if exclusion.pattern_for(recorded) is None:
            raise UsageError(
                f"the digest cache {shown(cache)} would be recorded itself, as part of {shown(path)}, and would change"
                " with every recording; put it elsewhere, or exclude it"
            )


def _below(path: str, directory: str) -> str | None:
    """Return `path` as seen from `directory`, or None if it is elsewhere; both are real paths."""
    if path == directory:
        return "."
    prefix = directory.rstrip("/") + "/"
    return path.removeprefix(prefix) if path.startswith(prefix) else None
