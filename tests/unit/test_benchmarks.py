from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

import custody
from benchmarks import preparing, trees
from benchmarks.cases import Case, full_cases, huge_cases, quick_cases
from benchmarks.chains import Chain, write_chain, write_disallowed, write_ruled
from benchmarks.measuring import CUSTODY, REFERENCE, CaseFailedError, Prepared, Side, Trial, measure
from benchmarks.ratios import pair_ratios, spread
from benchmarks.report import Report, Result, as_document, as_markdown

RUN = Path(__file__).parents[2] / "benchmarks" / "run.py"


def side(label: str, script: str, directory: Path, *, exit_code: int = 0, says: str = "") -> Side:
    return Side(
        label=label,
        argv=("sh", "-c", script),
        directory=str(directory),
        environment={"PATH": os.environ["PATH"]},
        exit_code=exit_code,
        says=says,
    )


def trials(*seconds: float) -> list[Trial]:
    return [Trial(seconds=each, cpu_seconds=each, peak_kib=1024) for each in seconds]


def result(*, grows: bool = False, **sides: list[Trial]) -> Result:
    case = Case(name="case", title="some case", prepare=lambda _, __: Prepared(sides=()), grows=grows)
    return Result(case=case, trials=sides)


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
    measured = measure(Prepared(sides=sides), rounds=3, scratch=str(tmp_path))
    assert (tmp_path / "order").read_text() == "abc" + "abc" + "bca" + "cab"  # the first warms up
    assert {label: len(found) for label, found in measured.items()} == {"a": 3, "b": 3, "c": 3}


def test_a_trial_says_how_long_and_how_large(tmp_path: Path) -> None:
    ((trial,),) = measure(Prepared(sides=(side("a", "true", tmp_path),)), rounds=1, scratch=str(tmp_path)).values()
    assert trial.seconds > 0
    assert trial.peak_kib > 0


def test_a_side_may_have_to_fail(tmp_path: Path) -> None:
    rejecting = side("a", "echo no: DISALLOW >&2; exit 1", tmp_path, exit_code=1, says="DISALLOW")
    assert measure(Prepared(sides=(rejecting,)), rounds=1, scratch=str(tmp_path))["a"]


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


# --- the report -----------------------------------------------------------------------------------


def test_a_comparison_is_with_custody_in_the_same_round() -> None:
    report = Report(facts={"begun": "now"}, results=[result(custody=trials(1, 2, 4), reference=trials(3, 4, 20))])
    assert "|  | reference | 4000 (3000-20000) | 4000 | 1.00 | 3.00 (2.00-5.00) |" in as_markdown(report)


def test_growth_is_against_the_size_before() -> None:
    grown = result(grows=True, **{"10": trials(1, 1), "100": trials(2, 2), "1k": trials(8, 8)})
    ratios = [each["ratio"] for each in as_document(Report(facts={}, results=[grown]))["cases"][0]["sides"]]
    assert [each and each["median"] for each in ratios] == [None, 2.0, 4.0]


def test_a_failed_case_is_reported_and_not_timed() -> None:
    failed = Result(case=result().case, trials={}, failure="reference ended with exit code 1")
    text = as_markdown(Report(facts={}, results=[failed]))
    assert "- some case: reference ended with exit code 1" in text
    assert "|" not in text


def test_the_document_keeps_every_trial() -> None:
    document = as_document(Report(facts={}, results=[result(custody=trials(1, 2))]))
    assert [each["seconds"] for each in document["cases"][0]["trials"]["custody"]] == [1, 2]


# --- the command ----------------------------------------------------------------------------------


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(RUN), *arguments], capture_output=True, text=True, check=False)


def test_help_says_what_is_measured() -> None:
    done = run("--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "--quick" in done.stdout


@pytest.mark.parametrize(
    ("flags", "cases"),
    [
        ([], full_cases()),
        (["--quick"], quick_cases()),
        (["--huge"], full_cases() + huge_cases()),
        (["--quick", "--only", "start"], quick_cases()[:1]),
    ],
)
def test_list_names_the_cases_and_measures_nothing(flags: list[str], cases: tuple[Case, ...]) -> None:
    done = run("--list", *flags)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[0] for line in done.stdout.splitlines()] == [case.name for case in cases]


def test_a_word_that_no_case_has_is_refused() -> None:
    done = run("--only", "nonsense")
    assert done.returncode == 2
    assert "no case has nonsense in its name" in done.stderr


def test_zero_rounds_are_refused() -> None:
    done = run("--list", "--rounds", "0")
    assert done.returncode == 2
    assert "expected a number from 1" in done.stderr


@pytest.mark.parametrize("cases", [quick_cases(), full_cases() + huge_cases()])
def test_case_names_are_unique(cases: tuple[Case, ...]) -> None:
    assert len({case.name for case in cases}) == len(cases)
