from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from custody.envelopes.metablock import Metablock
from custody.errors import CustodyError, ExecutionError, RecordingError, StoreError, UsageError
from custody.models.layout import Inspection
from custody.models.link import Link
from custody.verification.case import Evidence
from custody.workflows.inspect import DirectoryInspector, InspectionOptions
from tests.simulator import digests, hashed

SHA256 = frozenset({"sha256"})


@pytest.fixture
def final(tmp_path: Path) -> Path:
    directory = tmp_path / "final"
    directory.mkdir()
    (directory / "out").write_text("2")
    return directory


def options(final: Path, **changes: object) -> InspectionOptions:
    return InspectionOptions(directory=str(final)).replace(**changes)


def test_the_directory_is_recorded_and_commands_run_in_it(final: Path) -> None:
    with DirectoryInspector(options(final), SHA256) as inspector:
        assert inspector.record(()) == hashed({"out": "2"})
        completed = inspector.run("look", ["sh", "-c", "pwd; cat out > copy; echo bad >&2; exit 3"])
        assert (completed.return_value, completed.stderr) == (3, "bad\n")
        assert os.path.realpath(completed.stdout.strip()) == os.path.realpath(final)
        assert inspector.record(()) == hashed({"out": "2", "copy": "2"})


def test_a_scratch_copy_leaves_the_directory_as_it_was(final: Path) -> None:
    (final / "link").symlink_to("out")
    with DirectoryInspector(options(final, copy=True), SHA256) as inspector:
        assert inspector.record(()) == hashed({"out": "2", "link": "2"})
        where = inspector.run("spoil", ["sh", "-c", "pwd; echo evil > out; rm link"]).stdout.strip()
        assert inspector.record(()) == hashed({"out": "evil\n"})
    assert (final / "out").read_text() == "2"
    assert not os.path.exists(where)
    with DirectoryInspector(options(final), SHA256) as inspector:
        inspector.run("spoil", ["sh", "-c", "echo evil > out; rm link"])
    assert (final / "out").read_text() == "evil\n"


def test_a_link_to_nothing_is_refused_unless_it_is_excluded(final: Path) -> None:
    (final / "later").symlink_to("/nonexistent")
    with DirectoryInspector(options(final), SHA256) as inspector, pytest.raises(RecordingError, match="'later'"):
        inspector.record(())
    with DirectoryInspector(options(final, exclude=("later",)), SHA256) as inspector:
        assert inspector.record(()) == hashed({"out": "2"})


def test_a_scratch_copy_is_made_only_if_anything_is_inspected(final: Path) -> None:
    os.mkfifo(final / "pipe")  # which cannot be copied
    with DirectoryInspector(options(final, copy=True), SHA256):
        pass
    with DirectoryInspector(options(final, copy=True), SHA256) as inspector, pytest.raises(StoreError, match="pipe"):
        inspector.record(())


def test_a_directory_that_is_none_is_refused_before_anything_runs(final: Path) -> None:
    with pytest.raises(UsageError, match="it is no directory"):
        DirectoryInspector(options(final / "out"), SHA256)
    with pytest.raises(UsageError, match="cannot write inspection links"):
        DirectoryInspector(options(final, links_directory=str(final / "none")), SHA256)


def test_a_time_out_ends_the_command(final: Path) -> None:
    with DirectoryInspector(options(final, timeout=0.2), SHA256) as inspector:
        assert inspector.run("wait", ["sleep", "30"]).timed_out
        assert not inspector.run("wait", ["true"]).timed_out
    with DirectoryInspector(options(final, timeout=None), SHA256) as inspector:
        assert not inspector.run("wait", ["sleep", "0.3"]).timed_out


def test_a_command_that_is_not_there_is_an_error(final: Path) -> None:
    with (
        DirectoryInspector(options(final), SHA256) as inspector,
        pytest.raises(ExecutionError, match="no-such-program"),
    ):
        inspector.run("look", ["no-such-program"])


def test_nothing_is_excluded_unless_asked(final: Path) -> None:
    for name in ("a.pyc", "x.link.sh", "a~"):
        (final / name).write_text("")
    with DirectoryInspector(options(final), SHA256) as inspector:
        assert set(inspector.record(())) == {"out", "a.pyc", "x.link.sh", "a~"}
    with DirectoryInspector(options(final, exclude=("*.pyc", "a~")), SHA256) as inspector:
        assert set(inspector.record(())) == {"out", "x.link.sh"}


@pytest.mark.parametrize("copy", [False, True])
def test_counted_evidence_is_left_out_by_path_and_digest(final: Path, copy: bool) -> None:
    (final / "links").mkdir()
    path = final / "links" / "build.1234abcd.link"
    path.write_bytes(b"evidence")
    elsewhere = final / "copy-of-evidence"
    elsewhere.write_bytes(b"evidence")
    counted = (Evidence(source=str(path), content=b"evidence"),)
    with DirectoryInspector(options(final, copy=copy), SHA256) as inspector:
        assert set(inspector.record(counted)) == {"out", "copy-of-evidence"}
        assert set(inspector.record(())) == {"out", "copy-of-evidence", "links/build.1234abcd.link"}
        inspector.run("swap", ["sh", "-c", "echo evil > links/build.1234abcd.link"])
        assert inspector.record(counted)["links/build.1234abcd.link"] == digests("evil\n")


