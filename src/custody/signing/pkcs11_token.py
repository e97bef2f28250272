"""PKCS #11 modules and their tokens: loaded, found, and told apart.

A module is code, and comes from the command line (`module-path`) or the environment (`PKCS11_MODULE`) only. A token
that the URI does not describe is the one of `PKCS11_SLOT`, the id of its slot, else its index among the initialised
tokens: SoftHSM moves tokens to other slots, so people count them.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING

from custody.errors import UsageError

if TYPE_CHECKING:
    from pkcs11._pkcs11 import lib
    from pkcs11.exceptions import PKCS11Error
    from pkcs11.types import Slot, Token

    from custody.signing.pkcs11_uri import KeyURI

__all__ = [
    "MODULE_VARIABLE",
    "SLOT_VARIABLE",
    "finalize_modules",
    "find_token",
    "load_module",
    "module_path",
    "name_of",
    "said",
]

MODULE_VARIABLE = "PKCS11_MODULE"
SLOT_VARIABLE = "PKCS11_SLOT"

_LOADED_BY: dict[str, int] = {}
"""The process that initialised each module: to another one that was forked from it, the module is not initialised."""


def module_path(uri: KeyURI) -> str:
    """Return the path of the module; a UsageError if nobody named one."""
    path = uri.module_path or os.environ.get(MODULE_VARIABLE, "")
    if not path:
        raise UsageError(
            f"which PKCS #11 module drives the token? set {MODULE_VARIABLE}, as in {MODULE_VARIABLE}="
            "/usr/lib/softhsm/libsofthsm2.so, or write ?module-path=FILE behind the URI"
        )
    return path


def load_module(path: str) -> lib:
    """Return the module at `path`, initialised in this process.

    Raises:
        UsageError: the extra is missing, there is no such file, or it is no module that works here.

    """
    try:
        import pkcs11
        from pkcs11.exceptions import PKCS11Error
    except ImportError:
        raise UsageError("keys in PKCS #11 tokens need an extra: pip install 'custody[pkcs11]'") from None
    if os.sep in path and not os.path.isfile(path):
        raise UsageError(f"there is no PKCS #11 module {path!r}; is {MODULE_VARIABLE} or module-path right?")
    try:
        module = pkcs11.lib(path)
        if _LOADED_BY.setdefault(path, os.getpid()) != os.getpid():
            _begin_anew(module)
            _LOADED_BY[path] = os.getpid()
    except PKCS11Error as error:
        why = said(error).removeprefix(f"OS exception while loading {path}: ")
        raise UsageError(f"{path!r} is no PKCS #11 module that works here: {why}") from None
    return module


def finalize_modules() -> None:
    """Finalize every module that this process initialised; it is initialised anew when it is loaded again.

    Its code stays where it is, as there may be signers left that would call it.
    """
    ours = [path for path, process in _LOADED_BY.items() if process == os.getpid()]
    _LOADED_BY.clear()
    if not ours:
        return
    import pkcs11
    from pkcs11.exceptions import PKCS11Error

    for path in ours:
        with suppress(PKCS11Error):
            pkcs11.lib(path).finalize()


def find_token(module: lib, uri: KeyURI) -> Token:
    """Return the one initialised token that `uri` means, or that `PKCS11_SLOT` names if it describes none.

    Raises:
        UsageError: there is none, or several.

    """
    from pkcs11.exceptions import PKCS11Error

    try:
        present = list(_initialised(module))
    except PKCS11Error as error:
        raise UsageError(f"{module.so!r} cannot list its tokens: {said(error)}") from None
    if not present:
        raise UsageError(f"{module.so!r} shows no initialised token; is it plugged in, and was it initialised?")
    slot = os.environ.get(SLOT_VARIABLE, "")
    if slot and not uri.on:
        return _in_slot(slot, present)
    found = [token for token in present if all(_says(module, token, *pair) for pair in uri.on.items())]
    if len(found) == 1:
        return found[0]
    if not found:
        wanted = ";".join(f"{name}={value}" for name, value in uri.on.items())
        raise UsageError(f"there is no token {wanted!r:.200}; there is {_listed(present)}")
    raise UsageError(
        f"there are several tokens: {_listed(found)}; say which, as in pkcs11:token=LABEL;object=KEY, or set"
        f" {SLOT_VARIABLE}"
    )


def name_of(token: Token) -> str:
    """Return what errors and questions call the token."""
    return f"the token {token.label!r:.80}"


def said(error: PKCS11Error) -> str:
    """Return what a module's error says; most have no words but their name, as `PinIncorrect`."""
    return str(error) or re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(error).__name__).lower()


def _begin_anew(module: lib) -> None:
    """Initialise a module in a forked process, as PKCS #11 demands there; the parent's sessions stay its own."""
    from pkcs11.exceptions import PKCS11Error

    with suppress(PKCS11Error):
        module.finalize()
    module.initialize()


def _initialised(module: lib) -> list[Token]:
    from pkcs11.constants import TokenFlag
    from pkcs11.exceptions import PKCS11Error

    found = []
    for slot in module.get_slots(token_present=True):
        with suppress(PKCS11Error):  # a token that cannot say what it is is none that was meant
            token = slot.get_token()
            if token.flags & TokenFlag.TOKEN_INITIALIZED:
                found.append(token)
    return found


def _in_slot(slot: str, present: list[Token]) -> Token:
    if not (slot.isascii() and slot.isdecimal()):
        raise UsageError(f"{SLOT_VARIABLE}: expected the number of a slot, got {slot!r:.80}")
    number = int(slot)
    by_id = {token.slot.slot_id: token for token in present}
    if number in by_id:
        return by_id[number]
    if number < len(present):
        return present[number]
    raise UsageError(
        f"{SLOT_VARIABLE}: there is no initialised token in slot {number}, nor so many tokens; there is"
        f" {_listed(present)}"
    )


def _says(module: lib, token: Token, name: str, value: str) -> bool:
    """Return whether a token, its slot or its module is what an attribute of a URI says."""
    slot: Slot = token.slot
    if name == "library-version":
        major, minor = module.library_version
        return value == f"{major}.{minor}" or (minor == 0 and value == str(major))
    return (
        value
        == {
            "token": token.label,
            "manufacturer": token.manufacturer_id,
            "model": token.model,
            "serial": token.serial.decode("utf-8", "replace"),
            "slot-id": str(slot.slot_id),
            "slot-description": slot.slot_description,
            "slot-manufacturer": slot.manufacturer_id,
            "library-description": module.library_description,
            "library-manufacturer": module.manufacturer_id,
        }[name].rstrip()
    )


def _listed(tokens: list[Token]) -> str:
    return ", ".join(
        f"{token.label!r:.80} (serial {token.serial.decode('utf-8', 'replace')}, slot {token.slot.slot_id})"
        for token in tokens
    )
