from __future__ import annotations

from datetime import datetime

import pytest

from custody.errors import UsageError
from custody.verdict import Reason, Verdict
from custody.verification.case import Demands
from custody.verification.judge import judge
from custody.verification.materials import judge_materials
from tests.simulator import Simulator, actor, hashed, signed, two_steps


def looked_at(chain: Simulator, step: str, materials: dict[str, str], who: str) -> Verdict:
    return judge_materials(chain.case(), step, hashed(materials), actor(who).public_key)


def test_materials_that_an_earlier_step_made_are_accepted_and_others_are_not() -> None:
    chain = two_steps()
    chain.remove("build", "bob")
    looked_at(chain, "build", {"src/a.py": "1"}, "bob").require()
    verdict = looked_at(chain, "build", {"src/a.py": "evil"}, "bob")
    assert verdict.reasons == {Reason.MATERIAL_DIFFERS}
    assert looked_at(chain, "build", {"src/b.py": "1"}, "bob").reasons == {Reason.MATERIAL_DISALLOWED}
    assert [step.verified for step in verdict.steps] == [True, False]


def test_the_steps_before_are_judged_as_strictly_as_at_the_end() -> None:
    chain = two_steps()
    chain.perform("write", "alice", products={"src/a.py": "1", "evil": "1"})
    assert looked_at(chain, "build", {"src/a.py": "1"}, "bob").reasons == {Reason.PRODUCT_DISALLOWED}
    chain.remove("write", "alice")
    assert looked_at(chain, "build", {"src/a.py": "1"}, "bob").reasons == {Reason.LINK_MISSING}


def test_steps_that_nothing_leads_back_to_need_not_be_there_yet() -> None:
    chain = Simulator()
    chain.step("write", "alice", products={"a": "1"})
    chain.step("review", "carol", perform=False)
    chain.step("build", "bob", expected_materials=["MATCH a WITH PRODUCTS FROM write", "DISALLOW *"], perform=False)
    looked_at(chain, "build", {"a": "1"}, "bob").require()
    chain.remove("write", "alice")
    assert looked_at(chain, "build", {"a": "1"}, "bob").reasons == {Reason.LINK_MISSING}


def test_steps_are_followed_back_all_the_way() -> None:
    chain = Simulator()
    chain.step("write", "alice", products={"a": "1"})
    tied = "MATCH a WITH PRODUCTS FROM {}"
    chain.step(
        "copy",
        "alice",
        materials={"a": "1"},
        products={"a": "1"},
        expected_materials=[tied.format("write"), "DISALLOW *"],
    )
    chain.step("build", "bob", expected_materials=[tied.format("copy"), "DISALLOW *"], perform=False)
    looked_at(chain, "build", {"a": "1"}, "bob").require()
    chain.perform("write", "alice", products={"a": "2"})
    assert looked_at(chain, "build", {"a": "1"}, "bob").reasons == {Reason.MATERIAL_DIFFERS}


def test_an_earlier_step_may_be_compared_with_the_materials_at_hand() -> None:
    chain = Simulator()
    chain.step(
        "write", "alice", products={"a": "1"}, expected_products=["MATCH a WITH MATERIALS FROM build", "DISALLOW *"]
    )
    chain.step("build", "bob", expected_materials=["MATCH a WITH PRODUCTS FROM write", "DISALLOW *"], perform=False)
    looked_at(chain, "build", {"a": "1"}, "bob").require()
    assert looked_at(chain, "build", {}, "bob").accepted is False


def test_modify_and_delete_are_granted_before_the_step_and_create_is_not() -> None:
    for rule, accepted in (("MODIFY a", True), ("DELETE a", True), ("CREATE a", False)):
        chain = Simulator()
        chain.step("edit", "alice", expected_materials=[rule, "DISALLOW *"], perform=False)
        assert looked_at(chain, "edit", {"a": "1"}, "alice").accepted is accepted


def test_only_a_functionary_of_the_step_may_perform_it() -> None:
    chain = two_steps()
    looked_at(chain, "build", {"src/a.py": "1"}, "bob").require()
    assert looked_at(chain, "build", {"src/a.py": "1"}, "alice").reasons == {Reason.KEY_NOT_AUTHORISED}


def test_a_step_that_the_layout_does_not_have_is_an_error() -> None:
    with pytest.raises(UsageError, match="no step 'bulid'; it has 'write', 'build'"):
        looked_at(two_steps(), "bulid", {}, "bob")


def test_the_layout_must_be_the_owners_and_not_expired() -> None:
    chain = two_steps()
    case = chain.case(signed(chain.document(), actor("mallory")))
    materials, bob = hashed({"src/a.py": "1"}), actor("bob").public_key
    assert judge_materials(case, "build", materials, bob).reasons == {Reason.OWNER_SIGNATURE_MISSING}
    chain.at = chain.layout.expires
    assert Reason.LAYOUT_EXPIRED in looked_at(chain, "build", {"src/a.py": "1"}, "bob").reasons


def test_a_time_without_a_zone_is_refused() -> None:
    chain = two_steps()
    chain.at = datetime(2030, 1, 1)  # noqa: DTZ001  # the point of the test
    with pytest.raises(UsageError, match="time zone"):
        looked_at(chain, "build", {"src/a.py": "1"}, "bob")


def test_strict_rejects_a_rule_that_consumes_nothing() -> None:
    chain = Simulator()
    chain.step("build", "bob", expected_materials=["ALLOW nothing"], perform=False)
    looked_at(chain, "build", {"a": "1"}, "bob").require()
    chain.demands = Demands(strict=True)
    verdict = looked_at(chain, "build", {"a": "1"}, "bob")
    assert verdict.reasons == {Reason.RULE_IDLE}
    assert not verdict.steps[0].verified


def test_a_sublayout_whose_inspections_would_have_to_run_is_a_bad_link() -> None:
    inner = two_steps()
    inner.inspection("look", "look")
    chain = Simulator()
    chain.step("make", "alice", perform=False)
    chain.step("ship", "bob", expected_materials=["MATCH * WITH PRODUCTS FROM make", "DISALLOW *"], perform=False)
    chain.sublayout("make", "alice", inner)
    chain.demands = Demands(sublayout_inspections=True)
    assert Reason.SUBLAYOUT_UNINSPECTED in looked_at(chain, "ship", {"out": "2"}, "bob").reasons
    inner.perform("look", "alice", command=["look"], byproducts={"return-value": 0})
    chain.sublayout("make", "alice", inner)
    looked_at(chain, "ship", {"out": "2"}, "bob").require()
    assert judge(chain.case()).reasons == {Reason.LINK_MISSING}
