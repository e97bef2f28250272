"""`in-toto-mock`: run a command and write an unsigned link, to see what a link looks like."""

from __future__ import annotations

import sys

from in_toto._boundary.arguments import finish

TYPE_CHECKING = False  # known to checkers; importing it from `typing` takes longer than this module
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

__all__ = ["create_parser", "main"]

_PROGRAM = "in-toto-mock"

_DESCRIPTION = """\
Try out a step without a key: run its command, record everything here before and
after it and what it prints, and write the link, unsigned, to '<name>.link'.

The exit code is 0 also if the command fails, 1 if it cannot be run, 2 if the
arguments make no sense."""

_EXAMPLES = """\
Example:

  Make a link, look at it, then sign it as 'notes.<key id>.link':
    {prog} -n notes -- touch notes.txt
    less notes.link
    in-toto-sign -k alice.pem -f notes.link
"""


def create_parser() -> ArgumentParser:
    """Return the parser of the command."""
    from in_toto._boundary import arguments

    parser = arguments.new_parser(_DESCRIPTION, _EXAMPLES, usage="%(prog)s [-h] --name <name> -- <command> [args]")
    groups = arguments.groups_of(parser)
    groups.named.add_argument("-n", "--name", required=True, metavar="<name>", help="the step's name in the layout")
    arguments.add_dsse(groups)
    arguments.add_version(groups, _PROGRAM)
    groups.positional.add_argument(
        "link_cmd", nargs="+", metavar="<command>", help="what to run, after '--', with its arguments"
    )
    return parser


def main() -> None:
    """Run the command that the command line describes, and exit."""
    from in_toto._boundary import arguments, talk

    if arguments.version_was_asked(_PROGRAM):
        sys.exit(0)
    options = arguments.parse(_PROGRAM, create_parser())
    talk.set_level(verbose=True)
    finish(_PROGRAM, lambda: _mock(options))


def _mock(options: Namespace) -> int:
    from in_toto.runlib import in_toto_mock

    in_toto_mock(options.name, options.link_cmd, options.use_dsse)
    return 0


if __name__ == "__main__":
    main()
