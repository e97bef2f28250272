from __future__ import annotations

import pytest

from custody.models.link import Link
from custody.reports.verdict_text import MAX_ARTIFACTS, PASSED, explain_lines, finding_lines, verdict_lines
from custody.verdict import Verdict
from custody.verification.case import Demands, Target
from tests.simulator import FakeInspector, Simulator, actor, digests, hashed, link_name, two_steps

ALICE, BOB = actor("alice").keyid[:8], actor("bob").keyid[:8]


def text(verdict: Verdict, *, notes: bool = False) -> list[str]:
    return list(verdict_lines(verdict, notes=notes))


def test_an_accepted_chain_is_a_line_a_step_and_the_sentence() -> None:
    assert text(two_steps().judge()) == [
        f"step 'write' verified (link signed by {ALICE}, 0 materials, 1 product)",
        f"step 'build' verified (link signed by {BOB}, 1 material, 2 products)",
        "The software product passed all verification.",
    ]


def test_inspections_and_artifacts_under_test_have_their_lines() -> None:
    chain = two_steps()
    chain.inspection("look", "look")
    chain.demands = Demands(targets=(Target(name="dist/out", digests=digests("2")),))
    lines = text(chain.judge(FakeInspector()))
    assert lines[2:] == [
        "inspection 'look' verified (status 0)",
        "artifact 'dist/out' verified (product 'out' of step 'build', by 'CREATE out')",
        PASSED,
    ]
    failed = text(chain.judge(FakeInspector(commands={"look": lambda _: 1})))
    assert "inspection 'look' not verified" in failed
    assert PASSED not in failed


def test_a_differing_artifact_says_what_was_expected_found_and_seen() -> None:
    chain = two_steps()
    chain.perform("build", "bob", materials={"src/a.py": "2"}, products={"out": "2"})
    lines = text(chain.judge())
    start = next(number for number, line in enumerate(lines) if line.startswith("rejection:"))
    assert lines[start:] == [
        (
            "rejection: step 'build': material 'src/a.py' is not what another step recorded, and 'DISALLOW *' forbids"
            " that [material-differs]"
        ),
        "    src/a.py: differs from the products of 'write'",
        f"        expected sha256:{digests('1')['sha256']}",
        f"        found    sha256:{digests('2')['sha256']}",
        "The software product did not pass verification: material-differs.",
    ]
    assert lines[1].endswith("; its rules were broken)")


def test_where_the_content_was_last_seen_is_said() -> None:
    chain = two_steps()
    chain.perform("write", "alice", products={"src/a.py": "1", "src/b.py": "2"})
    chain.perform("build", "bob", materials={"src/a.py": "2"}, products={"out": "2"})
    assert "        what was found was last seen among the products of 'write' as 'src/b.py'" in text(chain.judge())


def test_a_missing_link_is_told_from_steps_that_could_not_be_judged() -> None:
    chain = two_steps()
    chain.remove("build", "bob")
    first, second, rejection, last = text(chain.judge())
    assert first.startswith("step 'write' not verified (link signed by")
    assert "other steps lack evidence" in first
    assert second == "step 'build' not verified (no link of it counts)"
    assert link_name("build", actor("bob")) in rejection
    assert last == "The software product did not pass verification: link-missing."


def test_a_sublayout_shows_its_steps_below_its_own() -> None:
    inner = Simulator()
    inner.step("compile", "carol", products={"out": "1"})
    inner.inspection("look", "look")
    inner.perform("look", "bob", command=["look"], byproducts={"return-value": 0})
    chain = Simulator()
    chain.step("build", "bob", perform=False)
    chain.sublayout("build", "bob", inner)
    lines = text(chain.judge(), notes=True)
    assert lines[0].startswith("step 'build' verified (sublayout signed by")
    assert lines[1].startswith("    step 'compile' verified (link signed by")
    assert lines[2] == "    inspection 'look' verified (signed beforehand)"
    assert lines[3] == f"note: step 'build' > layout: the step is a sublayout signed by {BOB} [sublayout-used]"
    assert not any("note:" in line for line in text(chain.judge()))


