"""The JSON report of Trivy, schema 2 (since Trivy 0.20).

`CreatedAt` (since 0.48) is the time when the report was made, after the scan, so it is when the scan ended. The report
does not say when the scan began, nor which database was used. A report in which no packages were looked at is refused.
One without a vulnerability is silent: it is the same whether Trivy found none or was told to look for other things.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.encoding.fields import Fields, as_list, as_object, describe, path_to
from custody.errors import FormatError
from custody.sources.reports.report import Finding, ScanReport, Severity
from custody.sources.reports.scanning import annotation, counted, findings, optional_text, refuse_many, score_text
from custody.sources.reports.times import as_utc

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

__all__ = ["read_trivy"]

_SCHEMA = 2
_URI = "pkg:github/aquasecurity/trivy"
_PACKAGES = frozenset({"os-pkgs", "lang-pkgs"})
"""The classes of results that tell of packages."""

_SCORES = {"V2Score": "cvss_v2", "V3Score": "cvss_v3", "V40Score": "cvss_v4"}


def read_trivy(document: Mapping[str, Any]) -> ScanReport:
    """Return what the report says.

    Raises:
        FormatError: it is no report of schema 2, or no packages were looked at.

    """
    fields = Fields(document)
    schema = fields.any("SchemaVersion")
    if type(schema) is not int or schema != _SCHEMA:
        raise FormatError(f"expected schema version 2, got {describe(schema)}", where="SchemaVersion")
    results = as_list(fields.any("Results", None) or [], "Results")
    places = [Fields(value, f"Results[{index}]") for index, value in enumerate(results)]
    if not any(optional_text(place, "Class") in _PACKAGES or _has_findings(place) for place in places):
        raise FormatError(
            "no packages were looked at (there is no result of the class os-pkgs or lang-pkgs)",
            where="Results",
            remedy="run Trivy with --scanners vuln on what has packages; nothing is no success",
        )
    created = fields.any("CreatedAt", None)
    found = tuple(finding for place in places for finding in _findings(place))
    refuse_many(len(found), "Results")
    return ScanReport(
        scanner="Trivy",
        uri=_URI,
        version=_version(fields),
        finished=as_utc(created, "CreatedAt") if created is not None else "",
        findings=found,
        silent=not found,
        document=document,
        remarks=tuple(_remarks(places)),
    )


def _version(fields: Fields) -> str:
    about = fields.any("Trivy", None)
    return optional_text(Fields(about, "Trivy"), "Version") if about is not None else ""


def _has_findings(place: Fields) -> bool:
    return bool(place.any("Vulnerabilities", None))


def _findings(place: Fields) -> Iterator[Finding]:
    where = place.path("Vulnerabilities")
    for index, value in enumerate(findings(place.any("Vulnerabilities", None) or [], where)):
        yield _finding(Fields(value, f"{where}[{index}]"), optional_text(place, "Target"))


def _finding(fields: Fields, target: str) -> Finding:
    source = optional_text(fields, "SeveritySource") or "trivy"
    identifier = fields.any("PkgIdentifier", None)
    return Finding(
        id=fields.text("VulnerabilityID"),
        severities=(Severity(method=source, score=fields.text("Severity").lower()), *_scores(fields)),
        annotation=annotation(
            target=target,
            package=optional_text(fields, "PkgName"),
            installedVersion=optional_text(fields, "InstalledVersion"),
            fixedVersion=optional_text(fields, "FixedVersion"),
            status=optional_text(fields, "Status"),
            purl=optional_text(Fields(identifier, fields.path("PkgIdentifier")), "PURL") if identifier else "",
        ),
    )


def _scores(fields: Fields) -> Iterator[Severity]:
    by_source = as_object(fields.any("CVSS", None) or {}, fields.path("CVSS"))
    for source in sorted(by_source):
        where = path_to(fields.path("CVSS"), source)
        scores = Fields(by_source[source], where)
        for name, method in _SCORES.items():
            score = scores.any(name, None)
            if score is not None:
                yield Severity(method=f"{source}:{method}", score=score_text(score, scores.path(name)))


def _remarks(places: list[Fields]) -> Iterator[str]:
    hidden = sum(len(as_list(place.any("ExperimentalModifiedFindings", None) or [], place.where)) for place in places)
    if hidden:
        yield f"ignored by Trivy's configuration or VEX, and not in the result: {counted(hidden, 'finding')}"
