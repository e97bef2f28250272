from __future__ import annotations

import copy
import pickle
import time
from collections.abc import Iterator, Sequence

import pytest

from custody.rules.artifacts import Digests
from custody.rules.digests import Comparison
from custody.rules.engine import Item, Sides
from custody.rules.variants import Rule
from custody.verdict import ArtifactFinding, Finding, Reason, Severity
from custody.verification import rulings
from custody.verification.place import MAX_SEARCHES
from custody.verification.rulings import MAX_LOOKED_UP, MAX_NAME, Ruling, rule_on, seen_at
from tests.simulator import Simulator, digests, hashed, rules

WRITE = Sides(materials={}, products=hashed({"src/a": "1", "src/b": "2"}))


def ruled(*texts: str, materials: dict[str, str] | None = None, products: dict[str, str] | None = None) -> Ruling:
    """Return the ruling on the products of a step `build`, or on its materials if it has no products."""
    sides = Sides(materials=hashed(materials or {}), products=hashed(products or {}))
    item = Item(
        name="build",
        sides=sides,
        side="materials" if products is None else "products",
        links={"write": WRITE, "build": sides},
    )
    return rule_on(rules(texts), item, "step 'build'", strict=False)


def only(ruling: Ruling, reason: Reason) -> Finding:
    (finding,) = (finding for finding in ruling.findings if finding.rejects)
    assert finding.reason is reason
    return finding


def explained(*texts: str, materials: dict[str, str] | None = None, products: dict[str, str] | None = None) -> str:
    """Return why the first artifact was not accepted."""
    ruling = ruled(*texts, "DISALLOW *", materials=materials, products=products)
    (finding,) = (finding for finding in ruling.findings if finding.rejects)
    return finding.artifacts[0].explanation


MATCH = "MATCH src/* WITH PRODUCTS FROM write"


def test_an_artifact_that_differs_says_what_was_expected_and_found_and_where_that_was_seen() -> None:
    good = ruled(MATCH, "DISALLOW *", materials={"src/a": "1"})
    assert good.findings == ()
    finding = only(ruled(MATCH, "DISALLOW *", materials={"src/a": "2"}), Reason.MATERIAL_DIFFERS)
    assert finding.rule == "DISALLOW *"
    assert finding.subject == "step 'build'"
    assert finding.artifacts == (
        ArtifactFinding(
            name="src/a",
            expected=digests("1"),
            found=digests("2"),
            explanation="differs from the products of 'write'",
            last_seen="the products of 'write' as 'src/b'",
        ),
    )


def test_products_have_reasons_of_their_own() -> None:
    only(ruled(MATCH, "DISALLOW *", products={"src/a": "2"}), Reason.PRODUCT_DIFFERS)
    only(ruled(MATCH, "DISALLOW *", products={"other": "2"}), Reason.PRODUCT_DISALLOWED)
    only(ruled(MATCH, "DISALLOW *", materials={"other": "2"}), Reason.MATERIAL_DISALLOWED)


def test_differing_and_foreign_artifacts_of_one_failure_are_told_apart() -> None:
    ruling = ruled(MATCH, "DISALLOW *", materials={"src/a": "2", "other": "2"})
    assert {finding.reason for finding in ruling.findings if finding.rejects} == {
        Reason.MATERIAL_DIFFERS,
        Reason.MATERIAL_DISALLOWED,
    }


