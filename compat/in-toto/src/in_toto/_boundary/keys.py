"""Public keys between three forms: custody's, the reference's dictionaries, and objects of `securesystemslib`."""

from __future__ import annotations

import os

from in_toto._boundary.failures import Translated

TYPE_CHECKING = False  # known to checkers; importing it from `typing` takes longer than this module
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from custody.encoding.fields import Fields
    from custody.keys.key import Key as CoreKey
    from custody.keys.key import SignatureValue
    from custody.keys.keyless import KeylessSignature

    KeyDocument = dict[str, Any]
    """A key as layouts write it, with its id."""

__all__ = ["Key", "dsse_value", "export_gpg_keys", "key_document", "load_public_key_from_file", "public_key_of"]

_MAX_BYTES = 64 * 1024

_TOKENS = ("hsm:", "pkcs11:")
"""URIs of keys in PKCS #11 tokens."""


class Key:
    """A public key in the form of `securesystemslib`; `custody` is custody's."""

    __slots__ = ("custody",)

    def __init__(self, key: CoreKey) -> None:
        """Stand for `key`."""
        self.custody = key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and self.custody == other.custody

    def __hash__(self) -> int:
        return hash(self.custody)

    def __repr__(self) -> str:
        return f"Key({self.keyid})"

    @property
    def keyid(self) -> str:
        """What the key is called."""
        return self.custody.keyid

    @property
    def keytype(self) -> str:
        """`ed25519`, `ecdsa` or `rsa`, for GPG keys also `dsa` or `eddsa`, and `sigstore-oidc` for identities."""
        return self.custody.keytype

    @property
    def scheme(self) -> str:
        """The signature scheme; of GPG keys the method."""
        return self.custody.scheme

    @property
    def keyval(self) -> dict[str, Any]:
        """The material."""
        found: dict[str, Any] = self.to_dict()["keyval"]
        return found

    def to_dict(self) -> KeyDocument:
        """Return the key as layouts write it; as in `securesystemslib`, without the id unless it is a GPG key."""
        document = key_document(self.custody)
        if "scheme" in document:
            del document["keyid"]
        return document

    def verify_signature(self, signature: Any, data: bytes) -> None:  # noqa: ANN401  # of any library
        """Return if `signature` over `data` is by this key.

        Raises:
            UnverifiedSignatureError: it is not, or not any more.

        """
        from datetime import UTC, datetime

        from custody.keys.openpgp import OpenPGPKey, OpenPGPSignature
        from in_toto._boundary.trust import trusted

        value, (key,) = _value_of(signature), trusted((self.custody,))
        with Translated():
            is_good = value is not None and key.verify(value, data)
        if not is_good:
            from in_toto.exceptions import UnverifiedSignatureError

            raise UnverifiedSignatureError(f"Failed to verify signature by {self.keyid}")
        if isinstance(key, OpenPGPKey) and isinstance(value, OpenPGPSignature):
            late = key.untimely(value, datetime.now(UTC))
            if late is not None:
                from in_toto.exceptions import VerificationError

                raise VerificationError(f"Failed to verify signature by {self.keyid}: {late.problem}")


def key_document(key: CoreKey) -> KeyDocument:
    """Return `key` as layouts write it, with its id."""
    from custody.keys.document import write_key

    return write_key(key)


def public_key_of(key: object) -> CoreKey:
    """Return custody's key for a dictionary, for a `Key`, or for one of `securesystemslib`.

    Raises:
        FormatError: it is malformed, weak, of a kind that is not supported, or carries a private part.

    """
    from custody.keys.document import read_key

    own = getattr(key, "custody", None)
    if own is not None:
        found: CoreKey = own
        return found
    document = key
    if hasattr(key, "keyid") and hasattr(key, "to_dict"):
        document = {**key.to_dict(), "keyid": key.keyid}
    with Translated():
        return read_key(document, "public key", refuse_unknown=_refuse_unknown)


