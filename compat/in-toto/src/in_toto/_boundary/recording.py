"""Recording, as the arguments of `in_toto.runlib` and the settings describe it, done by custody.

Settings and registered resolvers are looked up whenever something is recorded.
"""

from __future__ import annotations

import os

from custody.value import Value
from in_toto._boundary import talk

TYPE_CHECKING = False  # known to checkers; importing it from `typing` takes longer than this module
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from custody.artifacts.recording import Recorded, Recording
    from custody.artifacts.resolvers import Resolver as CoreResolver
    from custody.rules.artifacts import Artifacts, Digests
    from in_toto.resolver import Resolver

__all__ = ["Recorder", "Step", "StepRecording", "quoted"]

_NAME = "in_toto.runlib"
_FILE = "file"


class Recorder(Value):
    """How artifacts are recorded; what is empty is looked up in `in_toto.settings` when something is recorded.

    With `commas`, a path that does not exist is what it lists with commas between.
    """

    exclude_patterns: list[str] | None = None
    base_path: str | None = None
    follow_symlink_dirs: bool = True
    normalize_line_endings: bool = False
    lstrip_paths: list[str] | None = None
    commas: bool = False

    def record(self, uris: Sequence[str] | None) -> Artifacts:
        """Return name to digests of the artifacts that `uris` name now, in a dict if they are few.

        Raises:
            PrefixError: a prefix to strip makes two names one, or begins with another.
            OSError: the base path is no directory, or something cannot be read.
            ValueError: an argument or a setting has the wrong type, or something cannot be recorded truthfully.

        """
        if not uris:
            return {}
        from in_toto.resolver import OCIResolver

        resolvers = self._resolvers()
        grouped: dict[Resolver, list[str]] = {}
        for uri in self._listed(uris):
            scheme, colon, _ = uri.partition(":")
            resolver = resolvers[scheme if colon and scheme in resolvers else _FILE]
            if isinstance(resolver, OCIResolver) and os.path.lexists(os.path.join(self._base_path or "", uri)):
                resolver = resolvers[_FILE]  # it refuses a file of that name, which is no image that is missing
            grouped.setdefault(resolver, []).append(uri)
        found = [_recorded(resolver, group) for resolver, group in grouped.items()]
        if len(found) == 1:
            return found[0]
        artifacts: dict[str, Digests] = {}
        for each in found:
            artifacts.update(each)
        return artifacts

    def record_dict(self, uris: Sequence[str] | None) -> dict[str, dict[str, str]]:
        """Return what `record` does, always in a dict."""
        from custody.encoding.uniform import plain

        found: dict[str, dict[str, str]] = plain(self.record(uris))
        return found

    def _resolvers(self) -> dict[str, Resolver]:
        """Return the resolvers by scheme: those that were registered, and the usual ones that know these settings."""
        from in_toto.resolver import (
            RESOLVER_FOR_URI_SCHEME,
            DirectoryResolver,
            FileResolver,
            OCIResolver,
            OSTreeResolver,
        )

        excludes, base_path = self._excludes, self._base_path
        usual: dict[str, Resolver] = {
            FileResolver.SCHEME: FileResolver(
                excludes,
                base_path,
                self.follow_symlink_dirs,
                self.normalize_line_endings,
                self.lstrip_paths,
            ),
            OCIResolver.SCHEME: OCIResolver(base_path, self.lstrip_paths),
            OSTreeResolver.SCHEME: OSTreeResolver(base_path),
            DirectoryResolver.SCHEME: DirectoryResolver(
                excludes,
                self.follow_symlink_dirs,
                self.normalize_line_endings,
                self.lstrip_paths,
            ),
        }
        # One of the usual ones that somebody registered does not know the options of this recording.
        registered = {
            scheme: resolver
            for scheme, resolver in RESOLVER_FOR_URI_SCHEME.items()
            if type(resolver) is not type(usual.get(scheme))
        }
        return usual | registered

    @property
    def _excludes(self) -> list[str] | None:
        from in_toto import settings

        return self.exclude_patterns or settings.ARTIFACT_EXCLUDE_PATTERNS

    @property
    def _base_path(self) -> str | None:
        from in_toto import settings

        return self.base_path or settings.ARTIFACT_BASE_PATH

    def _listed(self, uris: Sequence[str]) -> list[str]:
        if not self.commas:
            return list(uris)
        from in_toto._boundary.spellings import split_at_commas

        listed: list[str] = []
        for uri in uris:
            path = os.path.join(self._base_path or "", uri.removeprefix("file:"))
            listed += [uri] if "," not in uri or os.path.lexists(path) else split_at_commas(uri)
        return listed


class Step(Value):
    """What somebody does: a name, what it starts from, what it makes."""

    name: str
    materials: Sequence[str] = ()
    products: Sequence[str] = ()


class StepRecording:
    """The two recordings of a step, as custody asks for them, and what is said before each."""

    def __init__(self, recorder: Recorder, step: Step, command: Sequence[str] = ()) -> None:
        """Say what is recorded first, if anything is."""
        self._recorder = recorder
        self._step = step
        self._command = command
        self._materials_are_done = False
        self.materials: Artifacts = {}
        self.products: Artifacts = {}
        if step.materials:
            talk.info(_NAME, f"Recording materials '{', '.join(step.materials)}'...")

    def resolvers(self) -> Mapping[str, CoreResolver]:
        """Return the one resolver that custody needs: `quoted` sends it everything."""
        return {_FILE: self._resolve}

    def finish_materials(self, _materials: Artifacts) -> None:
        """Take what is recorded from here on for products."""
        self._materials_are_done = True
        if self._command:
            talk.info(_NAME, f"Running command '{' '.join(self._command)}'...")

    def _resolve(self, uris: Sequence[str], _recording: Recording) -> Recorded:
        from custody.artifacts.recording import Recorded

        if self._materials_are_done:
            talk.info(_NAME, f"Recording products '{', '.join(self._step.products)}'...")
            self.products = found = self._recorder.record(uris)
        else:
            self.materials = found = self._recorder.record(uris)
        return Recorded(artifacts=found)


def _recorded(resolver: Resolver, uris: Sequence[str]) -> Artifacts:
    """Return what `resolver` records; one of a kind that somebody else wrote knows of dicts only."""
    from in_toto.resolver import FileResolver

    return resolver.recorded(uris) if type(resolver) is FileResolver else dict(resolver.hash_artifacts(uris))


def quoted(uris: Sequence[str] | None) -> list[str]:
    """Return `uris` as paths for custody: which resolver serves a scheme is decided here."""
    return [f"{_FILE}:{uri}" for uri in uris or ()]
