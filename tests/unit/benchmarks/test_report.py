from __future__ import annotations

import json
import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from benchmarks.markdown import as_markdown, in_short
from benchmarks.measuring import (
    COMPATIBLE,
    CUSTODY,
    LIMIT,
    REFERENCE,
)
from benchmarks.plot import Scale, as_plot
from benchmarks.ratios import spread
from benchmarks.report import ReportError, Result, as_document, read_document
from benchmarks.summary import rows, summarise
from tests.measurements import COMPARED, GROWN, measured, report, result

# --- figures --------------------------------------------------------------------------------------


def test_a_comparison_is_with_custody_in_the_same_round() -> None:
    ratios = {line.label: line.ratio for line in summarise(COMPARED.sides, grows=False)}
    assert ratios[CUSTODY] is None
    assert ratios[REFERENCE] == spread([3, 2, 5])


def test_growth_is_against_the_same_tool_at_the_size_before() -> None:
    ratios = [line.ratio and line.ratio.median for line in summarise(GROWN.sides, grows=True)]
    assert ratios == [None, None, 2.0, 3.0, 4.0, 3.0]


def test_the_peak_is_the_greater_of_the_largest_process_and_all_together() -> None:
    light, heavy = measured(CUSTODY, 1, mib=10), replace(measured(REFERENCE, 1, mib=10), together_kib=40 << 10)
    ours, theirs = summarise([light, heavy], grows=False)
    assert (ours.peak_mib, theirs.peak_mib) == (10, 40)
    assert (ours.memory_ratio, theirs.memory_ratio) == (0.25, None)


def test_memory_is_compared_with_the_reference_at_the_same_size() -> None:
    sides = [
        measured(tool, 1, mib=mib, size=size)
        for tool, mib, size in (
            (CUSTODY, 1, 10),
            (REFERENCE, 2, 10),
            (CUSTODY, 3, 100),
            (REFERENCE, 12, 100),
        )
    ]
    assert [line.memory_ratio for line in summarise(sides, grows=True)] == [0.5, None, 0.25, None]


def test_the_limit_is_the_greatest_of_the_limits() -> None:
    sides = (*COMPARED.sides, measured(LIMIT, 2, 2, 2, label="walk"))
    (row,) = rows(sides)
    assert row.limit
    assert row.limit.label == "walk"
    assert row.from_limit == spread([0.5, 1, 2])


def test_commands_of_custody_in_toto_have_a_row_of_their_own() -> None:
    found = list(rows([measured(CUSTODY, 1), measured(COMPATIBLE, 2), measured(REFERENCE, 8)]))
    assert [(row.ours.tool, row.faster and row.faster.median) for row in found] == [(CUSTODY, 8), (COMPATIBLE, 4)]


# --- the report -----------------------------------------------------------------------------------


def test_the_short_table_has_times_ratios_the_limit_and_both_peaks() -> None:
    assert (
        "| some `case` | 2000 | 4000 | **3.00** (2.00-5.00) | 1000 (hash) | 2.00 (2.00-4.00) | 1.00 | 1.00 |"
        in in_short(report(COMPARED))
    )


def test_the_short_table_says_what_failed_and_what_was_left_out() -> None:
    failed = Result(name="a", title="one", failure="reference ended with exit code 1")
    left_out = Result(name="b", title="two", left_out="it needs 4 GiB")
    lines = in_short(report(failed, left_out)).splitlines()
    assert "| one | failed | | | | | | |" in lines
    assert "| two | left out: it needs 4 GiB | | | | | | |" in lines


def test_a_run_says_when_against_what_and_what_else_ran() -> None:
    text = " ".join(in_short(report(result(*COMPARED.sides, busy=0.25))).splitlines())
    assert "Measured on 2026-01-02: custody 1 against in-toto-run 2." in text
    assert "Other processes: 25% of the machine's CPU time in the median case" in text
    assert "the busiest were make" in text


@pytest.mark.parametrize(("busy", "marked"), [(0.09, False), (0.1, True)])
def test_a_case_that_others_disturbed_is_marked(*, busy: float, marked: bool) -> None:
    disturbed = report(result(*COMPARED.sides, busy=busy))
    assert (f"\u2020 {busy:.0%}" in in_short(disturbed)) is marked
    assert ("Others used that share" in in_short(disturbed)) is marked
    assert ("\u2020" in as_plot(disturbed)) is marked