@pytest.mark.parametrize(
    ("texts", "materials", "products", "said"),
    [
        ([], {"a": "1"}, None, "no rule before it speaks about it"),
        (["MATCH * WITH PRODUCTS FROM nobody"], {"a": "1"}, None, "there is no link of step 'nobody'"),
        ([MATCH], {"src/c": "1"}, None, "'src/c' is not among the products of 'write'"),
        (["MATCH * IN lib WITH PRODUCTS IN src FROM write"], {"lib/c": "1"}, None, "'src/c' is not among"),
        (["CREATE a"], {"a": "1"}, {"a": "1"}, "'CREATE a' does not hold: it was there before"),
        (["DELETE a"], {"a": "1"}, {"a": "1"}, "'DELETE a' does not hold: it is still there"),
        (["MODIFY a"], {"a": "1"}, {"a": "1"}, "'MODIFY a' does not hold: it is the same before and after"),
        (["MODIFY a"], {}, {"a": "1"}, "'MODIFY a' does not hold: it is not both among"),
        (["CREATE b", "ALLOW c"], {}, {"a": "1"}, "no rule before it speaks about it"),
    ],
)
def test_an_artifact_that_no_rule_accepted_says_which_rule_came_closest(
    texts: list[str], materials: dict[str, str], products: dict[str, str] | None, said: str
) -> None:
    assert said in explained(*texts, materials=materials, products=products)


def test_a_match_that_found_it_differing_counts_more_than_one_that_found_nothing() -> None:
    texts = (MATCH, "MATCH * WITH PRODUCTS FROM nobody", "DISALLOW *")
    finding = only(ruled(*texts, materials={"src/a": "2"}), Reason.MATERIAL_DIFFERS)
    assert finding.artifacts[0].expected == digests("1")


def test_digests_that_cannot_be_compared_are_said_to_be_so() -> None:
    sides = Sides(materials={"src/a": {"sha512": "ab" * 64}})
    item = Item(name="build", sides=sides, side="materials", links={"write": WRITE})
    finding = only(rule_on(rules([MATCH, "DISALLOW *"]), item, "step", strict=False), Reason.MATERIAL_DIFFERS)
    assert "both must have the digests sha256" in finding.artifacts[0].explanation


def test_require_says_whether_the_artifact_is_missing_or_was_consumed() -> None:
    assert not ruled("REQUIRE a", "ALLOW *", products={"a": "1"}).findings
    missing = only(ruled("REQUIRE b", products={"a": "1"}), Reason.ARTIFACT_REQUIRED)
    assert "'b' is not among the products" in missing.message
    consumed = only(ruled("ALLOW *", "REQUIRE a", products={"a": "1"}), Reason.ARTIFACT_REQUIRED)
    assert "already consumed by 'ALLOW *'" in consumed.message
    assert "put it first" in consumed.message


def test_an_idle_rule_is_a_note_and_on_demand_a_rejection() -> None:
    item = Item(name="build", sides=WRITE, side="products", links={"build": WRITE})
    for strict, severity in ((False, Severity.NOTE), (True, Severity.REJECTION)):
        (finding,) = rule_on(rules(["ALLOW nothing", "ALLOW *"]), item, "step", strict=strict).findings
        assert (finding.reason, finding.severity, finding.rule) == (Reason.RULE_IDLE, severity, "ALLOW nothing")
    assert not rule_on(rules(["ALLOW *", "DISALLOW *"]), item, "step", strict=True).findings


def chain_of(*names: str, content: str) -> dict[str, Sides]:
    return {name: Sides(materials={}, products=hashed({f"by-{name}": content})) for name in names}


def test_last_seen_is_the_nearest_before_and_else_the_nearest_after() -> None:
    links = chain_of("one", "two", "three", "four", content="x")

    def where(name: str) -> str:
        return seen_at(digests("x"), Item(name=name, sides=Sides(materials={}), side="products", links=links))

    assert where("three") == "the products of 'two' as 'by-two'"
    assert where("one") == "the products of 'two' as 'by-two'"
    assert where("") == "the products of 'four' as 'by-four'"
    item = Item(name="two", sides=Sides(materials={}), side="products", links=links)
    assert seen_at(digests("y"), item) == ""
    assert seen_at({"md5": "00"}, item) == ""


