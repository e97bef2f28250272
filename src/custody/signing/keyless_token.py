"""Identity tokens: what an identity provider gives out for somebody, good for some minutes.

From a variable, a descriptor or a file that the URI names; else from the variable `SIGSTORE_ID_TOKEN`, which GitLab
sets where it is asked to; else from the CI job that this is: GitHub Actions and others, as the `sigstore` library finds
them. A token is a secret while it lasts. It is read again for each certificate, except from a descriptor.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from custody.errors import SignatureError, UsageError
from custody.files import read_file
from custody.signing.secret import read_descriptor

if TYPE_CHECKING:
    from collections.abc import Callable

    from sigstore.oidc import IdentityToken

    from custody.signing.keyless_uri import KeylessURI

__all__ = ["MAX_TOKEN_BYTES", "TOKEN_VARIABLE", "TokenSource"]

TOKEN_VARIABLE = "SIGSTORE_ID_TOKEN"  # noqa: S105  # its name

MAX_TOKEN_BYTES = 64 * 1024
"""The longest identity token; usual ones have less than 4 kB."""

_AMBIENT = frozenset({TOKEN_VARIABLE, "ACTIONS_ID_TOKEN_REQUEST_TOKEN"})
"""With these, whoever has them is the CI job to the whole world."""


class TokenSource:
    """One place that identity tokens come from; its text form shows the place only."""

    __slots__ = ("_browser", "_read", "_uri")

    def __init__(self, uri: KeylessURI, browser: Callable[[], IdentityToken]) -> None:
        """Take them from where `uri` says; `browser` asks a person for one."""
        self._uri = uri
        self._browser = browser
        self._read = b""

    @property
    def withheld(self) -> frozenset[str]:
        """The environment variables with which others could sign as this identity."""
        uri = self._uri
        elsewhere = uri.browser or uri.token_file or uri.token_fd is not None
        named = frozenset({uri.token_env}) if uri.token_env else frozenset()
        return named if named or elsewhere else _AMBIENT

    def token(self) -> IdentityToken:
        """Return a token that is good now.

        Raises:
            UsageError: there is none.
            StoreError: its file cannot be read.
            SignatureError: it is none, or has expired.

        """
        from sigstore.oidc import IdentityError, IdentityToken

        if self._uri.browser:
            return self._browser()
        text, where = self._text()
        try:
            return IdentityToken(text)
        except IdentityError as error:
            because = f" ({error.__cause__})" if error.__cause__ else ""
            raise SignatureError(
                f"{where} is no identity token that is good now: {error}{because}; tokens last for minutes and are"
                " made for the audience 'sigstore'"
            ) from None

    def _text(self) -> tuple[str, str]:
        """Return the token and what to call the place where it was."""
        uri = self._uri
        if uri.token_fd is not None:
            where = f"what descriptor {uri.token_fd} gave"
            self._read = self._read or read_descriptor(uri.token_fd, "identity token", MAX_TOKEN_BYTES)
            return _plain(self._read, where), where
        if uri.token_file:
            where = f"what the file {uri.token_file!r} holds"
            return _plain(read_file(uri.token_file, what="identity token", limit=MAX_TOKEN_BYTES), where), where
        name = uri.token_env or TOKEN_VARIABLE
        value = os.environ.get(name)
        if value:
            where = f"what the environment variable {name!r} holds"
            return _plain(os.fsencode(value), where), where
        if uri.token_env:
            raise UsageError(f"the environment variable {name!r} is not set; expected an identity token in it")
        return _ambient(), "what this CI job was given"


def _ambient() -> str:
    from sigstore.oidc import IdentityError, detect_credential

    try:
        found = detect_credential()
    except IdentityError as error:
        raise SignatureError(f"this CI job was given no identity token: {' '.join(str(error).split()):.300}") from None
    if not found:
        raise UsageError(
            "there is no identity token here: this is no CI job that gives one out; name a place with token-env,"
            f" token-fd or token-file, set {TOKEN_VARIABLE}, or write sigstore:?ambient=false to be asked in a browser"
        )
    return found


def _plain(data: bytes, where: str) -> str:
    try:
        text = data.decode("ascii").strip()
    except UnicodeDecodeError:
        text = ""
    if not text or len(data) > MAX_TOKEN_BYTES:
        raise SignatureError(f"{where} is no identity token: expected at most {MAX_TOKEN_BYTES} bytes of ASCII text")
    return text