def test_evidence_named_relative_to_the_current_directory_is_left_out(
    final: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(final)
    (final / "build.1234abcd.link").write_bytes(b"evidence")
    counted = (Evidence(source="build.1234abcd.link", content=b"evidence"),)
    with DirectoryInspector(InspectionOptions(), SHA256) as inspector:
        assert set(inspector.record(counted)) == {"out"}
        assert set(inspector.record(())) == {"out", "build.1234abcd.link"}


def test_files_that_the_verifier_keeps_are_left_out_as_they_were(final: Path) -> None:
    state = final / "seen.json"
    state.write_text("{}")
    with DirectoryInspector(options(final), SHA256, own=(str(state), str(final / "none"))) as inspector:
        assert set(inspector.record(())) == {"out"}
        state.write_text("evil")
        assert set(inspector.record(())) == {"out", "seen.json"}


def test_every_pinned_digest_is_recorded(final: Path) -> None:
    (final / "out").chmod(0o640)
    with DirectoryInspector(options(final), frozenset({"sha256", "sha512", "mode"})) as inspector:
        (recorded,) = inspector.record(()).values()
    assert set(recorded) == {"sha256", "sha512", "mode"}
    assert recorded["mode"] == "0640"


LINK = Link(name="look", command=("look",))


def test_a_link_is_kept_only_where_asked_and_not_seen_by_later_inspections(final: Path) -> None:
    with DirectoryInspector(options(final), SHA256) as inspector:
        inspector.keep(LINK)
        assert set(inspector.record(())) == {"out"}
    assert os.listdir(final) == ["out"]
    with DirectoryInspector(options(final, links_directory=str(final)), SHA256) as inspector:
        inspector.keep(LINK)
        assert json.loads((final / "look.link").read_text())["signed"]["name"] == "look"
        assert set(inspector.record(())) == {"out"}
        (final / "look.link").write_text("evil")
        assert set(inspector.record(())) == {"out", "look.link"}


def test_how_a_link_is_written_can_be_chosen(final: Path) -> None:
    def compact(link: Link) -> bytes:
        return json.dumps({"signed": link.document(), "signatures": []}).encode()

    with DirectoryInspector(options(final, links_directory=str(final), link_bytes=compact), SHA256) as inspector:
        for _ in range(2):
            inspector.keep(LINK)
            assert (final / "look.link").read_bytes() == compact(LINK)
            assert set(inspector.record(())) == {"out"}


NOT_ITS_OWN = {
    "of another inspection": Metablock.wrap(LINK.replace(name="other").document()).write(),
    "signed": Metablock.wrap(LINK.document()).with_signature("x", b"y").write(),
    "no link": b"precious",
}


@pytest.mark.parametrize("case", NOT_ITS_OWN)
def test_a_kept_link_replaces_only_an_earlier_one_of_the_same_inspection(final: Path, case: str) -> None:
    file = final / "look.link"
    file.write_bytes(Metablock.wrap(LINK.replace(command=("earlier",)).document()).write())
    with DirectoryInspector(options(final, links_directory=str(final)), SHA256) as inspector:
        inspector.keep(LINK)
        assert b"earlier" not in file.read_bytes()
        file.write_bytes(NOT_ITS_OWN[case])
        with pytest.raises(CustodyError, match="left as it is"):
            inspector.keep(LINK)
    assert file.read_bytes() == NOT_ITS_OWN[case]


def test_a_link_of_an_earlier_verification_is_left_out_only_where_it_will_be_replaced(final: Path) -> None:
    file = final / "look.link"
    file.write_bytes(Metablock.wrap(LINK.document()).write())
    look = Inspection(name="look", run=("true",))
    for links_directory, expected, seen in (
        (str(final), [look], {"out"}),
        (str(final), [look.replace(name="other")], {"out", "look.link"}),
        ("", [look], {"out", "look.link"}),
    ):
        with DirectoryInspector(options(final, links_directory=links_directory), SHA256) as inspector:
            inspector.expect(expected)
            assert set(inspector.record(())) == seen
    for data in NOT_ITS_OWN.values():
        file.write_bytes(data)
        with DirectoryInspector(options(final, links_directory=str(final)), SHA256) as inspector:
            inspector.expect([look])
            assert set(inspector.record(())) == {"out", "look.link"}


def test_progress_names_the_command(final: Path) -> None:
    seen: list[str] = []
    with DirectoryInspector(options(final), SHA256, seen.append) as inspector:
        inspector.run("look", ["true", "now"])
    assert seen == ["inspection 'look': true now"]
