"""Show what is in a key file, or write a key in another form.

A key is a PEM file, public or private, the JSON by which layouts list public keys, an OpenPGP public key as
`gpg --export` writes it, or one in GnuPG's keyring: gpg:FINGERPRINT.

Examples:
  custody key show alice.pub
  custody key show --format json keys/*.pub
  custody key convert alice --to pem -o alice.pub
  custody key convert alice.pub --to metadata
  custody key convert alice --to private-pem --new-password -o alice.encrypted

"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.cli.exits import ACCEPTED
from custody.cli.key_options import add_password, add_scheme, remark, secret_from
from custody.cli.options import add_format
from custody.cli.output import printable, say, say_json
from custody.errors import UsageError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace, _SubParsersAction
    from collections.abc import Mapping
    from typing import Any

    from custody.workflows.keys import KeyDescription

__all__ = ["configure"]

_SHOW = """Show type, scheme and names of keys; a private key is described by its public half.

A key has two ids in the world: 'key id' is what custody and the in-toto reference write, 'key id (Go)' what
the Go implementation and old releases write. Both are accepted everywhere. 'SPKI SHA-256' is the fingerprint
of the key itself, as `openssl pkey -pubin -outform DER | sha256sum` computes it.

An OpenPGP key has its fingerprint as its only id. It is shown with its subkeys that may sign; whatever has
expired, is revoked or is for encryption only does not count, and is left out.

Examples:
  custody key show alice.pub bob.pub
  custody key show --password keys/owner
  custody key show gpg:0C4DF3BBEB2BC7B1F1CE5ED2D6E8DC6D1A3F7F5C
"""

_CONVERT = r"""Write the key in IN in another form.

  pem          the public key as PEM (SubjectPublicKeyInfo), also out of a
               private key or JSON
  metadata     the public key as JSON, as layouts list keys
  private-pem  the private key as PEM (PKCS8), under another passphrase or none

Public forms go to the terminal or to OUT, a private key only to OUT, mode 0600. For private-pem say
what protects the new file: --new-password, --new-password-env, --new-password-fd or --no-password.

Examples:
  custody key convert alice --to pem -o alice.pub
  custody key convert owner.json --to pem
  custody key convert build.pub --to metadata --scheme rsassa-pss-sha512
  custody key convert gpg: --to metadata -o alice.json
  custody key convert alice --password --to private-pem --new-password \
      -o alice --force
"""

_PRIVATE = "private-pem"


def configure(parser: ArgumentParser) -> None:
    """Add the arguments of `custody key`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    _configure_show(actions, parser)
    _configure_convert(actions, parser)


def _configure_show(actions: _SubParsersAction[ArgumentParser], parser: ArgumentParser) -> None:
    show = actions.add_parser(
        "show",
        help="show type, scheme and ids of keys",
        description=_SHOW,
        formatter_class=parser.formatter_class,
        allow_abbrev=False,
    )
    show.add_argument("files", nargs="+", metavar="FILE", help="public or private keys")
    add_format(show)
    add_password(show, of="encrypted private keys")
    add_scheme(show)
    show.set_defaults(execute=_show)


def _configure_convert(actions: _SubParsersAction[ArgumentParser], parser: ArgumentParser) -> None:
    convert = actions.add_parser(
        "convert",
        help="write a key in another form",
        description=_CONVERT,
        formatter_class=parser.formatter_class,
        allow_abbrev=False,
    )
    convert.usage = "custody key convert IN --to {pem,metadata,private-pem} [-o OUT] [options]"
    convert.add_argument("file", metavar="IN", help="a public or private key")
    convert.add_argument("--to", required=True, choices=("pem", "metadata", _PRIVATE), help="the form to write")
    convert.add_argument("-o", "--output", metavar="OUT", help="the file to write (default: terminal)")
    convert.add_argument("--force", action="store_true", help="replace OUT if it exists")
    add_password(convert, of="IN, if it is encrypted")
    protection = add_password(convert, of="the new private key", prefix="new-")
    protection.add_argument("--no-password", action="store_true", help="write the new private key unencrypted")
    add_scheme(convert)
    convert.set_defaults(execute=_convert)


def _show(options: Namespace) -> int:
    from custody.workflows.keys import describe_key, read_any_key  # not for --help

    secret = secret_from(options)
    found = [(path, read_any_key(path, secret=secret, scheme=options.scheme, remark=remark)) for path in options.files]
    if options.format == "json":
        keys = [{"file": path, **describe_key(description)} for path, description in found]
        say_json(keys)
        return ACCEPTED
    for path, description in found:
        _print(path, description)
    return ACCEPTED


def _print(path: str, description: KeyDescription) -> None:
    from custody.workflows.keys import describe_key

    facts = describe_key(description)
    say(f"{printable(path)}")
    say(f"  {facts['kind']} key, {facts['keytype']}, {facts['bits']} bits")
    say(f"  scheme        {facts['scheme']}")
    say(f"  key id        {facts['keyid']}")
    if "subkeys" in facts:
        _print_openpgp(facts)
        return
    say(f"  key id (Go)   {facts['keyid_go']}")
    say(f"  SPKI SHA-256  {facts['spki_sha256']}")


def _print_openpgp(facts: Mapping[str, Any]) -> None:
    say(f"  SPKI SHA-256  {facts['spki_sha256']}")
    say(f"  valid         {_validity(facts)}")
    for subkey in facts["subkeys"]:
        say(f"  subkey        {subkey['keyid']}")
        say(f"                {subkey['keytype']}, {subkey['bits']} bits, {_validity(subkey)}")


def _validity(facts: Mapping[str, Any]) -> str:
    return f"from {facts['created']} to {facts['expires']}" if facts["expires"] else f"from {facts['created']} on"


def _convert(options: Namespace) -> int:
    if options.to == _PRIVATE:
        _convert_private(options)
        return ACCEPTED
    from custody.workflows.keys import read_any_key, written  # not for --help

    _refuse_to_lose(options)
    if _new_password_given(options):
        raise UsageError(f"a new passphrase is for --to {_PRIVATE}; a public key has none")
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
        raise UsageError("a PEM file has no scheme; leave --scheme out")
    new_secret = secret_from(options, "new-")
    if not new_secret and not options.no_password:
        raise UsageError(
            "say what protects the new file, one of --new-password, --new-password-env NAME,"
            " --new-password-fd N and --no-password"
        )
    data = reencrypted(options.file, secret_from(options), new_secret)
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
