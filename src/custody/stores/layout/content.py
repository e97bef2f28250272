"""What an OCI layout consists of, however it lies on disk: an index, and blobs by digest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from custody.encoding.fields import Fields
from custody.encoding.strict import read_json
from custody.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from custody.oci.digest import Digest

__all__ = ["CHUNK_BYTES", "INDEX", "MARKER", "MAX_MARKER_BYTES", "Content", "check_marker"]

INDEX = "index.json"
MARKER = "oci-layout"

MAX_MARKER_BYTES = 4096
"""The largest file `oci-layout`: it holds a version."""

CHUNK_BYTES = 1024 * 1024
"""Bytes of a blob that are in memory at a time."""

_VERSION = "1."
"""Which versions are read: the specification promises that all of them can be."""


class Content(Protocol):
    """The files of a layout."""

    @property
    def title(self) -> str:
        """How to call it in messages."""

    def index(self) -> bytes:
        """Return the bytes of its index."""

    def size(self, digest: Digest) -> int | None:
        """Return how many bytes are there under the name `digest`, None if nothing is."""

    def chunks(self, digest: Digest) -> Iterator[bytes]:
        """Yield what is there under the name `digest`, unverified, in pieces of `CHUNK_BYTES` at most."""


def check_marker(data: bytes, title: str) -> None:
    """Refuse a file `oci-layout` of a version that is not understood."""
    try:
        version = Fields(read_json(data, limit=MAX_MARKER_BYTES)).text("imageLayoutVersion")
    except FormatError as error:
        raise error.within(f"{title}: {MARKER}") from None
    if not version.startswith(_VERSION):
        raise FormatError(f"expected a version {_VERSION}x, got {version!r:.40}", where=f"{title}: {MARKER}")
