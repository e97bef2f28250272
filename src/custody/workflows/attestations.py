"""Finding the attestations of an artifact, in files and on images, for the judge; nothing is verified here.

What cannot be read is found all the same, with the reason: it is no evidence, and must not hide what is. An image's
referrers and its `.att` manifest are always both looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.encoding.strict import MAX_DOCUMENT_BYTES
from custody.envelopes.json_lines import split_lines
from custody.errors import FormatError
from custody.files import read_file
from custody.verification.attestation_case import Attestation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from custody.oci.digest import Digest
    from custody.stores.images import ImageStore
    from custody.workflows.download import Attached

__all__ = ["attestations_in", "attestations_on"]

_SHOWN_DIGITS = 19
"""`sha256:` and 12 digits of a digest, which are enough to find it."""


def attestations_in(path: str) -> Iterator[Attestation]:
    """Yield what is in the file `path`: an envelope, a Sigstore bundle, or one on each line.

    Raises:
        StoreError: the file cannot be read.
        FormatError: it has more lines than such a file may have.

    """
    data = read_file(path, what="attestations", limit=MAX_DOCUMENT_BYTES)
    try:
        lines = split_lines(data)
    except FormatError as error:
        raise error.within(path) from None
    del data
    for line in lines:
        yield Attestation(source=f"{path}:{line.number}" if line.number else path, data=line.data)


def attestations_on(store: ImageStore, digest: Digest) -> Iterator[Attestation]:
    """Yield what hangs on the image `digest` in `store`, fetched one after another.

    Links in envelopes of their own hang there, too, and are no attestations.
    """
    from custody.workflows.download import found_on  # only where there is an image

    for each in found_on(store, digest):
        if each.document is not None and each.document.is_link:
            continue
        yield _attestation(each)


def _attestation(found: Attached) -> Attestation:
    where = found.layer or found.manifest
    source = f"{where[:_SHOWN_DIGITS]} ({found.place})" if where else found.place
    if found.document is None:
        return Attestation(source=source, unreadable=found.problem)
    return Attestation(source=source, envelope=found.document.envelope)
