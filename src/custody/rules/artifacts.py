"""Artifacts: names with their digests, as links list them.

A path is written one way only: normalised, `/` between its parts. `../src/a` and `/abs/a` are paths; `dir/../foo`,
`./foo`, `foo/` and `//foo` are second names for something else, under which a rule would not see it
(CVE-2021-41087). `file:foo` is the path `foo`. Names with another registered scheme are taken as they are (ITE-4).
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence

from custody.encoding.fields import as_object, describe, path_to
from custody.encoding.text import is_hex
from custody.encoding.uniform import UniformObject
from custody.errors import FormatError

__all__ = [
    "DIGEST_SIZES",
    "REGISTERED_SCHEMES",
    "Artifacts",
    "Digests",
    "are_plain",
    "has_scheme",
    "is_well_formed",
    "normal_form",
    "path_of",
    "read_artifacts",
    "read_digests",
]

Digests = Mapping[str, str]
"""Algorithm name to hexadecimal digest."""

Artifacts = Mapping[str, Digests]
"""Artifact name to digests."""

REGISTERED_SCHEMES = frozenset({"dir", "git", "oci", "ostree", "pkg"})
"""URI schemes whose names are not paths, and so are never normalised."""

DIGEST_SIZES = {"sha256": 64, "sha384": 96, "sha512": 128}
"""Hexadecimal digits of each algorithm that a verification may pin."""

_FULL = {**DIGEST_SIZES, "mode": 4}

_FILE = "file:"

_SUSPECTS = ("\n\n", "//", "/\n", "/.", "\n.", ":")
"""What no name has that is certainly a normalised path without a scheme, in text with one name a line."""


def path_of(name: str) -> str:
    """Return the one spelling under which `name` is compared: `file:foo` is the path `foo`."""
    return name.removeprefix(_FILE)


def is_well_formed(name: str) -> bool:
    """Return whether `name` is a normalised path, or has a registered scheme.

    A path never begins with `file:`, or it would be a second name for what stands behind it.
    """
    if has_scheme(name):
        return True
    return posixpath.normpath(name) == name and not name.startswith(("//", _FILE))


def has_scheme(name: str) -> bool:
    """Return whether `name` has a registered scheme, so that it is no path."""
    scheme, colon, _ = name.partition(":")
    return bool(colon) and scheme in REGISTERED_SCHEMES


def normal_form(name: str) -> str:
    """Return the well-formed path that `name` is another spelling of, for error messages."""
    while name.startswith(_FILE):
        name = path_of(name)
    normal = posixpath.normpath(name)
    return normal[1:] if normal.startswith("//") else normal


def read_artifacts(value: object, where: str) -> Artifacts:
    """Return the artifacts that `value` lists, under their paths.

    Raises:
        FormatError: a name is malformed or stands twice, a digest is not hexadecimal or missing (D7, D11).

    """
    if isinstance(value, UniformObject) and value.accepts is are_plain:
        return value
    result: dict[str, Digests] = {}
    for name, digests in as_object(value, where).items():
        path = path_of(name)
        if not is_well_formed(path):
            raise FormatError(
                f"expected a normalised path, got {name!r:.200}",
                where=where,
                remedy=f"the same file is {normal_form(name)!r:.200}",
            )
        if path in result:
            raise FormatError(f"{path!r:.200} stands here twice, with and without 'file:'", where=where)
        result[path] = _read_digests(digests, where, name)
    return result


def are_plain(names: Sequence[str], algorithms: Sequence[str], columns: Sequence[Sequence[str]]) -> bool:
    """Return whether these certainly are artifacts in good order: `columns` has the digests of each algorithm.

    All are looked at together. Of what is left, `read_artifacts` says what is wrong with it, if anything is. Digests of
    algorithms that may be pinned have their full length.
    """
    for algorithm, digests in zip(algorithms, columns, strict=True):
        size = _FULL.get(algorithm)
        if not (set(map(len, digests)) == {size} if size else all(digests)) or not is_hex("".join(digests)):
            return False
    lines = "\n".join(("", *names, ""))
    if lines.count("\n") != len(names) + 1:
        return False
    return not any(suspect in lines for suspect in _SUSPECTS) or all(
        is_well_formed(name) and path_of(name) == name for name in names
    )


def read_digests(value: object, where: str) -> Digests:
    """Return the digests that `value` lists, at least one, each hexadecimal."""
    digests = as_object(value, where)
    if not digests:
        raise FormatError("expected at least one digest, got none", where=where)
    for algorithm, digest in digests.items():
        if not isinstance(digest, str) or not is_hex(digest):
            raise FormatError(f"expected hexadecimal digits, got {describe(digest)}", where=path_to(where, algorithm))
    return digests


def _read_digests(value: object, where: str, name: str) -> Digests:
    """Like `read_digests`; the path is put together only for an error, since links list many artifacts."""
    try:
        return read_digests(value, "")
    except FormatError:
        return read_digests(value, f"{where}[{name!r:.200}]")
