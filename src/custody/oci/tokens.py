"""Tokens of a registry: what its token service is asked, and what it answers (distribution's token specification).

A registry names the service, its realm, itself. Only credentials kept for that very registry are sent there, which it
could have asked for directly; what a redirect leads to may ask for none.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from custody.encoding.fields import Fields, describe
from custody.encoding.strict import read_json
from custody.encoding.text import to_base64
from custody.errors import FormatError, StoreError
from custody.oci.messages import MAX_ANSWER_BYTES, Request
from custody.oci.urls import origin, resolve_url, with_query
from custody.value import Value

if TYPE_CHECKING:
    from custody.oci.challenge import Challenge

__all__ = [
    "DEFAULT_TOKEN_SECONDS",
    "MAX_TOKEN",
    "MAX_TOKEN_SECONDS",
    "Credential",
    "Token",
    "basic",
    "bearer",
    "read_token",
    "token_request",
]

DEFAULT_TOKEN_SECONDS = 60
"""How long a token is used that does not say how long it is good for, and at least: the specification's."""

MAX_TOKEN_SECONDS = 3600
"""The longest that a token is used."""

MAX_TOKEN = 32 * 1024
"""The longest token, in characters."""

_SENDABLE = re.compile(r"[\x21-\x7e]+")


class Credential(Value):
    """What a registry is shown: a name and a password, or a token to be exchanged, or one to be sent as it is."""

    username: str = ""
    password: str = ""
    identity_token: str = ""
    registry_token: str = ""

    def __repr__(self) -> str:
        """Return the name only: the rest is secret."""
        return f"Credential(username={self.username!r})"


class Token(Value):
    """A token and for how many seconds it is good."""

    text: str
    seconds: int = DEFAULT_TOKEN_SECONDS

    def __repr__(self) -> str:
        """Return nothing of it: it is secret."""
        return f"Token(seconds={self.seconds})"


def basic(credential: Credential) -> str:
    """Return the Authorization header of a name and a password.

    Raises:
        StoreError: the name has a colon in it, which would end it.

    """
    if ":" in credential.username:
        raise StoreError(f"expected the user name of a registry without a colon, got {credential.username!r:.80}")
    # Bytes that are no UTF-8 stand in both as Python keeps those of arguments and of the environment.
    packed = f"{credential.username}:{credential.password}".encode("utf-8", "surrogateescape")
    return f"Basic {to_base64(packed)}"


def bearer(token: str) -> str:
    """Return the Authorization header of a token.

    Raises:
        StoreError: it cannot stand in a header; it is not shown.

    """
    if not _SENDABLE.fullmatch(token):
        raise StoreError("the token that is kept for a registry cannot be sent: there is more in it than visible ASCII")
    return f"Bearer {token}"


def token_request(base: str, challenge: Challenge, scope: str, credential: Credential | None) -> Request:
    """Return the request for a token of `scope` that the registry at `base` demands.

    Raises:
        StoreError: the realm is no URL, or would be reached in the clear.

    """
    from urllib.parse import urlencode

    realm = challenge.parameter("realm")
    if not realm:
        raise StoreError(f"{base} demands a token and does not say where from: its challenge has no realm")
    url = resolve_url(base, realm)
    service = challenge.parameter("service")
    asked = [("service", service)] if service else []
    if credential is not None and credential.identity_token:
        form = [*asked, ("scope", scope), ("grant_type", "refresh_token"), ("client_id", "custody")]
        return Request(
            method="POST",
            url=url,
            scope="",
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            body=urlencode(
                [*form, ("refresh_token", credential.identity_token)], encoding="utf-8", errors="surrogateescape"
            ).encode("ascii"),
        )
    headers = {"Authorization": basic(credential)} if credential is not None and credential.username else {}
    scopes = [("scope", one) for one in scope.split()]
    return Request(method="GET", url=with_query(url, *asked, *scopes), scope="", headers=headers)


def read_token(body: bytes, realm: str) -> Token:
    """Return the token in the answer of a token service.

    Raises:
        StoreError: there is none in it, or one that cannot be sent.

    """
    service = origin(realm)[1]
    try:
        fields = Fields(read_json(body, limit=MAX_ANSWER_BYTES))
        text = fields.text("token", "") or fields.text("access_token", "")
        seconds = fields.any("expires_in", None)
    except FormatError as error:
        raise StoreError(f"the token service {service} gave no token: {error}") from None
    if not _SENDABLE.fullmatch(text) or len(text) > MAX_TOKEN:
        raise StoreError(f"the token service {service} gave no token that can be sent")
    if seconds is None:
        return Token(text=text)
    if type(seconds) is not int or seconds < 0:
        raise StoreError(f"the token service {service} gave a token for {describe(seconds)} seconds")
    return Token(text=text, seconds=min(max(seconds, DEFAULT_TOKEN_SECONDS), MAX_TOKEN_SECONDS))
