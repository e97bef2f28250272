"""Asking an authority for the timestamp of a signature (RFC 3161, section 3.4: over HTTP).

The answer is checked for being about this signature; whether the authority is believed is the verifier's choice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.errors import SignatureError, UsageError
from custody.keys.timestamps import MAX_TIMESTAMP_BYTES, NEEDS_TIMESTAMP_EXTRA, read_token

if TYPE_CHECKING:
    from collections.abc import Callable

    from rfc3161_client import TimeStampRequest, TimeStampResponse

__all__ = ["MAX_TIMESTAMP_SECONDS", "timestamper"]

MAX_TIMESTAMP_SECONDS = 20.0
"""How long an authority may take for each of its answer's parts."""

_QUERY, _REPLY = "application/timestamp-query", "application/timestamp-reply"


def timestamper(url: str) -> Callable[[bytes], bytes]:
    """Return what gets the timestamp of a signature from the authority at `url`.

    Plain HTTP will do: what comes back is signed, and checked by whoever verifies.

    Raises:
        UsageError: `url` is none of HTTP, or the extra that reads timestamps is not installed.

    """
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UsageError(f"expected the address of a timestamp authority, http://... or https://..., got {url!r:.200}")
    try:
        import rfc3161_client  # noqa: F401  # what is missing is said before a command runs
    except ImportError:
        raise UsageError(NEEDS_TIMESTAMP_EXTRA) from None
    return lambda signature: _timestamp(url, signature)


def _timestamp(url: str, signature: bytes) -> bytes:
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

    request = TimestampRequestBuilder().data(signature).hash_algorithm(HashAlgorithm.SHA256).build()
    token = _ask(url, request.as_bytes())
    response = read_token(token)
    if isinstance(response, str):
        raise SignatureError(f"the timestamp authority {url} did not answer with a timestamp: {response}")
    problem = _mismatch(response, request)
    if problem:
        raise SignatureError(f"the timestamp authority {url} gave no timestamp for this signature: {problem}")
    return token


def _mismatch(response: TimeStampResponse, request: TimeStampRequest) -> str:
    """Return why the answer is none to the request, '' if it is one."""
    if response.status != 0:
        said = " ".join(" ".join(response.status_string).split())
        return f"it refused with status {response.status}{f' ({said:.100})' if said else ''}"
    info = response.tst_info
    if info.message_imprint.message != request.message_imprint.message:
        return "it is about something else"
    return "" if info.nonce == request.nonce else "it answers another question (its nonce differs)"


def _ask(url: str, query: bytes) -> bytes:
    from http.client import HTTPException
    from urllib.request import HTTPRedirectHandler, Request, build_opener

    class NoRedirects(HTTPRedirectHandler):
        def redirect_request(self, *_: object) -> None:
            """Follow nothing: the answer is to come from where it was asked for."""

    request = Request(url, data=query, headers={"Content-Type": _QUERY, "Accept": _REPLY})  # noqa: S310  # checked before
    try:
        with build_opener(NoRedirects).open(request, timeout=MAX_TIMESTAMP_SECONDS) as answer:
            kind = answer.headers.get_content_type()
            data: bytes = answer.read(MAX_TIMESTAMP_BYTES + 1)
    except (OSError, HTTPException, ValueError) as error:
        raise SignatureError(f"the timestamp authority {url} cannot be asked: {error!s:.200}") from None
    if kind != _REPLY:
        raise SignatureError(f"the timestamp authority {url} did not answer with {_REPLY}, but with {kind!r:.80}")
    return data
