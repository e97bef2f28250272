"""Where and how attestations hang on an image.

- A referrer: a manifest whose `subject` is the image, with one Sigstore bundle as its only layer.
- A manifest called `sha256-<hex>.att`, with all attestations as its layers, DSSE envelopes: how cosign did it before.
- Links in envelopes of their own, which cosign has no place for, are referrers of a type of custody's.

The same document always makes the same manifest, so that attaching it again changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.encoding.strict import write_json
from custody.envelopes.dsse import DSSEEnvelope
from custody.envelopes.sigstore_bundle import BUNDLE_TYPE
from custody.errors import FormatError
from custody.oci.descriptor import Descriptor, describe_bytes
from custody.oci.documents import Document, envelope_line
from custody.oci.manifest import EMPTY_DESCRIPTOR, MAX_LAYERS, OCI_CONFIG, OCI_EMPTY, Manifest, make_manifest
from custody.value import Value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from custody.oci.digest import Digest

__all__ = [
    "ATTESTATION_SUFFIX",
    "BUNDLE_PREFIX",
    "DSSE_TYPE",
    "LINK_ARTIFACT",
    "TITLE",
    "Blob",
    "attestation_tag",
    "extended",
    "is_attestation",
    "is_signature",
    "legacy_blob",
    "referrers_of",
    "says_nothing",
    "with_proofs",
]

DSSE_TYPE = "application/vnd.dsse.envelope.v1+json"
"""The media type of the layers of `.att` manifests."""

LINK_ARTIFACT = "application/vnd.custody.link.v1+json"
"""The type of a referrer with a link in it, and of its layer: the file as `custody run` wrote it."""

BUNDLE_PREFIX = "application/vnd.dev.sigstore.bundle"
"""What the types of Sigstore bundles of all versions begin with."""

ATTESTATION_SUFFIX = ".att"

_CONTENT = "dev.sigstore.bundle.content"
_PREDICATE_TYPE = "dev.sigstore.bundle.predicateType"
_LEGACY_SIGNATURE = "dev.cosignproject.cosign/signature"
_LEGACY_PREDICATE_TYPE = "predicateType"
TITLE = "org.opencontainers.image.title"
"""The annotation of a layer with the name of the file that it was."""

_STEP = "dev.custody.link.step"


class Blob(Value):
    """Bytes to be stored, with the descriptor by which a manifest names them."""

    data: bytes
    descriptor: Descriptor


def attestation_tag(digest: Digest) -> str:
    """Return the tag of the manifest with the attestations of `digest`."""
    return f"{digest.algorithm}-{digest.hex}{ATTESTATION_SUFFIX}"


def is_attestation(media_type: str) -> bool:
    """Return whether layers or referrers of this type are read as attestations or links."""
    return media_type in {DSSE_TYPE, LINK_ARTIFACT} or media_type.startswith(BUNDLE_PREFIX)


def says_nothing(artifact_type: str) -> bool:
    """Return whether a list of referrers leaves open what a referrer is, which its manifest says then.

    skopeo leaves the type out when it copies such a list, and cosign 2 writes that of the config into it.
    """
    return artifact_type in {"", OCI_EMPTY, OCI_CONFIG}


def is_signature(manifest: Manifest) -> bool:
    """Return whether it says that it holds a bundle with a signature of the image, and no attestation."""
    return manifest.annotations.get(_CONTENT) == "message-signature"


def referrers_of(image: Descriptor, document: Document) -> tuple[tuple[Blob, Manifest], ...]:
    """Return what hangs `document` on `image`: blobs, each with the manifest that has it as its only layer."""
    subject = Descriptor(media_type=image.media_type, digest=image.digest, size=image.size)
    if document.is_link:
        return (_link_referrer(subject, document),)
    return tuple(_bundle_referrer(subject, bundle, document.predicate_type) for bundle in document.bundles())


def legacy_blob(document: Document) -> Blob:
    """Return `document` as a layer of a `.att` manifest; what proves a keyless signature stands beside it."""
    from custody.oci.legacy_keyless import legacy_annotations  # few are keyless

    data = envelope_line(document.dsse)
    annotations = {_LEGACY_SIGNATURE: "", _LEGACY_PREDICATE_TYPE: document.predicate_type}
    annotations |= legacy_annotations(document.dsse)
    return Blob(data=data, descriptor=describe_bytes(data, DSSE_TYPE, annotations=annotations))


def with_proofs(document: Document, annotations: Mapping[str, str]) -> Document:
    """Return `document` with what its layer's `annotations` have of a keyless signature put beside it.

    Raises:
        FormatError: they are not as cosign writes them.

    """
    from custody.oci.legacy_keyless import legacy_bundle  # few are keyless

    envelope = document.envelope
    bundle = None if document.is_bundle or not isinstance(envelope, DSSEEnvelope) else legacy_bundle(annotations)
    if bundle is None or len(envelope.signatures) != 1:
        return document
    entry = {**envelope.signatures[0].document, "bundle": bundle}
    written = {"payload": "", "payloadType": document.dsse.payload_type, "signatures": [entry]}
    return document.replace(envelope=DSSEEnvelope.read(written, envelope.payload))


def extended(existing: Manifest | None, more: Sequence[Descriptor]) -> tuple[Blob, Manifest] | None:
    """Return the `.att` manifest `existing` with what it lacks of the layers `more`, and its config; None if nothing.

    Raises:
        FormatError: there would be more than `MAX_LAYERS`.

    """
    layers = list(existing.layers if existing else ())
    known = {layer.digest for layer in layers}
    for layer in more:
        if layer.digest not in known:
            known.add(layer.digest)
            layers.append(layer)
    if len(layers) > MAX_LAYERS:
        raise FormatError(f"expected at most {MAX_LAYERS} attestations, which cosign reads, got {len(layers)}")
    if existing is not None and len(layers) == len(existing.layers):
        return None
    config = _legacy_config(layers)
    annotations = existing.annotations if existing else {}
    return config, make_manifest(config.descriptor, layers, annotations=annotations)


def _bundle_referrer(subject: Descriptor, bundle: bytes, predicate_type: str) -> tuple[Blob, Manifest]:
    layer = Blob(data=bundle, descriptor=describe_bytes(bundle, BUNDLE_TYPE))
    annotations = {_CONTENT: "dsse-envelope"} | ({_PREDICATE_TYPE: predicate_type} if predicate_type else {})
    manifest = make_manifest(
        EMPTY_DESCRIPTOR, [layer.descriptor], artifact_type=BUNDLE_TYPE, subject=subject, annotations=annotations
    )
    return layer, manifest


def _link_referrer(subject: Descriptor, document: Document) -> tuple[Blob, Manifest]:
    """Return the file as it is; its name is where clients for any artifact look for one."""
    named = {TITLE: document.title} if document.title else {}
    layer = Blob(data=document.raw, descriptor=describe_bytes(document.raw, LINK_ARTIFACT, annotations=named))
    manifest = make_manifest(
        EMPTY_DESCRIPTOR,
        [layer.descriptor],
        artifact_type=LINK_ARTIFACT,
        subject=subject,
        annotations={_STEP: document.step} if document.step else {},
    )
    return layer, manifest


def _legacy_config(layers: Sequence[Descriptor]) -> Blob:
    """Return the config of an image of these layers, which is what other clients take the manifest for."""
    document = {
        "architecture": "",
        "config": {},
        "created": "0001-01-01T00:00:00Z",
        "history": [{"created": "0001-01-01T00:00:00Z"} for _ in layers],
        "os": "",
        "rootfs": {"diff_ids": [str(layer.digest) for layer in layers], "type": "layers"},
    }
    data = write_json(document, indent=None)
    return Blob(data=data, descriptor=describe_bytes(data, OCI_CONFIG))
