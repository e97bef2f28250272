"""Functionaries by certificate (ITE-7): whose certificate, beside a good signature, meets a step's constraints.

A certificate is judged at the verifier's instant, since a link's own time proves nothing; or, where an authority that
the verifier trusts has put a timestamp on the signature, at that one's. Without such, a certificate that has expired
since proves nothing any more.

1. The signature is by the key in the certificate beside it.
2. The certificate has the names that one of the step's constraints demands.
3. It leads to one of the roots of that same constraint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.encoding.instants import MAX_CLOCK_SKEW, write_instant
from custody.encoding.text import from_base64
from custody.errors import FormatError
from custody.keys.x509_certificate import Certificate, certificate_of_pem
from custody.keys.x509_path import Flaw, Problem, find_path, own_problem
from custody.value import Value
from custody.verdict import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from custody.envelopes.reader import Envelope
    from custody.envelopes.signature import Signature
    from custody.keys.timestamps import TimestampAuthorities
    from custody.keys.x509_constraint import CertificateConstraint
    from custody.models.layout import Layout, Step
    from custody.verification.case import Demands

__all__ = ["MAX_CERTIFICATES", "Certified", "Uncertified", "certified_by", "judge_certificate"]

MAX_CERTIFICATES = 16
"""How many certificates of one envelope are judged; each costs several checks of signatures."""

_REASONS = {
    Flaw.EXPIRED: Reason.CERTIFICATE_EXPIRED,
    Flaw.NOT_YET_VALID: Reason.CERTIFICATE_NOT_YET_VALID,
    Flaw.USAGE_WRONG: Reason.CERTIFICATE_USAGE_WRONG,
    Flaw.UNTRUSTED: Reason.CERTIFICATE_UNTRUSTED,
}


class Certified(Value):
    """A certificate that counts for a step, and the root that it leads to."""

    certificate: Certificate
    root: Certificate

    @property
    def tokens(self) -> frozenset[str]:
        """What makes its holder one person with others who have one of these, too: the key, and every personal name.

        Holders of certificates without such names cannot be told apart, so they are one.
        """
        personal = self.certificate.names.personal
        return (personal or frozenset({"nameless"})) | {self.certificate.key.identity}

    @property
    def text(self) -> str:
        """The holder and the root, for people."""
        names = self.certificate.names
        called = next((name for kind in (names.uris, names.emails, names.dns_names) for name in kind), "")
        who = called or self.certificate.subject
        return f"the certificate of {who!r:.200}, under the root {self.root.subject!r:.200}"


class Uncertified(Value):
    """Why a certificate does not count for a step."""

    reason: Reason
    message: str


def certified_by(
    envelope: Envelope, step: Step, layout: Layout, at: datetime, demands: Demands
) -> tuple[list[Certified], list[Uncertified]]:
    """Return whose certificates make the envelope count for `step`, and why the others do not.

    `demands` name the intermediate CAs that the verifier has besides those of the layout, and whose timestamps count.
    """
    good: list[Certified] = []
    bad: list[Uncertified] = []
    message = b""
    for signature in _with_certificates(envelope):
        message = message or envelope.signed_bytes
        found = _signer_of(signature, message)
        if isinstance(found, Certificate):
            when, doubt = _instant(signature, at, demands.timestamps)
            judged = judge_certificate(found, step, layout, when, demands.intermediates)
            if isinstance(judged, Certified):
                good.append(judged)
                continue
            found = judged.replace(message=f"{_called(found)} does not count: {judged.message}{doubt}")
        bad.append(found)
    return good, bad


def _instant(signature: Signature, at: datetime, authorities: TimestampAuthorities | None) -> tuple[datetime, str]:
    """Return when a signature surely existed, `at` if nobody vouches for more, and what is wrong with its timestamp."""
    if not signature.timestamp:
        return at, ""
    if authorities is None:
        return at, "; its timestamp counts only if the verifier says whose do (--timestamp-authorities)"
    value = signature.value
    try:
        token = from_base64(signature.timestamp, "timestamp")
    except FormatError as error:
        return at, f"; {error}"
    found = authorities.instant(token, value) if isinstance(value, bytes) else "it covers nothing"
    if isinstance(found, str):
        return at, f"; its timestamp does not count: {found}"
    if found - at > MAX_CLOCK_SKEW:
        return at, f"; its timestamp does not count: it is of {write_instant(found)}, which is still to come"
    return min(found, at), ""


def judge_certificate(
    certificate: Certificate, step: Step, layout: Layout, at: datetime, more: Sequence[Certificate] = ()
) -> Certified | Uncertified:
    """Return whether whoever holds the key of `certificate` may perform `step`."""
    problem = own_problem(certificate, at)
    if problem is not None:
        return _uncertified(problem)
    intermediates = (*layout.intermediatecas.values(), *more)
    unmet: list[Sequence[str]] = []
    problems: list[Problem] = []
    found_for: dict[tuple[str, ...], tuple[Certificate, ...] | Problem] = {}
    for constraint in step.cert_constraints:
        missing = constraint.unmet(certificate)
        if missing:
            unmet.append(missing)
            continue
        if constraint.roots not in found_for:  # many constraints have the same roots
            found_for[constraint.roots] = find_path(certificate, layout.roots_of(constraint), intermediates, at)
        found = found_for[constraint.roots]
        if not isinstance(found, Problem):
            return Certified(certificate=certificate, root=found[-1])
        problems.append(_with_roots(found, constraint, layout))
    if problems:
        return _uncertified(problems[0])
    closest = min(unmet, key=len, default=("the step has no certificate constraints",))
    return Uncertified(
        reason=Reason.CERTIFICATE_CONSTRAINT_UNMET,
        message=f"it meets none of the step's certificate constraints; the closest demands {'; '.join(closest)}",
    )


def _with_certificates(envelope: Envelope) -> Iterator[Signature]:
    """Yield the signatures with certificates; a DSSE envelope has no place for them."""
    if envelope.kind != "metablock":
        return
    count = 0
    seen = set()
    for signature in envelope.signatures:
        text, value, timestamp = signature.certificate, signature.value, signature.timestamp
        if not text or not isinstance(value, bytes) or (value, text, timestamp) in seen:
            continue
        seen.add((value, text, timestamp))
        count += 1
        if count > MAX_CERTIFICATES:
            return
        yield signature


def _signer_of(signature: Signature, message: bytes) -> Certificate | Uncertified:
    """Return the certificate beside `signature` if its key made it, over `message`."""
    try:
        certificate = certificate_of_pem(signature.certificate, "cert")
    except FormatError as error:
        problem = f"the certificate beside its signature cannot be read: {error}"
        return Uncertified(reason=Reason.CERTIFICATE_MALFORMED, message=problem)
    if certificate.key.verify(signature.value, message):
        return certificate
    return Uncertified(
        reason=Reason.CERTIFICATE_MISMATCH,
        message=f"{_called(certificate)} has another key than the one that signed, or the link was changed after it"
        " was signed",
    )


def _called(certificate: Certificate) -> str:
    return f"the certificate {certificate.subject!r:.200} beside its signature"


def _uncertified(problem: Problem) -> Uncertified:
    return Uncertified(reason=_REASONS[problem.flaw], message=problem.text)


def _with_roots(problem: Problem, constraint: CertificateConstraint, layout: Layout) -> Problem:
    """Say which roots count, and which of them the layout does not even hold."""
    if problem.flaw is not Flaw.UNTRUSTED:
        return problem
    missing = [keyid for keyid in constraint.roots if keyid not in layout.rootcas and not constraint.any_root]
    if missing:
        named = ", ".join(f"{keyid:.80}" for keyid in missing[:3])
        return problem.replace(text=f"{problem.text}; rootcas has no root {named}, which the constraint names")
    if not layout.roots_of(constraint):
        return problem.replace(text=f"{problem.text}; the constraint names no roots")
    return problem
