"""Both sides come to the same verdict on the same chain, for the same reason, unless a named row says why not."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, note, settings
from hypothesis import strategies as st

from tests.compat.differential.chains import TWISTS, Case, cases, write_case
from tests.compat.differential.keys import KeyRing
from tests.compat.differential.projects import SymLink, snapshot
from tests.compat.differential.sides import Side

pytestmark = pytest.mark.component("reference")

fast = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
thorough = settings(max_examples=1500, deadline=None, suppress_health_check=list(HealthCheck))

MORE_ACCEPTED = {
    "D2": "unknown fields of links are kept, so that what is signed is what is verified",
    "D9": "IN . is the whole",
    "D11": "hexadecimal digits in capitals are the same digits, other algorithms do not disturb",
    "D12": "a group of links that reaches the threshold decides, dissent is reported",
    "D13": "a malformed link is skipped if enough others are there",
    "D15": "any valid signature of a key counts",
    "D18": "a bad sublayout is skipped if enough others are there",
}
"""Rows for which custody accepts what the reference rejects; for all others it may only be stricter."""


@dataclass(frozen=True)
class Judged:
    """What a verifier came to."""

    exit: int
    failure: str
    files: dict[str, bytes | SymLink]
    said: str

    @property
    def accepted(self) -> bool:
        return self.exit == 0


def judge(words: list[str], made: Path, place: Path, side: Side) -> Judged:
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(made, place)
    ran = side.run("in-toto-verify", *words, directory=place / "final")
    assert ran.exit in {0, 1}, ran.err
    assert "Traceback" not in ran.err, ran.err
    return Judged(ran.exit, ran.failure, snapshot(place / "final"), ran.err)


def compare(case: Case, keys: KeyRing, place: Path, sides: tuple[Side, Side]) -> Judged:
    """Return the verdict of the reference; custody's is the same or differs for a row that the case names."""
    made = place.with_name("made")
    shutil.rmtree(made, ignore_errors=True)
    words = write_case(case, keys, made)
    theirs, ours = (judge(words, made, place, side) for side in sides)
    event("accepted" if theirs.accepted else theirs.failure)
    note(f"reference: {theirs.said}")
    note(f"custody: {ours.said}")
    assert not (case.refused and ours.accepted), "custody accepts what it has to refuse"
    if theirs.accepted and ours.accepted:
        assert "A4" in case.rows or ours.files == theirs.files
    elif theirs.accepted:
        assert case.rows, "custody rejects what the reference accepts"
    elif ours.accepted:
        assert case.rows & set(MORE_ACCEPTED), "custody accepts what the reference rejects"
    elif not case.rows and not excused(case, theirs, ours):
        assert ours.failure == theirs.failure
    return theirs


def excused(case: Case, theirs: Judged, ours: Judged) -> bool:
    """Return whether both reject, and custody has a reason of its own to name another error."""
    if case.has_sublayouts:
        return True  # D18: a sublayout that is rejected is a bad link, whatever it was rejected for
    never_ran = "'expected_materials' of item 'check'" in ours.said
    return never_ran and theirs.failure in {"BadReturnValueError", "FileNotFoundError"}  # A9


@pytest.fixture
def sides(reference: Side, package: Side) -> tuple[Side, Side]:
    return reference, package


Sides = tuple[Side, Side]


@fast
@given(data=st.data())
def test_chains_are_judged_alike(data: st.DataObject, sides: Sides, keys: KeyRing, tmp_path: Path) -> None:
    compare(data.draw(cases(keys)), keys, tmp_path / "chain", sides)


@pytest.mark.slow
@thorough
@given(data=st.data())
def test_chains_are_judged_alike_many_times(data: st.DataObject, sides: Sides, keys: KeyRing, tmp_path: Path) -> None:
    twists = data.draw(st.lists(st.sampled_from(sorted(TWISTS)), max_size=2))
    event(f"twists {twists}")
    case = data.draw(cases(keys, twists=twists, apart=data.draw(st.booleans())))
    compare(case, keys, tmp_path / "chain", sides)


@pytest.mark.parametrize("twist", TWISTS)
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_twisted_chains_are_judged_alike(
    data: st.DataObject, twist: str, sides: Sides, keys: KeyRing, tmp_path: Path
) -> None:
    compare(data.draw(cases(keys, twists=[twist])), keys, tmp_path / "chain", sides)
