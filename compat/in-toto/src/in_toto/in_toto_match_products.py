"""`in-toto-match-products`: compare files with the products that a link lists."""

from __future__ import annotations

import sys

from in_toto._boundary.arguments import finish
from in_toto.runlib import in_toto_match_products as match_products

TYPE_CHECKING = False  # known to checkers; importing it from `typing` takes longer than this module
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterable

__all__ = ["create_parser", "main"]

_PROGRAM = "in-toto-match-products"

_DESCRIPTION = """\
Compare the files here with the products that a link lists. Nobody's signature is
looked at: whether the link can be trusted is for in-toto-verify to say.

The exit code is 0 if they are the same, 1 if they are not or cannot be compared,
2 if the arguments make no sense. '-v' says what differs."""


def create_parser() -> ArgumentParser:
    """Return the parser of the command."""
    from in_toto._boundary import arguments

    parser = arguments.new_parser(_DESCRIPTION)
    groups = arguments.groups_of(parser)
    groups.named.add_argument("-l", "--link", required=True, metavar="<path>", help="the link")
    groups.options.add_argument(
        "-p", "--paths", nargs="+", metavar="<path>", help="files and directories to compare (default: everything here)"
    )
    groups.options.add_argument(
        "-e", "--exclude", nargs="+", metavar="<pattern>", help="leave out what these gitignore patterns match"
    )
    arguments.add_lstrip_paths(groups)
    arguments.add_verbose(groups)
    return parser


def main() -> None:
    """Compare what the command line names, and exit."""
    from in_toto._boundary import arguments

    options = arguments.parse(_PROGRAM, create_parser())
    finish(_PROGRAM, lambda: _match(options))


def _match(options: Namespace) -> int:
    """Return 0 if the files are the products, 1 if not."""
    from in_toto.models.link import Link
    from in_toto.models.metadata import Metadata

    link = Metadata.load(options.link).get_payload()
    if not isinstance(link, Link):
        raise TypeError(f"expected a link in '{options.link}', got a {link.type_}")
    only_products, not_in_products, differ = match_products(
        link,
        paths=options.paths,
        exclude_patterns=options.exclude,
        lstrip_paths=options.lstrip_paths,
    )
    if not (only_products or not_in_products or differ):
        _say(options, ["Local artifacts match products in passed link."])
        return 0
    _say(options, ["Local artifacts don't match products in passed link."])
    _say(options, [f"Only in products: {name}" for name in sorted(only_products)])
    _say(options, [f"Not in products: {name}" for name in sorted(not_in_products)])
    _say(options, [f"Hashes differ: {name}" for name in sorted(differ)])
    return 1


def _say(options: Namespace, lines: Iterable[str]) -> None:
    if options.verbose:
        for line in lines:
            sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main()
