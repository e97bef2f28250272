# ruff: noqa: N802  # tests are named for the rows of `test_defects.py`
"""Known defects of other implementations: patterns, paths, prefixes, digests. The table is in `test_defects.py`."""

from __future__ import annotations

from typing import Any

import pytest

from custody.errors import FormatError
from custody.models.link import Link
from custody.rules.artifacts import Artifacts
from custody.verdict import Reason, Severity
from custody.verification.case import Demands
from tests.simulator import Simulator, digests, hashed, two_steps


def one_step(*expected_products: str, products: dict[str, str]) -> Simulator:
    chain = Simulator()
    chain.step("make", "alice", products=products, expected_products=expected_products)
    return chain


def with_rule(chain: Simulator, rule: list[str]) -> Simulator:
    """Return the chain with `rule`, as JSON, at the end of its first step's product rules."""

    def change(document: dict[str, Any]) -> None:
        document["steps"][0]["expected_products"].append(rule)

    chain.document_changes.append(change)
    return chain


AMBIGUOUS = ["[^a]*", "a\\*", "[a", "a[", "[z-a]", "[a-c-e]", "[[:alpha:]]", "a[]", "[!]"]


UNTIDY = ["./a", "a/", "a//b", "a/./b", "a/../b", "//a", "*/"]


@pytest.mark.parametrize("keyword", ["ALLOW", "DISALLOW", "CREATE", "DELETE", "MODIFY"])
@pytest.mark.parametrize("pattern", AMBIGUOUS + UNTIDY)
def test_D6_a_pattern_that_verifiers_read_differently_is_refused(keyword: str, pattern: str) -> None:
    chain = with_rule(one_step(products={}), [keyword, pattern])
    with pytest.raises(FormatError) as caught:
        chain.judge()
    assert caught.value.where == "steps[0].expected_products[0]"


@pytest.mark.parametrize("pattern", AMBIGUOUS)
def test_D6_the_literal_require_takes_any_name(pattern: str) -> None:
    chain = with_rule(one_step(products={pattern: "1"}), ["REQUIRE", pattern])
    chain.judge().require()
    chain.perform("make", "alice", products={"a": "1"})
    assert chain.judge().reasons == {Reason.ARTIFACT_REQUIRED}


def test_D6_an_exclamation_mark_negates() -> None:
    chain = one_step("DISALLOW [!a]*", products={"abc": "1"})
    chain.judge().require()
    chain.perform("make", "alice", products={"^bc": "1"})
    assert chain.judge().reasons == {Reason.PRODUCT_DISALLOWED}


def test_D6_a_pattern_is_tested_after_substitution() -> None:
    chain = one_step("CREATE {v}", products={"[a]": "1"})
    chain.parameters = {"v": "[a]"}
    chain.judge().require()
    chain.parameters = {"v": "a\\"}
    with pytest.raises(FormatError, match="backslash"):
        chain.judge()


@pytest.mark.parametrize(
    "path", ["dir/../foo", "./foo", "foo/", "//foo", "a//foo", "file:./foo", "", "a/.", "file:file:a"]
)
def test_D7_a_link_with_a_path_written_another_way_does_not_count(path: str) -> None:
    chain = one_step("DISALLOW foo", products={"bar": "1"})
    chain.judge().require()
    chain.perform("make", "alice", products={path: "1"})
    assert Reason.LINK_MALFORMED in chain.judge().reasons


@pytest.mark.parametrize("path", ["../src/a", "/abs/a", "file:a", "myapp:1.0.0", "dir:a/../b", "pkg:npm//x"])
def test_D7_a_normalised_path_and_a_registered_uri_count(path: str) -> None:
    chain = one_step("DISALLOW foo", products={path: "1"})
    chain.judge().require()
    chain.perform("make", "alice", products={path: "1", "foo": "1"})
    assert chain.judge().reasons == {Reason.PRODUCT_DISALLOWED}


