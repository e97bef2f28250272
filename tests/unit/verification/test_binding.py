from __future__ import annotations

import time

import pytest

from custody.errors import UsageError
from custody.models.link import Link
from custody.verdict import Binding, Reason
from custody.verification.case import Demands, Target
from tests.simulator import Simulator, digests, two_steps


def target(content: str, name: str = "dist/out") -> Target:
    return Target(name=name, digests=digests(content))


def test_an_artifact_is_bound_to_the_product_and_the_rule_that_consumed_it() -> None:
    chain = two_steps()
    chain.demands = Demands(targets=(target("2"),))
    expected = Binding(target="dist/out", step="build", product="out", rule="CREATE out")
    assert chain.judge().require().bindings == (expected,)
    chain.demands = Demands(targets=(target("3"),))
    assert chain.judge().reasons == {Reason.ARTIFACT_NOT_MADE}


def test_every_target_must_have_been_made() -> None:
    chain = two_steps()
    chain.demands = Demands(targets=(target("2"), target("1", "a.py")))
    assert len(chain.judge().require().bindings) == 2
    chain.demands = Demands(targets=(target("2"), target("3")))
    assert chain.judge().reasons == {Reason.ARTIFACT_NOT_MADE}


def test_product_of_names_another_step() -> None:
    chain = two_steps()
    chain.demands = Demands(targets=(target("1"),), product_of="write")
    assert chain.judge().require().bindings[0].step == "write"
    chain.demands = Demands(targets=(target("2"),), product_of="write")
    assert chain.judge().reasons == {Reason.ARTIFACT_NOT_MADE}
    chain.demands = Demands(targets=(target("2"),), product_of="bulid")
    with pytest.raises(UsageError, match=r"'bulid'.*'write', 'build'"):
        chain.judge()


def test_an_artifact_that_was_not_made_says_what_was_and_where_its_content_is() -> None:
    chain = two_steps()
    chain.demands = Demands(targets=(target("1", "download/out"),), product_of="build")
    chain.perform("build", "bob", materials={"src/a.py": "1"}, products={"out": "2"})
    (finding,) = chain.judge().rejections
    assert finding.subject == "artifact 'download/out'"
    assert f"its product 'out' has sha256:{digests('2')['sha256']}" in finding.message
    (artifact,) = finding.artifacts
    assert (artifact.expected, artifact.found) == (digests("2"), digests("1"))
    assert artifact.last_seen == "the materials of 'build' as 'src/a.py'"


def test_a_product_with_a_rule_counts_more_than_one_without() -> None:
    chain = Simulator()
    chain.step("build", "bob", products={"a": "1", "b": "1", "c": "1"}, expected_products=["CREATE b"])
    chain.demands = Demands(targets=(target("1"),))
    assert chain.judge().require().bindings[0].product == "b"
    chain.perform("build", "bob", products={"a": "1", "c": "1"})
    assert chain.judge().reasons == {Reason.ARTIFACT_UNRULED}


def test_the_mode_of_a_product_is_not_compared_with_a_file_under_test() -> None:
    chain = Simulator()
    chain.step("build", "bob", expected_products=["CREATE out"], perform=False)
    chain.put("build", "bob", Link(name="build", products={"out": {**digests("1"), "mode": "0755"}}).document())
    chain.demands = Demands(targets=(target("1"),), pinned=frozenset({"sha256", "mode"}))
    chain.judge().require()
    chain.demands = Demands(targets=(target("1"),), pinned=frozenset({"sha256", "sha512"}))
    assert chain.judge().reasons == {Reason.ARTIFACT_NOT_MADE}


def test_a_hundred_thousand_products_of_one_content_cost_little() -> None:
    chain = Simulator()
    chain.step("build", "bob", products={f"p{n}": "1" for n in range(100_000)}, expected_products=["ALLOW x*"])
    chain.demands = Demands(targets=(target("1"),))
    case = chain.case()
    before = time.process_time()
    assert chain.judge().reasons == {Reason.ARTIFACT_UNRULED}
    assert time.process_time() - before < 30
    assert case.demands.targets


def test_of_several_products_with_the_same_bytes_the_one_called_like_the_target_is_named() -> None:
    chain = Simulator()
    chain.step("build", "bob", products={"a/copy": "1", "b/app": "1"}, expected_products=["CREATE *"])
    for target, product in (("here/app", "b/app"), ("here/copy", "a/copy"), ("other", "a/copy")):
        chain.demands = Demands(targets=(Target(name=target, digests=digests("1")),))
        (binding,) = chain.judge().require().bindings
        assert binding.product == product
