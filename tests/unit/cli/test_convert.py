from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from custody.cli import convert as convert_command
from custody.cli.main import main
from custody.models.predicates import check_predicate, predicate_type
from custody.models.statement import read_statement
from custody.signing.keypair import generate, write_pair
from custody.sources.reports.recognise import FORMATS
from tests.reports import RECORDED, changed, recorded, recorded_json

STARTED = ("--scan-started", "2030-01-31T12:00:00Z")
UPDATED = ("--db-last-update", "2030-01-31T06:00:00Z")
CONFIGURATION = ("--configuration", "pyproject.toml")
SHA256_OF_NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("pyproject.toml").touch()
    for path in RECORDED.iterdir():
        Path(path.name).write_bytes(path.read_bytes())
    return tmp_path


def convert(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """Return what `custody convert` prints."""
    code = main(["convert", *arguments])
    out, err = capsys.readouterr()
    assert code == 0, err
    document: dict[str, Any] = json.loads(out)
    return document


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return why `custody convert` refuses."""
    assert main(["convert", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("custody convert: ")
    assert err.count("\n") == 1
    return err


def write(name: str, document: object) -> str:
    Path(name).write_text(json.dumps(document))
    return name


@pytest.mark.parametrize(
    ("file", "target", "options"),
    [
        ("gotestsum.xml", "test-result", CONFIGURATION),
        ("surefire.xml", "test-result", CONFIGURATION),
        ("jest.xml", "test-result", CONFIGURATION),
        ("googletest.xml", "test-result", CONFIGURATION),
        ("semgrep.sarif", "test-result", CONFIGURATION),
        ("semgrep.sarif", "scai", ()),
        ("trivy.json", "vulns", (*STARTED, *UPDATED)),
        ("trivy.json", "vulns01", (*STARTED, *UPDATED)),
        ("trivy.json", "vuln", STARTED),
        ("grype.json", "vulns", STARTED),
        ("grype.json", "https://in-toto.io/attestation/vulns/v0.1", STARTED),
        ("grype.json", "vuln", STARTED),
        ("spdx-2.3.json", "spdx", ()),
        ("spdx-2.3.json", "spdxjson", ()),
        ("spdx-2.3.json", "spdx2", ()),
        ("spdx-3.json", "spdx", ()),
        ("spdx-3.json", "https://spdx.dev/Document/v3", ()),
        ("cyclonedx.json", "cyclonedx", ()),
    ],
)
def test_every_conversion_gives_what_its_type_allows(
    file: str, target: str, options: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    check_predicate(predicate_type(target), convert(capsys, file, "--to", target, *options))


@pytest.mark.parametrize(
    ("file", "source", "target", "options"),
    [
        ("surefire.xml", "junit", "test-result", CONFIGURATION),
        ("semgrep.sarif", "sarif", "scai", ()),
        ("trivy.json", "trivy", "vuln", STARTED),
        ("grype.json", "grype", "vuln", STARTED),
        ("spdx-2.3.json", "spdx", "spdx", ()),
        ("cyclonedx.json", "cyclonedx", "cyclonedx", ()),
    ],
)
def test_format_that_is_named_is_the_one_that_is_recognised(
    file: str, source: str, target: str, options: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = (file, "--to", target, *options)

    assert convert(capsys, *arguments, "--from", source) == convert(capsys, *arguments)


def test_format_that_is_named_is_not_guessed_otherwise(capsys: pytest.CaptureFixture[str]) -> None:
    both = write("both.json", {**recorded_json("cyclonedx.json"), **recorded_json("spdx-2.3.json")})

    assert "both.json: it looks like spdx and cyclonedx; say which it is with --from" in refused(
        capsys, both, "--to", "spdx"
    )
    assert convert(capsys, both, "--from", "spdx", "--to", "spdx")["bomFormat"] == "CycloneDX"
    assert "trivy.json: descriptor: missing" in refused(
        capsys, "trivy.json", "--from", "grype", "--to", "vulns", *STARTED
    )


PASSING = """\
import pytest
import unittest

def test_passes(): pass

@pytest.mark.parametrize("a", ["x", "\\x00", "<&>"])
def test_of_many(a): pass

@pytest.mark.xfail
def test_expected_to_fail(): assert 0

def test_skipped(): pytest.skip("not yet")

class TestCase(unittest.TestCase):
    def test_in_parts(self):
        for i in range(3):
            with self.subTest(i=i): pass
"""
FAILING = """\
import pytest

@pytest.fixture
def broken():
    yield
    raise RuntimeError

def test_fails(): assert 0

def test_that_cannot_be_torn_down(broken): pass
"""


def pytest_report(text: str) -> str:
    """Return the file of a real report of pytest about the tests in `text`."""
    Path("test_it.py").write_text(text)
    plugins = ("-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no:xdist")
    run = [sys.executable, "-m", "pytest", "-q", *plugins, "--junitxml=junit.xml", "test_it.py"]
    subprocess.run(run, check=False, capture_output=True)
    return "junit.xml"


def test_real_report_of_pytest_passes(capsys: pytest.CaptureFixture[str]) -> None:
    report = pytest_report(PASSING)
    assert main(["convert", report, "--to", "test-result", *CONFIGURATION, "--url", "https://ci.example.com/7"]) == 0
    out, err = capsys.readouterr()

    assert json.loads(out) == {
        "result": "PASSED",
        "configuration": [{"name": "pyproject.toml", "digest": {"sha256": SHA256_OF_NOTHING}}],
        "url": "https://ci.example.com/7",
        "passedTests": [
            "test_it.test_passes",
            "test_it.test_of_many[x]",
            "test_it.test_of_many[\\x00]",
            "test_it.test_of_many[<&>]",
            "test_it.TestCase.test_in_parts",
        ],
        "warnedTests": [],
        "failedTests": [],
    }
    assert err == (
        "2 of 7 tests skipped; they are in no list\n"
        "a predicate of the type https://in-toto.io/attestation/test-result/v0.1\n"
    )


def test_real_report_of_pytest_with_failures_fails(capsys: pytest.CaptureFixture[str]) -> None:
    predicate = convert(capsys, pytest_report(PASSING + FAILING), "--to", "test-result", *CONFIGURATION)

    assert predicate["result"] == "FAILED"
    assert predicate["failedTests"] == ["test_it.test_fails", "test_it.test_that_cannot_be_torn_down"]
    assert "test_it.test_passes" in predicate["passedTests"]


def test_real_report_of_pytest_without_tests_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    report = pytest_report("")

    assert "junit.xml: there is no test in the report" in refused(capsys, report, "--to", "test-result", *CONFIGURATION)


@pytest.mark.parametrize(("text", "result"), [("x = 1\n", "PASSED"), ("import os\n", "FAILED")])
def test_real_log_of_ruff_is_converted(text: str, result: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("code.py").write_text(text)
    ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F", "--output-format", "sarif"]
    Path("ruff.sarif").write_bytes(subprocess.run([*ruff, "code.py"], check=False, capture_output=True).stdout)

    tests = convert(capsys, "ruff.sarif", "--to", "test-result", *CONFIGURATION)
    (attribute,) = convert(capsys, "ruff.sarif", "--to", "scai")["attributes"]

    assert tests["result"] == result
    assert tests["passedTests"] == (["ruff"] if result == "PASSED" else [])
    assert tests["failedTests"] == ([] if result == "PASSED" else ["ruff", "ruff/F401"])
    assert attribute["attribute"] == f"STATIC_ANALYSIS_{result}"
    assert attribute["evidence"]["name"] == "ruff.sarif"


def test_several_reports_of_tests_are_one(capsys: pytest.CaptureFixture[str]) -> None:
    both = convert(capsys, "surefire.xml", "gotestsum.xml", "--to", "test-result", *CONFIGURATION)

    assert both["result"] == "FAILED"
    assert "com.example.GreetingTest.greets" in both["passedTests"]
    assert "example.com/greeting.TestHello" in both["passedTests"]


def test_one_bad_report_among_several_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    Path("empty.xml").write_text("<testsuites/>")

    assert "custody convert: empty.xml: there is no test in the report" in refused(
        capsys, "surefire.xml", "empty.xml", "--to", "test-result", *CONFIGURATION
    )


def test_several_files_are_one_report_in_junit_xml_only(capsys: pytest.CaptureFixture[str]) -> None:
    text = refused(capsys, "grype.json", "surefire.xml", "--to", "vulns")

    assert "several files are one report in JUnit XML only, got grype and junit" in text


def test_report_comes_through_a_pipe_and_the_result_goes_into_a_file(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(recorded("grype.json"))))
    assert main(["convert", "-", "--to", "vulns", *STARTED, "-o", "vulns.json"]) == 0
    assert capsys.readouterr().out == "written to vulns.json\n"

    assert json.loads(Path("vulns.json").read_text()) == convert(capsys, "grype.json", "--to", "vulns", *STARTED)


def test_evidence_from_a_pipe_has_no_name(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(recorded("semgrep.sarif"))))

    assert "name" not in convert(capsys, "-", "--to", "scai")["attributes"][0]["evidence"]


def test_standard_input_is_read_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert "standard input (-) can be read once" in refused(capsys, "-", "-", "--to", "test-result", *CONFIGURATION)


def test_existing_file_is_replaced_with_force_only(capsys: pytest.CaptureFixture[str]) -> None:
    Path("out.json").write_text("mine")
    arguments = ("cyclonedx.json", "--to", "cyclonedx", "-o", "out.json")

    assert main(["convert", *arguments]) == 2
    assert "'out.json' exists already; replace it with --force" in capsys.readouterr().err
    assert Path("out.json").read_text() == "mine"
    assert main(["convert", *arguments, "--force"]) == 0
    assert json.loads(Path("out.json").read_text()) == recorded_json("cyclonedx.json")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("surefire.xml", "--to", "test-result"), "name the files with --configuration, such as pyproject.toml"),
        (("semgrep.sarif", "--to", "test-result"), "name the files with --configuration"),
        (("grype.json", "--to", "vulns"), "when the scan began (--scan-started); say it with this option"),
        (("trivy.json", "--to", "vulns", *STARTED), "database was last updated (--db-last-update)"),
        (("trivy.json", "--to", "vulns", "--scan-started", "today", *UPDATED), "--scan-started: expected an instant"),
        (("grype.json", "--to", "vulns", *STARTED, "--scan-finished", "2031-01-01T00:00:00Z"), "--scan-finished 2031"),
        (("grype.json", "--to", "vulns", *STARTED, "--scanner-version", "1"), "--scanner-version 1 contradicts"),
        (("grype.json", "--to", "vulns", *STARTED, "--db-uri", "https://a"), "--db-uri https://a contradicts"),
        (("grype.json", "--to", "vulns", *STARTED, "--db-version", "v1"), "--db-version v1 contradicts"),
        (("grype.json", "--to", "vulns", *STARTED, "--found-nothing"), "--found-nothing contradicts the report"),
        (("grype.json", "--to", "vuln", *STARTED, *UPDATED), "--db-last-update is for vulns"),
        (("cyclonedx.json", "--to", "cyclonedx", *STARTED), "about a scanner and its database are for vulns and vuln"),
        (("cyclonedx.json", "--to", "cyclonedx", *CONFIGURATION), "--configuration and --url are for test-result"),
        (("cyclonedx.json", "--to", "cyclonedx", "--url", "https://a"), "--configuration and --url are for test-res"),
        (("surefire.xml", "--to", "test-result", *CONFIGURATION, "--url", "run 7"), "--url: expected http:// or https"),
        (
            ("surefire.xml", "--to", "test-result", *CONFIGURATION, "--url", "https://u:secret@ci.example.com/7"),
            "--url: it has a user or a password in it",
        ),
        (("surefire.xml", "--to", "test-result", "--configuration", "absent"), "cannot read configuration 'absent'"),
        (("cyclonedx.json", "--to", "spdx"), "cyclonedx becomes cyclonedx, not 'spdx'"),
        (("spdx-2.3.json", "--to", "spdx3"), "is for SPDX 3, and the document is SPDX-2.3"),
        (("trivy.json", "--to", "test-result"), "trivy becomes vulns or vulns01 or vuln, not 'test-result'"),
        (("trivy.json", "--to", "sbom"), "trivy.json: trivy becomes vulns or vulns01 or vuln, not 'sbom'"),
        (("trivy.json", "--to", "https://example.com/x"), "becomes vulns or vulns01 or vuln, not 'https://example"),
        (("pyproject.toml", "--to", "vulns"), "pyproject.toml: not JSON: there is nothing in it"),
        (("absent.json", "--to", "vulns"), "cannot read report 'absent.json': No such file or directory"),
        (("surefire.xml", "--from", "trivy", "--to", "vulns"), "surefire.xml: expected trivy in JSON, got junit"),
        (("trivy.json", "--from", "junit", "--to", "test-result", *CONFIGURATION), "trivy.json: not XML"),
    ],
)
def test_what_cannot_be_converted_is_refused_with_a_sentence(
    arguments: tuple[str, ...], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert problem in refused(capsys, *arguments)


def test_what_the_report_leaves_open_is_said_by_options(capsys: pytest.CaptureFixture[str]) -> None:
    write("bare.json", changed(changed(recorded_json("trivy.json"), "CreatedAt"), "Trivy"))
    said = ("--scanner-version", "0.40.0", "--scan-finished", "2030-01-31T14:30:00+02:00")
    database = ("--db-uri", "https://example.com/db", "--db-version", "2")
    predicate = convert(capsys, "bare.json", "--to", "vulns", *STARTED, *UPDATED, *said, *database)

    assert predicate["scanner"]["version"] == "0.40.0"
    assert predicate["scanner"]["db"] == {"uri": "https://example.com/db", "version": "2", "lastUpdate": UPDATED[1]}
    assert predicate["metadata"] == {"scanStartedOn": STARTED[1], "scanFinishedOn": "2030-01-31T12:30:00Z"}


def test_scan_by_trivy_without_findings_needs_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    write("clean.json", changed(recorded_json("trivy.json"), "Results", to=[{"Target": "a", "Class": "lang-pkgs"}]))

    assert "say so with --found-nothing" in refused(capsys, "clean.json", "--to", "vulns", *STARTED, *UPDATED)
    predicate = convert(capsys, "clean.json", "--to", "vulns", *STARTED, *UPDATED, "--found-nothing")
    assert predicate["scanner"]["result"] == []


def test_entities_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    Path("evil.xml").write_text('<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><testsuite name="&x;"/>')

    assert "evil.xml: line 1: there is a document type" in refused(
        capsys, "evil.xml", "--to", "test-result", *CONFIGURATION
    )


def test_duplicate_keys_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    text = recorded("grype.json").decode().replace('"matches":', '"matches": [], "matches":', 1)
    Path("twice.json").write_text(text)

    assert "twice.json: the key 'matches' appears twice" in refused(capsys, "twice.json", "--to", "vuln", *STARTED)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("hello", "odd: expected JSON or JUnit XML, got something else"),
        ("[]", "odd: expected an object, got a list; if Trivy wrote it, take a version from 0.20 on"),
        ("{}\n{}\n", "odd: there are 2 documents in it, one a line; give one of them"),
        ("{}\n{", "odd: there are 2 documents in it"),
        ('{"a":\n{}}', "odd: cannot tell which format it is"),
        ("{", "odd: not JSON"),
        (" \n", "odd: not JSON: there is nothing in it"),
        ("SPDXVersion: SPDX-2.3\n", "odd: SPDX as tags and values"),
    ],
)
def test_what_is_no_report_is_told_as_what_it_is(text: str, problem: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("odd").write_text(text)

    assert problem in refused(capsys, "odd", "--to", "vulns")


def test_size_of_what_comes_through_a_pipe_is_limited(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("custody.encoding.strict.MAX_DOCUMENT_BYTES", 10)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"a": [1]} ')))

    assert "cannot read standard input: expected at most 10 bytes, got more" in refused(capsys, "-", "--to", "vuln")


def test_formats_of_the_option_are_those_that_are_recognised() -> None:
    assert convert_command._FORMATS == FORMATS


@pytest.fixture
def link(capsys: pytest.CaptureFixture[str]) -> str:
    """Return the file of a signed link of alice's."""
    for name in ("alice", "bob"):
        write_pair(name, generate())
    Path("app.c").write_text("1")
    assert main(["run", "-n", "build", "-k", "alice", "-m", "app.c", "-p", "app", "--", "cp", "app.c", "app"]) == 0
    capsys.readouterr()
    (path,) = Path().glob("build.*.link")
    return path.name


def test_link_becomes_a_statement_and_the_statement_the_link(link: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert", link, "--to", "statement", "-o", "statement.json"]) == 0
    assert capsys.readouterr().err == "the signatures were not checked; give --verification-keys to check them\n"

    statement = read_statement(json.loads(Path("statement.json").read_text()))
    assert statement.predicate_type == "https://in-toto.io/attestation/link/v0.3"
    assert [subject.name for subject in statement.subject] == ["app"]
    signed = json.loads(Path(link).read_text())["signed"]
    assert convert(capsys, "statement.json", "--to", "link") == signed
    assert convert(capsys, link, "--to", "link") == signed
    check_predicate("https://in-toto.io/Link/v1", signed)


def test_link_that_was_a_statement_can_be_signed_again(link: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert", link, "--to", "statement", "-o", "statement.json"]) == 0
    assert main(["convert", "statement.json", "--from", "statement", "--to", "link", "-o", "again.link"]) == 0
    assert main(["sign", "-f", "again.link", "-k", "bob"]) == 0
    capsys.readouterr()

    assert convert(capsys, link, "--to", "link", "--verification-keys", "alice.pub") == convert(
        capsys, next(str(path) for path in Path().glob("build.*.link") if path.name != link), "--to", "link",
        "--verification-keys", "bob.pub",
    )  # fmt: skip


def test_signature_of_an_envelope_is_checked_with_keys(link: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert", link, "--to", "statement", "--verification-keys", "alice.pub"]) == 0
    assert capsys.readouterr().err == ""

    assert f"{link}: none of the given keys signed it" in refused(
        capsys, link, "--to", "statement", "--verification-keys", "bob.pub"
    )
    envelope = json.loads(Path(link).read_text())
    envelope["signed"]["command"] = ["other"]
    assert "none of the given keys signed it" in refused(
        capsys, write("tampered.link", envelope), "--to", "statement", "--verification-keys", "alice.pub"
    )


def test_keys_for_what_nobody_signed_are_refused(link: str, capsys: pytest.CaptureFixture[str]) -> None:
    write("bare.link", json.loads(Path(link).read_text())["signed"])

    assert "nobody signed this" in refused(capsys, "bare.link", "--to", "statement", "--verification-keys", "alice.pub")


def test_link_in_dsse_is_converted(link: str, capsys: pytest.CaptureFixture[str]) -> None:
    run = ["run", "-n", "build", "-k", "alice", "--use-dsse", "-d", "dsse", "-m", "app.c", "-p", "app", "-x"]
    Path("dsse").mkdir()
    assert main(run) == 0
    capsys.readouterr()
    (path,) = Path("dsse").iterdir()

    statement = convert(capsys, str(path), "--to", "statement", "--verification-keys", "alice.pub")
    assert statement["predicate"]["name"] == "build"
    assert link != path.name or statement["subject"]
    envelope = json.loads(path.read_text())
    assert "payloadType: expected a link or a statement, got 'text/plain'" in refused(
        capsys, write("other.link", {**envelope, "payloadType": "text/plain"}), "--to", "statement"
    )


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("comment", "hello", "there is no place for this field in what it becomes"),
        ("products", {}, "no products"),
        ("name", "../build", "expected a plain name"),
    ],
)
def test_link_that_would_lose_something_is_refused(
    name: str, value: object, problem: str, link: str, capsys: pytest.CaptureFixture[str]
) -> None:
    document = json.loads(Path(link).read_text())["signed"]

    assert problem in refused(capsys, write("bad.link", {**document, name: value}), "--to", "statement")


def test_statement_of_another_type_becomes_no_link(link: str, capsys: pytest.CaptureFixture[str]) -> None:
    statement = convert(capsys, link, "--to", "statement")
    other = write("other.json", {**statement, "predicateType": "https://example.com/x/v1"})

    assert "other.json: predicateType: expected a link, got 'https://example.com/x/v1'" in refused(
        capsys, other, "--to", "link"
    )
    assert "statement becomes link, not 'statement'" in refused(capsys, other, "--to", "statement")
    assert "expected a statement, got a link" in refused(capsys, link, "--from", "statement", "--to", "link")
