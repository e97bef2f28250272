"""The interface of resolvers, and those that custody stands behind.

What custody tells the user about a recording, such as a path that does not exist, is a warning of the logger
`in_toto.resolver`.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod

TYPE_CHECKING = False  # known to checkers; importing it from `typing` takes longer than this module
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from custody.artifacts.recording import Recording
    from custody.artifacts.resolvers import Resolver as CoreResolver
    from custody.rules.artifacts import Artifacts

    Hashes = dict[str, dict[str, str]]

__all__ = ["RESOLVER_FOR_URI_SCHEME", "DirectoryResolver", "FileResolver", "OCIResolver", "OSTreeResolver", "Resolver"]

_NAME = "in_toto.resolver"

RESOLVER_FOR_URI_SCHEME: dict[str, Resolver] = {}
"""The resolvers that were registered, by the scheme they serve."""


class Resolver(ABC):
    """Whatever hashes artifacts by their URIs."""

    @classmethod
    def for_uri(cls, uri: str) -> Resolver:
        """Return the registered resolver of the scheme of `uri`, or the one of "file".

        Raises:
            KeyError: neither is registered.

        """
        scheme, colon, _ = uri.partition(":")
        if not colon or scheme not in RESOLVER_FOR_URI_SCHEME:
            scheme = FileResolver.SCHEME
        return RESOLVER_FOR_URI_SCHEME[scheme]

    @abstractmethod
    def hash_artifacts(self, uris: Iterable[str]) -> Hashes:
        """Return name to digests of the artifacts that `uris` name."""


class FileResolver(Resolver):
    """Every file at and below a path, under its path; one that was given as `file:PATH` keeps its scheme."""

    SCHEME = "file"

    def __init__(
        self,
        exclude_patterns: list[str] | None = None,
        base_path: str | None = None,
        follow_symlink_dirs: bool = False,  # noqa: FBT001, FBT002  # public
        normalize_line_endings: bool = False,  # noqa: FBT001, FBT002  # public
        lstrip_paths: list[str] | None = None,
    ) -> None:
        """Remember how to record.

        Raises:
            ValueError: an argument has the wrong type.
            PrefixError: one of `lstrip_paths` begins with another.

        """
        if base_path is not None and not isinstance(base_path, str):
            raise ValueError("'base_path' must be string")
        self._base_path = base_path or ""
        self._prefixes = _strings("lstrip_paths", lstrip_paths or [])
        _check_prefixes(self._prefixes)
        self._excludes = _strings("exclude_patterns", [] if exclude_patterns is None else exclude_patterns)
        self._follow_symlink_dirs = follow_symlink_dirs
        self._normalize_line_endings = normalize_line_endings

    def hash_artifacts(self, uris: Iterable[str]) -> Hashes:
        """Return the digests of the files at and below `uris`; a path that does not exist is a warning.

        Raises:
            PrefixError: two files have one name without their prefixes.
            OSError: the base path is no directory, or a file cannot be read.
            ValueError: something there cannot be recorded truthfully.

        """
        return _as_dict(self.recorded(uris))

    def recorded(self, uris: Iterable[str]) -> Artifacts:
        """Return what `hash_artifacts` does; many files are in no dict."""
        from custody.artifacts.recording import Recording
        from custody.artifacts.resolvers.file import record_files

        demand_directory(self._base_path)
        recording = Recording(
            exclude=self._excludes,
            base_path=self._base_path,
            follow_symlink_dirs=bool(self._follow_symlink_dirs),
            normalize_line_endings=bool(self._normalize_line_endings),
            missing_ok=True,
        )
        prefix = f"{self.SCHEME}:"
        given = list(uris)
        # The reference takes an empty path for the directory itself.
        paths = [uri or "." for uri in given if not uri.startswith(prefix)]
        with_scheme = [uri.removeprefix(prefix) or "." for uri in given if uri.startswith(prefix)]
        found = _record(paths, record_files, recording)
        if not (with_scheme or self._prefixes):
            return found
        hashes = _stripped(found, self._prefixes, "")
        return hashes | _stripped(_record(with_scheme, record_files, recording), self._prefixes, prefix)


class DirectoryResolver(Resolver):
    """A whole directory as one artifact, `dir:PATH`, by the digest over the digests of its files.

    Its path starts at the current directory, also where there is a base path.
    """

    SCHEME = "dir"

    def __init__(
        self,
        exclude_patterns: list[str] | None = None,
        follow_symlink_dirs: bool = False,  # noqa: FBT001, FBT002  # public
        normalize_line_endings: bool = False,  # noqa: FBT001, FBT002  # public
        lstrip_paths: list[str] | None = None,
    ) -> None:
        """Remember how to record."""
        self._excludes = _strings("exclude_patterns", exclude_patterns or [])
        self._prefixes = _strings("lstrip_paths", lstrip_paths or [])
        self._follow_symlink_dirs = follow_symlink_dirs
        self._normalize_line_endings = normalize_line_endings

    def hash_artifacts(self, uris: Iterable[str]) -> Hashes:
        """Return the digests of the directories `uris`.

        Raises:
            PrefixError: two directories have one name without their prefixes.
            ValueError: one is no directory, or something in it cannot be recorded truthfully.

        """
        from custody.artifacts.recording import Recording
        from custody.artifacts.resolvers.directory import record_directories

        prefix = f"{self.SCHEME}:"
        paths = [uri.removeprefix(prefix) for uri in uris]
        for path in paths:
            if not os.path.isdir(path):
                raise ValueError(f"path '{path}' is not a directory")
        recording = Recording(
            exclude=self._excludes,
            follow_symlink_dirs=bool(self._follow_symlink_dirs),
            normalize_line_endings=bool(self._normalize_line_endings),
        )
        found = _record(paths, record_directories, recording)
        bare = {name.removeprefix(prefix): digests for name, digests in found.items()}
        return _stripped(bare, self._prefixes, prefix)


class OSTreeResolver(Resolver):
    """The commit that a ref names in the OSTree repository at the base path, `ostree:REF`."""

    SCHEME = "ostree"

    def __init__(self, base_path: str | None = None) -> None:
        """Remember where the repository is."""
        self._base_path = base_path or ""

    def hash_artifacts(self, uris: Iterable[str]) -> Hashes:
        """Return the digests of the commits of the refs `uris`.

        Raises:
            OSError: there is no such repository, ref or commit.
            ValueError: the ref leads out of the repository, or its commit was changed.

        """
        from custody.artifacts.recording import Recording
        from custody.artifacts.resolvers.ostree import record_refs

        demand_directory(self._base_path)
        prefix = f"{self.SCHEME}:"
        refs = [uri.removeprefix(prefix) for uri in uris]
        return _as_dict(_record(refs, record_refs, Recording(base_path=self._base_path)))


class OCIResolver(Resolver):
    """An image as one artifact, `oci:IMAGE`, by the digest of its manifest; the reference has no such resolver.

    Registries are reached over TLS, with what `docker login` stored.
    """

    SCHEME = "oci"

    def __init__(self, base_path: str | None = None, lstrip_paths: list[str] | None = None) -> None:
        """Remember where paths begin, and what is cut from names."""
        self._base_path = base_path or ""
        self._prefixes = _strings("lstrip_paths", lstrip_paths or [])

    def hash_artifacts(self, uris: Iterable[str]) -> Hashes:
        """Return the digests of the images `uris`; one that does not exist is a warning.

        Raises:
            PrefixError: two images have one name without their prefixes.
            OSError: the base path is no directory.
            ValueError: an image cannot be reached, or is not what its digests say.

        """
        from custody.artifacts.recording import Recording
        from custody.artifacts.resolvers.oci import record_images

        demand_directory(self._base_path)
        prefix = f"{self.SCHEME}:"
        recording = Recording(base_path=self._base_path, missing_ok=True)
        found = _record([uri.removeprefix(prefix) for uri in uris], record_images, recording)
        bare = {name.removeprefix(prefix): digests for name, digests in found.items()}
        return _stripped(bare, self._prefixes, prefix)


def demand_directory(path: str) -> None:
    """Raise the system's own error if `path` is no directory; an empty one is the current directory."""
    import errno

    if path and not os.path.isdir(path):
        code = errno.ENOTDIR if os.path.exists(path) else errno.ENOENT
        raise OSError(code, os.strerror(code), path)


