from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from custody.encoding.instants import write_instant
from custody.errors import FormatError, StoreError
from custody.verdict import StepReport, Verdict
from custody.verification.case import Remembered
from custody.workflows.remembering import MAX_SUPERSEDED, recall, remember
from tests.simulator import AT

DAY = timedelta(days=1)


@pytest.fixture
def state(tmp_path: Path) -> str:
    return str(tmp_path / "seen.json")


def accepted(digest: str, days: int = 1) -> Verdict:
    steps = (StepReport(name="build", verified=True),)
    return Verdict(accepted=True, at=AT, steps=steps, layout_digest=digest, layout_expires=AT + days * DAY)


def test_a_file_that_is_not_there_remembers_nothing(state: str) -> None:
    assert recall(state) == {}


def test_what_is_remembered_is_recalled(state: str) -> None:
    remember(state, accepted("one"), ("ann", "ben"))
    remember(state, accepted("two", 2), ("ann",))
    assert recall(state) == {
        "ann": Remembered(digest="two", expires=AT + 2 * DAY, superseded=("one",)),
        "ben": Remembered(digest="one", expires=AT + DAY),
    }


def test_the_same_layout_again_changes_nothing(state: str) -> None:
    remember(state, accepted("one"), ("ann",))
    before = recall(state)
    remember(state, accepted("one"), ("ann",))
    assert recall(state) == before


@pytest.mark.parametrize("named", [False, True])
def test_an_older_layout_becomes_the_newest_only_if_it_was_named(state: str, named: bool) -> None:
    remember(state, accepted("old", 5), ("ann",))
    remember(state, accepted("new", 5), ("ann",))
    # Another verification that began earlier ends now.
    remember(state, accepted("old", 5), ("ann",), named=named)
    newest = recall(state)["ann"]
    assert (newest.digest, newest.superseded) == (("old", ("new",)) if named else ("new", ("old",)))
    remember(state, accepted("short", 1), ("ann",), named=named)
    assert recall(state)["ann"].digest == ("short" if named else "new")


def test_only_so_many_replaced_layouts_are_remembered(state: str) -> None:
    superseded = [f"{n}" for n in range(MAX_SUPERSEDED)]
    entry = {"digest": "last", "expires": write_instant(AT), "superseded": superseded}
    Path(state).write_text(json.dumps({"owners": {"ann": entry}}))
    remember(state, accepted("next"), ("ann",))
    assert recall(state)["ann"].superseded == (*superseded[1:], "last")


def test_a_rejected_layout_is_never_remembered(state: str) -> None:
    with pytest.raises(StoreError, match="only an accepted layout"):
        remember(state, Verdict(accepted=False, at=AT, layout_digest="x", layout_expires=AT), ("ann",))
    assert not Path(state).exists()


GOOD = {"digest": "x", "expires": "2030-01-01T00:00:00Z", "superseded": []}
CORRUPT = {
    "empty": b"",
    "no JSON": b"{",
    "a list": b"[]",
    "no owners": b"{}",
    "owners are a list": b'{"owners": []}',
    "an owner is a list": b'{"owners": {"ann": []}}',
    "no expiry": json.dumps({"owners": {"ann": {**GOOD, "expires": None}}}).encode(),
    "no digest": json.dumps({"owners": {"ann": {**GOOD, "digest": 1}}}).encode(),
    "superseded is text": json.dumps({"owners": {"ann": {**GOOD, "superseded": "x"}}}).encode(),
}


@pytest.mark.parametrize("case", CORRUPT)
def test_a_file_that_is_no_state_file_is_an_error_that_names_it(state: str, case: str) -> None:
    Path(state).write_bytes(json.dumps({"owners": {"ann": GOOD}}).encode())
    assert recall(state)["ann"].digest == "x"
    Path(state).write_bytes(CORRUPT[case])
    with pytest.raises(FormatError) as caught:
        recall(state)
    assert str(caught.value).startswith(state)


def test_a_link_to_nowhere_is_not_taken_for_the_first_use(state: str) -> None:
    Path(state).symlink_to("nowhere")
    with pytest.raises(StoreError):
        recall(state)


def test_a_state_file_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="state file"):
        remember(str(tmp_path / "none" / "seen.json"), accepted("one"), ("ann",))
