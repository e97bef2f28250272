"""`custody keygen --pkcs11`: a key pair that a token makes and keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.cli.exits import ACCEPTED
from custody.cli.key_options import remark, secret_from
from custody.cli.output import printable, say
from custody.errors import StoreError, UsageError

if TYPE_CHECKING:
    from argparse import Namespace

    from custody.keys.public import PublicKey
    from custody.signing.pkcs11_uri import KeyURI

__all__ = ["generate_there"]

_MODE = 0o644


def generate_there(options: Namespace) -> int:
    """Make the pair that the command line asks for, write its public half if it has a name, and return the exit code.

    Raises:
        CustodyError: there is no new pair. If only its public half could not be written, the message says so.

    """
    from custody.signing.pkcs11_keygen import generate_on_token
    from custody.signing.signer import Request

    uri = _uri(options.pkcs11)
    path = _free_path(options)
    request = Request(secret=secret_from(options), remark=remark)
    key = generate_on_token(uri, request, options.type, bits=options.bits)
    if path:
        _write(path, key, options)
    say(f"private key  {printable(options.pkcs11)}  (in the token; nobody can read it)")
    if path:
        say(f"public key   {printable(path)}  (give it to whoever verifies)")
    say(f"key id       {key.keyid}")
    return ACCEPTED


def _uri(given: str) -> KeyURI:
    from custody.signing.pkcs11_uri import read_label, read_uri

    scheme, colon, rest = given.partition(":")
    if colon and scheme.lower() == "pkcs11":
        return read_uri(rest)
    if colon and scheme.lower() == "hsm":
        return read_label(rest)
    raise UsageError(f"--pkcs11: expected pkcs11:token=TOKEN;object=LABEL or hsm:LABEL, got {given!r:.80}")


def _free_path(options: Namespace) -> str:
    """Return where the public key goes, empty if nowhere; what is in the way is found before there is a key."""
    import os

    if options.name is None:
        return ""
    path = f"{options.name.removesuffix('.pub')}.pub"
    directory = os.path.dirname(path)
    if directory and not os.path.isdir(directory):
        raise StoreError(f"there is no directory {directory!r}; make it first: mkdir -p {directory!r}")
    if os.path.lexists(path) and not options.force:
        raise StoreError(f"{path!r} exists already; choose another name, or replace it with --force")
    return path


def _write(path: str, key: PublicKey, options: Namespace) -> None:
    from custody.files import write_file
    from custody.keys.pem import write_pem

    try:
        write_file(path, write_pem(key.spki).encode(), what="public key", mode=_MODE, replace=options.force)
    except StoreError as error:
        raise StoreError(
            f"the pair was made, but {error}; write the public key with: custody key export '{options.pkcs11}' -o FILE"
        ) from error
