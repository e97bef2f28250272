"""Gathering the links of a chain from the image that it made: whatever hangs on the image, wherever it hangs.

Links hang there in envelopes of their own, in a bundle of links, or as the predicate of a statement. Nothing is
verified here: a registry may hold anything, and the judge counts what functionaries signed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.errors import StoreError
from custody.stores.memory import MemoryStore
from custody.workflows.download import found_on
from custody.workflows.extract import collected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from custody.oci.digest import Digest
    from custody.oci.documents import Document
    from custody.stores.images import ImageStore

__all__ = ["MAX_IMAGE_EVIDENCE_BYTES", "image_evidence"]

MAX_IMAGE_EVIDENCE_BYTES = 1024 * 1024 * 1024
"""The most bytes of links that are gathered from one image; they are in memory until all is judged."""


def image_evidence(store: ImageStore, digest: Digest, remark: Callable[[str], None]) -> MemoryStore:
    """Return the links that hang on the image `digest`, as a directory would have them.

    `remark` is called with what cannot be read: it is no evidence, but hides nothing either.

    Raises:
        StoreError: there is absurdly much of it.

    """
    problems: list[str] = []
    files = collected(_documents(store, digest, problems), problems)
    for problem in problems:
        remark(problem)
    return MemoryStore(files)


def _documents(store: ImageStore, digest: Digest, problems: list[str]) -> Iterator[Document]:
    total = 0
    for found in found_on(store, digest):
        if found.document is None:
            problems.append(f"{found.manifest or found.place}: {found.problem}")
            continue
        total += len(found.document.raw)
        if total > MAX_IMAGE_EVIDENCE_BYTES:
            raise StoreError(
                f"expected at most {MAX_IMAGE_EVIDENCE_BYTES} bytes of links and attestations on {digest}, found more"
            )
        yield found.document
