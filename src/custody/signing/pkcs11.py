"""Keys in PKCS #11 tokens: smart cards, security modules, SoftHSM. The token signs, and nobody sees the private key.

::

    signer = PKCS11Signer(read_uri("token=custody;object=builder"), Request())    # logs in, and finds both halves
    signer.sign(b"message")

A signer is ready when it is made: a wrong PIN, a missing key or a scheme that the token cannot do are found before a
command runs for hours. It signs in the process that made it only; one forked from that leaves the token alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.errors import SignatureError, UsageError
from custody.keys.public import key_of_spki
from custody.keys.schemes import RSA, RSA_SCHEMES
from custody.signing.pkcs11_login import open_token
from custody.signing.pkcs11_mechanisms import way_for
from custody.signing.pkcs11_objects import find_private, find_public, public_half
from custody.signing.pkcs11_pin import has_pin
from custody.signing.pkcs11_token import said

if TYPE_CHECKING:
    from pkcs11.constants import Attribute
    from pkcs11.types import Object

    from custody.keys.public import PublicKey
    from custody.signing.pkcs11_login import Opened
    from custody.signing.pkcs11_uri import KeyURI
    from custody.signing.signer import Request

__all__ = ["PKCS11Signer", "export_key", "key_of_material"]


class PKCS11Signer:
    """A signer over a private key on a token; its text form shows the key's id only."""

    __slots__ = ("_asks_again", "_opened", "_private", "_public_key", "_way")

    def __init__(self, uri: KeyURI, request: Request) -> None:
        """Log in to the token that `uri` means, once a process, and find the key.

        Raises:
            UsageError: there is no such module, token or key, there are several, or it cannot sign by this scheme.
            SignatureError: the PIN is wrong, or the token is locked.
            FormatError: the key is weak, or of a kind that is not supported.

        """
        if uri.kind == "public":
            raise UsageError("type=public in a pkcs11: URI names a public key, which does not sign; leave it out")
        self._opened = open_token(uri, request, login=True)
        self._private = find_private(self._opened, uri)
        material = public_half(self._opened, self._private)
        self._public_key = key_of_material(material, self._opened.name, request.scheme)
        able = self._opened.token.slot.get_mechanisms()
        self._way = way_for(self._public_key, able, self._opened.name)
        self._asks_again = _checked(self._private, self._opened, request)

    def __repr__(self) -> str:
        """Return the name of the key."""
        return f"PKCS11Signer({self._public_key.keyid})"

    @property
    def public_key(self) -> PublicKey:
        """The key that verifies what `sign` returns."""
        return self._public_key

    def sign(self, message: bytes) -> bytes:
        """Return the signature over `message`, which was verified.

        Raises:
            SignatureError: the token could not sign, or signed with another key than the public one beside it.

        """
        from pkcs11.exceptions import PKCS11Error

        if not self._opened.is_logged_in():
            raise SignatureError(f"this process is not logged in to {self._opened.name}; it was forked, or logged out")
        pin = self._opened.pin if self._asks_again else None
        try:
            returned = self._private.sign(  # type: ignore[attr-defined]  # `_checked` saw that it can
                self._way.handed(message), mechanism=self._way.mechanism, mechanism_param=self._way.parameters, pin=pin
            )
        except PKCS11Error as error:
            raise SignatureError(f"{self._opened.name} could not sign: {said(error)}") from None
        signature = self._way.signature(returned)
        if not self._public_key.verify(signature, message):
            raise SignatureError(
                f"{self._opened.name} made a signature that its public key {self._public_key.keyid} does not verify: is"
                " that the public half of another key?"
            )
        return signature


def export_key(uri: KeyURI, request: Request) -> PublicKey:
    """Return the public key that `uri` means. It takes no PIN, unless the token hides its public keys.

    Raises:
        UsageError: there is no such module, token or key, or there are several.
        SignatureError: the PIN is wrong, or the token is locked.
        FormatError: the key is weak, or of a kind that is not supported.

    """
    opened = open_token(uri, request, login=False)
    material = find_public(opened, uri)
    if material is None and not opened.is_logged_in() and has_pin(uri, request):
        opened = open_token(uri, request, login=True)
        material = find_public(opened, uri)
    if material is None:
        hidden = "" if opened.is_logged_in() else f"; if {opened.name} hides it, a PIN is needed to see it"
        raise UsageError(f"{opened.name} holds no public {uri.shown}{hidden}")
    return key_of_material(material, opened.name, request.scheme)


def key_of_material(spki: bytes, where: str, scheme: str) -> PublicKey:
    """Return the key under the id that the reference gives it; `scheme` chooses among those of an RSA key.

    Raises:
        UsageError: `scheme` is not one of this key's.
        FormatError: the key is weak.

    """
    found = key_of_spki(spki, where)
    if not scheme or scheme == found.scheme:
        return found
    if found.keytype != RSA or scheme not in RSA_SCHEMES:
        raise UsageError(f"the key on {where} is for the scheme {found.scheme}, not for {scheme!r}")
    return key_of_spki(spki, where, scheme=scheme)


def _checked(private: Object, opened: Opened, request: Request) -> bool:
    """Return whether the PIN must be given anew for every signature; a key that may not sign is refused."""
    from pkcs11.constants import Attribute
    from pkcs11.types import SignMixin

    if not isinstance(private, SignMixin):
        raise UsageError(f"the key on {opened.name} is not for signing (CKA_SIGN is not set)")
    if _flag(private, Attribute.EXTRACTABLE) or _flag(private, Attribute.SENSITIVE) is False:
        request.remark(
            f"the private key on {opened.name} can be read out of it; make one there: custody keygen --pkcs11"
        )
    asks_again = _flag(private, Attribute.ALWAYS_AUTHENTICATE) is True
    if asks_again and not opened.pin:
        raise UsageError(f"the key on {opened.name} wants its PIN for every signature, and no PIN was given for it")
    return asks_again


def _flag(thing: Object, name: Attribute) -> bool | None:
    """Return an attribute that is true or false, None if the object does not say."""
    from pkcs11.exceptions import PKCS11Error

    try:
        return bool(thing[name])
    except PKCS11Error:
        return None
