from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

import custody
from benchmarks import machine, others, preparing, trees
from benchmarks.chains import Chain, write_chain, write_changing_chain, write_disallowed, write_ruled
from benchmarks.measuring import (
    COMPATIBLE,
    CUSTODY,
    CaseFailedError,
    Prepared,
    measure,
)
from benchmarks.others import Others, Watch
from benchmarks.sides import Tools
from benchmarks.tools import find_custody

# --- data -----------------------------------------------------------------------------------------


def test_a_tree_is_the_same_in_every_run(tmp_path: Path) -> None:
    for name in ("one", "two"):
        trees.dependency_tree(str(tmp_path / name), files=100)
    one, two = (
        {path: (tmp_path / name / path).read_bytes() for path in trees.files_in(str(tmp_path / name))}
        for name in ("one", "two")
    )
    assert len(one) == 100
    assert one == two


@pytest.mark.parametrize(
    ("chain", "accepted"),
    [
        (partial(write_chain, steps=3, count=5, dsse=False), True),
        (partial(write_chain, steps=3, count=5, dsse=True), True),
        (partial(write_changing_chain, steps=3, count=200, dsse=False), True),
        (partial(write_changing_chain, steps=3, count=200, dsse=True), True),
        (partial(write_ruled, rules=10, count=20), True),
        (partial(write_disallowed, count=5), False),
    ],
)
def test_a_chain_is_judged_as_its_case_expects(tmp_path: Path, chain: partial[Chain], *, accepted: bool) -> None:
    made = chain(str(tmp_path))
    verdict = custody.verify(made.layout, [made.owner_key], links=made.links)
    assert verdict.accepted is accepted


def test_every_rule_of_a_ruled_chain_consumes_its_share(tmp_path: Path) -> None:
    made = write_ruled(str(tmp_path), rules=7, count=12)
    verdict = custody.verify(made.layout, [made.owner_key], links=made.links)
    applied = verdict.steps[0].traces[1].applied
    assert [len(each.consumed) for each in applied] == [2, 2, 2, 2, 2, 2, 0]


