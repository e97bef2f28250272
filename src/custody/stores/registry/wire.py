"""One request and its answer: sent, read within its limits, and sent again where that may help."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import httpcore
import httpx

from custody.errors import StoreError
from custody.oci.messages import MAX_ANSWER_BYTES, Response, plain_text
from custody.oci.urls import origin
from custody.stores.registry.retries import MAX_TRIES, may_pass, pause
from custody.stores.registry.transport import DeadlineTransport, ending_at

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from typing import TypeAlias

    from custody.oci.messages import Request
    from custody.stores.registry.options import RegistryOptions

    Answer: TypeAlias = tuple[Response, httpx.Response | None]
    """What was answered; and what its body can still be read from, if it is a stream."""

__all__ = ["MAX_ANSWER_SECONDS", "MIN_BYTES_PER_SECOND", "BrokenOffError", "Wire", "pieces"]

MAX_ANSWER_SECONDS = 60.0
"""How long one request may take, before what a blob may take."""

MIN_BYTES_PER_SECOND = 32 * 1024
"""A blob that moves more slowly than this is given up."""

_OK, _ERRORS = 200, 400
_FAILURES = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.TimeoutException,
    httpcore.UnsupportedProtocol,
    httpx.HTTPError,
    httpx.InvalidURL,
    UnicodeError,  # a host name that no resolver takes
)


class BrokenOffError(StoreError):
    """A request got no whole answer; what is `lasting` would go on like this."""

    lasting = False


class LastingError(BrokenOffError):
    """The same, and trying again is no use."""

    lasting = True


class Wire:
    """Sends requests as they are, to whatever host they name."""

    def __init__(self, options: RegistryOptions) -> None:
        """Connect when there is something to send."""
        self._options = options
        transport = DeadlineTransport(options.ca_file, options.idle_seconds, options.clock)
        self._client = httpx.Client(transport=transport, trust_env=False, follow_redirects=False)
        self.close = self._client.close

    def once(self, request: Request, url: str, authorization: str = "", size: int = 0) -> Answer:
        """Return the answer of `url`; a stream of about `size` bytes stays open if it is one that was asked for.

        Raises:
            BrokenOffError: there was no whole answer.
            StoreError: the answer is longer than it may be, or encoded.

        """
        moment = self._options.clock() + MAX_ANSWER_SECONDS + max(size, request.length) / MIN_BYTES_PER_SECOND
        try:
            opened = self._client.send(self._built(request, url, authorization, moment), stream=True)
            self._client.cookies.clear()
            if request.stream and opened.status_code == _OK:
                _refuse_encoded(opened, url)
                return _response(opened, url, b""), opened
            try:
                return _response(opened, url, _body(opened, request, url)), None
            finally:
                opened.close()
        except _FAILURES as error:
            raise _broken_off(error, url) from error

    def send(self, request: Request) -> Response:
        """Return the answer of where the request goes, without redirects, tried several times if need be."""
        return self.patiently(request, lambda: self.once(request, request.url))[0]

    def patiently(self, request: Request, attempt: Callable[[], Answer]) -> Answer:
        """Return the answer that `attempt` gets, at the last try whatever it is.

        Raises:
            BrokenOffError: no try got a whole answer.

        """
        tries = MAX_TRIES if request.repeatable else 1
        for tried in range(1, tries + 1):
            response = None
            try:
                response, opened = attempt()
                if tried == tries or not may_pass(response):
                    return response, opened
            except BrokenOffError as error:
                if tried == tries or error.lasting:
                    raise
            self._options.sleep(pause(tried, response))
        raise AssertionError  # pragma: no cover  # the last try returns or raises

    def _built(self, request: Request, url: str, authorization: str, moment: float) -> httpx.Request:
        headers = {"User-Agent": "custody", "Accept-Encoding": "identity", **request.headers}
        if authorization:
            headers["Authorization"] = authorization
        content: bytes | Iterator[bytes] = request.body
        if request.content is not None:
            headers["Content-Length"] = str(request.length)
            content = iter(request.content)
        return self._client.build_request(
            request.method, url, headers=headers, content=content, timeout=ending_at(moment)
        )


def pieces(opened: httpx.Response | None, url: str) -> Generator[bytes, None, None]:
    """Yield the body of an answer, which is closed afterwards; of none, nothing.

    Raises:
        StoreError: it broke off, or took too long.

    """
    if opened is None:
        return
    try:
        yield from opened.iter_raw()
    except _FAILURES as error:
        raise _broken_off(error, url) from error
    finally:
        opened.close()


def _response(opened: httpx.Response, url: str, body: bytes) -> Response:
    headers = {name.lower(): opened.headers[name] for name in opened.headers}
    return Response(url=url, status=opened.status_code, headers=headers, body=body)


def _body(opened: httpx.Response, request: Request, url: str) -> bytes:
    """Return the body; of an error no more than can be told, of anything else all of it or nothing."""
    failed = opened.status_code >= _ERRORS
    limit = MAX_ANSWER_BYTES if failed else request.limit
    _refuse_encoded(opened, url)
    parts: list[bytes] = []
    left = limit
    for part in opened.iter_raw():
        left -= len(part)
        parts.append(part)
        if left < 0:
            if failed:
                break
            raise StoreError(f"{_host(url)} answered with more than the {limit} bytes that are read")
    return b"".join(parts)[:limit]


def _refuse_encoded(opened: httpx.Response, url: str) -> None:
    """Refuse compressed answers: nobody asked for them, and a few bytes of them can be gigabytes."""
    encoding = opened.headers.get("content-encoding", "identity")
    if encoding.strip().lower() != "identity":
        opened.close()
        raise StoreError(f"{_host(url)} answered compressed ({plain_text(encoding)}), which nobody asked for")


def _broken_off(error: Exception, url: str) -> BrokenOffError:
    """Return what to say, and whether to try again, after `error`."""
    host = _host(url)
    if isinstance(error, (httpcore.TimeoutException, httpx.TimeoutException)):
        return BrokenOffError(f"{host} took too long")
    cause = error.__cause__ or error.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return LastingError(
            f"{host} does not prove who it is ({plain_text(cause.verify_message)});"
            " if its certificate is of an authority of your own, give it with --ca-file"
        )
    if isinstance(cause, ssl.SSLError):
        return LastingError(
            f"{host} does not speak TLS as it should ({plain_text(cause.reason or str(cause))});"
            " if it is meant to be reached in the clear, say so with --plain-http"
        )
    return BrokenOffError(f"cannot get an answer of {host}: {plain_text(str(error) or type(error).__name__)}")


def _host(url: str) -> str:
    _, host, port = origin(url)
    return f"{host}:{port}"
