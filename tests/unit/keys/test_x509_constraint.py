from __future__ import annotations

from typing import Any

import pytest

from tests.x509 import Issuer, constraint

ROOT = Issuer.root()
NAMES: dict[str, Any] = {
    "common_names": ["alice"],
    "organizations": ["Acme"],
    "dns": ["alice.acme.example", "build.acme.example"],
    "emails": ["alice@acme.example"],
    "uris": ["spiffe://acme.example/build"],
}
ALICE = ROOT.leaf("alice", **NAMES).certificate
NAMELESS = ROOT.leaf("alice", common_names=()).certificate
EXACT = {
    "dns_names": ("build.acme.example", "alice.acme.example"),
    "emails": ("alice@acme.example",),
    "organizations": ("Acme",),
    "uris": ("spiffe://acme.example/build",),
}
KINDS = ("dns_names", "emails", "organizations", "uris")


def test_exact_names_meet_a_constraint_in_any_order() -> None:
    assert constraint("alice", **EXACT).unmet(ALICE) == ()


def test_wildcard_allows_any_name_and_none() -> None:
    assert constraint().unmet(ALICE) == constraint().unmet(NAMELESS) == ()


@pytest.mark.parametrize("kind", KINDS)
def test_each_list_is_demanded_whole(kind: str) -> None:
    wanted = EXACT[kind]

    (other,) = constraint("alice", **EXACT | {kind: ("other",)}).unmet(ALICE)
    assert other.startswith(f"{kind}: expected 'other', got '")
    (more,) = constraint("alice", **EXACT | {kind: (*wanted, "other")}).unmet(ALICE)
    assert "'other'" in more
    (none,) = constraint("alice", **EXACT | {kind: ()}).unmet(ALICE)
    assert none.startswith(f"{kind}: expected none, got '")
    (missing,) = constraint("", **dict.fromkeys(KINDS, ()) | {kind: ("other",)}).unmet(NAMELESS)
    assert missing == f"{kind}: expected 'other', got none"


def test_common_name_is_demanded_exactly() -> None:
    assert constraint("bob").unmet(ALICE) == ("common_name: expected 'bob', got 'alice'",)
    assert constraint("").unmet(ALICE) == ("common_name: expected none, got 'alice'",)
    assert constraint("ALICE").unmet(ALICE)
    assert constraint("").unmet(NAMELESS) == ()


def test_second_common_name_is_one_too_many() -> None:
    both = ROOT.leaf("alice", common_names=["mallory", "alice"]).certificate

    assert constraint("alice").unmet(both) == ("common_name: expected 'alice', got 'mallory', 'alice'",)
    assert constraint().unmet(both) == ()


@pytest.mark.parametrize("pattern", ["spiffe://acme.example/*", "*build", "**", "spiffe://acme.example/build/"])
def test_nothing_else_is_a_wildcard(pattern: str) -> None:
    assert constraint(uris=(pattern,)).unmet(ALICE)


def test_one_of_two_names_is_not_enough() -> None:
    assert constraint(dns_names=("build.acme.example",)).unmet(ALICE) == (
        "dns_names: expected 'build.acme.example', got 'alice.acme.example', 'build.acme.example'",
    )


def test_constraint_without_any_name_admits_whom_a_root_certified() -> None:
    assert constraint().any_name
    assert constraint("", uris=()).any_name
    assert not constraint("alice").any_name
    assert not constraint("", dns_names=(), emails=(), organizations=(), uris=()).any_name
    assert not constraint(organizations=("Acme",)).any_name


def test_personal_names_of_a_constraint_are_those_that_it_fixes() -> None:
    assert constraint("Alice", uris=("spiffe://acme.example/a",)).personal == {
        "cn:alice",
        "uri:spiffe://acme.example/a",
    }
    assert constraint(organizations=("Acme",)).personal == frozenset()


def test_document_has_every_field() -> None:
    assert constraint("alice", roots=("acme",), emails=()).document() == {
        "common_name": "alice",
        "dns_names": ["*"],
        "emails": [],
        "organizations": ["*"],
        "roots": ["acme"],
        "uris": ["*"],
    }
