"""Say what this installation can do, and how to get what is missing.

Exit code: 0 if nothing is wrong (something optional may be absent), 1 if there is a problem.

Examples:
  custody doctor
  custody doctor --format json | jq '.[] | select(.state == "problem")'

"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from custody.cli.exits import ACCEPTED, REJECTED
from custody.cli.options import add_format
from custody.cli.output import colour, printable, say, say_json

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

__all__ = ["configure"]

_COLOURS = {"ok": "green", "absent": "dim", "problem": "red"}


def configure(parser: ArgumentParser) -> None:
    """Add the arguments of `custody doctor`."""
    add_format(parser)
    parser.set_defaults(execute=execute)


def execute(options: Namespace) -> int:
    """Print what was found."""
    from custody.workflows.examine import examine

    examined = examine()
    if options.format == "json":
        document = [{"name": e.name, "state": e.state, "finding": e.finding, "remedy": e.remedy} for e in examined]
        say_json(document)
    else:
        for each in examined:
            state = colour(f"{each.state:8}", _COLOURS[each.state], sys.stdout)
            remedy = f" ({each.remedy})" if each.remedy else ""
            say(f"{state} {each.name:13} {printable(each.finding + remedy)}")
    return REJECTED if any(each.state == "problem" for each in examined) else ACCEPTED
