"""Show what hangs on an image: attestations, links, and whatever else refers to it, for its platforms, too.

Nothing is verified: types are what the documents say. `custody verify-attestation` judges them.

Examples:
  custody tree registry.example.com/app:v1
  custody tree oci:build/app:v1 --json

"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.cli.exits import ACCEPTED
from custody.cli.image_options import add_platform, add_registry
from custody.cli.output import printable, say, say_json

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator, Sequence

    from custody.workflows.tree import Branch

__all__ = ["configure"]

_WIDTH = 11


def configure(parser: ArgumentParser) -> None:
    """Add the arguments of `custody tree`."""
    parser.add_argument("target", metavar="IMAGE", help="the image: a reference, or oci:DIRECTORY[:TAG]")
    parser.add_argument("--json", action="store_true", help="print the tree as JSON")
    add_platform(parser)
    add_registry(parser)
    parser.set_defaults(execute=_execute)


def _execute(options: Namespace) -> int:
    from custody.cli.target_options import image_from  # not for --help
    from custody.workflows.tree import hanging_tree

    target = image_from(options)
    tree = hanging_tree(target.store, target.descriptor)
    if options.json:
        say_json({"image": target.name, **tree.document()})
        return ACCEPTED
    say(printable(f"{target.name} ({tree.kind})"))
    for line in _lines(tree.branches, ""):
        say(line)
    if not tree.branches:
        say("└── nothing hangs on it")
    return ACCEPTED


def _lines(branches: Sequence[Branch], before: str) -> Iterator[str]:
    for branch in branches:
        last = branch is branches[-1]
        inside = f"{before}{'    ' if last else '│   '}"
        words = (f"{branch.kind:<{_WIDTH}}", printable(branch.text), branch.digest)
        yield f"{before}{'└── ' if last else '├── '}{' '.join(word for word in words if word).rstrip()}"
        if branch.place:
            yield printable(f"{inside}{'│   ' if branch.branches else '    '}{branch.place}")
        yield from _lines(branch.branches, inside)
