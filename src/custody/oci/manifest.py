"""Manifests and indexes, of OCI and of docker (image specification 1.1; docker's schema 2).

What was read is kept byte for byte in `raw`, since its digest is its name. A document that could pass for both a
manifest and an index is refused, also where the media type given beside it says something else (CVE-2021-41190).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from custody.encoding.fields import Fields, as_object, describe
from custody.encoding.strict import read_json, write_json
from custody.errors import FormatError
from custody.oci.descriptor import (
    Descriptor,
    read_annotations,
    read_artifact_type,
    read_descriptor,
    read_media_type,
)
from custody.oci.digest import Digest, sha256_of
from custody.value import Value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "DOCKER_CONFIG",
    "DOCKER_INDEX",
    "DOCKER_MANIFEST",
    "EMPTY_BLOB",
    "EMPTY_DESCRIPTOR",
    "INDEX_TYPES",
    "MANIFEST_TYPES",
    "MAX_LAYERS",
    "MAX_MANIFESTS",
    "MAX_MANIFEST_BYTES",
    "OCI_CONFIG",
    "OCI_EMPTY",
    "OCI_INDEX",
    "OCI_MANIFEST",
    "Index",
    "Manifest",
    "make_index",
    "make_manifest",
    "read_manifest",
]

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"

MANIFEST_TYPES = (OCI_MANIFEST, DOCKER_MANIFEST)
INDEX_TYPES = (OCI_INDEX, DOCKER_INDEX)

EMPTY_BLOB = b"{}"
"""The content of `OCI_EMPTY`, the config of what is no image."""

EMPTY_DESCRIPTOR = Descriptor(
    media_type=OCI_EMPTY,
    digest=Digest(algorithm="sha256", hex="44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"),
    size=len(EMPTY_BLOB),
)

MAX_MANIFEST_BYTES = 4 * 1024 * 1024
"""The largest manifest or index: what the distribution specification demands of every registry."""

MAX_LAYERS = 1000
"""Layers of one manifest, as in cosign."""

MAX_MANIFESTS = 10_000
"""Entries of one index, and descriptors of one list of referrers."""

_SCHEMA_VERSION = 2

_DECIDING = {name.casefold(): name for name in ("schemaVersion", "mediaType", "config", "layers", "manifests")}
"""The fields that say what a document is."""

_SAYS_NOTHING = ("", "application/json", "application/octet-stream")
"""Media types that plain file servers give to anything."""


class _Document(Value):
    """What a manifest and an index have in common."""

    raw: bytes
    digest: Digest
    media_type: str
    artifact_type: str = ""
    subject: Descriptor | None = None
    annotations: Mapping[str, str] = {}

    @property
    def descriptor(self) -> Descriptor:
        """The descriptor of the document itself."""
        return Descriptor(media_type=self.media_type, digest=self.digest, size=len(self.raw))

    @property
    def referrer(self) -> Descriptor:
        """The descriptor as lists of referrers have it."""
        return self.descriptor.replace(artifact_type=self.artifact_type, annotations=self.annotations)


class Manifest(_Document):
    """One image, or one artifact: a config and layers."""

    config: Descriptor
    layers: tuple[Descriptor, ...] = ()

    @property
    def referrer(self) -> Descriptor:
        """The descriptor as lists of referrers have it: with the type of artifact, or else of the config."""
        found = super().referrer
        return found if found.artifact_type else found.replace(artifact_type=self.config.media_type)


class Index(_Document):
    """Several manifests or indexes, such as one for each platform."""

    manifests: tuple[Descriptor, ...] = ()


def read_manifest(raw: bytes, media_type: str = "", digest: Digest | None = None) -> Manifest | Index:
    """Return the manifest or index in `raw`, which was served as `media_type`, and has the given `digest`.

    Raises:
        FormatError: it is none, it could be two things, or it has another digest.

    """
    if len(raw) > MAX_MANIFEST_BYTES:
        raise FormatError(f"expected a manifest of at most {MAX_MANIFEST_BYTES} bytes, got {len(raw)}")
    if digest is None:
        digest = sha256_of(raw)
    elif not digest.matches(raw):
        raise FormatError(f"expected a manifest with the digest {digest}, got one with {sha256_of(raw)}")
    document = as_object(read_json(raw, limit=MAX_MANIFEST_BYTES), "")
    _refuse_other_spellings(document)
    fields = Fields(document)
    if fields.integer("schemaVersion", minimum=1) != _SCHEMA_VERSION:
        raise FormatError(
            f"expected {_SCHEMA_VERSION}, got {describe(fields.any('schemaVersion'))}",
            where="schemaVersion",
            remedy="push the image again with a tool that writes OCI manifests",
        )
    kind = _kind_of(fields, media_type.partition(";")[0].strip().lower())
    read = _read_index if kind in INDEX_TYPES else _read_image
    return read(fields, raw, digest, kind)


def make_manifest(
    config: Descriptor,
    layers: Sequence[Descriptor],
    *,
    artifact_type: str = "",
    subject: Descriptor | None = None,
    annotations: Mapping[str, str] | None = None,
) -> Manifest:
    """Return an OCI manifest; the same values always give the same bytes."""
    document = {"config": config.write(), "layers": [layer.write() for layer in layers]}
    raw = _write(OCI_MANIFEST, document, artifact_type, subject, annotations)
    made = read_manifest(raw, OCI_MANIFEST)
    if not isinstance(made, Manifest):  # pragma: no cover  # the type is given above
        raise FormatError("expected a manifest, got an index")
    return made


def make_index(
    manifests: Sequence[Descriptor],
    *,
    artifact_type: str = "",
    subject: Descriptor | None = None,
    annotations: Mapping[str, str] | None = None,
) -> Index:
    """Return an OCI index; the same values always give the same bytes."""
    document = {"manifests": [manifest.write() for manifest in manifests]}
    made = read_manifest(_write(OCI_INDEX, document, artifact_type, subject, annotations), OCI_INDEX)
    if not isinstance(made, Index):  # pragma: no cover  # the type is given above
        raise FormatError("expected an index, got a manifest")
    return made


def _write(
    media_type: str,
    document: Mapping[str, Any],
    artifact_type: str,
    subject: Descriptor | None,
    annotations: Mapping[str, str] | None,
) -> bytes:
    written: dict[str, Any] = {"schemaVersion": 2, "mediaType": media_type, **document}
    if artifact_type:
        written["artifactType"] = artifact_type
    if subject is not None:
        written["subject"] = subject.write()
    if annotations:
        written["annotations"] = dict(annotations)
    return write_json(written, indent=None)


def _refuse_other_spellings(document: Mapping[str, Any]) -> None:
    """Refuse `Manifests` beside `layers`: readers written in Go take it for `manifests`, and the document for both."""
    for name in document:
        meant = _DECIDING.get(name.casefold(), name)
        if name != meant:
            raise FormatError(f"expected {meant!r}, got {name!r:.60}, which some readers take for it and others do not")


def _kind_of(fields: Fields, served: str) -> str:
    """Return the media type that the document, what it was served as and what is in it agree on."""
    said = read_media_type(fields.any("mediaType", "") or "", "mediaType", empty=True)
    if said and served not in (*_SAYS_NOTHING, said):
        raise FormatError(f"expected {served!r:.100}, as it was served, got {said!r:.100}", where="mediaType")
    has_manifests = fields.has("manifests")
    if has_manifests and (fields.has("layers") or fields.has("config")):
        raise FormatError("expected a manifest or an index, got what could be both: it has layers and manifests")
    kind = said or (served if served not in _SAYS_NOTHING else OCI_INDEX if has_manifests else OCI_MANIFEST)
    if kind not in MANIFEST_TYPES + INDEX_TYPES:
        raise FormatError(f"expected the type of an OCI or docker manifest or index, got {kind!r:.100}")
    if (kind in INDEX_TYPES) != has_manifests:
        raise FormatError(f"expected {kind}, got a document {'with' if has_manifests else 'without'} manifests")
    return kind


def _read_image(fields: Fields, raw: bytes, digest: Digest, kind: str) -> Manifest:
    return Manifest(
        raw=raw,
        digest=digest,
        media_type=kind,
        artifact_type=read_artifact_type(fields),
        config=read_descriptor(fields.any("config"), "config"),
        layers=_read_many(fields, "layers", MAX_LAYERS),
        subject=_read_subject(fields),
        annotations=read_annotations(fields.any("annotations", None), "annotations"),
    )


def _read_index(fields: Fields, raw: bytes, digest: Digest, kind: str) -> Index:
    return Index(
        raw=raw,
        digest=digest,
        media_type=kind,
        artifact_type=read_artifact_type(fields),
        manifests=_read_many(fields, "manifests", MAX_MANIFESTS),
        subject=_read_subject(fields),
        annotations=read_annotations(fields.any("annotations", None), "annotations"),
    )


def _read_many(fields: Fields, name: str, most: int) -> tuple[Descriptor, ...]:
    """Return the descriptors of a list; null is an empty one, as Go writes it."""
    found = fields.list(name) if fields.any(name) is not None else []
    if len(found) > most:
        raise FormatError(f"expected at most {most}, got {len(found)}", where=name)
    return tuple(read_descriptor(value, f"{name}[{index}]") for index, value in enumerate(found))


def _read_subject(fields: Fields) -> Descriptor | None:
    value = fields.any("subject", None)
    return None if value is None else read_descriptor(value, "subject")
