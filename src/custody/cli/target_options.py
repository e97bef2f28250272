"""What TARGET means to the commands that attest, and to those that verify that."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from custody.cli.image_options import registry_from
from custody.cli.output import note, printable, warn
from custody.value import Value

if TYPE_CHECKING:
    from argparse import Namespace

    from custody.oci.descriptor import Descriptor
    from custody.oci.digest import Digest
    from custody.stores.images import ImageStore
    from custody.workflows.targets import Target, TargetOptions

__all__ = ["RELOCATION", "Image", "image_from", "target_from", "target_with_index"]

RELOCATION = "COSIGN_REPOSITORY"
"""The variable that names another repository for what hangs on images, as with cosign."""


_ON_DISK = ("oci:", "oci-archive:", "docker-archive:")


class Image(Value):
    """A target that is an image, in `store`; `name` has its digest."""

    name: str
    store: ImageStore
    descriptor: Descriptor


def image_from(options: Namespace) -> Image:
    """Return the image that TARGET names now; a UsageError if it is a file or a directory without images."""
    from custody.errors import UsageError

    target = target_from(options)
    if target.store is None or target.descriptor is None:
        raise UsageError(
            f"expected an image, got the {target.kind} {options.target!r:.200}; write REGISTRY/REPOSITORY[:TAG], or"
            " oci:DIRECTORY[:TAG]"
        )
    return Image(name=target.name, store=target.store, descriptor=target.descriptor)


def target_from(options: Namespace) -> Target:
    """Return what TARGET names now, and print the digest of an image: a tag may name another one soon."""
    target = _opened(options.target, _wanted(options, options.platform))
    _tell(target, options)
    return target


def target_with_index(options: Namespace) -> tuple[Target, Digest]:
    """Return the image for `--platform`, as `target_from`, and the digest of the index that TARGET names.

    The name is resolved once: the image is then asked for by the digest of the index.
    """
    from custody.errors import UsageError
    from custody.oci.manifest import INDEX_TYPES

    wanted = _wanted(options, "")
    index = _opened(options.target, wanted)
    if index.descriptor is None or index.descriptor.media_type not in INDEX_TYPES:
        raise UsageError(f"--index-covers: expected an index of images, and {options.target!r:.200} is none")
    name = index.name if index.name.startswith(_ON_DISK) else f"docker://{index.name}"
    target = _opened(name, wanted.replace(platform=options.platform))
    _tell(target, options)
    return target, index.descriptor.digest


def _tell(target: Target, options: Namespace) -> None:
    for warning in target.warnings:
        warn(printable(warning))
    if target.descriptor is not None and not getattr(options, "quiet", False):
        note(printable(f"{options.target} is {target.descriptor.digest}"))


def _wanted(options: Namespace, platform: str) -> TargetOptions:
    """Return how the target is found; a password is asked for once, however often it is opened."""
    from custody.cli.progress import progress_on_terminal
    from custody.workflows.targets import TargetOptions  # not for --help

    registry = registry_from(options, progress=progress_on_terminal())
    return TargetOptions(registry=registry, platform=platform, attachments=os.environ.get(RELOCATION, ""))


def _opened(text: str, wanted: TargetOptions) -> Target:
    from custody.workflows.attest import recording_of  # not for --help
    from custody.workflows.targets import open_target

    return open_target(text, wanted.replace(recording=recording_of(text)))
