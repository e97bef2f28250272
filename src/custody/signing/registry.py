"""Which signing keys there are, by URI scheme. A registry is a value, built at start-up and passed on.

| URI | key |
|---|---|
| `file:PATH`, or a bare path | a PEM file, or one of OpenSSH, cosign or in-toto 1.x |
| `cosign:PATH` | a key file of cosign, and no other |
| `env:NAME` | PEM text in an environment variable |
| `fd:N` | PEM text read from an open descriptor |
| `gpg:FINGERPRINT`, `gpg:`, `gpg:FINGERPRINT?home=DIR` | a key in GnuPG's keyring |
| `pkcs11:token=TOKEN;object=LABEL`, `hsm:LABEL` | a key in a PKCS #11 token |
| `sigstore:`, `sigstore:?NAME=VALUE&...` | no key, but an identity: see `keyless_uri` |
| `awskms:`, `gcpkms:`, `azurekms:`, `hashivault:` | a key that a service keeps: see `kms_uri` |
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from custody.errors import UsageError
from custody.keys.key import ignore_remark
from custody.signing.keyfile import KeySigner, signer_of_file
from custody.signing.private_pem import MAX_KEY_BYTES
from custody.signing.secret import NO_SECRET, PIN_VARIABLE, read_descriptor
from custody.signing.signer import Request, Signer
from custody.value import Value

if TYPE_CHECKING:
    from custody.signing.secret import SecretSource

__all__ = ["Loader", "SignerRegistry", "default_registry", "environment_name", "load_signer"]

Loader = Callable[[str, Request], Signer]
"""Turns what follows the scheme of a URI into a signer."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(.*)", re.DOTALL)

_PEM = "-----BEGIN"


class SignerRegistry(Value):
    """The schemes that this installation can sign with."""

    loaders: Mapping[str, Loader]

    def with_scheme(self, scheme: str, loader: Loader) -> SignerRegistry:
        """Return a registry that knows one more scheme, or knows it differently."""
        return self.replace(loaders={**self.loaders, scheme: loader})

    def split(self, uri: str) -> tuple[str, str]:
        """Return the scheme and the rest of `uri`; a bare path has the scheme `file`.

        Raises:
            UsageError: nothing can be loaded by this scheme.

        """
        if not uri:
            raise UsageError("the signing key is empty; expected a file or a URI such as env:NAME")
        if _PEM in uri:
            raise UsageError(
                "the signing key is the text of a key, where everybody can read it; expected a file or a URI:"
                " with the text in an environment variable NAME, write env:NAME"
            )
        match = _SCHEME.fullmatch(uri)
        if match is None:
            return "file", uri
        scheme = match[1].lower()
        if scheme in self.loaders:
            return scheme, match[2]
        known = ", ".join(f"{name}:" for name in sorted(self.loaders))
        if os.path.lexists(uri):
            return "file", uri
        raise UsageError(f"no file {uri!r}, and '{scheme}:' is no kind of signing key; there are {known}")


def default_registry() -> SignerRegistry:
    """Return the registry of what every installation can do."""
    loaders: dict[str, Loader] = {
        **{scheme: _from_kms(scheme) for scheme in ("awskms", "azurekms", "gcpkms", "hashivault", "hv")},
        "cosign": _from_cosign,
        "env": _from_environment,
        "fd": _from_fd,
        "file": _from_file,
        "gpg": _from_gpg,
        "hsm": _from_hsm,
        "pkcs11": _from_pkcs11,
        "sigstore": _from_sigstore,
    }
    return SignerRegistry(loaders=loaders)


