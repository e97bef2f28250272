"""Both sides record the same: the same files with the same bytes apart from signatures, the same exit codes and errors.

Every example runs one side in a project, takes the result away, and runs the other in the same place.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from tests.compat.differential.keys import KINDS, KeyRing
from tests.compat.differential.projects import Project, Recording, SymLink, projects, recordings, snapshot
from tests.compat.differential.sides import Ran, Side

pytestmark = pytest.mark.component("reference")

SIGNATURE = re.compile(rb'"sig": ?"[^"]*"')
PAYLOAD = re.compile(rb'"payload": ?"([^"]*)"')
UNFINISHED_DIGEST = re.compile(rb'(?<=[.]link-unfinished"): [{]\s*"sha256": "[^"]*"')
UNFINISHED = re.compile(r"(^|/)\.[^/]*\.link-unfinished$")

fast = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
thorough = settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck))

COMMANDS: Sequence[tuple[str, ...]] = (
    ("true",),
    ("false",),
    ("sh", "-c", "exit 3"),
    ("sh", "-c", "kill -9 $$"),
    ("sh", "-c", "echo made > made; echo out; echo err >&2"),
    ("sh", "-c", "rm -f a; printf 2 > b.txt"),
    ("sh", "-c", "printf 'ünï\\r\\n\\\\\"\\t'"),
    ("no-such-program",),
    ("./not-executable",),
)


@dataclass(frozen=True)
class Outcome:
    """What there is to compare: the last exit code, the class of the error, and every file."""

    exits: tuple[int, ...]
    failures: tuple[str, ...]
    printed: tuple[str, ...]
    files: dict[str, bytes | SymLink]


def compare(
    project: Project,
    place: Path,
    sides: Sequence[Side],
    *commands: Sequence[str],
    files: bool = True,
    again: bool = False,
) -> Outcome:
    """Return the outcome of `commands`, which is the same on every side.

    Unless `files`, only exit codes count. `again`: something is recorded twice, which is a collision of
    names to the reference if prefixes are stripped, and to us it is one file. Where the reference records a file
    under no name at all, we refuse (X11).
    """
    outcomes, nameless = [], []
    for side in sides:
        project.make(place)
        assume(not project.loops(place))
        ran = [side.run(name, *arguments, directory=place) for name, *arguments in commands]
        nameless.append(
            any(isinstance(each, bytes) and NAMELESS.search(comparable(each)) for each in snapshot(place).values())
        )
        outcomes.append(outcome_of(ran, place))
    assert not nameless[1]
    if nameless[0]:
        assert "ValueError" in outcomes[1].failures
        return outcomes[0]
    if not files:
        outcomes = [replace(each, files={}, printed=(), failures=()) for each in outcomes]
    if again and "PrefixError" in outcomes[0].failures:
        return outcomes[0]
    assert outcomes[1] == outcomes[0]
    return outcomes[0]


def outcome_of(ran: Sequence[Ran], place: Path) -> Outcome:
    """Return the outcome, without signatures and without what is in preliminary files (D26)."""
    files = {
        name: b"" if UNFINISHED.search(name) else comparable(each) if isinstance(each, bytes) else each
        for name, each in snapshot(place).items()
    }
    return Outcome(
        exits=tuple(each.exit for each in ran),
        failures=tuple(each.failure for each in ran),
        printed=tuple("\n".join(sorted(each.out.splitlines())) for each in ran),
        files=files,
    )


def comparable(data: bytes) -> bytes:
    """Return a file with its payload in plain text, without signatures and without digests of preliminary files."""
    data = PAYLOAD.sub(lambda found: base64.b64decode(found[1]), data)
    return UNFINISHED_DIGEST.sub(b"", SIGNATURE.sub(b"", data))


@pytest.fixture
def sides(reference: Side, package: Side) -> tuple[Side, Side]:
    return reference, package


NAMELESS = re.compile(rb'"(?:file:)?": \{\s*"sha256"')

Sides = tuple[Side, Side]


def check_run(data: st.DataObject, sides: Sides, keys: KeyRing, place: Path) -> None:
    project = data.draw(projects())
    recording = data.draw(recordings(project))
    key = keys.key(data.draw(st.sampled_from(KINDS)))
    command = data.draw(st.sampled_from(COMMANDS))
    name = data.draw(st.sampled_from(["build", "with space", "ünï", ".hidden"]))
    words = ["in-toto-run", "--step-name", name, "--signing-key", str(key.private), *recording.options()]
    words += ["-s"] if data.draw(st.booleans()) else []
    directory = data.draw(st.sampled_from([".", "links", "lib"])) if data.draw(st.booleans()) else "."
    words += ["-d", directory] if directory != "." else []
    words += ["-x"] if data.draw(st.booleans()) else ["--", *command]
    # Where there is no place for the link, we say so before the command runs, and the reference when it has run.
    files = directory == "." or isinstance(project.tree.get(directory), dict)
    outcome = compare(project, place, sides, words, files=files, again=recording.again)
    event(f"exit {outcome.exits}, {outcome.failures}")


def check_record(data: st.DataObject, sides: Sides, keys: KeyRing, place: Path) -> None:
    project = data.draw(projects())
    recording = data.draw(recordings(project))
    key = keys.key(data.draw(st.sampled_from(KINDS)))
    common = ["--step-name", "edit", "--signing-key", str(key.private)]
    start = ["in-toto-record", "start", *common, *recording.options(products=False)]
    stop = ["in-toto-record", "stop", *common, *recording.options(materials=False)]
    commands = data.draw(st.sampled_from([[start, stop], [start], [stop]]))
    outcome = compare(project, place, sides, *commands, again=recording.again)
    event(f"exit {outcome.exits}, {outcome.failures}")


def check_mock(data: st.DataObject, sides: Sides, place: Path) -> None:
    project = data.draw(projects())
    words = ["in-toto-mock", "--name", "draft"] + (["--use-dsse"] if data.draw(st.booleans()) else [])
    outcome = compare(project, place, sides, [*words, "--", *data.draw(st.sampled_from(COMMANDS))])
    event(f"exit {outcome.exits}, {outcome.failures}")


def check_match_products(data: st.DataObject, sides: Sides, keys: KeyRing, place: Path) -> None:
    project = data.draw(projects(links=False))
    recording = Recording(products=(".",))
    key = keys.key("ed25519")
    run = ["in-toto-run", "-n", "build", "--signing-key", str(key.private), *recording.options()]
    change = data.draw(st.sampled_from(COMMANDS))
    other = data.draw(recordings(project))
    # A file without a name is refused here only (X11), which no file that is written would show.
    assume(not any(f"/{path}".endswith(f"/{prefix}") for path in project.tree for prefix in other.lstrip))
    match = ["in-toto-match-products", "-v", "-l", f"build.{key.keyid:.8}.link"]
    match += ["-p", *other.products] if other.products else []
    match += ["-e", *other.exclude] if other.exclude else []
    match += ["--lstrip-paths", *other.lstrip] if other.lstrip else []
    mock = ["in-toto-mock", "-n", "change", "--", *change]
    outcome = compare(project, place, sides, [*run, "--", "true"], mock, match, again=other.again)
    event(f"exit {outcome.exits}")


@fast
@given(data=st.data())
def test_run_writes_the_same_link(data: st.DataObject, sides: Sides, keys: KeyRing, tmp_path: Path) -> None:
    check_run(data, sides, keys, tmp_path / "project")


@pytest.mark.slow
@thorough
@given(data=st.data())
def test_run_writes_the_same_link_many_times(data: st.DataObject, sides: Sides, keys: KeyRing, tmp_path: Path) -> None:
    check_run(data, sides, keys, tmp_path / "project")


@fast
@given(data=st.data())
def test_record_writes_the_same_link(data: st.DataObject, sides: Sides, keys: KeyRing, tmp_path: Path) -> None:
    check_record(data, sides, keys, tmp_path / "project")


@pytest.mark.slow
@thorough
@given(data=st.data())
def test_record_writes_the_same_link_many_times(
    data: st.DataObject, sides: Sides, keys: KeyRing, tmp_path: Path
) -> None:
    check_record(data, sides, keys, tmp_path / "project")


@fast
@given(data=st.data())
def test_mock_writes_the_same_link(data: st.DataObject, sides: Sides, tmp_path: Path) -> None:
    check_mock(data, sides, tmp_path / "project")


@fast
@given(data=st.data())
def test_match_products_finds_the_same(data: st.DataObject, sides: Sides, keys: KeyRing, tmp_path: Path) -> None:
    check_match_products(data, sides, keys, tmp_path / "project")


@pytest.mark.slow
@thorough
@given(data=st.data())
def test_match_products_finds_the_same_many_times(
    data: st.DataObject, sides: Sides, keys: KeyRing, tmp_path: Path
) -> None:
    check_match_products(data, sides, keys, tmp_path / "project")
