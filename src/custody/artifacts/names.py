r"""Names: which path a reference means, and what the file there is called in a link.

A name is the normalised path as given, so `./a//b` is `a/b`, while `../x` and `/x` stay. Nothing
else is changed: a backslash is an ordinary character in a file name, and `a\b` is not `a/b` (D22).
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Sequence

from custody.errors import RecordingError, UsageError
from custody.rules.artifacts import REGISTERED_SCHEMES, is_well_formed

__all__ = ["NameClashError", "are_names", "name_files", "name_uris", "normal_path", "shown", "utf8_name"]

_SCHEMES = REGISTERED_SCHEMES | {"file"}

_AT_ONCE = 1024
"""Paths that are looked at together."""


class NameClashError(RecordingError):
    """Two artifacts would have one name, because prefixes are stripped."""


def normal_path(path: str) -> str:
    """Return the one spelling of `path`; a normal path stays as it is.

    Raises:
        UsageError: the path is empty, or cannot be a path.

    """
    if not path:
        raise UsageError("expected a path to record, got an empty one; '.' is the directory itself")
    try:
        representable = b"\0" not in os.fsencode(path)
    except UnicodeError:
        representable = False
    if not representable:
        raise UsageError(f"expected a path to record, got {path!a}, which no file can have")
    normal = posixpath.normpath(path)
    # normpath keeps two leading slashes, as POSIX lets it; on Linux they mean one (D7).
    return normal[1:] if normal.startswith("//") else normal


def shown(path: str) -> str:
    r"""Return `path` quoted for a message, on one line; bytes that are not UTF-8 as `\xNN`."""
    return repr(path).replace("\\udc", "\\x")


def utf8_name(path: str) -> str:
    """Return `path` as the text that its bytes are in UTF-8, whatever the locale.

    Raises:
        RecordingError: its bytes are not UTF-8, so that no link can hold the name.

    """
    if path.isascii():
        return path
    try:
        return os.fsencode(path).decode("utf-8")
    except UnicodeError:
        directory, name = posixpath.split(path)
        raise RecordingError(
            f"cannot record {shown(name)} in {shown(directory or '.')}: expected a file name in UTF-8, which links are"
            " written in; rename it or exclude it"
        ) from None


def name_files(paths: Iterable[str], prefixes: Sequence[str]) -> dict[str, str]:
    """Return name to path for every one of `paths`, each once.

    Raises:
        RecordingError: a name cannot be written, reads as a URI, or belongs to two files (NameClashError).

    """
    named: dict[str, str] = {}
    for path in sorted(paths):
        name = path if path.isascii() else utf8_name(path)
        if prefixes:
            name = _relative_without_prefix(name, prefixes)
        if ":" in name:
            _check_scheme(name, path)
        if named.setdefault(name, path) != path:
            raise _collision(named[name], path, name)
    return named


def are_names(paths: Sequence[str]) -> bool:
    """Return whether each of `paths` certainly is its own name, if no prefix is stripped.

    `name_files` says the same one by one; this looks at many together.
    """
    for at in range(0, len(paths), _AT_ONCE):
        text = "".join(paths[at : at + _AT_ONCE])
        if not text.isascii() and not _is_utf8(text):
            return False
        if ":" in text:
            return False
    return True


def _is_utf8(text: str) -> bool:
    """Return whether `text` is what its bytes are in UTF-8: where the locale is another, it seldom is."""
    try:
        return os.fsencode(text).decode("utf-8") == text
    except UnicodeError:
        return False


def name_uris(scheme: str, references: Iterable[str], prefixes: Sequence[str]) -> dict[str, str]:
    """Return name to reference for each of `references`; URIs are never normalised (ITE-4).

    Raises:
        RecordingError: a name cannot be written, or belongs to two references.

    """
    named: dict[str, str] = {}
    for reference in references:
        name = f"{scheme}:{_without_prefix(utf8_name(reference), prefixes)}"
        if name == f"{scheme}:":
            raise RecordingError(f"cannot record '{scheme}:{reference}': no name is left of it")
        if named.setdefault(name, reference) != reference:
            raise _collision(named[name], reference, name)
    return named


def _check_scheme(name: str, path: str) -> None:
    """Refuse a file whose name reads as a URI: a file `dir:src` is not the directory `src`."""
    scheme, colon, _ = name.partition(":")
    if colon and scheme in _SCHEMES:
        raise RecordingError(
            f"cannot record the file {shown(path)} as {shown(name)}: every reader would take that for a URI of the"
            f" scheme {scheme}:; rename it, exclude it, or record it from another directory"
        )


def _relative_without_prefix(name: str, prefixes: Sequence[str]) -> str:
    """Return `name` without the first prefix that fits; a relative path has to be left."""
    stripped = _without_prefix(name, prefixes)
    if stripped != name and (stripped.startswith("/") or not is_well_formed(stripped)):
        raise RecordingError(
            f"cannot record {shown(name)}: stripping {name.removesuffix(stripped)!r} leaves {stripped!r}, expected a"
            " relative path; let the prefix end with '/' and name a directory above the file"
        )
    return stripped


def _without_prefix(name: str, prefixes: Sequence[str]) -> str:
    """Return `name` without the first of `prefixes` that fits."""
    for prefix in prefixes:
        if name.startswith(prefix):
            return name[len(prefix) :]
    return name


def _collision(first: str, second: str, name: str) -> NameClashError:
    """Return the error for two artifacts of one name."""
    return NameClashError(
        f"cannot record both {shown(first)} and {shown(second)}: without their prefixes both are called {shown(name)};"
        " strip fewer prefixes, or record them apart"
    )
