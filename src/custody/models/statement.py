"""A statement: what an attestation says, a predicate about subjects (in-toto attestation v0.1 and v1)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from custody.encoding.fields import Fields, as_object, describe, path_to
from custody.errors import FormatError, UsageError
from custody.models.resource_descriptor import (
    ResourceDescriptor,
    read_resource_descriptor,
    read_uri,
    refuse_same_names,
)
from custody.value import Value

__all__ = [
    "MAX_SUBJECTS",
    "STATEMENT_TYPES",
    "STATEMENT_V01",
    "STATEMENT_V1",
    "Statement",
    "is_statement",
    "make_statement",
    "read_statement",
]

STATEMENT_V01 = "https://in-toto.io/Statement/v0.1"
STATEMENT_V1 = "https://in-toto.io/Statement/v1"

STATEMENT_TYPES = {"v0.1": STATEMENT_V01, "v1": STATEMENT_V1}
"""The `_type` of each version."""

_FAMILY = "https://in-toto.io/Statement/"
_WORD = re.compile("[!-~]+")

MAX_SUBJECTS = 100_000
"""The most subjects of one statement."""


class Statement(Value):
    """What an attestation says of its `subject`s; `predicate` is None if it is unset, which means the same as empty.

    `document` is what was read, with the fields that nobody here knows.
    """

    type: str
    subject: tuple[ResourceDescriptor, ...]
    predicate_type: str
    predicate: Mapping[str, Any] | None = None
    document: Mapping[str, Any] = {}


def is_statement(document: Mapping[str, Any]) -> bool:
    """Return whether `document` says that it is a statement, of whatever version."""
    kind = document.get("_type")
    return isinstance(kind, str) and kind.startswith(_FAMILY)


def read_statement(document: Mapping[str, Any], where: str = "") -> Statement:
    """Return the statement that `document` writes; unknown fields are kept. What its predicate holds is not looked at.

    Raises:
        FormatError: it is no statement of a version that is known, or says of no artifact what it says.

    """
    fields = Fields(document, where)
    kind = fields.text("_type")
    if kind not in STATEMENT_TYPES.values():
        known = " or ".join(repr(each) for each in STATEMENT_TYPES.values())
        raise FormatError(f"expected {known}, got {describe(kind)}", where=fields.path("_type"))
    predicate = fields.any("predicate", None)
    return Statement(
        type=kind,
        subject=_read_subjects(fields, named=kind == STATEMENT_V01),
        predicate_type=_read_type(fields),
        predicate=None if predicate is None else as_object(predicate, fields.path("predicate")),
        document=as_object(document, where),
    )


def make_statement(
    subjects: Sequence[ResourceDescriptor | Mapping[str, Any]],
    predicate_type: str,
    predicate: Mapping[str, Any] | None,
    *,
    version: str = "v1",
) -> dict[str, Any]:
    """Return a statement as JSON data, the same for the same arguments; a predicate that is None is written as empty.

    A subject has its name, if it has one, and its digests, and nothing else: some readers refuse what they do not know.
    `read_statement(make_statement(...))` has what was given.

    Raises:
        UsageError: the version is unknown.
        FormatError: nobody could read it.

    """
    if version not in STATEMENT_TYPES:
        raise UsageError(f"expected a version of {' or '.join(STATEMENT_TYPES)}, got {version!r:.40}")
    document = {
        "_type": STATEMENT_TYPES[version],
        "subject": [_write_subject(each, f"subject[{i}]", version) for i, each in enumerate(subjects)],
        "predicateType": read_uri(predicate_type, "predicateType"),
        "predicate": dict(predicate or {}),
    }
    read_statement(document)
    return document


def _read_type(fields: Fields) -> str:
    """Return the type of the predicate; early ones, such as cosign's, have no scheme."""
    text = fields.text("predicateType")
    if not _WORD.fullmatch(text):
        problem = f"expected a URI such as https://example.com/type/v1, got {describe(text)}"
        raise FormatError(problem, where=fields.path("predicateType"))
    return text


def _write_subject(subject: ResourceDescriptor | Mapping[str, Any], where: str, version: str) -> dict[str, Any]:
    found = subject if isinstance(subject, ResourceDescriptor) else read_resource_descriptor(subject, where)
    name = found.name or ("_" if version == "v0.1" else "")
    return {**({"name": name} if name else {}), "digest": dict(sorted(found.digest.items()))}


def _read_subjects(fields: Fields, *, named: bool) -> tuple[ResourceDescriptor, ...]:
    """Return the subjects, each with a digest; where they are `named` (v0.1) each has a name of its own."""
    where = fields.path("subject")
    entries = fields.list("subject")
    if not entries:
        raise FormatError("expected at least one subject, got none: it would be about nothing", where=where)
    if len(entries) > MAX_SUBJECTS:
        raise FormatError(f"expected at most {MAX_SUBJECTS} subjects, got {len(entries)}", where=where)
    subjects = tuple(_read_subject(entry, f"{where}[{i}]", named=named) for i, entry in enumerate(entries))
    if named:
        refuse_same_names(subjects, where)
    return subjects


def _read_subject(value: object, where: str, *, named: bool) -> ResourceDescriptor:
    subject = read_resource_descriptor(value, where, digested=True)
    if named and not subject.name:
        raise FormatError('missing; write "_" if it has no meaning', where=path_to(where, "name"))
    return subject
