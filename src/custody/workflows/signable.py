"""What `custody sign` signs: a layout, a link or a statement, read as strictly as a verifier reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from custody.envelopes.dsse import IN_TOTO_PAYLOAD, DSSEEnvelope
from custody.errors import FormatError, UsageError
from custody.keys.key import as_openpgp
from custody.models.layout import LAYOUT_TYPE, Layout, read_layout
from custody.models.link import LINK_TYPE, Link, read_link
from custody.signing.signer import has_certificate

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from typing import Any

    from custody.envelopes.reader import Envelope
    from custody.keys.key import Key
    from custody.models.statement import Statement
    from custody.signing.signer import Signer

__all__ = ["Signable", "kind_of", "read_document", "refuse_signers"]

Signable: TypeAlias = "Layout | Link | Statement"


def kind_of(document: Signable) -> str:
    """Return `layout`, `link` or `statement`."""
    if isinstance(document, Layout):
        return LAYOUT_TYPE
    return LINK_TYPE if isinstance(document, Link) else "statement"


def read_document(envelope: Envelope, ignore_fields: Collection[str]) -> Signable:
    """Return what would be signed.

    Raises:
        FormatError: custody would refuse to judge it, or it is in an envelope that is not for it.
        UsageError: `ignore_fields` are given for what has no such fields.

    """
    if envelope.payload_type != IN_TOTO_PAYLOAD:
        from custody.envelopes.payload_types import is_statement_payload_type  # few envelopes have one of their own

        if not is_statement_payload_type(envelope.payload_type):
            raise _wrong_payload_type(envelope)
    content = envelope.content()
    kind = content.get("_type")
    if isinstance(kind, str) and kind.startswith("https://in-toto.io/Statement/"):
        return _read_statement(envelope, content, ignore_fields)
    if envelope.payload_type != IN_TOTO_PAYLOAD:
        raise _wrong_payload_type(envelope)
    if kind == LINK_TYPE:
        return read_link(content)
    if kind == LAYOUT_TYPE:
        return _read_layout(content, ignore_fields)
    raise FormatError(f"expected 'layout', 'link' or a statement's type, got {kind!r:.80}", where="_type")


def refuse_signers(document: Signable, signers: Sequence[Signer], keys: Iterable[Key], *, append: bool) -> None:
    """Refuse signatures that `document` cannot have; `keys` are those of `signers`, each once.

    Raises:
        UsageError: they are of a kind that its envelope has no place for, or there are too many.

    """
    if isinstance(document, Layout):
        return
    if not isinstance(document, Link):
        if any(as_openpgp(signer.public_key) is not None or has_certificate(signer) for signer in signers):
            raise UsageError(
                "a statement goes into a DSSE envelope, which has no place for an OpenPGP signature or a certificate;"
                " sign it with a key of another kind, and without --cert"
            )
        return
    if append:
        raise UsageError("a link has one functionary and one signature; sign it without appending")
    if len(tuple(keys)) > 1:
        raise UsageError(
            "a link has one functionary, so one key signs it; let each functionary make a link of their own"
        )


def _wrong_payload_type(envelope: Envelope) -> FormatError:
    return FormatError(
        f"expected a layout, a link or a statement ({IN_TOTO_PAYLOAD}), got {envelope.payload_type!r:.80}",
        where="payloadType",
    )


def _read_statement(envelope: Envelope, content: Mapping[str, Any], ignore_fields: Collection[str]) -> Statement:
    from custody.models.predicates import check_statement  # most of what is signed are layouts
    from custody.models.statement import read_statement

    if not isinstance(envelope, DSSEEnvelope):
        raise FormatError(
            "a statement in the older envelope, where nobody looks for one",
            remedy="sign the statement itself, which goes into a DSSE envelope",
        )
    if ignore_fields:
        raise UsageError("--ignore-field is for layouts; whatever a statement has besides is kept, and signed")
    statement = read_statement(content)
    check_statement(statement)
    return statement


def _read_layout(content: Mapping[str, Any], ignore_fields: Iterable[str]) -> Layout:
    layout = read_layout(content, ignore=ignore_fields)
    if not layout.steps:
        raise FormatError(
            "expected at least one step: a layout without any demands nothing and is always rejected",
            where="steps",
        )
    return layout
