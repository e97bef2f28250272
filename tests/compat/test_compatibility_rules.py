# ruff: noqa: N802  # tests are named for the rows of docs/explanation/compatibility.md
"""Rows of the compatibility page: patterns, paths, prefixes and digests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from custody.models.link import Link
from tests.compat.sides import new_chain
from tests.simulator import Simulator, digests

if TYPE_CHECKING:
    from tests.compat.sides import Place

SHA256, SHA512 = digests("1")["sha256"], "ab" * 64


def one_step(*expected_products: str, products: dict[str, str]) -> Simulator:
    """Return a chain of one step of alice's with these rules and products."""
    chain = new_chain()
    chain.step("make", "alice", products=products, expected_products=expected_products)
    return chain


def with_rules(chain: Simulator, *rules: str) -> Simulator:
    """Return the chain with `rules`, which custody may refuse to write, in place of those of its first step."""

    def change(document: dict[str, Any]) -> None:
        document["steps"][0]["expected_products"] = [rule.split() for rule in rules]

    chain.document_changes.append(change)
    return chain


REFUSED = {"[^a]*": "[!a]*", "a\\b": "a[!a-z]b", "[z-a]*": "[a-z]*", "./app": "app", "lib//*": "lib/*", "a[": "a[[]"}
"""Patterns that verifiers read differently, each with one that they read alike."""


@pytest.mark.parametrize("pattern", REFUSED)
def test_D6_a_pattern_that_verifiers_read_differently_is_refused(place: Place, pattern: str) -> None:
    chain = one_step(products={"app": "1"})
    place.expect(with_rules(chain, f"ALLOW {pattern}", "ALLOW *"), here=1, there=0, says="expected_products[0]")
    place.expect(with_rules(chain, f"ALLOW {REFUSED[pattern]}", "ALLOW *"), here=0, there=0)


def test_GHSA_pmwq_an_exclamation_mark_negates_for_everybody(place: Place) -> None:
    chain = one_step(products={"abc": "1"})
    place.expect(with_rules(chain, "DISALLOW [!a]*"), here=0, there=0)
    chain.perform("make", "alice", products={"xyz": "1"})
    place.expect(chain, here=1, there=1, says="'DISALLOW [!a]*' matched the following artifacts: ['xyz']")


PATHS = ["dir/../foo", "./foo", "foo/", "//foo", "dir//foo"]


@pytest.mark.parametrize("path", PATHS)
def test_D7_a_path_written_another_way_does_not_pass_a_rule(place: Place, path: str) -> None:
    chain = one_step("DISALLOW foo", products={"bar": "1"})
    place.expect(chain, here=0, there=0)
    chain.perform("make", "alice", products={path: "1"})
    place.expect(chain, here=1, there=0, says="ThresholdVerificationError")
    if place.is_here:
        (place.final / "bar").write_text("1")
        line = f"-n make --signing-key {place.key('alice')} -d ../links -p ./bar -x"
        assert place.command("in-toto-run", *line.split()).code == 0
        assert place.verify().code == 0


@pytest.mark.parametrize(
    "rule", ["MATCH * IN {} WITH PRODUCTS FROM write", "MATCH lib/* WITH PRODUCTS IN {} FROM write"]
)
@pytest.mark.parametrize("prefix", ["lib/", "./lib", "lib//"])
def test_D7_a_prefix_is_written_one_way_too(place: Place, rule: str, prefix: str) -> None:
    made = "a" if rule.startswith("MATCH * IN") else "lib/lib/a"

    def change(document: dict[str, Any]) -> None:
        document["steps"][1]["expected_materials"][0] = rule.format(prefix).split()

    for used, tidy in (("1", 0), ("2", 1)):
        chain = matching(rule.format("lib"), {made: "1"}, {"lib/a": used})
        place.expect(chain, here=tidy, there=tidy)
        chain.document_changes.append(change)
        there = tidy if prefix == "lib/" else 1  # the others match nothing
        place.expect(chain, here=1, there=there, says=f"got '{prefix}'; write 'lib'")


def test_CVE_2021_41087_a_detour_does_not_pass_disallow(place: Place) -> None:
    chain = one_step("CREATE app", "DISALLOW foo", products={"app": "1"})
    place.expect(chain, here=0, there=0)
    for path, there in (("foo", 1), ("dir/../foo", 0)):
        chain.perform("make", "alice", products={"app": "1", path: "1"})
        place.expect(chain, here=1, there=there)


