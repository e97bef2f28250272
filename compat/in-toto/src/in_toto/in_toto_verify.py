"""`in-toto-verify`: judge whether a software supply chain is as its layout demands."""

from __future__ import annotations

import sys

from in_toto._boundary.arguments import finish

TYPE_CHECKING = False  # known to checkers; importing it from `typing` takes longer than this module
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from typing import Any

    from custody.verdict import Verdict

__all__ = ["create_parser", "main"]

_PROGRAM = "in-toto-verify"

_DESCRIPTION = """\
Judge a supply chain by its layout: whether every given key signed the layout and
it has not expired, whether each step has enough links that its functionaries
signed and agree on, and whether all artifacts are what the rules demand. Only then
the layout's inspections are run, in the current directory, and judged too.

Links are files '<step>.<first 8 digits of the key id>.link'. A sublayout is named
like the link that it stands for, and its links are in a directory of the same name
without '.link'.

The exit code is 0 if the chain is accepted, 1 if it is rejected or cannot be judged,
2 if the arguments make no sense."""

_EXAMPLES = """\
Examples:

  Links are here, the layout is signed by one owner:
    {prog} -l root.layout --verification-keys owner.pub

  Links are elsewhere, and two owners must have signed:
    {prog} -l root.layout --verification-keys alice.pub bob.pub --link-dir links

  The owner's key is in a GPG keyring:
    {prog} -l root.layout --gpg 8465A1E2E0FB2B40ADB2478E18FB3F537E0C8A17
"""

_OF_CUSTODY = (
    r"--(?:format|hash|ignore-field|inspection-dir|layout-digest|parameter|sublayout-inspections|sublayouts"
    r"|trusted-root)\b"
)
"""Options of `custody verify` that its explanations name and this command has not."""


def create_parser() -> ArgumentParser:
    """Return the parser of the command; defaults from the settings are those of this moment."""
    from in_toto import settings
    from in_toto._boundary import arguments

    parser = arguments.new_parser(_DESCRIPTION, _EXAMPLES, usage="%(prog)s <named arguments> [options]")
    groups = arguments.groups_of(parser)
    groups.named.add_argument("-l", "--layout", required=True, metavar="<path>", help="the signed layout")
    groups.named.add_argument(
        "--verification-keys",
        action="extend",
        nargs="+",
        metavar="<path>",
        help="public keys (PEM) of the layout's owners, each of whom must have signed it; these or '--gpg' are needed",
    )
    groups.named.add_argument(
        "-g",
        "--gpg",
        action="extend",
        nargs="+",
        metavar="<id>",
        help="owners' keys in the GPG keyring, each of which must have signed",
    )
    groups.options.add_argument(
        "--link-dir", default=".", metavar="<path>", help="the directory with the links (default: the current one)"
    )
    arguments.add_gpg_home(groups)
    groups.options.add_argument(
        "--inspection-timeout",
        dest="inspect_timeout",
        type=int,
        default=settings.LINK_CMD_EXEC_TIMEOUT,
        metavar="<seconds>",
        help=f"end each inspection after so many seconds (default: {settings.LINK_CMD_EXEC_TIMEOUT})",
    )
    arguments.add_loudness(groups)
    arguments.add_version(groups, _PROGRAM)
    return parser


def main() -> None:
    """Judge the supply chain that the command line names, and exit."""
    from in_toto._boundary import arguments

    if arguments.version_was_asked(_PROGRAM):
        sys.exit(0)
    parser = create_parser()
    options = arguments.parse(_PROGRAM, parser)
    if not (options.gpg or options.verification_keys):
        parser.print_help()
        parser.error(
            "wrong arguments: specify at least one layout verification key: '--verification-keys path [path ...]'"
            " and/or '--gpg id [id ...]'."
        )
    finish(_PROGRAM, lambda: _verify(options))


def _verify(options: Namespace) -> int:
    """Return 0 if the chain is accepted, else 1, having said why."""
    from in_toto._boundary import talk

    try:
        verdict = _verdict(options)
    except Exception as problem:  # noqa: BLE001  # whatever it is, it is no acceptance, and no traceback
        first = f"{type(problem).__name__}: {problem}"
        talk.error("in_toto", f"({_PROGRAM}) {first}")
        _say([line for note in getattr(problem, "__notes__", ()) for line in note.splitlines()], first, options)
        return 1
    from custody.reports.verdict_text import verdict_lines
    from in_toto._boundary.judging import without_command_warnings

    _say(list(verdict_lines(without_command_warnings(verdict))), "", options)
    return 0


def _verdict(options: Namespace) -> Verdict:
    """Return the verdict if it accepts; the reference's exception is raised if it does not."""
    from datetime import UTC, datetime

    from in_toto._boundary import judging, talk
    from in_toto.models.metadata import Metadata

    talk.info("in_toto", "Loading layout...")
    metadata = Metadata.load(options.layout)
    question = judging.Question(
        envelope=metadata.envelope(),
        keys=judging.keys_of(_keys(options)),
        at=datetime.now(UTC),
        links=options.link_dir,
        timeout=options.inspect_timeout,
    )
    return judging.told(question, judging.answer(question))


def _keys(options: Namespace) -> dict[str, Any]:
    """Return the owners' keys by their ids."""
    from in_toto._boundary import talk
    from in_toto._boundary.keys import export_gpg_keys, load_public_key_from_file

    keys: dict[str, Any] = {}
    if options.gpg:
        talk.info("in_toto", "Loading layout gpg key(s)...")
        keys.update(export_gpg_keys(options.gpg, options.gpg_home))
    for path in options.verification_keys or ():
        key = load_public_key_from_file(path)
        keys[key["keyid"]] = key
    return keys


def _say(lines: list[str], before: str, options: Namespace) -> None:
    """Write lines for people on stderr, unless `-q` forbids it, and how to get at options that only custody has."""
    import re

    from custody.cli.output import note, printable
    from in_toto._boundary import talk

    if not talk.enabled(talk.WARNING):
        return
    for line in lines:
        note(printable(line))
    if re.search(_OF_CUSTODY, "\n".join([before, *lines])):
        note(printable(f"custody has the options named above: {_line_for_custody(options)}"))


def _line_for_custody(options: Namespace) -> str:
    """Return the command line that asks custody the same."""
    import shlex

    from in_toto._boundary.trust import trusted_root

    words = ["custody", "verify", "-l", options.layout]
    keys = [*(options.verification_keys or ()), *(f"gpg:{keyid}" for keyid in options.gpg or ())]
    words += ["--verification-keys", *keys]
    if options.link_dir != ".":
        words += ["--link-dir", options.link_dir]
    if trusted_root():
        words += ["--trusted-root", trusted_root()]
    return shlex.join(words)


if __name__ == "__main__":
    main()
