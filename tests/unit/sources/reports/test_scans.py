from __future__ import annotations

from typing import Any

import pytest

from custody.errors import FormatError, UsageError
from custody.models.predicates import check_predicate, cosign, vulns
from custody.sources.reports import scanning
from custody.sources.reports.grype import read_grype
from custody.sources.reports.report import ScanReport
from custody.sources.reports.trivy import read_trivy
from custody.sources.reports.vulnerabilities import ScanDetails, completed, make_vuln, make_vulns
from tests.reports import changed, recorded_json

TRIVY = recorded_json("trivy.json")
GRYPE = recorded_json("grype.json")
STARTED = "2030-01-31T12:00:00Z"
UPDATED = "2030-01-31T06:00:00Z"
FIRST = ("Results", 0, "Vulnerabilities", 0)


def details_of(**given: str) -> ScanDetails:
    """Return when the scan began, unless it is `given`, and what else is."""
    details = ScanDetails(started=STARTED)
    return details.replace(**given)


def predicate_of(report: ScanReport, **details: str) -> dict[str, Any]:
    predicate = make_vulns(completed(report, details_of(**details), dated=True), nested=False)
    check_predicate(vulns.TYPE_02, predicate)
    return predicate


def test_trivy_report_becomes_vulns() -> None:
    assert predicate_of(read_trivy(TRIVY), database_updated=UPDATED) == {
        "scanner": {
            "uri": "pkg:github/aquasecurity/trivy@0.76.0",
            "version": "0.76.0",
            "db": {"lastUpdate": UPDATED},
            "result": [
                {
                    "id": "CVE-2021-28831",
                    "severity": [
                        {"method": "nvd", "score": "high"},
                        {"method": "nvd:cvss_v2", "score": "5.0"},
                        {"method": "nvd:cvss_v3", "score": "7.5"},
                    ],
                    "annotations": [
                        {
                            "target": "greeting:1.0 (alpine 3.12.9)",
                            "package": "busybox",
                            "installedVersion": "1.31.1-r21",
                            "fixedVersion": "1.32.1-r4",
                            "status": "fixed",
                            "purl": "pkg:apk/alpine/busybox@1.31.1-r21",
                        }
                    ],
                },
                {
                    "id": "GHSA-0000-0000-0000",
                    "severity": [{"method": "trivy", "score": "unknown"}],
                    "annotations": [
                        {"target": "app/requirements.txt", "package": "greeting", "installedVersion": "1.0"}
                    ],
                },
            ],
        },
        "metadata": {"scanStartedOn": STARTED, "scanFinishedOn": "2030-01-31T12:00:08.019094754Z"},
    }


def test_grype_report_becomes_vulns() -> None:
    assert predicate_of(read_grype(GRYPE)) == {
        "scanner": {
            "uri": "pkg:github/anchore/grype@0.104.0",
            "version": "0.104.0",
            "db": {
                "uri": "https://grype.anchore.io/databases/v6/vulnerability-db_v6.1.2.tar.zst",
                "version": "v6.1.2",
                "lastUpdate": "2030-01-31T06:24:10Z",
            },
            "result": [
                {
                    "id": "CVE-2021-28831",
                    "severity": [
                        {"method": "debian", "score": "high"},
                        {"method": "nvd@nist.gov:cvss_v3", "score": "7.5"},
                    ],
                    "annotations": [
                        {
                            "package": "busybox",
                            "installedVersion": "1:1.30.1-6",
                            "fixedVersion": "1:1.35.0-4, 1:1.36.1-1",
                            "status": "fixed",
                            "purl": "pkg:deb/debian/busybox@1%3A1.30.1-6?arch=amd64&distro=debian-12",
                        }
                    ],
                }
            ],
        },
        "metadata": {"scanStartedOn": STARTED, "scanFinishedOn": "2030-01-31T12:00:08.5Z"},
    }


def test_older_grype_report_becomes_vulns() -> None:
    predicate = predicate_of(read_grype(recorded_json("grype-v5.json")), started="2024-01-10T09:00:00Z")

    assert predicate["scanner"]["db"] == {"version": "5", "lastUpdate": "2024-01-10T01:24:40Z"}
    assert predicate["scanner"]["result"][0]["severity"] == [
        {"method": "github", "score": "medium"},
        {"method": "github:cvss_v3", "score": "5.0"},
    ]


def test_grype_report_that_tells_of_no_database_needs_its_date() -> None:
    report = read_grype(changed(GRYPE, "descriptor", "db"))

    with pytest.raises(UsageError, match="--db-last-update"):
        completed(report, details_of(), dated=True)
    assert predicate_of(report, database_updated=UPDATED)["scanner"]["db"] == {"lastUpdate": UPDATED}


