"""Everything between an operation of the protocol and a socket, for one registry.

Redirects are followed by hand: from https to http never, and Authorization goes to the registry that asked for it and
to no other host. Proxies are taken from the environment; `.netrc` is not read, and cookies are not kept.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, TypeVar

from custody.errors import StoreError
from custody.oci.urls import origin, resolve_url
from custody.stores.registry.tokens import Authorizer
from custody.stores.registry.wire import Wire, pieces

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from custody.oci.messages import Exchange, Request
    from custody.oci.tokens import Credential
    from custody.stores.registry.options import RegistryOptions
    from custody.stores.registry.wire import Answer

__all__ = ["MAX_REDIRECTS", "Session"]

MAX_REDIRECTS = 5
"""Redirects that one request follows."""

_T = TypeVar("_T")
_REDIRECTS = (301, 302, 303, 307, 308)
_UNAUTHORIZED = 401


class Session:
    """Drives the operations on one registry; its connections are closed when nobody holds it any more."""

    def __init__(self, base: str, options: RegistryOptions, credential: Callable[[], Credential | None]) -> None:
        """Connect when there is something to send."""
        self._origin = origin(base)
        self._wire = Wire(options)
        self._authorizer = Authorizer(base, credential, self._wire.send, options.clock)
        self.close = weakref.finalize(self, self._wire.close)

    def run(self, exchange: Exchange[_T]) -> _T:
        """Return the result of an operation.

        Raises:
            StoreError: the registry cannot be reached, or answers what it should not.

        """
        result, stream = self.stream(exchange, 0)
        stream.close()
        return result

    def stream(self, exchange: Exchange[_T], size: int) -> tuple[_T, Generator[bytes, None, None]]:
        """Return the result of an operation, and the stream of `size` bytes that its last answer is."""
        opened, url = None, ""
        try:
            request = next(exchange)
            while True:
                response, opened = self._send(request, size)
                url = response.url
                request = exchange.send(response)
        except StopIteration as end:
            return end.value, pieces(opened, url)
        except BaseException:
            if opened is not None:
                opened.close()
            raise

    def _send(self, request: Request, size: int) -> Answer:
        return self._wire.patiently(request, lambda: self._authorized(request, size))

    def _authorized(self, request: Request, size: int) -> Answer:
        """Return the answer, after the registry was shown who asks if it wants to know.

        Only its own demand counts: what a redirect or an upload location leads to gets no credentials.
        """
        sent = self._authorizer.header(request.scope) if self._is_own(request.url) else ""
        response, opened = self._follow(request, sent, size)
        if response.status != _UNAUTHORIZED or not self._is_own(response.url):
            return response, opened
        if request.content is not None and iter(request.content) is request.content:
            return response, opened  # what was sent is gone
        authorization = self._authorizer.answer(response.header("www-authenticate"), request.scope)
        if not authorization or authorization == sent:
            return response, opened
        return self._follow(request, authorization, size)

    def _follow(self, request: Request, authorization: str, size: int) -> Answer:
        url = request.url
        for _ in range(MAX_REDIRECTS + 1):
            response, opened = self._wire.once(request, url, authorization, size)
            location = response.header("location")
            if response.status not in _REDIRECTS or not location or request.method not in {"GET", "HEAD"}:
                return response, opened
            url = resolve_url(url, location)
            if not self._is_own(url):
                authorization = ""  # and it stays away, also if the way leads back
        raise StoreError(f"{self._origin[1]} redirects more than {MAX_REDIRECTS} times")

    def _is_own(self, url: str) -> bool:
        return origin(url) == self._origin
