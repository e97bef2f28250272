from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import command
from benchmarks.cases import Case, full_cases, huge_cases, quick_cases, short
from benchmarks.growth import full_growth, quick_growth
from benchmarks.markdown import as_markdown, in_short
from benchmarks.measuring import (
    CUSTODY,
    Prepared,
)
from benchmarks.pages import BEGIN, END, write_pages
from benchmarks.plot import as_plot
from benchmarks.report import QUICK, ReportError, as_document, read_document
from tests.measurements import COMPARED, GROWN, report, side

RUN = Path(__file__).parents[3] / "benchmarks" / "run.py"
QUICK_CASES = (*quick_cases(), *quick_growth())
FULL_CASES = (*full_cases(), *huge_cases(), *full_growth())


# --- the pages ------------------------------------------------------------------------------------


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    (tmp_path / "docs" / "explanation").mkdir(parents=True)
    for name in ("README.md", "docs/explanation/speed.md"):
        (tmp_path / name).write_text(f"# Above\n\n{BEGIN}\n\nold\n\n{END}\n\nbelow\n")
    return tmp_path


def test_pages_quote_the_report_between_their_marks(pages: Path) -> None:
    names = write_pages(report(COMPARED, GROWN), str(pages))
    readme = (pages / "README.md").read_text()
    assert names == ("README.md", "docs/explanation/speed.md", "docs/benchmarks.svg")
    assert readme.startswith(f"# Above\n\n{BEGIN}\n\n{in_short(report(COMPARED, GROWN))}\n")
    assert readme.endswith(f"\n\n{END}\n\nbelow\n")
    assert "old" not in readme
    assert (pages / "docs" / "benchmarks.svg").read_text() == as_plot(report(COMPARED, GROWN))


def test_pages_that_are_written_twice_are_as_if_written_once(pages: Path) -> None:
    write_pages(report(COMPARED), str(pages))
    once = (pages / "docs/explanation/speed.md").read_text()
    write_pages(report(COMPARED), str(pages))
    assert (pages / "docs/explanation/speed.md").read_text() == once


def test_pages_quote_no_other_run_than_a_full_one(pages: Path) -> None:
    with pytest.raises(ReportError, match="full runs only"):
        write_pages(report(COMPARED, mode=QUICK), str(pages))
    assert "old" in (pages / "README.md").read_text()


def test_a_page_that_has_lost_its_marks_is_left_alone_and_so_are_all(pages: Path) -> None:
    (pages / "docs/explanation/speed.md").write_text("# Above\n")
    with pytest.raises(ReportError, match=r"speed\.md has no lines"):
        write_pages(report(COMPARED), str(pages))
    assert "old" in (pages / "README.md").read_text()
    assert not (pages / "docs" / "benchmarks.svg").exists()


@pytest.mark.parametrize("name", ["README.md", "docs/explanation/speed.md"])
def test_the_pages_of_this_project_have_their_marks(name: str) -> None:
    text = (RUN.parents[1] / name).read_text(encoding="utf-8")
    assert (text.count(BEGIN), text.count(END)) == (1, 1)
    assert text.index(BEGIN) < text.index(END)


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
        ([], FULL_CASES),
        (["--quick"], QUICK_CASES),
        (["--no-huge"], (*full_cases(), *full_growth())),
        (["--quick", "--only", "start"], quick_cases()[:1]),
        (["--quick", "--only", "grow-files", "--only", "grow-steps"], (quick_growth()[0], quick_growth()[2])),
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


@pytest.mark.parametrize("smaller", [["--quick"], ["--only", "a"], ["--no-reference"], ["--no-huge"]])
def test_pages_are_not_written_of_less_than_a_full_run(smaller: list[str]) -> None:
    done = run("--readme", *smaller)
    assert done.returncode == 2
    assert "--readme quotes a full run" in done.stderr


def test_results_that_were_saved_are_shown_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "BENCH", str(tmp_path))
    saved = tmp_path / "saved.json"
    saved.write_text(json.dumps(as_document(report(COMPARED, mode=QUICK))))
    assert command.main(["--from", str(saved)]) == 0
    stem = tmp_path / "results" / "2026-01-02T030405Z-quick"
    assert stem.with_suffix(".md").read_text() == as_markdown(report(COMPARED, mode=QUICK))
    assert stem.with_suffix(".svg").read_text() == as_plot(report(COMPARED, mode=QUICK))
    assert read_document(json.loads(stem.with_suffix(".json").read_text())) == report(COMPARED, mode=QUICK)


def test_pages_are_written_from_saved_results(pages: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "BENCH", str(pages / ".bench"))
    monkeypatch.setattr(command, "_ROOT", str(pages))
    saved = pages / "saved.json"
    saved.write_text(json.dumps(as_document(report(COMPARED))))
    assert command.main(["--from", str(saved), "--readme"]) == 0
    assert "**3.00** (2.00-5.00)" in (pages / "README.md").read_text()


@pytest.mark.parametrize("content", [None, "no JSON", "{}"])
def test_results_that_cannot_be_read_are_an_error(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "saved.json").write_text(content)
    done = run("--from", str(tmp_path / "saved.json"))
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("scratch", "failure"), [(None, ""), ("gone", "custody ended with exit code")])
def test_a_case_that_failed_decides_the_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scratch: str | None, failure: str
) -> None:
    script = "exit 7" if scratch else "true"
    case = Case(
        name="case",
        title="a case",
        prepare=lambda _, directory: Prepared(sides=(replace(side("custody", script, Path(directory)), tool=CUSTODY),)),
    )
    monkeypatch.setattr(command, "BENCH", str(tmp_path / "bench"))
    monkeypatch.setattr(command, "_chosen", lambda _: (case,))
    code = command.main(["--no-reference", "--rounds", "2", "--scratch", str(tmp_path)])
    (saved,) = (tmp_path / "bench" / "results").glob("*.json")
    (found,) = read_document(json.loads(saved.read_text())).results
    assert code == (1 if failure else 0)
    assert found.failure.startswith(failure)
    assert [len(each.trials) for each in found.sides] == ([] if failure else [2])


def test_a_case_that_has_no_room_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "BENCH", str(tmp_path / "bench"))
    monkeypatch.setattr(command, "_chosen", lambda _: (replace(huge_cases()[0], bytes_needed=1 << 60),))
    assert command.main(["--no-reference", "--scratch", str(tmp_path)]) == 0
    (saved,) = (tmp_path / "bench" / "results").glob("*.md")
    assert "record one file of 4 GiB: it needs" in saved.read_text()


@pytest.mark.parametrize("cases", [QUICK_CASES, FULL_CASES])
def test_case_names_are_unique(cases: tuple[Case, ...]) -> None:
    assert len({case.name for case in cases}) == len(cases)


@pytest.mark.parametrize(
    ("number", "text"), [(3, "3"), (999, "999"), (1000, "1k"), (1500, "1500"), (100_000, "100k"), (1_000_000, "1M")]
)
def test_round_numbers_are_short(number: int, text: str) -> None:
    assert short(number) == text