def test_older_vulns_nest_the_vulnerability() -> None:
    flat = completed(read_grype(GRYPE), ScanDetails(started=STARTED), dated=True)
    nested = make_vulns(flat, nested=True)

    check_predicate(vulns.TYPE_01, nested)
    assert nested["scanner"]["result"] == [
        {"vulnerability": each} for each in make_vulns(flat, nested=False)["scanner"]["result"]
    ]


@pytest.mark.parametrize(("read", "document"), [(read_trivy, TRIVY), (read_grype, GRYPE)], ids=["trivy", "grype"])
def test_vuln_of_cosign_holds_the_whole_report(read: Any, document: dict[str, Any]) -> None:  # noqa: ANN401
    predicate = make_vuln(completed(read(document), ScanDetails(started=STARTED), dated=False))

    check_predicate(cosign.VULN, predicate)
    assert predicate["scanner"]["result"] == document
    assert predicate["metadata"]["scanStartedOn"] == STARTED


def test_what_scanners_were_told_to_ignore_is_remarked() -> None:
    assert read_trivy(TRIVY).remarks == ("ignored by Trivy's configuration or VEX, and not in the result: 1 finding",)
    assert read_grype(GRYPE).remarks == ("ignored by Grype's configuration or VEX, and not in the result: 1 finding",)
    assert read_grype(changed(GRYPE, "ignoredMatches")).remarks == ()


def test_all_that_nobody_says_is_asked_for_at_once() -> None:
    report = read_trivy(changed(TRIVY, "CreatedAt"))

    with pytest.raises(UsageError, match=r"began \(--scan-started\), when .*-finished\) and when .*--db-last-update"):
        completed(report, ScanDetails(), dated=True)
    with pytest.raises(UsageError, match=r"database was last updated .*with this option"):
        completed(report, ScanDetails(started=STARTED, finished=STARTED), dated=True)
    with pytest.raises(UsageError) as error:
        completed(report, ScanDetails(), dated=False)
    assert "--db-last-update" not in str(error.value)


def test_time_that_go_programs_write_for_none_is_none() -> None:
    report = read_grype(changed(GRYPE, "descriptor", "db", "status", "built", to="0001-01-01T00:00:00Z"))

    with pytest.raises(UsageError, match="--db-last-update"):
        completed(report, ScanDetails(started=STARTED), dated=True)


