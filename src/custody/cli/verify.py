r"""Judge a supply chain by its layout.

The layout's signatures are checked with the owners' keys, then the links of every step, whether enough functionaries
agree, the artifact rules, and last the inspections, which run here. Nothing is installed or deployed that custody did
not accept: the exit code is 0 accepted, 1 rejected, 2 could not be judged.

Examples:
  custody verify -l root.layout --verification-keys owner.pub
  custody verify -l root.layout --verification-keys owner.pub \
      --link-dir links --artifact dist/app.whl
  custody verify -l root.layout --verification-keys a.pub b.pub c.pub \
      --owner-threshold 2 --state seen.json
  custody verify -l root.layout --verification-keys owner.pub \
      --format json --explain | jq .findings
  custody verify -l root.layout --verification-keys owner.pub \
      --image registry.example.com/app:v1

"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from custody.cli.exits import ACCEPTED, REJECTED
from custody.cli.image_options import add_platform, add_registry
from custody.cli.key_options import add_verification_keys, verification_keys_from
from custody.cli.layout_options import refuse_source
from custody.cli.options import add_format, add_list
from custody.cli.output import colour, note, printable, say, say_json

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from custody.keys.timestamps import TimestampAuthorities
    from custody.keys.x509_certificate import Certificate
    from custody.stores.protocol import EvidenceStore
    from custody.verdict import Verdict
    from custody.verification.case import Demands
    from custody.workflows.verify import Verification

__all__ = ["add_demands", "configure", "demands_from", "filled", "instant_from", "pairs"]

_LONGEST = 366 * 24 * 3600.0
_ABOUT_IMAGES = ("platform", "plain_http", "ca_file", "registry_username")

_CLEAR = "\r\033[K"
"""Goes back to the start of a terminal's line and clears it."""


def configure(parser: ArgumentParser) -> None:
    """Add the arguments of `custody verify`."""
    parser.add_argument("-l", "--layout", required=True, metavar="FILE", help="the signed layout")
    add_verification_keys(parser)
    parser.add_argument(
        "--link-dir", metavar="DIR", help="where the links are (default: here, or on the image of --image)"
    )
    add_demands(parser)
    _add_artifact(parser)
    _add_image(parser)
    _add_inspections(parser)
    _add_output(parser)
    parser.set_defaults(execute=execute)


def execute(options: Namespace) -> int:
    """Print the verdict and return its exit code."""
    from custody.verdict import Reason
    from custody.workflows.verify import verify

    verification = _verification(options)
    summary = filled(options.summary, "--summary")
    try:
        verdict = verify(verification)
    finally:
        if verification.progress is not None:
            verification.progress("")
    on_image = options.image is not None and options.link_dir is None and not options.quiet
    if on_image and Reason.LINK_MISSING in verdict.reasons:
        image = printable(options.image)
        note(f"the links were looked for on the image; `custody tree {image}` shows what hangs there")
    if summary and verdict.accepted:
        _write_summary(summary, verdict)
    if options.format == "json":
        _print_json(verdict, options)
    else:
        _print_text(verdict, options)
    return ACCEPTED if verdict.accepted else REJECTED


def add_demands(parser: ArgumentParser) -> None:
    """Add what a verifier may demand beyond the layout."""
    group = parser.add_argument_group("demands beyond the layout")
    group.add_argument(
        "--owner-threshold", type=int, metavar="K", help="K of the owner keys must have signed (default: all)"
    )
    group.add_argument("--layout-digest", metavar="SHA256", help="the one layout that is meant")
    group.add_argument(
        "--state", metavar="FILE", help="remember the newest layout of each owner here; reject older ones"
    )
    group.add_argument(
        "--max-age", metavar="AGE", help="reject links that say they are older, such as '30 days' or '12 hours'"
    )
    add_list(
        group,
        "--hash",
        metavar="ALGORITHM",
        help="the digests that must agree: sha256 (default), sha384, sha512, and mode for permission bits",
    )
    group.add_argument("--unanimous", action="store_true", help="no functionary may disagree")
    group.add_argument("--require-success", action="store_true", help="commands must have returned 0")
    group.add_argument("--strict", action="store_true", help="reject rules that consume nothing")
    group.add_argument(
        "--sublayouts",
        nargs="+",
        action="extend",
        metavar="STEP",
        help="where sublayouts may stand for links: any (default), none, or names of steps",
    )
    group.add_argument(
        "--sublayout-inspections", action="store_true", help="run the commands that sublayouts bring along"
    )
    add_list(group, "--parameter", metavar="NAME=VALUE", help="put VALUE for {NAME} in rules and commands")
    group.add_argument("--sublayout-parameters", action="store_true", help="pass parameters on to sublayouts")
    add_list(group, "--ignore-field", metavar="PATH", help="ignore this unknown field of the layout")
    add_list(
        group,
        "-i",
        "--intermediate-certs",
        metavar="FILE",
        help="CAs (PEM) that may stand between certificates of functionaries and the layout's roots",
    )
    add_list(
        group,
        "--timestamp-authorities",
        metavar="FILE",
        help="root certificates (PEM) of authorities whose timestamps let a functionary's certificate expire",
    )
    group.add_argument("--at", metavar="INSTANT", help="judge as of this instant, such as 2030-01-31T00:00:00Z")


