"""Connections that end in time.

A peer that sends one byte every now and then keeps every time-out between two bytes from running out. So the time-outs
that go with a request are points in time here: whatever is done on the connection gets what is left until then, and
never more than `idle` seconds at once.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpcore
import httpx

from custody.errors import StoreError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DeadlineTransport", "ending_at", "tls_context"]

_CONNECTIONS = 4
_WRITTEN_AT_ONCE = 64 * 1024
_LEAST = 0.001  # of a second: zero would mean not to wait at all, and that fails otherwise
_PORTS = {"http": 80, "https": 443}


def ending_at(moment: float) -> httpx.Timeout:
    """Return the time-outs of a request that has to end at `moment` of the transport's clock."""
    return httpx.Timeout(connect=moment, read=moment, write=moment, pool=1.0)


def tls_context(ca_file: str) -> ssl.SSLContext:
    """Return what TLS is judged by: the system's authorities and those in `ca_file`; there is no way around it.

    Raises:
        UsageError: the file is missing or holds no certificates.

    """
    context = ssl.create_default_context()
    if ca_file:
        try:
            context.load_verify_locations(cafile=ca_file)
        except OSError as error:  # ssl.SSLError is one
            raise UsageError(
                f"the file of certificates {ca_file!r} cannot be used ({error.strerror or error});"
                " expected certificate authorities as PEM"
            ) from None
    return context


class DeadlineTransport(httpx.BaseTransport):
    """What an httpx client sends through, directly or by the proxy that the environment names."""

    def __init__(self, ca_file: str, idle: float, clock: Callable[[], float]) -> None:
        """Connect when there is something to send."""
        self._context = tls_context(ca_file)
        self._backend = _Backend(idle, clock)
        self._pools: dict[str, httpcore.ConnectionPool] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Return the answer to `request`, its body still to be read."""
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        if not isinstance(request.stream, Iterable):  # pragma: no cover  # the client is a synchronous one
            raise TypeError("expected a request whose body can be iterated")
        answer = self._pool(request.url).handle_request(
            httpcore.Request(
                request.method, url, headers=request.headers.raw, content=request.stream, extensions=request.extensions
            )
        )
        return httpx.Response(status_code=answer.status, headers=answer.headers, stream=_Body(answer))

    def close(self) -> None:
        """Close every connection."""
        for pool in self._pools.values():
            pool.close()

    def _pool(self, url: httpx.URL) -> httpcore.ConnectionPool:
        proxy = _proxy_for(url)
        if proxy not in self._pools:
            self._pools[proxy] = httpcore.ConnectionPool(
                ssl_context=self._context,
                proxy=_read_proxy(proxy) if proxy else None,
                max_connections=_CONNECTIONS,
                network_backend=self._backend,
            )
        return self._pools[proxy]


def _proxy_for(url: httpx.URL) -> str:
    """Return the proxy that the environment names for `url`; this machine is always reached directly."""
    found = getproxies()
    proxy = found.get(url.scheme) or found.get("all") or ""
    if not proxy or url.host in {"localhost", "127.0.0.1", "::1"} or proxy_bypass(url.host):
        return ""
    return proxy


def _read_proxy(text: str) -> httpcore.Proxy:
    """Return the proxy that an environment variable holds; its text may hold a password and is never shown."""
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        port = parts.port
    except ValueError:
        raise StoreError("the proxy that the environment names is no URL") from None
    if parts.scheme not in _PORTS or not parts.hostname:
        raise StoreError(f"the proxy that the environment names: expected http://HOST:PORT, got {parts.scheme}://")
    url = httpcore.URL(
        scheme=parts.scheme.encode(), host=parts.hostname.encode(), port=port or _PORTS[parts.scheme], target=b"/"
    )
    auth = (unquote(parts.username).encode(), unquote(parts.password or "").encode()) if parts.username else None
    return httpcore.Proxy(url=url, auth=auth)


class _Body(httpx.SyncByteStream):
    """The body of an answer, from the connection to whoever reads it."""

    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        return self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()


class _Clock:
    """Turns points in time into what is left until then."""

    def __init__(self, idle: float, clock: Callable[[], float]) -> None:
        self._idle = idle
        self._clock = clock

    def left(self, moment: float | None, error: type[httpcore.TimeoutException]) -> float:
        """Return how many seconds may pass; without any left, raise `error`."""
        if moment is None:  # pragma: no cover  # every request has an end
            return self._idle
        left = moment - self._clock()
        if left <= 0:
            raise error("the time for all of it is over")
        return max(min(left, self._idle), _LEAST)


class _Backend(httpcore.NetworkBackend):
    def __init__(self, idle: float, clock: Callable[[], float]) -> None:
        self._clock = _Clock(idle, clock)
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        left = self._clock.left(timeout, httpcore.ConnectTimeout)
        return _Connection(self._sockets.connect_tcp(host, port, left, local_address, socket_options), self._clock)


class _Connection(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, clock: _Clock) -> None:
        self._stream = stream
        self._clock = clock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._clock.left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _WRITTEN_AT_ONCE):
            part = buffer[start : start + _WRITTEN_AT_ONCE]
            self._stream.write(part, self._clock.left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = self._clock.left(timeout, httpcore.ConnectTimeout)
        return _Connection(self._stream.start_tls(ssl_context, server_hostname, left), self._clock)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401  # whatever the backend knows
        return self._stream.get_extra_info(info)
