"""Options that say which files are recorded, and how; shared by every command that records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.artifacts.recording import DEFAULT_EXCLUDES, Recording
from custody.cli.options import add_list
from custody.cli.output import note, printable, warn
from custody.errors import UsageError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace, _ArgumentGroup
    from collections.abc import Mapping, Sequence

__all__ = [
    "add_digest_cache",
    "add_environment",
    "add_loudness",
    "add_recording",
    "add_selection",
    "environment_from",
    "recording_from",
    "say_recorded",
    "warn_unless_quiet",
]


def add_recording(parser: ArgumentParser) -> _ArgumentGroup:
    """Add the options that `recording_from` reads, in a group of their own."""
    group = add_selection(parser, "--exclude")
    add_list(
        group,
        "--hash",
        metavar="ALGORITHM",
        help="hash with sha256 (the default, and what verification compares unless told otherwise), sha384, sha512,"
        " or several of them",
    )
    group.add_argument(
        "--modes", action="store_true", help="record the permissions of files too, so that they can be judged"
    )
    add_list(group, "--optional", metavar="PATH", help="a path that may be missing")
    return group


def add_digest_cache(group: _ArgumentGroup) -> None:
    """Add `--digest-cache`, for materials only."""
    group.add_argument(
        "--digest-cache",
        metavar="FILE",
        default="",
        help="read only those materials that have changed since they were last recorded with FILE, which is made if it"
        " is not there; trusts size, times and inode of the others, and FILE. Products are always read",
    )


def add_selection(parser: ArgumentParser, *exclude: str) -> _ArgumentGroup:
    """Add, in a group of their own, the options that choose and name files; `exclude` are the flags for it."""
    parser.set_defaults(hash=[], modes=False, optional=[])
    group = parser.add_argument_group("how files are recorded")
    excluding = group.add_mutually_exclusive_group()
    add_list(
        excluding,
        *exclude,
        metavar="PATTERN",
        help="leave out what these patterns match, as in a .gitignore, instead of the usual"
        f" {' '.join(DEFAULT_EXCLUDES)} (which you may repeat)",
    )
    excluding.add_argument("--no-exclude", action="store_true", help="leave out nothing, not even the usual patterns")
    group.add_argument("--base-path", metavar="DIR", default="", help="record paths as seen from this directory")
    add_list(
        group,
        "--lstrip-paths",
        metavar="PREFIX",
        help="cut the first prefix that fits from the left of a recorded name",
    )
    group.add_argument(
        "--normalize-line-endings",
        action="store_true",
        help="hash files as if their lines ended in LF, so that Windows and Unix agree",
    )
    group.add_argument(
        "--no-follow-symlinks",
        action="store_true",
        help="do not go into directories through symbolic links",
    )
    return group


def recording_from(options: Namespace) -> Recording:
    """Return how the user wants files to be recorded."""
    exclude = tuple(options.exclude) or DEFAULT_EXCLUDES
    return Recording(
        hash_algorithms=tuple(dict.fromkeys(options.hash)) or ("sha256",),
        exclude=() if options.no_exclude else exclude,
        base_path=options.base_path,
        lstrip_paths=tuple(options.lstrip_paths),
        follow_symlink_dirs=not options.no_follow_symlinks,
        normalize_line_endings=options.normalize_line_endings,
        modes=options.modes,
        optional=tuple(options.optional),
    )


def add_environment(parser: ArgumentParser | _ArgumentGroup) -> None:
    """Add `--environment`, which `environment_from` reads."""
    add_list(
        parser,
        "--environment",
        metavar="NAME=VALUE",
        help="add to what the link says of its environment; a claim of yours, like the times that custody adds",
    )


def environment_from(options: Namespace) -> dict[str, str]:
    """Return the pairs that `--environment` gave."""
    result: dict[str, str] = {}
    for text in options.environment:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise UsageError(f"--environment: expected NAME=VALUE, got {text!r:.80}")
        if name in result:
            raise UsageError(f"--environment: {name!r} is given twice")
        result[name] = value
    return result


def add_loudness(parser: ArgumentParser) -> None:
    """Add `-v` and `-q`."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument("-v", "--verbose", action="store_true", help="say what was recorded")
    group.add_argument("-q", "--quiet", action="store_true", help="print errors only, no warnings")


def warn_unless_quiet(options: Namespace, warnings: Sequence[str]) -> None:
    """Print the warnings of a recording, unless the user asked for silence."""
    if not options.quiet:
        for text in warnings:
            warn(printable(text))


def say_recorded(options: Namespace, what: str, artifacts: Mapping[str, object]) -> None:
    """Print the names that were recorded as `what`, if the user asked for details."""
    if options.verbose:
        note(f"{what}: {len(artifacts)}")
        for name in artifacts:
            note(f"  {printable(name)}")
