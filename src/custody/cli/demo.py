"""Carry a real project through a supply chain, verify it, tamper with it, and see that it is caught.

In a checkout of custody that is custody itself: its HEAD is cloned, reviewed by two, tested with a part of its own
tests and built into its wheel. Elsewhere it is a small project that comes along. Nothing needs the network, and
everything is left in a directory to look at.

Examples:
  custody demo
  custody demo ./my-demo

"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from custody.cli.exits import ACCEPTED
from custody.cli.output import colour, printable, say

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

__all__ = ["configure"]


def configure(parser: ArgumentParser) -> None:
    """Add the arguments of `custody demo`."""
    parser.add_argument(
        "directory", nargs="?", help="an empty directory, or one to be made (default: a new temporary one)"
    )
    parser.add_argument("--bundled", action="store_true", help="use the small project, also in a checkout")
    parser.set_defaults(execute=execute)


def execute(options: Namespace) -> int:
    """Tell the story."""
    import tempfile

    from custody.demo.projects import bundled_project, find_project
    from custody.demo.stage import Stage
    from custody.demo.story import prepare, tell

    directory = prepare(options.directory or tempfile.mkdtemp(prefix="custody-demo-"))
    project = bundled_project(directory) if options.bundled else find_project(directory)
    tell(project, Stage(directory, lambda line: say(printable(line)), _headline))
    return ACCEPTED


def _headline(text: str) -> None:
    say()
    say(colour(printable(text), "bold", sys.stdout))
