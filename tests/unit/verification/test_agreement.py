from __future__ import annotations

import time

import pytest

from custody.models.link import Link
from custody.verdict import Reason
from custody.verification.agreement import MAX_EXPLAINED, MAX_PEERS
from custody.verification.case import Demands
from tests.simulator import Simulator, actor, digests, hashed, link_name

SHA256 = digests("1")["sha256"]


def several(threshold: int, *who: str) -> Simulator:
    chain = Simulator()
    chain.step("build", *who, threshold=threshold, perform=False)
    return chain


def put(chain: Simulator, who: str, product: dict[str, str], file: str = "") -> None:
    chain.put("build", who, Link(name="build", products={"out": product}).document(), file=file)


def test_a_missing_link_names_the_files_that_were_looked_for() -> None:
    chain = several(2, "alice", "bob")
    (finding,) = chain.judge().rejections
    assert finding.reason is Reason.LINK_MISSING
    assert finding.subject == "step 'build'"
    for who in ("alice", "bob"):
        assert link_name("build", actor(who)) in finding.message
        put(chain, who, digests("1"))
    chain.judge().require()


def test_many_functionaries_are_not_all_named() -> None:
    names = [f"f{n}" for n in range(30)]
    (finding,) = several(1, *names).judge().rejections
    assert finding.message.count(".link") == MAX_EXPLAINED


def test_too_few_names_those_who_are_there() -> None:
    chain = several(2, "alice", "bob")
    put(chain, "alice", digests("1"))
    (finding,) = chain.judge().rejections
    assert finding.reason is Reason.TOO_FEW_FUNCTIONARIES
    assert f"got 1 ({actor('alice').keyid[:8]})" in finding.message


def test_a_threshold_above_the_number_of_functionaries_is_never_met() -> None:
    chain = several(3, "alice", "bob")
    for who in ("alice", "bob"):
        put(chain, who, digests("1"))
    assert chain.judge().reasons == {Reason.TOO_FEW_FUNCTIONARIES}


def test_a_disagreement_says_who_says_what() -> None:
    chain = several(2, "alice", "bob")
    put(chain, "alice", digests("1"))
    put(chain, "bob", digests("2"))
    (finding,) = chain.judge().rejections
    assert finding.reason is Reason.FUNCTIONARIES_DISAGREE
    for part in (actor("alice").keyid[:8], actor("bob").keyid[:8], digests("1")["sha256"], digests("2")["sha256"]):
        assert part in finding.message


@pytest.mark.parametrize("side", ["materials", "products"])
def test_an_artifact_more_is_a_disagreement_on_either_side(side: str) -> None:
    chain = several(2, "alice", "bob")
    one = Link(name="build").replace(**{side: hashed({"a": "1"})})
    chain.put("build", "alice", one.document())
    chain.put("build", "bob", one.document())
    chain.judge().require()
    chain.put("build", "bob", one.replace(**{side: hashed({"a": "1", "b": "1"})}).document())
    (finding,) = chain.judge().rejections
    assert f"{side[:-1]} 'b' is in one link and not in the other" in finding.message


def test_commands_byproducts_and_environments_may_differ() -> None:
    chain = several(2, "alice", "bob")
    chain.perform("build", "alice", command=["make"], environment={"workdir": "/a"}, byproducts={"return-value": 0})
    chain.perform("build", "bob", command=["gmake"], environment={"workdir": "/b"}, byproducts={"return-value": 0})
    chain.judge().require()


def test_digests_that_cannot_be_compared_are_no_agreement_and_it_says_so() -> None:
    chain = several(2, "alice", "bob")
    for who in ("alice", "bob"):
        put(chain, who, {"md5": "00"})
    (finding,) = chain.judge().rejections
    assert finding.reason is Reason.FUNCTIONARIES_DISAGREE
    assert "digests sha256, in full length" in finding.message
    for who in ("alice", "bob"):
        put(chain, who, {"md5": "00", "sha256": SHA256})
    chain.judge().require()


def test_the_case_of_digits_and_an_algorithm_that_one_lacks_are_no_disagreement() -> None:
    chain = several(2, "alice", "bob")
    put(chain, "alice", {"sha256": SHA256, "sha512": "ab" * 64})
    put(chain, "bob", {"sha256": SHA256.upper()})
    chain.judge().require()
    put(chain, "bob", {"sha256": SHA256, "sha512": "cd" * 64})
    assert chain.judge().reasons == {Reason.FUNCTIONARIES_DISAGREE}


@pytest.mark.parametrize("order", ["123", "132", "213", "231", "312", "321"])
def test_two_links_that_a_third_agrees_with_still_contradict_each_other(order: str) -> None:
    chain = several(3, "alice", "bob", "carol")
    stories = ({"sha256": SHA256}, {"sha256": SHA256, "sha512": "ab" * 64}, {"sha256": SHA256, "sha512": "cd" * 64})
    for who, story, place in zip(("alice", "bob", "carol"), stories, order, strict=True):
        put(chain, who, story, file=f"build.{place}.link")
    assert chain.judge().reasons == {Reason.FUNCTIONARIES_DISAGREE}
    put(chain, "carol", stories[1], file=f"build.{order[2]}.link")
    chain.judge().require()


def test_a_link_and_a_sublayout_can_agree() -> None:
    inner = Simulator()
    inner.step("compile", "carol", products={"out": "1"})
    chain = several(2, "alice", "bob")
    chain.perform("build", "alice", products={"out": "1"})
    chain.sublayout("build", "bob", inner)
    assert chain.judge().require().steps[0].sublayout is not None
    chain.perform("build", "alice", products={"out": "2"})
    assert chain.judge().reasons == {Reason.FUNCTIONARIES_DISAGREE}


def test_a_sublayout_in_one_envelope_signed_by_two_functionaries_has_two_votes() -> None:
    inner = Simulator()
    inner.step("compile", "carol", products={"out": "1"})
    chain = several(2, "alice", "bob")
    chain.sublayout("build", "alice", inner)
    assert chain.judge().reasons == {Reason.TOO_FEW_FUNCTIONARIES}
    chain.sublayout("build", "alice", inner, "bob")
    assert chain.judge().require().steps[0].signers == (actor("alice").keyid, actor("bob").keyid)


def test_a_functionary_with_a_thousand_stories_costs_little_and_hides_nobody() -> None:
    chain = several(2, "alice", "bob", "carol")
    for number in range(400):
        story = {"sha256": SHA256, "sha512": f"{number:0128x}"}
        put(chain, "carol", story, file=f"build.a{number}.link")
    for who in ("alice", "bob"):
        put(chain, who, {"sha256": SHA256, "sha512": "ab" * 64}, file=f"build.z{who[0]}.link")
    before = time.process_time()
    verdict = chain.judge().require()
    assert time.process_time() - before < 10
    assert verdict.steps[0].signers == (actor("alice").keyid, actor("bob").keyid)
    dissents = [finding for finding in verdict.findings if finding.reason is Reason.DISSENT]
    assert len(dissents) == 400 > MAX_PEERS
    chain.demands = Demands(unanimous=True)
    assert chain.judge().reasons == {Reason.DISSENT}
