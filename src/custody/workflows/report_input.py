"""What is to be converted: a file's bytes, the format that they have, and the document in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from custody.encoding.fields import as_object
from custody.encoding.strict import read_json
from custody.errors import FormatError, SignatureError, UsageError
from custody.sources.reports.recognise import is_xml, recognise_json, recognise_xml, refuse_text
from custody.value import Value

if TYPE_CHECKING:
    from custody.keys.key import Key

__all__ = ["PIPE", "Input", "Report", "open_report"]

PIPE = "standard input"
"""What a report without a name is called."""

_LINK = "link"
_STATEMENT = "statement"
_ENVELOPES = ("signed", "payload", "dsseEnvelope")


class Report(Value):
    """The bytes of a file, and its name for messages and descriptors; '' for a pipe."""

    name: str
    data: bytes


class Input(Value):
    """A report whose format is known; `document` is what is in it, unless it is XML."""

    name: str
    format: str
    data: bytes
    document: Mapping[str, Any] = {}
    enveloped: bool = False
    remarks: tuple[str, ...] = ()


def open_report(report: Report, source: str, keys: Sequence[Key]) -> Input:
    """Return what is in `report`, of the format `source`, or '' for whatever it says by its content.

    What is in an envelope is taken out of it; given `keys`, one of them signed it.

    Raises:
        FormatError: it is not of that format.
        UsageError: the format cannot be told.
        SignatureError: none of the keys signed it.

    """
    name = report.name or PIPE
    try:
        if source == "junit" or (not source and is_xml(report.data)):
            return Input(name=name, format=source or recognise_xml(report.data), data=report.data)
        _refuse_other_forms(report.data, source)
        document = _document(report.data)
        if any(name in document for name in _ENVELOPES) and source in {"", _LINK, _STATEMENT}:
            return _unwrapped(report, name, source, keys)
        return Input(name=name, format=source or recognise_json(document), data=report.data, document=document)
    except FormatError as error:
        raise error.within(name) from None
    except UsageError as error:
        raise UsageError(f"{name}: {error}") from None


def _refuse_other_forms(data: bytes, source: str) -> None:
    """Refuse what is no JSON with a word about how to get the JSON form of it."""
    if is_xml(data):
        found = recognise_xml(data)
        raise FormatError(f"expected {source} in JSON, got {found}")
    refuse_text(data)


def _document(data: bytes) -> dict[str, Any]:
    """Return the object in `data`, or say what it may be instead."""
    if not data.lstrip().startswith((b"{", b"[")) and data.strip():
        raise FormatError("expected JSON or JUnit XML, got something else")
    if data.count(b"\n{"):
        from custody.envelopes.json_lines import split_lines  # most reports are one document

        count = len(split_lines(data))
        if count > 1:
            raise FormatError(
                f"there are {count} documents in it, one a line", remedy="give one of them, as with sed -n 1p"
            )
    document = read_json(data)
    if isinstance(document, list):
        raise FormatError("expected an object, got a list", remedy="if Trivy wrote it, take a version from 0.20 on")
    return as_object(document, "")


def _unwrapped(report: Report, name: str, source: str, keys: Sequence[Key]) -> Input:
    """Return what is in an envelope; given `keys`, at least one of them signed it."""
    from datetime import UTC, datetime

    from custody.envelopes.payload_types import is_statement_payload_type
    from custody.envelopes.reader import read_envelope  # most reports are signed by nobody
    from custody.envelopes.signers import signed_by

    envelope = read_envelope(report.data)
    if keys and not signed_by(envelope, keys, at=datetime.now(UTC)):
        raise SignatureError(f"{name}: none of the given keys signed it")
    if not is_statement_payload_type(envelope.payload_type):
        raise FormatError(f"expected a link or a statement, got {envelope.payload_type!r:.80}", where="payloadType")
    document = envelope.content()
    return Input(
        name=name,
        format=source or recognise_json(document),
        data=report.data,
        document=document,
        enveloped=True,
        remarks=() if keys else ("the signatures were not checked; give --verification-keys to check them",),
    )
