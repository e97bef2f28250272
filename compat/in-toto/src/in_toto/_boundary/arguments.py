"""The options that several commands share, and how a command line is read.

`argparse` is imported when a parser is built: `--version` does without.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # known to checkers; importing it from `typing` takes longer than this module
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace, _ArgumentGroup
    from collections.abc import Callable
    from typing import NoReturn

    from in_toto._boundary.recording import Recorder
    from in_toto._boundary.steps import Signing

__all__ = [
    "Groups",
    "add_dsse",
    "add_gpg_home",
    "add_loudness",
    "add_lstrip_paths",
    "add_metadata_directory",
    "add_password",
    "add_recording",
    "add_signing_key",
    "add_verbose",
    "add_version",
    "demand_signing_key",
    "finish",
    "getpass",
    "groups_of",
    "new_parser",
    "parse",
    "recorder_from",
    "secret_variables",
    "signing_from",
    "version_was_asked",
]


_INTERRUPTED = 130
"""What shells call the exit code of a program that Ctrl-C ended."""


class Groups:
    """The groups of a parser, in the order in which its help shows them."""

    def __init__(self, parser: ArgumentParser, *, named: bool = True) -> None:
        if named:
            self.named: _ArgumentGroup = parser.add_argument_group("Required Named Arguments")
        self.positional: _ArgumentGroup = parser.add_argument_group("Positional Arguments")
        self.options: _ArgumentGroup = parser.add_argument_group("Options")
        self.options.add_argument("-h", "--help", action="help", help="show this help and exit")


def new_parser(description: str, examples: str = "", *, usage: str | None = None) -> ArgumentParser:
    """Return a parser whose help shows `description` and `examples` as they are; `{prog}` is the command's name.

    It has no `--help` of its own: `groups_of` adds it.
    """
    from argparse import ArgumentParser, RawDescriptionHelpFormatter

    from custody.cli.output import columns

    parser = ArgumentParser(
        description=description,
        formatter_class=lambda prog: RawDescriptionHelpFormatter(prog, width=columns() - 2),  # without `shutil`
        usage=usage,
        add_help=False,
    )
    parser.epilog = examples.replace("{prog}", parser.prog) or None
    return parser


def groups_of(parser: ArgumentParser) -> Groups:
    """Return the groups of `parser`, added just now."""
    return Groups(parser)


def parse(program: str, parser: ArgumentParser) -> Namespace:
    """Return the options on the command line of `program`, older spellings understood.

    `made_directory` is the directory that an older spelling gives for links, to be made; "" if none does. From here on
    as much is said as `-v` and `-q` ask for.
    """
    from custody.cli.output import open_closed_streams
    from custody.cli.process import collect_seldom
    from in_toto._boundary.spellings import modern
    from in_toto._boundary.talk import set_level

    collect_seldom()
    open_closed_streams()
    line = modern(program, sys.argv[1:])
    if line.problem:
        parser.error(line.problem)
    options = parser.parse_args(line.words)
    options.made_directory = line.directory
    set_level(verbose=getattr(options, "verbose", False), quiet=getattr(options, "quiet", False))
    return options


def finish(command: str, work: Callable[[], int]) -> NoReturn:
    """End the process with what `work` returns, or with 1 after `(command) Class: what was wrong`."""
    try:
        code = work()
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = _INTERRUPTED
    except Exception as problem:  # noqa: BLE001  # the last line: no traceback, whatever it is
        code = _failed(command, problem)
    _drop_what_nobody_reads()
    sys.exit(code)


def _failed(command: str, problem: Exception) -> int:
    from in_toto._boundary.talk import error

    error("in_toto", f"({command}) {type(problem).__name__}: {problem}")
    return 1


def _drop_what_nobody_reads() -> None:
    """Forget what was printed and did not arrive: Python would complain again when it ends, with a code of its own."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def getpass() -> str:
    """Return the password that the user types."""
    from getpass import getpass as ask

    return ask()


def demand_signing_key(parser: ArgumentParser, options: Namespace) -> None:
    """End the process with 2 unless there is either a signing key or a GPG key."""
    if bool(options.gpg) == bool(options.signing_key):
        parser.error("Specify either '--signing-key <path>' or '--gpg [<keyid>]'")


def signing_from(options: Namespace, ask: Callable[[], str]) -> Signing:
    """Return who signs; the password is asked for where `-P` stands alone."""
    from in_toto._boundary.signing import load_signer
    from in_toto._boundary.steps import Signing, key_address

    if options.gpg:
        keyid = None if options.gpg is True else options.gpg
        return Signing(gpg_keyid=keyid, gpg_use_default=keyid is None, gpg_home=options.gpg_home)
    address = key_address(options.signing_key)
    password = ask() if options.password is True else options.password
    return Signing(signer=load_signer(address, None if password is None else password.encode()))