@pytest.mark.parametrize(
    ("details", "problem"),
    [
        ({"started": "2030-01-31T13:00:00Z"}, "cannot have begun at 2030-01-31T13:00:00Z"),
        ({"finished": "2030-01-31T12:00:09Z"}, "--scan-finished 2030-01-31T12:00:09Z contradicts the report"),
        ({"version": "0.1"}, "--scanner-version 0.1 contradicts the report, which says 0.104.0"),
        ({"database_version": "v5"}, "--db-version v5 contradicts"),
        ({"database_uri": "https://example.com/db"}, "--db-uri https://example.com/db contradicts"),
        ({"database_updated": UPDATED}, "--db-last-update .* contradicts"),
    ],
)
def test_what_contradicts_the_report_is_refused(details: dict[str, str], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        completed(read_grype(GRYPE), details_of(**details), dated=True)


def test_database_from_after_the_scan_is_refused() -> None:
    details = ScanDetails(started=STARTED, database_updated="2030-02-01T00:00:00Z")

    with pytest.raises(UsageError, match="cannot have used a database of 2030-02-01"):
        completed(read_trivy(TRIVY), details, dated=True)


def test_details_fill_what_the_report_leaves_open() -> None:
    bare = changed(changed(TRIVY, "CreatedAt"), "Trivy")
    details = ScanDetails(
        version="0.40.0",
        started=STARTED,
        finished="2030-01-31T12:01:00Z",
        database_uri="https://example.com/db",
        database_version="2",
        database_updated=UPDATED,
    )
    predicate = make_vulns(completed(read_trivy(bare), details, dated=True), nested=False)

    assert predicate["scanner"]["uri"] == "pkg:github/aquasecurity/trivy@0.40.0"
    assert predicate["scanner"]["db"] == {"uri": "https://example.com/db", "version": "2", "lastUpdate": UPDATED}


def test_scanner_without_a_version_is_named_without_one() -> None:
    report = read_trivy(changed(TRIVY, "Trivy"))
    predicate = make_vuln(completed(report, ScanDetails(started=STARTED), dated=False))

    assert predicate["scanner"]["uri"] == "pkg:github/aquasecurity/trivy"
    assert "version" not in predicate["scanner"]


def without_findings() -> dict[str, Any]:
    return changed(TRIVY, "Results", to=[{"Target": "requirements.txt", "Class": "lang-pkgs", "Type": "pip"}])


def test_trivy_report_without_vulnerabilities_is_silent_until_somebody_says_that_there_are_none() -> None:
    report = read_trivy(without_findings())

    with pytest.raises(UsageError, match=r"Trivy does not say whether it looked for any .*--found-nothing"):
        completed(report, ScanDetails(started=STARTED), dated=False)
    said = completed(report, ScanDetails(started=STARTED, found_nothing=True), dated=False)
    assert make_vuln(said)["scanner"]["result"] == without_findings()


def test_grype_report_without_matches_says_that_there_are_none() -> None:
    assert predicate_of(read_grype(changed(GRYPE, "matches", to=[])))["scanner"]["result"] == []


def test_nothing_found_contradicts_findings() -> None:
    with pytest.raises(UsageError, match="--found-nothing contradicts the report, which has 2 findings"):
        completed(read_trivy(TRIVY), ScanDetails(started=STARTED, found_nothing=True), dated=False)


@pytest.mark.parametrize(
    ("path", "to", "problem"),
    [
        (("SchemaVersion",), 1, "SchemaVersion: expected schema version 2, got 1"),
        (("SchemaVersion",), None, "SchemaVersion: missing"),
        (("SchemaVersion",), True, "SchemaVersion: expected schema version 2, got true"),
        (("Results",), None, "no packages were looked at"),
        (("Results",), [], "no packages were looked at"),
        (("Results",), [{"Target": "a", "Class": "secret"}], "no packages were looked at"),
        (("Results",), {}, "no packages were looked at"),
        (("Results",), "none", "Results: expected a list"),
        (("Results", 0), 3, r"Results\[0\]: expected an object, got 3"),
        (("CreatedAt",), "yesterday", "CreatedAt: expected an instant"),
        ((*FIRST, "VulnerabilityID"), None, r"Results\[0\].Vulnerabilities\[0\].VulnerabilityID: missing"),
        ((*FIRST, "Severity"), None, r"Results\[0\].Vulnerabilities\[0\].Severity: missing"),
        ((*FIRST, "Severity"), 3, "Severity: expected text, got 3"),
        ((*FIRST, "CVSS", "nvd", "V3Score"), 11, r"CVSS.nvd.V3Score: expected a score from 0 to 10, got 11"),
        ((*FIRST, "CVSS", "nvd", "V3Score"), True, "expected a score from 0 to 10, got true"),
        ((*FIRST, "CVSS", "nvd", "V3Score"), "7", "expected a score from 0 to 10, got '7'"),
    ],
)
def test_malformed_trivy_reports_are_refused(path: tuple[str | int, ...], to: object, problem: str) -> None:
    with pytest.raises(FormatError, match=problem):
        read_trivy(changed(TRIVY, *path, to=to))


@pytest.mark.parametrize(
    ("path", "to", "problem"),
    [
        (("descriptor",), None, "descriptor: missing"),
        (("descriptor", "name"), "syft", "descriptor.name: expected 'grype', got 'syft'"),
        (("matches",), None, "matches: missing"),
        (("matches",), {}, "matches: expected a list"),
        (("matches", 0, "vulnerability"), None, r"matches\[0\].vulnerability: missing"),
        (("matches", 0, "vulnerability", "id"), None, r"vulnerability.id: missing"),
        (("matches", 0, "vulnerability", "severity"), None, r"vulnerability.severity: missing"),
        (("matches", 0, "vulnerability", "cvss", 0, "metrics"), None, r"cvss\[0\].metrics: missing"),
        (("matches", 0, "vulnerability", "cvss", 0, "metrics", "baseScore"), -1, "expected a score from 0 to 10"),
        (("matches", 0, "artifact"), None, r"matches\[0\].artifact: missing"),
        (("descriptor", "db", "status", "valid"), False, "database was not valid: false"),
        (("descriptor", "db", "status", "error"), "checksum", "database was not valid: 'checksum'"),
        (("descriptor", "db", "status", "built"), "never", "descriptor.db.status.built: expected an instant"),
    ],
)
def test_malformed_grype_reports_are_refused(path: tuple[str | int, ...], to: object, problem: str) -> None:
    with pytest.raises(FormatError, match=problem):
        read_grype(changed(GRYPE, *path, to=to))


def test_findings_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning, "MAX_FINDINGS", 1)
    assert len(read_grype(GRYPE).findings) == 1

    with pytest.raises(FormatError, match="expected at most 1 findings, got 2"):
        read_grype(changed(GRYPE, "matches", to=GRYPE["matches"] * 2))
    with pytest.raises(FormatError, match="Results: expected at most 1 findings, got 2"):
        read_trivy(TRIVY)
