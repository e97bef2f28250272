r"""Compare files with the products that a link lists.

Answers "are these the files that the step made?" without a layout. By default all
files below the current directory are compared; give --paths for some of them.
This is no verification of a supply chain: for that there is `custody verify`.

Examples:
  custody match-products -l build.776a00e2.link -p dist
  custody match-products -l build.776a00e2.link -p dist \
      --verification-keys alice.pub

Exit code: 0 the files are the products, 1 they differ or the signature is not by
one of the given keys, 2 could not be compared.

"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.cli.exits import ACCEPTED, REJECTED
from custody.cli.image_options import add_registry, resolvers_from
from custody.cli.key_options import add_verification_keys, verification_keys_from
from custody.cli.options import add_format, add_list
from custody.cli.output import complain, note, printable, say, say_json, warn
from custody.cli.recording_options import add_selection, recording_from
from custody.errors import SignatureError
from custody.rules.digests import DEFAULT_PINNED
from custody.workflows.links import SignedLink, read_signed_link
from custody.workflows.match_products import Match, match_products

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

__all__ = ["configure"]


def configure(parser: ArgumentParser) -> None:
    """Add the arguments of `custody match-products`."""
    parser.usage = "custody match-products -l LINK [-p PATH ...] [options]"
    parser.add_argument("-l", "--link", metavar="LINK", required=True, help="the link's file")
    add_list(parser, "-p", "--paths", metavar="PATH", help="files or directories to compare (default: .)")
    add_verification_keys(parser)
    add_format(parser)
    group = add_selection(parser, "-e", "--exclude")
    add_list(
        group,
        "--hash",
        dest="pinned",
        metavar="ALGORITHM",
        help="what must agree: sha256 (the default), sha384, sha512, mode, or several of them",
    )
    add_registry(parser)
    parser.set_defaults(execute=_execute)


def _execute(options: Namespace) -> int:
    keys = verification_keys_from(options)
    try:
        signed = read_signed_link(options.link, keys)
    except SignatureError as error:
        complain("custody match-products", printable(str(error)))
        return REJECTED
    match = match_products(
        signed.link,
        options.paths or (".",),
        recording=recording_from(options),
        pinned=options.pinned or DEFAULT_PINNED,
        resolvers=resolvers_from(options),
    )
    for text in match.warnings:
        warn(printable(text))
    if not keys:
        note("the link's signature was not checked; give --verification-keys to check it")
    if options.format == "json":
        _say_json(signed, match)
    else:
        _say_text(signed, match)
    return ACCEPTED if match.equal else REJECTED


def _say_text(signed: SignedLink, match: Match) -> None:
    for heading, names in (
        ("Only in products:", match.only_in_products),
        ("Not in products:", match.not_in_products),
        ("Hashes differ:", match.differing),
    ):
        if names:
            say(heading)
            for name in names:
                say(f"  {printable(name)}")
    if match.equal:
        say(f"All {match.compared} files are as the step {printable(signed.link.name)!r} made them.")


def _say_json(signed: SignedLink, match: Match) -> None:
    document = {
        "step": signed.link.name,
        "equal": match.equal,
        "compared": match.compared,
        "only_in_products": match.only_in_products,
        "not_in_products": match.not_in_products,
        "differing": match.differing,
        "signed_by": [key.keyid for key in signed.signers],
        "warnings": match.warnings,
    }
    say_json(document)
