"""`in-toto-sign`: sign a layout or a link, or check whose signatures it carries."""

from __future__ import annotations

import sys

from in_toto._boundary.arguments import finish, getpass

TYPE_CHECKING = False  # known to checkers; importing it from `typing` takes longer than this module
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator
    from typing import Any

    from in_toto.models.metadata import Metadata

__all__ = ["create_parser", "main"]

_PROGRAM = "in-toto-sign"

_DESCRIPTION = """\
Sign a layout or a link, or check the signatures of one. Signatures that are there are
replaced; to a layout, others can be added. A layout is written back to its file, a
link to '<name>.<first 8 digits of the key id>.link', in the current directory, unless
'--output' names another file. A link is signed by one key, a layout by any number.

The exit code is 0 if all went well, 1 if a signature is missing or bad, 2 if anything
else is wrong."""

_EXAMPLES = """\
Examples:

  Sign a layout as two owners:
    {prog} -f draft.layout -k alice bob -o root.layout

  Add a signature to it:
    {prog} -f root.layout -k carol -a

  Sign a link of 'in-toto-mock':
    {prog} -f pack.link -k dave

  See whether both owners signed:
    {prog} -f root.layout -k alice.pub bob.pub --verify
"""

_ONE_FUNCTIONARY = (
    "link metadata is associated with a single functionary and is usually namespaced accordingly: '<name>.<keyid"
    " prefix>.link'."
)


def create_parser() -> ArgumentParser:
    """Return the parser of the command."""
    from in_toto._boundary import arguments

    parser = arguments.new_parser(_DESCRIPTION, _EXAMPLES)
    groups = arguments.groups_of(parser)
    groups.named.add_argument("-f", "--file", required=True, metavar="<path>", help="the layout or link")
    groups.options.add_argument(
        "-k",
        "--key",
        nargs="+",
        metavar="<path>",
        help="key files (PEM): private ones (PKCS8) to sign with, public ones with '--verify'",
    )
    groups.options.add_argument("-p", "--prompt", action="store_true", help="ask for the password of the signing keys")
    groups.options.add_argument(
        "-g", "--gpg", nargs="*", metavar="<id>", help="keys of the GPG keyring; without ids its default key signs"
    )
    arguments.add_gpg_home(groups)
    groups.options.add_argument("-o", "--output", metavar="<path>", help="where the signed file goes")
    groups.options.add_argument(
        "-a", "--append", action="store_true", help="keep the signatures that a layout has, and add to them"
    )
    groups.options.add_argument(
        "--verify", action="store_true", help="sign nothing; each key must have signed the file"
    )
    arguments.add_loudness(groups)
    arguments.add_version(groups, _PROGRAM)
    return parser


def main() -> None:
    """Sign or check the file that the command line names, and exit."""
    from in_toto._boundary import arguments

    if arguments.version_was_asked(_PROGRAM):
        sys.exit(0)
    parser = create_parser()
    options = arguments.parse(_PROGRAM, parser)
    _refuse_nonsense(parser, options)
    finish(_PROGRAM, lambda: _work(parser, options))


def _work(parser: ArgumentParser, options: Namespace) -> int:
    """Return the exit code."""
    from in_toto.models.metadata import Metadata

    try:
        metadata = Metadata.load(options.file)
        kind = metadata.get_payload().type_
    except Exception as problem:  # noqa: BLE001  # no traceback, whatever is wrong with the file
        return _failed(f"The following error occurred while loading the file '{options.file}': {problem}")
    if kind == "link":
        _refuse_several(parser, options)
    return _check(metadata, options) if options.verify else _sign(metadata, options)


