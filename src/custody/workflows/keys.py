"""Reading keys from files of any kind, and turning one kind into another.

A public key is a PEM file (SubjectPublicKeyInfo), the JSON by which layouts list keys, an OpenPGP key as `gpg --export`
writes it, armoured or not, or one that is elsewhere: `gpg:FINGERPRINT`, `pkcs11:token=TOKEN;object=LABEL`, `hsm:LABEL`,
`awskms:`, `gcpkms:`, `azurekms:`, `hashivault:`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.encoding.fields import as_object
from custody.encoding.strict import read_json, write_json
from custody.errors import FormatError, UsageError
from custody.files import read_file
from custody.keys.document import read_key, write_key
from custody.keys.key import as_keyless, as_openpgp, ignore_remark, trusting
from custody.keys.keyid import legacy_keyid_of
from custody.keys.openpgp_forms import MAX_CERTIFICATE_BYTES, is_openpgp
from custody.keys.pem import OPENSSH_BEGINNINGS, spki_of_pem, write_pem
from custody.keys.public import PublicKey, key_of_spki, make_key
from custody.value import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from custody.encoding.fields import Fields
    from custody.keys.key import Key, Trust
    from custody.keys.keyless import KeylessKey
    from custody.keys.openpgp import OpenPGPKey
    from custody.signing.secret import SecretSource

__all__ = [
    "KeyDescription",
    "describe_key",
    "is_elsewhere",
    "read_any_key",
    "read_public_key",
    "read_public_keys",
    "reencrypted",
    "written",
]

_ELSEWHERE = frozenset({"awskms", "azurekms", "gcpkms", "gpg", "hashivault", "hsm", "hv", "pkcs11"})
"""Schemes of URIs that name public keys which are in no file."""

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
    "---- BEGIN SSH2 ": ("the form of other SSH programs (RFC 4716)", "convert it: ssh-keygen -i -f FILE"),
}

_MLDSA_BITS = 8 * 1952
_KEYLESS = "sigstore-oidc"


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


def read_public_key(
    path: str,
    *,
    secret: SecretSource | None = None,
    scheme: str = "",
    remark: Callable[[str], None] = ignore_remark,
) -> Key:
    """Return the public key in the file `path`, PEM, JSON or OpenPGP, under the id that the reference gives it.

    `path` may be a URI of a key elsewhere. `scheme` chooses among the schemes of an RSA key in PEM or a token; the
    others say their own. `remark` is told which subkeys of an OpenPGP key are left out. `secret` is the PIN of a token
    that hides its public keys.

    Raises:
        StoreError: the file cannot be read.
        FormatError: it holds no public key; a private key is refused too.
        UsageError: there is no such key elsewhere, or no way to it.

    """
    if is_elsewhere(path):
        return _of_scheme(_from_elsewhere(path, secret, scheme, remark), path, scheme)
    data = read_file(path, what="public key", limit=MAX_CERTIFICATE_BYTES)
    return _public_key(data, path, scheme, remark)


def read_public_keys(
    paths: Iterable[str], *, remark: Callable[[str], None] = ignore_remark, trust: Trust | None = None
) -> tuple[Key, ...]:
    """Return the keys in the files `paths`, each key's material once.

    `trust` returns who vouches for identities in the place of keys; without it nobody does.
    """
    found: dict[str, Key] = {}
    for path in paths:
        key = trusting(read_public_key(path, remark=remark), trust)
        found.setdefault(key.identity, key)
    return tuple(found.values())


def read_any_key(
    path: str,
    *,
    secret: SecretSource | None = None,
    scheme: str = "",
    remark: Callable[[str], None] = ignore_remark,
) -> KeyDescription:
    """Return what the file `path` holds, a public or a private key; an encrypted one asks `secret`, if there is any."""
    if is_elsewhere(path):
        return KeyDescription(key=read_public_key(path, secret=secret, scheme=scheme, remark=remark), private=False)
    from custody.signing.keyfile import public_key_of, read_key_bytes  # whoever verifies does without
    from custody.signing.private_pem import read_private_key
    from custody.signing.secret import NO_SECRET

    data = read_key_bytes(path, what="key", limit=MAX_CERTIFICATE_BYTES)
    if b"PRIVATE KEY-----" in data or _is_legacy_private(data):
        private = read_private_key(data, path, secret or NO_SECRET)
        return KeyDescription(key=public_key_of(private, path, scheme=scheme), private=True)
    return KeyDescription(key=_public_key(data, path, scheme, remark), private=False)


def describe_key(description: KeyDescription) -> dict[str, object]:
    """Return the facts about a key as plain data, the same names in every report."""
    key = description.key
    if not isinstance(key, PublicKey):
        from custody.keys.keyless import KeylessKey  # few keys are identities

        if isinstance(key, KeylessKey):
            return _keyless_facts(key)
    facts: dict[str, object] = {
        "kind": "private" if description.private else "public",
        "keytype": key.keytype,
        "scheme": key.scheme,
        "bits": _bits(key),
        "keyid": key.keyid,
        "keyid_go": description.legacy_keyid,
        "spki_sha256": key.identity,
    }
    openpgp = as_openpgp(key)
    return facts if openpgp is None else facts | _openpgp_facts(openpgp)


def written(key: Key, form: str) -> bytes:
    """Return `key` as `pem`, as `openssh` or as `metadata`, the JSON by which layouts list keys.

    Raises:
        UsageError: an OpenPGP key in PEM would be another key, which verifies none of its signatures, and OpenSSH has
            no form for some kinds.

    """
    if form == "openssh":
        return _openssh_line(key)
    if form == "pem":
        if not isinstance(key, PublicKey):
            what = "a keyless functionary has no key" if as_keyless(key) else "an OpenPGP key"
            raise UsageError(f"{what} in PEM would verify none of its signatures; write --to metadata")
        return write_pem(key.spki).encode()
    return write_json(write_key(key)) + b"\n"


def reencrypted(path: str, secret: SecretSource, new_secret: SecretSource, form: str = "private-pem") -> bytes:
    """Return the private key in `path` in another form under the passphrase of `new_secret`, or none without one.

    `form` is one of `custody.signing.convert.FORMS`.

    Raises:
        StoreError, FormatError, SignatureError: the key cannot be read.
        UsageError: the form has no place for it, or cannot do without a passphrase.

    """
    from custody.signing.convert import convertible, write_private
    from custody.signing.keyfile import read_key_bytes
    from custody.signing.private_pem import read_private_key

    key = read_private_key(read_key_bytes(path), path, secret)
    convertible(key, form, encrypted=bool(new_secret))
    return write_private(key, form, new_secret.for_new(repr(path)) if new_secret else None)


def _public_key(data: bytes, path: str, scheme: str, remark: Callable[[str], None]) -> Key:
    if is_openpgp(data):
        return _of_scheme(_from_certificate(data, path, remark), path, scheme)
    if data.lstrip().startswith(OPENSSH_BEGINNINGS):
        return _of_scheme(_from_openssh(data, path, scheme), path, scheme)
    is_json = data.lstrip()[:1] == b"{"
    return _of_scheme(_from_metadata(data, path) if is_json else _from_pem(data, path, scheme), path, scheme)


def is_elsewhere(path: str) -> bool:
    """Return whether `path` is a URI that names a public key in no file."""
    return ":" in path and path.partition(":")[0].lower() in _ELSEWHERE


def _from_elsewhere(path: str, secret: SecretSource | None, scheme: str, remark: Callable[[str], None]) -> Key:
    from custody.signing.elsewhere import exported_key  # whoever verifies does without
    from custody.signing.secret import NO_SECRET
    from custody.signing.signer import Request

    kind, _, rest = path.partition(":")
    key = exported_key(kind.lower(), rest, Request(secret=secret or NO_SECRET, scheme=scheme, remark=remark))
    if key is None:
        raise UsageError(f"'{kind}:' keys cannot be read")
    return key


def _from_certificate(data: bytes, path: str, remark: Callable[[str], None]) -> Key:
    from datetime import UTC, datetime

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
    if _is_legacy_private(data):
        raise FormatError("expected a public key, got a private one", where=path, remedy="give the .pub file")
    return _with_scheme(spki_of_pem(text, path), path, scheme)


def _with_scheme(spki: bytes, path: str, scheme: str) -> PublicKey:
    """Return the key; `scheme` chooses among those of RSA only."""
    key = key_of_spki(spki, path)
    return key_of_spki(spki, path, scheme=scheme) if scheme and key.keytype == "rsa" else key


def _from_openssh(data: bytes, path: str, scheme: str) -> PublicKey:
    from custody.keys.openssh import spki_of_line  # few keys are of this form

    return _with_scheme(spki_of_line(data, path), path, scheme)


def _openssh_line(key: Key) -> bytes:
    from custody.keys.openssh import write_line

    line = write_line(key.spki) if isinstance(key, PublicKey) else None
    if line is None:
        raise UsageError(f"OpenSSH has no form for a key of the type {key.keytype}; write --to metadata or --to pem")
    return line


def _is_legacy_private(data: bytes) -> bool:
    """Return whether `data` is a private key of in-toto 1.x that is no PEM: JSON, or encrypted JSON."""
    if data.lstrip()[:1] != b"{":
        return b"@@@@" in data and b"-----BEGIN" not in data
    try:
        keyval = as_object(as_object(read_json(data), "").get("keyval"), "keyval")
    except FormatError:  # whoever reads it as a public key says what is wrong
        return False
    return keyval.get("private") not in {"", None}


def _keyless_facts(key: KeylessKey) -> dict[str, object]:
    return {
        "kind": "keyless",
        "keytype": key.keytype,
        "scheme": key.scheme,
        "keyid": key.keyid,
        "keyid_go": key.keyid,
        **key.keyval,
    }


def _openpgp_facts(key: OpenPGPKey) -> dict[str, object]:
    from datetime import UTC, datetime

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
        if document.get("keytype") == _KEYLESS:
            from custody.keys.keyless_document import keyless_key_of  # few keys are identities

            return keyless_key_of(document)
        key = read_key(document, "", refuse_unknown=_refuse_unknown)
    except FormatError as error:
        raise error.within(path) from None
    if not isinstance(key, PublicKey):
        return key
    return make_key(keytype=key.keytype, scheme=key.scheme, public=key.public, where=path)


def _refuse_unknown(fields: Fields) -> None:
    for where, _ in fields.unknown():
        raise FormatError("unknown field", where=where, remedy="is this the JSON of one key?")


def _bits(key: PublicKey | OpenPGPKey) -> int:
    if key.keytype in {"ed25519", "eddsa"}:
        return 256
    if key.keytype == "ml-dsa":
        return _MLDSA_BITS
    from custody.keys.pem import load_spki  # slow imports behind it

    return int(getattr(load_spki(key.spki), "key_size", 0))
