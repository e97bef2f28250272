from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from custody.errors import FormatError
from custody.oci.descriptor import Descriptor, Platform, describe_bytes, read_descriptor
from custody.oci.digest import read_digest, sha256_of
from custody.oci.manifest import (
    DOCKER_INDEX,
    DOCKER_MANIFEST,
    EMPTY_BLOB,
    EMPTY_DESCRIPTOR,
    MAX_LAYERS,
    MAX_MANIFEST_BYTES,
    MAX_MANIFESTS,
    OCI_INDEX,
    OCI_MANIFEST,
    Index,
    Manifest,
    make_index,
    make_manifest,
    read_manifest,
)

LAYER = describe_bytes(b"layer", "application/vnd.oci.image.layer.v1.tar", annotations={"a": "b"})
IMAGE = {"schemaVersion": 2, "config": EMPTY_DESCRIPTOR.write(), "layers": [LAYER.write()]}
INDEX = {"schemaVersion": 2, "manifests": [LAYER.write()]}


def raw(document: object) -> bytes:
    return json.dumps(document).encode()


def test_the_empty_descriptor_is_that_of_the_empty_blob() -> None:
    assert describe_bytes(EMPTY_BLOB, EMPTY_DESCRIPTOR.media_type) == EMPTY_DESCRIPTOR


class TestDescriptor:
    def test_what_was_read_is_written_with_what_is_unknown_here(self) -> None:
        document = {
            **LAYER.write(),
            "artifactType": "application/x",
            "platform": {"os": "linux", "architecture": "arm", "variant": "v7", "os.version": "1"},
            "urls": ["https://example.com"],
        }
        descriptor = read_descriptor(document)
        assert descriptor.write() == document
        assert str(descriptor.platform) == "linux/arm/v7"

    def test_null_annotations_and_an_empty_type_are_none(self) -> None:
        descriptor = read_descriptor({**LAYER.write(), "annotations": None, "artifactType": ""})
        assert (descriptor.annotations, descriptor.artifact_type) == ({}, "")

    def test_a_type_of_artifact_may_be_any_text(self) -> None:
        """As old clients wrote it: one such entry must not make a list of referrers unreadable."""
        assert read_descriptor({**LAYER.write(), "artifactType": "an sbom"}).artifact_type == "an sbom"
        assert make_manifest(LAYER, [], artifact_type="an sbom").referrer.artifact_type == "an sbom"

    def test_what_changed_is_written_as_it_is_now(self) -> None:
        read = read_descriptor({**LAYER.write(), "platform": {"os": "linux", "architecture": "arm"}})
        changed = read.replace(annotations={}, platform=None)
        assert changed.write().keys() == {"mediaType", "digest", "size"}
        moved = read.replace(platform=Platform(os="linux", architecture="amd64"))
        assert moved.write()["platform"] == {"os": "linux", "architecture": "amd64"}

    @pytest.mark.parametrize(
        ("field", "value", "message"),
        [
            ("mediaType", None, "x.mediaType: expected text"),
            ("mediaType", "", "x.mediaType: expected a media type"),
            ("mediaType", "text", "x.mediaType: expected a media type"),
            ("mediaType", "text/plain\r\nX: y", "x.mediaType: expected a media type"),
            ("mediaType", "a/" + "b" * 200, "x.mediaType: expected a media type"),
            ("artifactType", 1, "x.artifactType: expected text"),
            ("size", -1, "x.size: expected an integer >= 0"),
            ("size", True, "x.size: expected an integer >= 0"),
            ("size", 1.5, "x.size: expected an integer >= 0"),
            ("size", 2**63, "x.size: expected at most"),
            ("digest", "sha256:1", "x.digest: expected a digest"),
            ("annotations", {"a": 1}, "x.annotations.a: expected text, got 1"),
            ("annotations", [], "x.annotations: expected an object"),
            ("platform", {"os": "linux"}, "x.platform.architecture: missing"),
        ],
    )
    def test_a_wrong_field_is_refused_with_its_path(self, field: str, value: object, message: str) -> None:
        with pytest.raises(FormatError) as caught:
            read_descriptor({**LAYER.write(), field: value}, "x")
        assert str(caught.value).startswith(message)

    @pytest.mark.parametrize("field", ["mediaType", "size", "digest"])
    def test_a_missing_field_is_refused(self, field: str) -> None:
        document = LAYER.write()
        del document[field]
        with pytest.raises(FormatError, match=f"x.{field}: missing"):
            read_descriptor(document, "x")


