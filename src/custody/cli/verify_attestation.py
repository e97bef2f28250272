r"""Verify what is attested about a file, a directory or an image.

An attestation counts if it is about TARGET by digest, of exactly the type that --type names, signed by one of the keys
or identities, and says what --field demands. The envelopes that count are printed, one on a line, for jq. What does not
count is listed on stderr with the reason; it never takes anything away from what does.

The attestations of a file are looked for in FILE.intoto.jsonl, or in what --attestation names; those of an image where
cosign puts them, too. All files of a directory have to be subjects of one statement, and nothing else. Exit code 0 if
enough of them agree, 1 if not, 2 if that cannot be told.

Examples:
  custody verify-attestation dist/app --key alice.pub \
      --type https://example.com/TestResult/v1
  custody verify-attestation --key cosign.pub --type spdxjson \
      registry.example.com/app:v1 | jq '.payload | @base64d | fromjson'
  custody verify-attestation registry.example.com/app:v1 \
      --type slsaprovenance1 --certificate-identity alice@example.com \
      --certificate-oidc-issuer https://accounts.google.com \
      --field predicate.runDetails.builder.id=https://ci.example.com
  custody verify-attestation dist/app --type link \
      -k a.pub -k b.pub --threshold 2

"""

from __future__ import annotations

import sys
from argparse import SUPPRESS
from typing import TYPE_CHECKING

from custody.cli.exits import ACCEPTED, REJECTED
from custody.cli.image_options import TARGET_HELP, add_cosign_log, add_platform, add_registry
from custody.cli.key_options import add_scheme, remark
from custody.cli.output import colour, note, printable, say_json, warn
from custody.errors import UsageError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from custody.keys.key import Key, Trust
    from custody.keys.keyless_names import Wanted
    from custody.verdict import Finding
    from custody.workflows.verify_attestation import Judged, Query

__all__ = ["configure"]


def configure(parser: ArgumentParser) -> None:
    """Add the arguments of `custody verify-attestation`."""
    parser.usage = "custody verify-attestation TARGET --type TYPE --key PUB [options]"
    parser.add_argument("target", metavar="TARGET", help=TARGET_HELP)
    parser.add_argument(
        "--type", metavar="TYPE", default="", help="the type of the predicate: a URI or a short name; no default"
    )
    _add_signers(parser)
    _add_demands(parser)
    add_platform(parser)
    add_registry(parser)
    add_cosign_log(parser, verifying=True)
    parser.add_argument("--offline", action="store_true", help=SUPPRESS)  # cosign's; nothing is ever asked of a log
    parser.set_defaults(execute=_execute)