def test_a_verdict_on_nothing_says_so() -> None:
    chain = two_steps()
    chain.owner_keys = ()
    assert text(chain.judge())[-1] == "The software product did not pass verification: no-owner-keys."
    assert text(Verdict(accepted=False, at=chain.at)) == [
        "The software product did not pass verification: nothing was verified."
    ]


def test_explanations_show_every_rule_with_what_it_consumed_and_from_where() -> None:
    lines = list(explain_lines(two_steps().judge()))
    sha = digests("1")["sha256"]
    assert lines[:7] == [
        "step 'write', materials:",
        "step 'write', products:",
        "    1 CREATE src/*",
        f"        src/a.py sha256:{sha}",
        "    2 DISALLOW *",
        "step 'build', materials:",
        "    1 MATCH src/* WITH PRODUCTS FROM write",
    ]
    assert lines[7] == f"        src/a.py sha256:{sha} from the products of 'write'"


def test_explanations_show_what_failed_and_what_no_rule_spoke_about() -> None:
    chain = Simulator()
    chain.step("build", "bob", products={"a": "1"}, materials={"b": "1"}, expected_products=["DISALLOW *"])
    lines = list(explain_lines(chain.judge()))
    sha = digests("1")["sha256"]
    assert "    1 DISALLOW * FAILED" in lines
    assert f"        a sha256:{sha} FAILED" in lines
    assert lines[:3] == ["step 'build', materials:", "    (no rule: allowed)", f"        b sha256:{sha}"]


@pytest.mark.parametrize("count", [MAX_ARTIFACTS, MAX_ARTIFACTS + 1])
def test_explanations_show_the_first_that_failed_and_count_the_rest(count: int) -> None:
    chain = Simulator()
    chain.step("build", "bob", products={f"p{n:03}": "1" for n in range(count)}, expected_products=["DISALLOW *"])
    lines = list(explain_lines(chain.judge()))
    assert len([line for line in lines if line.startswith("        p")]) == MAX_ARTIFACTS
    more = "        and 1 more FAILED; --format json --all-artifacts lists all"
    assert (more in lines) is (count > MAX_ARTIFACTS)


def test_explanations_go_into_sublayouts_and_inspections() -> None:
    inner = Simulator()
    inner.step("compile", "carol", products={"out": "1"}, expected_products=["CREATE out"])
    chain = Simulator()
    chain.step("build", "bob", perform=False)
    chain.sublayout("build", "bob", inner)
    chain.inspection("look", "look", ["ALLOW out"])
    lines = list(explain_lines(chain.judge(FakeInspector({"out": "1"}))))
    assert "step 'build' is a sublayout:" in lines
    assert "        1 CREATE out" in lines
    assert "inspection 'look', materials:" in lines
    assert "    1 ALLOW out" in lines


@pytest.mark.parametrize("count", [MAX_ARTIFACTS, MAX_ARTIFACTS + 1])
def test_so_many_artifacts_of_a_finding_are_written_out_and_the_rest_is_counted(count: int) -> None:
    chain = Simulator()
    chain.step("build", "bob", products={f"p{n:03}": f"{n}" for n in range(count)}, expected_products=["DISALLOW *"])
    (finding,) = chain.judge().rejections
    lines = list(finding_lines(finding))
    assert len([line for line in lines if line.startswith("    p")]) == MAX_ARTIFACTS
    assert any("and 1 more" in line for line in lines) is (count > MAX_ARTIFACTS)


def test_a_failure_of_a_hundred_thousand_artifacts_stays_small() -> None:
    chain = Simulator()
    chain.step("build", "bob", expected_products=["DISALLOW *"], perform=False)
    products = {f"{'x' * 300}/{n}": digests("1") for n in range(100_000)}
    chain.put("build", "bob", Link(name="build", products=products).document())
    lines = text(chain.judge())
    assert sum(map(len, lines)) < 50_000
    assert any(f"and {100_000 - MAX_ARTIFACTS} more" in line for line in lines)


def test_a_name_or_digest_of_megabytes_is_cut() -> None:
    chain = Simulator()
    chain.step("build", "bob", expected_products=["DISALLOW *"], perform=False)
    products = {**hashed({"y" * 1_000_000: "1"}), "a": {"sha256": "ab" * 1_000_000}}
    chain.put("build", "bob", Link(name="build", products=products).document())
    assert sum(map(len, text(chain.judge()))) < 5_000
