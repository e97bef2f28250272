"""List the tags of a repository, one a line.

Tags such as sha256-DIGEST.att hold attestations of the image DIGEST, and
sha256-DIGEST lists what refers to it where the registry has no list of its own;
`custody tree` shows all of that for one image.

Examples:
  custody ls registry.example.com/app
  custody ls oci:build/app --json

"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.cli.exits import ACCEPTED
from custody.cli.image_options import add_registry, registry_from
from custody.cli.output import printable, say, say_json

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

__all__ = ["configure"]


def configure(parser: ArgumentParser) -> None:
    """Add the arguments of `custody ls`."""
    parser.add_argument(
        "repository",
        metavar="REPOSITORY",
        help="REGISTRY/REPOSITORY, oci:DIRECTORY, oci-archive:FILE or docker-archive:FILE",
    )
    parser.add_argument("--json", action="store_true", help="print a JSON list")
    add_registry(parser)
    parser.set_defaults(execute=_execute)


def _execute(options: Namespace) -> int:
    from custody.workflows.copy import list_tags

    tags = list_tags(options.repository, registry_from(options))
    if options.json:
        say_json(list(tags))
    else:
        for tag in tags:
            say(printable(tag))
    return ACCEPTED
