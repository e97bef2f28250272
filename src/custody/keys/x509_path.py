"""Whether a certificate leads to a root: path building and validation, a strict part of RFC 5280, section 6.

Roots are those that the caller names and no others: there is no store of the system's. Intermediate certificates only
help to find the way, whoever offered them. Every certificate of the path is judged, the root too, at one instant.

1. The certificate itself: of a functionary, not of a CA; for signing; in its time.
2. Each issuer: named as such, its signature good and of a sound kind.
3. It is a CA, may certify, at this depth, such names and for such a purpose; in its time.
4. The last one is a root.

Policies are not read. A critical extension that is not read refuses, as does anything the library finds malformed.
Revocation is not asked for: layouts are short-lived lists of who may sign, and a verifier may be offline.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from custody.encoding.instants import write_instant
from custody.keys.x509_certificate import Certificate, issued
from custody.keys.x509_names import forbidden_name
from custody.value import Value

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

__all__ = ["MAX_PATH", "Flaw", "Problem", "find_path", "own_problem"]

MAX_PATH = 8
"""The most certificates of a path, the first and the root included."""

MAX_TRIES = 64
"""How many signatures are checked for one certificate: many CAs of one name would cost the verifier time."""

ANY_PURPOSE = "2.5.29.37.0"
PURPOSES = {"1.3.6.1.5.5.7.3.3": "code signing", "1.3.6.1.5.5.7.3.2": "TLS client"}
"""The purposes by which a key may sign links. That of a TLS server alone is not: it is for machines that anybody may
talk to."""


class Flaw(StrEnum):
    """Why a certificate does not count."""

    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    USAGE_WRONG = "usage-wrong"
    UNTRUSTED = "untrusted"


class Problem(Value):
    """A flaw, and a sentence about it without a subject, such as `it expired at ...`."""

    flaw: Flaw
    text: str


def find_path(
    certificate: Certificate, roots: Sequence[Certificate], intermediates: Sequence[Certificate], at: datetime
) -> tuple[Certificate, ...] | Problem:
    """Return a good path from `certificate` to one of `roots`, both included, or why there is none at the instant."""
    problem = own_problem(certificate, at)
    if problem is not None:
        return problem
    search = _Search(roots, intermediates, at)
    found = search.go_on((certificate,))
    if found is not None:
        return found
    return search.problem or Problem(
        flaw=Flaw.UNTRUSTED,
        text=f"no root that counts here issued it, nor an intermediate CA that leads to one (its issuer is"
        f" {certificate.issuer!r:.200})",
    )


def own_problem(certificate: Certificate, at: datetime) -> Problem | None:
    """Return why no link may be signed with `certificate` at the instant, whoever issued it."""
    if certificate.unread:
        return _unread(certificate)
    if certificate.usage.authority:
        return Problem(flaw=Flaw.USAGE_WRONG, text="it is a CA's, expected one of a functionary")
    if not certificate.usage.may_sign:
        found = "it has no key usage" if certificate.usage.may_sign is None else "its key usage is another"
        return Problem(
            flaw=Flaw.USAGE_WRONG,
            text=f"expected the key usage digitalSignature, and {found}; issue it with keyUsage = digitalSignature",
        )
    if not _purposes((certificate,)):
        got = ", ".join(sorted(certificate.usage.purposes or ()))
        return Problem(
            flaw=Flaw.USAGE_WRONG,
            text="expected an extended key usage of codeSigning or clientAuth (or none at all), got"
            f" {got:.200}; issue it with extendedKeyUsage = codeSigning",
        )
    return _untimely(certificate, at, "it")


class _Search:
    """Looks for the way upwards, depth first, and remembers the first issuer that was one, but no good one."""

    def __init__(self, roots: Sequence[Certificate], intermediates: Sequence[Certificate], at: datetime) -> None:
        self._roots = {root.fingerprint for root in roots}
        self._issuers = {issuer.fingerprint: issuer for issuer in (*roots, *intermediates)}
        self._at = at
        self._tries = MAX_TRIES
        self.problem: Problem | None = None

    def go_on(self, path: tuple[Certificate, ...]) -> tuple[Certificate, ...] | None:
        """Return the path that begins with `path`."""
        last = path[-1]
        if len(path) >= MAX_PATH:
            self._note(Problem(flaw=Flaw.UNTRUSTED, text=f"its path has more than {MAX_PATH} certificates"))
            return None
        for fingerprint, issuer in self._issuers.items():
            if issuer.subject_der != last.issuer_der or issuer in path or not self._issued(issuer, last):
                continue
            is_root = fingerprint in self._roots
            problem = _issuer_problem(issuer, path, self._at, is_root=is_root)
            if problem is not None:
                self._note(problem)
                continue
            found = (*path, issuer) if is_root else self.go_on((*path, issuer))
            if found is not None:
                return found
        return None

    def _issued(self, issuer: Certificate, certificate: Certificate) -> bool:
        if not certificate.well_signed:
            kind = f"the signature on {certificate.subject!r:.120} is of a kind that can be forged, such as SHA-1"
            self._note(Problem(flaw=Flaw.UNTRUSTED, text=kind))
            return False
        self._tries -= 1
        if self._tries < 0:
            text = f"more than {MAX_TRIES} CAs may have issued it, going by their names"
            self._note(Problem(flaw=Flaw.UNTRUSTED, text=text))
            return False
        return issued(issuer, certificate)

    def _note(self, problem: Problem) -> None:
        self.problem = self.problem or problem


def _issuer_problem(issuer: Certificate, path: Sequence[Certificate], at: datetime, *, is_root: bool) -> Problem | None:
    """Return why `issuer`, whose signature on the last of `path` is good, may not have given it."""
    name = f"its CA {issuer.subject!r:.200}"
    if issuer.unread:
        return _unread(issuer)
    if not issuer.usage.authority:
        return Problem(flaw=Flaw.UNTRUSTED, text=f"{name} is no CA (basicConstraints)")
    # A root is believed because the layout names it, so it need not say what it is for; an intermediate must.
    if issuer.usage.may_certify is False or (issuer.usage.may_certify is None and not is_root):
        return Problem(flaw=Flaw.USAGE_WRONG, text=f"{name} may not certify (its key usage has no keyCertSign)")
    below = len(path) - 1
    if issuer.usage.path_length is not None and below > issuer.usage.path_length:
        return Problem(
            flaw=Flaw.UNTRUSTED,
            text=f"{name} may have {issuer.usage.path_length} CA(s) below it (pathlen), and there are {below}",
        )
    if not _purposes((*path, issuer)):
        return Problem(flaw=Flaw.USAGE_WRONG, text=f"{name} may not certify for what it is used for (extendedKeyUsage)")
    if issuer.name_constraints is not None:
        for certificate in path:
            forbidden = forbidden_name(issuer.name_constraints, certificate.names)
            if forbidden:
                return Problem(flaw=Flaw.UNTRUSTED, text=f"{name} may not give out {forbidden} (nameConstraints)")
    return _untimely(issuer, at, name)


def _purposes(path: Sequence[Certificate]) -> frozenset[str]:
    """Return the purposes that all certificates of the path allow, of those by which links may be signed."""
    left = frozenset(PURPOSES)
    for certificate in path:
        if certificate.usage.purposes is not None and ANY_PURPOSE not in certificate.usage.purposes:
            left &= certificate.usage.purposes
    return left


def _unread(certificate: Certificate) -> Problem:
    return Problem(
        flaw=Flaw.UNTRUSTED,
        text=f"{certificate.subject!r:.120} has a critical extension that is not read here: {certificate.unread[0]}",
    )


def _untimely(certificate: Certificate, at: datetime, name: str) -> Problem | None:
    now = f"and now is {write_instant(at)}"
    if at < certificate.not_before:
        begin = write_instant(certificate.not_before)
        return Problem(flaw=Flaw.NOT_YET_VALID, text=f"{name} is valid from {begin} on, {now}")
    if at > certificate.not_after:
        return Problem(flaw=Flaw.EXPIRED, text=f"{name} expired at {write_instant(certificate.not_after)}, {now}")
    return None
