"""What a layout says about certificates (ITE-7, in the form of the Go implementation).

`rootcas` and `intermediatecas` hold CAs as if they were keys, with the certificate in `keyval.certificate`; a step's
`cert_constraints` say whose certificates count for it. The id under which a CA is listed is a label: constraints name
roots by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from custody.encoding.fields import Fields, as_list, as_object, describe, path_to, plain_name
from custody.errors import FormatError
from custody.keys.public import make_key
from custody.keys.x509_certificate import certificate_of_pem
from custody.keys.x509_constraint import ANYTHING, CertificateConstraint

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from custody.keys.x509_certificate import Certificate

    RefuseUnknown = Callable[[Fields], None]

__all__ = ["checked_values", "read_authorities", "read_cert_constraints", "write_authorities"]

MAX_AUTHORITIES = 100
"""The most root CAs, and the most intermediate CAs, of one layout."""

MAX_CONSTRAINTS = 100
"""The most certificate constraints of one step, and the most values of each of their lists."""

_HASH_ALGORITHMS = ["sha256", "sha512"]


def read_authorities(value: object, where: str, refuse_unknown: RefuseUnknown) -> dict[str, Certificate]:
    """Return the CAs of `rootcas` or `intermediatecas` by their ids.

    Raises:
        FormatError: one is no certificate, or is listed under another id or key than it says.

    """
    entries = as_object(value, where)
    _refuse_many(len(entries), MAX_AUTHORITIES, where)
    return {keyid: _authority(entry, path_to(where, keyid), keyid, refuse_unknown) for keyid, entry in entries.items()}


def write_authorities(authorities: Mapping[str, Certificate]) -> dict[str, Any]:
    """Return CAs as a layout writes them; the Go implementation wants all of these fields."""
    return {
        keyid: {
            "keyid": keyid,
            "keyid_hash_algorithms": list(_HASH_ALGORITHMS),
            "keytype": certificate.key.keytype,
            "keyval": {"public": certificate.key.public.strip(), "certificate": certificate.pem},
            "scheme": certificate.key.scheme,
        }
        for keyid, certificate in authorities.items()
    }


def read_cert_constraints(
    value: object, where: str, refuse_unknown: RefuseUnknown
) -> tuple[CertificateConstraint, ...]:
    """Return a step's `cert_constraints`; a field that is left out allows nothing of its kind.

    Raises:
        FormatError: a field is wrong, or says something else than it seems to.

    """
    entries = as_list(value, where)
    _refuse_many(len(entries), MAX_CONSTRAINTS, where)
    return tuple(_constraint(entry, f"{where}[{i}]", refuse_unknown) for i, entry in enumerate(entries))


def checked_values(values: tuple[str, ...], where: str) -> tuple[str, ...]:
    """Return the values of one list of a constraint; one empty text means none, as the Go implementation writes it.

    Raises:
        FormatError: `*` or an empty text stands among others, where it would mean itself.

    """
    _refuse_many(len(values), MAX_CONSTRAINTS, where)
    if values == ("",):
        return ()
    if len(values) > 1 and (ANYTHING in values or "" in values):
        odd = ANYTHING if ANYTHING in values else ""
        raise FormatError(
            f"{odd!r} stands beside other values, where it allows nothing",
            where=where,
            remedy=f"write [{ANYTHING!r}] alone to allow any, or leave it out",
        )
    return tuple(dict.fromkeys(values))


def _authority(value: object, where: str, keyid: str, refuse_unknown: RefuseUnknown) -> Certificate:
    fields = Fields(value, where)
    plain_name(keyid, where)
    found = fields.any("keyid", keyid)
    if found != keyid:
        problem = f"expected the id that it is listed under, got {describe(found)}"
        raise FormatError(problem, where=fields.path("keyid"))
    keytype, scheme = fields.text("keytype", ""), fields.text("scheme", "")
    fields.any("keyid_hash_algorithms", None)
    inner = Fields(fields.any("keyval"), fields.path("keyval"))
    certificate = certificate_of_pem(inner.text("certificate"), inner.path("certificate"))
    public = inner.text("public", "")
    if public:
        _check_public(certificate, keytype, scheme, public, inner.path("public"))
    if inner.any("private", "") not in ("", None):
        problem = "expected no private key, got one"
        raise FormatError(problem, where=inner.path("private"), remedy="whoever read this file has it: replace the CA")
    refuse_unknown(fields)
    refuse_unknown(inner)
    return certificate


def _check_public(certificate: Certificate, keytype: str, scheme: str, public: str, where: str) -> None:
    """Refuse an entry that is one key for readers of `public` and another for readers of the certificate."""
    own = certificate.key
    # The Go implementation writes P-256's scheme for every curve; only the key itself matters here.
    chosen = own.scheme if keytype == own.keytype else scheme
    if make_key(keytype=keytype, scheme=chosen, public=public, where=where).spki != own.spki:
        raise FormatError("expected the key of the certificate beside it, got another one", where=where)


def _constraint(value: object, where: str, refuse_unknown: RefuseUnknown) -> CertificateConstraint:
    fields = Fields(value, where)
    common_name = fields.any("common_name", "")
    if common_name is None:
        common_name = ""
    constraint = CertificateConstraint(
        common_name=fields.text("common_name") if common_name else "",
        dns_names=_values(fields, "dns_names"),
        emails=_values(fields, "emails"),
        organizations=_values(fields, "organizations"),
        roots=_values(fields, "roots"),
        uris=_values(fields, "uris"),
    )
    refuse_unknown(fields)
    return constraint


def _values(fields: Fields, name: str) -> tuple[str, ...]:
    if fields.any(name, None) is None:  # the Go implementation writes null for no list
        return ()
    return checked_values(fields.texts(name), fields.path(name))


def _refuse_many(count: int, limit: int, where: str) -> None:
    if count > limit:
        raise FormatError(f"expected at most {limit}, got {count}", where=where)