class TestManifest:
    def test_what_is_made_is_read_alike_and_always_the_same(self) -> None:
        made = make_manifest(
            EMPTY_DESCRIPTOR,
            [LAYER],
            artifact_type="application/x",
            subject=EMPTY_DESCRIPTOR,
            annotations={"k": "v"},
        )
        assert read_manifest(made.raw, OCI_MANIFEST) == made
        again = make_manifest(
            EMPTY_DESCRIPTOR, [LAYER], artifact_type="application/x", subject=EMPTY_DESCRIPTOR, annotations={"k": "v"}
        )
        assert made.raw == again.raw
        assert made.digest == sha256_of(made.raw)
        assert [layer.digest for layer in made.layers] == [LAYER.digest]
        assert made.subject is not None
        assert (made.subject.digest, made.annotations) == (EMPTY_DESCRIPTOR.digest, {"k": "v"})

    def test_an_index_that_is_made_is_read_alike(self) -> None:
        made = make_index([LAYER], artifact_type="application/x", subject=LAYER, annotations={"k": "v"})
        assert read_manifest(made.raw) == made
        assert isinstance(made, Index)
        assert made.referrer.artifact_type == "application/x"

    @pytest.mark.parametrize(
        ("document", "served", "kind"),
        [
            (IMAGE, "", OCI_MANIFEST),
            (IMAGE, "application/octet-stream", OCI_MANIFEST),
            (IMAGE, DOCKER_MANIFEST, DOCKER_MANIFEST),
            (IMAGE | {"mediaType": DOCKER_MANIFEST}, "", DOCKER_MANIFEST),
            (IMAGE | {"mediaType": OCI_MANIFEST}, OCI_MANIFEST + "; charset=utf-8", OCI_MANIFEST),
            (IMAGE | {"layers": None}, "", OCI_MANIFEST),
            (INDEX, "", OCI_INDEX),
            (INDEX, DOCKER_INDEX, DOCKER_INDEX),
            (INDEX | {"mediaType": OCI_INDEX}, "application/json", OCI_INDEX),
        ],
    )
    def test_its_type_is_what_document_and_server_agree_on(self, document: Any, served: str, kind: str) -> None:  # noqa: ANN401  # JSON
        read = read_manifest(raw(document), served)
        assert read.media_type == kind
        assert read.descriptor.media_type == kind
        assert isinstance(read, Index if "manifests" in document else Manifest)

    @pytest.mark.parametrize(
        ("document", "served", "message"),
        [
            (IMAGE | {"manifests": []}, "", "what could be both"),
            (INDEX | {"layers": []}, OCI_INDEX, "what could be both"),
            (IMAGE | {"Manifests": []}, OCI_MANIFEST, "expected 'manifests', got 'Manifests'"),
            (INDEX | {"LAYERS": [], "con\ufb01g": {}}, OCI_INDEX, "expected 'layers', got 'LAYERS'"),
            (IMAGE | {"manife\u017ft\u017f": []}, OCI_MANIFEST, "which some readers take for it"),
            (IMAGE | {"mediaType": OCI_MANIFEST}, OCI_INDEX, "mediaType: expected"),
            (IMAGE, OCI_INDEX, "without manifests"),
            (INDEX, OCI_MANIFEST, "with manifests"),
            (INDEX | {"mediaType": OCI_MANIFEST}, "", "with manifests"),
            (IMAGE, "text/html", "expected the type of an OCI or docker manifest"),
            (IMAGE | {"mediaType": "text/html"}, "", "expected the type of an OCI or docker manifest"),
            (IMAGE | {"schemaVersion": 1}, "", "schemaVersion: expected 2, got 1; push the image again"),
            (IMAGE | {"schemaVersion": True}, "", "schemaVersion: expected an integer"),
            (IMAGE | {"config": None}, "", "config: expected an object"),
            ({"schemaVersion": 2}, "", "config: missing"),
            ({"schemaVersion": 2, "config": EMPTY_DESCRIPTOR.write()}, "", "layers: missing"),
            (IMAGE | {"layers": [{}]}, "", "layers[0].size: missing"),
            (IMAGE | {"subject": {}}, "", "subject.size: missing"),
            (IMAGE | {"annotations": {"a": None}}, "", "annotations.a: expected text"),
            ([], "", "expected an object"),
            (IMAGE | {"layers": [LAYER.write()] * (MAX_LAYERS + 1)}, "", f"layers: expected at most {MAX_LAYERS}"),
            (
                INDEX | {"manifests": [LAYER.write()] * (MAX_MANIFESTS + 1)},
                "",
                f"manifests: expected at most {MAX_MANIFESTS}",
            ),
        ],
    )
    def test_what_is_none_or_two_things_is_refused(self, document: object, served: str, message: str) -> None:
        with pytest.raises(FormatError) as caught:
            read_manifest(raw(document), served)
        assert message in str(caught.value)

    def test_as_many_layers_as_allowed_are_read(self) -> None:
        read = read_manifest(raw(IMAGE | {"layers": [LAYER.write()] * MAX_LAYERS}))
        assert isinstance(read, Manifest)
        assert len(read.layers) == MAX_LAYERS

    def test_a_key_that_appears_twice_is_refused(self) -> None:
        twice = raw(IMAGE).replace(b'"layers"', b'"layers": [], "layers"', 1)
        with pytest.raises(FormatError, match="'layers' appears twice"):
            read_manifest(twice)

    def test_more_bytes_than_allowed_are_refused_unparsed(self) -> None:
        with pytest.raises(FormatError, match=f"at most {MAX_MANIFEST_BYTES} bytes"):
            read_manifest(b" " * (MAX_MANIFEST_BYTES + 1))

    def test_the_digest_asked_for_is_demanded_and_kept(self) -> None:
        data = raw(IMAGE)
        assert read_manifest(data, digest=sha256_of(data)).digest == sha256_of(data)
        sha512 = read_digest("sha512:" + hashlib.sha512(data).hexdigest())
        assert read_manifest(data, digest=sha512).digest == sha512
        with pytest.raises(FormatError, match=f"the digest {sha256_of(data)}"):
            read_manifest(data + b" ", digest=sha256_of(data))

    def test_a_referrer_has_the_type_of_its_config_where_it_has_none(self) -> None:
        made = make_manifest(LAYER, [], annotations={"k": "v"})
        assert made.referrer == Descriptor(
            media_type=OCI_MANIFEST,
            digest=made.digest,
            size=len(made.raw),
            artifact_type=LAYER.media_type,
            annotations={"k": "v"},
        )
