"""Who we are to one registry: what is sent as Authorization, and how it is come by.

A token is kept for the scope it was given for, until it expires, and goes to that registry only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.errors import FormatError, StoreError
from custody.oci.challenge import read_challenges
from custody.oci.messages import failure
from custody.oci.tokens import basic, bearer, read_token, token_request
from custody.oci.urls import origin

if TYPE_CHECKING:
    from collections.abc import Callable

    from custody.oci.challenge import Challenge
    from custody.oci.messages import Request, Response
    from custody.oci.tokens import Credential

__all__ = ["Authorizer"]

_MARGIN = 10.0
"""A token that is good for fewer seconds is not sent any more: it would expire on the way."""

_OK = 200


class Authorizer:
    """Answers the challenges of the registry at `base`; the credential is looked up when first needed."""

    def __init__(
        self,
        base: str,
        credential: Callable[[], Credential | None],
        send: Callable[[Request], Response],
        clock: Callable[[], float],
    ) -> None:
        """Know nothing yet."""
        self._base = base
        self._find = credential
        self._found: tuple[Credential | None] | None = None
        self._send = send
        self._clock = clock
        self._basic = ""
        self._tokens: dict[str, tuple[str, float]] = {}

    def header(self, scope: str) -> str:
        """Return what to send for `scope` as far as it is known, empty before the first challenge."""
        text, end = self._tokens.get(scope, ("", 0.0))
        if text and self._clock() + _MARGIN < end:
            return f"Bearer {text}"
        return self._basic

    def answer(self, header: str, scope: str) -> str:
        """Return what to send after the challenge in `header`; empty if there is nothing to show.

        Raises:
            StoreError: the challenge or its token service makes no sense, or the credentials are refused.

        """
        try:
            challenges = {challenge.scheme: challenge for challenge in reversed(read_challenges(header))}
        except FormatError as error:
            raise StoreError(f"{self._base} demands what cannot be understood: {error}") from None
        if "bearer" in challenges:
            return self._bearer(challenges["bearer"], scope)
        credential = self._credential()
        if "basic" in challenges and credential is not None and credential.username:
            self._basic = basic(credential)
        return self._basic

    def _bearer(self, challenge: Challenge, scope: str) -> str:
        credential = self._credential()
        if credential is not None and credential.registry_token:
            return bearer(credential.registry_token)
        now = self._clock()
        request = token_request(self._base, challenge, scope, credential)
        response = self._send(request)
        if response.status != _OK:
            raise failure(response, f"get a token for {self._base} from {origin(request.url)[1]}")
        token = read_token(response.body, request.url)
        self._tokens[scope] = (token.text, now + token.seconds)
        return f"Bearer {token.text}"

    def _credential(self) -> Credential | None:
        if self._found is None:
            self._found = (self._find(),)
        return self._found[0]