def test_artifacts_that_links_share_are_looked_through_once() -> None:
    class Counted(dict[str, Digests]):
        looks = 0

        def __iter__(self) -> Iterator[str]:
            type(self).looks += 1
            return super().__iter__()

    shared = Counted(hashed({"src/a": "1"}))
    sides = Sides(materials=shared, products=shared)
    item = Item(name="last", sides=sides, side="materials", links={"one": sides, "two": sides, "last": sides})
    assert seen_at(digests("1"), item) == "the products of 'two' as 'src/a'"
    assert Counted.looks == 1
    assert seen_at(digests("2"), item) == ""
    assert Counted.looks == 2


def test_artifacts_of_several_matches_that_differ_are_told_from_those_that_none_found() -> None:
    two = Sides(materials=hashed({"c": "1", "d": "1"}), products={})
    sides = Sides(materials=hashed({"src/a": "2", "c": "2", "d": "2", "e": "2"}))
    item = Item(name="build", sides=sides, side="materials", links={"write": WRITE, "two": two, "build": sides})
    narrow = (MATCH, "MATCH [cd] WITH MATERIALS FROM two", "ALLOW d", "DISALLOW [!e]*", "DISALLOW *")
    (finding,) = (f for f in rule_on(rules(narrow), item, "step 'build'", strict=False).findings if f.rejects)
    assert (finding.reason, [a.name for a in finding.artifacts]) == (Reason.MATERIAL_DIFFERS, ["c", "src/a"])
    wide = (MATCH, "MATCH [cd] WITH MATERIALS FROM two", "DISALLOW *")
    differing, foreign = (f for f in rule_on(rules(wide), item, "step 'build'", strict=False).findings if f.rejects)
    assert [a.name for a in differing.artifacts] == ["c", "d", "src/a"]
    assert [a.name for a in foreign.artifacts] == ["e"]


def test_products_are_looked_through_before_materials() -> None:
    links = {"one": Sides(materials=hashed({"in": "x"}), products=hashed({"out": "x"}))}
    item = Item(name="two", sides=Sides(materials={}), side="products", links=links)
    assert seen_at(digests("x"), item) == "the products of 'one' as 'out'"


def test_every_digest_has_to_agree_with_what_was_seen() -> None:
    links = {"one": Sides(materials={}, products={"a": {**digests("x"), "sha512": "ab" * 64}})}
    item = Item(name="two", sides=Sides(materials={}), side="products", links=links)
    assert seen_at({**digests("x"), "sha512": "AB" * 64}, item)
    assert not seen_at({**digests("x"), "sha512": "cd" * 64}, item)
    both = item.replace(comparison=Comparison(pinned=frozenset({"sha256", "sha512"})))
    assert seen_at({**digests("x"), "sha512": "ab" * 64}, both)
    assert not seen_at(digests("x"), both)


def test_only_the_first_artifacts_of_a_failure_are_looked_up() -> None:
    many = {f"new/{n:03}": "1" for n in range(MAX_LOOKED_UP + 5)}
    finding = only(ruled("DISALLOW *", materials=many), Reason.MATERIAL_DISALLOWED)
    assert len(finding.artifacts) == len(many)
    assert [bool(a.last_seen) for a in finding.artifacts] == [n < MAX_LOOKED_UP for n in range(len(many))]


