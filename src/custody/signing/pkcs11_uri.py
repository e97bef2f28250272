"""PKCS #11 URIs (RFC 7512): which key is meant, on which token, and where the module and the PIN come from.

`pkcs11:token=custody;object=builder` names the key `builder` on the token `custody`. Values are percent-encoded. What
the URI leaves out may be anything, as long as one key only is meant. `hsm:builder` is `pkcs11:object=builder`, and
takes its label as it is.

A PIN is never part of a URI: command lines can be read by everybody on the machine. And since a module is code that is
run, URIs with a `module-path` are for command lines, not for files that others may have written.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from custody.errors import UsageError
from custody.value import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["TOKEN_ATTRIBUTES", "KeyURI", "read_label", "read_uri", "shown_id"]

TOKEN_ATTRIBUTES = (
    "token",
    "manufacturer",
    "model",
    "serial",
    "slot-id",
    "slot-description",
    "slot-manufacturer",
    "library-description",
    "library-manufacturer",
    "library-version",
)
"""What may be said about the token, its slot and its module (RFC 7512, section 2.3)."""

_OBJECT_ATTRIBUTES = ("object", "id", "type")
_TYPES = ("private", "public")
_ENCODED = re.compile(r"(?:[^%]|%[0-9A-Fa-f]{2})*", re.DOTALL)

_QUERY = {
    "module-path": "",
    "pin-source": "",
    "module-name": "write module-path=PATH, or set PKCS11_MODULE",
}
"""What may stand behind the `?`, and what to write in place of what is not supported."""


class KeyURI(Value):
    """A key on a token. What is None or empty may be anything; `on` has what is said about the token, by attribute."""

    label: str | None = None
    keyid: bytes | None = None
    kind: str = ""
    on: Mapping[str, str] = {}
    module_path: str = ""
    pin_source: str = ""

    @property
    def shown(self) -> str:
        """The key, as error messages call it."""
        names = []
        if self.label is not None:
            names.append(f"called {self.label!r:.80}")
        if self.keyid is not None:
            names.append(f"with {shown_id(self.keyid)}")
        return " ".join(["key", " and ".join(names)]).strip()


def shown_id(keyid: bytes) -> str:
    """Return how a URI writes an id: not every one is text, so no byte of it is shown as text."""
    return "id=" + "".join(f"%{byte:02X}" for byte in keyid)


def read_uri(rest: str) -> KeyURI:
    """Return what a URI means of which `rest` follows `pkcs11:`.

    Raises:
        UsageError: it is malformed, has a PIN in it, or says something that custody cannot heed.

    """
    path, _, query = rest.partition("?")
    asked = _attributes(query, "&")
    if "pin-value" in asked:
        # Before anything else: no other message may repeat the PIN.
        raise UsageError(
            "'pin-value' in a pkcs11: URI shows the PIN to everybody on this machine, so it is not taken: set"
            " PKCS11_PIN, use --password, or name a file with pin-source=FILE; and change the PIN, if this one was real"
        )
    for name in asked:
        if _QUERY.get(name, "x"):
            remedy = _QUERY.get(name) or "there are module-path and pin-source"
            raise UsageError(f"{name!r:.80} behind the '?' of a pkcs11: URI is not supported; {remedy}")
    found = _attributes(path, ";")
    for name in found:
        if name not in (*TOKEN_ATTRIBUTES, *_OBJECT_ATTRIBUTES):
            known = ", ".join((*_OBJECT_ATTRIBUTES, *TOKEN_ATTRIBUTES))
            raise UsageError(f"a pkcs11: URI has no attribute {name!r:.80}; there are {known}")
    return KeyURI(
        label=_text("object", found["object"]) if "object" in found else None,
        keyid=_keyid(found),
        kind=_kind(found),
        on={name: _of_token(name, _text(name, found[name])) for name in TOKEN_ATTRIBUTES if name in found},
        module_path=_given("module-path", asked),
        pin_source=_given("pin-source", asked),
    )


def read_label(rest: str) -> KeyURI:
    """Return what a URI means of which `rest` follows `hsm:`, a key's label without any encoding; else a UsageError."""
    if not rest:
        raise UsageError("'hsm:' names no key; write hsm:LABEL, or pkcs11:token=TOKEN;object=LABEL")
    return KeyURI(label=rest)


def _attributes(text: str, separator: str) -> dict[str, bytes]:
    """Return the decoded values by name; each name may stand there once."""
    found: dict[str, bytes] = {}
    for part in text.split(separator) if text else ():
        name, equals, value = part.partition("=")
        if not name or not equals:
            raise UsageError(f"expected NAME=VALUE in a pkcs11: URI, between {separator!r}, got {name!r:.80}")
        if name in found:
            raise UsageError(f"{name!r:.80} stands twice in a pkcs11: URI")
        if not _ENCODED.fullmatch(value):
            raise UsageError(f"{name!r:.80} in a pkcs11: URI: a '%' without two hexadecimal digits; write %25 for it")
        found[name] = unquote_to_bytes(value)
    return found


def _text(name: str, value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise UsageError(f"{name!r} in a pkcs11: URI is not UTF-8") from None


def _given(name: str, asked: Mapping[str, bytes]) -> str:
    if name not in asked:
        return ""
    path = _text(name, asked[name])
    if not path or "\0" in path:
        raise UsageError(f"{name!r} in a pkcs11: URI names no file; write {name}=FILE")
    return path


def _keyid(found: Mapping[str, bytes]) -> bytes | None:
    keyid = found.get("id")
    if keyid == b"":
        raise UsageError("'id' in a pkcs11: URI is empty; write its bytes as in id=%01%AF, or leave it out")
    return keyid


def _kind(found: Mapping[str, bytes]) -> str:
    if "type" not in found:
        return ""
    kind = _text("type", found["type"])
    if kind not in _TYPES:
        raise UsageError(f"expected type=private or type=public in a pkcs11: URI, got {kind!r:.80}")
    return kind


def _of_token(name: str, value: str) -> str:
    """Return what a token is compared with: tokens pad their names with blanks (RFC 7512, section 2.5)."""
    if name == "slot-id" and not (value.isascii() and value.isdecimal()):
        raise UsageError(f"expected a number for 'slot-id' in a pkcs11: URI, got {value!r:.80}")
    return str(int(value)) if name == "slot-id" else value.rstrip()
