"""The door of this room: `record` turns paths into artifacts.

>>> record(["."], Recording(exclude=(".git",))).artifacts  # doctest: +SKIP
{'README': {'sha256': '9f86d0...'}, 'src/main.py': {'sha256': 'e3b0c4...'}}

A reference is a path, or a URI whose scheme one of the resolvers serves (`dir:src`, `git:.`, `ostree:main`).
Anything else with a colon is a path: `myapp:1.0.0` is a file name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from custody.artifacts.options import DEFAULT_EXCLUDES, Artifacts, Recorded, Recording
from custody.artifacts.places import check_base
from custody.artifacts.resolvers import Resolver, default_resolvers
from custody.encoding.uniform import UniformObject
from custody.errors import UsageError
from custody.rules.artifacts import REGISTERED_SCHEMES

__all__ = ["DEFAULT_EXCLUDES", "Artifacts", "Recorded", "Recording", "record"]

_FILE = "file"
_USUAL = Recording()


def record(
    paths: Sequence[str],
    recording: Recording = _USUAL,
    *,
    skip: Callable[[str, Mapping[str, str]], bool] | None = None,
    resolvers: Mapping[str, Resolver] | None = None,
) -> Recorded:
    """Return what is at `paths` now, each artifact once, sorted by name.

    The order of `paths` decides nothing. What `skip(name, digests)` is true for is left out.
    `resolvers` are the schemes to serve, `default_resolvers()` unless given; "file" has to be one.

    Raises:
        RecordingError: something there cannot be recorded truthfully.
        UsageError: a path, a scheme or the base path makes no sense.

    """
    if isinstance(paths, str):
        raise UsageError(f"expected a sequence of paths, got the string {paths!r:.200}")
    check_base(recording)
    known = default_resolvers() if resolvers is None else resolvers
    artifacts: Artifacts = {}
    warnings: list[str] = []
    for scheme, references in _by_scheme(paths, known).items():
        recorded = known[scheme](references, recording)
        artifacts = {**artifacts, **recorded.artifacts} if artifacts else recorded.artifacts
        warnings += recorded.warnings
    return Recorded(artifacts=_in_order(artifacts, skip), warnings=tuple(sorted(set(warnings))))


def _in_order(artifacts: Artifacts, skip: Callable[[str, Mapping[str, str]], bool] | None) -> Artifacts:
    """Return `artifacts` sorted by name, without those that `skip` is true for."""
    skipped = set() if skip is None else {name for name, digests in artifacts.items() if skip(name, digests)}
    if isinstance(artifacts, UniformObject) and len(skipped) < len(artifacts):
        return artifacts.without(skipped) if skipped else artifacts
    return {name: artifacts[name] for name in sorted(artifacts) if name not in skipped}


def _by_scheme(paths: Sequence[str], known: Mapping[str, Resolver]) -> dict[str, list[str]]:
    """Return the references that each resolver serves, without their scheme."""
    grouped: dict[str, list[str]] = {}
    for path in paths:
        scheme, _, reference = path.partition(":")
        if scheme in known and path != scheme:
            grouped.setdefault(scheme, []).append(reference)
        elif scheme in REGISTERED_SCHEMES and path != scheme:
            raise UsageError(
                f"cannot record {path!r}: expected a path or one of {', '.join(sorted(known))}, got the scheme"
                f" {scheme}:, which is not served here"
            )
        else:
            grouped.setdefault(_FILE, []).append(path)
    return grouped
