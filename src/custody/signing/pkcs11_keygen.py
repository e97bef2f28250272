"""New key pairs, made by a token and kept there: the private half can be used, never read."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from custody.errors import SignatureError, UsageError
from custody.keys.schemes import MAX_RSA_BITS, MIN_RSA_BITS
from custody.signing.keypair import DEFAULT_RSA_BITS, KINDS
from custody.signing.pkcs11 import key_of_material
from custody.signing.pkcs11_login import open_token
from custody.signing.pkcs11_material import EC_PARAMETERS, ED25519_PARAMETERS, spki_of
from custody.signing.pkcs11_objects import is_taken
from custody.signing.pkcs11_token import said

if TYPE_CHECKING:
    from pkcs11.constants import Attribute
    from pkcs11.types import PrivateKey, PublicKey, Session

    from custody.keys.public import PublicKey as CoreKey
    from custody.signing.pkcs11_login import Opened
    from custody.signing.pkcs11_uri import KeyURI
    from custody.signing.signer import Request

__all__ = ["generate_on_token"]

_KINDS = ("ed25519", "ecdsa", "ecdsa-p384", "ecdsa-p521", "rsa")
_ID_BYTES = 8


def generate_on_token(uri: KeyURI, request: Request, kind: str = "ed25519", *, bits: int | None = None) -> CoreKey:
    """Return the public half of a new key pair on the token, with the label and id of `uri`.

    Without an id it gets one by chance. The private half is sensitive and cannot be extracted; that is looked at, and a
    pair for which the token has it otherwise is destroyed.

    Raises:
        UsageError: there is no such token, the label or id is taken, or the token cannot make such a key.
        SignatureError: the PIN is wrong, or the token is locked.

    """
    size = _checked(kind, bits)
    if not uri.label or uri.kind == "public":
        raise UsageError("what is the new key to be called? write pkcs11:token=TOKEN;object=LABEL, or hsm:LABEL")
    opened = open_token(uri, request, login=True)
    if is_taken(opened, uri):
        raise UsageError(f"{opened.name} holds a {uri.shown} already; choose another name, or delete it there first")
    public, private = _generated(opened, uri, kind, size)
    try:
        _demand_hidden(private, opened)
        return key_of_material(spki_of(public, opened.name), opened.name, request.scheme)
    except BaseException:
        _destroy(public, private)
        raise


def _checked(kind: str, bits: int | None) -> int:
    if kind not in _KINDS:
        raise UsageError(f"no token can make a key of type {kind!r:.80}; there are {', '.join(_KINDS)}")
    if kind != "rsa" and bits is not None:
        raise UsageError(f"a key of type {kind} has one size only; leave the bits out")
    size = DEFAULT_RSA_BITS if bits is None else bits
    if not MIN_RSA_BITS <= size <= MAX_RSA_BITS:
        raise UsageError(f"expected {MIN_RSA_BITS} to {MAX_RSA_BITS} bits for RSA, got {size}")
    return size


def _generated(opened: Opened, uri: KeyURI, kind: str, bits: int) -> tuple[PublicKey, PrivateKey]:
    from pkcs11.exceptions import PKCS11Error

    keyid = uri.keyid or os.urandom(_ID_BYTES)
    try:
        session = opened.token.open(rw=True)  # the login is the process's, and holds for this session too
        if kind == "rsa":
            return _rsa_pair(session, bits, uri.label or "", keyid)
        return _curve_pair(session, kind, uri.label or "", keyid)
    except PKCS11Error as error:
        what = f"{kind} of {bits} bits" if kind == "rsa" else kind
        raise UsageError(f"{opened.name} cannot make a key of type {what}: {said(error)}") from None


def _rsa_pair(session: Session, bits: int, label: str, keyid: bytes) -> tuple[PublicKey, PrivateKey]:
    from pkcs11.constants import MechanismFlag
    from pkcs11.mechanisms import KeyType

    return session.generate_keypair(
        KeyType.RSA,
        bits,
        id=keyid,
        label=label,
        store=True,
        capabilities=MechanismFlag.SIGN | MechanismFlag.VERIFY,
        public_template=_shown(),
        private_template=_hidden(),
    )


def _curve_pair(session: Session, kind: str, label: str, keyid: bytes) -> tuple[PublicKey, PrivateKey]:
    from pkcs11.constants import Attribute, MechanismFlag
    from pkcs11.mechanisms import KeyType, Mechanism

    if kind == "ed25519":
        parameters, key_type, mechanism = ED25519_PARAMETERS[0], KeyType.EC_EDWARDS, Mechanism.EC_EDWARDS_KEY_PAIR_GEN
    else:
        parameters, key_type, mechanism = EC_PARAMETERS[KINDS[kind]], KeyType.EC, Mechanism.EC_KEY_PAIR_GEN
    domain = session.create_domain_parameters(key_type, {Attribute.EC_PARAMS: parameters}, local=True)
    return domain.generate_keypair(
        id=keyid,
        label=label,
        store=True,
        capabilities=MechanismFlag.SIGN | MechanismFlag.VERIFY,
        mechanism=mechanism,
        public_template=_shown(),
        private_template=_hidden(),
    )


def _shown() -> dict[Attribute, object]:
    from pkcs11.constants import Attribute

    return {Attribute.PRIVATE: False}


def _hidden() -> dict[Attribute, object]:
    from pkcs11.constants import Attribute

    return {Attribute.PRIVATE: True, Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False}


def _demand_hidden(private: PrivateKey, opened: Opened) -> None:
    from pkcs11.constants import Attribute
    from pkcs11.exceptions import PKCS11Error

    try:
        hidden = bool(private[Attribute.SENSITIVE]) and not private[Attribute.EXTRACTABLE]
    except PKCS11Error as error:
        raise SignatureError(f"{opened.name} does not say whether its new key can be read: {said(error)}") from None
    if not hidden:
        raise SignatureError(f"{opened.name} made a key that can be read out of it, which was destroyed again")


def _destroy(public: PublicKey, private: PrivateKey) -> None:
    from pkcs11.exceptions import PKCS11Error

    for half in (private, public):
        with suppress(PKCS11Error):
            half.destroy()
