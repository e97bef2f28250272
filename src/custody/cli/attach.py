"""Attach attestations and links to an image, where verifiers find them.

They are attached as they are. `custody attest` signs an attestation and attaches it at once.

Examples:
  custody attach attestation --attestation build.*.link oci:app:v1
  custody attach attestation --help

"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from custody.cli.exits import ACCEPTED
from custody.cli.image_options import add_platform, add_registry, add_yes
from custody.cli.options import add_list
from custody.cli.output import note, printable, say
from custody.errors import FormatError, UsageError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Sequence

    from custody.oci.documents import Document

__all__ = ["configure"]

_ATTESTATION = r"""Attach attestations and links to an image, as they are; nothing is verified.

Attestations are DSSE envelopes, one in a file or one on each line (.intoto.jsonl), or Sigstore bundles. Each becomes a
Sigstore bundle that refers to the image, and with --legacy a layer of the manifest sha256-DIGEST.att, as cosign 2
writes it. A bundle stays as it is. An envelope with several signatures becomes several bundles.

A link in an envelope of its own, as `custody run` writes it, refers to the image as it is, with a type of custody's:
cosign has no place for it, and passes over it. What other clients will not see is said.

Attaching the same again changes nothing. With COSIGN_REPOSITORY in the environment it goes to that repository.

Examples:
  custody attach attestation --attestation build.*.link oci:app:v1
  custody attach attestation --attestation app.intoto.jsonl --legacy \
      registry.example.com/app@sha256:...
  custody attach attestation localhost:5000/app:v1 --attestation a.json b.json
"""


def configure(parser: ArgumentParser) -> None:
    """Add the arguments of `custody attach`."""
    kinds = parser.add_subparsers(dest="kind", metavar="KIND", required=True)
    attestation = kinds.add_parser("attestation", help="attach attestations or links")
    attestation.description = _ATTESTATION
    attestation.usage = "custody attach attestation --attestation FILE [FILE ...] IMAGE [options]"
    attestation.add_argument(
        "image", metavar="IMAGE", nargs="?", help="the image: a reference, or oci:DIRECTORY[:TAG]; first or last"
    )
    add_list(attestation, "--attestation", metavar="FILE", help="attestations or links")
    attestation.add_argument(
        "--legacy", action="store_true", help="attach as cosign 2 does (.att), not as bundles that refer to the image"
    )
    add_platform(attestation)
    add_registry(attestation)
    add_yes(attestation)
    attestation.set_defaults(execute=_execute)


def _execute(options: Namespace) -> int:
    from custody.cli.target_options import image_from  # not for --help
    from custody.workflows.attach import attach

    files, options.target = _files_and_image(options)
    documents = [document for file in files for document in _documents(file)]
    target = image_from(options)
    attach(target.store, target.descriptor, documents, legacy=options.legacy)
    for line in _told(documents, legacy=options.legacy):
        note(printable(line))
    say(printable(f"{target.name}: {_count(documents)} attached"))
    return ACCEPTED


def _files_and_image(options: Namespace) -> tuple[Sequence[str], str]:
    """Return the files and the image; a list of files takes the image with it that comes last."""
    files, image = list(options.attestation), options.image
    if not files:
        raise UsageError("expected what to attach: --attestation FILE")
    if image is None:
        image = files.pop()
        if os.path.isfile(image) or not files:
            raise UsageError(f"expected --attestation FILE... IMAGE, with the image first or last, got {image!r:.200}")
    return files, image


def _documents(file: str) -> tuple[Document, ...]:
    from custody.encoding.strict import MAX_DOCUMENT_BYTES
    from custody.files import read_file
    from custody.oci.documents import read_documents

    try:
        data = read_file(file, what="the attestation", limit=MAX_DOCUMENT_BYTES)
        return read_documents(data, title=os.path.basename(file))
    except FormatError as error:
        raise error.within(file) from None


def _told(documents: Sequence[Document], *, legacy: bool) -> list[str]:
    """Return how each document was stored, and what others do not see of it."""
    from custody.oci.remarks import remarks_on

    lines = []
    for document in documents:
        if document.is_link:
            how = "as it is, by a referrer"
        else:
            how = "in the .att manifest" if legacy else "as a Sigstore bundle, by a referrer"
        remarks = "".join(f"; {remark}" for remark in remarks_on(document, legacy=legacy))
        lines.append(f"{document.title}: {_kind(document)} {how}{remarks}")
    return lines


def _kind(document: Document) -> str:
    if document.is_link:
        return f"{document.kind} {document.step}".rstrip()
    return document.predicate_type or "an attestation without a type"


def _count(documents: Sequence[Document]) -> str:
    return "1 document" if len(documents) == 1 else f"{len(documents)} documents"
