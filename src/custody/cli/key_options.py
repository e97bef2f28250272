"""Options for keys that several commands share, and what they mean.

A secret never sits in argv, where everybody on the machine can read it: a passphrase is asked for, or read from an
environment variable or a descriptor.
"""

from __future__ import annotations

from argparse import SUPPRESS
from typing import TYPE_CHECKING

from custody.cli.options import add_list
from custody.cli.output import printable, warn
from custody.errors import UsageError
from custody.keys.schemes import RSA_SCHEMES

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace, _ArgumentGroup

    from custody.keys.key import Key
    from custody.signing.secret import SecretSource
    from custody.signing.signer import Signer

__all__ = [
    "add_password",
    "add_scheme",
    "add_signing_key",
    "add_signing_keys",
    "add_verification_keys",
    "remark",
    "secret_from",
    "secret_variables",
    "signer_from",
    "signers_from",
    "verification_keys_from",
]

_SIGNING = ("--signing-key", "-k", "--key")
_SIGNING_HELP = (
    "the private key: a file (PEM, OpenSSH, cosign), env:NAME (PEM in an environment variable), fd:N (PEM from a"
    " descriptor), gpg:FINGERPRINT (GnuPG's; gpg: alone is its default key), pkcs11:token=TOKEN;object=LABEL or"
    " hsm:LABEL (a token's), awskms:, gcpkms:, azurekms:, hashivault: (a cloud's), or sigstore: (an identity, no key)"
)


def add_signing_key(parser: ArgumentParser) -> None:
    """Add `--signing-key` with what opens it; `signer_from` reads them."""
    parser.add_argument(*_SIGNING, dest="signing_key", metavar="URI", help=_SIGNING_HELP)
    parser.add_argument("--key-path", dest="signing_key", help=SUPPRESS)  # an older spelling
    add_password(parser, of="the signing key")
    add_scheme(parser)
    _add_certificate(parser)


def add_signing_keys(parser: ArgumentParser) -> None:
    """Add `--signing-key` for several keys with what opens them; `signers_from` reads them."""
    add_list(parser, *_SIGNING, dest="signing_keys", metavar="URI", help=_SIGNING_HELP)
    # -p and --prompt are what the reference's sign command calls it.
    add_password(parser, of="the signing keys", more=("-p", "--prompt"))
    add_scheme(parser)
    _add_certificate(parser)


def _add_certificate(parser: ArgumentParser) -> None:
    parser.add_argument(
        "-c",
        "--cert",
        metavar="FILE",
        help="put the certificate (PEM) of the signing key beside the signature, for steps with cert_constraints",
    )
    parser.add_argument(
        "--timestamp-server",
        metavar="URL",
        help="put an authority's timestamp (RFC 3161) beside it, too, so that it outlasts the certificate",
    )


def add_password(parser: ArgumentParser, *, of: str, prefix: str = "", more: tuple[str, ...] = ()) -> _ArgumentGroup:
    """Add `--password`, `--password-env` and `--password-fd` and return their group, of which one may be given.

    `secret_from` reads them.
    """
    short = () if prefix else ("-P",)
    name = f"{prefix}password".replace("-", "_")
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        *short,
        f"--{prefix}password",
        *more,
        dest=name,
        action="store_true",
        help=f"ask on the terminal for the passphrase of {of} (it is never given in the command line)",
    )
    group.add_argument(
        f"--{prefix}password-env",
        dest=f"{name}_env",
        metavar="NAME",
        help="take the passphrase from the environment variable NAME",
    )
    group.add_argument(
        f"--{prefix}password-fd",
        dest=f"{name}_fd",
        metavar="N",
        type=int,
        help="read the passphrase from the first line of the open descriptor N",
    )
    return group


def add_scheme(parser: ArgumentParser) -> None:
    """Add `--scheme`, the signature scheme of an RSA key."""
    parser.add_argument(
        "--scheme",
        choices=tuple(RSA_SCHEMES),
        default="",
        metavar="SCHEME",
        help=f"the signature scheme of an RSA key: {', '.join(RSA_SCHEMES)} (default: the first)",
    )


