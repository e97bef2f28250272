"""Descriptors: what type some bytes have, how many they are, and their digest (image specification 1.1)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from custody.encoding.fields import Fields, as_object, as_text, describe, path_to
from custody.errors import FormatError
from custody.oci.digest import Digest, read_digest, sha256_of
from custody.value import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "MAX_SIZE",
    "Descriptor",
    "Platform",
    "describe_bytes",
    "read_annotations",
    "read_artifact_type",
    "read_descriptor",
    "read_media_type",
]

MAX_SIZE = 2**63 - 1
"""The largest size that is understood, in bytes: the specification's int64."""

_MEDIA_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}")


class Platform(Value):
    """What an image of an index runs on; `str(p)` is `os/architecture[/variant]`."""

    os: str
    architecture: str
    variant: str = ""

    def __str__(self) -> str:
        """Return the platform as `--platform` takes it."""
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


class Descriptor(Value):
    """A pointer to bytes; `document` is the descriptor as it was read, with fields unknown here, or empty."""

    media_type: str
    digest: Digest
    size: int
    annotations: Mapping[str, str] = {}
    artifact_type: str = ""
    platform: Platform | None = None
    document: Mapping[str, Any] = {}

    def write(self) -> dict[str, Any]:
        """Return the descriptor as JSON data, with what `document` has beyond; `read_descriptor` reads it."""
        written = dict(self.document)
        written |= {"mediaType": self.media_type, "digest": str(self.digest), "size": self.size}
        _put(written, "artifactType", self.artifact_type)
        _put(written, "annotations", dict(self.annotations))
        if self.platform is not None:
            platform = dict(written.get("platform", {}))
            platform |= {"os": self.platform.os, "architecture": self.platform.architecture}
            _put(platform, "variant", self.platform.variant)
            written["platform"] = platform
        else:
            written.pop("platform", None)
        return written


def describe_bytes(data: bytes, media_type: str, *, annotations: Mapping[str, str] | None = None) -> Descriptor:
    """Return the descriptor of `data`."""
    return Descriptor(
        media_type=media_type, digest=sha256_of(data), size=len(data), annotations=dict(annotations or {})
    )


def read_descriptor(value: object, where: str = "") -> Descriptor:
    """Return the descriptor that the parsed `value` holds.

    Raises:
        FormatError: a field is missing or wrong.

    """
    fields = Fields(value, where)
    size = fields.integer("size", minimum=0)
    if size > MAX_SIZE:
        raise FormatError(f"expected at most {MAX_SIZE}, got {describe(size)}", where=fields.path("size"))
    return Descriptor(
        media_type=read_media_type(fields.any("mediaType"), fields.path("mediaType")),
        digest=read_digest(fields.any("digest"), fields.path("digest")),
        size=size,
        annotations=read_annotations(fields.any("annotations", None), fields.path("annotations")),
        artifact_type=read_artifact_type(fields),
        platform=_read_platform(fields.any("platform", None), fields.path("platform")),
        document=as_object(value, where),
    )


def read_media_type(value: object, where: str, *, empty: bool = False) -> str:
    """Return `value` if it is a media type without parameters, or empty where it may be; else a FormatError."""
    text = as_text(value, where)
    if (text or not empty) and not _MEDIA_TYPE.fullmatch(text):
        raise FormatError(f"expected a media type such as application/json, got {describe(text)}", where=where)
    return text


def read_artifact_type(fields: Fields) -> str:
    """Return the field `artifactType`, empty if it is not there.

    It may be any text. Some clients write no media type there, and one of theirs must not make a list unreadable.
    """
    return as_text(fields.any("artifactType", "") or "", fields.path("artifactType"))


def read_annotations(value: object, where: str) -> Mapping[str, str]:
    """Return annotations, which are texts by name; null is none, as Go writes it."""
    if value is None:
        return {}
    return {name: as_text(text, path_to(where, name)) for name, text in as_object(value, where).items()}


def _read_platform(value: object, where: str) -> Platform | None:
    if value is None:
        return None
    fields = Fields(value, where)
    return Platform(os=fields.text("os"), architecture=fields.text("architecture"), variant=fields.text("variant", ""))


def _put(document: dict[str, Any], name: str, value: object) -> None:
    """Set what has a value; what has none is left out."""
    if value:
        document[name] = value
    else:
        document.pop(name, None)
