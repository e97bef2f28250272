# ruff: noqa: N802  # tests are named for the rows of `test_defects.py`
"""Known defects of other implementations: whose links count, and whether they agree; see `test_defects.py`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from custody.keys.keyid import legacy_keyid_of
from custody.models.link import Link
from custody.verdict import Reason, Severity, Verdict
from custody.verification.case import Demands
from tests.simulator import FakeInspector, Simulator, actor, hashed, link_name, two_steps

ONE, TWO = {"out": "1"}, {"out": "2"}


def several(threshold: int, *who: str) -> Simulator:
    """Return a chain of one step whose links are still to be put there."""
    chain = Simulator()
    chain.step("build", *who, threshold=threshold, perform=False)
    return chain


def noticed(verdict: Verdict) -> set[Reason]:
    """Return the reasons of findings that do not reject."""
    return {finding.reason for finding in verdict.findings if not finding.rejects}


def test_D5_two_functionaries_whose_ids_begin_alike_are_not_one_file_counted_twice() -> None:
    chain = several(2, "alice", "bob")
    names = {actor("alice").keyid: "aaaaaaaa1", actor("bob").keyid: "aaaaaaaa2"}

    def rename(document: dict[str, Any]) -> None:
        document["keys"] = {names[k]: {**key, "keyid": names[k]} for k, key in document["keys"].items()}
        document["steps"][0]["pubkeys"] = list(names.values())

    chain.document_changes.append(rename)
    chain.perform("build", "alice", products=ONE, file="build.aaaaaaaa.link")
    verdict = chain.judge()
    assert verdict.reasons == {Reason.TOO_FEW_FUNCTIONARIES}
    chain.perform("build", "bob", products=ONE, file="build.other.link")
    chain.judge().require()


def test_D5_a_file_is_evidence_of_who_signed_it_not_of_its_name() -> None:
    chain = two_steps()
    chain.remove("build", "bob")
    bob = link_name("build", actor("bob"))
    chain.perform("build", "mallory", materials={"src/a.py": "1"}, products={"src/a.py": "1", "out": "2"}, file=bob)
    assert Reason.KEY_NOT_AUTHORISED in chain.judge().reasons
    chain.perform(
        "build", "bob", materials={"src/a.py": "1"}, products={"src/a.py": "1", "out": "2"}, file="build.x.link"
    )
    chain.judge().require()


def test_D12_two_groups_reaching_the_threshold_are_ambiguous() -> None:
    chain = several(1, "alice", "bob")
    chain.perform("build", "alice", products=ONE)
    chain.perform("build", "bob", products=ONE)
    chain.judge().require()
    chain.perform("build", "bob", products=TWO)
    verdict = chain.judge()
    assert verdict.reasons == {Reason.LINKS_AMBIGUOUS}
    assert "'out'" in verdict.rejections[0].message


def test_D12_the_one_group_that_reaches_the_threshold_wins_and_dissent_is_a_warning() -> None:
    chain = several(2, "carol", "alice", "bob")
    chain.perform("build", "alice", products=ONE)
    chain.perform("build", "bob", products=TWO)
    assert chain.judge().reasons == {Reason.FUNCTIONARIES_DISAGREE}
    chain.perform("build", "carol", products=ONE)
    verdict = chain.judge().require()
    assert verdict.steps[0].signers == (actor("carol").keyid, actor("alice").keyid)
    assert verdict.summary_link is not None
    assert verdict.summary_link.products == hashed(ONE)
    (dissent,) = (finding for finding in verdict.findings if finding.reason is Reason.DISSENT)
    assert dissent.severity is Severity.WARNING
    assert actor("bob").keyid[:8] in dissent.message


def test_D12_unanimous_rejects_any_dissent() -> None:
    chain = several(2, "alice", "bob", "carol")
    for who in ("alice", "bob", "carol"):
        chain.perform("build", who, products=ONE)
    chain.demands = Demands(unanimous=True)
    chain.judge().require()
    chain.perform("build", "carol", products=TWO)
    assert chain.judge().reasons == {Reason.DISSENT}
    chain.demands = Demands()
    chain.judge().require()


def test_D12_a_functionary_who_tells_two_stories_is_believed_in_none_alone() -> None:
    chain = several(1, "alice")
    chain.perform("build", "alice", products=ONE)
    chain.judge().require()
    chain.perform("build", "alice", products=TWO, file="build.second.link")
    assert chain.judge().reasons == {Reason.LINKS_AMBIGUOUS}


def test_D12_a_functionary_who_tells_two_stories_cannot_decide_between_two_others() -> None:
    chain = several(2, "alice", "bob", "carol")
    chain.perform("build", "alice", products=ONE)
    chain.perform("build", "alice", products=TWO, file="build.second.link")
    chain.perform("build", "bob", products=ONE)
    verdict = chain.judge().require()
    assert Reason.DISSENT in noticed(verdict)
    chain.perform("build", "carol", products=TWO)
    assert chain.judge().reasons == {Reason.LINKS_AMBIGUOUS}


@pytest.mark.parametrize("junk", [b"", b"{", b"[]", b'{"signed": {}, "signatures": []}', b'{"_type": "link"}', b"\xff"])
def test_D13_a_malformed_link_beside_enough_good_ones_is_a_finding_only(junk: bytes) -> None:
    chain = several(1, "alice", "bob")
    chain.perform("build", "alice", products=ONE)
    chain.files[link_name("build", actor("bob"))] = junk
    verdict = chain.judge().require()
    assert noticed(verdict) & {Reason.LINK_MALFORMED, Reason.SIGNATURE_MISSING}
    chain.remove("build", "alice")
    assert Reason.TOO_FEW_FUNCTIONARIES in chain.judge().reasons
    assert chain.judge().reasons & {Reason.LINK_MALFORMED, Reason.SIGNATURE_MISSING}


def test_D15_a_good_signature_after_a_bad_one_of_the_same_key_counts() -> None:
    chain = several(1, "alice")
    chain.perform("build", "alice", products=ONE)
    name = link_name("build", actor("alice"))
    document = json.loads(chain.files[name])
    good = document["signatures"][0]
    document["signatures"] = [{**good, "sig": "00" * 64}, good]
    chain.files[name] = json.dumps(document).encode()
    chain.judge().require()
    document["signatures"] = document["signatures"][:1]
    chain.files[name] = json.dumps(document).encode()
    assert chain.judge().reasons == {Reason.SIGNATURE_INVALID, Reason.TOO_FEW_FUNCTIONARIES}


def test_D16_one_key_under_two_ids_is_one_functionary() -> None:
    chain = several(2, "alice", "bob")
    alice = actor("alice").public_key
    legacy = legacy_keyid_of(alice.keytype, alice.scheme, alice.public)

    def double(document: dict[str, Any]) -> None:
        document["keys"][legacy] = {**document["keys"][alice.keyid], "keyid": legacy}
        document["steps"][0]["pubkeys"].append(legacy)

    chain.document_changes.append(double)
    chain.perform("build", "alice", products=ONE)
    chain.perform("build", "alice", products=ONE, file=f"build.{legacy[:8]}.link")
    verdict = chain.judge()
    assert verdict.reasons == {Reason.TOO_FEW_FUNCTIONARIES}
    assert Reason.KEY_SHARED in noticed(verdict)
    chain.perform("build", "bob", products=ONE)
    chain.judge().require()


def test_D16_two_signatures_of_one_key_on_one_link_are_one_vote_and_of_two_keys_two() -> None:
    chain = several(2, "alice", "bob")
    link = Link(name="build", products=hashed(ONE)).document()
    chain.put("build", "alice", link, "alice")
    assert chain.judge().reasons == {Reason.TOO_FEW_FUNCTIONARIES}
    chain.put("build", "alice", link, "bob")
    chain.judge().require()


def test_D17_a_link_of_another_step_is_no_evidence() -> None:
    chain = two_steps()
    chain.judge().require()
    chain.perform("write", "alice", products={"src/a.py": "1"}, name="written")
    assert Reason.LINK_NAME_DIFFERS in chain.judge().reasons


def sublayouts() -> tuple[Simulator, Simulator]:
    """Return a chain with two steps by bob, of which the first is a sublayout, and that sublayout."""
    inner = Simulator()
    inner.step("compile", "carol", products=ONE)
    outer = Simulator()
    outer.step("build", "bob", perform=False)
    outer.step("pack", "bob", products=ONE)
    outer.sublayout("build", "bob", inner)
    return outer, inner


def test_D17_a_sublayout_counts_once_in_a_tree() -> None:
    outer, inner = sublayouts()
    verdict = outer.judge().require()
    assert Reason.SUBLAYOUT_USED in noticed(verdict)
    outer.sublayout("pack", "bob", inner)
    assert outer.judge().reasons == {Reason.SUBLAYOUT_REPEATED, Reason.TOO_FEW_FUNCTIONARIES}
    inner.layout = inner.layout.replace(readme="another one")
    outer.sublayout("pack", "bob", inner)
    outer.judge().require()


def test_D17_a_sublayout_inside_itself_does_not_count() -> None:
    outer, _ = sublayouts()
    middle = Simulator()
    middle.step("again", "bob", perform=False)
    other = Simulator()
    other.step("compile", "carol", products=ONE)
    middle.sublayout("again", "bob", other)
    outer.sublayout("build", "bob", middle)
    outer.judge().require()
    middle.sublayout("again", "bob", middle)
    outer.sublayout("build", "bob", middle)
    assert Reason.SUBLAYOUT_REPEATED in outer.judge().reasons
    assert "already stands elsewhere" in str(outer.judge().rejections[0])


def test_D17_the_layout_itself_is_no_evidence_for_its_own_step() -> None:
    chain = Simulator()
    chain.step("build", "owner", perform=False)
    chain.put("build", "owner", chain.document())
    assert Reason.SUBLAYOUT_REPEATED in chain.judge().reasons
    chain.perform("build", "owner")
    chain.judge().require()


def test_D17_the_verifier_says_where_sublayouts_are_expected() -> None:
    outer, _ = sublayouts()
    outer.demands = Demands(sublayouts=frozenset({"build"}))
    outer.judge().require()
    outer.demands = Demands(sublayouts=frozenset({"pack"}))
    assert Reason.SUBLAYOUT_UNEXPECTED in outer.judge().reasons
    outer.demands = Demands(sublayouts=frozenset())
    assert Reason.SUBLAYOUT_UNEXPECTED in outer.judge().reasons


def test_D17_a_stolen_copy_of_a_sublayout_does_not_take_the_place_of_the_real_one() -> None:
    outer, inner = sublayouts()
    outer.layout = outer.layout.replace(steps=())
    outer.step("write", "alice", "mallory", threshold=1, perform=False)
    outer.step("build", "bob", perform=False)
    outer.perform("write", "alice")
    outer.judge().require()
    # Mallory signs bob's sublayout as evidence of another step, without the links in it.
    outer.put("write", "mallory", inner.document())
    outer.judge().require()
    # The same with the links: it is then good evidence for that step, which disagrees with alice.
    outer.sublayout("write", "mallory", inner)
    assert Reason.LINKS_AMBIGUOUS in outer.judge().reasons


def test_D18_a_bad_sublayout_is_a_bad_link_and_no_more() -> None:
    bad = Simulator()
    bad.step("compile", "carol", perform=False)
    chain = several(2, "alice", "bob", "dave")
    chain.perform("build", "alice", products=ONE)
    chain.sublayout("build", "bob", bad)
    chain.perform("build", "dave", products=ONE)
    verdict = chain.judge().require()
    assert Reason.SUBLAYOUT_REJECTED in noticed(verdict)
    chain.remove("build", "dave")
    assert chain.judge().reasons == {Reason.SUBLAYOUT_REJECTED, Reason.TOO_FEW_FUNCTIONARIES}


def test_D18_an_expired_sublayout_is_a_bad_link() -> None:
    outer, inner = sublayouts()
    outer.judge().require()
    inner.layout = inner.layout.replace(expires=outer.at)
    outer.sublayout("build", "bob", inner)
    verdict = outer.judge()
    assert Reason.SUBLAYOUT_REJECTED in verdict.reasons
    assert "expired" in str(verdict.rejections[0])


def test_D18_a_sublayout_whose_inspection_fails_is_a_bad_link_and_thresholds_are_counted_again() -> None:
    inner = Simulator()
    inner.step("compile", "carol", products=ONE)
    inner.inspection("check", "make check")
    chain = several(1, "alice", "bob")
    chain.perform("build", "alice", products=ONE)
    chain.sublayout("build", "bob", inner)
    chain.demands = Demands(sublayout_inspections=True, unanimous=True)
    good = FakeInspector()
    assert chain.judge(good).require().steps[0].signers == (actor("alice").keyid, actor("bob").keyid)
    failing = FakeInspector(commands={"make check": lambda _: 1})
    verdict = chain.judge(failing).require()
    assert verdict.steps[0].signers == (actor("alice").keyid,)
    chain.remove("build", "alice")
    chain.judge(good).require()
    assert Reason.SUBLAYOUT_REJECTED in chain.judge(failing).reasons


def test_D18_parameters_reach_sublayouts_only_on_request() -> None:
    inner = Simulator()
    inner.step("compile", "carol", products={"app-1": "1"}, expected_products=["CREATE app-{version}", "DISALLOW *"])
    chain = several(1, "bob")
    chain.sublayout("build", "bob", inner)
    chain.parameters = {"version": "1"}
    assert Reason.SUBLAYOUT_REJECTED in chain.judge().reasons
    chain.demands = Demands(sublayout_parameters=True)
    chain.judge().require()
    chain.parameters = {"version": "2"}
    assert Reason.SUBLAYOUT_REJECTED in chain.judge().reasons


@pytest.mark.parametrize("value", [1, -9, 256])
def test_D25_a_step_that_failed_is_a_finding_and_on_demand_a_rejection(value: int) -> None:
    chain = two_steps()
    source, make = {"src/a.py": "1"}, ["make"]
    chain.perform("write", "alice", products=source, command=make, byproducts={"return-value": value})
    assert Reason.COMMAND_FAILED in noticed(chain.judge().require())
    chain.demands = Demands(require_success=True)
    assert chain.judge().reasons == {Reason.COMMAND_FAILED}
    chain.perform("write", "alice", products=source, command=make, byproducts={"return-value": 0})
    chain.judge().require()


@pytest.mark.parametrize("value", [True, False, "0", None, 0.0])
def test_D25_a_return_value_that_is_no_integer_is_unknown(value: object) -> None:
    chain = two_steps(dsse=True)
    source, make = {"src/a.py": "1"}, ["make"]
    chain.perform("write", "alice", products=source, command=make, byproducts={"return-value": value})
    assert Reason.COMMAND_FAILED not in noticed(chain.judge().require())
    chain.demands = Demands(require_success=True)
    assert chain.judge().reasons == {Reason.COMMAND_FAILED}
