"""Where a registry may send its clients: redirects, upload locations, next pages, token services.

Nothing goes from https to http, and no URL may bring a user name along: it would be sent as a password.
"""

from __future__ import annotations

import re

from custody.errors import StoreError
from custody.oci.messages import plain_text

__all__ = ["MAX_URL", "next_page", "origin", "resolve_url", "with_query"]

MAX_URL = 8192
"""The longest URL that is followed; those of cloud storage, with their signatures, have about 2000 characters."""

_LINK = re.compile(r'\s*<([^<>]*)>\s*;\s*rel\s*=\s*"?next"?\s*(?:;.*)?', re.IGNORECASE)
_VISIBLE = re.compile(r"[\x21-\x7e]+")
_PLACE = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?")  # not everybody reads others alike
_PORTS = {"http": 80, "https": 443}


def resolve_url(base: str, location: str) -> str:
    """Return the absolute URL that `location`, as `base` gave it, leads to.

    Raises:
        StoreError: it is no http(s) URL, has a user name in it, or leads from https to http.

    """
    from urllib.parse import urljoin

    if len(location) > MAX_URL or not _VISIBLE.fullmatch(location):
        raise StoreError(f"{_short(base)} leads to what is no URL: {plain_text(location)!r}")
    try:
        url = urljoin(base, location).partition("#")[0]
        scheme = origin(url)[0]
    except ValueError:
        raise StoreError(f"{_short(base)} leads to what is no URL: {plain_text(location)!r}") from None
    if scheme == "http" and not base.startswith("http://"):
        raise StoreError(f"{_short(base)} leads from https to {_short(url)}, where anybody could read along")
    return url


def origin(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port of a URL: credentials for one origin go to no other.

    Raises:
        ValueError: it is no http(s) URL with a host and without a user name.

    """
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme not in _PORTS or not _PLACE.fullmatch(parts.netloc):
        raise ValueError("expected an http(s) URL without a user name")
    return parts.scheme, host, parts.port or _PORTS[parts.scheme]


def with_query(url: str, *parameters: tuple[str, str]) -> str:
    """Return `url` with more parameters; what it has already stays as it is, byte for byte."""
    from urllib.parse import urlencode

    return f"{url}{'&' if '?' in url else '?'}{urlencode(parameters)}"


def next_page(base: str, link: str) -> str:
    """Return the URL of the next page that a Link header names, empty if it names none.

    Raises:
        StoreError: it is on another host.

    """
    for value in re.split(r",(?=\s*<)", link):
        found = _LINK.fullmatch(value)
        if found is not None:
            url = resolve_url(base, found[1])
            if origin(url) != origin(base):
                raise StoreError(f"the next page of {_short(base)} is on another host: {_short(url)}")
            return url
    return ""


def _short(url: str) -> str:
    """Return a URL for messages; its query may hold secrets."""
    return plain_text(url.partition("?")[0])
