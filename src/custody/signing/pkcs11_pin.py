"""The PIN of a token, from the most particular place: the URI's pin-source, the command line, the environment.

It is never in argv and never printed. There is one try: a token locks itself after a few wrong ones.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from custody.errors import UsageError
from custody.files import read_file
from custody.signing.secret import MAX_PASSPHRASE_BYTES, PIN_VARIABLE

if TYPE_CHECKING:
    from custody.signing.pkcs11_uri import KeyURI
    from custody.signing.signer import Request

__all__ = ["has_pin", "pin_of"]

_OTHERS = 0o077


def has_pin(uri: KeyURI, request: Request) -> bool:
    """Return whether there is a place to get a PIN from; nothing is asked or read yet."""
    return bool(uri.pin_source or request.secret or os.environ.get(PIN_VARIABLE))


def pin_of(uri: KeyURI, request: Request, token: str) -> str:
    """Return the PIN for `token`, as it is called in questions and errors.

    Raises:
        UsageError: there is none, or it is no text.
        StoreError: its file cannot be read.

    """
    if uri.pin_source:
        return _text(_from_file(uri.pin_source, request), f"the PIN in {uri.pin_source!r}")
    if request.secret:
        return _text(request.secret.of(f"{token} (its PIN)"), "the PIN")
    value = os.environ.get(PIN_VARIABLE)
    if not value:
        raise UsageError(
            f"{token} wants a PIN: use --password (asks on the terminal), --password-env NAME or --password-fd N, set"
            f" {PIN_VARIABLE}, or name a file with ?pin-source=FILE behind the URI"
        )
    return _text(os.fsencode(value), f"the PIN in the environment variable {PIN_VARIABLE!r}")


def _from_file(source: str, request: Request) -> bytes:
    """Return the first line of a file; RFC 7512 leaves it open what a pin-source is, and a program is none here."""
    if source.startswith("|"):
        raise UsageError("a pin-source that is a program is not run; name a file, or set PKCS11_PIN")
    path = source.removeprefix("file:")
    if path != source and path.startswith("//"):
        host, _, absolute = path[2:].partition("/")
        if host not in {"", "localhost"}:
            raise UsageError(f"the pin-source 'file://{host:.80}/...' is on another machine; write file:///PATH")
        path = f"/{absolute}"
    data = read_file(path, what="PIN", limit=MAX_PASSPHRASE_BYTES + 2)
    with suppress(OSError):  # it was read, and is gone now
        if os.stat(path).st_mode & _OTHERS:
            request.remark(f"other users may read the PIN in {path!r}; keep it to yourself: chmod 600 {path!r}")
    return data.split(b"\n")[0].removesuffix(b"\r")


def _text(value: bytes, what: str) -> str:
    if not value:
        raise UsageError(f"{what} is empty")
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise UsageError(f"{what} is not UTF-8, as tokens want it") from None