def _add_signers(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("who has to have signed")
    _append(group, "-k", "--key", dest="keys", metavar="PATH", help="a public key, as for `custody verify`")
    add_scheme(parser)
    _append(group, "--certificate-identity", metavar="NAME", help="an e-mail address, or the URI of a CI job")
    _append(group, "--certificate-identity-regexp", metavar="RE", help="a regular expression for the whole of it")
    issuer = group.add_mutually_exclusive_group()
    issuer.add_argument("--certificate-oidc-issuer", metavar="URL", help="who vouches for these identities")
    issuer.add_argument(
        "--certificate-oidc-issuer-regexp", metavar="RE", help="a regular expression for the whole of it"
    )
    group.add_argument(
        "--trusted-root",
        default="",
        metavar="FILE",
        help="who vouches for certificates (default: the public Sigstore instance)",
    )
    group.add_argument(
        "--threshold", type=int, default=1, metavar="K", help="K different ones, of the same content (default: 1)"
    )


def _add_demands(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("what has to be attested")
    _append(
        group,
        "--field",
        metavar="EXPR=VALUE",
        help="demand a value of the statement, such as predicate.runDetails.builder.id=https://example.com/builder",
    )
    _append(group, "--attestation", metavar="FILE", help="look here: for images besides what hangs on them")
    group.add_argument(
        "--index-covers",
        action="store_true",
        help="with --platform: what is attested about the index counts for its image, and is reported",
    )
    group.add_argument(
        "--platforms-cover",
        action="store_true",
        help="an index counts if each of its images does; they are reported one by one",
    )
    group.add_argument("--at", metavar="INSTANT", help="judge as of this instant, such as 2030-01-31T00:00:00Z")
    group.add_argument("--json", action="store_true", help="print the verdict as JSON instead of the envelopes")
    group.add_argument("-q", "--quiet", action="store_true", help="print nothing; the exit code says it")


def _append(group: object, *flags: str, metavar: str, help: str, dest: str | None = None) -> None:  # noqa: A002  # argparse's word
    """Add an option that takes one value, and may be given several times: TARGET may follow it."""
    group.add_argument(*flags, action="append", default=[], metavar=metavar, help=help, dest=dest)  # type: ignore[attr-defined]


def _execute(options: Namespace) -> int:
    from datetime import UTC, datetime

    from custody.cli.target_options import target_from, target_with_index  # not for --help
    from custody.cli.verify import instant_from
    from custody.workflows.verify_attestation import verify_attestation

    if options.index_covers and not options.platform:
        raise UsageError("--index-covers is for one image of an index; say which one with --platform")
    query = _query(options)
    if options.index_covers:
        target, index = target_with_index(options)
        query = query.replace(index=index)
    else:
        target = target_from(options)
    at = instant_from(options.at) or datetime.now(UTC)
    judged = verify_attestation(target, query, at=at)
    accepted = all(each.verdict.accepted for each in judged)
    if not options.quiet:
        _print(judged, options, accepted=accepted)
    return ACCEPTED if accepted else REJECTED


def _query(options: Namespace) -> Query:
    from custody.models.fields_match import read_field_demands
    from custody.workflows.verify_attestation import Query

    return Query(
        predicate_type=_type_of(options),
        fields=read_field_demands(tuple(options.field)),
        keys=_keys(options),
        threshold=options.threshold,
        files=tuple(options.attestation),
        platforms=options.platforms_cover,
    )


def _type_of(options: Namespace) -> str:
    """Return the type that counts: without one, a signed statement about anything would do."""
    from custody.models.predicates import predicate_type

    if not options.type:
        raise UsageError(
            "expected the type of the predicate, --type URI or a short name such as slsaprovenance1 or spdxjson;"
            " cosign's default is --type custom"
        )
    return predicate_type(options.type)


def _keys(options: Namespace) -> tuple[Key, ...]:
    """Return whose signatures count, each once."""
    from custody.keys.key import trusting
    from custody.workflows.keys import read_public_key
    from custody.workflows.trust import trust_in
    from custody.workflows.verify_attestation import in_every_padding

    trust = trust_in(options.trusted_root)
    found = [trusting(read_public_key(path, scheme=options.scheme, remark=remark), trust) for path in options.keys]
    found += _identities(options, trust)
    if not found:
        raise UsageError(
            "expected who has to have signed: --key PATH, or --certificate-identity NAME with"
            " --certificate-oidc-issuer URL"
        )
    distinct = {key.identity: key for key in found}.values()
    return tuple(distinct) if options.scheme else in_every_padding(distinct)


def _identities(options: Namespace, trust: Trust) -> list[Key]:
    from custody.keys.key import trusting
    from custody.keys.keyless import keyless_key
    from custody.linting.keyless import loose_names

    issuer = _issuer(options)
    subjects = [
        *_wanted(options.certificate_identity, "--certificate-identity", is_regexp=False),
        *_wanted(options.certificate_identity_regexp, "--certificate-identity-regexp", is_regexp=True),
    ]
    if subjects and issuer is None:
        raise UsageError("expected who vouches for the identity: --certificate-oidc-issuer URL")
    if issuer is None:
        return []
    if not subjects:
        raise UsageError("expected whom the issuer vouches for: --certificate-identity NAME")
    keys = [keyless_key(subject, issuer) for subject in subjects]
    for sentence in {f"{loose.sentence}; {loose.remedy}": None for key in keys for loose in loose_names(key)}:
        warn(printable(sentence))
    return [trusting(key, trust) for key in keys]


def _issuer(options: Namespace) -> Wanted | None:
    exact, regexp = options.certificate_oidc_issuer, options.certificate_oidc_issuer_regexp
    found = [
        *_wanted([exact] if exact is not None else [], "--certificate-oidc-issuer", is_regexp=False),
        *_wanted([regexp] if regexp is not None else [], "--certificate-oidc-issuer-regexp", is_regexp=True),
    ]
    return found[0] if found else None


def _wanted(texts: list[str], flag: str, *, is_regexp: bool) -> list[Wanted]:
    from custody.keys.keyless_names import wanted

    return [wanted(text, flag, is_regexp=is_regexp) for text in texts]


def _print(judged: tuple[Judged, ...], options: Namespace, *, accepted: bool) -> None:
    """Print the envelopes that count on stdout, and what is to be said about them and all others on stderr."""
    from custody.reports.attestation_json import attestation_verdict_document

    for each in judged:
        for finding in each.verdict.findings:
            _print_finding(finding)
    if options.json:
        documents = [attestation_verdict_document(each.verdict, each.title) for each in judged]
        say_json({"verdict": "accepted" if accepted else "rejected", "artifacts": documents})
    elif accepted:
        for each in judged:
            for envelope in each.verdict.envelopes:
                sys.stdout.write(f"{envelope.write().decode()}\n")
    if accepted:
        for each in judged:
            who = ", ".join(each.verdict.signers)
            note(
                colour(
                    printable(f"{each.title}: {each.verdict.predicate_type} is attested by {who}"), "green", sys.stderr
                )
            )


def _print_finding(finding: Finding) -> None:
    text = printable(str(finding))
    if finding.rejects:
        note(colour(f"rejection: {text}", "red", sys.stderr))
    elif str(finding.severity) == "warning":
        warn(text)
    else:
        note(f"note: {text}")
