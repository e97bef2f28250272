"""`in-toto-keygen`: make a key pair, as releases before 2.2 did and guides still ask for."""

from __future__ import annotations

import os
import sys

from in_toto._boundary.arguments import finish

TYPE_CHECKING = False  # known to checkers; importing it from `typing` takes longer than this module
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

__all__ = ["create_parser", "main"]

_PROGRAM = "in-toto-keygen"

_RSA = "rsa"

_DESCRIPTION = """\
Make a key pair: NAME, the private key to sign with, and NAME.pub, the public key for
whoever verifies. Both are PEM files (PKCS8 and SubjectPublicKeyInfo). The private key
can be read by its owner only, and is encrypted if a password is asked for.

A file that exists is never overwritten.

The exit code is 0 if both files were written, 1 if nothing was, 2 if the arguments
make no sense."""

_EXAMPLES = """\
Examples:

  {prog} alice
  {prog} --type ed25519 keys/owner
  {prog} -t rsa -b 4096 -p build
"""


def create_parser() -> ArgumentParser:
    """Return the parser of the command."""
    from custody.signing.keypair import DEFAULT_RSA_BITS
    from in_toto._boundary import arguments

    parser = arguments.new_parser(_DESCRIPTION, _EXAMPLES)
    groups = arguments.groups_of(parser)
    groups.positional.add_argument("name", metavar="<name>", help="the path of the private key")
    groups.options.add_argument(
        "-t",
        "--type",
        choices=(_RSA, "ed25519", "ecdsa"),
        default=_RSA,
        metavar="<type>",
        help="rsa (default), ed25519 or ecdsa (P-256)",
    )
    groups.options.add_argument(
        "-b", "--bits", type=int, metavar="<bits>", help=f"the size of an RSA key (default: {DEFAULT_RSA_BITS})"
    )
    groups.options.add_argument("-p", "--prompt", action="store_true", help="ask for a password and encrypt the key")
    arguments.add_loudness(groups)
    arguments.add_version(groups, _PROGRAM)
    return parser


def main() -> None:
    """Make the key pair that the command line describes, and exit."""
    from in_toto._boundary import arguments

    if arguments.version_was_asked(_PROGRAM):
        sys.exit(0)
    options = arguments.parse(_PROGRAM, create_parser())
    finish(_PROGRAM, lambda: _make(options))


def _make(options: Namespace) -> int:
    from custody.signing.keypair import generate, write_pair
    from custody.signing.secret import SecretSource
    from in_toto._boundary import talk
    from in_toto._boundary.failures import Translated

    bits = options.bits
    if bits is not None and options.type != _RSA:
        talk.warning("in_toto", f"a key of type {options.type} has one size only; '--bits {bits}' is ignored")
        bits = None
    _require_free(options.name)
    with Translated():
        key = generate(options.type, bits=bits)
        passphrase = SecretSource(prompt=True).for_new(repr(options.name)) if options.prompt else None
        os.makedirs(os.path.dirname(options.name) or ".", mode=0o700, exist_ok=True)
        pair = write_pair(options.name, key, passphrase=passphrase)
    talk.info("in_toto", f"Wrote {pair.private_path!r} and {pair.public_path!r}, key id {pair.public_key.keyid}")
    return 0


def _require_free(name: str) -> None:
    """Refuse a name under which there is a key: asked first, since no password should be chosen in vain."""
    for path in (name, f"{name}.pub"):
        if os.path.lexists(path):
            raise FileExistsError(f"{path!r} exists already and is left as it is; choose another name")


if __name__ == "__main__":
    main()
