"""What links tell of a build: what it took, what it made, by which commands, and when.

Links are read as they are. A signature of theirs is checked if there are keys to check it with; without any, all they
say is what somebody wrote into a file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from custody.artifacts.names import utf8_name
from custody.encoding.instants import read_instant, write_instant
from custody.errors import FormatError, RecordingError, SignatureError
from custody.models.digest_set import read_digest_set
from custody.models.resource_descriptor import ResourceDescriptor
from custody.rules.digests import MODE
from custody.value import Value
from custody.workflows.links import FINISHED_ON, STARTED_ON

if TYPE_CHECKING:
    from custody.keys.key import Key
    from custody.models.digest_set import DigestSet
    from custody.models.link import Link
    from custody.rules.artifacts import Artifacts, Digests

__all__ = [
    "NOT_VERIFIED",
    "UNSIGNED",
    "VERIFIED",
    "ReadLink",
    "descriptor",
    "finished",
    "made",
    "read_links",
    "started",
    "taken",
]

VERIFIED = "verified"
"""One of the given keys signed the link."""

NOT_VERIFIED = "not verified"
"""The link has signatures, which nobody checked."""

UNSIGNED = "unsigned"
"""The link has no signature."""


class ReadLink(Value):
    """A link with the file it was read from: its name and SHA-256, and what is known of its signatures."""

    file: str
    sha256: str
    link: Link
    signatures: str
    signers: tuple[Key, ...] = ()


def read_links(paths: Sequence[str], keys: Sequence[Key] = ()) -> tuple[ReadLink, ...]:
    """Return the links in the files `paths`; given `keys`, at least one of them signed each.

    Raises:
        StoreError: a file cannot be read.
        FormatError: it holds no link.
        SignatureError: none of `keys` signed it.
        RecordingError: its name is not UTF-8, so that no statement can hold it.

    """
    return tuple(_read(path, keys) for path in paths)


def _read(path: str, keys: Sequence[Key]) -> ReadLink:
    from datetime import UTC, datetime

    from custody.encoding.hashing import sha256
    from custody.encoding.strict import MAX_DOCUMENT_BYTES
    from custody.envelopes.reader import read_envelope
    from custody.envelopes.signers import signed_by
    from custody.files import read_file
    from custody.workflows.links import link_in

    data = read_file(path, what="the link", limit=MAX_DOCUMENT_BYTES)
    try:
        envelope = read_envelope(data)
        signers = signed_by(envelope, keys, at=datetime.now(UTC))
        if keys and not signers:
            raise SignatureError(f"{path}: none of the given keys signed it")
        unchecked = NOT_VERIFIED if envelope.signatures else UNSIGNED
        return ReadLink(
            file=utf8_name(os.path.basename(path)),
            sha256=sha256(data),
            link=link_in(envelope),
            signatures=VERIFIED if signers else unchecked,
            signers=signers,
        )
    except FormatError as error:
        raise error.within(path) from None


def made(links: Sequence[ReadLink]) -> tuple[ResourceDescriptor, ...]:
    """Return the products of the last step that one of `links` made: what lay there before nobody made.

    The last step is that of the last link; if several links are of it, they have to agree.

    Raises:
        RecordingError: links of the last step have other products.
        FormatError: a product has no digest that an attestation can hold.

    """
    if not links:
        return ()
    last = links[-1]
    for each in links:
        if each.link.name == last.link.name and each.link.products != last.link.products:
            raise RecordingError(
                f"{each.file} and {last.file} are links of the same step, {last.link.name!r}, with other products;"
                " give the one that is meant"
            )
    made_by_links = _made_by(links)
    products = last.link.products
    return tuple(
        descriptor(name, products[name], f"{last.file}: products")
        for name in sorted(products)
        if _is_among(name, products[name], made_by_links)
    )


def taken(links: Sequence[ReadLink]) -> Iterator[tuple[str, Digests]]:
    """Yield the materials that none of `links` made, sorted by their names, each once."""
    made_by_links = _made_by(links)
    found: dict[str, list[Digests]] = {}
    for each in links:
        for name in each.link.materials:
            digests = each.link.materials[name]
            if not _is_among(name, digests, made_by_links) and not _is_among(name, digests, found):
                found.setdefault(name, []).append(digests)
    for name in sorted(found):
        for digests in found[name]:
            yield name, digests


def started(links: Sequence[ReadLink]) -> str:
    """Return when the first command started, '' unless every link says when its own did."""
    return _instant(links, STARTED_ON, last=False)


def finished(links: Sequence[ReadLink]) -> str:
    """Return when the last command was finished, '' unless every link says when its own was."""
    return _instant(links, FINISHED_ON, last=True)


def descriptor(name: str, digests: Digests, where: str) -> ResourceDescriptor:
    """Return what names an artifact of a link in an attestation: modes are no digests, and digits are lower case.

    Raises:
        FormatError: a digest has not the size of its algorithm, or there is none.

    """
    kept = {algorithm: digest.lower() for algorithm, digest in digests.items() if algorithm != MODE}
    return ResourceDescriptor(name=name, digest=read_digest_set(kept, f"{where}[{name!r:.200}]"))


def same(one: DigestSet, other: DigestSet) -> bool:
    """Return whether both are alike, or have a digest by the same algorithm, and no such digests differ."""
    if one == other:
        return True
    common = (one.keys() & other.keys()) - {MODE}
    return bool(common) and all(one[algorithm].lower() == other[algorithm].lower() for algorithm in common)


def _made_by(links: Sequence[ReadLink]) -> dict[str, list[Digests]]:
    """Return the products of `links` that were not among their own materials already, by their names."""
    result: dict[str, list[Digests]] = {}
    for each in links:
        materials: Artifacts = each.link.materials
        for name, digests in each.link.products.items():
            before = materials.get(name)
            if before is None or not same(before, digests):
                result.setdefault(name, []).append(digests)
    return result


def _is_among(name: str, digests: Digests, known: dict[str, list[Digests]]) -> bool:
    return any(same(digests, other) for other in known.get(name, ()))


def _instant(links: Sequence[ReadLink], field: str, *, last: bool) -> str:
    found = []
    for each in links:
        try:
            found.append(read_instant(each.link.environment.get(field), field))
        except FormatError:
            return ""
    if not found:
        return ""
    return write_instant(max(found) if last else min(found))
