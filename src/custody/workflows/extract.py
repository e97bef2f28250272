"""Put the links that hang on an image into a directory, where `custody verify` looks for them.

Links hang there as they were written, or inside a bundle of links, or as the predicate of a statement; such a statement
is put there in its envelope, since that is what was signed. Nothing is verified: names are taken from what the
documents say, checked to be plain names, and never lead out of the directory.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from custody.encoding.fields import plain_name
from custody.encoding.hashing import sha256
from custody.errors import FormatError, StoreError
from custody.files import read_file, write_file
from custody.keys.keyid import short_id
from custody.oci.documents import MAX_ATTESTATION_BYTES, Document
from custody.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["MAX_EXTRACTED", "MAX_EXTRACTED_BYTES", "LinkFile", "collected", "extract_links", "links_in"]

MAX_EXTRACTED = 10_000
"""The most files of links that are written for one image."""

MAX_EXTRACTED_BYTES = 1024 * 1024 * 1024
"""The most bytes that they have together; they are in memory until all names are known."""


class LinkFile(Value):
    """The bytes of a link, with the name under which a directory of links has it."""

    name: str
    data: bytes


def links_in(document: Document) -> tuple[LinkFile, ...]:
    """Return the files of links that `document` holds, none if it is about something else.

    Raises:
        FormatError: a name would lead out of a directory, or a bundle of links is none.

    """
    from custody.models.predicates.legacy_link import TYPE_09, TYPE_1
    from custody.models.predicates.link import TYPE
    from custody.models.predicates.link_bundle import LINK_BUNDLE, is_link_bundle, read_link_bundle

    if document.is_link:
        return (LinkFile(name=_file_name(document, document.step), data=document.raw),)
    predicate = document.envelope.content().get("predicate")
    if document.predicate_type in {TYPE, TYPE_1, TYPE_09}:
        step = predicate.get("name") if isinstance(predicate, dict) else None
        return (LinkFile(name=_file_name(document, plain_name(step, "predicate.name")), data=document.raw),)
    if document.predicate_type == LINK_BUNDLE or is_link_bundle(predicate):  # a bundle may have a type of its owner's
        return tuple(LinkFile(name=name, data=data) for name, data in read_link_bundle(predicate).items())
    return ()


def extract_links(documents: Iterable[Document], directory: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the paths of the links of `documents`, all in `directory` afterwards, and what could not be put there.

    Two different links of one name get names of their own: which of them counts is for a verifier to say. Files that
    are there with other bytes stay as they are.

    Raises:
        StoreError: a file of such a name is there and differs, before anything is written; or one cannot be written.

    """
    problems: list[str] = []
    found = collected(documents, problems)
    for name in found:
        _check_free(directory, name, found[name])
    os.makedirs(directory, exist_ok=True)
    return tuple(_placed(directory, name, data) for name, data in found.items()), tuple(problems)


def collected(documents: Iterable[Document], problems: list[str]) -> Mapping[str, bytes]:
    """Return the links of `documents` by the names of their files; what is no link is put into words in `problems`.

    Raises:
        FormatError: there are more than `MAX_EXTRACTED`, or `MAX_EXTRACTED_BYTES` of them.

    """
    found: dict[str, bytes] = {}
    size = 0
    for document in documents:
        try:
            files = links_in(document)
        except FormatError as error:
            problems.append(str(error))
            continue
        for file in files:
            name = _free_name(file, found)
            size += 0 if name in found else len(file.data)
            found[name] = file.data
        if len(found) > MAX_EXTRACTED or size > MAX_EXTRACTED_BYTES:
            limits = f"{MAX_EXTRACTED} links of {MAX_EXTRACTED_BYTES} bytes together"
            raise FormatError(f"expected at most {limits} on one image, got more")
    return found


def _file_name(document: Document, step: str) -> str:
    """Return `STEP.KEYID.link`, from what the link says; of a sublayout, which has no step in it, the file's own."""
    if document.kind == "layout":
        return _own_name(document.title)
    keyid = next((s.keyid for s in document.envelope.signatures if s.keyid), "")
    label = short_id(plain_name(keyid, "key id")) if keyid else _label(document.raw)
    return f"{plain_name(step, 'name')}.{label}.link"


def _own_name(title: str) -> str:
    name = plain_name(title, "the file's name")
    if not name.endswith(".link") or name.startswith("."):
        raise FormatError(f"a layout that hangs there as {name!r:.80}", remedy="a sublayout's file is STEP.KEYID.link")
    return name


def _free_name(file: LinkFile, found: Mapping[str, bytes]) -> str:
    """Return the name of a link; of a second one of that name, another by which it is found all the same.

    Names are short enough that somebody could make a link whose other name is taken as well. It gets yet another one,
    since no link may take the place of one that is there.
    """
    directory, slash, last = file.name.rpartition("/")
    step = last.removesuffix(".link").rpartition(".")[0] or last.removesuffix(".link")
    name, data = file.name, file.data
    while found.get(name, file.data) != file.data:
        label = _label(data)
        name, data = f"{directory}{slash}{step}.{label}.link", label.encode() + file.data
    return name


def _label(data: bytes) -> str:
    return short_id(sha256(data))


def _check_free(directory: str, name: str, data: bytes) -> None:
    """Demand that `name` is free or holds `data`, and that no directory on the way leads elsewhere."""
    path = directory
    for part in name.split("/"):
        path = os.path.join(path, part)
        if os.path.islink(path):
            raise StoreError(
                f"cannot write the link {path!r}: a symbolic link is there; remove it, or give another DIR"
            )
    if os.path.lexists(path) and read_file(path, what="the link", limit=MAX_ATTESTATION_BYTES) != data:
        raise StoreError(
            f"the link {path!r} exists and differs from the one that hangs on the image; it is left as it is:"
            " give an empty directory"
        )


def _placed(directory: str, name: str, data: bytes) -> str:
    path = os.path.join(directory, *name.split("/"))
    if not os.path.lexists(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        write_file(path, data, what="the link", replace=False, durable=False)
    return path
