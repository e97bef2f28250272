"""Whether one attestation counts (in-toto attestation v1; DSSE protocol).

1. It is a DSSE envelope with an in-toto payload.
2. One of the demanded keys signed it: nothing inside is believed, or even parsed, before that.
3. What was signed is a statement about the artifact that is asked for.
4. Its predicate is of the type that is demanded, exactly, and as that type has it.
5. The fields that are demanded have their values.

Key ids are ignored: nobody signed them, and every key is tried.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.encoding.hashing import sha256
from custody.encoding.strict import write_json
from custody.envelopes.dsse import IN_TOTO_PAYLOAD, DSSEEnvelope
from custody.envelopes.payload_types import is_statement_payload_type
from custody.envelopes.reader import read_envelope
from custody.envelopes.signers import keyless_refusal, signed_by, untimely
from custody.errors import FormatError
from custody.keys.key import Key, as_keyless
from custody.keys.keyid import short_id
from custody.models.digest_set import DigestSet, matches
from custody.models.predicates import check_statement
from custody.models.statement import read_statement
from custody.verdict import Reason
from custody.verification.attestation_case import AttestationReport

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from custody.models.resource_descriptor import ResourceDescriptor
    from custody.models.statement import Statement
    from custody.verification.attestation_case import Attestation, AttestationDemands

__all__ = ["check_attestation", "signer_called"]

_SHOWN = 3


class _NotCountedError(Exception):
    """Why an attestation does not count."""

    def __init__(self, reason: Reason, message: str) -> None:
        self.reason = reason
        super().__init__(message)


def check_attestation(attestation: Attestation, demands: AttestationDemands, at: datetime) -> AttestationReport:
    """Return whether `attestation` counts at the instant `at`, and for whom, or why not."""
    report = AttestationReport(source=attestation.source)
    try:
        envelope = _envelope(attestation)
        signers = _signers(envelope, demands.keys, at)
        report = report.replace(signers={key.identity: signer_called(key) for key in signers})
        statement = _statement(envelope)
        report = report.replace(predicate_type=statement.predicate_type)
        note = _check_subject(statement, demands)
        _check_predicate(statement, demands)
    except _NotCountedError as error:
        return report.replace(reason=error.reason, message=str(error))
    except FormatError as error:
        return report.replace(reason=Reason.ATTESTATION_MALFORMED, message=str(error))
    return report.replace(envelope=envelope, content=_content(statement, demands.pinned), note=note)


def _envelope(attestation: Attestation) -> DSSEEnvelope:
    if attestation.unreadable:
        raise _NotCountedError(Reason.ATTESTATION_UNREADABLE, attestation.unreadable)
    envelope = read_envelope(attestation.data) if attestation.envelope is None else attestation.envelope
    if not isinstance(envelope, DSSEEnvelope):
        raise FormatError("expected a DSSE envelope or a Sigstore bundle, got the older envelope of links")
    if not is_statement_payload_type(envelope.payload_type):
        raise _NotCountedError(
            Reason.PAYLOAD_TYPE_WRONG,
            f"expected the payload type {IN_TOTO_PAYLOAD}, got {envelope.payload_type!r:.80}",
        )
    return envelope


def _signers(envelope: DSSEEnvelope, keys: Sequence[Key], at: datetime) -> tuple[Key, ...]:
    """Return those who signed, at least one; a regular expression stands for each identity that it matched."""
    if not envelope.signatures:
        raise _NotCountedError(Reason.SIGNATURE_MISSING, "it is not signed")
    signers = signed_by(envelope, keys, at=at)
    if signers:
        return signers
    late = untimely(envelope, keys, at)
    if late is not None:
        reason = Reason.KEY_EXPIRED if late.key_expired else Reason.SIGNATURE_UNTIMELY
        raise _NotCountedError(reason, late.problem)
    refusal = keyless_refusal(envelope, keys)
    if refusal:
        raise _NotCountedError(Reason.IDENTITY_NOT_PROVEN, f"its keyless signature counts for none: {refusal}")
    problem = "no signature on it is by a key that is demanded: another key signed it, or it was changed afterwards"
    if all(not isinstance(signature.value, bytes) for signature in envelope.signatures):
        problem = "it is signed with a certificate, and keys are demanded; name who signed, not a key"
    elif not any(as_keyless(key) is None for key in keys):
        problem = "it is signed by a key, and identities are demanded"
    raise _NotCountedError(Reason.KEY_NOT_AUTHORISED, problem)


def _statement(envelope: DSSEEnvelope) -> Statement:
    try:
        return read_statement(envelope.content())
    except FormatError as error:
        raise error if str(error).startswith("payload") else error.within("payload") from None


def _check_subject(statement: Statement, demands: AttestationDemands) -> str:
    """Refuse a statement about something else; return what it is about if that is not what was asked for itself."""
    if demands.whole:
        _check_whole(statement.subject, demands)
        return ""
    (wanted,) = demands.subjects
    if _is_about(statement, wanted.digest, demands.pinned):
        return ""
    for other in demands.covering:
        if not _is_about(statement, other.digest, demands.pinned):
            continue
        if other.asked:
            return f"it is about {other.title}"
        raise _NotCountedError(
            Reason.SUBJECT_DIFFERS, f"it is about {other.title}, which only counts with {other.option}"
        )
    expected = f"{demands.pinned}:{wanted.digest[demands.pinned]}"
    raise _NotCountedError(
        Reason.SUBJECT_DIFFERS, f"it is about {_named(statement.subject, demands.pinned)}, not about {expected}"
    )


def _check_whole(found: Sequence[ResourceDescriptor], demands: AttestationDemands) -> None:
    """Refuse a statement that has not exactly the files that are demanded, each by name and digest."""
    by_name = {subject.name: subject for subject in found}
    wanted = {subject.name: subject for subject in demands.subjects}
    missing = sorted(wanted.keys() - by_name.keys())
    surplus = sorted(by_name.keys() - wanted.keys())
    other = sorted(
        name
        for name in wanted.keys() & by_name.keys()
        if not matches(by_name[name].digest, wanted[name].digest, demands.pinned)
    )
    words = [
        f"{text} {_few(names)}"
        for text, names in (
            ("it is not about", missing),
            ("it is about other content of", other),
            ("it is also about", surplus),
        )
        if names
    ]
    if not words and len(by_name) != len(found):
        words.append("it names a file twice")
    if words:
        raise _NotCountedError(Reason.SUBJECT_DIFFERS, "; ".join(words))


def _check_predicate(statement: Statement, demands: AttestationDemands) -> None:
    if statement.predicate_type != demands.predicate_type:
        raise _NotCountedError(
            Reason.PREDICATE_TYPE_DIFFERS,
            f"expected the predicate type {demands.predicate_type}, got {statement.predicate_type!r:.200}",
        )
    try:
        check_statement(statement, "payload")
    except FormatError as error:
        raise _NotCountedError(Reason.PREDICATE_MALFORMED, str(error)) from None
    problems = [problem for field in demands.fields if (problem := field.problem(statement.document))]
    if problems:
        raise _NotCountedError(Reason.FIELD_DIFFERS, "; ".join(problems))


def _is_about(statement: Statement, digest: DigestSet, pinned: str) -> bool:
    return any(matches(subject.digest, digest, pinned) for subject in statement.subject)


def _content(statement: Statement, pinned: str) -> str:
    """Return a digest of what the statement says: its subjects, in any order and whatever their names, and the rest.

    Two who attest the same thing may have found it under other names, in two registries, say.
    """
    subjects = {
        f"{pinned}:{subject.digest[pinned]}" if pinned in subject.digest else write_json(dict(subject.digest)).decode()
        for subject in statement.subject
    }
    document = {
        "predicate": statement.predicate or {},
        "predicateType": statement.predicate_type,
        "subject": sorted(subjects),
    }
    return sha256(write_json(document, indent=None))


def signer_called(key: Key) -> str:
    """Return what people read of a signer: the beginning of a key id, or both names of an identity."""
    keyless = as_keyless(key)
    return f"key {short_id(key.keyid)}" if keyless is None else keyless.called


def _named(subjects: Sequence[ResourceDescriptor], pinned: str) -> str:
    return _few([f"{pinned}:{subject.digest.get(pinned, '?'):.71} ({subject.name!r:.80})" for subject in subjects])


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
