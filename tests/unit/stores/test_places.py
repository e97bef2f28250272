"""Places: how a user says where an image is."""

from __future__ import annotations

from pathlib import Path

import pytest

from custody.errors import StoreError, UsageError
from custody.stores.images import NotFoundError
from custody.stores.places import Place, open_place, opened, read_place
from tests.archives import docker_save
from tests.attachments import layout_with_image

DIGEST = f"sha256:{'a' * 64}"


@pytest.mark.parametrize(
    ("text", "kind", "path", "version"),
    [
        pytest.param("oci:app", "oci", "app", "", id="layout"),
        pytest.param("oci:app:v1", "oci", "app", "v1", id="layout-and-tag"),
        pytest.param("oci:/a:b/app:v1", "oci", "/a:b/app", "v1", id="a-colon-in-the-path"),
        pytest.param("oci:a:b/app", "oci", "a:b/app", "", id="a-colon-in-the-path-alone"),
        pytest.param(f"oci:app@{DIGEST}", "oci", "app", DIGEST, id="layout-and-digest"),
        pytest.param("oci-archive:a.tar:v1", "oci-archive", "a.tar", "v1", id="archive"),
        pytest.param("docker-archive:a.tar", "docker-archive", "a.tar", "", id="saved"),
        pytest.param(
            "docker-archive:a.tar:localhost:5000/app:v1", "docker-archive", "a.tar", "localhost:5000/app:v1", id="name"
        ),
    ],
)
def test_a_place_on_disk_is_read(text: str, kind: str, path: str, version: str) -> None:
    assert read_place(text) == Place(text=text, kind=kind, path=path, version=version)


def test_what_exists_as_it_is_written_is_a_path(tmp_path: Path) -> None:
    (tmp_path / "app:v1").mkdir()

    assert read_place(f"oci:{tmp_path}/app:v1").path == f"{tmp_path}/app:v1"
    assert read_place("oci:app:v1", base=str(tmp_path)).path == f"{tmp_path}/app:v1"
    assert read_place("oci:app:v2", base=str(tmp_path)).version == "v2"


@pytest.mark.parametrize(
    ("text", "expected", "version"),
    [
        ("app", "docker.io/library/app:latest", "latest"),
        ("docker://localhost:5000/app:v1", "localhost:5000/app:v1", "v1"),
        (f"example.com/app:v1@{DIGEST}", f"example.com/app:v1@{DIGEST}", DIGEST),
    ],
)
def test_a_place_in_a_registry_is_read(text: str, expected: str, version: str) -> None:
    place = read_place(text)

    assert (str(place.reference), place.version, place.is_local) == (expected, version, False)


@pytest.mark.parametrize("text", ["", "oci:", "docker-archive:", "oci::v1", "oci:app:", "https://example.com/app", "A"])
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        read_place(text)


def test_places_are_opened(tmp_path: Path) -> None:
    layout_with_image(tmp_path / "app")
    docker_save(tmp_path / "app.tar")

    assert open_place(read_place(f"oci:{tmp_path}/app")).tags() == ("v1",)
    with opened(read_place(f"docker-archive:{tmp_path}/app.tar")) as store:
        assert store.tags() == ("app:v1",)
    with pytest.raises(NotFoundError), opened(read_place(f"oci:{tmp_path}/nothing")):
        pass
    with pytest.raises(StoreError):
        open_place(read_place(f"oci-archive:{tmp_path}/app"))
