"""Whatever bytes are converted, the result is an error, or a predicate that its type allows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from custody.errors import CustodyError, FormatError
from custody.models.predicates import check_predicate, test_result
from custody.models.statement import read_statement
from custody.sources.reports.elements import read_xml
from custody.sources.reports.junit import read_junit
from custody.sources.reports.recognise import FORMATS
from custody.sources.reports.vulnerabilities import ScanDetails
from custody.workflows.convert import Details, Report, convert
from tests.reports import RECORDED, recorded, recorded_json

if TYPE_CHECKING:
    from pathlib import Path

LINK = {
    "_type": "link",
    "name": "build",
    "command": ["make"],
    "materials": {"a.c": {"sha256": "0" * 64}},
    "products": {"a": {"sha256": "1" * 64}},
    "byproducts": {"return-value": 0},
    "environment": {},
}
STATEMENT = {
    "_type": "https://in-toto.io/Statement/v1",
    "subject": [{"name": "a", "digest": {"sha256": "1" * 64}}],
    "predicateType": "https://in-toto.io/attestation/link/v0.3",
    "predicate": {"name": "build", "materials": [{"name": "a.c", "digest": {"sha256": "0" * 64}}]},
}
JSONS = [*(recorded_json(path.name) for path in sorted(RECORDED.iterdir()) if path.suffix != ".xml"), LINK, STATEMENT]
TARGETS = {
    "junit": ["test-result"],
    "sarif": ["test-result", "scai"],
    "trivy": ["vulns", "vulns01", "vuln"],
    "grype": ["vulns", "vulns01", "vuln"],
    "spdx": ["spdx", "spdx2", "spdx3"],
    "cyclonedx": ["cyclonedx"],
    "link": ["statement", "link", "link09"],
    "statement": ["link"],
}
ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
ANY_FORMAT = st.sampled_from(["", *FORMATS])


@pytest.fixture(scope="module")
def configuration(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("reports") / "pyproject.toml"
    path.write_text("")
    return path


def check(data: bytes, source: str, target: str, configuration: Path, *, scan: bool = True) -> None:
    """Demand an error of ours, or a result that its type allows."""
    details = Details(
        configuration=(str(configuration),) if target == "test-result" else (),
        scan=ScanDetails(started="2024-01-01T00:00:00Z", database_updated="2024-01-01T00:00:00Z")
        if scan and target.startswith("vulns")
        else ScanDetails(started="2024-01-01T00:00:00Z")
        if target == "vuln"
        else ScanDetails(),
    )
    try:
        converted = convert([Report(name="report", data=data)], source=source, target=target, details=details)
    except CustodyError:
        return
    json.dumps(converted.document)
    if converted.predicate_type:
        check_predicate(converted.predicate_type, dict(converted.document))
    else:
        read_statement(converted.document)


def places(document: object) -> list[tuple[str | int, ...]]:
    """Return the paths of everything in `document`."""
    found: list[tuple[str | int, ...]] = []
    items = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, value in items:
        found += [(key,), *((key, *rest) for rest in places(value))]
    return found


@st.composite
def mutated(draw: st.DrawFn) -> tuple[dict[str, Any], str]:
    """Draw a report in which some places hold something else, or nothing."""
    document = json.loads(json.dumps(draw(st.sampled_from(JSONS))))
    for _ in range(draw(st.integers(1, 3))):
        *way, last = draw(st.sampled_from(places(document)))
        place: Any = document
        for part in way:
            place = place[part]
        if draw(st.booleans()):
            place[last] = draw(ODD)
        else:
            del place[last]
        if not document:
            break
    return document, draw(ANY_FORMAT)


@given(data=st.binary(max_size=200), source=ANY_FORMAT, pick=st.integers(0, 2))
def test_any_bytes_are_an_error_or_a_predicate(data: bytes, source: str, pick: int, configuration: Path) -> None:
    targets = TARGETS[source or "junit"]
    check(data, source, targets[pick % len(targets)], configuration)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(drawn=mutated(), target=st.sampled_from(sorted({each for targets in TARGETS.values() for each in targets})))
def test_any_changed_report_is_an_error_or_a_predicate(
    drawn: tuple[dict[str, Any], str], target: str, configuration: Path
) -> None:
    document, source = drawn
    check(json.dumps(document).encode(), source, target, configuration)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(drawn=mutated(), pick=st.integers(0, 2))
def test_any_changed_report_in_its_own_format_is_an_error_or_a_predicate(
    drawn: tuple[dict[str, Any], str], pick: int, configuration: Path
) -> None:
    document, _ = drawn
    for source, targets in TARGETS.items():
        if source != "junit":
            check(json.dumps(document).encode(), source, targets[pick % len(targets)], configuration)


XML = [recorded(path.name) for path in sorted(RECORDED.glob("*.xml"))]
WORDS = [
    b"<",
    b">",
    b"/",
    b'"',
    b"&",
    b"<!DOCTYPE a [",
    b"]>",
    b"<!ENTITY a 'b'>",
    b"<failure/>",
    b"<![CDATA[",
    b"\xff",
]


@given(
    report=st.sampled_from(XML),
    edits=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 30), st.sampled_from(WORDS)), min_size=1, max_size=4),
)
def test_any_changed_xml_is_an_error_or_a_predicate(
    report: bytes, edits: list[tuple[float, int, bytes]], configuration: Path
) -> None:
    for at, gone, word in edits:
        begin = int(at * len(report))
        report = report[:begin] + word + report[begin + gone :]
    check(report, "", "test-result", configuration)


@given(st.text(alphabet="<>!&;[]%a\"'-? ENTITYDOCPSM", max_size=60))
def test_no_xml_has_a_document_type(text: str) -> None:
    try:
        read_xml(f"<!DOCTYPE a {text}><a>&a;</a>".encode())
    except FormatError:
        return
    raise AssertionError(text)


NAMES = st.text(alphabet=st.characters(exclude_categories=["C"]), min_size=1).filter(str.strip)
INSIDE = st.sampled_from(["", "<failure/>", "<error/>", "<skipped/>", "<flakyFailure/>", "<system-out>x</system-out>"])


@given(st.lists(st.tuples(NAMES, INSIDE), min_size=1, max_size=8))
def test_report_with_any_failure_has_not_passed(cases: list[tuple[str, str]]) -> None:
    from xml.sax.saxutils import quoteattr

    from custody.sources.reports.test_result import make_test_result

    tests = "".join(f"<testcase name={quoteattr(name)}>{inside}</testcase>" for name, inside in cases)
    report = read_junit(f"<testsuites><testsuite>{tests}</testsuite></testsuites>".encode())
    skipped = {name.strip() for name, inside in cases if inside == "<skipped/>"}
    if all(
        inside in {"", "<skipped/>", "<system-out>x</system-out>"} and name.strip() in skipped for name, inside in cases
    ):
        with pytest.raises(FormatError):
            make_test_result(report, configuration=[])
        return
    predicate = make_test_result(report, configuration=[])

    check_predicate(test_result.TYPE, predicate)
    failed = {name.strip() for name, inside in cases if inside in {"<failure/>", "<error/>"}}
    assert set(predicate["failedTests"]) == failed
    assert (predicate["result"] == "FAILED") == bool(failed)
    assert not failed & {*predicate["passedTests"], *predicate["warnedTests"]}
