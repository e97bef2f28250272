"""Tests of `oci:`: an image by the digest of its manifest, wherever it is."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from custody.artifacts.recording import Recording, record
from custody.artifacts.resolvers import default_resolvers, images_by
from custody.errors import RecordingError, UsageError
from custody.oci.descriptor import Descriptor
from custody.oci.manifest import Manifest
from custody.stores.images import ImageStore
from tests.archives import docker_save
from tests.attachments import layout_with_image, put_image, put_index
from tests.registries import FakeRegistry


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Descriptor:
    """Return the image `v1` in the layout `app` of the current directory."""
    monkeypatch.chdir(tmp_path)
    return layout_with_image(tmp_path / "app")[1]


@pytest.fixture
def store(image: Descriptor) -> ImageStore:
    """Return the layout."""
    from custody.stores.layout import open_layout

    assert image.size
    return open_layout("app")


def test_an_image_is_called_as_it_was_written(image: Descriptor, tmp_path: Path) -> None:
    digests = {"sha256": image.digest.hex}
    for reference in ("oci:app:v1", "oci:app", "oci:./app:v1", f"oci:{tmp_path}/app", f"oci:app@{image.digest}"):
        assert record([reference]).artifacts == {reference: digests}


def test_an_image_that_was_replaced_has_another_digest(store: ImageStore) -> None:
    before = record(["oci:app:v1"]).artifacts
    put_image(store, "v1", b"other")

    assert record(["oci:app:v1"]).artifacts != before


@pytest.mark.parametrize("part", ["config", "layer", "manifest"])
def test_an_image_on_disk_that_was_changed_is_refused(image: Descriptor, store: ImageStore, part: str) -> None:
    manifest = store.manifest("v1")
    assert isinstance(manifest, Manifest)
    digest = {"config": manifest.config, "layer": manifest.layers[0], "manifest": image}[part].digest
    file = Path("app/blobs/sha256", digest.hex)
    file.write_bytes(file.read_bytes()[:-1] + b"!")

    with pytest.raises(RecordingError, match=r"cannot record 'oci:app:v1': .*sent other bytes than asked for"):
        record(["oci:app:v1"], Recording(missing_ok=True))


@pytest.mark.parametrize("part", ["layer", "manifest"])
def test_an_image_of_which_a_part_is_missing_is_not_one_that_may_be_missing(
    image: Descriptor, store: ImageStore, part: str
) -> None:
    manifest = store.manifest("v1")
    assert isinstance(manifest, Manifest)
    digest = (manifest.layers[0] if part == "layer" else image).digest
    Path("app/blobs/sha256", digest.hex).unlink()

    with pytest.raises(RecordingError, match="there is no blob sha256:"):
        record(["oci:app:v1"], Recording(optional=("oci:app:v1",)))


@pytest.mark.parametrize(
    "reference",
    ["oci:app:v2", "oci:nothing:v1", "oci:./nothing", "oci:docker-archive:nothing.tar", f"oci:app@sha256:{'0' * 64}"],
)
def test_an_image_that_is_missing_is_like_a_missing_file(image: Descriptor, reference: str) -> None:
    assert image.size
    with pytest.raises(RecordingError, match=f"cannot record '{reference}': it does not exist .*--optional"):
        record([reference])
    assert record([reference], Recording(optional=(reference,))).artifacts == {}
    tolerant = record([reference], Recording(missing_ok=True))
    assert tolerant.artifacts == {}
    assert "is not recorded: it does not exist" in tolerant.warnings[0]


def test_a_name_without_registry_is_never_sought_in_one(image: Descriptor) -> None:
    assert image.size
    for reference in ("oci:library/busybox:latest", "oci:busybox"):
        with pytest.raises(RecordingError, match=r"there is no directory .* is named with the registry"):
            record([reference])


def test_archives_are_recorded(image: Descriptor) -> None:
    assert image.size
    docker_save(Path("app.tar"))
    reference = "oci:docker-archive:app.tar:app:v1"
    recorded = record([reference]).artifacts[reference]

    assert recorded == record(["oci:docker-archive:app.tar"]).artifacts["oci:docker-archive:app.tar"]
    docker_save(Path("app.tar"), layer=b"something else, as long".ljust(21)[:21])
    with pytest.raises(RecordingError, match="sent other bytes than asked for"):
        record([reference])


def test_an_index_is_recorded_by_its_own_digest(store: ImageStore) -> None:
    index = put_index(store, "multi", {"linux/amd64": put_image(store, content=b"inner")})

    assert record(["oci:app:multi"]).artifacts == {"oci:app:multi": {"sha256": index.digest.hex}}


def test_other_algorithms_are_over_the_same_manifest(store: ImageStore) -> None:
    recorded = record(["oci:app:v1"], Recording(hash_algorithms=("sha256", "sha512"))).artifacts["oci:app:v1"]

    assert recorded == {name: hashlib.new(name, store.manifest("v1").raw).hexdigest() for name in ("sha256", "sha512")}


def test_paths_begin_at_the_base_path_and_names_lose_their_prefix(image: Descriptor, tmp_path: Path) -> None:
    below = tmp_path / "below"
    below.mkdir()
    base = Recording(base_path=str(tmp_path), lstrip_paths=("./",))

    assert record(["oci:./app:v1"], base).artifacts == {"oci:app:v1": {"sha256": image.digest.hex}}
    with pytest.raises(RecordingError, match="it does not exist"):
        record(["oci:app:v1"], Recording(base_path=str(below)))


def test_what_is_no_reference_is_refused(image: Descriptor) -> None:
    assert image.size
    with pytest.raises(UsageError, match="a repository of lower-case letters"):
        record(["oci:example.com/My App"])
    with pytest.raises(UsageError, match="expected PATH:TAG"):
        record(["oci:app:"])


def test_an_image_in_a_registry_is_resolved_once(store: ImageStore) -> None:
    raw = store.manifest("v1").raw
    with FakeRegistry() as registry:
        registry.put("shop/app", raw, "application/vnd.oci.image.manifest.v1+json", tag="v1")
        resolvers = {**default_resolvers(), "oci": images_by(registry.options)}
        reference = f"oci:{registry.host}/shop/app:v1"
        recorded = record([reference], resolvers=resolvers)

        assert recorded.artifacts == {reference: {"sha256": hashlib.sha256(raw).hexdigest()}}
        assert len(registry.seen) == 1
        missing = f"oci:docker://{registry.host}/shop/app:v2"
        with pytest.raises(RecordingError, match="it does not exist"):
            record([missing], resolvers=resolvers)
        assert record([missing], Recording(optional=(missing,)), resolvers=resolvers).artifacts == {}


def test_a_registry_that_does_not_answer_is_an_error_not_a_missing_image(image: Descriptor) -> None:
    assert image.size
    with FakeRegistry() as registry:
        registry.behaviour.password = "secret"
        reference = f"oci:{registry.host}/shop/app:v1"
        plain = registry.options().replace(username="", password=None)
        resolvers = {**default_resolvers(), "oci": images_by(lambda: plain)}

        with pytest.raises(RecordingError, match=f"cannot record '{reference}'"):
            record([reference], Recording(optional=(reference,)), resolvers=resolvers)