def demands_from(options: Namespace) -> Demands:
    """Return the demands that the options make."""
    from custody.rules.digests import DEFAULT_PINNED
    from custody.verification.case import Demands

    chosen = options.sublayouts
    return Demands(
        owner_threshold=options.owner_threshold,
        pinned=frozenset(options.hash) or DEFAULT_PINNED,
        unanimous=options.unanimous,
        require_success=options.require_success,
        strict=options.strict,
        sublayouts=_sublayouts(chosen),
        sublayout_inspections=options.sublayout_inspections,
        sublayout_parameters=options.sublayout_parameters,
        layout_digest=filled(options.layout_digest, "--layout-digest"),
        max_age=_age(options.max_age),
        product_of=filled(options.product_of, "--product-of"),
        ignore_fields=tuple(options.ignore_field),
        intermediates=_certificates(options.intermediate_certs),
        timestamps=_authorities(options.timestamp_authorities),
    )


def _authorities(paths: list[str]) -> TimestampAuthorities | None:
    if not paths:
        return None
    from custody.keys.timestamps import TimestampAuthorities  # few layouts ask for certificates

    return TimestampAuthorities(roots=_certificates(paths))


def _certificates(paths: list[str]) -> tuple[Certificate, ...]:
    if not paths:
        return ()
    from custody.signing.certified import read_certificates  # few layouts ask for certificates

    return tuple(certificate for path in paths for certificate in read_certificates(path))


def pairs(given: list[str], flag: str) -> dict[str, str]:
    """Return `NAME=VALUE` arguments as a mapping; a name given twice or without a value is a UsageError."""
    from custody.errors import UsageError

    result: dict[str, str] = {}
    for item in given:
        name, equals, value = item.partition("=")
        if not equals or not name:
            raise UsageError(f"{flag}: expected NAME=VALUE, got {item!r}")
        if name in result:
            raise UsageError(f"{flag}: {name!r} is given twice")
        result[name] = value
    return result


def filled(text: str | None, flag: str) -> str:
    """Return what was given with `flag`, or '' if it was not; given empty, as by an unset variable, it is an error."""
    if text is None:
        return ""
    if not text.strip():
        from custody.errors import UsageError

        raise UsageError(f"{flag}: expected a value, got an empty one; leave the option out, or check the variable")
    return text


def instant_from(text: str | None) -> datetime | None:
    """Return the instant of `--at`, None if it was not given."""
    from custody.encoding.instants import read_instant

    return read_instant(text, "--at") if text is not None else None


def _verification(options: Namespace) -> Verification:
    from custody.errors import UsageError
    from custody.workflows.inspect import InspectionOptions
    from custody.workflows.verify import Verification

    refuse_source(options.layout)
    if options.all_artifacts and options.format != "json":
        raise UsageError("--all-artifacts: expected --format json with it; text has the first 20 and how many more")
    if not 0 < options.inspection_timeout < _LONGEST:  # false for NaN, too
        raise UsageError(
            f"--inspection-timeout: expected more than 0 seconds and at most a year, got {options.inspection_timeout:g}"
        )
    inspections = InspectionOptions(
        directory=options.inspection_dir,
        copy=options.inspection_copy,
        exclude=tuple(options.exclude),
        timeout=options.inspection_timeout,
        links_directory=filled(options.inspection_links, "--inspection-links"),
    )
    demands = demands_from(options)
    evidence: str | EvidenceStore = "." if options.link_dir is None else options.link_dir
    if options.image is not None or any(getattr(options, name) for name in _ABOUT_IMAGES):
        from custody.cli.verify_image import image_under_test  # few chains make images

        target, links = image_under_test(options)
        demands = demands.replace(targets=(target,))
        evidence = evidence if links is None else links
    return Verification(
        layout=options.layout,
        owner_keys=verification_keys_from(options),
        evidence=evidence,
        artifacts=tuple(options.artifact),
        parameters=pairs(options.parameter, "--parameter"),
        demands=demands,
        inspections=None if options.no_inspections else inspections,
        state=filled(options.state, "--state"),
        at=instant_from(options.at),
        progress=_progress(options),
        trusted_root=options.trusted_root,
    )


