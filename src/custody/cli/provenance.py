r"""Write SLSA provenance: what was built, by whom, from what, by which commands.

It tells what really happened, as far as somebody recorded it: the links of `custody run`, the commit that git has
checked out, and what the CI says of itself (GitHub Actions, GitLab CI/CD, Tekton, Jenkins; else a local build). What is
written is a statement that nobody has signed yet, about the products of the last link or about what you name.

Variables of the environment are only read by their names, and no secret is among them. If the CI says another commit
than git, nothing is written.

Examples:
  custody provenance --link build.776a00e2.link -o provenance.json
  custody provenance --link build.776a00e2.link \
      --verification-keys alice.pub -o provenance.json
  custody provenance --subject dist/app.whl --source . --predicate-only
  custody provenance --link build.776a00e2.link --ci tekton \
      --builder-id https://tekton.example.com/production

Exit code: 0 written, 1 a link is not signed by one of the given keys, 2 could not be done.

"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from custody.cli.exits import ACCEPTED, REJECTED
from custody.cli.key_options import add_verification_keys, verification_keys_from
from custody.cli.options import add_list
from custody.cli.output import complain, note, printable, say_json, warn
from custody.cli.verify import filled
from custody.errors import SignatureError, UsageError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from custody.models.resource_descriptor import ResourceDescriptor

__all__ = ["configure"]

_SYSTEMS = ("auto", "github", "gitlab", "tekton", "jenkins", "local")
_HERE = "."


def configure(parser: ArgumentParser) -> None:
    """Add the arguments of `custody provenance`."""
    parser.usage = "custody provenance [--link FILE ...] [--subject FILE ...] [options]"
    add_list(parser, "--link", metavar="FILE", help="the link of a step that was part of the build, in order")
    add_verification_keys(parser)
    add_list(parser, "--subject", metavar="FILE", help="a file that was built (default: what the last link made)")
    add_list(parser, "--image", metavar="REFERENCE", help="an image that was built, in a registry or on the disk")
    parser.add_argument(
        "--slsa-version", choices=("1", "0.2"), default="1", metavar="VERSION", help="1 (default) or 0.2"
    )
    _add_origin(parser)
    group = parser.add_argument_group("output")
    group.add_argument("-o", "--output", metavar="OUT", help="the file to write (default: print it)")
    group.add_argument(
        "--predicate-only", action="store_true", help="write the predicate alone, for `custody attest --predicate`"
    )
    _add_images(parser)
    parser.set_defaults(execute=_execute)


def _add_origin(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("where the build happened")
    group.add_argument(
        "--source",
        metavar="DIR",
        help="the top of the git repository that was built (default: the current directory, if it is one)",
    )
    group.add_argument("--no-source", action="store_true", help="do not ask git, even if this is a repository")
    group.add_argument(
        "--ci",
        choices=_SYSTEMS,
        default=_SYSTEMS[0],
        metavar="SYSTEM",
        help=f"{', '.join(_SYSTEMS)} (default: the one whose variables are set)",
    )
    group.add_argument("--builder-id", metavar="URI", help="who builds, instead of what the CI says")
    group.add_argument("--build-type", metavar="URI", help="what the parameters mean, instead of the CI's build type")


def _add_images(parser: ArgumentParser) -> None:
    from custody.cli.image_options import add_platform, add_registry

    add_platform(add_registry(parser))


def _execute(options: Namespace) -> int:
    from custody.workflows.provenance import ProvenanceOptions, provenance

    wanted = ProvenanceOptions(
        links=tuple(options.link),
        keys=verification_keys_from(options),
        subjects=tuple(options.subject),
        images=_images(options),
        source=_source(options),
        environment=os.environ,
        system=options.ci,
        slsa_version=options.slsa_version,
        builder_id=filled(options.builder_id, "--builder-id"),
        build_type=filled(options.build_type, "--build-type"),
    )
    output = filled(options.output, "--output")
    try:
        found = provenance(wanted)
    except SignatureError as error:
        complain("custody provenance", printable(str(error)))
        return REJECTED
    for remark in found.remarks:
        warn(printable(remark))
    document = dict(found.predicate if options.predicate_only else found.statement)
    if not output:
        say_json(document)
        return ACCEPTED
    from custody.encoding.strict import write_json
    from custody.files import write_file

    write_file(output, write_json(document, indent=2) + b"\n", what="the provenance")
    note(f"wrote {printable(output)}; nobody has signed it yet")
    return ACCEPTED


def _source(options: Namespace) -> str:
    """Return the repository that git is asked about, '' for none."""
    given = filled(options.source, "--source")
    if given and options.no_source:
        raise UsageError("--source and --no-source contradict each other; leave out one of them")
    if given or options.no_source:
        return given
    return _HERE if os.path.lexists(os.path.join(_HERE, ".git")) else ""


def _images(options: Namespace) -> tuple[ResourceDescriptor, ...]:
    """Return the images as subjects; a tag is resolved now, and the digest that it has is printed."""
    if not options.image:
        return ()
    from custody.cli.image_options import registry_from
    from custody.workflows.targets import IMAGE, TargetOptions, open_target

    wanted = TargetOptions(registry=registry_from(options), platform=options.platform)
    found: list[ResourceDescriptor] = []
    for text in options.image:
        target = open_target(text, wanted)
        if target.kind != IMAGE:
            raise UsageError(f"--image {text!r:.200}: expected an image, got a {target.kind}; files go to --subject")
        note(f"{printable(text)} is {printable(target.name)}")
        found += target.subjects
    return tuple(found)
