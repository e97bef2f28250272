"""What the guides need that put attestations on images: registries, images, and `custody` where they call cosign.

Both registries are Debian's, with TLS under authorities of their own; the second wants a password. Commands find all
that where users have it: in `SSL_CERT_FILE` and in docker's configuration. So the lines of a guide run as they stand,
with the name of a registry on loopback in the place of the guide's.
"""

from __future__ import annotations

import base64
import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.compat.guides.stage import Stage
from tests.registries import USER, debian_registry

__all__ = [
    "COMPONENTS",
    "Place",
    "Registries",
    "image_of",
    "put_image",
    "two_registries",
    "with_buildah_as_docker",
    "with_custody_as_cosign",
]

COMPONENTS = [pytest.mark.component(name) for name in ("docker-registry", "htpasswd", "jq", "skopeo", "umoci")]
"""What a test of such a guide is marked with."""

_PASSWORD = "correct horse"

_UMOCI = """
umoci init --layout {layout} 2> /dev/null || true
umoci new --image {layout}:{tag}
umoci insert --rootless --image {layout}:{tag} {content} /app
"""

_DOCKER = """
for reference; do case $reference in *:*) break ;; esac; done
tag=${reference##*:}
case $1 in
  build)
    umoci init --layout images 2> /dev/null || true
    umoci new --image "images:$tag"
    umoci insert --rootless --image "images:$tag" src /app
    ;;
  push) skopeo copy --quiet "oci:images:$tag" "docker://$reference" ;;
  pull) skopeo inspect --raw "docker://$reference" > /dev/null ;;
esac
"""

_BUILDAH = """
buildah() { command buildah --storage-driver vfs --root "$PWD/../storage" --runroot "$PWD/../running" "$@"; }
case $1 in
  build)
    buildah bud --quiet --isolation chroot --network host --tag "$3" "$4"
    buildah push --quiet "$3" "oci:images:${3##*:}"
    ;;
  push) skopeo copy --quiet "oci:images:${2##*:}" "docker://$2" ;;
esac
"""

_ROOT = """
mkdir root; cp -L /bin/sh root/sh
for file in $(ldd /bin/sh | grep -o '/[^ ]*'); do mkdir -p "root${file%/*}"; cp -L "$file" "root$file"; done
"""


class Place(NamedTuple):
    """A registry: its name, and the directory in which it keeps everything."""

    host: str
    storage: Path

    def change_blobs(self, old: str, new: str) -> None:
        """Change the text in every blob that has it, behind the registry's back; some have."""
        assert len(old) == len(new)
        found = [path for path in self.storage.rglob("data") if old.encode() in path.read_bytes()]
        assert found, old
        for path in found:
            path.write_bytes(path.read_bytes().replace(old.encode(), new.encode()))


class Registries(NamedTuple):
    """Where an image is pushed to, and where it is deployed from."""

    first: Place
    second: Place


@contextlib.contextmanager
def two_registries(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registries]:
    """Run two registries, with their files in `root`, which every command reaches as it would reach any other."""
    with (
        debian_registry(root / "first", tls=True) as first,
        debian_registry(root / "second", tls=True, password=_PASSWORD) as second,
    ):
        authorities = root / "authorities.pem"
        authorities.write_bytes(b"".join(one.ca.read_bytes() for one in (first, second) if one.ca))
        configuration = root / "docker" / "config.json"
        configuration.parent.mkdir()
        login = base64.b64encode(f"{USER}:{_PASSWORD}".encode()).decode()
        configuration.write_text(json.dumps({"auths": {second.host: {"auth": login}}}))
        monkeypatch.setenv("SSL_CERT_FILE", str(authorities))
        monkeypatch.setenv("DOCKER_CONFIG", str(configuration.parent))
        monkeypatch.setenv("REGISTRY_AUTH_FILE", str(configuration))  # where skopeo looks
        yield Registries(
            first=Place(first.host, root / "first" / "data"), second=Place(second.host, root / "second" / "data")
        )


def with_custody_as_cosign(stage: Stage) -> None:
    """Put `custody` on PATH, also as cosign and crane, and a `docker` whose images umoci makes."""
    for name in ("custody", "cosign", "crane"):
        stage.stand_in(name, f'exec {sys.executable} -m custody "$@"')
    stage.stand_in("docker", _DOCKER)


def with_buildah_as_docker(stage: Stage) -> None:
    """Have buildah make the images, which runs what a Dockerfile says in a root of nothing but a shell: `root`."""
    stage.stand_in("docker", _BUILDAH)
    stage.succeeds(_ROOT)


def put_image(stage: Stage, reference: str, content: str) -> None:
    """Push an image with a file that says `content`."""
    stage.write({"other/file": content})
    tag = reference.rpartition(":")[2]
    stage.succeeds(_UMOCI.format(layout="others", tag=tag, content="other"))
    stage.succeeds(f"skopeo copy --quiet oci:others:{tag} docker://{reference}; rm -r others other")


def image_of(stage: Stage, reference: str) -> str:
    """Return the name of an image with its digest in the place of the tag."""
    digest = stage.succeeds(f"skopeo inspect --format '{{{{.Digest}}}}' docker://{reference}").out.strip()
    return f"{reference.rpartition(':')[0]}@{digest}"
