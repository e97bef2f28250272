"""Whose certificates may sign: constraints that demand nothing or the impossible, and CAs that certify nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.encoding.instants import write_instant
from custody.linting.complaints import Code, Complaint
from custody.linting.items import quote

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from custody.keys.x509_certificate import Certificate
    from custody.keys.x509_constraint import CertificateConstraint
    from custody.linting.items import Names
    from custody.models.layout import Layout, Step

__all__ = ["judge_certificates", "most_people"]


def judge_certificates(layout: Layout, at: datetime, names: Names) -> Iterator[Complaint]:
    """Yield what is wrong with certificate constraints and CAs."""
    for position, step in enumerate(layout.steps):
        for index, constraint in enumerate(step.cert_constraints):
            where = f"steps[{position}].cert_constraints[{index}]"
            yield from _constraint(constraint, step, layout, where)
        if step.threshold > 1 and step.pubkeys and step.cert_constraints:
            yield Complaint(
                code=Code.CERT_BESIDE_KEY,
                where=f"steps[{position}].threshold",
                sentence=f"whoever holds a listed key of step {quote(step.name)} and a certificate for another key"
                " counts as two",
                remedy="authorise people by keys, or by certificates",
            )
    yield from _authorities(layout, at, names)


def most_people(step: Step) -> int | None:
    """Return how many people can meet the step's certificate constraints, None if there is no telling.

    Certificates with a name in common are one person's, so a constraint that fixes one admits one.
    """
    fixed = [constraint.personal for constraint in step.cert_constraints]
    return len(set(fixed)) if all(fixed) else None


def _constraint(constraint: CertificateConstraint, step: Step, layout: Layout, where: str) -> Iterator[Complaint]:
    if constraint.any_name:
        yield Complaint(
            code=Code.CERT_ANYBODY,
            where=where,
            sentence=f"whoever has any certificate of the roots may perform step {quote(step.name)}",
            remedy="demand a name, such as the URI or the common name of whoever performs the step",
        )
    for values in (constraint.dns_names, constraint.emails, constraint.organizations, constraint.uris):
        for value in values:
            yield from _literal_star(value, where)
    yield from _literal_star(constraint.common_name, where)
    missing = () if constraint.any_root else tuple(r for r in constraint.roots if r not in layout.rootcas)
    if not layout.roots_of(constraint):
        yield Complaint(
            code=Code.CERT_NO_ROOT,
            where=f"{where}.roots",
            sentence=f"no certificate can meet this constraint of step {quote(step.name)}: it has no root",
            remedy="name ids of rootcas, or '*' for any of them",
        )
    elif missing:
        yield Complaint(
            code=Code.CERT_UNKNOWN_ROOT,
            where=f"{where}.roots",
            sentence=f"the root {quote(missing[0])} is not among rootcas",
            remedy="add its certificate, or remove the id",
        )


def _literal_star(value: str, where: str) -> Iterator[Complaint]:
    if "*" in value.removeprefix("*.") and value != "*":
        yield Complaint(
            code=Code.CERT_LITERAL_STAR,
            where=where,
            sentence=f"{quote(value)} stands for itself: a * is a wildcard only alone",
            remedy="write the whole name; or '*' alone, which allows any",
        )


def _authorities(layout: Layout, at: datetime, names: Names) -> Iterator[Complaint]:
    constraints = [constraint for step in layout.steps for constraint in step.cert_constraints]
    used = {keyid for constraint in constraints for keyid in constraint.roots}
    if any(constraint.any_root for constraint in constraints):
        used |= layout.rootcas.keys()
    for keyid, certificate in layout.rootcas.items():
        if keyid not in used:
            yield Complaint(
                code=Code.CA_UNUSED,
                where=f"rootcas.{keyid}",
                sentence=f"no certificate constraint counts on the root {names.of(keyid)}",
                remedy="name it in a constraint's roots, or leave it out",
            )
        yield from _authority(certificate, layout, at, f"rootcas.{keyid}", is_root=True)
    for keyid, certificate in layout.intermediatecas.items():
        yield from _authority(certificate, layout, at, f"intermediatecas.{keyid}", is_root=False)


def _authority(
    certificate: Certificate, layout: Layout, at: datetime, where: str, *, is_root: bool
) -> Iterator[Complaint]:
    problem = _unusable(certificate, at, is_root=is_root)
    if problem:
        yield Complaint(
            code=Code.CA_UNUSABLE,
            where=where,
            sentence=f"the CA {quote(certificate.subject)} vouches for nobody: {problem}",
            remedy="put the right certificate there",
        )
    elif certificate.not_after < layout.expires:
        yield Complaint(
            code=Code.CA_EXPIRES,
            where=where,
            sentence=f"the CA {quote(certificate.subject)} expires before the layout does, at"
            f" {write_instant(certificate.not_after)}",
            remedy="put its successor's certificate beside it in time",
        )


def _unusable(certificate: Certificate, at: datetime, *, is_root: bool) -> str:
    usage = certificate.usage
    if not usage.authority:
        return "it is no CA (basicConstraints)"
    if usage.may_certify is False or (usage.may_certify is None and not is_root):
        return "it may not certify (keyUsage)"
    if certificate.unread:
        return f"it has a critical extension that is not read ({certificate.unread[0]})"
    if at > certificate.not_after:
        return f"it expired at {write_instant(certificate.not_after)}"
    return ""
