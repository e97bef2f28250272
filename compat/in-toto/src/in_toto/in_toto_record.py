"""`in-toto-record`: record a step that no single command performs, its materials at the start and then its products."""

from __future__ import annotations

import sys

from in_toto._boundary.arguments import finish, getpass

TYPE_CHECKING = False  # known to checkers; importing it from `typing` takes longer than this module
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from in_toto._boundary.arguments import Groups

__all__ = ["create_parser", "main"]

_PROGRAM = "in-toto-record"

_DESCRIPTION = """\
Record a step that no single command performs: its materials when it starts, its
products when it stops, both by the same key. Between the two, a signed file
'.<name>.<first 8 digits of the key id>.link-unfinished' waits here; it is no link.

The exit code is 0, 1 if something cannot be recorded, 2 if the arguments make no
sense."""

_EXAMPLES = """\
Examples:

  Everything here before and after somebody edited it:
    {prog} start -n edit --signing-key alice.pem -m .
    {prog} stop -n edit --signing-key alice.pem -p .

  The same for one file with the default GPG key, the link written elsewhere:
    {prog} start -n edit --gpg -m notes.txt
    {prog} stop -n edit --gpg -p notes.txt -d links
"""


def create_parser() -> ArgumentParser:
    """Return the parser of both commands."""
    from in_toto._boundary import arguments

    parser = arguments.new_parser(_DESCRIPTION, _EXAMPLES)
    groups = arguments.groups_of(parser)
    arguments.add_version(groups, _PROGRAM)
    # Without a group of their own, or their list would be a second one without a title.
    commands = parser.add_subparsers(dest="command", required=True, title="Commands", metavar="<command>")
    start = arguments.groups_of(
        commands.add_parser("start", add_help=False, help="record the materials; a signed file keeps them here")
    )
    _add_common(start)
    start.options.add_argument(
        "-m", "--materials", nargs="+", metavar="<path>", help="files and directories to start from"
    )
    stop = arguments.groups_of(
        commands.add_parser("stop", add_help=False, help="record the products and write the link")
    )
    _add_common(stop)
    stop.options.add_argument(
        "-p", "--products", nargs="+", metavar="<path>", help="files and directories that were made"
    )
    arguments.add_metadata_directory(stop)
    return parser


def _add_common(groups: Groups) -> None:
    from in_toto._boundary import arguments

    groups.named.add_argument(
        "-n", "--step-name", required=True, metavar="<name>", help="the step's name in the layout"
    )
    arguments.add_signing_key(groups)
    arguments.add_recording(groups)
    arguments.add_dsse(groups)
    arguments.add_loudness(groups)


def main() -> None:
    """Start or stop the recording that the command line describes, and exit."""
    from in_toto._boundary import arguments

    if arguments.version_was_asked(_PROGRAM):
        sys.exit(0)
    parser = create_parser()
    options = arguments.parse(_PROGRAM, parser)
    arguments.demand_signing_key(parser, options)
    finish(f"{_PROGRAM} {options.command}", lambda: _record(options))


def _record(options: Namespace) -> int:
    from in_toto._boundary import arguments, steps
    from in_toto._boundary.recording import Step

    signing = arguments.signing_from(options, getpass)
    recorder = arguments.recorder_from(options)
    steps.make_directory(options.made_directory)
    if options.command == "start":
        step = Step(name=options.step_name, materials=options.materials or ())
        steps.start(step, recorder, signing.replace(use_dsse=options.use_dsse))
    else:
        step = Step(name=options.step_name, products=options.products or ())
        steps.stop(step, recorder, signing.replace(directory=options.metadata_directory or ""), {})
    return 0


if __name__ == "__main__":
    main()
