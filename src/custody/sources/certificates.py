"""The CAs of a source, and what its steps demand of certificates.

::

    rootcas:
      acme: certs/acme-root.pem
    intermediatecas:
      builders: certs/builders-ca.pem
    steps:
      - name: build
        cert_constraints:
          - common_name: '*'
            uris: spiffe://acme.example/build
            roots: acme

A kind of name that a constraint does not mention must not be in the certificate. `roots` has to be there: whose
certificates count is never left open. In the layout, a CA has its certificate's SHA-256 as its id.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from custody.errors import FormatError, StoreError
from custody.keys.x509_certificate import certificates_of_file
from custody.keys.x509_constraint import ANYTHING, CertificateConstraint
from custody.models.certificates import checked_values
from custody.sources.strict_yaml import ListNode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custody.keys.x509_certificate import Certificate
    from custody.sources.functionaries import KeyReader
    from custody.sources.strict_yaml import Node

__all__ = ["CONSTRAINT", "read_authorities", "read_constraint"]

CONSTRAINT = ("common_name", "dns_names", "emails", "organizations", "uris", "roots")
"""The fields of a constraint."""

_PEM_BEGINS = "-----BEGIN"


def read_authorities(node: Node, reader: KeyReader) -> dict[str, Certificate]:
    """Return the CAs by the names that the source gives them.

    Raises:
        FormatError: one cannot be read, is no single certificate, or stands there twice.

    """
    result: dict[str, Certificate] = {}
    for name, entry in node.entries().items():
        certificate = _authority(entry, reader)
        other = next((known for known, there in result.items() if there == certificate), None)
        if other is not None:
            raise entry.error(f"{name!r:.80} is the same certificate as {other!r:.80}", "leave one out")
        result[name] = certificate
    return result


def read_constraint(fields: Mapping[str, Node], roots: Mapping[str, Certificate]) -> CertificateConstraint:
    """Return the constraint with these fields; `roots` are the root CAs by their names.

    Raises:
        FormatError: a field is wrong, or names a root that is not there.

    """
    name = fields.get("common_name")
    return CertificateConstraint(
        common_name=name.text() if name is not None else "",
        dns_names=_values(fields.get("dns_names")),
        emails=_values(fields.get("emails")),
        organizations=_values(fields.get("organizations")),
        uris=_values(fields.get("uris")),
        roots=_roots(fields["roots"], roots),
    )


def _authority(node: Node, reader: KeyReader) -> Certificate:
    text = node.text()
    try:
        if _PEM_BEGINS in text:
            found = certificates_of_file(text.encode(errors="replace"), "")
        else:
            found = certificates_of_file(reader.read(os.path.join(reader.base_directory, text)), text)
    except StoreError as error:
        raise node.error(str(error), "put the CA's certificate there, as PEM") from None
    except FormatError as error:
        raise node.error(str(error)) from None
    if len(found) > 1:
        raise node.error(f"expected one certificate, got {len(found)}", "give each CA a name and a file of its own")
    return found[0]


def _values(node: Node | None) -> tuple[str, ...]:
    if node is None:
        return ()
    texts = tuple(item.text() for item in node.items()) if isinstance(node, ListNode) else (node.text(),)
    return checked_values(texts, node.where)


def _roots(node: Node, roots: Mapping[str, Certificate]) -> tuple[str, ...]:
    found = []
    for name in _values(node):
        if name != ANYTHING and name not in roots:
            known = ", ".join(roots) or "none"
            problem = f"no root CA is called {name!r:.80}; there is {known:.400}"
            raise node.error(problem, "define the name with its certificate under 'rootcas'")
        found.append(name if name == ANYTHING else roots[name].fingerprint)
    return tuple(found)
