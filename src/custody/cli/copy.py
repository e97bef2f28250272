r"""Copy an image with its attestations, from and to registries and OCI layouts.

Everything keeps its digest, so what was signed stays signed: an index with all its
platforms, blobs, and what is attached to them, as referrers or under cosign's tags
(.att, .sig, .sbom). Blobs that are there already are not sent again. DST gets its tag
when all the rest is there.

SRC and DST are REGISTRY/REPOSITORY[:TAG][@DIGEST], docker://REFERENCE or
oci:DIRECTORY[:TAG]; SRC may also be oci-archive:FILE[:TAG] or
docker-archive:FILE[:REFERENCE].

Examples:
  custody copy registry.example.com/app:v1 mirror.example.org/app:v1
  custody copy registry.example.com/app:v1 oci:build/app:v1
  custody copy docker-archive:app.tar registry.example.com/app:v1
  custody copy registry.example.com/app:v1 oci:arm:v1 --platform linux/arm64

"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.cli.exits import ACCEPTED
from custody.cli.image_options import add_platform, add_registry, registry_from
from custody.cli.output import note, printable, say, warn

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from custody.stores.copying import Copied

__all__ = ["configure"]

_MEBIBYTE = 1024 * 1024


def configure(parser: ArgumentParser) -> None:
    """Add the arguments of `custody copy`."""
    from custody.workflows.copy import ONLY

    parser.add_argument("source", metavar="SRC", help="the image to copy")
    parser.add_argument("target", metavar="DST", help="where it goes")
    add_platform(parser)
    parser.add_argument(
        "--only",
        choices=ONLY,
        default="",
        metavar="PART",
        help="copy the attestations of an image that is at DST already, or the image without them: attestations, image",
    )
    add_registry(parser)
    parser.set_defaults(execute=_execute)


def _execute(options: Namespace) -> int:
    from custody.cli.progress import progress_on_terminal
    from custody.workflows.copy import CopyRequest, copy

    progress = progress_on_terminal()
    try:
        request = CopyRequest(
            platform=options.platform,
            only=options.only,
            registry=registry_from(options, progress=progress),
        )
        copied = copy(options.source, options.target, request)
    finally:
        if progress is not None:
            progress.clear()
    for text in copied.warnings:
        warn(printable(text))
    note(_summary(copied))
    say(str(copied.top.digest))
    return ACCEPTED


def _summary(copied: Copied) -> str:
    """Return what was copied in one line."""
    size = f"{copied.bytes / _MEBIBYTE:.1f} MiB" if copied.bytes >= _MEBIBYTE else f"{copied.bytes} bytes"
    parts = [f"copied {_counted(copied.manifests, 'manifest')} and {_counted(copied.blobs, 'blob')} ({size})"]
    if copied.attached:
        parts.append(f"{copied.attached} of the manifests attached to others")
    if copied.skipped:
        parts.append(f"{_counted(copied.skipped, 'blob')} there already")
    return "; ".join(parts)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