def _add_artifact(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("the artifact under test")
    add_list(
        group,
        "--artifact",
        metavar="FILE|sha256:HEX",
        help="demand that the chain made this file, as a product of its last step",
    )
    group.add_argument("--product-of", metavar="STEP", help="as a product of this step instead")


def _add_image(parser: ArgumentParser) -> None:
    group = add_registry(parser)
    group.title = "the image under test"
    group.add_argument(
        "--image",
        metavar="IMAGE",
        help="demand that the chain made this image: REGISTRY/REPOSITORY[:TAG], or oci:DIRECTORY[:TAG]",
    )
    add_platform(group)


def _add_inspections(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("inspections")
    group.add_argument("--inspection-dir", default=".", metavar="DIR", help="where they run (default: here)")
    group.add_argument("--inspection-copy", action="store_true", help="run them on a scratch copy of that")
    group.add_argument(
        "--inspection-timeout", type=float, default=600.0, metavar="SECONDS", help="for each (default: 600)"
    )
    group.add_argument("--inspection-links", metavar="DIR", help="write a link of each here")
    group.add_argument("--no-inspections", action="store_true", help="run none; a layout that has some is rejected")
    add_list(group, "--exclude", metavar="PATTERN", help="what they do not see, in gitignore's syntax")


def _add_output(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("output")
    add_format(group)
    group.add_argument("--explain", action="store_true", help="show every rule with what it consumed")
    group.add_argument(
        "--all-artifacts", action="store_true", help="list all artifacts of a finding, not the first 20; JSON only"
    )
    group.add_argument("--summary", metavar="FILE", help="write the summary link, unsigned, here")
    group.add_argument("-v", "--verbose", action="store_true", help="show notes, too")
    group.add_argument("-q", "--quiet", action="store_true", help="print nothing; the exit code says it")


def _sublayouts(chosen: list[str] | None) -> frozenset[str] | None:
    from custody.errors import UsageError

    if chosen is None or chosen == ["any"]:
        return None
    if chosen == ["none"]:
        return frozenset()
    if {"any", "none"} & set(chosen):
        raise UsageError(f"--sublayouts: expected any, none, or names of steps, got {' '.join(chosen)}")
    return frozenset(chosen)


def _age(text: str | None) -> timedelta | None:
    """Return a number and a unit, such as `30 days`."""
    if text is None:
        return None
    import re
    from datetime import timedelta

    from custody.errors import UsageError

    match = re.fullmatch(r"\s*([0-9]{1,6})\s*(second|minute|hour|day|week)s?\s*", text)
    if match is None:
        raise UsageError(f"--max-age: expected a number and seconds, minutes, hours, days or weeks, got {text!r}")
    return timedelta(**{f"{match[2]}s": int(match[1])})


def _progress(options: Namespace) -> Callable[[str], None] | None:
    if options.quiet or not sys.stderr.isatty():
        return None

    def show(what: str) -> None:
        sys.stderr.write(f"{_CLEAR}{printable(what):.100}" if what else _CLEAR)
        sys.stderr.flush()

    return show


def _print_json(verdict: Verdict, options: Namespace) -> None:
    from custody.reports.verdict_json import verdict_document

    if not options.quiet:
        say_json(verdict_document(verdict, explain=options.explain, all_artifacts=options.all_artifacts))


def _print_text(verdict: Verdict, options: Namespace) -> None:
    from custody.reports.verdict_text import explain_lines, verdict_lines

    if options.quiet:
        return
    if options.explain:
        for line in explain_lines(verdict):
            say(printable(line))
    for line in verdict_lines(verdict, notes=options.verbose):
        say(_coloured(printable(line)))


def _coloured(line: str) -> str:
    if line.startswith("rejection:") or " not verified" in line or "did not pass" in line:
        return colour(line, "red", sys.stdout)
    if line.startswith("warning:"):
        return colour(line, "yellow", sys.stdout)
    if line.startswith("The software product passed"):
        return colour(line, "green", sys.stdout)
    return line


def _write_summary(path: str, verdict: Verdict) -> None:
    from custody.envelopes.metablock import Metablock
    from custody.files import write_file

    if verdict.summary_link is not None:
        write_file(path, Metablock.wrap(verdict.summary_link.document()).write(), what="summary link")
