from __future__ import annotations

import pytest

from custody.rules.engine import Sides
from custody.verdict import Finding, Reason, Severity
from custody.verification.case import Demands
from custody.verification.chain import MAX_SUBLAYOUT_DEPTH, Chain
from custody.verification.place import Pending, Place, Tree
from tests.simulator import AT, Simulator, actor, hashed, link_name, two_steps


def nested(depth: int) -> Simulator:
    """Return a chain with `depth` sublayouts in one another."""
    inner = Simulator()
    inner.step("leaf", "carol", products={"out": "1"})
    for level in range(depth):
        outer = Simulator()
        outer.step(f"level{level}", "bob", perform=False)
        outer.sublayout(f"level{level}", "bob", inner)
        inner = outer
    return inner


def test_sublayouts_nest_only_so_deep() -> None:
    nested(MAX_SUBLAYOUT_DEPTH).judge().require()
    verdict = nested(MAX_SUBLAYOUT_DEPTH + 1).judge()
    assert not verdict.accepted
    assert f"nest more than {MAX_SUBLAYOUT_DEPTH} deep" in verdict.rejections[0].message


def test_a_finding_in_a_sublayout_names_the_way_there() -> None:
    chain = nested(2)
    notes = [finding.subject for finding in chain.judge().require().findings]
    assert notes == ["step 'level1' > step 'level0' > layout", "step 'level1' > layout"]


def test_the_summary_is_of_the_first_materials_and_the_last_products() -> None:
    chain = Simulator()
    chain.step("one", "alice", materials={"a": "1"}, products={"b": "1"})
    chain.step("two", "bob", materials={"b": "1"}, products={"c": "1"})
    chain.perform("two", "bob", products={"c": "1"}, command=["make"], byproducts={"return-value": 0})
    summary = chain.judge().require().summary_link
    assert summary is not None
    assert (summary.materials, summary.products) == (hashed({"a": "1"}), hashed({"c": "1"}))
    assert (summary.command, summary.byproducts) == (("make",), {"return-value": 0})
    chain.at = chain.layout.expires
    assert chain.judge().summary_link is None


def test_the_summary_of_a_sublayout_is_what_rules_see() -> None:
    inner = Simulator()
    inner.step("one", "carol", materials={"a": "1"}, products={"b": "1"})
    inner.step("two", "carol", products={"c": "1"})
    for rule, accepted in (("ALLOW c", True), ("ALLOW b", False)):
        outer = Simulator()
        outer.step("build", "bob", expected_products=[rule, "DISALLOW *"], perform=False)
        outer.sublayout("build", "bob", inner)
        assert outer.judge().accepted is accepted


def test_a_step_without_rules_verified_is_not_called_verified() -> None:
    chain = two_steps()
    assert [step.verified for step in chain.judge().steps] == [True, True]
    chain.remove("build", "bob")
    write, build = chain.judge().steps
    assert (write.verified, write.link is not None, write.traces) == (False, True, ())
    assert (build.verified, build.link) == (False, None)


def test_a_step_whose_rules_fail_is_not_verified_and_the_others_are() -> None:
    chain = two_steps()
    chain.perform("build", "bob", products={"evil": "1"})
    assert [step.verified for step in chain.judge().steps] == [True, False]


@pytest.mark.parametrize("expected", [["make"], ["make", "all"]])
def test_another_command_than_expected_is_a_warning(expected: list[str]) -> None:
    chain = Simulator()
    chain.step("build", "bob", expected_command=expected)
    chain.perform("build", "bob", command=["make", "all"], byproducts={"return-value": 0})
    verdict = chain.judge().require()
    warnings = [finding for finding in verdict.findings if finding.reason is Reason.COMMAND_DIFFERS]
    assert bool(warnings) is (expected == ["make"])
    for finding in warnings:
        assert finding.severity is Severity.WARNING
        assert "`make all`, expected `make`" in finding.message


def test_the_command_of_every_functionary_who_counts_is_looked_at() -> None:
    chain = Simulator()
    chain.step("build", "alice", "bob", threshold=2, expected_command=["make"], perform=False)
    chain.perform("build", "alice", command=["make"], byproducts={"return-value": 0})
    chain.perform("build", "bob", command=[], byproducts={})
    verdict = chain.judge().require()
    (warning,) = (finding for finding in verdict.findings if finding.reason is Reason.COMMAND_DIFFERS)
    assert actor("bob").keyid[:8] in warning.message
    assert "no command" in warning.message


