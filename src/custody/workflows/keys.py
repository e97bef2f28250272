"""Reading keys from files of any kind, and turning one kind into another.

A public key is a PEM file (SubjectPublicKeyInfo), the JSON by which layouts list keys, an OpenPGP key as `gpg --export`
writes it, armoured or not, or one in GnuPG's keyring: `gpg:FINGERPRINT`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from custody.encoding.fields import as_object
from custody.encoding.strict import read_json, write_json
from custody.errors import FormatError, UsageError
from custody.files import read_file
from custody.keys.document import read_key, write_key
from custody.keys.keyid import legacy_keyid_of
from custody.keys.openpgp_forms import MAX_CERTIFICATE_BYTES, is_openpgp
from custody.keys.pem import spki_of_pem, write_pem
from custody.keys.public import PublicKey, key_of_spki, make_key
from custody.signing.keyfile import public_key_of, read_key_bytes
from custody.signing.private_pem import read_private_key, write_private_key
from custody.signing.secret import NO_SECRET
from custody.signing.signer import ignore_remark
from custody.value import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from custody.encoding.fields import Fields
    from custody.keys.key import Key
    from custody.keys.openpgp import OpenPGPKey
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

_GPG = "gpg:"

_REMEDIES = {
    "-----BEGIN CERTIFICATE-----": (
        "a certificate",
        "take its key out: openssl x509 -pubkey -noout -in CERTIFICATE",
    ),
    "-----BEGIN RSA PUBLIC KEY-----": (
        "the older form 'RSA PUBLIC KEY'",
        "convert it: openssl rsa -RSAPublicKey_in -pubout -in FILE",
    ),
    "-----BEGIN PGP PRIVATE ": ("a private OpenPGP key", "export the public one: gpg --export --armor FINGERPRINT"),
    "-----BEGIN PGP ": ("something else of OpenPGP", "export the key: gpg --export --armor FINGERPRINT"),
    "---- BEGIN SSH2 ": ("an OpenSSH public key", "convert it: ssh-keygen -e -m PKCS8 -f FILE"),
    "ssh-": ("an OpenSSH public key", "convert it: ssh-keygen -e -m PKCS8 -f FILE"),
    "ecdsa-sha2-": ("an OpenSSH public key", "convert it: ssh-keygen -e -m PKCS8 -f FILE"),
}


class KeyDescription(Value):
    """What can be said about a key without using it."""

    key: Key
    private: bool

    @property
    def legacy_keyid(self) -> str:
        """The key id as the Go implementation computes it; an OpenPGP key has its fingerprint only."""
        if not isinstance(self.key, PublicKey):
            return self.key.keyid
        return legacy_keyid_of(self.key.keytype, self.key.scheme, self.key.public)


def read_public_key(path: str, *, scheme: str = "", remark: Callable[[str], None] = ignore_remark) -> Key:
    """Return the public key in the file `path`, PEM, JSON or OpenPGP, under the id that the reference gives it.

    `path` may be a `gpg:` URI. `scheme` chooses among the schemes of an RSA key in PEM; the others say their own.
    `remark` is told which subkeys of an OpenPGP key are left out.

    Raises:
        StoreError: the file cannot be read.
        FormatError: it holds no public key; a private key is refused too.
        UsageError: there is no gpg, or no such key in its keyring.

    """
    rest = _gpg_uri(path)
    if rest is not None:
        return _of_scheme(_from_gpg(rest, remark), path, scheme)
    data = read_file(path, what="public key", limit=MAX_CERTIFICATE_BYTES)
    return _public_key(data, path, scheme, remark)


def read_public_keys(paths: Iterable[str], *, remark: Callable[[str], None] = ignore_remark) -> tuple[Key, ...]:
    """Return the keys in the files `paths`, each key's material once."""
    found: dict[str, Key] = {}
    for path in paths:
        key = read_public_key(path, remark=remark)
        found.setdefault(key.identity, key)
    return tuple(found.values())


def read_any_key(
    path: str,
    *,
    secret: SecretSource = NO_SECRET,
    scheme: str = "",
    remark: Callable[[str], None] = ignore_remark,
) -> KeyDescription:
    """Return what the file `path` holds, a public or a private key; only an encrypted one asks `secret`."""
    if _gpg_uri(path) is not None:
        return KeyDescription(key=read_public_key(path, scheme=scheme, remark=remark), private=False)
    data = read_key_bytes(path, what="key", limit=MAX_CERTIFICATE_BYTES)
    if b"PRIVATE KEY-----" in data:
        private = read_private_key(data, path, secret)
        return KeyDescription(key=public_key_of(private, path, scheme=scheme), private=True)
    return KeyDescription(key=_public_key(data, path, scheme, remark), private=False)