def test_D7_a_path_with_and_without_file_is_one_path() -> None:
    chain = one_step("DISALLOW foo", products={"bar": "1"})
    chain.judge().require()
    chain.perform("make", "alice", products={"file:foo": "1"})
    assert chain.judge().reasons == {Reason.PRODUCT_DISALLOWED}
    chain.perform("make", "alice", products={"file:bar": "1", "bar": "1"})
    assert Reason.LINK_MALFORMED in chain.judge().reasons


def matching(rule: str, made: dict[str, str], used: dict[str, str]) -> Simulator:
    """Return a chain in which bob may use nothing but what `rule` ties to alice's products."""
    chain = Simulator()
    chain.step("write", "alice", products=made)
    chain.step("build", "bob", materials=used, expected_materials=[rule, "DISALLOW *"])
    return chain


def test_D8_only_artifacts_inside_the_source_prefix_are_consumed() -> None:
    rule = "MATCH * IN lib WITH PRODUCTS FROM write"
    matching(rule, {"a": "1"}, {"lib/a": "1"}).judge().require()
    assert matching(rule, {"a": "1"}, {"a": "1"}).judge().reasons == {Reason.MATERIAL_DISALLOWED}
    assert matching(rule, {"a": "1"}, {"library/a": "1"}).judge().reasons == {Reason.MATERIAL_DISALLOWED}


@pytest.mark.parametrize("rule", ["MATCH * IN . WITH PRODUCTS FROM write", "MATCH * WITH PRODUCTS IN . FROM write"])
def test_D9_in_the_current_directory_changes_nothing(rule: str) -> None:
    matching(rule, {"lib/a": "1"}, {"lib/a": "1"}).judge().require()
    assert matching(rule, {"lib/a": "1"}, {"a": "1"}).judge().reasons == {Reason.MATERIAL_DISALLOWED}


def test_D10_a_prefix_never_leads_to_an_absolute_path() -> None:
    rule = "MATCH * IN lib WITH PRODUCTS FROM write"
    matching(rule, {"abs": "1"}, {"lib/abs": "1"}).judge().require()
    assert matching(rule, {"/abs": "1"}, {"lib/abs": "1"}).judge().reasons == {Reason.MATERIAL_DISALLOWED}
    assert Reason.LINK_MALFORMED in matching(rule, {"/abs": "1"}, {"lib//abs": "1"}).judge().reasons
    uri = "MATCH * IN dir:lib WITH PRODUCTS FROM write"
    assert matching(uri, {"/abs": "1"}, {"dir:lib//abs": "1"}).judge().reasons == {Reason.MATERIAL_DISALLOWED}
    matching(uri, {"abs": "1"}, {"dir:lib/abs": "1"}).judge().require()


SHA256, SHA512 = digests("1")["sha256"], "ab" * 64


def compared(made: dict[str, str], used: dict[str, str], *, pinned: set[str] | None = None) -> set[Reason]:
    chain = matching("MATCH * WITH PRODUCTS FROM write", {}, {})
    _put(chain, "write", "alice", products={"a": made})
    _put(chain, "build", "bob", materials={"a": used})
    chain.demands = Demands(pinned=frozenset(pinned or {"sha256"}))
    return set(chain.judge().reasons)


def _put(chain: Simulator, step: str, who: str, **sides: Artifacts) -> None:
    chain.put(step, who, Link(name=step).replace(**sides).document())


def test_D11_digests_are_equal_whatever_the_case_and_with_algorithms_that_one_side_lacks() -> None:
    assert compared({"sha256": SHA256}, {"sha256": SHA256.upper()}) == set()
    assert compared({"sha256": SHA256}, {"sha256": SHA256, "sha512": SHA512}) == set()
    assert compared({"sha256": SHA256}, {"sha256": SHA256[:-1] + "0"}) == {Reason.MATERIAL_DIFFERS}


