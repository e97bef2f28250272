from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from benchmarks import launcher, preparing
from benchmarks.measuring import (
    CUSTODY,
    REFERENCE,
    CaseFailedError,
    Prepared,
    Side,
    measure,
)
from benchmarks.ratios import pair_ratios, spread
from tests.measurements import side

# --- statistics -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([3.0], (3.0, 3.0, 3.0)),
        ([9.0, 1.0, 2.0], (2.0, 1.0, 9.0)),
        ([4.0, 1.0, 2.0, 9.0], (3.0, 1.0, 9.0)),
    ],
)
def test_a_spread_is_the_median_and_the_range(values: list[float], expected: tuple[float, float, float]) -> None:
    found = spread(values)
    assert (found.median, found.low, found.high) == expected


def test_no_values_have_no_spread() -> None:
    with pytest.raises(ValueError, match="at least one"):
        spread([])


def test_what_slows_a_whole_round_cancels_out_of_its_ratio() -> None:
    fast, slow = [1.0, 10.0, 100.0], [2.0, 20.0, 200.0]
    assert pair_ratios(slow, fast) == (2.0, 2.0, 2.0)


def test_ratios_are_taken_pair_by_pair_and_not_of_the_medians() -> None:
    above, below = [3.0, 4.0, 10.0], [1.0, 4.0, 2.0]
    assert spread(pair_ratios(above, below)).median == 3.0
    assert spread(above).median / spread(below).median == 2.0


def test_numbers_without_partners_are_no_pairs() -> None:
    with pytest.raises(ValueError, match="shorter"):
        pair_ratios([1.0, 2.0], [1.0])


# --- measuring ------------------------------------------------------------------------------------


def test_rounds_are_interleaved_and_each_side_is_first_in_its_turn(tmp_path: Path) -> None:
    sides = tuple(side(label, f"printf {label} >> order", tmp_path) for label in "abc")
    found = measure(Prepared(sides=sides), rounds=3, scratch=str(tmp_path))
    assert (tmp_path / "order").read_text() == "abc" + "abc" + "bca" + "cab"  # the first warms up
    assert {each.label: len(each.trials) for each in found} == {"a": 3, "b": 3, "c": 3}


def test_a_trial_says_how_long_and_how_large(tmp_path: Path) -> None:
    (found,) = measure(Prepared(sides=(side("a", "echo seven", tmp_path),)), rounds=1, scratch=str(tmp_path))
    (trial,) = found.trials
    assert trial.seconds > 0
    assert trial.peak_kib > 0
    assert trial.printed == len("seven\n")


HOLD = """
import os, sys
child = os.fork()
block = os.urandom(20 << 20)
os.write(1, b"x")
sys.stdin.read()
if child:
    os.waitpid(child, 0)
"""


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="the system does not tell what is shared")
def test_memory_is_weighed_of_all_processes_of_a_command_together() -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.read(2) == b"xx"  # both hold their memory
        family = launcher._family(process.pid)
        together = sum(launcher._share(each) for each in family)
        alone = launcher._share(process.pid)
        process.stdin.close()
    assert len(family) == 2
    assert alone > 20 << 10
    assert together > 40 << 10


def test_a_process_that_has_ended_weighs_nothing() -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    assert launcher._share(process.pid) == 0


@pytest.mark.parametrize("how", ["time", "weigh"])
def test_the_launcher_tells_what_a_command_took_and_how_it_ended(tmp_path: Path, how: str) -> None:
    output = tmp_path / "output"
    done = subprocess.run(
        [sys.executable, "-I", "-S", launcher.__file__, how, str(tmp_path), str(output), "sh", "-c", "echo a; exit 3"],
        capture_output=True,
        text=True,
        check=True,
    )
    seconds, cpu_seconds, peak_kib, exit_code = done.stdout.split()
    assert (float(seconds) > 0, float(cpu_seconds) >= 0, int(peak_kib) > 0, exit_code) == (True, True, True, "3")
    assert output.read_text() == "a\n"


def test_a_side_may_have_to_fail(tmp_path: Path) -> None:
    rejecting = side("a", "echo no: DISALLOW >&2; exit 1", tmp_path, exit_code=1, says="DISALLOW")
    assert measure(Prepared(sides=(rejecting,)), rounds=1, scratch=str(tmp_path))


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo wrong key >&2; exit 1", "a did not print 'DISALLOW': wrong key"),
        ("echo DISALLOW", "a ended with exit code 0, expected 1: DISALLOW"),
        ("kill -9 $$", "a ended with exit code -9, expected 1: it printed nothing"),
    ],
)
def test_a_side_that_comes_to_something_else_fails_its_case(tmp_path: Path, script: str, message: str) -> None:
    wrong = side("a", script, tmp_path, exit_code=1, says="DISALLOW")
    with pytest.raises(CaseFailedError, match=message):
        measure(Prepared(sides=(wrong,)), rounds=1, scratch=str(tmp_path))


def test_a_program_that_is_missing_fails_its_case(tmp_path: Path) -> None:
    missing = Side(label="a", argv=("/nowhere/program",), directory=str(tmp_path), environment={})
    with pytest.raises(CaseFailedError, match=r"a could not be started.*/nowhere/program"):
        measure(Prepared(sides=(missing,)), rounds=1, scratch=str(tmp_path))


def test_nothing_is_timed_where_the_sides_did_different_work(tmp_path: Path) -> None:
    def check() -> None:
        raise CaseFailedError("different work")

    counting = side("a", "printf x >> runs", tmp_path)
    with pytest.raises(CaseFailedError, match="different work"):
        measure(Prepared(sides=(counting,), check=check), rounds=3, scratch=str(tmp_path))
    assert (tmp_path / "runs").read_text() == "x"


@pytest.mark.parametrize(
    ("theirs", "message"),
    [
        ('{"a": {"sha256": "00"}}', ""),
        ('{"a": {"sha256": "01"}}', "reference recorded other artifacts"),
        ("{}", "reference recorded 0 materials, expected 1"),
    ],
)
def test_both_links_must_say_the_same(tmp_path: Path, theirs: str, message: str) -> None:
    for tool, found in {CUSTODY: '{"a": {"sha256": "00"}}', REFERENCE: theirs}.items():
        (tmp_path / "links" / tool).mkdir(parents=True)
        link = f'{{"signed": {{"materials": {found}, "products": {found}}}}}'
        (tmp_path / "links" / tool / "record.link").write_text(link)
    check = partial(preparing._check_links, str(tmp_path), 1)
    if message:
        with pytest.raises(CaseFailedError, match=message):
            check()
    else:
        check()


@pytest.mark.parametrize(("products", "message"), [(0, ""), (1, "custody recorded 0 products, expected 1")])
def test_a_link_has_as_many_products_as_its_case_says(tmp_path: Path, products: int, message: str) -> None:
    (tmp_path / "links" / CUSTODY).mkdir(parents=True)
    (tmp_path / "links" / CUSTODY / "a.link").write_text('{"signed": {"materials": {"a": {}}, "products": {}}}')
    if message:
        with pytest.raises(CaseFailedError, match=message):
            preparing._check_links(str(tmp_path), 1, products=products)
    else:
        preparing._check_links(str(tmp_path), 1, products=products)
