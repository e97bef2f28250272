"""`in-toto-run`: run a step's command, record what it started from and what it made, and sign a link."""

from __future__ import annotations

import sys

from in_toto._boundary.arguments import finish, getpass

TYPE_CHECKING = False  # known to checkers; importing it from `typing` takes longer than this module
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

__all__ = ["create_parser", "main"]

_PROGRAM = "in-toto-run"

_DESCRIPTION = """\
Carry out a step of a supply chain: record its materials, run its command, record
its products, and sign a link that says so. The link is written to
'<name>.<first 8 digits of the key id>.link', also if the command fails.

The exit code is the command's, 1 if the step cannot be carried out, 2 if the
arguments make no sense."""

_EXAMPLES = """\
Examples:

  Tag a commit, with everything here as products:
    {prog} -n tag -p . --signing-key alice.pem -- git tag v1.0

  Pack a directory, signed by a GPG key:
    {prog} -n pack -m src -p src.tar -g 8465A1E2E0FB2B40 -- tar cf src.tar src

  Vouch for a file without running anything, its name not saying where it is:
    {prog} -n review -m report.pdf --base-path /var/review -x --signing-key bob.pem
"""


def create_parser() -> ArgumentParser:
    """Return the parser of the command; defaults from the settings are those of this moment."""
    from in_toto import settings
    from in_toto._boundary import arguments

    parser = arguments.new_parser(
        _DESCRIPTION, _EXAMPLES, usage="%(prog)s <named arguments> [options] -- <command> [args]"
    )
    groups = arguments.groups_of(parser)
    groups.named.add_argument(
        "-n", "--step-name", required=True, metavar="<name>", help="the step's name in the layout"
    )
    arguments.add_signing_key(groups)
    options = groups.options
    options.add_argument("-m", "--materials", nargs="+", metavar="<path>", help="files and directories to start from")
    options.add_argument("-p", "--products", nargs="+", metavar="<path>", help="files and directories that are made")
    options.add_argument(
        "-s",
        "--record-streams",
        action="store_true",
        help="show what the command prints and put it into the link; without this it is dropped",
    )
    options.add_argument("-x", "--no-command", action="store_true", help="run nothing, only record what is there")
    arguments.add_recording(groups)
    arguments.add_metadata_directory(groups)
    arguments.add_dsse(groups)
    options.add_argument(
        "--run-timeout",
        type=int,
        default=settings.LINK_CMD_EXEC_TIMEOUT,
        metavar="<seconds>",
        help=f"end the command after so many seconds (default: {settings.LINK_CMD_EXEC_TIMEOUT})",
    )
    arguments.add_loudness(groups)
    arguments.add_version(groups, _PROGRAM)
    groups.positional.add_argument(
        "link_cmd", nargs="*", metavar="<command>", help="what to run, after '--', with its arguments"
    )
    return parser


def main() -> None:
    """Carry out the step that the command line describes, and exit."""
    from in_toto._boundary import arguments

    if arguments.version_was_asked(_PROGRAM):
        sys.exit(0)
    parser = create_parser()
    options = arguments.parse(_PROGRAM, parser)
    arguments.demand_signing_key(parser, options)
    if options.no_command:
        options.link_cmd = []
    elif not options.link_cmd:
        parser.error("No command specified. Please specify (or use the --no-command option)")
    finish(_PROGRAM, lambda: _run(options))


def _run(options: Namespace) -> int:
    """Return the exit code of the command that was run, 0 without one."""
    from in_toto._boundary import arguments
    from in_toto._boundary.recording import Step
    from in_toto._boundary.steps import Work, carry_out, make_directory

    signing = arguments.signing_from(options, getpass)
    make_directory(options.made_directory)
    metadata = carry_out(
        Step(name=options.step_name, materials=options.materials or (), products=options.products or ()),
        Work(
            command=options.link_cmd,
            record_streams=options.record_streams,
            timeout=options.run_timeout,
            withheld=arguments.secret_variables(options, signing),
        ),
        arguments.recorder_from(options),
        signing.replace(directory=options.metadata_directory or "", use_dsse=options.use_dsse),
    )
    link = metadata.get_payload()
    return int(link.byproducts.get("return-value", 0))  # type: ignore[union-attr]  # a link, made just now


if __name__ == "__main__":
    main()
