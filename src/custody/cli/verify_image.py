"""The image under test of `custody verify`: which one it is, and the links that hang on it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from custody.cli.image_options import registry_from
from custody.cli.output import note, printable, warn

if TYPE_CHECKING:
    from argparse import Namespace

    from custody.stores.memory import MemoryStore
    from custody.verification.case import Target

__all__ = ["image_under_test"]

_GIVEN = {
    "platform": "--platform",
    "plain_http": "--plain-http",
    "ca_file": "--ca-file",
    "registry_username": "--registry-username",
}


def image_under_test(options: Namespace) -> tuple[Target, MemoryStore | None]:
    """Return the image as the artifact under test, and the links that hang on it unless others are to be used.

    Its digest is printed: a tag may name another image soon.
    """
    from custody.cli.target_options import RELOCATION
    from custody.errors import UsageError
    from custody.verification.case import Target
    from custody.workflows.image_evidence import image_evidence
    from custody.workflows.targets import TargetOptions, open_target

    if options.image is None:
        _refuse_without_image(options)
    relocation = os.environ.get(RELOCATION, "")
    wanted = TargetOptions(registry=registry_from(options), platform=options.platform, attachments=relocation)
    found = open_target(options.image, wanted)
    if found.store is None or found.descriptor is None:
        raise UsageError(f"--image: expected an image, got the {found.kind} {options.image!r:.200}; see --artifact")
    digest = found.descriptor.digest
    if not options.quiet:
        note(printable(f"{options.image} is {digest}"))
    target = Target(name=found.name, digests={digest.algorithm: digest.hex})
    if options.link_dir is not None:
        return target, None
    return target, image_evidence(found.store, digest, lambda text: warn(printable(text)))


def _refuse_without_image(options: Namespace) -> None:
    from custody.errors import UsageError

    for name, flag in _GIVEN.items():
        if getattr(options, name):
            raise UsageError(f"{flag} is for --image; leave it out, or say which image is under test")
