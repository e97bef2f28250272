"""Platforms: what `--platform` means, and which image of an index is for one.

::

    pick(index, read_platform("linux/arm64"))     # the descriptor for linux/arm64, also if it says variant v8
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.errors import FormatError, UsageError
from custody.oci.descriptor import Descriptor, Platform

if TYPE_CHECKING:
    from custody.oci.manifest import Index

__all__ = ["pick", "read_platform", "suits"]

_SAME_ARCHITECTURE = {"aarch64": "arm64", "x86_64": "amd64", "x86-64": "amd64", "i386": "386", "armhf": "arm"}
_USUAL_VARIANT = {"arm64": "v8"}
"""What an architecture without variant means, where there is only one in use."""

_PARTS = (2, 3)


def read_platform(text: str) -> Platform:
    """Return the platform that `text` writes: `os/architecture`, or `os/architecture/variant`.

    Raises:
        UsageError: it is none.

    """
    parts = text.split("/")
    if len(parts) not in _PARTS or not all(part.isascii() and part.isprintable() and part for part in parts):
        raise UsageError(f"expected a platform such as linux/amd64 or linux/arm64/v8, got {text!r:.80}")
    architecture = _SAME_ARCHITECTURE.get(parts[1], parts[1])
    return Platform(os=parts[0], architecture=architecture, variant="".join(parts[2:]))


def suits(found: Platform, wanted: Platform) -> bool:
    """Return whether what is for `found` is for `wanted`, which may leave the variant open."""
    if (found.os, found.architecture) != (wanted.os, wanted.architecture):
        return False
    return not wanted.variant or _variant(found) == _variant(wanted)


def pick(index: Index, wanted: Platform) -> Descriptor:
    """Return the one image of `index` that is for `wanted`.

    Raises:
        FormatError: there is none, or several differ.

    """
    found = [each for each in index.manifests if each.platform is not None and suits(each.platform, wanted)]
    if len({each.digest for each in found}) == 1:
        return found[0]
    there = ", ".join(dict.fromkeys(str(each.platform) for each in index.manifests if each.platform is not None))
    if not found:
        raise FormatError(
            f"the image has nothing for the platform {wanted}, expected one of: {there or 'none, it names no platform'}"
        )
    raise FormatError(f"the image has {len(found)} entries for the platform {wanted}, expected one; there are: {there}")


def _variant(platform: Platform) -> str:
    return platform.variant or _USUAL_VARIANT.get(platform.architecture, "")
