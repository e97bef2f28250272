"""`rootcas`, `intermediatecas` and `cert_constraints` of a layout; tests/compat has those of in-toto-golang itself."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from custody.errors import FormatError
from custody.keys.document import write_key
from custody.models.certificates import MAX_AUTHORITIES, MAX_CONSTRAINTS
from custody.models.layout import read_layout
from tests.simulator import actor
from tests.x509 import Issuer, constraint

ROOT, MIDDLE = Issuer.root(), Issuer.root().intermediate("middle", "p256")
CONSTRAINT = {
    "common_name": "alice",
    "dns_names": [""],
    "emails": None,
    "organizations": ["*"],
    "roots": ["acme"],
    "uris": ["spiffe://acme.example/build"],
}


def authority(issuer: Issuer, keyid: str) -> dict[str, Any]:
    """Return a CA as in-toto-golang writes it."""
    key = issuer.certificate.key
    return {
        "keyid": keyid,
        "keyid_hash_algorithms": ["sha256", "sha512"],
        "keytype": key.keytype,
        "keyval": {"private": "", "public": key.public.strip(), "certificate": issuer.pem},
        "scheme": key.scheme,
    }


LAYOUT: dict[str, Any] = {
    "_type": "layout",
    "expires": "2030-01-31T00:00:00Z",
    "readme": "",
    "keys": {},
    "rootcas": {"acme": authority(ROOT, "acme")},
    "intermediatecas": {"middle": authority(MIDDLE, "middle")},
    "steps": [{"_type": "step", "name": "build", "pubkeys": [], "threshold": 1, "cert_constraints": [CONSTRAINT]}],
    "inspect": [],
}


def changed(*path: str | int, value: object = None, drop: bool = False) -> dict[str, Any]:
    """Return the layout with another value at a path."""
    document: dict[str, Any] = copy.deepcopy(LAYOUT)
    place: Any = document
    for part in path[:-1]:
        place = place[part]
    if drop:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return document


def refused(document: dict[str, Any]) -> str:
    with pytest.raises(FormatError) as caught:
        read_layout(document)
    return str(caught.value)


def test_layout_with_certificates_is_read_and_written_again() -> None:
    layout = read_layout(LAYOUT)

    assert layout.rootcas == {"acme": ROOT.certificate}
    assert layout.intermediatecas == {"middle": MIDDLE.certificate}
    assert layout.steps[0].cert_constraints == (
        constraint("alice", dns_names=(), emails=(), roots=("acme",), uris=("spiffe://acme.example/build",)),
    )
    assert read_layout(layout.document()) == layout


def test_layout_without_certificates_is_written_as_ever() -> None:
    document = read_layout({**LAYOUT, "rootcas": {}, "intermediatecas": {}, "steps": []}).document()

    assert "rootcas" not in document
    assert "intermediatecas" not in document


def test_go_writes_the_scheme_of_p256_for_every_curve_and_is_understood() -> None:
    ca = Issuer.root("p384", "p384")
    entry = {**authority(ca, "ca"), "scheme": "ecdsa-sha2-nistp256"}

    assert read_layout(changed("rootcas", value={"ca": entry})).rootcas == {"ca": ca.certificate}
    other = {**entry, "keyval": {**entry["keyval"], "public": Issuer.root("2", "p384").certificate.key.public}}
    assert "got another one" in refused(changed("rootcas", value={"ca": other}))


def test_roots_of_a_constraint_are_those_that_it_names() -> None:
    layout = read_layout(LAYOUT).replace(rootcas={"acme": ROOT.certificate, "other": MIDDLE.certificate})

    assert layout.roots_of(constraint(roots=("acme",))) == (ROOT.certificate,)
    assert layout.roots_of(constraint(roots=("other", "acme"))) == (MIDDLE.certificate, ROOT.certificate)
    assert layout.roots_of(constraint(roots=("*",))) == (ROOT.certificate, MIDDLE.certificate)
    assert layout.roots_of(constraint(roots=("gone",))) == layout.roots_of(constraint(roots=())) == ()


CERTIFICATE = ("rootcas", "acme", "keyval", "certificate")
PROBLEMS: dict[str, tuple[dict[str, Any], str]] = {
    "no certificate": (changed(*CERTIFICATE, drop=True), "rootcas.acme.keyval.certificate: missing"),
    "half of one": (changed(*CERTIFICATE, value=ROOT.pem[:-9]), "rootcas.acme.keyval.certificate: expected one"),
    "two": (changed(*CERTIFICATE, value=ROOT.pem * 2), "rootcas.acme.keyval.certificate: expected one"),
    "another id": (changed("rootcas", "acme", "keyid", value="x"), "rootcas.acme.keyid: expected the id that it is"),
    "another key": (
        changed("rootcas", "acme", "keyval", "public", value=Issuer.root("2").certificate.key.public),
        "rootcas.acme.keyval.public: expected the key of the certificate beside it",
    ),
    "a private key": (changed("rootcas", "acme", "keyval", "private", value="x"), "expected no private key"),
    "an unknown field": (changed("rootcas", "acme", "note", value=1), "rootcas.acme.note: unknown field"),
    "an unknown inner field": (
        changed("intermediatecas", "middle", "keyval", "note", value=1),
        "intermediatecas.middle.keyval.note: unknown field",
    ),
    "an id that is no file name": (
        changed("rootcas", value={"a/b": authority(ROOT, "a/b")}),
        "rootcas['a/b']: expected a plain name",
    ),
    "an unknown constraint": (
        changed("steps", 0, "cert_constraints", 0, "serial", value=1),
        "steps[0].cert_constraints[0].serial: unknown field",
    ),
    "a number for a name": (
        changed("steps", 0, "cert_constraints", 0, "common_name", value=1),
        "steps[0].cert_constraints[0].common_name: expected text",
    ),
    "a text for a list": (
        changed("steps", 0, "cert_constraints", 0, "uris", value="*"),
        "steps[0].cert_constraints[0].uris: expected a list",
    ),
    "a wildcard beside others": (
        changed("steps", 0, "cert_constraints", 0, "uris", value=["a", "*"]),
        "steps[0].cert_constraints[0].uris: '*' stands beside other values",
    ),
    "nothing beside others": (
        changed("steps", 0, "cert_constraints", 0, "uris", value=["", "a"]),
        "steps[0].cert_constraints[0].uris: '' stands beside other values",
    ),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_what_is_wrong_with_certificates_is_said_with_its_path(name: str) -> None:
    document, problem = PROBLEMS[name]

    assert problem in refused(document)


def test_field_that_is_left_out_allows_nothing() -> None:
    found = read_layout(changed("steps", 0, "cert_constraints", value=[{}])).steps[0].cert_constraints

    assert found == (constraint("", dns_names=(), emails=(), organizations=(), roots=(), uris=()),)


def test_absurd_numbers_are_refused() -> None:
    many = {f"ca{number}": authority(ROOT, f"ca{number}") for number in range(MAX_AUTHORITIES + 1)}
    assert f"rootcas: expected at most {MAX_AUTHORITIES}" in refused(changed("rootcas", value=many))
    constraints = [CONSTRAINT] * (MAX_CONSTRAINTS + 1)
    assert f"expected at most {MAX_CONSTRAINTS}" in refused(changed("steps", 0, "cert_constraints", value=constraints))
    values = [str(number) for number in range(MAX_CONSTRAINTS + 1)]
    assert f"uris: expected at most {MAX_CONSTRAINTS}" in refused(
        changed("steps", 0, "cert_constraints", 0, "uris", value=values)
    )


def test_certificate_in_the_place_of_a_key_is_refused() -> None:
    alice = write_key(actor("alice").public_key)
    entry = {**alice, "keyval": {**alice["keyval"], "certificate": ROOT.pem}}

    message = refused(changed("keys", value={alice["keyid"]: entry}))

    assert "keyval.certificate: unknown field" in message
    assert "cert_constraints" in message
    assert "--ignore-field" in message
