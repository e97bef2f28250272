r"""Sign a statement about a file, a directory or an image, and put it where verifiers find it.

What is said is a predicate: JSON of some type, which --type names by a URI or a short name. It comes from a file (or
from stdin, as -), from a link, from a whole directory of links, or in a statement that is there already. The statement
about a file goes to FILE.intoto.jsonl, with those that are there already. That about an image is attached to it, where
cosign finds it, too.

Several keys sign an envelope each. Without a key the identity of this CI job signs, as with cosign.

Examples:
  custody attest dist/app --key alice --predicate result.json \
      --type https://example.com/TestResult/v1
  custody attest --key cosign.key --type spdxjson --predicate sbom.json \
      registry.example.com/app:v1
  custody attest registry.example.com/app:v1 --key ci --bundle-links links
  jq .result report.json | custody attest dist/app -k alice \
      --type https://example.com/TestResult/v1 --predicate -

"""

from __future__ import annotations

import sys
from argparse import SUPPRESS
from typing import TYPE_CHECKING

from custody.cli.exits import ACCEPTED
from custody.cli.image_options import (
    TARGET_HELP,
    add_cosign_log,
    add_platform,
    add_registry,
    add_yes,
)
from custody.cli.key_options import add_password, add_scheme, remark, secret_from
from custody.cli.output import note, printable, say, warn
from custody.errors import UsageError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from custody.signing.signer import Signer
    from custody.workflows.attest import Signed
    from custody.workflows.targets import Target

__all__ = ["configure"]

_KEYLESS = "sigstore:"
_FORMATS = ("jsonl", "envelope", "bundle")
_STDOUT = "-"
_SHOWN = 3


def configure(parser: ArgumentParser) -> None:
    """Add the arguments of `custody attest`."""
    parser.usage = "custody attest TARGET --key URI --type TYPE --predicate FILE [options]"
    parser.add_argument("target", metavar="TARGET", help=TARGET_HELP)
    _add_content(parser)
    _add_keys(parser)
    _add_output(parser)
    add_platform(parser)
    add_registry(parser)
    add_yes(parser)
    add_cosign_log(parser, verifying=False)
    parser.add_argument("--use-signing-config", choices=("false",), help=SUPPRESS)  # cosign 3's, for keys
    parser.set_defaults(execute=_execute)


