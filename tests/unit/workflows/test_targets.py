"""Targets: what a user names is one thing, found once and verified."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from custody.artifacts.options import Recording
from custody.errors import CustodyError, StoreError, UsageError
from custody.oci.manifest import Manifest
from custody.stores.images import NotFoundError
from custody.stores.layout import open_layout
from custody.workflows.targets import DIRECTORY, FILE, IMAGE, Target, TargetOptions, open_target
from tests.archives import docker_save
from tests.attachments import layout_with_image, put_image, put_index
from tests.registries import FakeRegistry


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def digests(target: Target) -> dict[str, str]:
    return {subject.name: subject.digest["sha256"] for subject in target.subjects}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_a_file_is_one_subject() -> None:
    Path("app").write_bytes(b"1")
    target = open_target("./app")

    assert (target.kind, target.name, digests(target)) == (FILE, "./app", {"app": sha256(b"1")})
    assert (target.store, target.descriptor) == (None, None)
    Path("app").write_bytes(b"2")
    assert digests(open_target("app")) == {"app": sha256(b"2")}


def test_a_directory_is_a_subject_for_each_file() -> None:
    Path("dist/sub").mkdir(parents=True)
    for name in ("dist/a", "dist/sub/b", "dist/c.pyc"):
        Path(name).write_bytes(name.encode())
    target = open_target("dist")

    assert target.kind == DIRECTORY
    assert digests(target) == {name: sha256(name.encode()) for name in ("dist/a", "dist/sub/b")}
    everything = open_target("dist", TargetOptions(recording=Recording(exclude=())))
    assert len(everything.subjects) == 3


def test_a_directory_without_files_or_with_too_many_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("dist").mkdir()
    with pytest.raises(UsageError, match="expected 1 to 100000 files that can be subjects, got 0"):
        open_target("dist")
    for name in "abc":
        Path("dist", name).touch()
    monkeypatch.setattr("custody.workflows.targets.MAX_SUBJECTS", 2)
    with pytest.raises(UsageError, match="expected 1 to 2 files that can be subjects, got 3"):
        open_target("dist")


@pytest.mark.parametrize("text", ["oci:app:v1", "oci:app", "app", "./app"])
def test_a_layout_is_an_image(text: str) -> None:
    _, image = layout_with_image(Path("app"))
    target = open_target(text)

    assert (target.kind, target.descriptor) == (IMAGE, image)
    assert list(digests(target).values()) == [image.digest.hex]
    assert target.name.endswith(f"app@{image.digest}")
    assert target.store is not None


def test_a_layout_with_other_files_is_neither_an_image_nor_a_directory() -> None:
    """Else an attested image that somebody puts into a directory would be judged in place of its files."""
    put_image(open_layout("dist", create=True), "v1")
    Path("dist/app").write_text("evil")

    with pytest.raises(UsageError, match="has other files, such as 'app': which is meant"):
        open_target("dist")
    assert open_target("oci:dist").kind == "image"


def test_an_archive_is_an_image() -> None:
    docker_save(Path("app.tar"))
    target = open_target("docker-archive:app.tar:app:v1")

    assert target.descriptor == open_target("docker-archive:app.tar").descriptor
    assert open_target("app.tar").kind == FILE
    with pytest.raises(NotFoundError, match="no image is called 'app:v2'"):
        open_target("docker-archive:app.tar:app:v2")


@pytest.mark.parametrize("part", ["config", "layer", "manifest"])
def test_an_image_on_disk_that_was_changed_is_refused(part: str) -> None:
    store, image = layout_with_image(Path("app"))
    manifest = store.manifest("v1")
    assert isinstance(manifest, Manifest)
    digest = {"config": manifest.config, "layer": manifest.layers[0], "manifest": image}[part].digest
    file = Path("app/blobs/sha256", digest.hex)
    file.write_bytes(file.read_bytes()[:-1] + b"!")

    with pytest.raises(CustodyError, match="sent other bytes than asked for"):
        open_target("oci:app:v1")


def test_a_tag_is_resolved_once() -> None:
    layout_with_image(Path("app"))
    with FakeRegistry() as registry:
        raw = Path("app/blobs/sha256", open_target("app").subjects[0].digest["sha256"]).read_bytes()
        digest = registry.put("shop/app", raw, "application/vnd.oci.image.manifest.v1+json", tag="v1")
        options = TargetOptions(registry=registry.options())
        target = open_target(f"{registry.host}/shop/app:v1", options)
        also = open_target(f"docker://{registry.host}/shop/app:v1", options)

        assert len(registry.asked("GET", "/manifests/v1")) == 2
        assert target.name == also.name == f"{registry.host}/shop/app@{digest}"
        assert digests(target) == {f"{registry.host}/shop/app": digest.removeprefix("sha256:")}
        with pytest.raises(NotFoundError, match="there is no v2"):
            open_target(f"{registry.host}/shop/app:v2", options)


def test_of_an_index_a_platform_is_chosen() -> None:
    store, _ = layout_with_image(Path("app"))
    images = {f"linux/{name}": put_image(store, content=name.encode()) for name in ("amd64", "arm64")}
    index = put_index(store, "multi", images)

    assert open_target("oci:app:multi").descriptor == index
    chosen = open_target("oci:app:multi", TargetOptions(platform="linux/arm64")).descriptor
    assert chosen is not None
    assert chosen.digest == images["linux/arm64"].digest
    with pytest.raises(CustodyError, match="nothing for the platform linux/386"):
        open_target("oci:app:multi", TargetOptions(platform="linux/386"))
    with pytest.raises(StoreError, match="is for linux/amd64, and not for linux/arm64"):
        open_target("oci:app:v1", TargetOptions(platform="linux/arm64"))


def test_a_platform_of_a_file_is_refused() -> None:
    Path("app").touch()
    with pytest.raises(UsageError, match="'app' is no image"):
        open_target("app", TargetOptions(platform="linux/amd64"))


@pytest.mark.parametrize("text", ["", "./nothing", "/nothing/here", "../nothing"])
def test_a_path_to_nothing_is_no_name_of_an_image(text: str) -> None:
    with pytest.raises(UsageError, match="there is no such file"):
        open_target(text)


def test_what_is_neither_a_file_nor_an_image_is_refused() -> None:
    with pytest.raises(UsageError, match="there is no file 'My App', and it names no image"):
        open_target("My App")


def test_a_config_that_is_no_json_names_no_platform() -> None:
    store, _ = layout_with_image(Path("app"))
    image = store.manifest("v1")
    assert isinstance(image, Manifest)
    index = json.loads(Path("app/index.json").read_text())
    document = json.loads(image.raw)
    document["config"] = document["layers"][0]
    raw = json.dumps(document).encode()
    put = open_layout("app").put_manifest(raw, image.media_type, "v2")
    assert len(index["manifests"]) == 1

    with pytest.raises(CustodyError, match=f"the config of {put.digest}: not JSON"):
        open_target("oci:app:v2", TargetOptions(platform="linux/amd64"))


def test_mistyped_name_of_a_file_is_said_where_a_registry_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with FakeRegistry() as registry:
        options = TargetOptions(registry=registry.options().replace(plain_http=False))

    with pytest.raises(StoreError, match=r"there is no file 'dist/app', and of the image docker.io/dist/app:latest: "):
        open_target("dist/app", options)
    with pytest.raises(StoreError, match=r"^(?!there is no file)"):
        open_target("docker.io/dist/app", options)
