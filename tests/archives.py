"""Archives of images, made by hand for tests: as `docker save` writes them, and as somebody hostile would."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

__all__ = ["LAYER", "config_of", "docker_save", "write_tar"]

LAYER = b"a layer, uncompressed"


def write_tar(path: Path, files: Iterable[tuple[str, bytes]], more: Iterable[tarfile.TarInfo] = ()) -> Path:
    """Write `files` into the tar file `path`, and then `more` members without content."""
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for name, data in files:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        for member in more:
            archive.addfile(member)
    return path


def config_of(*layers: bytes, **more: Any) -> bytes:  # noqa: ANN401  # JSON
    """Return the config of an image with these uncompressed layers."""
    ids = [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers]
    document = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": ids}, **more}
    return json.dumps(document).encode()


def docker_save(
    path: Path,
    *,
    config: bytes | None = None,
    layer: bytes = LAYER,
    compressed: bool = False,
    tags: list[str] | None = None,
    files: Mapping[str, bytes | None] | None = None,
) -> Path:
    """Write what `docker save` writes for an image of one layer; `files` replace members, None leaves one out."""
    config = config_of(LAYER) if config is None else config
    name = f"{hashlib.sha256(config).hexdigest()}.json"
    saved = [{"Config": name, "RepoTags": ["app:v1"] if tags is None else tags, "Layers": ["1/layer.tar"]}]
    members: dict[str, bytes | None] = {
        name: config,
        "1/VERSION": b"1.0",
        "1/layer.tar": gzip.compress(layer) if compressed else layer,
        "manifest.json": json.dumps(saved).encode(),
        **(files or {}),
    }
    return write_tar(path, [(name, data) for name, data in members.items() if data is not None])
