"""What the registry's protocol asks for and is given: requests and responses, without a socket.

An operation is a generator that yields a `Request`, is sent the `Response`, and returns its result. Who drives it adds
authorization, follows redirects, and reads no more of an answer than the request's `limit`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, TypeVar

from custody.encoding.fields import Fields
from custody.encoding.strict import read_json
from custody.errors import FormatError, StoreError
from custody.value import Value

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping

__all__ = ["MAX_ANSWER_BYTES", "Exchange", "Remote", "Request", "Response", "failure", "plain_text"]

MAX_ANSWER_BYTES = 64 * 1024
"""The longest answer that is no manifest, no list and no blob, such as an error."""

_MAX_SHOWN = 200
_T = TypeVar("_T")


class Remote(Value):
    """One repository of a registry; `base` is scheme and host that requests go to."""

    base: str
    registry: str
    repository: str

    @property
    def title(self) -> str:
        """How it is called in messages."""
        return f"{self.registry}/{self.repository}"

    def url(self, path: str) -> str:
        """Return the URL of `path` in the repository."""
        return f"{self.base}/v2/{self.repository}/{path}"

    def scope(self, actions: str) -> str:
        """Return the scope of a token for `actions`, such as `pull,push`."""
        return f"repository:{self.repository}:{actions}"


class Request(Value):
    """A request; its answer is read up to `limit` bytes, or not at all if it is a `stream`.

    `content` is sent piece by piece, `length` bytes in all, instead of `body`. What is `repeatable` has the same
    effect when it is sent twice.
    """

    method: str
    url: str
    scope: str
    headers: Mapping[str, str] = {}
    body: bytes = b""
    content: Iterable[bytes] | None = None
    length: int = 0
    limit: int = MAX_ANSWER_BYTES
    stream: bool = False
    repeatable: bool = True


class Response(Value):
    """An answer: `headers` by lower-case name; `url` is what answered, after redirects."""

    url: str
    status: int
    headers: Mapping[str, str] = {}
    body: bytes = b""

    def header(self, name: str) -> str:
        """Return a header, empty if it is not there."""
        return self.headers.get(name, "")

    @property
    def media_type(self) -> str:
        """The type of the body, without parameters, in lower case."""
        return self.header("content-type").partition(";")[0].strip().lower()


if TYPE_CHECKING:
    Exchange: TypeAlias = Generator[Request, Response, _T]
else:
    Exchange = None


def failure(response: Response, doing: str) -> StoreError:
    """Return the error for an answer that was not expected; `doing` completes "cannot"."""
    remedy = _REMEDIES.get(response.status, "")
    said = _said(response)
    return StoreError(
        f"cannot {doing}: the registry answered {response.status}{f' ({said})' if said else ''}"
        f"{f'; {remedy}' if remedy else ''}"
    )


def plain_text(text: str) -> str:
    """Return `text` shortened and without anything that a terminal would act on."""
    shown = "".join(character if character.isprintable() else "?" for character in text[: _MAX_SHOWN + 1])
    return shown if len(shown) <= _MAX_SHOWN else f"{shown[: _MAX_SHOWN - 3]}..."


_REMEDIES = {
    401: "log in with `docker login`, or give --registry-username and a password",
    403: "ask for access to the repository, or log in as somebody who has it",
    429: "it limits how often it is asked: log in, or try again later",
}


def _said(response: Response) -> str:
    """Return the first error in the answer's body, empty if there is none."""
    try:
        errors = Fields(read_json(response.body, limit=MAX_ANSWER_BYTES)).list("errors", [])
        first = Fields(errors[0] if errors else {}, "errors[0]")
        code, message = first.text("code", ""), first.text("message", "")
    except FormatError:
        return ""
    return plain_text(": ".join(part for part in (code, message) if part))
