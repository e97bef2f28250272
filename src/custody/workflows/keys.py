"""Reading keys from files of any kind, and turning one kind into another.

A public key is a PEM file (SubjectPublicKeyInfo) or the JSON by which layouts list keys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.encoding.fields import as_object
from custody.encoding.strict import read_json, write_json
from custody.errors import FormatError
from custody.files import read_file
from custody.keys.document import read_key, write_key
from custody.keys.keyid import legacy_keyid_of
from custody.keys.pem import MAX_PEM_BYTES, spki_of_pem, write_pem
from custody.keys.public import PublicKey, key_of_spki, make_key
from custody.signing.keyfile import public_key_of, read_key_bytes
from custody.signing.private_pem import read_private_key, write_private_key
from custody.signing.secret import NO_SECRET
from custody.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterable

    from custody.encoding.fields import Fields
    from custody.signing.secret import SecretSource

__all__ = [
    "KeyDescription",
    "describe_key",
    "read_any_key",
    "read_public_key",
    "read_public_keys",
    "reencrypted",
    "written",
]

_REMEDIES = {
    "-----BEGIN CERTIFICATE-----": (
        "a certificate",
        "take its key out: openssl x509 -pubkey -noout -in CERTIFICATE",
    ),
    "-----BEGIN RSA PUBLIC KEY-----": (
        "the older form 'RSA PUBLIC KEY'",
        "convert it: openssl rsa -RSAPublicKey_in -pubout -in FILE",
    ),
    "-----BEGIN PGP ": ("an OpenPGP key", "OpenPGP keys are not supported"),
    "---- BEGIN SSH2 ": ("an OpenSSH public key", "convert it: ssh-keygen -e -m PKCS8 -f FILE"),
    "ssh-": ("an OpenSSH public key", "convert it: ssh-keygen -e -m PKCS8 -f FILE"),
    "ecdsa-sha2-": ("an OpenSSH public key", "convert it: ssh-keygen -e -m PKCS8 -f FILE"),
}


class KeyDescription(Value):
    """What can be said about a key without using it."""

    key: PublicKey
    private: bool

    @property
    def legacy_keyid(self) -> str:
        """The key id as the Go implementation computes it."""
        return legacy_keyid_of(self.key.keytype, self.key.scheme, self.key.public)


def read_public_key(path: str, *, scheme: str = "") -> PublicKey:
    """Return the public key in the file `path`, PEM or JSON, under the id that the reference gives it.

    `scheme` chooses among the schemes of an RSA key in PEM; JSON says its own.

    Raises:
        StoreError: the file cannot be read.
        FormatError: it holds no public key; a private key is refused too.

    """
    data = read_file(path, what="public key", limit=MAX_PEM_BYTES)
    return _public_key(data, path, scheme)


def read_public_keys(paths: Iterable[str]) -> tuple[PublicKey, ...]:
    """Return the keys in the files `paths`, each key's material once."""
    found: dict[str, PublicKey] = {}
    for path in paths:
        key = read_public_key(path)
        found.setdefault(key.identity, key)
    return tuple(found.values())


def read_any_key(path: str, *, secret: SecretSource = NO_SECRET, scheme: str = "") -> KeyDescription:
    """Return what the file `path` holds, a public or a private key; only an encrypted one asks `secret`."""
    data = read_key_bytes(path, what="key")
    if b"PRIVATE KEY-----" in data:
        private = read_private_key(data, path, secret)
        return KeyDescription(key=public_key_of(private, path, scheme=scheme), private=True)
    return KeyDescription(key=_public_key(data, path, scheme), private=False)


def describe_key(description: KeyDescription) -> dict[str, object]:
    """Return the facts about a key as plain data, the same names in every report."""
    key = description.key
    return {
        "kind": "private" if description.private else "public",
        "keytype": key.keytype,
        "scheme": key.scheme,
        "bits": _bits(key),
        "keyid": key.keyid,
        "keyid_go": description.legacy_keyid,
        "spki_sha256": key.identity,
    }


def written(key: PublicKey, form: str) -> bytes:
    """Return `key` as `pem` or as `metadata`, the JSON by which layouts list keys."""
    if form == "pem":
        return write_pem(key.spki).encode()
    return write_json(write_key(key)) + b"\n"


def reencrypted(path: str, secret: SecretSource, new_secret: SecretSource) -> bytes:
    """Return the private key in `path` as PKCS8 PEM under the passphrase of `new_secret`, or none without one."""
    key = read_private_key(read_key_bytes(path), path, secret)
    return write_private_key(key, new_secret.for_new(repr(path)) if new_secret else None)


def _public_key(data: bytes, path: str, scheme: str) -> PublicKey:
    is_json = data.lstrip()[:1] == b"{"
    key = _from_metadata(data, path) if is_json else _from_pem(data, path, scheme)
    if scheme and key.scheme != scheme:
        raise FormatError(f"the key is for the scheme {key.scheme}, not for {scheme}", where=path)
    return key


def _from_pem(data: bytes, path: str, scheme: str) -> PublicKey:
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError:
        raise FormatError(
            "expected a public key as PEM text, got bytes",
            where=path,
            remedy="PEM is plain ASCII, without a byte order mark",
        ) from None
    for beginning, (found, remedy) in _REMEDIES.items():
        if text.lstrip().startswith(beginning):
            raise FormatError(f"expected a public key in PEM, got {found}", where=path, remedy=remedy)
    spki = spki_of_pem(text, path)
    key = key_of_spki(spki, path)
    return key_of_spki(spki, path, scheme=scheme) if scheme and key.keytype == "rsa" else key


def _from_metadata(data: bytes, path: str) -> PublicKey:
    """Return the key of a JSON file; its key id is a label that anybody may choose, so it is computed anew (D3)."""
    try:
        document = {"keyid": "none", **as_object(read_json(data), "")}  # old tools leave it out
        key = read_key(document, "", refuse_unknown=_refuse_unknown)
    except FormatError as error:
        raise error.within(path) from None
    return make_key(keytype=key.keytype, scheme=key.scheme, public=key.public, where=path)


def _refuse_unknown(fields: Fields) -> None:
    for where, _ in fields.unknown():
        raise FormatError("unknown field", where=where, remedy="is this the JSON of one key?")


def _bits(key: PublicKey) -> int:
    if key.keytype == "ed25519":
        return 256
    from custody.keys.pem import load_spki  # slow imports behind it

    return int(getattr(load_spki(key.spki), "key_size", 0))
