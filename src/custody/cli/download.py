"""Download the attestations of an image, without verifying them.

They are printed, or the links among them are put into a directory. `custody verify-attestation` verifies them.

Examples:
  custody download attestation registry.example.com/app:v1
  custody download attestation --help

"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.cli.exits import ACCEPTED, CANNOT, REJECTED
from custody.cli.image_options import add_platform, add_registry
from custody.cli.output import complain, note, printable, say, warn

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterable, Iterator

    from custody.cli.target_options import Image
    from custody.oci.documents import Document

__all__ = ["configure"]

_ATTESTATION = r"""Print the attestations of an image, a DSSE envelope on each line, or put its links into a directory.

Referrers and the manifest sha256-DIGEST.att are both looked at; what hangs in both is printed once. Nothing is
verified: anybody who may write to the repository may have put it there. What cannot be read is a warning. Links are
printed if nothing but links hangs there, and no --predicate-type is given.

--extract-links puts links into DIR, where `custody verify --link-dir DIR` finds them: links that were attached, those
in a bundle of links, and statements about links. No file that is there with other bytes is touched.

Exit code 0 if there are attestations (with --extract-links: links), 1 if there are none, 2 if that cannot be told.

Examples:
  custody download attestation registry.example.com/app:v1
  custody download attestation --predicate-type slsaprovenance1 \
      registry.example.com/app:v1 | jq '.payload | @base64d | fromjson'
  custody download attestation registry.example.com/app:v1 --extract-links links
"""


def configure(parser: ArgumentParser) -> None:
    """Add the arguments of `custody download`."""
    kinds = parser.add_subparsers(dest="kind", metavar="KIND", required=True)
    attestation = kinds.add_parser("attestation", help="print attestations, or extract links")
    attestation.description = _ATTESTATION
    attestation.usage = "custody download attestation IMAGE [options]"
    attestation.add_argument("target", metavar="IMAGE", help="the image: a reference, or oci:DIRECTORY[:TAG]")
    attestation.add_argument(
        "--predicate-type", metavar="TYPE", default="", help="only those of this type: a URI or a short name"
    )
    attestation.add_argument(
        "--extract-links", metavar="DIR", help="put links into DIR, which is made, instead of printing attestations"
    )
    add_platform(attestation)
    add_registry(attestation)
    attestation.set_defaults(execute=_execute)


def _execute(options: Namespace) -> int:
    from custody.cli.target_options import image_from  # not for --help
    from custody.models.predicates import predicate_type

    wanted = predicate_type(options.predicate_type) if options.predicate_type else ""
    image = image_from(options)
    problems: list[str] = []
    if options.extract_links is not None:
        count = _extract(options, _documents(image, wanted, problems))
    else:
        count, links = _print(_documents(image, wanted, problems))
        if links and not count:
            note(f"only links hang there, {links}; --extract-links DIR puts them into a directory")
            count = _print_links(_documents(image, wanted, None))
        elif links:
            note(f"{links} link(s) are no attestations; --extract-links DIR puts them into a directory")
    note(printable(f"{image.name}: nothing of this was verified; `custody verify-attestation` does that"))
    if count:
        return ACCEPTED
    what = "attestation" if options.extract_links is None else "link"
    of_type = f" of the type {wanted}" if wanted else ""
    complain("custody download", printable(f"no {what}{of_type} hangs on {image.name}"))
    return CANNOT if problems else REJECTED


def _documents(image: Image, wanted: str, problems: list[str] | None) -> Iterator[Document]:
    """Yield what hangs on the image and is of the `wanted` type, if any; what cannot be read goes to `problems`."""
    from custody.workflows.download import found_on

    for found in found_on(image.store, image.descriptor.digest):
        if found.document is None:
            if problems is not None:
                problems.append(found.problem)
                warn(printable(f"{found.manifest or found.place}: {found.problem}"))
        elif not wanted or found.document.predicate_type == wanted:
            yield found.document


def _print(documents: Iterable[Document]) -> tuple[int, int]:
    """Print the envelopes of attestations as they come, each once; return how many there are, and how many links."""
    from custody.encoding.hashing import sha256
    from custody.oci.documents import envelope_line

    printed: set[str] = set()
    links = 0
    for document in documents:
        if document.is_link:
            links += 1
            continue
        line = envelope_line(document.dsse)
        if sha256(line) not in printed:
            printed.add(sha256(line))
            say(line.decode())
    return len(printed), links


def _print_links(documents: Iterable[Document]) -> int:
    """Print the links, one on a line, which are all that hangs there; return how many."""
    from custody.encoding.strict import read_json, write_json

    count = 0
    for document in documents:
        if document.is_link:
            count += 1
            say(write_json(read_json(document.raw), indent=None, ensure_ascii=True).decode())
    return count


def _extract(options: Namespace, documents: Iterable[Document]) -> int:
    from custody.workflows.extract import extract_links

    paths, problems = extract_links(documents, options.extract_links)
    for problem in problems:
        warn(printable(problem))
    for path in paths:
        say(printable(path))
    return len(paths)
