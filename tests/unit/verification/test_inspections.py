from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from custody.errors import ExecutionError
from custody.models.link import Link
from custody.rules.artifacts import Artifacts
from custody.rules.digests import short
from custody.verdict import Reason
from custody.verification.case import Completed, Demands, Evidence
from tests.simulator import FakeInspector, Simulator, actor, digests, hashed, link_name, two_steps

MATCHED = ["MATCH out WITH PRODUCTS FROM build", "DISALLOW *"]


def makes(name: str, content: str) -> Callable[[dict[str, bytes | str]], int]:
    """Return a command that makes the file `name`."""

    def command(files: dict[str, bytes | str]) -> int:
        files[name] = content
        return 0

    return command


def test_without_an_inspector_a_layout_with_inspections_is_rejected() -> None:
    chain = two_steps()
    chain.judge().require()
    chain.inspection("look", "look")
    assert chain.judge().reasons == {Reason.INSPECTION_REFUSED}
    assert chain.judge(FakeInspector()).require().inspections[0].verified


def test_an_inspection_is_judged_on_both_sides() -> None:
    chain = two_steps()
    chain.inspection("unpack", "unpack", MATCHED, [MATCHED[0], "CREATE lib/*", "DISALLOW *"])
    good = FakeInspector({"out": "2"}, {"unpack": makes("lib/a", "x")})
    (report,) = chain.judge(good).require().inspections
    assert report.link is not None
    assert report.link.materials == {"out": digests("2")}
    assert report.link.products == {"out": digests("2"), "lib/a": digests("x")}
    assert good.kept == [report.link]
    bad = FakeInspector({"out": "2"}, {"unpack": makes("evil", "x")})
    verdict = chain.judge(bad)
    assert verdict.reasons == {Reason.PRODUCT_DISALLOWED}
    assert verdict.rejections[0].subject == "inspection 'unpack'"


def test_the_artifacts_of_an_inspection_are_compared_with_those_of_an_earlier_one() -> None:
    chain = two_steps()
    chain.inspection("unpack", "unpack")
    chain.inspection("check", "check", ["MATCH * WITH PRODUCTS FROM unpack", "DISALLOW *"])
    unpack = {"unpack": makes("lib", "x")}
    chain.judge(FakeInspector({"out": "2"}, unpack)).require()

    class Meddling(FakeInspector):
        def keep(self, link: Link) -> None:
            super().keep(link)
            self.files["lib"] = "evil"

    verdict = chain.judge(Meddling({"out": "2"}, unpack))
    assert verdict.reasons == {Reason.MATERIAL_DIFFERS}
    assert short(digests("x")) in short(verdict.rejections[0].artifacts[0].expected)


class SeesUncounted(FakeInspector):
    """Inspects a directory in which nothing lies but the links of `chain`."""

    def __init__(self, chain: Simulator) -> None:
        super().__init__()
        self.chain = chain

    def record(self, counted: Sequence[Evidence]) -> Artifacts:
        sources = {evidence.source for evidence in counted}
        return hashed({name: data for name, data in self.chain.files.items() if name not in sources})


class Empty(FakeInspector):
    """Counts as false, like a list without items."""

    def __len__(self) -> int:
        return 0


class Ending(FakeInspector):
    """Ends every command in one way."""

    def __init__(self, completed: Completed) -> None:
        super().__init__()
        self.completed = completed

    def run(self, name: str, command: Sequence[str]) -> Completed:
        super().run(name, command)
        return self.completed


@pytest.mark.parametrize(
    ("completed", "reason", "said"),
    [
        (Completed(return_value=3, stderr="boom\n"), Reason.INSPECTION_FAILED, "status 3: boom"),
        (Completed(return_value=-9, stdout="out only"), Reason.INSPECTION_FAILED, "status -9: out only"),
        (Completed(return_value=1), Reason.INSPECTION_FAILED, "'look hard' ended with status 1"),
        (Completed(return_value=0, timed_out=True), Reason.INSPECTION_TIMED_OUT, "did not end in time"),
    ],
)
def test_a_command_that_fails_rejects_and_says_how(completed: Completed, reason: Reason, said: str) -> None:
    chain = two_steps()
    chain.inspection("look", "look hard")
    chain.judge(Ending(Completed(return_value=0, stderr="boom"))).require()
    (finding,) = chain.judge(Ending(completed)).rejections
    assert finding.reason is reason
    assert said in finding.message


def test_much_output_of_a_command_that_fails_is_cut() -> None:
    chain = two_steps()
    chain.inspection("look", "look")
    (finding,) = chain.judge(Ending(Completed(return_value=1, stderr="x" * 100_000 + "end"))).rejections
    assert len(finding.message) < 700
    assert finding.message.endswith("end")


