r"""`custody key export`: the public half of a signing key, wherever that is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.cli.exits import ACCEPTED
from custody.cli.key_options import add_password, add_scheme, remark, secret_from
from custody.cli.output import printable, say
from custody.errors import StoreError, UsageError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace, _SubParsersAction

    from custody.keys.key import Key

__all__ = ["configure_export"]

_EXPORT = """Write the public half of the signing key at URI, to give to whoever verifies.

URI is whatever --signing-key takes: a private key file, env:NAME, fd:N, gpg:FINGERPRINT, or a key in a token,
pkcs11:token=TOKEN;object=LABEL or hsm:LABEL. A token shows its public keys without a PIN, unless it hides them.

Examples:
  custody key export 'pkcs11:token=custody;object=builder' -o builder.pub
  custody key export hsm:builder --to metadata
  custody key export gpg: --to metadata -o alice.json
  custody key export env:BUILD_KEY -o build.pub
"""

_MODE = 0o644


def configure_export(actions: _SubParsersAction[ArgumentParser]) -> None:
    """Add `custody key export` with its arguments."""
    export = actions.add_parser(
        "export", help="write the public half of a signing key, wherever it is", description=_EXPORT
    )
    export.add_argument("uri", metavar="URI", help="the signing key: a file or a URI")
    export.add_argument(
        "--to", choices=("pem", "metadata"), default="pem", help="the form to write: pem (default) or metadata"
    )
    export.add_argument("-o", "--output", metavar="OUT", help="the file to write (default: terminal)")
    export.add_argument("--force", action="store_true", help="replace OUT if it exists")
    add_password(export, of="the key, or the PIN of its token")
    add_scheme(export)
    export.set_defaults(execute=_export)


def _export(options: Namespace) -> int:
    from custody.workflows.keys import written  # not for --help

    _refuse_to_lose(options)
    data = written(_key(options), options.to)
    if options.output is None:
        say(data.decode().removesuffix("\n"))
        return ACCEPTED
    from custody.files import write_file

    write_file(options.output, data, what="public key", mode=_MODE, replace=options.force)
    say(f"public key written to {printable(options.output)}")
    return ACCEPTED


def _key(options: Namespace) -> Key:
    from custody.signing.registry import load_signer
    from custody.workflows.keys import is_elsewhere, read_public_key

    secret = secret_from(options)
    if is_elsewhere(options.uri):
        return read_public_key(options.uri, secret=secret, scheme=options.scheme, remark=remark)
    return load_signer(options.uri, secret, scheme=options.scheme, remark=remark).public_key


def _refuse_to_lose(options: Namespace) -> None:
    """Refuse to write over a file, and never over the private key itself: nobody could sign any more."""
    import os

    output = options.output
    if output is None or not os.path.lexists(output):
        return
    private = options.uri.removeprefix("file:")
    if os.path.exists(private) and os.path.exists(output) and os.path.samefile(private, output):
        raise UsageError(f"OUT is the private key itself, {output!r}; name another file")
    if not options.force:
        raise StoreError(f"{output!r} exists already; replace it with --force")