def test_excludes_leave_out_files_and_directories_and_links_are_followed(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    trees.linked_tree(str(tree), files=100)
    everything = set(trees.files_in(str(tree)))
    recorded = set(trees.files_in(str(tree), trees.EXCLUDES))
    assert len(recorded) == 100 + 2 + 50  # two links to files, one to a package
    assert "node_modules/@linked/package-0/dist/module-1.js" in recorded
    assert {path for path in everything - recorded if "/coverage/" not in path and not path.endswith(".map")} == set()
    assert len(everything - recorded) == 3 * (5 + 5)  # of two packages, and of the one that is found twice


def small(root: str) -> None:
    trees.even_tree(root, directories=2, files=3, size=10)


@pytest.mark.parametrize(
    ("prepare", "labels"),
    [
        (preparing.prepare_start_up, {CUSTODY, COMPATIBLE, "no-op Python"}),
        (preparing.prepare_tiny_run, {CUSTODY, COMPATIBLE, "no-op Python"}),
        (partial(preparing.prepare_recording, plant=small), {CUSTODY, "openssl sha256", "walk and stat"}),
        (
            partial(preparing.prepare_recording, plant=partial(trees.linked_tree, files=100), excludes=trees.EXCLUDES),
            {CUSTODY, "openssl sha256", "walk and stat"},
        ),
        (
            partial(preparing.prepare_cached_recording, plant=small),
            {CUSTODY, "custody, no cache", "walk and stat"},
        ),
        (
            partial(preparing.prepare_tiny_verification, write=partial(write_chain, steps=2, count=3, dsse=False)),
            {CUSTODY, COMPATIBLE, "openssl sha512", "no-op Python"},
        ),
        (
            partial(
                preparing.prepare_rejection, write=partial(write_disallowed, count=3), words="DISALLOW", alone=True
            ),
            {CUSTODY, "openssl sha512", "no-op Python"},
        ),
    ],
)
def test_a_prepared_case_comes_to_what_it_must(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    prepare: Callable[[Tools, str], Prepared],
    labels: set[str],
) -> None:
    monkeypatch.setattr(preparing, "_REST_SECONDS", 0)
    (tmp_path / "data").mkdir()
    prepared = prepare(Tools(custody=find_custody(), reference=None), str(tmp_path / "data"))
    found = {each.label for each in measure(prepared, rounds=1, scratch=str(tmp_path))}
    assert found >= {CUSTODY}
    assert labels - found <= {COMPATIBLE, "openssl sha256", "openssl sha512"}  # where they are not installed
    assert found - labels == set()


def test_a_recording_of_more_than_the_excludes_leave_is_no_case(tmp_path: Path) -> None:
    def plant(root: str) -> None:
        trees.linked_tree(root, files=100)
        (Path(root) / "extra.map~x").write_text("custody and the benchmark agree about this one")

    tools = Tools(custody=find_custody(), reference=None)
    prepared = preparing.prepare_recording(tools, str(tmp_path), plant=plant, excludes=trees.EXCLUDES)
    (tmp_path / "tree" / "late.js").write_text("nobody expects this one")
    with pytest.raises(CaseFailedError, match="custody recorded 154 materials, expected 153"):
        measure(prepared, rounds=1, scratch=str(tmp_path))


@pytest.mark.parametrize(("needed", "why"), [(0, ""), (1, ""), (1 << 60, "GiB of disk, and ")])
def test_data_that_has_no_room_is_left_out_with_the_reason(tmp_path: Path, needed: int, why: str) -> None:
    found = machine.too_small(str(tmp_path), needed)
    assert why in found
    assert bool(found) is bool(why)


def test_data_that_memory_could_not_keep_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_available_memory", lambda: 1 << 20)
    assert "GiB of memory" in machine.too_small(str(tmp_path), 1 << 20)


# --- what else ran --------------------------------------------------------------------------------

STAT = "cpu  {busy} 0 0 {idle} 0 0 0 0 0 0\n"


def watch_with(
    monkeypatch: pytest.MonkeyPatch, begun: tuple[int, int], ended: tuple[int, int], *, ours: float
) -> Others | None:
    """Return what a watch says when the machine's busy and idle ticks, and our own seconds, go on like this."""
    stats = iter([begun, ended])
    used = iter([0.0, 0.0, ours, 0.0])
    monkeypatch.setattr(others, "_TICKS", 1)
    monkeypatch.setattr(others, "_processes", dict)
    monkeypatch.setattr(others, "_used", lambda _: next(used))

    def read(_: str) -> str:
        busy, idle = next(stats)
        return STAT.format(busy=busy, idle=idle)

    monkeypatch.setattr(others, "_read", read)
    return Watch().others()


@pytest.mark.parametrize(("ours", "share"), [(0.0, 0.4), (30.0, 0.1), (40.0, 0.0), (41.0, 0.0)])
def test_what_others_used_is_all_that_was_used_but_by_us(
    monkeypatch: pytest.MonkeyPatch, ours: float, share: float
) -> None:
    found = watch_with(monkeypatch, (100, 100), (140, 160), ours=ours)
    assert found
    assert found.share == pytest.approx(share)


def test_where_no_time_has_passed_nothing_is_known_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    assert watch_with(monkeypatch, (100, 100), (100, 100), ours=0) is None


def test_where_the_system_tells_nothing_nothing_is_known_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(others, "_read", lambda _: "")
    assert Watch().others() is None


def test_programs_are_named_by_what_they_used_the_busiest_first() -> None:
    def clock(**seconds: float) -> others._Clock:
        processes = {number: (name, used) for number, (name, used) in enumerate(seconds.items())}
        return others._Clock(busy=0, total=0, ours=0, processes=processes)

    begun = clock(make=10, sleep=1, idle=5)
    assert others._programs(begun, clock(make=15, sleep=1, idle=5, cc=20), 100) == {"cc": 0.2, "make": 0.05}
