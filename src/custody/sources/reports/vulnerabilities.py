"""Predicates about vulnerability scans: in-toto's vulns v0.2 and v0.1, and the one of cosign.

All three demand when the scan began and ended, in-toto's also when the database was last updated. Reports tell a part
of it at most; who converts one adds the rest, and what nobody says is an error: it is never made up. What the report
says itself cannot be said otherwise.
"""

from __future__ import annotations

from typing import Any

from custody.errors import UsageError
from custody.sources.reports.report import Finding, ScanReport
from custody.sources.reports.scanning import counted
from custody.sources.reports.times import is_after
from custody.value import Value

__all__ = ["ScanDetails", "completed", "make_vuln", "make_vulns"]


class ScanDetails(Value):
    """What who converts a report adds to it; '' for what they do not. Times are as `times.as_utc` returns them."""

    version: str = ""
    started: str = ""
    finished: str = ""
    database_uri: str = ""
    database_version: str = ""
    database_updated: str = ""
    found_nothing: bool = False


def completed(report: ScanReport, details: ScanDetails, *, dated: bool) -> ScanReport:
    """Return `report` with what `details` add; if `dated`, also when its database was last updated is known then.

    Raises:
        UsageError: the report says otherwise, a time is missing, the times are in no possible order, or nobody says
            that the scanner looked for vulnerabilities.

    """
    _refuse_silence(report, found_nothing=details.found_nothing)
    database = report.database.replace(
        uri=_one("--db-uri", report.database.uri, details.database_uri),
        version=_one("--db-version", report.database.version, details.database_version),
        updated=_one("--db-last-update", report.database.updated, details.database_updated),
    )
    whole = report.replace(
        version=_one("--scanner-version", report.version, details.version),
        started=_one("--scan-started", report.started, details.started),
        finished=_one("--scan-finished", report.finished, details.finished),
        database=database,
    )
    _refuse_gaps(whole, dated=dated)
    if is_after(whole.started, whole.finished):
        raise UsageError(f"the scan cannot have begun at {whole.started} and ended at {whole.finished}, before that")
    if database.updated and is_after(database.updated, whole.finished):
        raise UsageError(
            f"the scan ended at {whole.finished} and cannot have used a database of {database.updated};"
            " was the database updated since?"
        )
    return whole


def make_vulns(report: ScanReport, *, nested: bool) -> dict[str, Any]:
    """Return the predicate vulns v0.2 of a `completed` and dated report; `nested` as in v0.1."""
    database = _database(report) | {"lastUpdate": report.database.updated}
    result = [_written(finding) for finding in report.findings]
    scanner = _scanner(report) | {
        "db": database,
        "result": [{"vulnerability": each} for each in result] if nested else result,
    }
    return {"scanner": scanner, "metadata": _metadata(report)}


def make_vuln(report: ScanReport) -> dict[str, Any]:
    """Return the predicate of cosign for a `completed` report, with all that the scanner wrote as its result."""
    return {
        "scanner": _scanner(report) | {"db": _database(report), "result": report.document},
        "metadata": _metadata(report),
    }


def _refuse_silence(report: ScanReport, *, found_nothing: bool) -> None:
    if report.silent and not found_nothing:
        raise UsageError(
            f"there is no vulnerability in the report, and {report.scanner} does not say whether it looked for any"
            " (--scanners vuln); if it did, say so with --found-nothing"
        )
    if found_nothing and report.findings:
        found = counted(len(report.findings), "finding")
        raise UsageError(f"--found-nothing contradicts the report, which has {found}")


def _one(option: str, found: str, given: str) -> str:
    if found and given and found != given:
        raise UsageError(f"{option} {given} contradicts the report, which says {found}; leave the option out")
    return found or given


def _refuse_gaps(report: ScanReport, *, dated: bool) -> None:
    """Name all that is missing at once."""
    needed = [
        ("when the scan began (--scan-started)", report.started),
        ("when the scan ended (--scan-finished)", report.finished),
    ]
    if dated:
        needed.append(("when the vulnerability database was last updated (--db-last-update)", report.database.updated))
    missing = [what for what, value in needed if not value]
    if missing:
        option = "this option" if len(missing) == 1 else "these options"
        told = f"{', '.join(missing[:-1])} and {missing[-1]}" if missing[1:] else missing[0]
        raise UsageError(f"the predicate requires what the report does not say: {told}; say it with {option}")


def _scanner(report: ScanReport) -> dict[str, Any]:
    version = {"version": report.version} if report.version else {}
    return {"uri": f"{report.uri}@{report.version}" if report.version else report.uri, **version}


def _database(report: ScanReport) -> dict[str, Any]:
    known = {"uri": report.database.uri, "version": report.database.version}
    return {name: value for name, value in known.items() if value}


def _metadata(report: ScanReport) -> dict[str, str]:
    return {"scanStartedOn": report.started, "scanFinishedOn": report.finished}


def _written(finding: Finding) -> dict[str, Any]:
    document: dict[str, Any] = {
        "id": finding.id,
        "severity": [{"method": each.method, "score": each.score} for each in finding.severities],
    }
    if finding.annotation:
        document["annotations"] = [dict(finding.annotation)]
    return document
