"""A link bundle: the links of a whole chain as one predicate, byte for byte, so that they travel with what they made.

::

    {"links": [{"name": "build.1234abcd.link", "digest": {"sha256": "..."}, "content": "<base64>"}, ...]}

Each link is a resource descriptor with its content. Names are relative paths with `/` between directories, as links of
sublayouts lie in directories. Whoever signs the bundle vouches for the collection; each link keeps its own signature.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from custody.encoding.fields import Fields, plain_name
from custody.encoding.hashing import sha256
from custody.encoding.text import from_base64, to_base64
from custody.errors import FormatError
from custody.models.digest_set import read_digest_set

__all__ = [
    "LINK_BUNDLE",
    "MAX_BUNDLED_BYTES",
    "MAX_BUNDLED_DEPTH",
    "MAX_BUNDLED_LINKS",
    "check_link_bundle",
    "is_link_bundle",
    "read_link_bundle",
    "write_link_bundle",
]

LINK_BUNDLE = "urn:custody:link-bundle:v1"
"""The predicate type."""

MAX_BUNDLED_LINKS = 1000
"""The most links of one bundle."""

MAX_BUNDLED_BYTES = 64 * 1024 * 1024
"""The most bytes of all links of a bundle together; base64 makes them a third larger, twice."""

MAX_BUNDLED_DEPTH = 8
"""The most directories around a link: sublayouts in sublayouts."""

_SUFFIX = ".link"


def write_link_bundle(links: Mapping[str, bytes]) -> dict[str, Any]:
    """Return the predicate that holds `links`, bytes by relative path: `read_link_bundle(write_link_bundle(x)) == x`.

    Raises:
        FormatError: there are none, or more or larger ones than a bundle may have, or one is badly named.

    """
    document = {
        "links": [
            {"name": name, "digest": {"sha256": sha256(data)}, "content": to_base64(data)}
            for name, data in sorted(links.items())
        ]
    }
    _refuse_many(len(links), "links")
    _refuse_large(sum(map(len, links.values())), "links")
    _refuse_names(sorted(links), "links")
    return document


def read_link_bundle(predicate: object, where: str = "predicate") -> dict[str, bytes]:
    """Return the links in `predicate`, bytes by relative path; every path stays below the directory it is put into.

    Raises:
        FormatError: it is no link bundle, a link is not what its digest says, or a path would lead elsewhere.

    """
    fields = Fields(predicate, where)
    entries = fields.list("links")
    _refuse_many(len(entries), fields.path("links"))
    found: dict[str, bytes] = {}
    size = 0
    for index, entry in enumerate(entries):
        link = Fields(entry, f"{fields.path('links')}[{index}]")
        name = link.text("name")
        if name in found:
            raise FormatError(f"a second link called {name!r:.80}", where=link.path("name"))
        found[name] = _content(link)
        size += len(found[name])
        _refuse_large(size, fields.path("links"))
    _refuse_names(list(found), fields.path("links"))
    return found


def is_link_bundle(predicate: object) -> bool:
    """Return whether `predicate` has the fields of a link bundle and no others; it may be a wrong one all the same.

    So a bundle is known that was signed under a type of somebody's own.
    """
    links = predicate.get("links") if isinstance(predicate, Mapping) and set(predicate) == {"links"} else None
    return isinstance(links, list) and bool(links) and all(map(_is_entry, links))


def check_link_bundle(predicate: object, where: str) -> None:
    """Refuse what is no link bundle.

    Raises:
        FormatError: as `read_link_bundle`.

    """
    read_link_bundle(predicate, where)


def _is_entry(entry: object) -> bool:
    if not isinstance(entry, Mapping) or set(entry) != {"name", "digest", "content"}:
        return False
    return isinstance(entry["name"], str) and entry["name"].endswith(_SUFFIX)


def _content(link: Fields) -> bytes:
    data = from_base64(link.text("content"), link.path("content"))
    digests = read_digest_set(link.any("digest"), link.path("digest"))
    if digests.get("sha256") != sha256(data):
        expected = f"expected the sha256 {digests.get('sha256', 'of the content')!r:.70}, got content with another"
        raise FormatError(expected, where=link.path("digest"))
    return data


def _refuse_many(count: int, where: str) -> None:
    if not 0 < count <= MAX_BUNDLED_LINKS:
        raise FormatError(f"expected 1 to {MAX_BUNDLED_LINKS} links, got {count}", where=where)


def _refuse_large(size: int, where: str) -> None:
    if size > MAX_BUNDLED_BYTES:
        raise FormatError(f"expected links of at most {MAX_BUNDLED_BYTES} bytes together, got more", where=where)


def _refuse_names(names: list[str], where: str) -> None:
    """Refuse paths that lead elsewhere, and directories that are called like a link, in whose place they would be."""
    for name in names:
        *directories, last = name.split("/")
        for part in (*directories, last):
            plain_name(part, f"{where}: {name!r:.120}")
        if not last.endswith(_SUFFIX) or last == _SUFFIX:
            raise FormatError(f"expected names of links, which end with {_SUFFIX}, got {name!r:.120}", where=where)
        if len(directories) > MAX_BUNDLED_DEPTH:
            raise FormatError(f"expected at most {MAX_BUNDLED_DEPTH} directories, got {name!r:.120}", where=where)
        if any(part.endswith(_SUFFIX) for part in directories):
            raise FormatError(f"{name!r:.120} is in a directory that is called like a link", where=where)