def add_verification_keys(parser: ArgumentParser | _ArgumentGroup) -> None:
    """Add `--verification-keys`; `verification_keys_from` reads them."""
    add_list(
        parser,
        "--verification-keys",
        "--layout-keys",
        "--layout-key",
        dest="verification_keys",
        metavar="PATH",
        help="public keys: PEM files, or JSON as layouts list keys",
    )
    parser.add_argument(
        "--trusted-root",
        default="",
        metavar="FILE",
        help="who vouches for keyless functionaries and owners (default: the public Sigstore instance)",
    )


def secret_from(options: Namespace, prefix: str = "") -> SecretSource:
    """Return where the passphrase comes from; nothing is asked or read yet."""
    from custody.signing.secret import SecretSource  # what is shared with `verify` does without

    name = f"{prefix}password".replace("-", "_")
    environment = getattr(options, f"{name}_env")
    descriptor = getattr(options, f"{name}_fd")
    if environment == "":
        raise UsageError(f"--{prefix}password-env needs the name of a variable, got an empty one")
    if environment and not (environment.isascii() and environment.isidentifier()):
        raise UsageError(f"--{prefix}password-env takes the name of a variable, not the passphrase itself")
    if descriptor is not None and descriptor < 0:
        raise UsageError(f"--{prefix}password-fd: expected a number from 0, got {descriptor}")
    return SecretSource(prompt=getattr(options, name), environment=environment or "", descriptor=descriptor)


def signer_from(options: Namespace) -> Signer:
    """Return the signer of `--signing-key`; what its owner should know is printed as a warning."""
    if not options.signing_key:
        raise UsageError("expected a signing key: --signing-key FILE (`custody keygen alice` makes one)")
    return _certified(_load(options.signing_key, options, secret_from(options)), options)


def signers_from(options: Namespace) -> tuple[Signer, ...]:
    """Return the signers of every `--signing-key`; they share one source of passphrases."""
    if not options.signing_keys:
        raise UsageError("expected at least one signing key: --signing-key FILE (`custody keygen alice` makes one)")
    secret = secret_from(options)
    if options.cert is not None and len(options.signing_keys) > 1:
        raise UsageError("--cert is for one signing key, and there are several; sign with one after the other")
    return tuple(_certified(_load(uri, options, secret), options) for uri in options.signing_keys)


def secret_variables(options: Namespace, signer: Signer | None = None) -> frozenset[str]:
    """Return the environment variables that hold secrets here: a command that is run must not inherit them.

    `signer` adds those that it was opened with, although no option names them.
    """
    from custody.signing.registry import environment_name  # slow only where nothing is signed

    uris = [getattr(options, "signing_key", None), *getattr(options, "signing_keys", ())]
    names = {environment_name(uri) for uri in uris if uri}
    opened: frozenset[str] = getattr(signer, "withheld", frozenset())
    return frozenset((names | opened | {options.password_env or ""}) - {""})


def verification_keys_from(options: Namespace) -> tuple[Key, ...]:
    """Return the keys of `--verification-keys`, each key's material once."""
    from custody.workflows.keys import read_public_keys  # only commands that verify
    from custody.workflows.trust import trust_in

    return read_public_keys(options.verification_keys, remark=remark, trust=trust_in(options.trusted_root))


def remark(text: str) -> None:
    """Print what the owner of a key should know as a warning."""
    warn(printable(text))


def _load(uri: str, options: Namespace, secret: SecretSource) -> Signer:
    from custody.signing.registry import load_signer  # only commands that sign

    return load_signer(uri, secret, scheme=options.scheme, remark=remark)


def _certified(signer: Signer, options: Namespace) -> Signer:
    if options.cert is None:
        if options.timestamp_server is not None:
            raise UsageError("--timestamp-server is for a signature with a certificate; give --cert, or leave it out")
        return signer
    from datetime import UTC, datetime

    from custody.signing.certified import certify  # few keys have certificates

    if not options.cert:
        raise UsageError("--cert: expected a file, got an empty name; leave the option out, or check the variable")
    stamp = None
    if options.timestamp_server is not None:
        from custody.signing.timestamping import timestamper

        stamp = timestamper(options.timestamp_server)
    return certify(signer, options.cert, at=datetime.now(UTC), remark=remark, timestamp=stamp)
