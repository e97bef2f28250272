"""A tree to record with a digest cache, time that passes, and a cache that lies."""

from __future__ import annotations

import os
from collections.abc import Mapping
from itertools import count
from pathlib import Path

from custody.artifacts.cache import DigestCache
from custody.artifacts.cached import record_with_cache
from custody.artifacts.options import Recording
from custody.artifacts.recording import record

__all__ = ["FALSE", "OLD", "RESTED", "answers", "cached", "lie", "make_tree", "plain", "tick"]

OLD = 1_600_000_000_000_000_000
"""A modification time of long ago, in nanoseconds."""

RESTED = -(10**10)
"""As the time that files have to rest, it lets every file count as rested; tests wait with `tick` instead."""

FALSE = bytes(32)
"""The SHA-256 of nothing that anybody knows."""

_NUMBERS = count()
_USUAL = Recording()


def make_tree(root: Path) -> None:
    """Make three files below `src` that look as if they were old."""
    (root / "src" / "in").mkdir(parents=True)
    for name in ("a", "b", "in/c"):
        (root / "src" / name).write_text(name * 3)
        os.utime(root / "src" / name, ns=(OLD, OLD))


def tick(root: Path) -> None:
    """Come back when the clock of the file system has moved on."""
    probe = root / f"probe{next(_NUMBERS)}"
    probe.touch()
    before = probe.stat().st_ctime_ns
    while probe.stat().st_ctime_ns == before:
        probe.chmod(0o600)
    probe.unlink()


def cached(recording: Recording = _USUAL, path: str = "src") -> dict[str, str]:
    """Return name to digest, recorded with the cache."""
    found = record_with_cache([path], recording, "cache")
    assert found.warnings == ()
    return {name: digests["sha256"] for name, digests in found.artifacts.items()}


def plain(recording: Recording = _USUAL, path: str = "src") -> dict[str, str]:
    """Return name to digest, recorded without it."""
    return {name: digests["sha256"] for name, digests in record([path], recording).artifacts.items()}


def answers(known: DigestCache) -> Mapping[str, bytes]:
    """Return path to entry of what the cache has an answer for."""
    return known.entries(known.changed(part) for part in known.parts())


def lie(path: str, file: str = "cache") -> None:
    """Make the cache in `file`, which knows what lies at `path`, say that its digest is `FALSE`, and no more."""
    known = DigestCache.read(file, _USUAL)
    known.keep({path: answers(known)[path][: -len(FALSE)] + FALSE})
    known.write()