def load_public_key_from_file(path: str | os.PathLike[str]) -> KeyDocument:
    """Return the key in a PEM file or in a token, or the identity in a JSON file, as layouts write it, with its id.

    Raises:
        OSError: the file cannot be read.
        ValueError: it holds no public key, or a weak one, or there is no such key in the token.

    """
    from custody.errors import FormatError
    from custody.keys.public import key_of_pem
    from custody.signing.keyfile import read_key_bytes

    name = os.fspath(path)
    if name.startswith(_TOKENS) and not os.path.lexists(name):
        return _in_token(name)
    with Translated():
        data = read_key_bytes(name, what="public key", limit=_MAX_BYTES)
    try:
        if data.lstrip()[:1] == b"{" and (identity := _identity_in(data, name)) is not None:
            return key_document(identity)
        return key_document(key_of_pem(data.decode("utf-8", errors="replace"), name))
    except FormatError as error:
        raise ValueError(str(error)) from error


def _identity_in(data: bytes, name: str) -> CoreKey | None:
    """Return the identity in the JSON of the file `name`, None if there is something else in it."""
    from custody.encoding.fields import as_object
    from custody.encoding.strict import read_json
    from custody.errors import FormatError
    from custody.keys.keyless_document import is_keyless_document, keyless_key_of

    try:
        document = as_object(read_json(data), "")
        return keyless_key_of(document) if is_keyless_document(document) else None
    except FormatError as error:
        raise error.within(name) from None


def _in_token(uri: str) -> KeyDocument:
    from custody.errors import FormatError, SignatureError
    from custody.workflows.keys import read_public_key

    with Translated():
        try:
            return key_document(read_public_key(uri))
        except (FormatError, SignatureError) as error:
            raise ValueError(str(error)) from error


def export_gpg_keys(keyids: Iterable[str], home: str | None) -> dict[str, KeyDocument]:
    """Return GPG keys of a keyring, by the ids of their primary keys.

    Raises:
        ValueError: there is no gpg, no such key, or several.
        FormatError: an id is not hexadecimal, or a key has expired, is revoked, or cannot be relied on.

    """
    from custody.signing.gpg import export_key
    from in_toto._boundary import talk
    from in_toto._boundary.checks import check_hex

    documents = {}
    for keyid in keyids:
        check_hex(keyid)
        with Translated():
            key = export_key(keyid, home or "", remark=lambda remark: talk.warning(__name__, remark))
        documents[key.keyid] = key_document(key)
    return documents


def _refuse_unknown(fields: Fields) -> None:
    """A field that is not understood may be a restriction that whoever wrote the key relies on (D2)."""
    from custody.errors import FormatError

    for path, _ in fields.unknown():
        raise FormatError("unknown field", where=path, remedy="remove it if it does not restrict the key")


def _value_of(signature: Any) -> SignatureValue | None:  # noqa: ANN401  # of any library
    """Return custody's form of a signature, None if it is malformed."""
    from custody.errors import FormatError
    from custody.keys.openpgp import OpenPGPSignature

    try:
        headers = getattr(signature, "other_headers", None)
        if headers is None:
            return dsse_value(signature)
        value = bytes.fromhex(signature.signature)
        return OpenPGPSignature(keyid=signature.keyid, signature=value, other_headers=bytes.fromhex(headers))
    except (AttributeError, TypeError, ValueError, FormatError):
        return None


def dsse_value(signature: Any) -> bytes | KeylessSignature:  # noqa: ANN401  # of any library
    """Return custody's form of a signature that DSSE has a place for; custody's FormatError if it is malformed."""
    from custody.encoding.text import from_base64, from_hex, is_hex

    others, text = getattr(signature, "unrecognized_fields", None) or {}, signature.signature
    if "bundle" not in others:
        return from_hex(text, "sig")
    from custody.encoding.fields import Fields
    from custody.envelopes.sigstore_bundle import read_keyless_signature

    # securesystemslib's signer of this kind returns base64 in place of hexadecimal digits; neither looks like the
    # other, since all such signatures begin with the same byte.
    value = from_hex(text, "sig") if is_hex(text) else from_base64(text, "sig")
    return read_keyless_signature(Fields(others), value)
