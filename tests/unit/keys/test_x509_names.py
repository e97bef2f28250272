from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from custody.errors import FormatError
from custody.keys.x509_names import MAX_NAMES, NameConstraints, Names, folded, forbidden_name
from tests.x509 import Issuer

ROOT = Issuer.root()


def directory(*values: str) -> x509.Name:
    oids = (NameOID.ORGANIZATION_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME, NameOID.COMMON_NAME)
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in zip(oids, values, strict=False)])


def constraints(
    permitted: Sequence[x509.GeneralName] = (), excluded: Sequence[x509.GeneralName] = ()
) -> NameConstraints:
    """Return name constraints that went through a certificate."""
    extension = x509.NameConstraints(permitted or None, excluded or None)
    found = ROOT.intermediate("middle", constraints=extension).certificate.name_constraints
    assert found is not None
    return found


def names(**said: Any) -> Names:  # noqa: ANN401  # any field of Said
    return ROOT.leaf(**{"common_names": (), **said}).certificate.names


DNS, MAIL, URI = x509.DNSName, x509.RFC822Name, x509.UniformResourceIdentifier

# base, what is within it, what is not
BASES: dict[str, tuple[x509.GeneralName, list[dict[str, Any]], list[dict[str, Any]]]] = {
    "a host and what is below it": (
        DNS("acme.example"),
        [{"dns": [name]} for name in ("acme.example", "a.b.acme.example", "ACME.example", "*.acme.example")],
        [{"dns": [name]} for name in ("example", "notacme.example", "acme.example.org", "*.example")],
    ),
    "only what is below": (DNS(".acme.example"), [{"dns": ["a.acme.example"]}], [{"dns": ["acme.example"]}]),
    "a common name that looks like a host": (
        DNS("acme.example"),
        [{"common_names": ["build.acme.example"]}, {"common_names": ["alice"]}],
        [{"common_names": ["build.other.example"]}],
    ),
    "a mailbox": (
        MAIL("alice@acme.example"),
        [{"emails": ["alice@acme.example"]}, {"emails": ["alice@ACME.example"]}],
        [{"emails": ["bob@acme.example"]}, {"emails": ["alice@a.acme.example"]}],
    ),
    "mailboxes of a host": (
        MAIL("acme.example"),
        [{"emails": ["alice@acme.example"]}],
        [{"emails": ["alice@a.acme.example"]}, {"emails": ['"x@acme.example"@other.example']}],
    ),
    "mailboxes of hosts below": (
        MAIL(".acme.example"),
        [{"emails": ["alice@a.acme.example"]}],
        [{"emails": ["alice@acme.example"]}],
    ),
    "a mailbox in the subject": (
        MAIL("acme.example"),
        [{"attributes": [(NameOID.EMAIL_ADDRESS, "alice@acme.example")]}],
        [{"attributes": [(NameOID.EMAIL_ADDRESS, "alice@other.example")]}],
    ),
    "a common name that looks like a mailbox": (
        MAIL("acme.example"),
        [{"common_names": ["alice@acme.example"]}],
        [{"common_names": ["alice@other.example"]}],
    ),
    "URIs of a host": (
        URI("acme.example"),
        [{"uris": ["spiffe://acme.example/build"]}, {"uris": ["https://acme.example:443?x#y"]}],
        [{"uris": ["spiffe://a.acme.example/build"]}, {"uris": ["spiffe://other.example/acme.example"]}],
    ),
    "URIs of hosts below": (
        URI(".acme.example"),
        [{"uris": ["spiffe://a.acme.example"]}],
        [{"uris": ["spiffe://acme.example"]}, {"uris": ["spiffe://notacme.example"]}],
    ),
    "the beginning of a subject": (
        x509.DirectoryName(directory("Acme")),
        [{"organizations": ["Acme"], "common_names": ["alice"]}, {"organizations": ["ACME"]}],
        [{"organizations": ["Acme Inc"]}, {"common_names": ["alice"]}],
    ),
    "a directory name beside the subject": (
        x509.DirectoryName(directory("Acme")),
        [{"others": [x509.DirectoryName(directory("Acme", "Build"))]}],
        [{"others": [x509.DirectoryName(directory("Other"))]}],
    ),
    "addresses of a network": (
        x509.IPAddress(ipaddress.ip_network("10.0.0.0/8")),
        [{"addresses": ["10.1.2.3"]}],
        [{"addresses": ["11.1.2.3"]}],
    ),
}
CASES = [
    pytest.param(base, said, within, id=f"{name}: {said}")
    for name, (base, inside, outside) in BASES.items()
    for said, within in [*((each, True) for each in inside), *((each, False) for each in outside)]
]


