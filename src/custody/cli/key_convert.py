"""`custody key convert`: writes a key in another form, a private one never less protected than somebody asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.cli.exits import ACCEPTED
from custody.cli.key_options import add_password, add_scheme, remark, secret_from
from custody.cli.output import printable, say
from custody.errors import UsageError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace, _SubParsersAction

__all__ = ["configure_convert"]

_DESCRIPTION = r"""Write the key in IN in another form.

  pem              the public key as PEM (SubjectPublicKeyInfo), also out of a
                   private key or JSON
  openssh          the public key as OpenSSH writes it, on one line
  metadata         the public key as JSON, as layouts list keys
  private-pem      the private key as PEM (PKCS8), under another passphrase or
                   none
  private-openssh  the private key as ssh-keygen writes it
  private-cosign   the private key as cosign writes it; ECDSA on P-256 only,
                   and always encrypted

IN may have any of these forms, and be a private key of in-toto 1.x in JSON.
Public forms go to the terminal or to OUT, a private key only to OUT, mode 0600.
For a private form say what protects the new file: --new-password,
--new-password-env, --new-password-fd or --no-password.

Examples:
  custody key convert alice --to pem -o alice.pub
  custody key convert owner.json --to pem
  custody key convert build.pub --to metadata --scheme rsassa-pss-sha512
  custody key convert gpg: --to metadata -o alice.json
  custody key convert alice --password --to private-pem --new-password \
      -o alice --force
  custody key convert ~/.ssh/id_ed25519 --to private-pem --new-password \
      -o alice
"""

_PUBLIC = ("pem", "openssh", "metadata")
_PRIVATE = ("private-pem", "private-openssh", "private-cosign")


def configure_convert(actions: _SubParsersAction[ArgumentParser]) -> None:
    """Add the arguments of `custody key convert`."""
    convert = actions.add_parser(
        "convert",
        help="write a key in another form",
        description=_DESCRIPTION,
    )
    convert.usage = "custody key convert IN --to FORM [-o OUT] [options]"
    convert.add_argument("file", metavar="IN", help="a public or private key")
    convert.add_argument(
        "--to",
        required=True,
        choices=(*_PUBLIC, *_PRIVATE),
        metavar="FORM",
        help=f"the form to write: {', '.join(_PUBLIC)}, {', '.join(_PRIVATE)}",
    )
    convert.add_argument("-o", "--output", metavar="OUT", help="the file to write (default: terminal)")
    convert.add_argument("--force", action="store_true", help="replace OUT if it exists")
    add_password(convert, of="IN, if it is encrypted")
    protection = add_password(convert, of="the new private key", prefix="new-")
    protection.add_argument("--no-password", action="store_true", help="write the new private key unencrypted")
    add_scheme(convert)
    convert.set_defaults(execute=_convert)


def _convert(options: Namespace) -> int:
    if options.to in _PRIVATE:
        _convert_private(options)
        return ACCEPTED
    from custody.workflows.keys import read_any_key, written  # not for --help

    _refuse_to_lose(options)
    if _new_password_given(options):
        raise UsageError(f"a new passphrase is for a private form, as with --to {_PRIVATE[0]}; a public key has none")
    description = read_any_key(options.file, secret=secret_from(options), scheme=options.scheme, remark=remark)
    data = written(description.key, options.to)
    if options.output is None:
        say(data.decode().removesuffix("\n"))
    else:
        _write(options, data, what="public key", mode=0o644)
    return ACCEPTED


def _convert_private(options: Namespace) -> None:
    from custody.workflows.keys import reencrypted  # not for --help

    if options.output is None:
        raise UsageError("a private key is not printed; say where it goes with -o OUT")
    if options.scheme:
        raise UsageError("a private key file has no scheme; leave --scheme out")
    new_secret = secret_from(options, "new-")
    if not new_secret and not options.no_password:
        raise UsageError(
            "say what protects the new file, one of --new-password, --new-password-env NAME,"
            " --new-password-fd N and --no-password"
        )
    data = reencrypted(options.file, secret_from(options), new_secret, options.to)
    _write(options, data, what="private key", mode=0o600)


def _refuse_to_lose(options: Namespace) -> None:
    """A public key in the place of the private one that it was taken from: nobody could sign any more."""
    import os

    output = options.output
    both = output is not None and os.path.exists(output) and os.path.exists(options.file)
    if both and os.path.samefile(output, options.file):
        raise UsageError(f"OUT is IN itself, {output!r}; name another file")


def _new_password_given(options: Namespace) -> bool:
    return bool(secret_from(options, "new-")) or options.no_password


def _write(options: Namespace, data: bytes, *, what: str, mode: int) -> None:
    import os  # the public forms on stdout do without

    from custody.errors import StoreError
    from custody.files import write_file

    if os.path.lexists(options.output) and not options.force:
        raise StoreError(f"{options.output!r} exists already; replace it with --force")
    write_file(options.output, data, what=what, mode=mode, replace=options.force)
    say(f"{what} written to {printable(options.output)}")
