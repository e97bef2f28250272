"""URLs without what is nobody's business: user names, passwords and tokens."""

from __future__ import annotations

from custody.errors import UsageError

__all__ = ["has_user", "public_url", "remote_url"]


def has_user(uri: str) -> bool:
    """Return whether `uri` has a user, with or without a password, before its host."""
    _, separator, rest = uri.partition("://")
    return bool(separator) and "@" in rest.partition("/")[0]


def public_url(text: str, where: str) -> str:
    """Return the URL `text` without user, password, query and fragment, all of which may hold a token.

    Raises:
        UsageError: it is none; the message does not repeat it.

    """
    from urllib.parse import urlsplit, urlunsplit  # slow to import

    expected = f"{where}: expected a URL such as https://example.com/project"
    if not text.isprintable() or " " in text or "\\" in text:
        raise UsageError(f"{expected}, got something with blanks, backslashes or control characters")
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise UsageError(f"{expected}, got something else") from None
    host = parts.netloc.rpartition("@")[2]
    if not parts.scheme or not host:
        raise UsageError(f"{expected}, got something without a scheme or a host")
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def remote_url(remote: str) -> str:
    """Return where git's remote is, as a URL without credentials; '' if no URL says it, as for a relative path.

    `git@host:path` is `ssh://host/path`, and `/path` is `file:///path`.
    """
    from urllib.parse import quote

    if remote.startswith("/") and not remote.startswith("//"):
        return f"file://{quote(remote)}"
    scheme, separator, rest = remote.partition("://")
    if separator and scheme == "file":
        return f"file://{quote(rest.partition('?')[0], safe='/%')}" if rest.startswith("/") else ""
    if not separator:
        host, colon, path = remote.partition(":")
        path = path.lstrip("/")
        if not colon or "/" in host or path.startswith(":") or not path:
            return ""  # a relative path, or a helper such as `ext::...`, which may hold anything
        if "@" in path.partition("/")[0]:
            return ""  # no path, but a password: `user:password@host/path`, a URL without its scheme
        remote = f"ssh://{host}/{path}"
    try:
        return public_url(remote, "the remote")
    except UsageError:
        return ""