def test_only_artifacts_that_are_looked_at_are_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    explained: list[str] = []
    trace_back = rulings._trace_back

    def counting(names: Sequence[str], tried: Sequence[Rule], item: Item) -> list[ArtifactFinding]:
        explained.extend(names)
        return trace_back(names, tried, item)

    monkeypatch.setattr(rulings, "_trace_back", counting)
    many = {f"new/{n:03}": "1" for n in range(300)} | {f"src/{n:03}": "1" for n in range(200)}
    there = Sides(materials={}, products=hashed({name: "2" for name in many if name.startswith("src/")}))
    sides = Sides(materials=hashed(many))
    item = Item(name="build", sides=sides, side="materials", links={"write": there, "build": sides})
    differing, foreign = rule_on(rules([MATCH, "DISALLOW *"]), item, "step", strict=False).findings[1:]
    assert (differing.reason, foreign.reason) == (Reason.MATERIAL_DIFFERS, Reason.MATERIAL_DISALLOWED)
    assert (len(differing.artifacts), len(foreign.artifacts)) == (200, 300)
    assert differing.message.startswith("200 materials are not what another step recorded")
    assert foreign.message.startswith("300 materials are not accepted")
    assert explained == []
    assert [artifact.name for artifact in foreign.artifacts[:5]] == [f"new/{n:03}" for n in range(5)]
    assert len(explained) == MAX_LOOKED_UP
    assert foreign.artifacts[:MAX_LOOKED_UP][-1].name == "new/019"
    assert len(explained) == MAX_LOOKED_UP
    assert foreign.artifacts[-1].name == "new/299"
    assert len(explained) == MAX_LOOKED_UP + 1


def test_artifacts_of_a_failure_are_a_sequence_like_any_other() -> None:
    many = {f"new/{n:03}": "1" for n in range(MAX_LOOKED_UP + 5)}
    one, other = (only(ruled("DISALLOW *", materials=many), Reason.MATERIAL_DISALLOWED) for _ in range(2))
    everything = tuple(one.artifacts)
    assert [artifact.name for artifact in everything] == sorted(many)
    for part in (slice(3), slice(3, 23), slice(None, None, -2), slice(22, None), slice(5, 2)):
        assert one.artifacts[part] == everything[part]
    assert [one.artifacts[n] for n in range(len(many))] == list(everything)
    assert one.artifacts[-1] == everything[-1]
    assert one == other == one.replace(artifacts=everything)
    assert one != only(ruled("DISALLOW *", materials={**many, "new/000": "2"}), Reason.MATERIAL_DISALLOWED)
    assert pickle.loads(pickle.dumps(one)) == copy.deepcopy(one) == one  # noqa: S301  # its own
    with pytest.raises(IndexError):
        one.artifacts[len(many)]


def test_an_explanation_is_about_the_chain_as_it_was_when_the_rule_failed() -> None:
    sides = Sides(materials=hashed({"a": "1"}))
    known = {"build": sides}
    item = Item(name="build", sides=sides, side="materials", links=known)
    finding = only(rule_on(rules(["DISALLOW *"]), item, "step", strict=False), Reason.MATERIAL_DISALLOWED)
    known["later"] = Sides(materials=hashed({"a": "1"}))
    assert finding.artifacts[0].last_seen == ""


def test_only_so_many_failures_are_looked_up() -> None:
    chain = Simulator()
    for number in range(MAX_SEARCHES + 5):
        chain.step(f"s{number}", "alice", products={"a": "1"}, expected_products=["DISALLOW *"])
    rejections = chain.judge().rejections
    assert len(rejections) == MAX_SEARCHES + 5
    # Each step has two lists of rules, of which only one fails here.
    assert sum(bool(finding.artifacts[0].last_seen) for finding in rejections) == MAX_SEARCHES


def test_a_name_of_megabytes_is_cut_in_messages() -> None:
    name = "x" * 1_000_000
    for texts in (["DISALLOW *"], ["MATCH * WITH PRODUCTS FROM write", "DISALLOW *"]):
        for finding in ruled(*texts, materials={name: "1"}).findings:
            assert len(finding.message) < MAX_NAME + 200
            assert all(len(a.explanation) < MAX_NAME + 200 for a in finding.artifacts)


def test_a_hundred_thousand_artifacts_that_fail_take_seconds_not_hours() -> None:
    many = {f"src/{n}": "x" for n in range(100_000)}
    texts = [f"MATCH *{n} WITH PRODUCTS FROM write" for n in range(10)]
    before = time.process_time()
    finding = only(ruled(*texts, "DISALLOW *", materials=many), Reason.MATERIAL_DISALLOWED)
    assert time.process_time() - before < 30
    assert len(finding.artifacts) == 100_000
