"""Show what is in a key file, or write a key in another form.

A key is a PEM file, public or private, the JSON by which layouts list public keys, a key of OpenSSH, cosign or in-toto
1.x, an OpenPGP public key as `gpg --export` writes it, or one in GnuPG's keyring, gpg:FINGERPRINT, or in a token,
pkcs11:token=TOKEN;object=LABEL or hsm:LABEL.

Examples:
  custody key show alice.pub
  custody key show --format json keys/*.pub
  custody key convert alice --to pem -o alice.pub
  custody key convert alice.pub --to metadata
  custody key convert alice --to private-pem --new-password -o alice.encrypted
  custody key convert ~/.ssh/id_ed25519.pub --to pem -o alice.pub
  custody key export 'pkcs11:token=custody;object=builder' -o builder.pub

"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.cli.exits import ACCEPTED
from custody.cli.key_convert import configure_convert
from custody.cli.key_export import configure_export
from custody.cli.key_keyless import configure_keyless, print_keyless
from custody.cli.key_options import add_password, add_scheme, remark, secret_from
from custody.cli.options import add_format
from custody.cli.output import printable, say, say_json

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


def configure(parser: ArgumentParser) -> None:
    """Add the arguments of `custody key`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    _configure_show(actions)
    configure_convert(actions)
    configure_export(actions)
    configure_keyless(actions)


def _configure_show(actions: _SubParsersAction[ArgumentParser]) -> None:
    show = actions.add_parser(
        "show",
        help="show type, scheme and ids of keys",
        description=_SHOW,
    )
    show.add_argument("files", nargs="+", metavar="FILE", help="public or private keys")
    add_format(show)
    add_password(show, of="encrypted private keys")
    add_scheme(show)
    show.set_defaults(execute=_show)


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
    if facts["kind"] == "keyless":
        print_keyless(facts)
        return
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
