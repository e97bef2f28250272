"""`custody layout new` and `custody layout build`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.cli.exits import ACCEPTED
from custody.cli.key_options import remark
from custody.cli.layout_options import add_at, add_force, at_from
from custody.cli.output import note, printable, say, warn

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from datetime import datetime

    from custody.workflows.layout import LoadedLayout

__all__ = ["configure_build", "configure_new"]

_NEW = """\
Write a commented source of a layout to start from. It builds as it is once the four keys that it names exist.

Examples:
  custody layout new
  custody layout new -o release/supply-chain.yaml

"""

_BUILD = """\
Compile the readable source SRC into a layout. The layout is not signed yet: `custody sign` does that.

A layout that is already there is replaced, unless it carries signatures. What `custody layout lint` would complain
about is printed as warnings; the layout is built all the same.

Examples:
  custody layout build supply-chain.yaml
  custody layout build supply-chain.yaml -o release.layout --use-dsse
  custody layout build supply-chain.yaml --at 2030-01-31T00:00:00Z

"""


def configure_new(parser: ArgumentParser) -> None:
    """Add the arguments of `custody layout new`."""
    parser.description = _NEW
    parser.add_argument(
        "-o",
        "--output",
        default="supply-chain.yaml",
        metavar="OUT",
        help="the file to write (default: supply-chain.yaml)",
    )
    add_force(parser, "replace OUT if it exists")
    parser.set_defaults(execute=_new)


def configure_build(parser: ArgumentParser) -> None:
    """Add the arguments of `custody layout build`."""
    parser.description = _BUILD
    parser.add_argument("source", metavar="SRC", help="the source, such as supply-chain.yaml")
    parser.add_argument(
        "-o", "--output", default="root.layout", metavar="OUT", help="the file to write (default: root.layout)"
    )
    parser.add_argument("--use-dsse", action="store_true", help="write a DSSE envelope instead of the older one")
    add_force(parser, "replace OUT even if it is signed or no layout")
    add_at(parser, "build as of INSTANT; durations such as '6 months' begin there")
    parser.set_defaults(execute=_build)


def _new(options: Namespace) -> int:
    from custody.sources.starter import STARTER_KEYS  # not for --help
    from custody.workflows.layout import new_source

    new_source(options.output, replace=options.force)
    path = printable(options.output)
    say(path)
    note(f"It names the keys {', '.join(STARTER_KEYS)}; `mkdir keys; custody keygen keys/alice` makes one.")
    note(f"Describe your steps in it, then: custody layout build {path}")
    return ACCEPTED


def _build(options: Namespace) -> int:
    from custody.workflows.layout import build_layout  # not for --help

    at = at_from(options)
    built = build_layout(
        options.source, options.output, at=at, use_dsse=options.use_dsse, replace=options.force, remark=remark
    )
    output = printable(options.output)
    say(output)
    _remark(built, at)
    note(f"Nobody has signed it yet: custody sign -f {output} --signing-key owner")
    return ACCEPTED


def _remark(built: LoadedLayout, at: datetime) -> None:
    """Print complaints that weigh, and how many there are that do not."""
    from custody.linting.complaints import Severity
    from custody.linting.lint import lint

    notes = 0
    for complaint in lint(built.layout, at, names=built.names):
        if complaint.severity is Severity.NOTE:
            notes += 1
            continue
        text = f"{built.path}: {built.place(complaint.where)}: {complaint.sentence} [{complaint.code}]"
        warn(printable(f"{text}; {complaint.remedy}"))
    if notes:
        note(f"{notes} note(s) besides: custody layout lint {printable(built.path)}")
