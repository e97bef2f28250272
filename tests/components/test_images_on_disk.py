"""Images that umoci and buildah made, copied by skopeo and by custody: both read what the other wrote."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from custody.cli.main import main
from custody.oci.digest import Digest, read_digest
from custody.stores.layout import open_layout
from tests.attachments import put_image, put_referrer
from tests.registries import DebianRegistry, debian_registry

pytestmark = [pytest.mark.component("skopeo"), pytest.mark.component("umoci")]


@pytest.fixture
def digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the digest of the image `v1` in the layout `app` of the current directory, which umoci made."""
    monkeypatch.chdir(tmp_path)
    Path("root").mkdir()
    Path("root/hello").write_text("hello")
    call("umoci", "init", "--layout", "app")
    call("umoci", "new", "--image", "app:v1")
    call("umoci", "insert", "--image", "app:v1", "root", "/bin")
    found: str = json.loads(Path("app/index.json").read_text())["manifests"][0]["digest"]
    return found


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[DebianRegistry]:
    """Return a running docker-registry."""
    with debian_registry(tmp_path / "registry") as running:
        yield running


def call(*command: str) -> str:
    """Return what `command` prints."""
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "STORAGE_DRIVER": "vfs"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def skopeo_digest(place: str) -> str:
    return call("skopeo", "inspect", "--tls-verify=false", "--format", "{{.Digest}}", place).strip()


def copy(*arguments: str) -> int:
    return main(["copy", *arguments])


def test_custody_reads_what_umoci_made(digest: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert copy("oci:app:v1", "oci:new:v2") == 0
    assert capsys.readouterr().out.strip() == digest
    assert skopeo_digest("oci:new:v2") == digest
    call("umoci", "unpack", "--rootless", "--image", "new:v2", "bundle")
    assert Path("bundle/rootfs/bin/hello").read_text() == "hello"


def test_custody_refuses_what_was_changed_in_it(digest: str) -> None:
    assert digest.startswith("sha256:")
    layer = max(Path("app/blobs/sha256").iterdir(), key=lambda file: file.read_bytes()[:2] == b"\x1f\x8b")
    layer.chmod(0o644)
    layer.write_bytes(layer.read_bytes()[:-1] + b"!")

    assert copy("oci:app:v1", "oci:new:v2") == 2


def test_umoci_goes_on_with_what_custody_wrote(digest: str) -> None:
    assert copy("oci:app:v1", "oci:new:v1") == 0
    Path("root/more").write_text("more")
    call("umoci", "insert", "--image", "new:v1", "root", "/bin")

    assert skopeo_digest("oci:new:v1") != digest
    assert copy("oci:new:v1", "oci:again:v1") == 0


@pytest.mark.component("buildah")
def test_custody_reads_what_buildah_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("Dockerfile").write_text("FROM scratch\nCOPY hello /hello\n")
    Path("hello").write_text("hello")
    roots = ["--root", str(tmp_path / "storage"), "--runroot", str(tmp_path / "run")]
    call("buildah", *roots, "bud", "--isolation", "chroot", "-t", "oci:built:v1", ".")
    assert copy("oci:built:v1", "oci:new:v1") == 0

    assert capsys.readouterr().out.strip() == skopeo_digest("oci:new:v1")


@pytest.mark.parametrize("kind", ["docker-archive", "oci-archive"])
def test_an_archive_of_skopeo_has_the_digest_that_skopeo_shows(
    digest: str, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "example.com/app:v1" if kind == "docker-archive" else "v1"
    call("skopeo", "copy", "oci:app:v1", f"{kind}:app.tar:{name}")
    assert copy(f"{kind}:app.tar", "oci:new:v1") == 0
    shown = capsys.readouterr().out.strip()

    assert shown == skopeo_digest(f"{kind}:app.tar")
    assert (shown == digest) is (kind == "oci-archive")
    assert copy(f"{kind}:app.tar:{name}", f"oci:new@{shown}") == 0
    assert copy(f"{kind}:app.tar:other", "oci:new:v2") == 2


@pytest.mark.component("docker-registry")
def test_an_archive_keeps_its_digest_in_a_registry(digest: str, registry: DebianRegistry) -> None:
    call("skopeo", "copy", "oci:app:v1", "docker-archive:app.tar:app:v1")
    there = f"{registry.host}/app:v1"
    assert copy("docker-archive:app.tar", there, *registry.arguments) == 0

    assert skopeo_digest(f"docker://{there}") == skopeo_digest("docker-archive:app.tar") != digest
    call("skopeo", "copy", "--src-tls-verify=false", f"docker://{there}", "oci:pulled:v1")
    call("umoci", "unpack", "--rootless", "--image", "pulled:v1", "bundle")
    assert Path("bundle/rootfs/bin/hello").read_text() == "hello"


@pytest.mark.component("docker-registry")
def test_custody_and_skopeo_read_what_the_other_pushed(
    digest: str, registry: DebianRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    assert copy("oci:app:v1", f"{registry.host}/a:v1", *registry.arguments) == 0
    call("skopeo", "copy", "--src-tls-verify=false", f"docker://{registry.host}/a:v1", "oci:pulled:v1")
    assert skopeo_digest("oci:pulled:v1") == digest
    call("skopeo", "copy", "--dest-tls-verify=false", "oci:app:v1", f"docker://{registry.host}/b:v2")
    capsys.readouterr()

    assert copy(f"{registry.host}/b:v2", "oci:new:v1", *registry.arguments) == 0
    assert capsys.readouterr().out.strip() == digest
    assert main(["ls", f"{registry.host}/b", *registry.arguments]) == 0
    assert capsys.readouterr().out == "v2\n"


@pytest.mark.component("docker-registry")
def test_attestations_travel_from_registry_to_registry(digest: str, tmp_path: Path, registry: DebianRegistry) -> None:
    store = open_layout("app")
    image = store.resolve("v1")
    put_referrer(store, image, b'{"a":1}', "application/one")
    put_image(store, f"sha256-{image.digest.hex}.att", b"attestations")
    with debian_registry(tmp_path / "other") as other:
        first, second = f"{registry.host}/shop/app:v1", f"{other.host}/mirror/app:v9"
        assert copy("oci:app:v1", first, *registry.arguments) == 0
        assert copy(first, second, *registry.arguments) == 0
        assert copy(second, "oci:back:v1", *registry.arguments) == 0

    back = open_layout("back")
    assert back.resolve("v1").digest == read_digest(digest)
    assert [each.artifact_type for each in back.referrers(image.digest)] == ["application/one"]
    assert f"sha256-{image.digest.hex}.att" in back.tags()


@pytest.mark.component("docker-registry")
def test_a_manifest_that_the_registry_lost_is_an_error(digest: str, registry: DebianRegistry, tmp_path: Path) -> None:
    there = f"{registry.host}/app:v1"
    assert copy("oci:app:v1", there, *registry.arguments) == 0
    layers = json.loads(Path("app/blobs/sha256", read_digest(digest).hex).read_text())["layers"]
    data = blob_in(tmp_path / "registry", read_digest(layers[0]["digest"]))
    data.write_bytes(data.read_bytes()[:-1] + b"!")

    assert copy(there, "oci:new:v1", *registry.arguments) == 2
    assert open_layout("new").tags() == ()


def blob_in(registry: Path, digest: Digest) -> Path:
    return registry / f"data/docker/registry/v2/blobs/sha256/{digest.hex[:2]}/{digest.hex}/data"
