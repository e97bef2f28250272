"""Signers: custody's in the form of `securesystemslib`, so that both kinds can be handed in and got back."""

from __future__ import annotations

import os

from custody.signing.secret import SecretSource
from in_toto._boundary.failures import Translated
from in_toto._boundary.keys import Key

TYPE_CHECKING = False  # known to checkers; importing it from `typing` takes longer than this module
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Self

    from custody.signing.signer import Signer as CoreSigner

__all__ = [
    "GPGSignature",
    "GPGSigner",
    "KeySigner",
    "Signature",
    "gpg_signer",
    "is_signer",
    "load_signer",
    "refuse_keyless",
]

_KEYLESS_NEEDS_DSSE = (
    "a keyless signature goes into a DSSE envelope only; add --use-dsse where a link is made, and sign what is in the"
    " older envelope with `custody sign --use-dsse`"
)


class Signature:
    """A signature: the id of its key, hexadecimal digits, and whatever else stood beside them."""

    def __init__(self, keyid: str, sig: str, unrecognized_fields: dict[str, Any] | None = None) -> None:
        """Stand for the signature `sig` by the key `keyid`."""
        self.keyid = keyid
        self.signature = sig
        self.unrecognized_fields = unrecognized_fields or {}

    @classmethod
    def from_dict(cls, signature_dict: Mapping[str, Any]) -> Self:
        """Return the signature that an entry of an envelope writes; a KeyError if something is missing."""
        others = {name: value for name, value in signature_dict.items() if name not in {"keyid", "sig"}}
        return cls(signature_dict["keyid"], signature_dict["sig"], others)

    def to_dict(self) -> dict[str, Any]:
        """Return the entry by which a Metablock carries it."""
        return {"keyid": self.keyid, "sig": self.signature, **self.unrecognized_fields}

    def __eq__(self, other: object) -> bool:
        to_dict = getattr(other, "to_dict", None)
        return callable(to_dict) and bool(self.to_dict() == to_dict())

    def __hash__(self) -> int:
        return hash((self.keyid, self.signature))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.keyid}, {self.signature})"


class GPGSignature(Signature):
    """A signature by a GPG key, with the headers that are signed, too."""

    def __init__(self, keyid: str, signature: str, other_headers: str) -> None:
        """Stand for `signature` with `other_headers`, both in hexadecimal digits."""
        super().__init__(keyid, signature)
        self.other_headers = other_headers

    @classmethod
    def from_dict(cls, signature_dict: Mapping[str, Any]) -> Self:
        """Return the signature that an entry of a Metablock writes; a KeyError if something is missing."""
        return cls(signature_dict["keyid"], signature_dict["signature"], signature_dict["other_headers"])

    def to_dict(self) -> dict[str, Any]:
        """Return the entry by which a Metablock carries it."""
        return {"keyid": self.keyid, "signature": self.signature, "other_headers": self.other_headers}


class KeySigner:
    """One of custody's signers in the form of `securesystemslib`; `custody` is the signer itself."""

    __slots__ = ("custody",)

    def __init__(self, signer: CoreSigner) -> None:
        """Sign with `signer`."""
        self.custody = signer

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.public_key.keyid})"

    @property
    def public_key(self) -> Key:
        """The key that verifies what `sign` returns."""
        return Key(self.custody.public_key)

    def sign(self, payload: bytes) -> Signature:
        """Return the signature over `payload`.

        Raises:
            SignatureVerificationError: the key cannot be used now.

        """
        with Translated():
            value = self.custody.sign(payload)
        if isinstance(value, bytes):
            return Signature(self.custody.public_key.keyid, value.hex())
        from custody.keys.keyless import KeylessSignature  # most signatures are bytes

        if isinstance(value, KeylessSignature):
            entry = value.entry(self.custody.public_key.keyid)
            return Signature(entry["keyid"], value.signature.hex(), {"bundle": entry["bundle"]})
        return GPGSignature(**value.entry())


class GPGSigner(KeySigner):
    """A signer over a key in GnuPG's keyring; gpg is asked at once whether it can sign."""

    __slots__ = ()

    def __init__(self, keyid: str | None = None, homedir: str | None = None) -> None:
        """Sign with the key or subkey `keyid`, by default gpg's default key, of the keyring in `homedir`.

        Raises:
            ValueError: there is no gpg, no such key, several, or it cannot sign.
            FormatError: the id is not hexadecimal, or the key has expired, is revoked, or is none to rely on.

        """
        from custody.signing import gpg
        from in_toto._boundary import talk
        from in_toto._boundary.checks import check_hex

        if keyid:
            check_hex(keyid)
        with Translated():
            signer = gpg.GPGSigner(keyid or "", homedir or "", remark=lambda remark: talk.warning(__name__, remark))
        super().__init__(signer)


def gpg_signer(keyid: str | None, home: str | None) -> GPGSigner:
    """Return the signer over a GPG key; see `GPGSigner`."""
    return GPGSigner(keyid, home)


def is_signer(candidate: object) -> bool:
    """Return whether `candidate` signs and has a public key, of whichever library it is."""
    kind = type(candidate)
    # The property itself is not asked: some signers cannot say what their key is.
    has_key = hasattr(kind, "public_key") or "public_key" in getattr(candidate, "__dict__", {})
    return callable(getattr(candidate, "sign", None)) and has_key


def refuse_keyless(signer: object) -> None:
    """Refuse an identity as the signer of something in the older envelope; a SignatureVerificationError."""
    own = getattr(signer, "custody", None)
    if own is None:
        return  # its property may not be asked; see `is_signer`
    from custody.keys.key import as_keyless

    if as_keyless(own.public_key) is not None:
        from in_toto.exceptions import SignatureVerificationError

        raise SignatureVerificationError(_KEYLESS_NEEDS_DSSE)


def load_signer(path: str | os.PathLike[str], password: bytes | None = None) -> KeySigner:
    """Return the signer over the private key in a file, or at one of custody's URIs.

    Raises:
        OSError: the file cannot be read.
        TypeError: the key is encrypted and there is no password, or the other way round.
        ValueError: there is no private key in it, or the password is wrong.

    """
    from custody.errors import FormatError, SignatureError
    from custody.signing.registry import environment_name
    from custody.signing.registry import load_signer as core_load_signer
    from custody.signing.secret import PIN_VARIABLE
    from in_toto._boundary import talk

    given = _Password(password)
    with Translated():
        try:
            signer = core_load_signer(os.fspath(path), given, remark=lambda remark: talk.info(__name__, remark))
        except (FormatError, SignatureError) as error:
            raise ValueError(str(error)) from error
    in_token = environment_name(os.fspath(path)) == PIN_VARIABLE  # where this process may be logged in already
    if password is not None and not (given.was_asked or in_token):
        raise TypeError("Password was given but private key is not encrypted.")
    return KeySigner(signer)


class _Password(SecretSource):
    """A password that the caller has, or has not."""

    __slots__ = ("_password", "was_asked")

    def __init__(self, password: bytes | None) -> None:
        super().__init__()
        self._password = password
        self.was_asked = False

    def __bool__(self) -> bool:
        return self._password is not None

    def of(self, what: str) -> bytes:
        """Return it, for the key `what`."""
        if self._password is None:
            raise TypeError(f"Password was not given but private key is encrypted ({what})")
        self.was_asked = True
        return self._password
