"""The JSON report of Grype, with the descriptor of its versions before and since the sixth schema of its database.

`descriptor.timestamp` is the time when the report was made, after the scan, so it is when the scan ended. The report
does not say when the scan began. It says which database was used; one that Grype found fault with is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.encoding.fields import Fields, as_list, as_object, describe
from custody.errors import FormatError
from custody.sources.reports.report import Database, Finding, ScanReport, Severity
from custody.sources.reports.scanning import annotation, counted, findings, optional_text, score_text
from custody.sources.reports.times import as_utc

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

__all__ = ["read_grype"]

_NAME = "grype"
_URI = "pkg:github/anchore/grype"


def read_grype(document: Mapping[str, Any]) -> ScanReport:
    """Return what the report says.

    Raises:
        FormatError: it is no report of Grype, or its database was not valid.

    """
    fields = Fields(document)
    descriptor = Fields(fields.any("descriptor"), "descriptor")
    descriptor.constant("name", _NAME)
    timestamp = descriptor.any("timestamp", None)
    matches = findings(fields.any("matches"), "matches")
    return ScanReport(
        scanner="Grype",
        uri=_URI,
        version=optional_text(descriptor, "version"),
        finished=as_utc(timestamp, "descriptor.timestamp") if timestamp else "",
        database=_database(descriptor),
        findings=tuple(_finding(Fields(value, f"matches[{index}]")) for index, value in enumerate(matches)),
        document=document,
        remarks=tuple(_remarks(fields)),
    )


def _database(descriptor: Fields) -> Database:
    value = descriptor.any("db", None)
    if value is None:
        return Database()
    fields = Fields(value, descriptor.path("db"))
    status = fields.any("status", None)
    if status is not None:  # since the sixth schema
        fields = Fields(status, fields.path("status"))
    valid, error = fields.any("valid", None), fields.any("error", None)
    if (valid is not None and valid is not True) or error:
        problem = f"the vulnerability database was not valid: {describe(error) if error else describe(valid)}"
        raise FormatError(problem, where=fields.where, remedy="run `grype db update` and scan again")
    built = fields.any("built", None)
    return Database(
        uri=optional_text(fields, "from"),
        version=_schema_version(fields),
        updated=as_utc(built, fields.path("built")) if built else "",
    )


def _schema_version(fields: Fields) -> str:
    value = fields.any("schemaVersion", None)
    return str(value) if type(value) is int else optional_text(fields, "schemaVersion")


def _finding(fields: Fields) -> Finding:
    vulnerability = Fields(fields.any("vulnerability"), fields.path("vulnerability"))
    artifact = Fields(fields.any("artifact"), fields.path("artifact"))
    source = optional_text(vulnerability, "namespace").partition(":")[0] or _NAME
    severity = Severity(method=source, score=vulnerability.text("severity").lower())
    return Finding(
        id=vulnerability.text("id"),
        severities=(severity, *_scores(vulnerability, source)),
        annotation=annotation(
            package=optional_text(artifact, "name"),
            installedVersion=optional_text(artifact, "version"),
            fixedVersion=_fixed(vulnerability),
            status=_fix_state(vulnerability),
            purl=optional_text(artifact, "purl"),
        ),
    )


def _fix(vulnerability: Fields) -> Fields:
    return Fields(as_object(vulnerability.any("fix", None) or {}, vulnerability.path("fix")), vulnerability.path("fix"))


def _fixed(vulnerability: Fields) -> str:
    fix = _fix(vulnerability)
    return ", ".join(fix.texts("versions")) if fix.any("versions", None) else ""


def _fix_state(vulnerability: Fields) -> str:
    return optional_text(_fix(vulnerability), "state")


def _scores(vulnerability: Fields, usual: str) -> Iterator[Severity]:
    where = vulnerability.path("cvss")
    for index, value in enumerate(as_list(vulnerability.any("cvss", None) or [], where)):
        fields = Fields(value, f"{where}[{index}]")
        metrics = Fields(fields.any("metrics"), fields.path("metrics"))
        method = f"{optional_text(fields, 'source') or usual}:cvss_v{fields.text('version').partition('.')[0]}"
        yield Severity(method=method, score=score_text(metrics.any("baseScore"), metrics.path("baseScore")))


def _remarks(fields: Fields) -> Iterator[str]:
    ignored = len(as_list(fields.any("ignoredMatches", None) or [], "ignoredMatches"))
    if ignored:
        yield f"ignored by Grype's configuration or VEX, and not in the result: {counted(ignored, 'finding')}"