def describe_key(description: KeyDescription) -> dict[str, object]:
    """Return the facts about a key as plain data, the same names in every report."""
    key = description.key
    facts: dict[str, object] = {
        "kind": "private" if description.private else "public",
        "keytype": key.keytype,
        "scheme": key.scheme,
        "bits": _bits(key),
        "keyid": key.keyid,
        "keyid_go": description.legacy_keyid,
        "spki_sha256": key.identity,
    }
    return facts if isinstance(key, PublicKey) else facts | _openpgp_facts(key)


def written(key: Key, form: str) -> bytes:
    """Return `key` as `pem` or as `metadata`, the JSON by which layouts list keys.

    Raises:
        UsageError: an OpenPGP key in PEM would be another key, which verifies none of its signatures.

    """
    if form == "pem":
        if not isinstance(key, PublicKey):
            raise UsageError("an OpenPGP key in PEM would verify none of its signatures; write --to metadata")
        return write_pem(key.spki).encode()
    return write_json(write_key(key)) + b"\n"


def reencrypted(path: str, secret: SecretSource, new_secret: SecretSource) -> bytes:
    """Return the private key in `path` as PKCS8 PEM under the passphrase of `new_secret`, or none without one."""
    key = read_private_key(read_key_bytes(path), path, secret)
    return write_private_key(key, new_secret.for_new(repr(path)) if new_secret else None)


def _public_key(data: bytes, path: str, scheme: str, remark: Callable[[str], None]) -> Key:
    if is_openpgp(data):
        return _of_scheme(_from_certificate(data, path, remark), path, scheme)
    is_json = data.lstrip()[:1] == b"{"
    return _of_scheme(_from_metadata(data, path) if is_json else _from_pem(data, path, scheme), path, scheme)


def _gpg_uri(path: str) -> str | None:
    """Return what follows `gpg:`, None if `path` is no such URI."""
    return path[len(_GPG) :] if path[: len(_GPG)].lower() == _GPG else None


def _from_gpg(rest: str, remark: Callable[[str], None]) -> Key:
    from custody.signing.gpg import export_key, parse_uri  # starts processes

    keyid, home = parse_uri(rest)
    return export_key(keyid, home, remark=remark)


def _from_certificate(data: bytes, path: str, remark: Callable[[str], None]) -> Key:
    from custody.keys.openpgp_certificate import read_certificate  # few keys are OpenPGP's

    return read_certificate(data, path, at=datetime.now(UTC), remark=remark)


def _of_scheme(key: Key, path: str, scheme: str) -> Key:
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


def _openpgp_facts(key: OpenPGPKey) -> dict[str, object]:
    from custody.encoding.instants import write_instant

    return {
        "created": write_instant(datetime.fromtimestamp(key.created, UTC)),
        "expires": write_instant(key.expires) if key.expires is not None else None,
        "subkeys": [_subkey_facts(subkey) for subkey in key.subkeys or ()],
    }


def _subkey_facts(key: OpenPGPKey) -> dict[str, object]:
    return {
        "keytype": key.keytype,
        "scheme": key.scheme,
        "bits": _bits(key),
        "keyid": key.keyid,
        **_openpgp_facts(key.replace(subkeys=None)),
    }


def _from_metadata(data: bytes, path: str) -> Key:
    """Return the key of a JSON file; its key id is a label that anybody may choose, so it is computed anew (D3)."""
    try:
        # Old tools leave the id out; an OpenPGP key's is its fingerprint, and is checked.
        document = {"keyid": "none", **as_object(read_json(data), "")}
        key = read_key(document, "", refuse_unknown=_refuse_unknown)
    except FormatError as error:
        raise error.within(path) from None
    if not isinstance(key, PublicKey):
        return key
    return make_key(keytype=key.keytype, scheme=key.scheme, public=key.public, where=path)


def _refuse_unknown(fields: Fields) -> None:
    for where, _ in fields.unknown():
        raise FormatError("unknown field", where=where, remedy="is this the JSON of one key?")


def _bits(key: Key) -> int:
    if key.keytype in {"ed25519", "eddsa"}:
        return 256
    from custody.keys.pem import load_spki  # slow imports behind it

    return int(getattr(load_spki(key.spki), "key_size", 0))
