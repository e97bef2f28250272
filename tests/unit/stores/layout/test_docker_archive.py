"""What `docker save` wrote before Docker 25: its digest, its layers by what the config says of them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from custody.errors import CustodyError, StoreError
from custody.oci.manifest import DOCKER_MANIFEST, Manifest
from custody.stores.contents import check_content
from custody.stores.images import NotFoundError
from custody.stores.layout import open_archive
from custody.stores.layout.store import LayoutStore
from tests.archives import LAYER, config_of, docker_save, write_tar


def whole(path: Path) -> tuple[LayoutStore, Manifest]:
    store = open_archive(str(path))
    image = store.manifest("")
    assert isinstance(image, Manifest)
    check_content(store, image)
    return store, image


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the archive of the test is to be."""
    return tmp_path / "app.tar"


def test_the_manifest_is_made_as_skopeo_makes_it(path: Path) -> None:
    _, image = whole(docker_save(path))
    config = config_of(LAYER)
    expected = (
        '{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json",'
        '"config":{"mediaType":"application/vnd.docker.container.image.v1+json",'
        f'"size":{len(config)},"digest":"sha256:{hashlib.sha256(config).hexdigest()}"}},'
        '"layers":[{"mediaType":"application/vnd.docker.image.rootfs.diff.tar.gzip",'
        f'"size":{len(LAYER)},"digest":"sha256:{hashlib.sha256(LAYER).hexdigest()}"}}]}}'
    )

    assert image.raw == expected.encode()
    assert image.media_type == DOCKER_MANIFEST


def test_an_image_is_found_by_the_names_it_was_saved_under(path: Path) -> None:
    store, image = whole(docker_save(path, tags=["app:v1", "localhost:5000/app:v2"]))

    assert store.tags() == ("app:v1", "localhost:5000/app:v2")
    for name in ("app:v1", "docker.io/library/app:v1", "localhost:5000/app:v2", str(image.digest)):
        assert store.resolve(name).digest == image.digest
    with pytest.raises(NotFoundError):
        store.resolve("app:v2")


def test_an_image_without_a_name_is_found(path: Path) -> None:
    store, image = whole(docker_save(path, tags=[]))

    assert store.tags() == ()
    assert store.resolve("").digest == image.digest


def test_a_compressed_layer_counts_uncompressed(path: Path) -> None:
    _, plain = whole(docker_save(path))
    _, compressed = whole(docker_save(path, compressed=True))

    assert compressed.raw == plain.raw


def test_a_layer_that_is_something_else_is_refused(path: Path) -> None:
    for compressed in (False, True):
        docker_save(path, layer=LAYER[:-1] + b"D", compressed=compressed)
        with pytest.raises(StoreError, match="sent other bytes than asked for"):
            whole(path)


@pytest.mark.parametrize(
    "cut", [pytest.param(lambda data: data[:-9], id="cut-off"), pytest.param(lambda data: data[:10] + b"??", id="bad")]
)
def test_a_compressed_layer_that_is_broken_is_refused(path: Path, cut: Any) -> None:  # noqa: ANN401  # a function
    import gzip

    with pytest.raises(StoreError, match="a compressed layer"):
        whole(docker_save(path, files={"1/layer.tar": cut(gzip.compress(LAYER * 1000))}))


def test_a_compressed_layer_without_end_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("custody.stores.layout.docker_archive.MAX_LAYER_BYTES", len(LAYER) - 1)

    with pytest.raises(StoreError, match=f"expected at most {len(LAYER) - 1} bytes, got more"):
        whole(docker_save(path, compressed=True))


def test_a_config_that_is_not_what_its_name_says_is_refused(path: Path) -> None:
    config = config_of(LAYER)
    name = f"{hashlib.sha256(config).hexdigest()}.json"

    with pytest.raises(StoreError, match="has another digest than its name says"):
        whole(docker_save(path, files={name: config.replace(b"amd64", b"arm64")}))


def test_a_config_with_a_name_of_its_own_promises_nothing(path: Path) -> None:
    config = config_of(LAYER)
    saved = [{"Config": "config.json", "RepoTags": None, "Layers": ["1/layer.tar"]}]
    _, image = whole(docker_save(path, files={"config.json": config, "manifest.json": json.dumps(saved).encode()}))

    assert image.config.digest.matches(config)


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        pytest.param(config_of(LAYER, LAYER), "expected as many layers as manifest.json lists, which are 1", id="more"),
        pytest.param(config_of(), "got 0", id="fewer"),
        pytest.param(b'{"rootfs":{"diff_ids":["sha256:1"]}}', r"rootfs\.diff_ids\[0\]: expected a digest", id="digest"),
        pytest.param(b'{"rootfs":[]}', "rootfs: expected an object", id="rootfs"),
        pytest.param(b"{}", "rootfs: missing", id="none"),
    ],
)
def test_a_config_that_does_not_fit_is_refused(path: Path, config: bytes, problem: str) -> None:
    with pytest.raises(CustodyError, match=problem):
        whole(docker_save(path, config=config))


def test_a_part_that_is_missing_is_an_error(path: Path) -> None:
    name = f"{hashlib.sha256(config_of(LAYER)).hexdigest()}.json"
    with pytest.raises(StoreError, match=r"the layer '1/layer\.tar' is missing"):
        whole(docker_save(path, files={"1/layer.tar": None}))
    with pytest.raises(NotFoundError, match=r"there is no .*\.json"):
        whole(docker_save(path, files={name: None}))


def test_a_name_that_is_none_is_refused(path: Path) -> None:
    with pytest.raises(StoreError, match="the image reference 'A B'"):
        whole(docker_save(path, tags=["A B"]))


def test_two_images_share_a_layer(tmp_path: Path) -> None:
    configs = [config_of(LAYER), config_of(LAYER, architecture="arm64")]
    names = [f"{hashlib.sha256(config).hexdigest()}.json" for config in configs]
    saved = [{"Config": name, "RepoTags": [f"app:v{n}"], "Layers": ["layer"]} for n, name in enumerate(names)]
    files = [*zip(names, configs, strict=True), ("layer", LAYER), ("manifest.json", json.dumps(saved).encode())]
    store = open_archive(str(write_tar(tmp_path / "two.tar", files)))

    for tag in ("app:v0", "app:v1"):
        check_content(store, store.manifest(tag))
    assert store.resolve("app:v0").digest != store.resolve("app:v1").digest
