"""Converting: the report of another tool into a predicate, a link into a statement and a statement into a link.

What comes out is checked as what it is. It says no more than what went in and what who converts adds; a signature stays
behind, so whoever signs the result vouches for it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from custody.encoding.fields import path_to
from custody.encoding.hashing import sha256
from custody.errors import FormatError, UsageError
from custody.files import read_file
from custody.models.link import LINK_TYPE, Link, read_link
from custody.models.link_statement import link_to_statement, statement_to_link
from custody.models.predicates import check_predicate, cosign, cyclonedx, legacy_link, scai, spdx, test_result, vulns
from custody.models.predicates import predicate_type as type_of
from custody.models.statement import is_statement, read_statement
from custody.sources.reports.attributes import SARIF_MEDIA_TYPE, make_scai
from custody.sources.reports.grype import read_grype
from custody.sources.reports.junit import read_junit
from custody.sources.reports.sarif import analysed_tests, read_sarif
from custody.sources.reports.sbom import check_cyclonedx, check_spdx
from custody.sources.reports.test_result import joined, make_test_result
from custody.sources.reports.trivy import read_trivy
from custody.sources.reports.vulnerabilities import ScanDetails, completed, make_vuln, make_vulns
from custody.value import Value
from custody.workflows.report_input import PIPE, Input, Report, open_report

if TYPE_CHECKING:
    from custody.keys.key import Key
    from custody.sources.reports.report import ScanReport, TestReport

__all__ = ["MAX_CONFIGURATION_BYTES", "STATEMENT", "Converted", "Details", "Report", "convert"]

STATEMENT = "statement"
"""The target of a link that is to become a statement; the others are types of predicates."""

MAX_CONFIGURATION_BYTES = 16 * 1024 * 1024
"""The largest file that says which tests are run; it is read for its digest."""


class Details(Value):
    """What who converts adds: for tests `configuration` (paths) and `url`, for scans `scan`, for envelopes `keys`."""

    configuration: tuple[str, ...] = ()
    url: str = ""
    scan: ScanDetails = ScanDetails()
    keys: tuple[Key, ...] = ()


class Converted(Value):
    """A predicate of the type `predicate_type`, '' for a statement; `remarks` are what its signer should know."""

    document: Mapping[str, Any]
    predicate_type: str = ""
    remarks: tuple[str, ...] = ()


def convert(reports: Sequence[Report], *, source: str, target: str, details: Details) -> Converted:
    """Return what `reports`, of the format `source`, say as the predicate type `target` (a short name or a URI).

    Without `source` each says by its content what it is. Several reports are one if they are JUnit XML.

    Raises:
        FormatError: a report is not what it should be, or says nothing that could be attested.
        UsageError: there is no such conversion, it needs details or has no use for them.
        SignatureError: none of the keys signed what is in the envelope.

    """
    wanted = _type_of(target)
    inputs = [open_report(report, source, details.keys) for report in reports]
    formats = {each.format for each in inputs}
    if len(inputs) != 1 and formats != {"junit"}:
        raise UsageError(f"several files are one report in JUnit XML only, got {' and '.join(sorted(formats))}")
    found = inputs[0].format
    makers = _MAKERS[found]
    if wanted not in makers:
        raise UsageError(f"{inputs[0].name}: {found} becomes {_alternatives(makers)}, not {target!r:.120}")
    _refuse_idle(details, wanted, inputs)
    try:
        converted = makers[wanted](inputs, wanted, details)
        if wanted != STATEMENT:
            check_predicate(wanted, converted.document)
    except FormatError as error:
        raise error if len(inputs) > 1 else error.within(inputs[0].name) from None
    remarks = tuple(text for each in inputs for text in each.remarks)
    return converted.replace(remarks=(*remarks, *converted.remarks))


def _type_of(target: str) -> str:
    """Return the type that `target` means, or itself: that nothing becomes it is said with what there is."""
    try:
        return target if target == STATEMENT else type_of(target)
    except UsageError:
        return target


def _alternatives(makers: Mapping[str, object]) -> str:
    from custody.models.predicates import known_predicate

    known = [known_predicate(each) for each in makers]
    names = [each.names[0] for each in known if each is not None]
    return " or ".join([*names, *([STATEMENT] if STATEMENT in makers else [])])


def _refuse_idle(details: Details, wanted: str, inputs: Sequence[Input]) -> None:
    """Refuse details that change nothing here: who gave them meant something."""
    if (details.configuration or details.url) and wanted != test_result.TYPE:
        raise UsageError("--configuration and --url are for test-result")
    scan = details.scan
    if scan != ScanDetails() and wanted not in {vulns.TYPE_01, vulns.TYPE_02, cosign.VULN}:
        raise UsageError("the options about a scanner and its database are for vulns and vuln")
    if scan.database_updated and wanted == cosign.VULN:
        raise UsageError("--db-last-update is for vulns; vuln has no place for it")
    if details.keys and not all(each.enveloped for each in inputs):
        raise UsageError("--verification-keys are for links and statements in an envelope; nobody signed this")


def _from_tests(report: TestReport, wanted: str, details: Details) -> Converted:
    if not details.configuration:
        raise UsageError(
            "the report does not say which configuration decided what was tested, which the predicate requires;"
            " name the files with --configuration, such as pyproject.toml, pom.xml, go.mod or package.json"
        )
    configuration = [_descriptor(path) for path in details.configuration]
    predicate = make_test_result(report, configuration=configuration, url=details.url)
    return Converted(document=predicate, predicate_type=wanted, remarks=report.remarks)


def _descriptor(path: str) -> dict[str, Any]:
    data = read_file(path, what="configuration", limit=MAX_CONFIGURATION_BYTES)
    return {"name": path, "digest": {"sha256": sha256(data)}}


def _junit(inputs: Sequence[Input], wanted: str, details: Details) -> Converted:
    reports = []
    for each in inputs:
        try:
            reports.append(read_junit(each.data))
        except FormatError as error:
            raise error if len(inputs) == 1 else error.within(each.name) from None
    return _from_tests(joined(reports), wanted, details)


def _sarif_tests(inputs: Sequence[Input], wanted: str, details: Details) -> Converted:
    return _from_tests(analysed_tests(read_sarif(inputs[0].document)), wanted, details)


def _sarif_attributes(inputs: Sequence[Input], wanted: str, _details: Details) -> Converted:
    found = inputs[0]
    analyses = read_sarif(found.document)
    evidence: dict[str, Any] = {"digest": {"sha256": sha256(found.data)}, "mediaType": SARIF_MEDIA_TYPE}
    if found.name != PIPE:
        evidence["name"] = os.path.basename(found.name)
    document = make_scai(analyses, evidence=evidence)
    return Converted(document=document, predicate_type=wanted, remarks=analysed_tests(analyses).remarks)


def _scan(read: Callable[[Mapping[str, Any]], ScanReport]) -> _Maker:
    def make(inputs: Sequence[Input], wanted: str, details: Details) -> Converted:
        dated = wanted != cosign.VULN
        report = completed(read(inputs[0].document), details.scan, dated=dated)
        document = make_vulns(report, nested=wanted == vulns.TYPE_01) if dated else make_vuln(report)
        return Converted(document=document, predicate_type=wanted, remarks=report.remarks)

    return make


def _spdx(inputs: Sequence[Input], wanted: str, _details: Details) -> Converted:
    check_spdx(inputs[0].document, wanted)
    return Converted(document=inputs[0].document, predicate_type=wanted)


def _cyclonedx(inputs: Sequence[Input], wanted: str, _details: Details) -> Converted:
    check_cyclonedx(inputs[0].document)
    return Converted(document=inputs[0].document, predicate_type=wanted)


def _link_statement(inputs: Sequence[Input], _wanted: str, _details: Details) -> Converted:
    return Converted(document=link_to_statement(_whole_link(inputs[0].document)))


def _link_predicate(inputs: Sequence[Input], wanted: str, _details: Details) -> Converted:
    return Converted(document=_whole_link(inputs[0].document).document(), predicate_type=wanted)


def _whole_link(document: Mapping[str, Any]) -> Link:
    """Return the link in `document`; a field that no link has would be lost, and is refused."""
    link = read_link(document)
    for name in document:
        if name not in link.document():
            raise FormatError("there is no place for this field in what it becomes", where=path_to("", name))
    return link


def _statement_link(inputs: Sequence[Input], wanted: str, _details: Details) -> Converted:
    document = inputs[0].document
    if not is_statement(document):
        raise FormatError(f"expected a statement, got {'a link' if document.get('_type') == LINK_TYPE else 'none'}")
    return Converted(document=statement_to_link(read_statement(document)).document(), predicate_type=wanted)


_Maker = Callable[[Sequence[Input], str, Details], Converted]

_VULNS = (vulns.TYPE_02, vulns.TYPE_01, cosign.VULN)

_MAKERS: Mapping[str, Mapping[str, _Maker]] = {
    "junit": {test_result.TYPE: _junit},
    "sarif": {test_result.TYPE: _sarif_tests, scai.TYPE: _sarif_attributes},
    "trivy": dict.fromkeys(_VULNS, _scan(read_trivy)),
    "grype": dict.fromkeys(_VULNS, _scan(read_grype)),
    "spdx": dict.fromkeys((spdx.TYPE, spdx.TYPE_2, spdx.TYPE_3), _spdx),
    "cyclonedx": {cyclonedx.TYPE: _cyclonedx},
    "link": {STATEMENT: _link_statement, legacy_link.TYPE_1: _link_predicate, legacy_link.TYPE_09: _link_predicate},
    "statement": {legacy_link.TYPE_1: _statement_link},
}
"""What becomes what: by format, the types of predicates with who makes them."""