def secret_variables(options: Namespace, signing: Signing) -> frozenset[str]:
    """Return the environment variables with secrets of the signing key: a command that is run must not inherit them.

    Some opened the key in `signing` although no option names them.
    """
    from custody.signing.registry import environment_name
    from in_toto._boundary.steps import key_address

    name = environment_name(key_address(options.signing_key)) if options.signing_key else ""
    opened: frozenset[str] = getattr(getattr(signing.signer, "custody", None), "withheld", frozenset())
    return opened | frozenset({name} - {""})


def recorder_from(options: Namespace) -> Recorder:
    """Return how artifacts are recorded; paths may be listed with commas, as some guides have them."""
    from in_toto._boundary.recording import Recorder

    return Recorder(
        exclude_patterns=options.exclude_patterns,
        base_path=options.base_path,
        lstrip_paths=options.lstrip_paths,
        commas=True,
    )


def version_was_asked(program: str) -> bool:
    """Return whether `--version` is all that was asked; it is then answered."""
    if sys.argv[1:] != ["--version"]:
        return False
    from custody.cli.output import open_closed_streams

    open_closed_streams()
    try:
        print(_version(program), flush=True)  # noqa: T201  # the answer
    except OSError as problem:
        code = _failed(program, problem)
        _drop_what_nobody_reads()
        sys.exit(code)
    return True


def add_version(groups: Groups, program: str) -> None:
    """Add `--version`, for a command line that has more than that."""
    groups.options.add_argument("--version", action="version", version=_version(program), help="show the version")


def _version(program: str) -> str:
    from custody import __version__ as engine
    from in_toto import __version__

    return f"{program} {__version__} (custody {engine})"


def add_signing_key(groups: Groups) -> None:
    """Add `--signing-key` and `--gpg`, of which a command needs one, `--gpg-home` and `--password`."""
    groups.named.add_argument(
        "-g",
        "--gpg",
        nargs="?",
        const=True,
        metavar="<id>",
        help="sign with this key of the GPG keyring, or with its default key; either this or '--signing-key' is needed",
    )
    groups.named.add_argument(
        "--signing-key",
        metavar="<path>",
        help="sign with the private key in this file: PEM (PKCS8), an RSA, Ed25519 or ECDSA key",
    )
    add_gpg_home(groups)
    add_password(groups)


def add_gpg_home(groups: Groups) -> None:
    """Add `--gpg-home`."""
    groups.options.add_argument("--gpg-home", metavar="<path>", help="the GPG home directory, if not the usual one")


def add_password(groups: Groups) -> None:
    """Add `-P`, which asks for the password where it has no value."""
    groups.options.add_argument(
        "-P",
        "--password",
        nargs="?",
        const=True,
        metavar="<password>",
        help="the password of an encrypted signing key; alone, it is asked for ('-p' means products)",
    )


def add_recording(groups: Groups) -> None:
    """Add the options that say how artifacts are recorded."""
    groups.options.add_argument(
        "--exclude",
        dest="exclude_patterns",
        nargs="+",
        metavar="<pattern>",
        help="leave out what these gitignore patterns match, instead of what is left out otherwise",
    )
    groups.options.add_argument(
        "--base-path",
        metavar="<path>",
        help="where paths to record start, instead of here; not part of the artifacts' names",
    )
    add_lstrip_paths(groups)


def add_lstrip_paths(groups: Groups) -> None:
    """Add `--lstrip-paths`."""
    groups.options.add_argument(
        "--lstrip-paths",
        nargs="+",
        metavar="<path>",
        help="remove these beginnings from the names of artifacts; none may begin with another",
    )


def add_metadata_directory(groups: Groups) -> None:
    """Add `-d`."""
    groups.options.add_argument(
        "-d",
        "--metadata-directory",
        metavar="<directory>",
        help="write the link into this existing directory (default: the current one)",
    )


def add_dsse(groups: Groups) -> None:
    """Add `--use-dsse`."""
    groups.options.add_argument("--use-dsse", action="store_true", help="write a DSSE envelope (experimental)")


def add_loudness(groups: Groups) -> None:
    """Add `-v` and `-q`, which exclude each other."""
    loudness = groups.options.add_mutually_exclusive_group()
    loudness.add_argument("-v", "--verbose", action="store_true", help="say what is being done")
    loudness.add_argument("-q", "--quiet", action="store_true", help="say nothing, not even why something failed")


def add_verbose(groups: Groups) -> None:
    """Add `-v` alone."""
    groups.options.add_argument("-v", "--verbose", action="store_true", help="say what is being done")