def _add_content(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("what is said")
    group.add_argument("--type", metavar="TYPE", default="", help="the type of the predicate: a URI or a short name")
    one = group.add_mutually_exclusive_group(required=True)
    one.add_argument("--predicate", metavar="FILE", help="the predicate, JSON; - is stdin")
    one.add_argument("--statement", metavar="FILE", help="a whole statement, which has to be about TARGET")
    one.add_argument("--link", metavar="FILE", help="say what this link says")
    one.add_argument("--bundle-links", metavar="DIR", help="all links in DIR and below, as they are, for safekeeping")


def _add_keys(parser: ArgumentParser) -> None:
    parser.add_argument(
        "-k",
        "--key",
        "--signing-key",
        dest="signing_keys",
        action="append",
        default=[],
        metavar="URI",
        help="the private key, as for `custody sign`; given repeatedly, each signs (default: sigstore:, an identity)",
    )
    add_password(parser, of="the signing keys")
    add_scheme(parser)


def _add_output(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("where it goes")
    group.add_argument(
        "--format",
        choices=_FORMATS,
        default="jsonl",
        metavar="FORMAT",
        help="of a file: jsonl, an envelope on each line (default), envelope or bundle (Sigstore's), which hold one",
    )
    group.add_argument(
        "-o", "--output", metavar="OUT", help="the file; - is stdout (default: TARGET.intoto.jsonl, none for images)"
    )
    group.add_argument("--no-upload", action="store_true", help="do not attach it to the image; print it")
    group.add_argument(
        "--legacy", action="store_true", help="attach it as cosign 2 does (.att), not as a bundle that refers to it"
    )
    group.add_argument("--new-bundle-format", choices=("true", "false"), help=SUPPRESS)  # cosign 3's


def _execute(options: Namespace) -> int:
    from custody.cli.target_options import target_from  # not for --help
    from custody.workflows.attest import foreign_scheme, sign_statement

    uri = _type(options)
    target = target_from(options)
    _refuse_for_files(options, target)
    payload = _payload(options, target, uri)  # before anybody is asked for a passphrase, or who they are
    _tell_of_others(options, target, payload)
    signers = _signers(options)
    for signer in signers:
        if foreign := foreign_scheme(signer.public_key):
            warn(foreign)
    signed = sign_statement(payload, signers)
    _place(options, target, signed)
    return ACCEPTED


def _type(options: Namespace) -> str:
    """Return the type as a URI, '' if it follows from what is said; there is no default."""
    from custody.models.predicates import predicate_type

    if options.type:
        return predicate_type(options.type)
    if options.predicate is not None:
        raise UsageError("expected the type of the predicate: --type URI, or a short name such as spdxjson")
    return ""


def _refuse_for_files(options: Namespace, target: Target) -> None:
    """An option that would be ignored is a misunderstanding: say so."""
    if target.store is None:
        for flag, given in (
            ("--no-upload", options.no_upload),
            ("--legacy", _is_legacy(options)),
        ):
            if given:
                raise UsageError(f"{flag} is for images, and {target.name!r} is none; leave it out")
        _refuse_output_within(options, target)
    elif options.no_upload and _is_legacy(options):
        raise UsageError("--legacy says how it is attached, and --no-upload that it is not; leave one out")


def _refuse_output_within(options: Namespace, target: Target) -> None:
    """Refuse to write into what is attested, which would be something else afterwards."""
    import os

    output = _output(options, target)
    own = os.path.realpath(target.name)
    if output and output != _STDOUT and os.path.commonpath((own, os.path.realpath(output))) == own:
        raise UsageError(
            f"{output!r:.200} would change {target.name!r:.200}, which it is about; choose another with -o"
        )


def _is_legacy(options: Namespace) -> bool:
    return bool(options.legacy or options.new_bundle_format == "false")


def _signers(options: Namespace) -> tuple[Signer, ...]:
    from custody.signing.registry import load_signer

    if not options.signing_keys:
        note("no --key was given: the identity of this CI job signs (sigstore:), and becomes public with it")
    secret = secret_from(options)
    uris = options.signing_keys or [_KEYLESS]
    return tuple(load_signer(uri, secret, scheme=options.scheme, remark=remark) for uri in uris)


def _payload(options: Namespace, target: Target, uri: str) -> bytes:
    from datetime import UTC, datetime

    from custody.workflows import statements

    if options.statement is not None:
        return statements.prebuilt_statement(options.statement, target.subjects, uri)
    if options.link is not None:
        return statements.statement_of_link(options.link, target.subjects, uri)
    if options.bundle_links is not None:
        return statements.statement_of_links(options.bundle_links, target.subjects, uri)
    where = "stdin" if options.predicate == _STDOUT else options.predicate
    data = _read_predicate(options.predicate, statements.MAX_PREDICATE_BYTES)
    predicate = statements.predicate_of(data, uri, at=datetime.now(UTC), where=where)
    return statements.statement_about(target.subjects, uri, predicate)


def _tell_of_others(options: Namespace, target: Target, payload: bytes) -> None:
    """Say what else is attested by a statement, or a link, that was written for more than TARGET."""
    from custody.workflows.statements import other_subjects

    others = other_subjects(payload, target.subjects) if options.statement or options.link else ()
    if others:
        names = ", ".join(repr(each.name) for each in others[:_SHOWN])
        more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
        warn(printable(f"the statement is not about {options.target} alone; it also attests {names:.400}{more}"))


def _read_predicate(path: str, limit: int) -> bytes:
    from custody.files import read_file

    if path != _STDOUT:
        return read_file(path, what="predicate", limit=limit)
    data = sys.stdin.buffer.read(limit + 1) if sys.stdin is not None else b""
    if len(data) > limit:
        raise UsageError(f"expected at most {limit} bytes of a predicate on stdin, got more")
    return data


def _place(options: Namespace, target: Target, signed: tuple[Signed, ...]) -> None:
    from custody.workflows.attest import push_attestations, write_attestations, written_attestations

    output = _output(options, target)
    if output == _STDOUT:
        sys.stdout.write(written_attestations(signed, options.format).decode())
    elif output is not None:
        lines = write_attestations(signed, output, options.format)
        total = f", {lines} in the file" if lines > len(signed) else ""
        say(f"{printable(output)}: {_about(target, signed)}{total}")
    if target.store is None or target.descriptor is None or options.no_upload:
        return
    pushed = push_attestations(signed, target.store, target.descriptor, legacy=_is_legacy(options))
    (note if output == _STDOUT else say)(printable(f"{target.name}: {_about(target, signed)}"))
    for descriptor in pushed:
        (note if output == _STDOUT else say)(printable(f"  by the manifest {descriptor.digest}"))


def _output(options: Namespace, target: Target) -> str | None:
    """Return the file that is written, `-` for stdout, None for none."""
    from custody.workflows.verify_attestation import attestation_file

    if options.output is not None:
        return str(options.output)
    if target.store is None:
        return attestation_file(target.name)
    return _STDOUT if options.no_upload else None


def _about(target: Target, signed: tuple[Signed, ...]) -> str:
    """Return what was attested, in a few words."""
    from custody.models.statement import read_statement
    from custody.verification.attestation_check import signer_called

    statement = read_statement(signed[0].envelope.content())
    names = ", ".join(signer_called(each.key) for each in signed)
    count = f"{len(target.subjects)} files, " if len(target.subjects) > 1 else ""
    return printable(f"attested {count}{statement.predicate_type} by {names}")
