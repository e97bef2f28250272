from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from custody.errors import CustodyError, FormatError, StoreError, UsageError
from custody.stores.memory import MemoryStore
from custody.verdict import Reason
from custody.verification.case import Demands, Remembered, Target
from custody.workflows.inspect import InspectionOptions
from custody.workflows.verify import Verification, read_layout_file, target_of, verify, verify_materials
from tests.simulator import AT, Simulator, actor, digests, hashed, link_name, signed, two_steps

SHA256 = frozenset({"sha256"})
HEX = digests("2")["sha256"]


def on_disk(directory: Path, chain: Simulator | None = None) -> Verification:
    """Return the verification of a chain whose layout and links are files."""
    simulated = chain or two_steps()
    verification = simulated.verification(directory)
    layout = directory / "root.layout"
    layout.write_bytes(simulated.envelope().write())
    return verification.replace(layout=str(layout))


def test_a_chain_on_disk_is_judged(tmp_path: Path) -> None:
    verification = on_disk(tmp_path)
    assert verify(verification).require().summary_link is not None
    (tmp_path / link_name("build", actor("bob"))).unlink()
    assert verify(verification).reasons == {Reason.LINK_MISSING}


def test_a_layout_and_evidence_need_not_be_files(tmp_path: Path) -> None:
    chain = two_steps()
    verification = on_disk(tmp_path).replace(layout=chain.envelope(), evidence=MemoryStore(chain.files))
    verify(verification).require()
    assert verify(verification.replace(evidence=MemoryStore({}))).reasons == {Reason.LINK_MISSING}


def test_without_an_instant_it_is_now(tmp_path: Path) -> None:
    chain = two_steps()
    for days, reasons in ((1, set()), (-1, {Reason.LAYOUT_EXPIRED})):
        expires = (datetime.now(UTC) + timedelta(days=days)).replace(microsecond=0)
        chain.layout = chain.layout.replace(expires=expires)
        assert verify(on_disk(tmp_path, chain).replace(at=None)).reasons == reasons


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not JSON"),
        (b'{"signed": {}, "signatures": [], "payload": ""}', "both 'signed' and 'payload'"),
        (b'{"_type": "layout"}', "nobody signed it"),
    ],
)
def test_a_layout_file_that_is_none_is_an_error_that_names_it(tmp_path: Path, content: bytes, said: str) -> None:
    verification = on_disk(tmp_path)
    read_layout_file(str(verification.layout))
    Path(str(verification.layout)).write_bytes(content)
    with pytest.raises(FormatError, match=said) as caught:
        verify(verification)
    assert str(caught.value).startswith(str(verification.layout))


def test_a_layout_that_its_owner_signed_and_that_is_none_is_an_error_that_names_the_file_and_the_place(
    tmp_path: Path,
) -> None:
    chain = two_steps()
    verify(on_disk(tmp_path, chain)).require()
    chain.document_changes.append(lambda document: document["steps"][0].update(threshold=0))
    verification = on_disk(tmp_path, chain)
    with pytest.raises(FormatError) as caught:
        verify(verification)
    assert str(caught.value).startswith(f"{verification.layout}: steps[0].threshold: expected an integer")
    with pytest.raises(FormatError, match=r"^layout: steps\[0\]"):
        verify(verification.replace(layout=chain.envelope()))


def test_missing_files_and_directories_are_errors(tmp_path: Path) -> None:
    verification = on_disk(tmp_path)
    with pytest.raises(StoreError, match="No such file"):
        verify(verification.replace(layout=str(tmp_path / "none")))
    with pytest.raises(StoreError, match="cannot look for links"):
        verify(verification.replace(evidence=str(tmp_path / "none")))


def test_evidence_is_not_looked_for_before_the_layout_is_the_owners(tmp_path: Path) -> None:
    chain = two_steps()
    verification = on_disk(tmp_path).replace(layout=signed(chain.document()), evidence=str(tmp_path / "none"))
    assert verify(verification).reasons == {Reason.OWNER_SIGNATURE_MISSING}
    with pytest.raises(StoreError):
        verify(verification.replace(layout=chain.envelope()))


def test_parameters_reach_the_layout(tmp_path: Path) -> None:
    chain = Simulator()
    chain.step("make", "alice", products={"app-1": "1"}, expected_products=["CREATE app-{v}", "DISALLOW *"])
    verification = on_disk(tmp_path, chain)
    verify(verification.replace(parameters={"v": "1"})).require()
    assert verify(verification.replace(parameters={"v": "2"})).reasons == {Reason.PRODUCT_DISALLOWED}