def matching(rule: str, made: dict[str, str], used: dict[str, str]) -> Simulator:
    """Return a chain in which bob may use nothing but what `rule` ties to alice's products."""
    chain = new_chain()
    chain.step("write", "alice", products=made)
    chain.step("build", "bob", materials=used, expected_materials=[rule, "DISALLOW *"])
    return chain


def test_D8_a_prefix_is_a_directory(place: Place) -> None:
    rule = "MATCH * IN lib WITH PRODUCTS FROM write"
    place.expect(matching(rule, {"a": "1"}, {"lib/a": "1"}), here=0, there=0)
    place.expect(matching(rule, {"a": "1"}, {"a": "1"}), here=1, there=1)
    place.expect(matching(rule, {"a": "1"}, {"library/a": "1"}), here=1, there=1)


@pytest.mark.parametrize("rule", ["MATCH * IN . WITH PRODUCTS FROM write", "MATCH * WITH PRODUCTS IN . FROM write"])
def test_D9_a_prefix_that_is_the_current_directory_changes_nothing(place: Place, rule: str) -> None:
    def change(document: dict[str, Any]) -> None:
        document["steps"][1]["expected_materials"][0] = rule.split()

    for used, here in (("1", 0), ("2", 1)):
        chain = matching("MATCH * WITH PRODUCTS FROM write", {"a": "1"}, {"a": used})
        place.expect(chain, here=here, there=here)
        chain.document_changes.append(change)
        place.expect(chain, here=here, there=1, refuses="RuleVerificationError")


def test_D10_a_prefix_does_not_lead_to_an_absolute_path(place: Place) -> None:
    rule = "MATCH * IN lib WITH PRODUCTS FROM write"
    place.expect(matching(rule, {"abs": "1"}, {"lib/abs": "1"}), here=0, there=0)
    place.expect(
        matching(rule, {"/abs": "1"}, {"lib//abs": "1"}),
        here=1,
        there=1,
        says="ThresholdVerificationError",
        refuses="KeyError",
    )
    both = matching(rule, {"/abs": "1"}, {"lib//abs": "2", "/abs": "1"})
    place.expect(both, here=1, there=1, refuses="matched the following artifacts: ['lib//abs']")


def comparing(made: dict[str, str], used: dict[str, str]) -> Simulator:
    """Return a chain in which bob has to use alice's product, with these digests."""
    chain = matching("MATCH * WITH PRODUCTS FROM write", {}, {})
    chain.put("write", "alice", Link(name="write").replace(products={"a": made}).document())
    chain.put("build", "bob", Link(name="build").replace(materials={"a": used}).document())
    return chain


def test_D11_no_digest_is_equal_to_nothing(place: Place) -> None:
    place.expect(comparing({"sha256": SHA256}, {"sha256": SHA256}), here=0, there=0)
    place.expect(comparing({}, {}), here=1, there=0)
    place.expect(comparing({"md5": "00"}, {"md5": "00"}), here=1, there=0)


def test_D11_digests_are_compared_by_what_both_have(place: Place) -> None:
    place.expect(comparing({"sha256": SHA256}, {"sha256": SHA256.upper()}), here=0, there=1)
    place.expect(comparing({"sha256": SHA256}, {"sha256": SHA256, "sha512": SHA512}), here=0, there=1)
    place.expect(comparing({"sha256": SHA256}, {"sha256": "0" * 64}), here=1, there=1)


def test_D11_other_digests_than_sha256_are_chosen(place: Place) -> None:
    place.expect(comparing({"sha512": SHA512}, {"sha512": SHA512}), here=1, there=0)
    if place.is_here:
        assert place.remedy("--hash sha512") == 0


def test_D27_a_rule_that_takes_nothing_passes_unless_strictness_is_demanded(place: Place) -> None:
    for products, strict in (({"app": "1"}, 0), ({}, 1)):
        place.expect(one_step("CREATE app", "DISALLOW *", products=products), here=0, there=0)
        if place.is_here:
            assert place.remedy("--strict") == strict


@pytest.mark.parametrize("count", [20, 21])
def test_X21_a_rule_that_fails_names_the_first_artifacts(place: Place, count: int) -> None:
    names = [f"made-{number:02}" for number in range(count)]
    chain = one_step("ALLOW none", "DISALLOW *", products=dict.fromkeys(names, "1"))
    ran = place.expect(chain, here=1, there=1, says=f"matched the following artifacts: {names[:20]}")
    first = ran.err.splitlines()[0]
    assert [name for name in names if name in first] == (names[:20] if place.is_here else names)
    assert first.endswith(" and 1 more") is (place.is_here and count > 20)
