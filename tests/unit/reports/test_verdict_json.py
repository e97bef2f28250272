from __future__ import annotations

from typing import Any

from custody.encoding.strict import read_json, write_json
from custody.models.link import Link
from custody.reports.verdict_json import verdict_document
from custody.reports.verdict_text import MAX_ARTIFACTS
from custody.verdict import Verdict
from custody.verification.case import Demands, Target
from tests.simulator import FakeInspector, Simulator, actor, digests, two_steps


def document(verdict: Verdict, *, explain: bool = False, all_artifacts: bool = False) -> Any:  # noqa: ANN401  # JSON
    """Return the document as a program reads it."""
    return read_json(write_json(verdict_document(verdict, explain=explain, all_artifacts=all_artifacts)))


def test_an_accepted_verdict_says_what_was_judged() -> None:
    chain = two_steps()
    chain.inspection("look", "look")
    chain.demands = Demands(targets=(Target(name="dist/out", digests=digests("2")),))
    verdict = chain.judge(FakeInspector()).require()
    assert document(verdict) == {
        "verdict": "accepted",
        "at": "2030-01-01T00:00:00Z",
        "layout": {
            "sha256": verdict.layout_digest,
            "expires": "2030-01-31T00:00:00Z",
            "owners": [actor("owner").keyid],
        },
        "findings": [],
        "steps": [
            {
                "name": name,
                "verified": True,
                "signers": [actor(who).keyid],
                "materials": materials,
                "products": products,
                "sublayout": None,
            }
            for name, who, materials, products in (("write", "alice", 0, 1), ("build", "bob", 1, 2))
        ],
        "inspections": [{"name": "look", "verified": True, "return_value": 0, "presigned": False}],
        "artifacts": [{"artifact": "dist/out", "step": "build", "product": "out", "rule": "CREATE out"}],
    }


def test_a_rejected_verdict_says_why() -> None:
    chain = two_steps()
    chain.perform("build", "bob", materials={"src/a.py": "2"}, products={"out": "2"})
    found = document(chain.judge())
    assert found["verdict"] == "rejected"
    (finding,) = (finding for finding in found["findings"] if finding["severity"] == "rejection")
    assert (finding["reason"], finding["subject"], finding["rule"]) == (
        "material-differs",
        "step 'build'",
        "DISALLOW *",
    )
    assert finding["artifacts"] == [
        {
            "name": "src/a.py",
            "expected": digests("1"),
            "found": digests("2"),
            "explanation": "differs from the products of 'write'",
            "last_seen": "",
        }
    ]


def test_a_layout_that_was_not_read_has_no_expiry_and_no_steps() -> None:
    chain = two_steps()
    chain.owner_keys = (actor("other").public_key,)
    found = document(chain.judge())
    assert (found["layout"]["expires"], found["steps"]) == (None, [])


def test_a_step_without_a_link_has_no_counts() -> None:
    chain = two_steps()
    chain.remove("build", "bob")
    step = document(chain.judge())["steps"][1]
    assert (step["verified"], step["materials"], step["products"]) == (False, None, None)


def test_rules_are_shown_on_request() -> None:
    verdict = two_steps().judge()
    assert "rules" not in document(verdict)["steps"][1]
    materials, products = document(verdict, explain=True)["steps"][1]["rules"]
    assert materials == {
        "side": "materials",
        "applied": [
            {
                "rule": "MATCH src/* WITH PRODUCTS FROM write",
                "consumed": ["src/a.py"],
                "failed": [],
                "from": "products of write",
            },
            {"rule": "DISALLOW *", "consumed": [], "failed": [], "from": None},
        ],
        "unconsumed": [],
    }
    assert products["applied"][0]["consumed"] == ["out"]


def test_a_sublayout_is_a_verdict_inside() -> None:
    chain = Simulator()
    chain.step("all", "bob", perform=False)
    chain.sublayout("all", "bob", two_steps())
    inside = document(chain.judge(), explain=True)["steps"][0]["sublayout"]
    assert inside["verdict"] == "accepted"
    assert [step["name"] for step in inside["steps"]] == ["write", "build"]
    assert inside["steps"][0]["rules"]


def test_a_failure_of_a_hundred_thousand_artifacts_stays_small_unless_all_is_asked_for() -> None:
    chain = Simulator()
    chain.step("build", "bob", expected_products=["DISALLOW *"], perform=False)
    products = {f"{'x' * 100}/{n}": digests("1") for n in range(100_000)}
    chain.put("build", "bob", Link(name="build", products=products).document())
    verdict = chain.judge()
    assert len(write_json(verdict_document(verdict))) < 50_000
    (finding,) = document(verdict)["findings"]
    assert (len(finding["artifacts"]), finding["artifact_count"]) == (MAX_ARTIFACTS, 100_000)
    (finding,) = document(verdict, all_artifacts=True)["findings"]
    assert [artifact["name"] for artifact in finding["artifacts"]] == sorted(products)
    assert finding["artifact_count"] == 100_000


def test_rules_and_all_artifacts_are_asked_for_apart_and_in_sublayouts_too() -> None:
    inner = Simulator()
    products = {f"p{number:03}": "1" for number in range(MAX_ARTIFACTS + 1)}
    inner.step("compile", "carol", products=products, expected_products=["DISALLOW *"])
    verdict = inner.judge()
    outer = verdict.replace(steps=tuple(step.replace(sublayout=verdict) for step in verdict.steps))
    for all_artifacts, shown in ((False, MAX_ARTIFACTS), (True, MAX_ARTIFACTS + 1)):
        found = document(outer, explain=True, all_artifacts=all_artifacts)
        for judged in (found, found["steps"][0]["sublayout"]):
            (finding,) = judged["findings"]
            assert (len(finding["artifacts"]), finding["artifact_count"]) == (shown, MAX_ARTIFACTS + 1)
            assert len(judged["steps"][0]["rules"][1]["applied"][0]["failed"]) == MAX_ARTIFACTS + 1
