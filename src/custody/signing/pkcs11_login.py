"""Sessions on tokens, and the one login that a process has on each.

PKCS #11 logs in a whole process, not a session, so the sessions that are logged in belong to the process, too. A forked
process does not touch those of its parent.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from custody.errors import SignatureError, UsageError
from custody.signing.pkcs11_pin import has_pin, pin_of
from custody.signing.pkcs11_token import finalize_modules, find_token, load_module, module_path, name_of, said
from custody.value import Value

if TYPE_CHECKING:
    from pkcs11.exceptions import PKCS11Error
    from pkcs11.types import Session, Token

    from custody.signing.pkcs11_uri import KeyURI
    from custody.signing.signer import Request

__all__ = ["Opened", "log_out", "open_token"]

_LOCKED = "too many wrong PINs were entered; its security officer can set a new one"


class Opened(Value):
    """A session on a token; `pin` is what it was logged in with, if a PIN was given in this process."""

    session: Session
    token: Token
    process: int
    pin: str = ""

    @property
    def name(self) -> str:
        """What errors call the token."""
        return name_of(self.token)

    def is_ours(self) -> bool:
        """Return whether this process opened it, and not one that this one was forked from."""
        return self.process == os.getpid()

    def is_logged_in(self) -> bool:
        """Return whether this process logged in with it and has not left since."""
        return self.is_ours() and any(opened is self for opened in _LOGGED_IN.values())

    def __repr__(self) -> str:
        """Return the token's name, never the PIN."""
        return f"Opened({self.token.label!r})"


_LOGGED_IN: dict[tuple[str, int], Opened] = {}
"""By module and slot. It changes as the process logs in, which is a state of the process that modules keep as well."""


def open_token(uri: KeyURI, request: Request, *, login: bool) -> Opened:
    """Return a session on the token that `uri` means; logged in if `login`, or if this process is already.

    Raises:
        UsageError: there is no such module or token, or no PIN.
        SignatureError: the PIN is wrong, or the token is locked.

    """
    from pkcs11.exceptions import PKCS11Error

    path = module_path(uri)
    module = load_module(path)
    token = find_token(module, uri)
    place = (path, token.slot.slot_id)
    known = _LOGGED_IN.get(place)
    if known is not None and known.is_ours():
        return known
    try:
        if not login:
            return Opened(session=token.open(), token=token, process=os.getpid())
    except PKCS11Error as error:
        raise SignatureError(f"{name_of(token)} cannot be opened: {said(error)}") from None
    opened = _LOGGED_IN[place] = _log_in(token, uri, request)
    return opened


def log_out() -> None:
    """Leave every token and module that this process opened; signers made before cannot sign any more."""
    ours = [opened for opened in _LOGGED_IN.values() if opened.is_ours()]
    _LOGGED_IN.clear()
    for opened in ours:
        _close(opened.session)
    finalize_modules()


def _close(session: Session) -> None:
    from pkcs11.exceptions import PKCS11Error

    with suppress(PKCS11Error):  # a token that was pulled out is left, too
        session.close()


def _log_in(token: Token, uri: KeyURI, request: Request) -> Opened:
    from pkcs11.exceptions import PKCS11Error, UserAlreadyLoggedIn

    pin = _credential(token, uri, request)
    try:
        try:
            session = token.open(user_pin=pin)
        except UserAlreadyLoggedIn:  # by other code in this process
            session = token.open()
    except PKCS11Error as error:
        raise _refusal(error, token) from None
    return Opened(session=session, token=token, process=os.getpid(), pin=pin if isinstance(pin, str) else "")


def _credential(token: Token, uri: KeyURI, request: Request) -> str | object | None:
    """Return the PIN, that it is entered at the token itself, or None if there is no login."""
    from pkcs11.constants import TokenFlag
    from pkcs11.types import PROTECTED_AUTH

    name, flags = name_of(token), token.flags
    if not flags & TokenFlag.LOGIN_REQUIRED:
        return None
    if flags & TokenFlag.USER_PIN_LOCKED:
        raise SignatureError(f"{name} is locked: {_LOCKED}")
    if not flags & TokenFlag.USER_PIN_INITIALIZED:
        raise UsageError(f"{name} has no user PIN yet; set one: pkcs11-tool --init-pin")
    if flags & TokenFlag.USER_PIN_FINAL_TRY:
        request.remark(f"{name} locks itself if the PIN is wrong once more")
    if flags & TokenFlag.PROTECTED_AUTHENTICATION_PATH and not has_pin(uri, request):
        request.remark(f"enter the PIN of {name} at its own keys")
        return PROTECTED_AUTH
    return pin_of(uri, request, name)


def _refusal(error: PKCS11Error, token: Token) -> SignatureError:
    from pkcs11 import exceptions

    name = name_of(token)
    if isinstance(error, exceptions.PinIncorrect | exceptions.PinInvalid | exceptions.PinLenRange):
        return SignatureError(f"the PIN of {name} is wrong{_tries_left(token)}")
    if isinstance(error, exceptions.PinLocked):
        return SignatureError(f"{name} is locked: {_LOCKED}")
    if isinstance(error, exceptions.PinExpired):
        return SignatureError(f"the PIN of {name} has expired; set a new one: pkcs11-tool --change-pin")
    return SignatureError(f"{name} does not let us log in: {said(error)}")


def _tries_left(token: Token) -> str:
    """Return what the token says about further tries; PKCS #11 knows no number, but that they are few, one, or none."""
    from pkcs11.constants import TokenFlag
    from pkcs11.exceptions import PKCS11Error

    flags = TokenFlag(0)
    with suppress(PKCS11Error):
        flags = token.slot.get_token().flags
    if flags & TokenFlag.USER_PIN_LOCKED:
        return ", and that was the last try: it is locked now; its security officer can set a new PIN"
    if flags & TokenFlag.USER_PIN_FINAL_TRY:
        return "; one try is left before it locks itself"
    if flags & TokenFlag.USER_PIN_COUNT_LOW:
        return "; a few more wrong ones in a row, and it locks itself"
    return ""