def test_D11_no_digest_at_all_is_equal_to_nothing() -> None:
    assert Reason.LINK_MALFORMED in compared({}, {})
    assert compared({"md5": "00"}, {"md5": "00"}) == {Reason.MATERIAL_DIFFERS}
    assert compared({"sha256": "00"}, {"sha256": "00"}) == {Reason.MATERIAL_DIFFERS}


def test_D11_every_pinned_algorithm_is_needed_on_both_sides() -> None:
    both = {"sha256": SHA256, "sha512": SHA512}
    pinned = {"sha256", "sha512"}
    assert compared(both, both, pinned=pinned) == set()
    assert compared(both, {"sha256": SHA256}, pinned=pinned) == {Reason.MATERIAL_DIFFERS}
    assert compared(both, {"sha256": SHA256}) == set()


def test_D11_another_algorithm_that_both_have_must_not_differ() -> None:
    assert compared({"sha256": SHA256, "sha512": SHA512}, {"sha256": SHA256, "sha512": SHA512}) == set()
    assert compared({"sha256": SHA256, "sha512": SHA512}, {"sha256": SHA256, "sha512": "00" * 64}) == {
        Reason.MATERIAL_DIFFERS
    }


def swapping(pinned: set[str]) -> Simulator:
    """Return a chain whose middle step goes from the SHA-256 of one content to the SHA-512 of another."""
    chain = Simulator()
    tied = ["MATCH a WITH PRODUCTS FROM {}", "DISALLOW *"]
    chain.step("one", "alice", perform=False)
    for step, before in (("two", "one"), ("three", "two")):
        chain.step(step, "bob", expected_materials=[text.format(before) for text in tied], perform=False)
    _put(chain, "one", "alice", products={"a": {"sha256": SHA256}})
    _put(chain, "two", "bob", materials={"a": {"sha256": SHA256}}, products={"a": {"sha512": SHA512}})
    _put(chain, "three", "bob", materials={"a": {"sha512": SHA512}})
    chain.demands = Demands(pinned=frozenset(pinned))
    return chain


@pytest.mark.parametrize("pinned", [{"sha256"}, {"sha512"}, {"sha256", "sha512"}])
def test_D11_a_step_in_the_middle_cannot_swap_content_between_algorithms(pinned: set[str]) -> None:
    chain = swapping(pinned)
    assert chain.judge().reasons == {Reason.MATERIAL_DIFFERS}
    both = {"a": {"sha256": SHA256, "sha512": SHA512}}
    _put(chain, "one", "alice", products=both)
    _put(chain, "two", "bob", materials=both, products=both)
    _put(chain, "three", "bob", materials=both)
    chain.judge().require()


def test_D11_modify_needs_digests_that_can_be_compared_and_differ() -> None:
    chain = Simulator()
    chain.step("edit", "alice", materials={"a": "1"}, products={"a": "2"}, expected_products=["MODIFY a", "DISALLOW *"])
    chain.judge().require()
    _put(chain, "edit", "alice", materials=hashed({"a": "1"}), products={"a": {"sha512": SHA512}})
    assert chain.judge().reasons == {Reason.PRODUCT_DISALLOWED}
    _put(chain, "edit", "alice", materials=hashed({"a": "1"}), products=hashed({"a": "1"}))
    assert chain.judge().reasons == {Reason.PRODUCT_DISALLOWED}


def test_D27_a_rule_that_consumes_nothing_is_a_finding_and_on_demand_a_rejection() -> None:
    chain = two_steps()
    chain.demands = Demands(strict=True)
    chain.judge().require()
    chain.perform("write", "alice", products={})
    chain.perform("build", "bob", products={"out": "2"})
    assert chain.judge().reasons == {Reason.RULE_IDLE}
    chain.demands = Demands()
    verdict = chain.judge().require()
    idle = [finding for finding in verdict.findings if finding.reason is Reason.RULE_IDLE]
    assert {finding.severity for finding in idle} == {Severity.NOTE}
    assert "CREATE src/*" in {finding.rule for finding in idle}