def _sign(metadata: Metadata, options: Namespace) -> int:
    """Sign and write, and return 0; what goes wrong is 2."""
    from in_toto._boundary import talk

    try:
        if not options.append:
            metadata.signatures.clear()  # type: ignore[attr-defined]  # a list or a dictionary
        keyid = ""
        for signer in _signers(options):
            keyid = metadata.create_signature(signer).keyid
        path = options.output or _default_output(metadata, keyid, options)
        talk.info("in_toto", f"Dumping {metadata.get_payload().type_} to '{path}'...")
        metadata.dump(path)
    except Exception as problem:  # noqa: BLE001  # no traceback, whatever is wrong with key, gpg or disk
        return _failed(f"The following error occurred while signing: {problem}")
    return 0


def _check(metadata: Metadata, options: Namespace) -> int:
    """Return 0 if each of the keys signed, 1 if one did not, 2 if that cannot be told."""
    from in_toto import exceptions
    from in_toto._boundary import talk

    try:
        for keyid, key in _public_keys(options).items():
            metadata.verify_signature(key)
            talk.info("in_toto", f"Signature verification passed for keyid '{keyid}'")
    except exceptions.SignatureVerificationError as problem:
        talk.error("in_toto", f"Signature verification failed: {problem}")
        return 1
    except Exception as problem:  # noqa: BLE001  # no traceback, whatever is wrong with key or gpg
        return _failed(f"The following error occurred while verifying signatures: {problem}")
    return 0


def _signers(options: Namespace) -> Iterator[Any]:
    """Yield who signs; the password is asked for once, for all keys."""
    from in_toto._boundary.signing import gpg_signer, load_signer
    from in_toto._boundary.steps import key_address

    if options.gpg is not None:
        for keyid in options.gpg or [None]:
            yield gpg_signer(keyid, options.gpg_home)
        return
    password = getpass().encode() if options.prompt else None
    for path in options.key:
        yield load_signer(key_address(path), password)


def _public_keys(options: Namespace) -> dict[str, Any]:
    """Return the keys to check with, by their ids."""
    from in_toto._boundary.keys import export_gpg_keys, load_public_key_from_file

    if options.gpg is not None:
        return dict(export_gpg_keys(options.gpg, options.gpg_home))
    keys = (load_public_key_from_file(path) for path in options.key)
    return {key["keyid"]: key for key in keys}


def _default_output(metadata: Metadata, keyid: str, options: Namespace) -> str:
    """Return where the signed file goes: what a link says its name is becomes a plain file name, or an error (A3)."""
    from custody.workflows.links import link_path
    from in_toto._boundary.failures import Translated
    from in_toto.models.layout import Layout

    payload = metadata.get_payload()
    if isinstance(payload, Layout):
        return str(options.file)
    with Translated():
        return link_path("", payload.name, keyid)


def _failed(problem: str) -> int:
    from in_toto._boundary import talk

    talk.error("in_toto", problem)
    return 2


def _refuse_nonsense(parser: ArgumentParser, options: Namespace) -> None:
    """End the process with 2 if the options contradict each other."""
    if options.verify and (options.append or options.output):
        parser.print_help()
        parser.error("conflicting arguments: don't specify any of 'append' or 'output' when verifying signatures")
    if (options.key is None) == (options.gpg is None):
        parser.print_help()
        parser.error("wrong arguments: specify either '--key PATH [PATH ...]' or '--gpg [KEYID [KEYID ...]]'")
    if options.verify and options.gpg is not None and not options.gpg:
        parser.print_help()
        parser.error("missing arguments: specify at least one keyid for GPG signature verification ('--gpg KEYID ...')")


def _refuse_several(parser: ArgumentParser, options: Namespace) -> None:
    """End the process with 2 if a link would have, or is expected to have, several signatures."""
    if len(options.key or ()) > 1 or len(options.gpg or ()) > 1:
        parser.print_help()
        parser.error(
            f"too many arguments: {_ONE_FUNCTIONARY} Hence signing Link metadata with multiple keys is not allowed."
        )
    if options.append:
        parser.print_help()
        parser.error(
            f"wrong arguments: {_ONE_FUNCTIONARY}. Hence adding signatures to existing signatures on link metadata is"
            " not allowed."
        )


if __name__ == "__main__":
    main()
