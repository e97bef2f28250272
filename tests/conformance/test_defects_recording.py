# ruff: noqa: N802  # tests are named for the rows of `test_defects.py`
"""Known defects of other implementations: recording, and documents of the wrong kind; see `test_defects.py`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from custody.artifacts.recording import Recording, record
from custody.cli.main import main
from custody.envelopes.metablock import Metablock
from custody.errors import FormatError, RecordingError
from custody.models.link import Link
from custody.verdict import Reason
from custody.verification.judge import judge
from custody.workflows.record import PRELIMINARY_TYPE, RecordOptions, preliminary_path, start, stop
from custody.workflows.run import RunOptions, run
from tests.simulator import Simulator, actor, hashed, link_name, signed


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_D21_a_missing_product_is_an_error_and_an_optional_one_is_not(here: Path) -> None:
    alice = actor("alice")
    with pytest.raises(RecordingError, match="'out'"):
        run("build", [], signer=alice, products=["out"])
    assert not list(here.glob("*.link"))
    run("build", [], signer=alice, products=["out"], options=RunOptions(recording=Recording(optional=("out",))))
    (here / "out").write_text("2")
    link = run("build", [], signer=alice, products=["out"]).link
    assert link is not None
    assert link.products == hashed({"out": "2"})


def test_D21_the_exit_code_of_the_wrapped_command_wins_over_the_product_it_did_not_make(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["keygen", "alice"]) == 0
    build = ["run", "-n", "build", "--signing-key", "alice", "-p", "out", "--"]
    assert main([*build, "sh", "-c", "exit 7"]) == 7
    assert main([*build, "true"]) == 2
    assert "out" in capsys.readouterr().err
    assert main([*build, "touch", "out"]) == 0


def test_D21_what_is_empty_or_wholly_excluded_is_a_warning(here: Path) -> None:
    (here / "empty").mkdir()
    (here / "cache").mkdir()
    (here / "cache" / "a.pyc").write_text("1")
    assert len(record(["empty"]).warnings) == 1
    assert len(record(["cache"]).warnings) == 1
    assert not record(["cache"], Recording(exclude=())).warnings


def test_D22_excludes_can_be_switched_off(here: Path) -> None:
    (here / "a.pyc").write_text("1")
    assert record(["."], Recording(exclude=())).artifacts == hashed({"a.pyc": "1"})
    assert record(["."]).artifacts == {}


def test_D22_a_backslash_in_a_name_is_no_slash(here: Path) -> None:
    (here / "a").mkdir()
    (here / "a" / "b").write_text("1")
    (here / "a\\b").write_text("2")
    assert record(["."]).artifacts == hashed({"a/b": "1", "a\\b": "2"})


def test_D22_a_name_that_is_not_utf8_is_refused_with_a_sentence(here: Path) -> None:
    (here / "good").write_text("1")
    record(["."])
    Path(os.fsdecode(bytes(here) + b"/bad\xff")).write_text("1")
    with pytest.raises(RecordingError, match="UTF-8"):
        record(["."])


def test_D22_a_loop_of_links_records_nothing_twice(here: Path) -> None:
    (here / "src").mkdir()
    (here / "src" / "a").write_text("1")
    (here / "src" / "loop").symlink_to(here / "src")
    assert record(["src"]).artifacts == hashed({"src/a": "1"})
    (here / "src" / "b").symlink_to("a")
    assert record(["src"]).artifacts == hashed({"src/a": "1", "src/b": "1"})


def test_D22_the_working_directory_stays_also_after_an_error(here: Path) -> None:
    (here / "base").mkdir()
    with pytest.raises(RecordingError):
        record(["missing"], Recording(base_path="base"))
    assert Path.cwd() == here


def test_D22_a_fifo_is_refused_without_waiting(here: Path) -> None:
    os.mkfifo(here / "pipe")
    with pytest.raises(RecordingError, match="pipe"):
        record(["."])
    assert record(["."], Recording(exclude=("pipe",))).artifacts == {}


def test_D22_a_link_that_leaves_what_is_recorded_is_reported(
    tmp_path_factory: pytest.TempPathFactory, here: Path
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret").write_text("1")
    (here / "src").mkdir()
    (here / "src" / "in").write_text("1")
    (here / "src" / "alias").symlink_to("in")
    assert not record(["src"]).warnings
    (here / "src" / "out").symlink_to(outside / "secret")
    assert any("out" in warning for warning in record(["src"]).warnings)


@pytest.mark.parametrize("dsse", [False, True])
def test_D23_a_link_is_no_layout(dsse: bool) -> None:
    chain = Simulator(dsse=dsse)
    chain.step("build", "alice")
    link = signed(Link(name="build").document(), chain.owner, dsse=dsse)
    with pytest.raises(FormatError) as caught:
        judge(chain.case(link))
    assert str(caught.value).startswith("_type: expected 'layout', got 'link'")
    chain.judge().require()


@pytest.mark.parametrize("dsse", [False, True])
def test_D23_products_are_matched_with_either_kind_of_envelope(here: Path, dsse: bool) -> None:
    alice = actor("alice")
    (here / "out").write_text("1")
    result = run("build", [], signer=alice, products=["out"], options=RunOptions(use_dsse=dsse))
    assert main(["match-products", "-l", result.path, "-p", "out"]) == 0
    (here / "out").write_text("2")
    assert main(["match-products", "-l", result.path, "-p", "out"]) == 1


@pytest.mark.parametrize("dsse", [False, True])
def test_D26_a_started_recording_is_no_evidence_whatever_it_is_called(here: Path, dsse: bool) -> None:
    alice = actor("alice")
    (here / "src").write_text("1")
    options = RecordOptions(use_dsse=dsse)
    start("edit", signer=alice, materials=["src"], options=options)
    unfinished = Path(preliminary_path(".", "edit", alice.keyid)).read_bytes()
    chain = Simulator(dsse=dsse)
    chain.step("edit", "alice", perform=False)
    chain.files[link_name("edit", alice)] = unfinished
    verdict = chain.judge()
    assert verdict.reasons == {Reason.LINK_MALFORMED, Reason.TOO_FEW_FUNCTIONARIES}
    assert "got _type 'preliminary'" in str(verdict.findings)
    stopped = stop("edit", signer=alice, products=["src"], options=options)
    chain.files[link_name("edit", alice)] = Path(stopped.path).read_bytes()
    chain.judge().require()


def test_D26_a_started_recording_is_no_presigned_inspection_either() -> None:
    inner = Simulator()
    inner.step("compile", "carol")
    inner.inspection("check", "make check")
    chain = Simulator()
    chain.step("build", "bob", perform=False)
    inner.perform("check", "bob", command=["make", "check"], byproducts={"return-value": 0})
    chain.sublayout("build", "bob", inner)
    chain.judge().require()
    link = Link(name="check", command=("make", "check"), byproducts={"return-value": 0}).document()
    bob = actor("bob")
    wrong = Metablock.wrap({"_type": PRELIMINARY_TYPE, "link": link})
    inner.files[link_name("check", bob)] = wrong.with_signature(bob.keyid, bob.sign(wrong.signed_bytes)).write()
    chain.sublayout("build", "bob", inner)
    assert Reason.SUBLAYOUT_UNINSPECTED in chain.judge().reasons
