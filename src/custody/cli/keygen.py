"""Make a key pair: NAME, the private key that signs, and NAME.pub, the public key that verifies.

Give NAME.pub to whoever should trust your signatures. Keep NAME to yourself; it can be read and written by
you alone (mode 0600). With --password it is encrypted, and whoever finds the file cannot sign with it.

With --pkcs11 a token makes the pair, and the private key never leaves it; NAME.pub is written if there is a
NAME. PKCS11_MODULE names the module that drives the token, and the PIN comes from PKCS11_PIN, or as passphrases do.

Nothing is overwritten without --force, and nothing on a token ever.

Examples:
  custody keygen alice
  custody keygen --password keys/owner
  custody keygen --type rsa --bits 4096 build
  custody keygen --password-env CI_PASSPHRASE ci
  custody keygen --pkcs11 'pkcs11:token=custody;object=builder' -t ecdsa builder

"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.cli.exits import ACCEPTED
from custody.cli.key_options import add_password, secret_from
from custody.cli.output import printable, say
from custody.errors import UsageError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

__all__ = ["configure"]

_TYPES = ("ed25519", "ecdsa", "ecdsa-p384", "ecdsa-p521", "rsa", "ml-dsa-65")


def configure(parser: ArgumentParser) -> None:
    """Add the arguments of `custody keygen`."""
    parser.add_argument("name", metavar="NAME", nargs="?", help="path of the private key; NAME.pub is made too")
    parser.add_argument(
        "--pkcs11",
        metavar="URI",
        help="make the pair on a token, as pkcs11:token=TOKEN;object=LABEL or hsm:LABEL; only NAME.pub is a file then",
    )
    parser.add_argument(
        "-t",
        "--type",
        choices=_TYPES,
        default="ed25519",
        metavar="TYPE",
        help="ed25519 (default), ecdsa (P-256), ecdsa-p384, ecdsa-p521, rsa or ml-dsa-65 (post-quantum)",
    )
    parser.add_argument("--bits", type=int, metavar="N", help="size of an RSA key, 2048 to 16384 (default: 3072)")
    add_password(parser, of="the new key, or the PIN of the token", more=("-p",))
    parser.add_argument("--force", action="store_true", help="replace NAME and NAME.pub if they exist")
    parser.set_defaults(execute=_execute)


def _execute(options: Namespace) -> int:
    if options.pkcs11 is not None:
        from custody.cli.keygen_token import generate_there  # few have a token

        return generate_there(options)
    if options.name is None:
        raise UsageError("what is the key to be called? write custody keygen NAME")
    from custody.signing.keypair import generate, require_free, write_pair  # not for --help

    secret = secret_from(options)
    require_free(options.name, replace=options.force)
    key = generate(options.type, bits=options.bits)
    passphrase = secret.for_new(repr(options.name)) if secret else None
    pair = write_pair(options.name, key, passphrase=passphrase, replace=options.force)
    how = "encrypted" if passphrase else "not encrypted"
    say(f"private key  {printable(pair.private_path)}  ({how}; keep it to yourself)")
    say(f"public key   {printable(pair.public_path)}  (give it to whoever verifies)")
    say(f"key id       {pair.public_key.keyid}")
    return ACCEPTED
