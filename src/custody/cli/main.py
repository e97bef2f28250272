"""`custody COMMAND`: finds the command, imports it alone, and turns errors into sentences and exit codes."""

from __future__ import annotations

import os
import sys

from custody import __version__
from custody.cli.exits import ACCEPTED, CANNOT, INTERRUPTED, REJECTED
from custody.cli.output import complain, open_closed_streams, print_what_can_be_printed, printable

TYPE_CHECKING = False  # known to checkers; importing it from `typing` would triple the time of `--version`
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Mapping, Sequence
    from typing import NoReturn

__all__ = ["COMMANDS", "build_parser", "entry", "main"]

COMMANDS: Mapping[str, str] = {
    "keygen": "make a key pair",
    "key": "show and convert keys",
    "layout": "write, check and change layouts",
    "run": "run a step's command and sign what it did",
    "record": "record a step that no single command performs",
    "sign": "sign a layout or link, add signatures, check them",
    "verify": "judge a supply chain by its layout",
    "match-products": "compare files with the products of a link",
    "attest": "sign a statement about a file, a directory or an image",
    "verify-attestation": "verify what is attested about one",
    "attach": "attach attestations and links to an image",
    "download": "download the attestations and links of an image",
    "tree": "show what hangs on an image",
    "provenance": "write what was built, from what and by whom, as SLSA has it",
    "convert": "turn reports of other tools into predicates, and links into statements",
    "copy": "copy an image with its attestations",
    "ls": "list the tags of a repository",
    "doctor": "say what this installation can do",
    "demo": "carry a real project through a supply chain",
    "completion": "print a completion script for your shell",
}
"""Every command with its one line; `match-products` lives in `custody.cli.match_products`."""


def entry() -> NoReturn:
    """Run the command that the command line names, and end the process with its exit code."""
    from custody.cli.process import run_and_end

    run_and_end(main)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that `arguments` name and return its exit code."""
    open_closed_streams()
    print_what_can_be_printed()
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _run(given)
    except BrokenPipeError:
        # Whoever read our output has gone; Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CANNOT
    except KeyboardInterrupt:  # before the command began, or again while that was reported
        complain("custody", "interrupted")
        return INTERRUPTED
    except OSError as error:
        complain("custody", printable(error.strerror or str(error)))
        return CANNOT


def _run(given: Sequence[str]) -> int:
    if given in (["--version"], ["-V"]):
        sys.stdout.write(f"custody {__version__}\n")
        return _flushed(ACCEPTED, "custody")
    from custody.cli.process import collect_seldom  # `--version` does without, and without all below

    collect_seldom()
    try:
        options = _parse(given)
    except SystemExit as exit_:  # help was printed, or what is wrong with the arguments
        exit_.code = _flushed(CANNOT if exit_.code else ACCEPTED, "custody")
        raise
    command = f"custody {options.command}"
    return _flushed(_execute(options, command), command)


def _parse(given: Sequence[str]) -> Namespace:
    """Return what `given` means; the command that it begins with is the only one that is imported."""
    from custody.cli.parser import Parser

    name = given[0] if given else ""
    if name not in COMMANDS:
        return build_parser(configured=False).parse_args(given)
    parser = Parser(prog=f"custody {name}")
    parser.set_defaults(command=name)
    _configure(parser, name)
    return parser.parse_args(given[1:])


def build_parser(*, configured: bool = True) -> ArgumentParser:
    """Return the parser of all commands; not `configured`, it just lists them and imports none."""
    from custody.cli.parser import Parser

    parser = Parser(
        prog="custody",
        description="Record, sign and verify how software is made.",
        epilog="`custody COMMAND --help` explains a command, with examples. Exit codes: 0 done or accepted,"
        " 1 rejected, 2 could not be done or judged.",
    )
    parser.add_argument("-V", "--version", action="version", version=f"custody {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", prog="custody", required=True)
    for name, line in COMMANDS.items():
        command = commands.add_parser(name, help=line)
        if configured:
            _configure(command, name)
    return parser


def _configure(parser: ArgumentParser, name: str) -> None:
    """Make `parser` that of the command `name`, which is imported for it."""
    from importlib import import_module

    module = import_module(f"custody.cli.{name.replace('-', '_')}")
    parser.description = module.__doc__
    module.configure(parser)


def _flushed(code: int, command: str) -> int:
    """Return `code` if everything that was printed has arrived; a full disk swallows a result, which is no success."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        complain(command, f"cannot print the result: {error.strerror or error}")
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CANNOT
    return code


def _execute(options: Namespace, command: str) -> int:
    from custody.errors import CustodyError, RejectedError  # `--help` does without

    try:
        code: int = options.execute(options)
    except RejectedError as error:
        complain(command, printable(str(error)))
        return REJECTED
    except CustodyError as error:
        complain(command, printable(str(error)))
        return CANNOT
    except KeyboardInterrupt:
        complain(command, "interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        raise
    except OSError as error:
        name = f" {error.filename!r}" if error.filename else ""
        complain(command, printable(f"{error.strerror or error}{name}"))
        return CANNOT
    except MemoryError:
        complain(command, "out of memory")
        return CANNOT
    except Exception as error:  # the last line: a defect of ours is a sentence too
        if os.environ.get("CUSTODY_DEBUG"):
            raise
        complain(
            command,
            f"a defect in custody: {type(error).__name__}: {printable(str(error))};"
            " please report it with the output of the same command under CUSTODY_DEBUG=1",
        )
        return CANNOT
    return code
