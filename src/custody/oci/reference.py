"""Names of images, read as docker reads them.

`myapp:v1` is `docker.io/library/myapp:v1`; what comes before the first slash is a registry if it has a dot or a
colon in it or is `localhost`. A name without tag and digest has the tag `latest`::

    read_reference("localhost:5000/shop/app:v1").repository == "shop/app"
"""

from __future__ import annotations

import re
from typing import Self

from custody.errors import FormatError, UsageError
from custody.oci.digest import Digest, read_digest
from custody.value import Value

__all__ = ["DEFAULT_TAG", "DOCKER_HUB", "MAX_REFERENCE_NAME", "Reference", "is_tag", "read_reference"]

DOCKER_HUB = "docker.io"
"""The registry of names without one."""

DEFAULT_TAG = "latest"
"""The tag of names that have neither tag nor digest."""

MAX_REFERENCE_NAME = 255
"""Characters of registry and repository together, as in docker."""

_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_REGISTRY = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]+\])(?::[0-9]{{1,5}})?")
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_LOOKS_LIKE_ID = re.compile(r"[0-9a-f]{64}")
_MAX_TEXT = 600  # the longest name, tag and digest together
_MAX_PORT = 65535


class Reference(Value):
    """An image in a registry; with both tag and digest, the digest says which one."""

    registry: str
    repository: str
    tag: str = ""
    digest: Digest | None = None

    def __str__(self) -> str:
        """Return the reference in full; `read_reference(str(r)) == r`."""
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.name}{tag}@{self.digest}" if self.digest else f"{self.name}{tag}"

    @property
    def name(self) -> str:
        """Registry and repository."""
        return f"{self.registry}/{self.repository}"

    @property
    def version(self) -> str:
        """What to ask the repository for: the digest if there is one, else the tag."""
        return str(self.digest) if self.digest else self.tag

    def with_digest(self, digest: Digest) -> Self:
        """Return the image `digest` of the same repository."""
        return self.replace(tag="", digest=digest)

    def with_tag(self, tag: str) -> Self:
        """Return the image `tag` of the same repository."""
        return self.replace(tag=tag, digest=None)


def is_tag(text: str) -> bool:
    """Return whether `text` can be a tag."""
    return _TAG.fullmatch(text) is not None


def read_reference(text: str) -> Reference:
    """Return the reference that `text` writes.

    Raises:
        UsageError: it is none; the message says what was expected.

    """
    if "://" in text:
        _refuse(text, "a name without a scheme")
    if len(text) > _MAX_TEXT:
        _refuse(text, f"at most {_MAX_TEXT} characters")
    rest, at, digest = text.partition("@")
    name, tag = _split_tag(rest)
    if tag is not None and not is_tag(tag):
        _refuse(text, "a tag of letters, digits, `_`, `.` and `-`, at most 128 characters")
    registry, repository = _split_name(name, text)
    return Reference(
        registry=registry,
        repository=repository,
        tag=tag or ("" if at else DEFAULT_TAG),
        digest=_read_digest(digest, text) if at else None,
    )


def _split_tag(rest: str) -> tuple[str, str | None]:
    """Return the name and the tag; a colon before a slash is that of a port."""
    name, colon, tag = rest.rpartition(":")
    return (name, tag) if colon and "/" not in tag else (rest, None)


def _split_name(name: str, text: str) -> tuple[str, str]:
    first, slash, repository = name.partition("/")
    if not slash or not _is_registry(first):
        registry, repository = DOCKER_HUB, name
    else:
        registry = DOCKER_HUB if first == "index.docker.io" else first
    if registry == DOCKER_HUB and "/" not in repository:
        if _LOOKS_LIKE_ID.fullmatch(repository):
            _refuse(text, "a name, and this is the id of a local image")
        repository = f"library/{repository}"
    if len(f"{registry}/{repository}") > MAX_REFERENCE_NAME:
        _refuse(text, f"a name of at most {MAX_REFERENCE_NAME} characters")
    if not _is_host(registry):
        _refuse(text, "a registry such as registry.example.com, localhost:5000 or [::1]:5000")
    if not _REPOSITORY.fullmatch(repository):
        _refuse(text, "a repository of lower-case letters and digits, with `.`, `_`, `__`, `-` and `/` between them")
    return registry, repository


def _is_registry(first: str) -> bool:
    return "." in first or ":" in first or first == "localhost" or first != first.lower()


def _is_host(registry: str) -> bool:
    if not _REGISTRY.fullmatch(registry):
        return False
    port = re.search(r":([0-9]+)\Z", registry) if not registry.endswith("]") else None
    return port is None or 0 < int(port[1]) <= _MAX_PORT


def _read_digest(digest: str, text: str) -> Digest:
    try:
        return read_digest(digest)
    except FormatError as error:
        raise UsageError(f"the image reference {text!r:.200}: {error}") from None


def _refuse(text: str, expected: str) -> None:
    raise UsageError(
        f"the image reference {text!r:.200}: expected {expected}; write [REGISTRY[:PORT]/]REPOSITORY[:TAG][@DIGEST]"
    )
