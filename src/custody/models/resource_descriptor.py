"""A resource descriptor: what names an artifact in attestations (in-toto attestation v1)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from custody.encoding.fields import Fields, as_object, as_text, describe
from custody.encoding.text import from_base64
from custody.errors import FormatError
from custody.models.digest_set import DigestSet, read_digest_set
from custody.value import Value

__all__ = [
    "ResourceDescriptor",
    "is_uri",
    "read_optional_descriptor",
    "read_resource_descriptor",
    "read_uri",
    "refuse_same_names",
]

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+")
"""RFC 3986: a scheme and something behind it, printable ASCII without blanks."""


class ResourceDescriptor(Value):
    """An artifact; at least one of `uri`, `digest` and `content` is there. `document` is what was read, all of it."""

    name: str = ""
    uri: str = ""
    digest: DigestSet = {}
    content: bytes | None = None
    download_location: str = ""
    media_type: str = ""
    annotations: Mapping[str, Any] = {}
    document: Mapping[str, Any] = {}


def read_resource_descriptor(value: object, where: str, *, digested: bool = False) -> ResourceDescriptor:
    """Return the descriptor that `value` writes; a field that is null is not there, unknown fields are kept.

    Raises:
        FormatError: a field is wrong, or nothing says which artifact it is; `digested`, that it has no digest.

    """
    fields = Fields(value, where)
    content = fields.any("content", None)
    found = ResourceDescriptor(
        name=_text(fields, "name"),
        uri=_text(fields, "uri"),
        digest=_digest(fields),
        content=None if content is None else from_base64(fields.text("content"), fields.path("content")),
        download_location=_text(fields, "downloadLocation"),
        media_type=_text(fields, "mediaType"),
        annotations={} if fields.any("annotations", None) is None else fields.object("annotations"),
        document=as_object(value, where),
    )
    if digested and not found.digest:
        raise FormatError("missing: digests tell which artifact is meant", where=fields.path("digest"))
    if not found.uri and not found.digest and found.content is None:
        raise FormatError("expected 'digest', 'uri' or 'content', got none of them", where=where)
    return found


def read_optional_descriptor(value: object, where: str) -> ResourceDescriptor | None:
    """Return what `read_resource_descriptor` does; None for null and for an empty object, which mean the same."""
    return None if value is None or value == {} else read_resource_descriptor(value, where)


def _text(fields: Fields, name: str) -> str:
    return "" if fields.any(name, None) is None else fields.text(name)


def _digest(fields: Fields) -> DigestSet:
    value = fields.any("digest", None)
    return {} if value is None or value == {} else read_digest_set(value, fields.path("digest"))


def is_uri(text: str) -> bool:
    """Return whether `text` is a URI: a scheme, and something behind it."""
    return _URI.fullmatch(text) is not None


def read_uri(value: object, where: str) -> str:
    """Return the URI that `value` is, else raise a FormatError."""
    text = as_text(value, where)
    if not is_uri(text):
        raise FormatError(f"expected a URI such as https://example.com/type/v1, got {describe(text)}", where=where)
    return text


def refuse_same_names(descriptors: Iterable[ResourceDescriptor], where: str) -> None:
    """Refuse two of the list at `where` that have the same name: nobody could tell them apart."""
    seen: dict[str, int] = {}
    for index, each in enumerate(descriptors):
        first = seen.setdefault(each.name, index)
        if first != index:
            raise FormatError(f"{each.name!r:.80} is the name of {where}[{first}] too", where=f"{where}[{index}].name")
