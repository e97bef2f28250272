"""Attestations of images: in Debian's docker-registry and on disk, beside what others put there."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from custody.cli.exits import ACCEPTED, CANNOT, REJECTED
from custody.oci.attached import attestation_tag
from custody.oci.descriptor import Descriptor, Platform, describe_bytes
from custody.oci.digest import Digest
from custody.oci.manifest import EMPTY_DESCRIPTOR, OCI_CONFIG, Manifest, make_index, make_manifest
from custody.stores.images import ImageStore
from custody.stores.layout import open_layout
from custody.stores.registry import open_repository
from tests.attachments import put_image, put_index, put_referrer
from tests.attestation_files import TYPE, attest, command, envelopes, make_keys, statement_in, verify
from tests.registries import DebianRegistry, debian_registry

Capture = pytest.CaptureFixture[str]
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
DSSE = "application/vnd.dsse.envelope.v1+json"

pytestmark = pytest.mark.component("docker-registry")


@pytest.fixture(autouse=True)
def _directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_keys("alice", "bob", "mallory")


class Shop:
    """The repository `shop/app` in a registry, with images v1 and v2 and an index of both."""

    def __init__(self, registry: DebianRegistry) -> None:
        self.registry = registry
        self.store: ImageStore = open_repository(registry.reference("shop/app:v1"), options=registry.options())
        self.v1 = put_image(self.store, "v1")
        self.v2 = put_image(self.store, "v2", b"y")
        self.index = put_index(self.store, "multi", {"linux/amd64": self.v1, "linux/arm64": self.v2})

    def attest(self, tag: str, *arguments: str, key: str = "alice") -> int:
        return attest(self.name(tag), *arguments, *self.registry.arguments, key=key)

    def verify(self, tag: str, *arguments: str, key: str = "alice.pub") -> int:
        return verify(self.name(tag), *arguments, *self.registry.arguments, key=key)

    def name(self, tag: str) -> str:
        return f"{self.registry.host}/shop/app{'' if tag.startswith('@') else ':'}{tag}"

    def legacy(self, digest: Digest) -> Manifest:
        found = self.store.manifest(attestation_tag(digest))
        assert isinstance(found, Manifest)
        return found

    def bundles(self, digest: Digest) -> list[dict[str, Any]]:
        """Return the bundles that refer to an image."""
        found = []
        for descriptor in self.store.referrers(digest):
            manifest = self.store.manifest(str(descriptor.digest))
            assert isinstance(manifest, Manifest)
            assert manifest.artifact_type == manifest.layers[0].media_type == BUNDLE
            found.append(json.loads(self.store.read_blob(manifest.layers[0], 1 << 20)))
        return found


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with debian_registry(tmp_path / "registry") as registry:
        yield Shop(registry)


def test_attestation_is_found_at_the_digest_again(shop: Shop, capsys: Capture) -> None:
    assert shop.attest("v1") == 0
    out, err = capsys.readouterr()
    assert f"{shop.registry.host}/shop/app@{shop.v1.digest}: attested {TYPE} by key " in out
    assert err == f"{shop.name('v1')} is {shop.v1.digest}\n"

    assert shop.verify("v1") == ACCEPTED
    out, _ = capsys.readouterr()
    statement = statement_in(json.loads(out))
    assert statement["subject"] == [
        {"name": f"{shop.registry.host}/shop/app", "digest": {"sha256": shop.v1.digest.hex}}
    ]
    assert shop.verify(f"@{shop.v1.digest}") == ACCEPTED
    assert shop.verify("v1", key="bob.pub") == REJECTED


def test_image_without_attestation_is_rejected(shop: Shop, capsys: Capture) -> None:
    assert shop.attest("v1") == 0
    capsys.readouterr()

    assert shop.verify("v2") == REJECTED
    out, err = capsys.readouterr()
    assert out == ""
    assert "no attestation of type" in err
    assert shop.verify("gone") == CANNOT


def test_bundle_refers_to_the_image_unless_it_is_legacy(shop: Shop) -> None:
    assert shop.attest("v1") == 0
    (bundle,) = shop.bundles(shop.v1.digest)
    assert bundle["mediaType"] == BUNDLE
    assert list(bundle["verificationMaterial"]) == ["publicKey"]
    assert attestation_tag(shop.v1.digest) not in shop.store.tags()

    for arguments in (("--legacy",), ("--new-bundle-format=false",)):
        assert shop.attest("v2", *arguments, key="bob" if len(arguments[0]) > 8 else "alice") == 0
    assert shop.bundles(shop.v2.digest) == []
    layers = shop.legacy(shop.v2.digest).layers
    assert [layer.media_type for layer in layers] == [DSSE, DSSE]
    assert [layer.annotations["predicateType"] for layer in layers] == [TYPE, TYPE]
    assert all("dev.cosignproject.cosign/signature" in layer.annotations for layer in layers)
    assert shop.verify("v2", "--key", "bob.pub", "--threshold", "2") == ACCEPTED


def test_both_places_count_together(shop: Shop, capsys: Capture) -> None:
    assert shop.attest("v1") == shop.attest("v1", "--legacy", key="bob") == 0
    capsys.readouterr()

    assert shop.verify("v1", "--key", "bob.pub", "--threshold", "2") == ACCEPTED
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_several_signers_get_a_referrer_each(shop: Shop) -> None:
    assert shop.attest("v1", "--key", "bob") == 0
    assert [len(bundle["dsseEnvelope"]["signatures"]) for bundle in shop.bundles(shop.v1.digest)] == [1, 1]
    assert shop.verify("v1", "--key", "bob.pub", "--threshold", "2") == ACCEPTED


def test_what_others_put_beside_it_hides_nothing(shop: Shop, capsys: Capture) -> None:
    assert shop.attest("v1") == shop.attest("v1", key="mallory") == 0
    (bundle, *_) = shop.bundles(shop.v1.digest)
    for junk in (b"", b"{}", b"\xff", json.dumps(bundle | {"dsseEnvelope": None}).encode()):
        put_referrer(shop.store, shop.v1, junk, BUNDLE)
    put_referrer(shop.store, shop.v1, b'{"mediaType": "a", "mediaType": "b"}', BUNDLE)
    put_referrer(shop.store, shop.v1, b"an sbom", "application/spdx+json")
    capsys.readouterr()

    assert shop.verify("v1") == ACCEPTED
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 1
    assert err.count("is not counted") == 6
    assert "appears twice" in err
    assert shop.verify("v1", key="bob.pub") == REJECTED


def test_attestation_of_another_image_never_counts(shop: Shop, capsys: Capture) -> None:
    """Anybody who may push can hang a good attestation on another image."""
    assert shop.attest("v1") == 0
    (bundle,) = shop.bundles(shop.v1.digest)
    put_referrer(shop.store, shop.v2, json.dumps(bundle).encode(), BUNDLE)
    put_legacy(shop.store, shop.v2, json.dumps(bundle["dsseEnvelope"]).encode())
    capsys.readouterr()

    assert shop.verify("v2") == REJECTED
    err = capsys.readouterr().err
    assert err.count(f"not about sha256:{shop.v2.digest.hex}") == 2


def put_legacy(store: ImageStore, image: Descriptor, data: bytes) -> None:
    layer = describe_bytes(data, DSSE, annotations={"predicateType": TYPE})
    config = describe_bytes(b"{}", OCI_CONFIG)
    for descriptor, content in ((layer, data), (config, b"{}"), (EMPTY_DESCRIPTOR, b"{}")):
        store.put_blob(descriptor, (content,))
    manifest = make_manifest(config, [layer])
    store.put_manifest(manifest.raw, manifest.media_type, attestation_tag(image.digest))


def test_index_and_its_images_do_not_cover_each_other(shop: Shop) -> None:
    assert shop.attest("multi") == 0
    assert shop.verify("multi") == ACCEPTED
    assert shop.verify("v1") == shop.verify("multi", "--platform", "linux/amd64") == REJECTED

    assert shop.attest("multi", "--platform", "linux/arm64", key="bob") == 0
    assert shop.verify("v2", key="bob.pub") == ACCEPTED
    assert shop.verify("multi", key="bob.pub") == REJECTED


def test_index_covers_its_image_where_that_is_asked_and_said(shop: Shop, capsys: Capture) -> None:
    assert shop.attest("multi") == 0
    capsys.readouterr()

    assert shop.verify("multi", "--platform", "linux/arm64", "--index-covers") == ACCEPTED
    err = capsys.readouterr().err
    assert f"{shop.name('multi')} is {shop.v2.digest}" in err
    assert f"it is about the index {shop.index.digest}, of which this image is one platform" in err
    assert shop.verify("multi", "--platform", "linux/arm64", "--index-covers", key="bob.pub") == REJECTED
    assert shop.verify("multi", "--platform", "linux/s390x", "--index-covers") == CANNOT
    assert shop.verify("multi", "--index-covers") == CANNOT
    assert shop.verify("v1", "--platform", "linux/amd64", "--index-covers") == CANNOT


def test_images_cover_their_index_where_that_is_asked_and_said(shop: Shop, capsys: Capture) -> None:
    assert shop.attest("v1") == 0
    assert shop.verify("multi", "--platforms-cover") == REJECTED
    assert "for linux/arm64: no attestation" in capsys.readouterr().err
    assert shop.attest("v2") == 0
    assert shop.verify("multi") == REJECTED
    capsys.readouterr()

    assert shop.verify("multi", "--platforms-cover") == ACCEPTED
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 2
    assert f"for linux/amd64: {TYPE} is attested by" in err
    assert f"for linux/arm64: {TYPE} is attested by" in err
    assert shop.verify("v1", "--platforms-cover") == ACCEPTED, "it is attested itself"
    assert shop.verify("v1", "--platforms-cover", key="bob.pub") == CANNOT


def test_no_upload_prints_and_pushes_nothing(shop: Shop, capsys: Capture) -> None:
    assert shop.attest("v1", "--no-upload") == 0
    (envelope,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert shop.store.referrers(shop.v1.digest) == ()
    assert shop.verify("v1") == REJECTED

    Path("a.json").write_text(json.dumps(envelope))
    assert shop.verify("v1", "--attestation", "a.json") == ACCEPTED
    assert shop.verify("v2", "--attestation", "a.json") == REJECTED
    assert shop.attest("v1", "--no-upload", "--legacy") == CANNOT
    assert shop.attest("v1", "--no-upload", "-o", "b.json", "--format", "bundle") == 0
    assert json.loads(Path("b.json").read_text())["dsseEnvelope"]["payload"] == envelope["payload"]
    assert shop.store.referrers(shop.v1.digest) == ()


def test_output_is_written_besides(shop: Shop, capsys: Capture) -> None:
    assert shop.attest("v1", "-o", "out.jsonl") == 0
    assert len(envelopes("out.jsonl")) == 1
    assert shop.verify("v1") == ACCEPTED
    capsys.readouterr()
    assert shop.attest("v1", "-o", "-") == 0
    assert capsys.readouterr().out == Path("out.jsonl").read_text()


def test_prebuilt_statement_about_an_image(shop: Shop, capsys: Capture) -> None:
    statement = {
        "_type": "https://in-toto.io/Statement/v0.1",
        "subject": [{"name": "app", "digest": {"sha256": shop.v1.digest.hex}}],
        "predicateType": TYPE,
        "predicate": {"prebuilt": True},
    }
    Path("statement.json").write_text(json.dumps(statement))
    given = ("--key", "alice", "--statement", "statement.json", *shop.registry.arguments)

    assert command("attest", shop.name("v1"), *given) == 0
    assert shop.verify("v1", "--field", "predicate.prebuilt=true") == ACCEPTED
    assert command("attest", shop.name("v2"), *given) == CANNOT
    assert "it is not about" in capsys.readouterr().err


def test_commands_of_the_guides_run_with_custody_in_the_place_of_cosign(shop: Shop, capsys: Capture) -> None:
    """The fourth and fifth guide, but for the key, and plain HTTP to a registry on loopback."""
    Path("test.json").write_text('{"test": "passed"}')
    http = "--allow-http-registry"
    kind = "https://example.com/test/v1"
    good, without = shop.name("v1"), shop.name("v2")

    assert command("attest", "--key", "alice", "--predicate", "test.json", "--type", kind, http, good) == 0
    assert command("verify-attestation", "--key", "alice.pub", "--type", kind, http, good) == ACCEPTED
    assert command("verify-attestation", "--key", "alice.pub", "--type", kind, http, without) == REJECTED

    given = ("--yes", "--key", "bob", "--predicate", "test.json", "--type", kind, "--allow-insecure-registry")
    assert command("attest", *given, f"{shop.registry.host}/shop/app@{shop.v2.digest}") == 0
    capsys.readouterr()
    assert command("verify-attestation", "--key", "bob.pub", "--type", kind, http, without) == ACCEPTED
    assert statement_in(json.loads(capsys.readouterr().out))["predicate"] == {"test": "passed"}


def test_layout_on_disk_works_the_same_way() -> None:
    image = put_image(open_layout("image", create=True), "v1")
    for target in ("oci:image:v1", "image", f"oci:image@{image.digest}"):
        assert verify(target) == REJECTED
    assert attest("oci:image:v1") == attest("image", "--legacy", key="bob") == 0
    for target in ("oci:image:v1", "image", f"oci:image@{image.digest}"):
        assert verify(target, "--key", "bob.pub", "--threshold", "2") == ACCEPTED
        assert verify(target, key="mallory.pub") == REJECTED


def test_image_for_no_platform_in_particular_is_covered_like_the_others(capsys: Capture) -> None:
    """Runtimes take it where no other suits; what builders put beside images is for `unknown/unknown`."""
    store = open_layout("image", create=True)
    good, evil = put_image(store, "v1"), put_image(store, "v2", b"y")
    beside = evil.replace(platform=Platform(os="unknown", architecture="unknown"))
    for tag, entry in (("index", evil), ("built", beside)):
        index = make_index([good.replace(platform=Platform(os="linux", architecture="amd64")), entry])
        store.put_manifest(index.raw, index.media_type, tag)
    assert attest("oci:image:v1") == 0

    assert verify("oci:image:built", "--platforms-cover") == ACCEPTED
    assert verify("oci:image:index", "--platforms-cover") == REJECTED
    assert "for any: no attestation" in capsys.readouterr().err
    assert attest("oci:image:v2") == 0
    assert verify("oci:image:index", "--platforms-cover") == ACCEPTED


def test_what_was_given_in_a_file_is_looked_at_first(capsys: Capture) -> None:
    put_image(open_layout("image", create=True), "v1")
    assert attest("oci:image:v1", "--no-upload", "-o", "given.jsonl") == attest("oci:image:v1", key="mallory") == 0
    capsys.readouterr()

    assert verify("oci:image:v1", "--attestation", "given.jsonl", "--json") == ACCEPTED
    (judged,) = json.loads(capsys.readouterr().out)["artifacts"]
    assert [each["counts"] for each in judged["attestations"]] == [True, False]
    assert judged["attestations"][0]["source"] == "given.jsonl"


@pytest.mark.component("htpasswd")
def test_registry_with_tls_and_a_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    with debian_registry(tmp_path / "registry", tls=True, password="geheim") as registry:
        shop = Shop(registry)
        assert shop.attest("v1") == CANNOT, "no password"
        monkeypatch.setenv("REGISTRY_PASSWORD", "wrong")
        assert shop.attest("v1") == CANNOT
        assert "wrong" not in capsys.readouterr().err
        monkeypatch.setenv("REGISTRY_PASSWORD", "geheim")
        assert shop.attest("v1") == 0
        assert shop.verify("v1") == ACCEPTED
        assert attest(shop.name("v1")) == CANNOT, "nobody vouches for the certificate"
        read, write = os.pipe()
        os.write(write, b"geheim\n")
        os.close(write)
        given = ("--ca-file", str(registry.ca), "--registry-username", registry.arguments[3])
        assert verify(shop.name("v1"), *given, "--registry-password-fd", str(read)) == ACCEPTED
        os.close(read)


def test_registry_on_loopback_is_not_spoken_to_in_plain_unless_told(shop: Shop) -> None:
    assert attest(shop.name("v1")) == CANNOT
    assert verify(shop.name("v1")) == CANNOT
    assert shop.store.referrers(shop.v1.digest) == ()
