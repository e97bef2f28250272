"""What is attested: statements about an artifact, made of a predicate, of links, or prebuilt.

Each function returns the bytes that are signed, read as a verifier reads them. What custody would not accept as an
attestation of the artifact it does not sign.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from custody.encoding.fields import as_object
from custody.encoding.instants import write_instant
from custody.encoding.strict import read_json, write_json
from custody.envelopes.reader import read_envelope
from custody.errors import FormatError, StoreError, UsageError
from custody.files import read_file
from custody.models.digest_set import PINNED_ALGORITHM, matches
from custody.models.link import LINK_TYPE, read_link
from custody.models.link_statement import link_to_statement
from custody.models.predicates import check_statement, predicate_type
from custody.models.predicates.cosign import CUSTOM
from custody.models.predicates.link import TYPE as LINK_PREDICATE
from custody.models.predicates.link_bundle import (
    LINK_BUNDLE,
    MAX_BUNDLED_BYTES,
    MAX_BUNDLED_DEPTH,
    MAX_BUNDLED_LINKS,
    write_link_bundle,
)
from custody.models.statement import make_statement, read_statement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from custody.models.digest_set import DigestSet
    from custody.models.resource_descriptor import ResourceDescriptor

__all__ = [
    "MAX_PREDICATE_BYTES",
    "links_below",
    "other_subjects",
    "prebuilt_statement",
    "predicate_of",
    "statement_about",
    "statement_of_link",
    "statement_of_links",
]

MAX_PREDICATE_BYTES = 64 * 1024 * 1024
"""The largest predicate, prebuilt statement or link that is attested; registries and cosign read twice as much."""

_SUFFIX = ".link"
_LEGACY_NAME = "link"


def predicate_of(data: bytes, uri: str, *, at: datetime, where: str = "the predicate") -> Mapping[str, Any]:
    """Return the predicate of the type `uri` that `data` holds.

    What cosign calls `custom` is any text, which is put into an object with the instant `at`, as cosign does it.

    Raises:
        FormatError: it is no JSON object, which every other type has to be.

    """
    if uri == CUSTOM:
        return _custom(data, at, where)
    try:
        found = read_json(data)
    except FormatError as error:
        remedy = "a directory of links is attested with --bundle-links DIR; any text has the type custom"
        raise FormatError(f"expected JSON, which is what predicates are: {error}", where=where, remedy=remedy) from None
    return as_object(found, where)


def statement_about(subjects: Sequence[ResourceDescriptor], uri: str, predicate: Mapping[str, Any]) -> bytes:
    """Return the statement that says `predicate`, of the type `uri`, about `subjects`.

    Raises:
        FormatError: the type does not allow this predicate, or there are no subjects.

    """
    document = make_statement(subjects, uri, predicate)
    check_statement(read_statement(document))
    return _written(document)


def statement_of_link(path: str, subjects: Sequence[ResourceDescriptor], uri: str = "") -> bytes:
    """Return the statement that says what the link in the file `path` says.

    If all of `subjects` are products of the link, it is about its products. Else it has the older form, which says for
    itself what the products are, and is about `subjects`. With `uri` the form is this one.

    Raises:
        StoreError: the file cannot be read.
        FormatError: it is no link.
        UsageError: `uri` is the newer form, and the link did not make the artifact.

    """
    data = read_file(path, what="link", limit=MAX_PREDICATE_BYTES)
    try:
        link = read_link(read_json(data) if _is_bare(data) else read_envelope(data).content())
    except FormatError as error:
        raise error.within(path) from None
    made = next(_not_among(link.products.values(), subjects), None) is None
    if uri == LINK_PREDICATE and not made:
        raise UsageError(
            f"{path}: the artifact is no product of the link {link.name!r:.80}, so a statement about its products says"
            " nothing about it; record it as a product, or use --type link, which is about the artifact itself"
        )
    uri = uri or (LINK_PREDICATE if made else predicate_type(_LEGACY_NAME))
    about = () if uri == LINK_PREDICATE else subjects
    return _written(link_to_statement(link, predicate_type=uri, subjects=about))


def statement_of_links(directory: str, subjects: Sequence[ResourceDescriptor], uri: str = "") -> bytes:
    """Return the statement whose predicate holds all links below `directory`; its type is custody's own, or `uri`.

    Raises:
        StoreError: the directory cannot be read.
        FormatError: there are no links, too many or too large ones, or a file called like a link is none.

    """
    links: dict[str, bytes] = {}
    left = MAX_BUNDLED_BYTES
    for name in links_below(directory):
        path = os.path.join(directory, name)
        links[name] = read_file(path, what="link", limit=min(left, MAX_BUNDLED_BYTES))
        left -= len(links[name])
        try:
            read_envelope(links[name])
        except FormatError as error:
            raise error.within(path) from None
    if not links:
        raise StoreError(f"no links ({_SUFFIX}) in {directory!r}: there is nothing to attest")
    return statement_about(subjects, uri or LINK_BUNDLE, write_link_bundle(links))


def links_below(directory: str) -> tuple[str, ...]:
    """Return the names of the links in `directory` and in directories in it, relative to it, sorted.

    Raises:
        StoreError: a directory cannot be listed, there are too many links, or directories too deep.

    """
    found: list[str] = []
    for name in _below(directory, "", 0):
        found.append(name)
        if len(found) > MAX_BUNDLED_LINKS:
            raise StoreError(f"expected at most {MAX_BUNDLED_LINKS} links in {directory!r}, got more")
    return tuple(sorted(found))


def prebuilt_statement(path: str, subjects: Sequence[ResourceDescriptor], uri: str = "") -> bytes:
    """Return the bytes of the statement in the file `path`, which must be about all of `subjects`.

    Raises:
        StoreError: the file cannot be read.
        FormatError: it is no statement, or not as its type demands.
        UsageError: it is about something else, or of another type than `uri`.

    """
    data = read_file(path, what="statement", limit=MAX_PREDICATE_BYTES)
    try:
        statement = read_statement(as_object(read_json(data), ""))
        check_statement(statement)
    except FormatError as error:
        raise error.within(path) from None
    if uri and statement.predicate_type != uri:
        raise UsageError(f"{path}: expected the predicate type {uri}, got {statement.predicate_type!r:.200}")
    for subject in _not_among((each.digest for each in statement.subject), subjects):
        wanted = ", ".join(f"{name}:{digest}" for name, digest in sorted(subject.digest.items()))
        raise UsageError(f"{path}: it is not about {subject.name!r:.120} ({wanted:.200}): no subject has this digest")
    return data


def other_subjects(payload: bytes, subjects: Sequence[ResourceDescriptor]) -> tuple[ResourceDescriptor, ...]:
    """Return what the statement `payload` is about besides `subjects`, by digest."""
    known = {(name, digest) for subject in subjects for name, digest in subject.digest.items()}
    found = read_statement(as_object(read_json(payload), "")).subject
    return tuple(each for each in found if known.isdisjoint(each.digest.items()))


def _custom(data: bytes, at: datetime, where: str) -> Mapping[str, Any]:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        remedy = "a directory of links is attested with --bundle-links DIR"
        raise FormatError("expected text (UTF-8), got other bytes", where=where, remedy=remedy) from None
    return {"Data": text, "Timestamp": write_instant(at)}


def _written(document: Mapping[str, Any]) -> bytes:
    return write_json(document, indent=None, ensure_ascii=True)


def _is_bare(data: bytes) -> bool:
    """Return whether this is the JSON of a link without an envelope."""
    found = read_json(data)
    return isinstance(found, dict) and found.get("_type") == LINK_TYPE and "signed" not in found


def _not_among(found: Iterable[DigestSet], subjects: Iterable[ResourceDescriptor]) -> Iterator[ResourceDescriptor]:
    """Yield those of `subjects` that are none of `found`; there may be a hundred thousand of both."""
    by_digest: dict[str, list[DigestSet]] = {}
    for each in found:
        for digest in each.values():
            by_digest.setdefault(digest, []).append(each)
    for subject in subjects:
        pinned = _pinned(subject)
        alike = by_digest.get(subject.digest.get(pinned, ""), ())
        if not any(matches(each, subject.digest, pinned) for each in alike):
            yield subject


def _pinned(subject: ResourceDescriptor) -> str:
    """Return the algorithm by which `subject` is compared: the usual one if it has that digest."""
    return PINNED_ALGORITHM if PINNED_ALGORITHM in subject.digest else min(subject.digest, default=PINNED_ALGORITHM)


def _below(directory: str, prefix: str, depth: int) -> Iterator[str]:
    """Yield the links below `directory`; symbolic links to directories are not followed."""
    if depth > MAX_BUNDLED_DEPTH:
        raise StoreError(f"expected at most {MAX_BUNDLED_DEPTH} directories in each other, got {prefix!r:.200}")
    path = os.path.join(directory, prefix)
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    yield from _below(directory, f"{prefix}{entry.name}/", depth + 1)
                elif entry.name.endswith(_SUFFIX):
                    yield prefix + entry.name
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "that is no directory name"
        raise StoreError(f"cannot look for links in {path!r}: {reason}") from error