def test_strict_holds_for_inspections_too() -> None:
    chain = two_steps()
    chain.inspection("look", "look", ["ALLOW nothing"])
    chain.judge(FakeInspector({"out": "2"})).require()
    chain.demands = Demands(strict=True)
    assert chain.judge(FakeInspector({"out": "2"})).reasons == {Reason.RULE_IDLE}
    assert chain.judge(FakeInspector({"nothing": "2"})).reasons == set()


def test_no_inspection_runs_if_anything_before_it_rejects() -> None:
    chain = two_steps()
    chain.inspection("look", "look")
    inspector = FakeInspector()
    chain.at = chain.layout.expires
    chain.judge(inspector)
    chain = two_steps()
    chain.inspection("look", "look")
    chain.perform("build", "bob", products={"evil": "1"})
    chain.judge(inspector)
    assert inspector.ran == []
    chain = two_steps()
    chain.inspection("look", "look")
    chain.judge(inspector).require()
    assert inspector.ran == ["look"]


def test_the_counted_evidence_is_shown_to_the_inspector_and_other_files_are_not() -> None:
    chain = two_steps()
    chain.inspection("look", "look")
    chain.files["build.junk.link"] = b"junk"
    inspector = FakeInspector()
    chain.judge(inspector).require()
    names = {link_name("write", actor("alice")), link_name("build", actor("bob"))}
    assert {evidence.source for evidence in inspector.counted} == names


def with_sublayout(*inspections: str) -> tuple[Simulator, Simulator]:
    inner = Simulator()
    inner.step("compile", "carol", products={"out": "1"})
    for name in inspections:
        inner.inspection(name, name)
    outer = Simulator()
    outer.step("build", "bob", "alice", products={"out": "1"}, perform=False)
    outer.sublayout("build", "bob", inner)
    outer.demands = Demands(sublayout_inspections=True)
    return outer, inner


def test_the_inspections_of_a_sublayout_run_before_the_layouts_own() -> None:
    outer, _ = with_sublayout("inner")
    outer.inspection("outer", "outer")
    inspector = FakeInspector()
    verdict = outer.judge(inspector).require()
    assert inspector.ran == ["inner", "outer"]
    sublayout = verdict.steps[0].sublayout
    assert sublayout is not None
    assert [(r.name, r.presigned) for r in sublayout.inspections] == [("inner", False)]
    failing = FakeInspector(commands={"inner": lambda _: 1})
    assert Reason.SUBLAYOUT_REJECTED in outer.judge(failing).reasons
    assert failing.ran == ["inner"]


def test_without_an_inspector_a_sublayout_that_needs_one_is_a_bad_link() -> None:
    outer, _ = with_sublayout("inner")
    assert outer.judge().reasons == {Reason.SUBLAYOUT_UNINSPECTED, Reason.TOO_FEW_FUNCTIONARIES}
    outer.perform("build", "alice", products={"out": "1"})
    assert outer.judge().require().steps[0].signers == (actor("alice").keyid,)


def test_a_command_of_a_sublayout_that_cannot_be_started_makes_a_bad_link_and_no_error() -> None:
    class Missing(FakeInspector):
        def run(self, name: str, command: Sequence[str]) -> Completed:
            raise ExecutionError(f"cannot run {command[0]!r} of {name!r}: no such file")

    outer, _ = with_sublayout("inner")
    outer.judge(FakeInspector()).require()
    verdict = outer.judge(Missing())
    assert Reason.SUBLAYOUT_REJECTED in verdict.reasons
    assert "no such file" in verdict.rejections[0].message
    outer.perform("build", "alice", products={"out": "1"})
    outer.judge(Missing()).require()


def test_the_inspections_of_an_inner_sublayout_run_before_those_around_it() -> None:
    innermost = Simulator()
    innermost.step("compile", "carol", products={"out": "1"})
    innermost.inspection("first", "first")
    middle = Simulator()
    middle.step("make", "dave", products={"out": "1"}, perform=False)
    middle.sublayout("make", "dave", innermost)
    middle.inspection("second", "second")
    outer = Simulator()
    outer.step("build", "bob", perform=False)
    outer.sublayout("build", "bob", middle)
    outer.inspection("third", "third")
    outer.demands = Demands(sublayout_inspections=True)
    inspector = FakeInspector()
    outer.judge(inspector).require()
    assert inspector.ran == ["first", "second", "third"]
    failing = FakeInspector(commands={"first": lambda _: 1})
    assert Reason.SUBLAYOUT_REJECTED in outer.judge(failing).reasons
    assert failing.ran == ["first"]