def test_a_step_without_a_command_has_no_status_to_demand() -> None:
    chain = Simulator()
    chain.step("sign-off", "alice")
    chain.demands = Demands(require_success=True)
    chain.judge().require()
    chain.perform("sign-off", "alice", command=["true"])
    assert chain.judge().reasons == {Reason.COMMAND_FAILED}


def test_a_functionary_without_a_key_is_a_warning() -> None:
    chain = two_steps()
    chain.document_changes.append(lambda document: document["steps"][0]["pubkeys"].insert(0, "nobody"))
    verdict = chain.judge().require()
    (warning,) = (finding for finding in verdict.findings if finding.reason is Reason.KEY_MISSING)
    assert "nobody" in warning.message
    chain.document_changes.append(lambda document: document["steps"][0].update(pubkeys=["nobody"]))
    assert Reason.KEY_NOT_AUTHORISED in chain.judge().reasons


def test_fields_to_ignore_are_those_of_the_layout_and_not_of_sublayouts() -> None:
    inner = two_steps()
    inner.document_changes.append(lambda document: document.update(note="x"))
    outer = Simulator()
    outer.step("all", "bob", perform=False)
    outer.sublayout("all", "bob", inner)
    outer.demands = Demands(ignore_fields=("note",))
    assert Reason.LINK_MALFORMED in outer.judge().reasons
    outer.document_changes.append(lambda document: document.update(note="x"))
    outer.remove("all", "bob")
    outer.sublayout("all", "bob", two_steps())
    outer.judge().require()


def test_demands_hold_inside_sublayouts() -> None:
    inner = Simulator()
    inner.step("compile", "carol", products={"out": "1"}, expected_products=["CREATE nothing", "ALLOW *"])
    outer = Simulator()
    outer.step("build", "bob", perform=False)
    outer.sublayout("build", "bob", inner)
    outer.judge().require()
    outer.demands = Demands(strict=True)
    assert Reason.SUBLAYOUT_REJECTED in outer.judge().reasons


def test_a_sublayout_is_judged_by_the_links_in_its_own_directory_only() -> None:
    inner = Simulator()
    inner.step("compile", "carol", products={"out": "1"})
    outer = Simulator()
    outer.step("build", "bob", perform=False)
    outer.sublayout("build", "bob", inner)
    outer.judge().require()
    carol = link_name("compile", actor("carol"))
    directory = link_name("build", actor("bob")).removesuffix(".link")
    outer.files[carol] = outer.files.pop(f"{directory}/{carol}")
    assert Reason.SUBLAYOUT_REJECTED in outer.judge().reasons


def place(tree: Tree, *lineage: tuple[str, str, str]) -> Place:
    return Place(evidence={}, at=AT, demands=Demands(), parameters={}, tree=tree, lineage=lineage)


def test_a_sublayout_that_does_not_count_is_forgotten_with_all_in_it() -> None:
    tree = Tree("root")
    one, inside, two = ("a", "1.link", "d1"), ("b", "2.link", "d2"), ("a", "3.link", "d3")
    for lineage in ((one,), (one, inside), (two,)):
        tree.met[lineage[-1][2]] = lineage
        layout = two_steps().layout
        tree.pending.append(Pending(layout=layout, links={}, place=place(tree, *lineage)))
    tree.forget((one,))
    assert set(tree.met) == {"root", "d3"}
    assert [pending.place.lineage for pending in tree.pending] == [(two,)]


def test_a_chain_is_sound_only_with_verified_steps_and_without_a_rejection() -> None:
    layout = two_steps().layout
    steps = two_steps().judge().steps
    finding = Finding(reason=Reason.DISSENT, severity=Severity.REJECTION, subject="x", message="y")
    assert Chain(layout=layout, findings=(), steps=steps).sound
    assert not Chain(layout=layout, findings=()).sound
    assert not Chain(layout=layout, findings=(finding,), steps=steps).sound
    assert not Chain(layout=layout, findings=(), steps=(steps[0].replace(verified=False),)).sound
    assert Sides(materials={}).of("products") == {}