def test_all_of_a_report_has_every_side_and_both_kinds_of_tables() -> None:
    text = as_markdown(report(COMPARED, GROWN))
    assert text.startswith(f"# Benchmarks\n\n{in_short(report(COMPARED, GROWN))}\n")
    assert "|  | reference | 4000 (3000-20000) | 4000 | 3.00 (2.00-5.00) | 1.00 |  |" in text
    assert "time / the size before" in text


def test_a_failed_case_is_reported_and_not_timed() -> None:
    failed = Result(name="case", title="some case", failure="reference ended with exit code 1")
    assert "- some case: reference ended with exit code 1" in as_markdown(report(failed))


def test_the_document_keeps_every_trial_and_can_be_read_again() -> None:
    for each in (COMPARED, GROWN, Result(name="a", title="b", failure="c")):
        written = json.loads(json.dumps(as_document(report(each))))
        assert read_document(written) == report(each)


@pytest.mark.parametrize("change", [{"format": 1}, {"cases": [{"name": "a"}]}, {"cases": 7}])
def test_a_document_of_another_form_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ReportError):
        read_document({**as_document(report(COMPARED)), **change})


@pytest.mark.parametrize("document", [None, [], {}, "text"])
def test_what_is_no_document_is_refused(document: object) -> None:
    with pytest.raises(ReportError, match="expected results with format"):
        read_document(document)


# --- the plot -------------------------------------------------------------------------------------


def test_a_scale_has_equal_ratios_at_equal_distances() -> None:
    scale = Scale(low=1, high=100, start=0, end=200)
    assert [scale.place(value) for value in (1, 10, 100)] == pytest.approx([0, 100, 200])


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [(0.15, 12, [0.2, 0.5, 1, 2, 5, 10]), (0.02, 300, [0.1, 1, 10, 100]), (20, 20_000, [100, 1000, 10_000])],
)
def test_ticks_are_round_and_on_the_axis(low: float, high: float, ticks: list[float]) -> None:
    assert list(Scale(low=low, high=high, start=0, end=1).ticks()) == pytest.approx(ticks)


@pytest.mark.parametrize("results", [(), (COMPARED,), (GROWN,), (COMPARED, GROWN), (result(measured(CUSTODY, 1)),)])
def test_the_plot_is_xml_for_whatever_was_measured(results: tuple[Result, ...]) -> None:
    assert ET.fromstring(as_plot(report(*results))).tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314


def test_the_plot_shows_ratios_and_times_as_they_were_measured() -> None:
    plot = as_plot(report(COMPARED, GROWN))
    assert ">3 x</text>" in plot
    assert plot.count("<polyline") == 2
    assert [f">{milliseconds}</text>" in plot for milliseconds in ("1,000", "2,000", "8,000", "27,000")] == [True] * 4


def test_bars_are_as_long_as_the_logarithm_of_their_ratio() -> None:
    def length(*seconds: float) -> float:
        both = result(measured(CUSTODY, 1), measured(REFERENCE, *seconds))
        other = result(measured(CUSTODY, 1), measured(REFERENCE, 100))  # so that all have one scale
        widths = re.findall(r'width="([\d.]+)" height="14.0" rx="2" class="fill-theirs"', as_plot(report(both, other)))
        return float(widths[0])

    assert length(100) == pytest.approx(2 * length(10), abs=0.2)


def test_every_colour_of_the_plot_has_one_for_the_dark() -> None:
    plot = as_plot(report(COMPARED, GROWN))
    style = re.findall(r"<style>.*?</style>", plot)[0]
    assert "prefers-color-scheme:dark" in style
    used = set(re.findall(r'class="([a-z-]+)"', plot))
    assert {name for name in used if f".{name}{{" not in style} == set()


def test_the_plot_is_described_in_words() -> None:
    assert "some case: 2e+03 ms, 3 times faster than in-toto, 2 times the limit" in as_plot(report(COMPARED))