def test_sublayouts_of_two_steps_are_each_inspected_once() -> None:
    outer = Simulator()
    outer.demands = Demands(sublayout_inspections=True)
    for step in ("one", "two"):
        inner = Simulator()
        inner.layout = inner.layout.replace(readme=step)
        inner.step("compile", "carol", products={"out": "1"})
        inner.inspection(f"of-{step}", f"of-{step}")
        outer.step(step, "bob", perform=False)
        outer.sublayout(step, "bob", inner)
    inspector = FakeInspector()
    outer.judge(inspector).require()
    assert inspector.ran == ["of-one", "of-two"]
    failing = FakeInspector(commands={"of-two": lambda _: 1})
    verdict = outer.judge(failing)
    assert Reason.SUBLAYOUT_REJECTED in verdict.reasons
    assert [step.link is not None for step in verdict.steps] == [True, False]
    assert failing.ran == ["of-one", "of-two"]


def test_several_signed_links_of_one_inspection_have_to_say_the_same() -> None:
    outer, inner = with_sublayout("look")
    outer.demands = Demands()
    for file, made in (("", "1"), ("look.other.link", "1")):
        inner.perform(
            "look", "bob", command=["look"], byproducts={"return-value": 0}, products={"out": made}, file=file
        )
    outer.sublayout("build", "bob", inner)
    outer.judge().require()
    inner.perform("look", "bob", command=["look"], byproducts={"return-value": 0}, file="look.older.link")
    outer.sublayout("build", "bob", inner)
    verdict = outer.judge()
    assert Reason.SUBLAYOUT_REJECTED in verdict.reasons
    assert "differ" in verdict.rejections[0].message


def test_a_sublayout_of_two_signers_needs_inspection_links_signed_by_both() -> None:
    outer, inner = with_sublayout("look")
    outer.demands = Demands()
    link = inner.perform("look", "bob", command=["look"], byproducts={"return-value": 0}).document()
    outer.sublayout("build", "bob", inner)
    outer.judge().require()
    outer.sublayout("build", "bob", inner, "alice")
    assert Reason.SUBLAYOUT_UNINSPECTED in outer.judge().reasons
    inner.put("look", "bob", link, "alice")
    outer.sublayout("build", "bob", inner, "alice")
    outer.judge().require()


def test_every_inspection_needs_a_signed_link_or_none_counts() -> None:
    outer, inner = with_sublayout("one", "two")
    outer.demands = Demands()
    inner.perform("one", "bob", command=["one"], byproducts={"return-value": 0})
    outer.sublayout("build", "bob", inner)
    assert Reason.SUBLAYOUT_UNINSPECTED in outer.judge().reasons
    inner.perform("two", "bob", command=["two"], byproducts={"return-value": 0})
    outer.sublayout("build", "bob", inner)
    outer.judge().require()


def test_a_sublayout_that_passed_looks_again_when_evidence_beside_it_counts_no_longer() -> None:
    chain = Simulator()
    for step, who, command, others in (("one", "alice", "look", []), ("two", "bob", "break", ["carl"])):
        inner = Simulator()
        inner.step("compile", f"{who}'s helper", products={"out": "2"})
        inner.inspection(command, command, [], ["DISALLOW *"] if command == "look" else [])
        chain.step(step, who, *others, products={"out": "2"}, expected_products=["CREATE out"], perform=False)
        chain.sublayout(step, who, inner)
    chain.perform("two", "carl", products={"out": "2"})
    chain.demands = Demands(sublayout_inspections=True)
    inspector = SeesUncounted(chain)
    chain.judge(inspector).require()
    inspector.commands = {"break": lambda _: 1}
    inspector.ran = []
    verdict = chain.judge(inspector)
    # bob's sublayout is no evidence any more, and alice's demands that nothing but evidence lies there.
    assert Reason.SUBLAYOUT_REJECTED in verdict.reasons
    assert {finding.subject for finding in verdict.rejections} == {"step 'one'"}
    assert inspector.ran == ["look", "break", "look"]


def test_an_inspector_that_is_false_as_a_condition_is_an_inspector_all_the_same() -> None:
    chain, _ = with_sublayout("look")
    chain.demands = Demands(sublayout_inspections=True)
    good = Empty()
    chain.judge(good).require()
    assert good.ran == ["look"]
    bad = Empty(commands={"look": lambda _: 1})
    assert Reason.SUBLAYOUT_REJECTED in chain.judge(bad).reasons
