from __future__ import annotations

from datetime import datetime

import pytest

from custody.errors import FormatError, UsageError
from custody.verdict import Reason
from custody.verification.case import Demands
from custody.verification.judge import judge, open_layout
from custody.verification.ledger import Ledger
from tests.simulator import FakeInspector, Simulator, actor, digests, signed, two_steps


@pytest.mark.parametrize("dsse", [False, True])
def test_a_good_chain_is_accepted_and_the_verdict_says_what_was_judged(dsse: bool) -> None:
    chain = two_steps(dsse=dsse)
    verdict = chain.judge().require()
    assert (verdict.at, verdict.layout_expires) == (chain.at, chain.layout.expires)
    assert verdict.owners == (chain.owner.keyid,)
    assert [step.signers for step in verdict.steps] == [(actor("alice").keyid,), (actor("bob").keyid,)]
    consumer = verdict.steps[1].traces[0].consumer("src/a.py")
    assert consumer is not None
    chain.perform("build", "bob", materials={"src/a.py": "x"}, products={"out": "2"})
    assert chain.judge().reasons == {Reason.MATERIAL_DIFFERS}


def test_envelopes_of_both_kinds_may_be_mixed() -> None:
    chain, other = two_steps(), two_steps(dsse=True)
    name = next(name for name in chain.files if name.startswith("build"))
    assert chain.files[name] != other.files[name]
    chain.files[name] = other.files[name]
    chain.judge().require()


def test_every_reason_for_a_rejection_is_given_at_once() -> None:
    chain = two_steps()
    chain.at = chain.layout.expires
    chain.perform("write", "alice", products={"src/a.py": "1", "evil": "1"})
    chain.perform("build", "bob", materials={"src/a.py": "x"}, products={"out": "2"})
    expected = {Reason.LAYOUT_EXPIRED, Reason.PRODUCT_DISALLOWED, Reason.MATERIAL_DIFFERS}
    assert chain.judge().reasons == expected


def test_a_layout_that_is_not_the_owners_is_never_looked_into() -> None:
    chain = two_steps()
    chain.document_changes.append(lambda document: document.update(steps="garbage"))
    verdict = judge(chain.case(signed(chain.document(), actor("mallory"))))
    assert verdict.reasons == {Reason.OWNER_SIGNATURE_MISSING}
    assert verdict.steps == ()
    with pytest.raises(FormatError, match="steps: expected a list"):
        chain.judge()


def test_opening_a_layout_says_what_speaks_against_it() -> None:
    chain = two_steps()
    ledger = Ledger()
    opening = open_layout(chain.case(), ledger)
    assert opening.layout == chain.layout
    assert [key.keyid for key in opening.signed] == [chain.owner.keyid]
    assert not ledger.findings
    unsigned = open_layout(chain.case(signed(chain.document())), ledger)
    assert unsigned.layout is None
    assert ledger.rejects()
    chain.at = datetime(2030, 1, 1)  # noqa: DTZ001  # the point of the test
    with pytest.raises(UsageError, match="time zone"):
        open_layout(chain.case(), Ledger())


@pytest.mark.parametrize("place", ["steps", "inspect"])
def test_a_name_that_stands_twice_is_refused(place: str) -> None:
    chain = two_steps()
    chain.inspection("look", "look")
    chain.inspection("check", "check")
    chain.judge(FakeInspector()).require()
    chain.document_changes.append(lambda document: document[place][1].update(name=document["steps"][0]["name"]))
    with pytest.raises(FormatError) as caught:
        chain.judge()
    assert caught.value.where == f"{place}[1].name"


def test_the_order_of_the_layouts_steps_is_the_order_of_the_report() -> None:
    chain = Simulator()
    for name in ("c", "a", "b"):
        chain.step(name, "alice", products={name: "1"})
    verdict = chain.judge().require()
    assert [step.name for step in verdict.steps] == ["c", "a", "b"]
    assert verdict.summary_link is not None
    assert verdict.summary_link.products == {"b": digests("1")}


def test_a_step_may_be_compared_with_a_later_one() -> None:
    chain = Simulator()
    chain.step("a", "alice", products={"x": "1"}, expected_products=["MATCH x WITH MATERIALS FROM b", "DISALLOW *"])
    chain.step("b", "bob", materials={"x": "1"})
    chain.judge().require()
    chain.perform("b", "bob", materials={"x": "2"})
    assert chain.judge().reasons == {Reason.PRODUCT_DIFFERS}


def test_demands_that_are_all_met_change_nothing() -> None:
    chain = two_steps()
    verdict = chain.judge().require()
    chain.demands = Demands(unanimous=True, strict=True, require_success=True, sublayouts=frozenset())
    assert chain.judge() == verdict
