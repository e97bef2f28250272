"""Record a step that no single command performs: start before it, stop after it.

`start` records the materials, `stop` the products and writes the link, as
`custody run` does. In between you work as you like. What `start` recorded waits in
.NAME.KEYID.link-unfinished in the current directory; that file is signed, but it is
no link and never counts as evidence. Stop in the same directory with the same key.

Examples:
  custody record start -n edit --signing-key alice.key -m src
  $EDITOR src/main.c
  custody record stop -n edit --signing-key alice.key -p src

"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.cli.exits import ACCEPTED
from custody.cli.image_options import add_registry, resolvers_from, say_images
from custody.cli.key_options import add_signing_key, signer_from
from custody.cli.options import add_list
from custody.cli.output import note, printable
from custody.cli.recording_options import (
    add_digest_cache,
    add_environment,
    add_loudness,
    add_recording,
    environment_from,
    recording_from,
    say_recorded,
    warn_unless_quiet,
)
from custody.workflows.record import RecordOptions, start, stop

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

__all__ = ["configure"]

_START = """\
Record the materials of a step that begins now.

Examples:
  custody record start -n edit --signing-key alice.key -m src
  custody record start -n edit --signing-key alice.key -m src --force
"""

_STOP = """\
Record the products of a step that was started, and write its link.

Examples:
  custody record stop -n edit --signing-key alice.key -p src
  custody record stop -n edit --signing-key alice.key -p src -d links
"""


def configure(parser: ArgumentParser) -> None:
    """Add the arguments of `custody record start` and `custody record stop`."""
    actions = parser.add_subparsers(dest="action", metavar="start|stop", required=True)
    starting = actions.add_parser(
        "start",
        help="record the materials",
        description=_START,
    )
    stopping = actions.add_parser(
        "stop",
        help="record the products and write the link",
        description=_STOP,
    )
    _configure_start(starting)
    _configure_stop(stopping)


def _configure_start(parser: ArgumentParser) -> None:
    parser.usage = "custody record start -n NAME --signing-key URI [-m PATH ...] [options]"
    _add_shared(parser)
    add_list(
        parser, "-m", "--materials", metavar="PATH", help="files, directories or images (oci:...) the step starts from"
    )
    parser.add_argument("--force", action="store_true", help="drop what was started before, and start anew")
    add_digest_cache(add_recording(parser))
    add_registry(parser)
    parser.set_defaults(execute=_start)


def _configure_stop(parser: ArgumentParser) -> None:
    parser.usage = "custody record stop -n NAME --signing-key URI [-p PATH ...] [options]"
    _add_shared(parser)
    add_list(parser, "-p", "--products", metavar="PATH", help="files, directories or images (oci:...) the step makes")
    parser.add_argument(
        "-d",
        "--metadata-directory",
        metavar="DIR",
        default=".",
        help="write the link there instead of here",
    )
    parser.add_argument("--use-dsse", action="store_true", help="write a DSSE envelope instead of the older one")
    add_recording(parser)
    add_registry(parser)
    parser.set_defaults(execute=_stop)


def _add_shared(parser: ArgumentParser) -> None:
    parser.add_argument("-n", "--step-name", metavar="NAME", required=True, help="the step's name in the layout")
    add_signing_key(parser)
    add_environment(parser)
    add_loudness(parser)


def _start(options: Namespace) -> int:
    started = start(
        options.step_name,
        signer=signer_from(options),
        materials=options.materials,
        options=RecordOptions(
            recording=recording_from(options),
            environment=environment_from(options),
            force=options.force,
            resolvers=resolvers_from(options),
            digest_cache=options.digest_cache,
        ),
    )
    warn_unless_quiet(options, started.warnings)
    say_images(options, started.link.materials)
    say_recorded(options, "materials", started.link.materials)
    if options.verbose:
        note(f"wrote {printable(started.path)}")
    return ACCEPTED


def _stop(options: Namespace) -> int:
    stopped = stop(
        options.step_name,
        signer=signer_from(options),
        products=options.products,
        options=RecordOptions(
            recording=recording_from(options),
            environment=environment_from(options),
            metadata_directory=options.metadata_directory,
            use_dsse=options.use_dsse,
            resolvers=resolvers_from(options),
        ),
    )
    warn_unless_quiet(options, stopped.warnings)
    say_images(options, stopped.link.products)
    say_recorded(options, "products", stopped.link.products)
    if options.verbose:
        note(f"wrote {printable(stopped.path)}")
    return ACCEPTED