@pytest.mark.parametrize(("base", "said", "within"), CASES)
def test_names_within_a_permitted_subtree_are_allowed_and_no_others(
    base: x509.GeneralName, said: dict[str, Any], within: bool
) -> None:
    assert (forbidden_name(constraints(permitted=[base]), names(**said)) == "") is within


DOUBTFUL = [{"dns": ["*.example"]}, {"emails": ['"x@acme.example"@other.example']}]
NEUTRAL = [{"common_names": ["alice"]}]


@pytest.mark.parametrize(("base", "said", "within"), CASES)
def test_names_within_an_excluded_subtree_are_forbidden_and_those_in_doubt(
    base: x509.GeneralName, said: dict[str, Any], within: bool
) -> None:
    allowed = forbidden_name(constraints(excluded=[base]), names(**said)) == ""

    if said in DOUBTFUL:
        assert not allowed
    elif said not in NEUTRAL or isinstance(base, x509.DirectoryName):
        assert allowed is not within
    else:
        assert allowed


@pytest.mark.parametrize(
    "said",
    [
        {"uris": ["urn:acme:build"]},
        {"uris": ["spiffe://acme.example@other.example/x"]},
        {"uris": ["spiffe://[::1]/x"]},
        {"emails": ["acme.example"]},
    ],
    ids=str,
)
def test_name_without_a_plain_host_is_neither_permitted_nor_spared(said: dict[str, Any]) -> None:
    for base in (URI("acme.example"), MAIL("acme.example")):
        kind = "uris" if isinstance(base, URI) else "emails"
        if kind in said:
            assert forbidden_name(constraints(permitted=[base]), names(**said))
            assert forbidden_name(constraints(excluded=[base]), names(**said))


def test_case_before_the_at_is_not_sure() -> None:
    base = MAIL("Alice@acme.example")

    assert forbidden_name(constraints(permitted=[base]), names(emails=["Alice@acme.example"])) == ""
    assert forbidden_name(constraints(permitted=[base]), names(emails=["alice@acme.example"]))
    assert forbidden_name(constraints(excluded=[base]), names(emails=["alice@acme.example"]))


def test_names_of_other_kinds_are_not_concerned() -> None:
    found = constraints(permitted=[URI("acme.example")])

    assert forbidden_name(found, names(dns=["other.example"], emails=["a@other.example"])) == ""
    assert "'spiffe://other.example'" in forbidden_name(found, names(uris=["spiffe://other.example"]))


def test_exclusion_counts_more_than_permission() -> None:
    found = constraints(permitted=[DNS("example")], excluded=[DNS("acme.example")])

    assert forbidden_name(found, names(dns=["other.example"])) == ""
    assert forbidden_name(found, names(dns=["build.acme.example"])) == "the dns name 'build.acme.example'"


def test_constraint_of_a_kind_that_is_not_read_forbids_everything() -> None:
    found = constraints(permitted=[x509.RegisteredID(x509.ObjectIdentifier("1.2.3"))])

    assert "of a kind that is not read here" in forbidden_name(found, Names())


def test_too_many_names_are_refused() -> None:
    assert len(names(dns=[f"a{number}.example" for number in range(MAX_NAMES)]).dns_names) == MAX_NAMES
    with pytest.raises(FormatError, match=f"at most {MAX_NAMES} names"):
        names(dns=[f"a{number}.example" for number in range(MAX_NAMES + 1)])


def test_too_many_constraints_are_refused() -> None:
    bases = [DNS(f"a{number}.example") for number in range(MAX_NAMES + 1)]
    assert len(constraints(permitted=bases[:-1]).permitted) == MAX_NAMES
    with pytest.raises(FormatError, match=f"at most {MAX_NAMES} names"):
        constraints(permitted=bases)


def test_personal_names_are_all_but_organizations_in_one_spelling() -> None:
    found = names(
        common_names=["Alice  Archer"],
        organizations=["Acme"],
        emails=["Alice@Acme.example"],
        dns=["Build.acme.example"],
        uris=["spiffe://acme.example/Build"],
    )

    assert found.personal == {
        "cn:alice archer",
        "email:alice@acme.example",
        "dns:build.acme.example",
        "uri:spiffe://acme.example/build",
    }


def test_folding_joins_what_people_take_for_the_same() -> None:
    assert folded("\N{LATIN SMALL LETTER E WITH ACUTE}") == folded("E\N{COMBINING ACUTE ACCENT}")
    assert folded("\N{FULLWIDTH LATIN SMALL LETTER A}lice") == "alice"
    assert folded("alice") != folded("alicia")