def test_inspections_can_be_refused(tmp_path: Path) -> None:
    chain = two_steps()
    chain.inspection("look", "true")
    verification = on_disk(tmp_path, chain)
    verify(verification).require()
    assert verify(verification.replace(inspections=None)).reasons == {Reason.INSPECTION_REFUSED}


def test_an_inspection_runs_for_real(tmp_path: Path) -> None:
    final = tmp_path / "final"
    final.mkdir()
    (final / "out").write_text("2")
    chain = two_steps()
    chain.inspection("look", "grep 2 out", ["MATCH out WITH PRODUCTS FROM build", "DISALLOW *"])
    (tmp_path / "links").mkdir()
    verification = on_disk(tmp_path / "links", chain).replace(inspections=InspectionOptions(directory=str(final)))
    verify(verification).require()
    (final / "out").write_text("22")
    assert verify(verification).reasons == {Reason.MATERIAL_DIFFERS}


def test_a_verification_that_keeps_links_can_be_repeated_in_the_same_directory(tmp_path: Path) -> None:
    final = tmp_path / "final"
    final.mkdir()
    (final / "out").write_text("2")
    chain = two_steps()
    chain.inspection("look", "true", ["MATCH out WITH PRODUCTS FROM build", "DISALLOW *"])
    options = InspectionOptions(directory=str(final), links_directory=str(final))
    verification = on_disk(tmp_path / "links", chain).replace(inspections=options)
    verify(verification).require()
    verify(verification).require()
    (final / "other.link").write_bytes((final / "look.link").read_bytes())
    assert verify(verification).reasons == {Reason.MATERIAL_DISALLOWED}


def test_progress_is_told_of_files_and_inspections(tmp_path: Path) -> None:
    chain = two_steps()
    chain.inspection("look", "true")
    seen: list[str] = []
    verify(on_disk(tmp_path, chain).replace(progress=seen.append)).require()
    assert seen[-1] == "inspection 'look': true"
    assert len(seen) == 3


def test_a_file_under_test_must_be_what_the_chain_made(tmp_path: Path) -> None:
    verification = on_disk(tmp_path)
    out = tmp_path / "download"
    out.write_text("2")
    (binding,) = verify(verification.replace(artifacts=(str(out),))).require().bindings
    assert (binding.target, binding.product) == (str(out), "out")
    out.write_text("3")
    assert verify(verification.replace(artifacts=(str(out),))).reasons == {Reason.ARTIFACT_NOT_MADE}


def test_targets_among_the_demands_count_beside_files(tmp_path: Path) -> None:
    wrong = Target(name="x", digests=digests("3"))
    verification = on_disk(tmp_path).replace(artifacts=(f"sha256:{HEX}",))
    verify(verification).require()
    verification = verification.replace(demands=Demands(targets=(wrong,)))
    assert verify(verification).reasons == {Reason.ARTIFACT_NOT_MADE}


def test_what_is_remembered_among_the_demands_counts_without_a_state_file(tmp_path: Path) -> None:
    owner = actor("owner").public_key.identity
    newer = Remembered(digest="newer", expires=two_steps().layout.expires + timedelta(days=1))
    verification = on_disk(tmp_path).replace(demands=Demands(remembered={owner: newer}))
    assert verify(verification).reasons == {Reason.LAYOUT_SUPERSEDED}
    with pytest.raises(UsageError, match="got both"):
        verify(verification.replace(state=str(tmp_path / "seen.json")))
    verify(verification.replace(demands=Demands())).require()


def test_a_step_to_have_made_it_without_an_artifact_is_an_error(tmp_path: Path) -> None:
    verification = on_disk(tmp_path).replace(demands=Demands(product_of="build"))
    with pytest.raises(UsageError, match="--artifact"):
        verify(verification)
    verify(verification.replace(artifacts=(f"sha256:{HEX}",))).require()