def load_signer(
    uri: str,
    secret: SecretSource = NO_SECRET,
    *,
    registry: SignerRegistry | None = None,
    scheme: str = "",
    remark: Callable[[str], None] = ignore_remark,
) -> Signer:
    """Return the signer that `uri` names; `secret` is asked only if its key is encrypted.

    `scheme` chooses among the schemes of an RSA key. `remark` is told what the owner of the key should know.

    Raises:
        UsageError: the URI makes no sense here, or a passphrase is needed and not given.
        StoreError: the key's file cannot be read.
        FormatError: it holds no key that can sign.
        SignatureError: the passphrase is wrong.

    """
    known = default_registry() if registry is None else registry
    kind, rest = known.split(uri)
    return known.loaders[kind](rest, Request(secret=secret, scheme=scheme, remark=remark))


def environment_name(uri: str) -> str:
    """Return the variable that holds the secret of a URI, the key or a token's PIN, else nothing.

    Commands that are run need not see it.
    """
    match = _SCHEME.fullmatch(uri)
    scheme = match[1].lower() if match else ""
    if match and scheme == "env":
        return match[2]
    return PIN_VARIABLE if scheme in {"pkcs11", "hsm"} else ""


def _from_file(rest: str, request: Request) -> Signer:
    path = rest
    if rest.startswith("//"):
        host, _, absolute = rest[2:].partition("/")
        if host not in {"", "localhost"}:
            raise UsageError(f"'file://{host}/...' is on another machine; write file:///PATH")
        from urllib.parse import unquote  # only this form is percent-encoded (RFC 8089)

        path = unquote(f"/{absolute}")
    if not path:
        raise UsageError("'file:' names no file; write file:PATH")
    return signer_of_file(path, request)


def _from_cosign(rest: str, request: Request) -> Signer:
    if not rest:
        raise UsageError("'cosign:' names no file; write cosign:PATH")
    return signer_of_file(rest, request, only_cosign=True)


def _from_environment(rest: str, request: Request) -> Signer:
    value = os.environ.get(rest) if rest else None
    if value is None:
        raise UsageError(f"the environment variable {rest!r} is not set; expected a private key in it")
    return KeySigner.from_pem(os.fsencode(value), f"env:{rest}", request)


def _from_fd(rest: str, request: Request) -> Signer:
    if not rest.isdecimal() or not rest.isascii():
        raise UsageError(f"'fd:{rest}' names no descriptor; write a number, as in fd:3")
    data = read_descriptor(int(rest), f"private key from descriptor {rest}", MAX_KEY_BYTES)
    return KeySigner.from_pem(data, f"fd:{rest}", request)


def _from_gpg(rest: str, request: Request) -> Signer:
    from custody.signing.gpg import GPGSigner, parse_uri  # starts processes, which others need not import

    if request.scheme:
        raise UsageError(f"an OpenPGP key has one scheme only; leave --scheme {request.scheme} out")
    if request.secret:
        request.remark("GnuPG's agent asks for the passphrase of a 'gpg:' key; the one given here is not for it")
    keyid, home = parse_uri(rest)
    return GPGSigner(keyid, home, remark=request.remark)


def _from_pkcs11(rest: str, request: Request) -> Signer:
    from custody.signing.pkcs11 import PKCS11Signer  # loads a module, which others need not
    from custody.signing.pkcs11_uri import read_uri

    return PKCS11Signer(read_uri(rest), request)


def _from_hsm(rest: str, request: Request) -> Signer:
    from custody.signing.pkcs11 import PKCS11Signer
    from custody.signing.pkcs11_uri import read_label

    return PKCS11Signer(read_label(rest), request)


def _from_sigstore(rest: str, request: Request) -> Signer:
    from custody.signing.keyless import KeylessSigner  # asks services, and imports much

    if request.scheme:
        raise UsageError(f"a keyless signature has one scheme only; leave --scheme {request.scheme} out")
    if request.secret:
        request.remark("a 'sigstore:' key has no passphrase; the one given here is not for it")
    return KeylessSigner(rest)


def _from_kms(scheme: str) -> Loader:
    def load(rest: str, request: Request) -> Signer:
        from custody.signing.kms import load_kms_signer  # asks a service

        return load_kms_signer(scheme, rest, request)

    return load
