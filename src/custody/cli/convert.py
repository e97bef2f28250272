r"""Turn what another tool wrote into a predicate to attest, and links into statements and back.

  junit        (XML)      test-result
  sarif        (2.1.0)    test-result, scai
  trivy, grype (JSON)     vulns, vulns01, vuln (which is cosign's)
  spdx         (JSON)     spdx, spdx2, spdx3
  cyclonedx    (JSON)     cyclonedx
  link                    statement; link (the link alone, as cosign attests it)
  statement    (a link's) link

The format is recognised by what is in FILE, which is - for standard input.
Nothing is made up: what a predicate requires and FILE does not say, you say
with an option. Several files are one report in JUnit XML, as Maven writes it.
Nothing is signed: `custody attest --predicate -` does that with the result.

Examples:
  custody convert junit.xml --to test-result --configuration pyproject.toml
  custody convert target/surefire-reports/*.xml --to test-result \
      --configuration pom.xml -o tests.json
  custody convert grype.json --to vulns --scan-started 2030-01-31T12:00:00Z
  custody convert sbom.spdx.json --to spdx | custody attest app.tar \
      --type spdx --predicate - -k alice
  custody convert build.776a00e2.link --to statement

"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.cli.exits import ACCEPTED
from custody.cli.key_options import add_verification_keys, verification_keys_from
from custody.cli.options import add_list
from custody.cli.output import note, printable, say, say_json
from custody.errors import FormatError, StoreError, UsageError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from custody.sources.reports.vulnerabilities import ScanDetails
    from custody.workflows.convert import Converted, Report

__all__ = ["configure"]

_FORMATS = ("junit", "trivy", "grype", "spdx", "cyclonedx", "sarif", "link", "statement")
_STDIN = "-"


def configure(parser: ArgumentParser) -> None:
    """Add the arguments of `custody convert`."""
    parser.usage = "custody convert FILE [FILE ...] --to TYPE [-o OUT] [options]"
    parser.add_argument("files", metavar="FILE", nargs="+", help="what the other tool wrote; - for standard input")
    parser.add_argument(
        "--from",
        dest="source",
        choices=_FORMATS,
        default="",
        metavar="FORMAT",
        help=f"the format of FILE: {', '.join(_FORMATS)} (default: recognised by its content)",
    )
    parser.add_argument(
        "--to",
        dest="target",
        required=True,
        metavar="TYPE",
        help="the predicate type, a short name or URI; or statement",
    )
    parser.add_argument("-o", "--output", metavar="OUT", help="the file to write (default: terminal)")
    parser.add_argument("--force", action="store_true", help="replace OUT if it exists")
    _add_tests(parser)
    _add_scan(parser)
    add_verification_keys(parser.add_argument_group("for links and statements in an envelope"))
    parser.set_defaults(execute=_execute)


def _add_tests(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("for test-result")
    add_list(
        group,
        "--configuration",
        metavar="PATH",
        help="files that decided what was tested, such as pyproject.toml; their digests go into the predicate",
    )
    group.add_argument("--url", default="", metavar="URL", help="where the run can be looked at")


def _add_scan(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("for vulns and vuln, what the report does not say")
    for name, metavar, what in (
        ("scan-started", "INSTANT", "when the scan began, as `date -u +%%Y-%%m-%%dT%%H:%%M:%%SZ` prints it"),
        ("scan-finished", "INSTANT", "when the scan ended"),
        ("scanner-version", "VERSION", "the version of the scanner"),
        ("db-last-update", "INSTANT", "when the vulnerability database was last updated"),
        ("db-uri", "URI", "where the vulnerability database comes from"),
        ("db-version", "VERSION", "the version of the vulnerability database"),
    ):
        group.add_argument(f"--{name}", default="", metavar=metavar, help=what)
    group.add_argument(
        "--found-nothing", action="store_true", help="the scanner looked for vulnerabilities and there are none"
    )


def _execute(options: Namespace) -> int:
    from custody.sources.ci.urls import has_user  # not for --help
    from custody.workflows.convert import Details, convert

    if options.url and not options.url.startswith(("http://", "https://")):
        raise UsageError(f"--url: expected http:// or https://, got {options.url!r:.80}")
    if has_user(options.url):
        raise UsageError("--url: it has a user or a password in it, which everybody would read")
    details = Details(
        configuration=tuple(options.configuration),
        url=options.url,
        scan=_scan_from(options),
        keys=verification_keys_from(options) if options.verification_keys else (),
    )
    if options.files.count(_STDIN) > 1:
        raise UsageError("standard input (-) can be read once")
    reports = [_read(path) for path in options.files]
    converted = convert(reports, source=options.source, target=options.target, details=details)
    for text in converted.remarks:
        note(printable(text))
    _write(options, converted)
    return ACCEPTED


def _scan_from(options: Namespace) -> ScanDetails:
    from custody.sources.reports.vulnerabilities import ScanDetails

    return ScanDetails(
        version=options.scanner_version,
        started=_instant(options, "scan_started"),
        finished=_instant(options, "scan_finished"),
        database_uri=options.db_uri,
        database_version=options.db_version,
        database_updated=_instant(options, "db_last_update"),
        found_nothing=options.found_nothing,
    )


def _instant(options: Namespace, name: str) -> str:
    from custody.sources.reports.times import as_utc

    text = getattr(options, name)
    if not text:
        return ""
    try:
        return as_utc(text, f"--{name.replace('_', '-')}")
    except FormatError as error:
        raise UsageError(str(error)) from None


def _read(path: str) -> Report:
    from custody.encoding.strict import MAX_DOCUMENT_BYTES
    from custody.files import read_file
    from custody.workflows.convert import Report

    if path != _STDIN:
        return Report(name=path, data=read_file(path, what="report", limit=MAX_DOCUMENT_BYTES))
    import sys

    data = sys.stdin.buffer.read(MAX_DOCUMENT_BYTES + 1) if sys.stdin is not None else b""
    if len(data) > MAX_DOCUMENT_BYTES:
        raise StoreError(f"cannot read standard input: expected at most {MAX_DOCUMENT_BYTES} bytes, got more")
    return Report(name="", data=data)


def _write(options: Namespace, converted: Converted) -> None:
    if options.output is None:
        say_json(converted.document)
    else:
        _write_file(options, converted)
    if converted.predicate_type:
        note(f"a predicate of the type {printable(converted.predicate_type)}")


def _write_file(options: Namespace, converted: Converted) -> None:
    import os

    from custody.encoding.strict import write_json
    from custody.files import write_file

    if os.path.lexists(options.output) and not options.force:
        raise StoreError(f"{options.output!r} exists already; replace it with --force")
    write_file(options.output, write_json(converted.document, indent=2) + b"\n", what="result", replace=options.force)
    say(f"written to {printable(options.output)}")
