"""Published advisories about in-toto implementations, each with a test; the table of all rows is in `test_defects.py`.

| Advisory | About | Where |
|---|---|---|
| CVE-2021-41087 | a path written another way passes DISALLOW | here and D7 |
| GHSA-pmwq-pjrm-6p5r | `[^a]` and `[!a]` | here and D6 |
| CVE-2023-32076 | configuration read from the working directory | here |
| GHSA-p86f-xmg6-9q4x | tampered material attacks the next functionary | here |
| GHSA-6q78-j78h-pqm2 | replay of an older link of the same step | here |
| GHSA-73jv-h86v-c2vh | replay of an old, unexpired layout | here |
| GHSA-wqrg-wjp9-wqfq | a changed mode is not noticed | here |
| GHSA-jjgp-whrp-gq8m | OpenPGP keys that are revoked, not yet valid or not for signing | `test_openpgp.py` |
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from custody.artifacts.recording import Recording, record
from custody.encoding.instants import write_instant
from custody.errors import FormatError, RejectedError
from custody.models.link import Link
from custody.rules.artifacts import Artifacts
from custody.verdict import Reason
from custody.verification.case import Demands, Target
from custody.verification.materials import judge_materials
from custody.workflows.run import RunOptions, run
from custody.workflows.verify import Verification, verify, verify_materials
from tests.simulator import AT, Simulator, actor, digests, hashed, link_name, two_steps


@pytest.mark.parametrize("path", ["dir/../foo", "./foo", "//foo", "foo/"])
def test_cve_2021_41087_a_path_written_another_way_does_not_pass_disallow(path: str) -> None:
    chain = Simulator()
    chain.step("build", "bob", products={"bar": "1"}, expected_products=["DISALLOW foo", "ALLOW *"])
    chain.judge().require()
    chain.perform("build", "bob", products={path: "1"})
    assert chain.judge().reasons == {Reason.LINK_MALFORMED, Reason.TOO_FEW_FUNCTIONARIES}


def test_ghsa_pmwq_a_negation_means_the_same_to_everybody_or_is_refused() -> None:
    chain = Simulator()
    chain.step("build", "bob", products={"abc": "1"}, expected_products=["DISALLOW [!a]*"])
    chain.judge().require()
    chain.document_changes.append(
        lambda document: document["steps"][0].update(expected_products=[["DISALLOW", "[^a]*"]])
    )
    with pytest.raises(FormatError) as caught:
        chain.judge()
    assert "write '[!' to negate" in caught.value.remedy


@pytest.mark.parametrize("name", [".in_totorc", "in_totorc", ".custodyrc", "custody.toml", "setup.cfg", ".env"])
def test_cve_2023_32076_no_configuration_is_read_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    chain = two_steps()
    chain.inspection("look", "true", ["MATCH out WITH PRODUCTS FROM build", f"ALLOW {name}", "DISALLOW *"])
    (tmp_path / "out").write_text("2")
    settings = "[in-toto settings]\nARTIFACT_EXCLUDE_PATTERNS = *:evil\nARTIFACT_BASE_PATH = /nowhere\n"
    (tmp_path / name).write_text(settings)
    verify(chain.verification(tmp_path)).require()
    (tmp_path / "evil").write_text("1")
    assert verify(chain.verification(tmp_path)).reasons == {Reason.MATERIAL_DISALLOWED}
    assert set(record([name, "evil", "out"]).artifacts) == {name, "evil", "out"}


def test_ghsa_p86f_tampered_material_is_found_before_a_command_runs_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    chain = two_steps()
    chain.remove("build", "bob")
    verification = chain.verification(tmp_path)
    bob = actor("bob")

    def look(materials: Artifacts) -> None:
        verify_materials(verification, "build", materials, bob.public_key).require()

    options = RunOptions(check_materials=look)
    source = tmp_path / "src" / "a.py"
    source.parent.mkdir()
    source.write_text("evil")
    build = ["sh", "-c", "cat src/a.py > ran; echo 2 > out"]
    with pytest.raises(RejectedError) as caught:
        run("build", build, signer=bob, materials=["src"], products=["src", "out"], options=options)
    assert caught.value.verdict.reasons == {Reason.MATERIAL_DIFFERS}
    assert not (tmp_path / "ran").exists()
    source.write_text("1")
    run("build", build, signer=bob, materials=["src"], products=["src", "out"], options=options)
    assert (tmp_path / "ran").exists()


def test_ghsa_p86f_who_is_no_functionary_of_the_step_is_told_before() -> None:
    chain = two_steps()
    materials = hashed({"src/a.py": "1"})
    judge_materials(chain.case(), "build", materials, actor("bob").public_key).require()
    verdict = judge_materials(chain.case(), "build", materials, actor("alice").public_key)
    assert verdict.reasons == {Reason.KEY_NOT_AUTHORISED}


def replayed(**environment: str) -> Simulator:
    """Return a chain whose build link is an old one, of the same source but of another product."""
    chain = two_steps()
    chain.perform(
        "build",
        "bob",
        materials={"src/a.py": "1"},
        products={"src/a.py": "1", "out": "old"},
        environment=environment,
    )
    chain.perform("write", "alice", products={"src/a.py": "1"}, environment={"finishedOn": write_instant(AT)})
    return chain


def test_ghsa_6q78_a_replayed_link_is_rejected_by_the_artifact_under_test() -> None:
    chain = replayed()
    chain.judge().require()  # nothing in it says that it is old
    chain.demands = Demands(targets=(Target(name="out", digests=digests("2")),))
    assert chain.judge().reasons == {Reason.ARTIFACT_NOT_MADE}
    chain.demands = Demands(targets=(Target(name="out", digests=digests("old")),))
    chain.judge().require()


def test_ghsa_6q78_a_replayed_link_is_rejected_by_a_maximum_age() -> None:
    chain = replayed(finishedOn=write_instant(AT - timedelta(days=40)))
    chain.demands = Demands(max_age=timedelta(days=41))
    chain.judge().require()
    chain.demands = Demands(max_age=timedelta(days=39))
    assert chain.judge().reasons == {Reason.LINK_TOO_OLD, Reason.TOO_FEW_FUNCTIONARIES}


@pytest.mark.parametrize("finished", ["", "2031-01-01T00:00:00Z", "yesterday"])
def test_ghsa_6q78_a_link_whose_age_nobody_knows_is_too_old(finished: str) -> None:
    chain = replayed(**({"finishedOn": finished} if finished else {}))
    chain.judge().require()
    chain.demands = Demands(max_age=timedelta(days=1))
    assert chain.judge().reasons & {Reason.LINK_TOO_OLD, Reason.LINK_MALFORMED}
    chain.perform(
        "build",
        "bob",
        materials={"src/a.py": "1"},
        products={"src/a.py": "1", "out": "2"},
        environment={"finishedOn": write_instant(AT)},
    )
    chain.judge().require()


def test_ghsa_6q78_a_replayed_link_of_a_presigned_inspection_is_too_old_as_well() -> None:
    for age, accepted in ((1, True), (40, False)):
        inner = Simulator()
        inner.step("compile", "carol", perform=False)
        inner.perform("compile", "carol", environment={"finishedOn": write_instant(AT)})
        inner.inspection("look", "look")
        made = write_instant(AT - timedelta(days=age))
        inner.perform("look", "bob", command=["look"], byproducts={"return-value": 0}, environment={"finishedOn": made})
        chain = Simulator()
        chain.step("build", "bob", perform=False)
        chain.sublayout("build", "bob", inner)
        chain.demands = Demands(max_age=timedelta(days=30))
        verdict = chain.judge()
        assert verdict.accepted is accepted
        assert accepted or Reason.SUBLAYOUT_UNINSPECTED in verdict.reasons


def two_layouts(directory: Path) -> tuple[Verification, Verification]:
    """Return the verification by an old layout, which demands less, and by the one that replaced it."""
    old, new = two_steps(), two_steps()
    new.layout = new.layout.replace(readme="the new one", expires=old.layout.expires + timedelta(days=1))
    state = str(directory / "seen.json")
    for name, data in old.files.items():
        (directory / name).write_bytes(data)
    both = [chain.verification(directory, state=state) for chain in (old, new)]
    return both[0], both[1]


def test_ghsa_73jv_a_replayed_layout_is_rejected_by_a_remembered_newer_one(tmp_path: Path) -> None:
    old, new = two_layouts(tmp_path)
    verify(old).require()
    verify(new).require()
    assert verify(old).reasons == {Reason.LAYOUT_SUPERSEDED}
    verify(new).require()
    verify(old.replace(state="")).require()


def test_ghsa_73jv_a_replayed_layout_is_rejected_by_the_digest_of_the_one_that_is_meant(tmp_path: Path) -> None:
    old, new = two_layouts(tmp_path)
    digest = verify(new).require().layout_digest
    demands = Demands(layout_digest=digest)
    verify(new.replace(demands=demands)).require()
    assert verify(old.replace(demands=demands, state="")).reasons == {Reason.LAYOUT_DIGEST_DIFFERS}


def test_ghsa_wqrg_a_changed_mode_is_judged_if_modes_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "src"
    file.write_text("1")
    file.chmod(0o644)
    before = record(["src"], Recording(modes=True)).artifacts
    file.chmod(0o755)
    after = record(["src"], Recording(modes=True)).artifacts
    chain = Simulator()
    chain.step("write", "alice", perform=False)
    chain.step("build", "bob", expected_materials=["MATCH * WITH PRODUCTS FROM write", "DISALLOW *"], perform=False)
    chain.put("write", "alice", Link(name="write", products=before).document())
    chain.put("build", "bob", Link(name="build", materials=before).document())
    chain.demands = Demands(pinned=frozenset({"sha256", "mode"}))
    chain.judge().require()
    chain.put("build", "bob", Link(name="build", materials=after).document())
    assert chain.judge().reasons == {Reason.MATERIAL_DIFFERS}
    assert link_name("build", actor("bob")) in chain.files


def test_ghsa_wqrg_an_inspection_records_modes_if_they_are_judged(tmp_path: Path) -> None:
    directory = tmp_path / "final"
    directory.mkdir()
    out = directory / "out"
    out.write_text("2")
    out.chmod(0o755)
    chain = Simulator()
    chain.step("build", "bob", perform=False)
    made = {"out": {**digests("2"), "mode": "0755"}}
    chain.put("build", "bob", Link(name="build", products=made).document())
    chain.inspection("look", "true", ["MATCH out WITH PRODUCTS FROM build", "DISALLOW *"])
    chain.demands = Demands(pinned=frozenset({"sha256", "mode"}))
    verify(chain.verification(directory)).require()
    out.chmod(0o4755)
    assert verify(chain.verification(directory)).reasons == {Reason.MATERIAL_DIFFERS}
    chain.demands = Demands()
    out.chmod(0o755)
    verify(chain.verification(directory)).require()
