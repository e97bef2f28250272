"""Options for images and registries that several commands share, and what they mean.

`custody run` has them too: an image can be a material or a product. A password never sits in argv.
"""

from __future__ import annotations

import os
from argparse import SUPPRESS
from typing import TYPE_CHECKING

from custody.cli.output import note, printable
from custody.errors import UsageError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace, _ArgumentGroup
    from collections.abc import Callable, Mapping

    from custody.artifacts.resolvers import Resolver
    from custody.cli.progress import Progress
    from custody.rules.artifacts import Artifacts
    from custody.stores.registry.options import RegistryOptions

__all__ = [
    "TARGET_HELP",
    "add_cosign_log",
    "add_platform",
    "add_registry",
    "add_yes",
    "registry_from",
    "registry_variables",
    "resolvers_from",
    "say_images",
]

_SCHEME = "oci:"

TARGET_HELP = (
    "a file, a directory, or an image: REGISTRY/REPOSITORY[:TAG][@DIGEST], docker://REFERENCE, oci:DIRECTORY[:TAG],"
    " oci-archive:FILE[:TAG], docker-archive:FILE[:REFERENCE]"
)


def add_registry(parser: ArgumentParser) -> _ArgumentGroup:
    """Add the options that `registry_from` reads, in a group of their own."""
    group = parser.add_argument_group("how registries are reached")
    group.add_argument(
        "--plain-http",
        "--allow-http-registry",
        "--allow-insecure-registry",  # cosign's, for this and for certificates that nobody vouches for
        action="store_true",
        help="speak HTTP without TLS with the registry, so that everybody on the way can read and change what is sent;"
        " over TLS, a certificate that nobody vouches for is never accepted",
    )
    group.add_argument(
        "--ca-file",
        metavar="FILE",
        default="",
        help="trust the authorities (PEM) in FILE too for the registry's certificate",
    )
    group.add_argument(
        "--registry-username",
        metavar="NAME",
        default="",
        help="log in as NAME, instead of with what `docker login` stored",
    )
    passwords = group.add_mutually_exclusive_group()
    passwords.add_argument(
        "--registry-password-env",
        metavar="NAME",
        help="take the password or token from the environment variable NAME",
    )
    passwords.add_argument(
        "--registry-password-fd",
        metavar="N",
        type=int,
        help="read the password or token from the first line of the open descriptor N",
    )
    return group


def add_platform(parser: ArgumentParser | _ArgumentGroup) -> None:
    """Add `--platform`."""
    parser.add_argument(
        "--platform",
        metavar="OS/ARCH[/VARIANT]",
        default="",
        help="of an image for several platforms, take the one for this, such as linux/arm64/v8",
    )


def add_yes(parser: ArgumentParser) -> None:
    """Add cosign's `--yes`, which changes nothing: no command here asks."""
    parser.add_argument("-y", "--yes", action="store_true", help="cosign's; changes nothing, as nothing is asked here")


def add_cosign_log(parser: ArgumentParser, *, verifying: bool) -> None:
    """Add cosign's options that say that no transparency log is used, with what they mean here."""
    if verifying:
        names = ("--insecure-ignore-tlog", "--insecure-ignore-tlog=true")
        meaning = "cosign's; changes nothing: signatures by keys are judged without a transparency log"
        parser.add_argument(names[0], action="store_true", help=meaning)
        parser.add_argument(names[1], dest="insecure_ignore_tlog", action="store_true", help=SUPPRESS)
    else:
        parser.add_argument(
            "--tlog-upload",
            metavar="false",
            choices=("false",),
            help="cosign's; changes nothing: signatures by keys are not sent to a transparency log",
        )


def registry_from(options: Namespace, *, progress: Progress | None = None) -> RegistryOptions:
    """Return how the user wants registries to be reached; the password is read when a registry asks for it."""
    from custody.stores.registry.options import RegistryOptions  # only where an image is meant

    usual = RegistryOptions()
    return usual.replace(
        plain_http=options.plain_http,
        ca_file=options.ca_file,
        username=options.registry_username,
        password=_password(options),
        progress=progress or usual.progress,
    )


def registry_variables(options: Namespace) -> frozenset[str]:
    """Return the environment variables that hold passwords of registries: no command that is run inherits them."""
    return frozenset({options.registry_password_env or ""} - {""})


def resolvers_from(options: Namespace) -> Mapping[str, Resolver]:
    """Return the usual resolvers, of which the one for images reaches registries as the user wants."""
    from custody.artifacts.resolvers import default_resolvers, images_by

    return {**default_resolvers(), "oci": images_by(lambda: registry_from(options))}


def say_images(options: Namespace, *recorded: Artifacts) -> None:
    """Print which digest each image had that was recorded, unless the user asked for silence: tags move."""
    given = (*getattr(options, "materials", ()), *getattr(options, "products", ()))
    if options.quiet or not any(path.startswith(_SCHEME) for path in given):
        return  # links can list a million files, which nobody has to look through
    images = {
        name: digests for artifacts in recorded for name, digests in artifacts.items() if name.startswith(_SCHEME)
    }
    for name, digests in images.items():
        note(f"{printable(name)} is {', '.join(f'{algorithm}:{digest}' for algorithm, digest in digests.items())}")


def _password(options: Namespace) -> Callable[[], str] | None:
    from custody.signing.secret import SecretSource

    name, descriptor = options.registry_password_env, options.registry_password_fd
    if name is not None and not (name.isascii() and name.isidentifier()):
        raise UsageError("--registry-password-env takes the name of a variable, not the password itself")
    if descriptor is not None and descriptor < 0:
        raise UsageError(f"--registry-password-fd: expected a number from 0, got {descriptor}")
    if (name is None and descriptor is None) != (not options.registry_username):
        raise UsageError(
            "--registry-username NAME and one of --registry-password-env and --registry-password-fd belong together"
        )
    if not options.registry_username:
        return None
    source = SecretSource(environment=name or "", descriptor=descriptor)
    return lambda: os.fsdecode(source.of("the login at the registry"))
