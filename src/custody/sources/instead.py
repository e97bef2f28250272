"""What to write instead of a field that a source does not have: other tools' names, guides' names, slips."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["instead_of"]

_EXPIRES = "write 'expires'"
_FUNCTIONARIES = "write 'functionaries: {name: key file}'"
_NAMES = "write 'functionaries' with the names of those who may perform the step"
_MATERIALS, _PRODUCTS = "write 'expected_materials'", "write 'expected_products'"
_INSPECT = "write 'inspect'"
_KIND = (
    "leave it out: a source says what it is by its fields; a layout in JSON is not built again, but signed with"
    " `custody sign`"
)

_SOURCE = {
    "_type": _KIND,
    "type": _KIND,
    "version": "leave it out: layouts have no version",
    "apiVersion": "leave it out: layouts have no version",
    "signatures": "leave it out: `custody sign` adds signatures to the layout that is built",
    "signed": "leave it out and write its fields themselves; this is a source, not a signed layout",
    "expiry": _EXPIRES,
    "expiration": _EXPIRES,
    "expire": _EXPIRES,
    "keys": _FUNCTIONARIES,
    "key": _FUNCTIONARIES,
    "pubkeys": _FUNCTIONARIES,
    "certificates": "write 'rootcas: {name: certificate file}', and cert_constraints in the steps",
    "trustBundles": "write 'rootcas: {name: certificate file}', and cert_constraints in the steps",
    "inspection": _INSPECT,
    "inspections": _INSPECT,
    "description": "write 'readme'",
    "name": "write it into 'readme': layouts have no name",
}
_ITEM = {
    "_type": _KIND,
    "type": _KIND,
    "materials": _MATERIALS,
    "material": _MATERIALS,
    "products": _PRODUCTS,
    "product": _PRODUCTS,
}
_STEP = _ITEM | {
    "pubkeys": _NAMES,
    "pubkey": _NAMES,
    "keys": _NAMES,
    "key": _NAMES,
    "command": "write 'expected_command'",
    "run": "write 'expected_command': a step's command is what is expected, an inspection's is run",
}
_CONSTRAINT = {
    "commonName": "write 'common_name'",
    "cn": "write 'common_name'",
    "organization": "write 'organizations'",
    "dns": "write 'dns_names'",
    "dnsNames": "write 'dns_names'",
    "email": "write 'emails'",
    "spiffe": "write 'uris: spiffe://...'",
    "root": "write 'roots' with names of rootcas, or '*' for any of them",
    "rootcas": "write 'roots' with names of rootcas, or '*' for any of them",
}
_INSPECTION = _ITEM | {
    "cert_constraints": "leave it out: the verifier runs inspections, so nobody signs them",
    "command": "write 'run'",
    "expected_command": "write 'run': an inspection's command is run by the verifier",
    "functionaries": "leave it out: the verifier runs inspections, so nobody signs them",
    "pubkeys": "leave it out: the verifier runs inspections, so nobody signs them",
    "threshold": "leave it out: the verifier runs inspections, so nobody signs them",
}
_TABLES = {"source": _SOURCE, "step": _STEP, "inspection": _INSPECTION, "certificate constraint": _CONSTRAINT}


def instead_of(name: str, *, inside: str, known: Collection[str]) -> str:
    """Return what to write instead of the field `name` of a source, step, inspection or certificate constraint."""
    remedy = _TABLES[inside].get(name)
    if remedy is not None:
        return remedy
    from difflib import get_close_matches  # only errors need it

    close = get_close_matches(name.lower().replace("-", "_"), known, n=1, cutoff=0.75)
    if close:
        return f"write '{close[0]}'"
    return f"it has {', '.join(known)}"