def _as_dict(artifacts: Artifacts) -> Hashes:
    """Return `artifacts` as a new dict."""
    from custody.encoding.uniform import UniformObject

    if isinstance(artifacts, UniformObject):
        return artifacts.plain()
    return {name: dict(digests) for name, digests in artifacts.items()}


def _record(references: Sequence[str], resolver: CoreResolver, recording: Recording) -> Artifacts:
    """Return what custody's `resolver` records, its warnings said."""
    from custody.errors import CustodyError
    from in_toto._boundary.talk import warning

    if not references:
        return {}
    try:
        recorded = resolver(references, recording)
    except CustodyError as error:
        from in_toto._boundary.failures import from_custody

        raise from_custody(error) from error
    for each in sorted(set(recorded.warnings)):
        warning(_NAME, each)
    return recorded.artifacts


def _stripped(found: Artifacts, prefixes: Sequence[str], scheme: str) -> Hashes:
    """Return what was `found`, each name without the first of `prefixes` that fits, and after its `scheme`.

    Raises:
        PrefixError: that makes two names one.
        ValueError: it leaves no name that a link may have.

    """
    from custody.rules.artifacts import has_scheme, is_well_formed

    hashes: Hashes = {}
    for name, digests in found.items():
        prefix = next((prefix for prefix in prefixes if name.startswith(prefix)), "")
        short = name[len(prefix) :]
        is_path = scheme not in {f"{DirectoryResolver.SCHEME}:", f"{OCIResolver.SCHEME}:"}
        if prefix and (not short or (is_path and (has_scheme(short) or not is_well_formed(short)))):
            raise ValueError(
                f"cannot record '{name}': without '{prefix}' its name would be '{short}', which is no path"
            )
        if scheme + short in hashes:
            from in_toto.exceptions import PrefixError

            raise PrefixError(f"Prefix selection has resulted in non unique dictionary key '{short}'")
        hashes[scheme + short] = dict(digests)
    return hashes


def _strings(name: str, given: object) -> tuple[str, ...]:
    """Return `given` as a tuple; a ValueError if it is no list of strings."""
    if not isinstance(given, list | tuple) or not all(isinstance(each, str) for each in given):
        raise ValueError(f"'{name}' must be list of strings")
    return tuple(given)


def _check_prefixes(prefixes: Sequence[str]) -> None:
    """Refuse two prefixes of which one begins with the other: their order would decide."""
    for place, first in enumerate(prefixes):
        for second in prefixes[place + 1 :]:
            if first.startswith(second) or second.startswith(first):
                from in_toto.exceptions import PrefixError

                raise PrefixError(f"'{first}' and '{second}' triggered a left substring error")