def test_a_target_is_a_file_or_a_digest(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("2")
    assert target_of(str(tmp_path / "a"), SHA256).digests == digests("2")
    assert target_of(f"sha256:{HEX.upper()}", SHA256).digests == digests("2")
    both = frozenset({"sha256", "sha512", "mode"})
    assert set(target_of(str(tmp_path / "a"), both).digests) == {"sha256", "sha512"}
    assert target_of(f"sha512:{'ab' * 64}", frozenset({"sha512"})).digests == {"sha512": "ab" * 64}


@pytest.mark.parametrize("artifact", ["sha256:", "sha256:abc", f"sha256:{'g' * 64}", f"sha512:{HEX}", ".", "", "none"])
def test_a_target_that_is_neither_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, artifact: str) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        (tmp_path / name).write_text("1")
    target_of("a", SHA256)
    with pytest.raises(CustodyError):
        target_of(artifact, SHA256)


@pytest.mark.parametrize("pinned", [{"sha512"}, {"sha256", "sha512"}])
def test_a_digest_that_cannot_be_compared_is_an_error_and_no_rejection(pinned: set[str]) -> None:
    target_of(f"sha256:{HEX}", SHA256)
    target_of(f"sha256:{HEX}", SHA256 | {"mode"})
    with pytest.raises(UsageError, match="choose --hash sha256"):
        target_of(f"sha256:{HEX}", frozenset(pinned))


def test_the_newest_layout_of_an_owner_is_remembered(tmp_path: Path) -> None:
    state = tmp_path / "seen.json"
    verification = on_disk(tmp_path).replace(state=str(state))
    digest = verify(verification).require().layout_digest
    owner = actor("owner").public_key.identity
    assert json.loads(state.read_text())["owners"][owner]["digest"] == digest


def test_a_rejected_layout_is_not_remembered(tmp_path: Path) -> None:
    state = tmp_path / "seen.json"
    verification = on_disk(tmp_path).replace(state=str(state), at=two_steps().layout.expires)
    assert verify(verification).reasons == {Reason.LAYOUT_EXPIRED}
    assert not state.exists()
    verify(verification.replace(at=AT)).require()
    assert state.exists()


def test_only_owners_whose_signatures_are_good_are_remembered(tmp_path: Path) -> None:
    chain = two_steps()
    ann, ben = actor("ann"), actor("ben")
    state = tmp_path / "seen.json"
    verification = on_disk(tmp_path).replace(
        layout=signed(chain.document(), ann),
        owner_keys=(ann.public_key, ben.public_key),
        demands=Demands(owner_threshold=1),
        state=str(state),
    )
    verify(verification).require()
    assert set(json.loads(state.read_text())["owners"]) == {ann.public_key.identity}


def test_a_corrupt_state_file_is_an_error_and_stays(tmp_path: Path) -> None:
    state = tmp_path / "seen.json"
    state.write_text("{}")
    with pytest.raises(FormatError, match=r"seen\.json"):
        verify(on_disk(tmp_path).replace(state=str(state)))
    assert state.read_text() == "{}"


def test_the_layout_that_is_named_may_be_an_older_one(tmp_path: Path) -> None:
    state = str(tmp_path / "seen.json")
    old, new = two_steps(), two_steps()
    new.layout = new.layout.replace(readme="new")
    old_verification = old.verification(tmp_path, state=state)
    new_verification = new.verification(tmp_path, state=state)
    digest = verify(old_verification).require().layout_digest
    verify(new_verification).require()
    assert verify(old_verification).reasons == {Reason.LAYOUT_SUPERSEDED}
    named = Demands(layout_digest=digest)
    verify(old_verification.replace(demands=named)).require()
    # From now on it is the newest, and what it replaced is old.
    verify(old_verification).require()
    assert verify(new_verification).reasons == {Reason.LAYOUT_SUPERSEDED}


def test_the_state_file_in_the_inspected_directory_is_not_taken_for_an_artifact(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("2")
    chain = two_steps()
    chain.inspection("look", "true", ["MATCH out WITH PRODUCTS FROM build", "DISALLOW *"])
    verification = chain.verification(tmp_path, state=str(tmp_path / "seen.json"))
    verify(verification).require()
    verify(verification).require()
    (tmp_path / "other.json").write_text("{}")
    assert verify(verification).reasons == {Reason.MATERIAL_DISALLOWED}


def test_materials_are_judged_with_files(tmp_path: Path) -> None:
    verification = on_disk(tmp_path)
    bob = actor("bob").public_key
    verify_materials(verification, "build", hashed({"src/a.py": "1"}), bob).require()
    verdict = verify_materials(verification, "build", hashed({"src/a.py": "evil"}), bob)
    assert verdict.reasons == {Reason.MATERIAL_DIFFERS}
