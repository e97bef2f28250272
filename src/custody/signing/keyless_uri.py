"""What a `sigstore:` URI asks for.

`sigstore:` signs with the public instance and the identity of the CI job that this is. After a `?` may follow, joined
by `&` and percent-encoded:

| parameter | meaning |
|---|---|
| `identity`, `issuer` | who the certificate has to name; another one is an error |
| `token-env=NAME`, `token-fd=N`, `token-file=PATH` | where the identity token is |
| `ambient=false` | no CI job: ask in a browser |
| `config=FILE` | another instance, as a Sigstore client trust config describes it |
| `trusted-root=FILE`, `fulcio=URL`, `rekor=URL` | another instance, in parts: whom to trust, its authority and log |
| `rekor-version=2`, `tsa=URL`, `oidc=URL` | the log's version, a timestamp authority, the provider for a browser |

The token itself never stands in a URI, where everybody could read it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.errors import UsageError
from custody.value import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["KeylessURI", "parse_keyless_uri"]

_SOURCES = ("token-env", "token-fd", "token-file")
_PARTS = ("trusted-root", "fulcio", "rekor", "rekor-version", "tsa", "oidc")
_NEEDED = ("trusted-root", "fulcio", "rekor")
_KNOWN = ("identity", "issuer", "ambient", "config", *_SOURCES, *_PARTS)
_REKOR_VERSIONS = ("1", "2")


class KeylessURI(Value):
    """The parameters; all are empty for the public instance and the identity of a CI job."""

    identity: str = ""
    issuer: str = ""
    token_env: str = ""
    token_fd: int | None = None
    token_file: str = ""
    browser: bool = False
    config: str = ""
    parts: Mapping[str, str] = {}
    """The parts of another instance by the names that the URI has for them."""


def parse_keyless_uri(rest: str) -> KeylessURI:
    """Return what follows `sigstore:` in a URI, taken apart.

    Raises:
        UsageError: a parameter is unknown, there twice, makes no sense, or goes not with another one.

    """
    found = _parameters(rest)
    sources = [name for name in _SOURCES if name in found]
    if len(sources) > 1:
        raise UsageError(f"'sigstore:': the identity token comes from one place, got {' and '.join(sources)}")
    parts = {name: found[name] for name in _PARTS if name in found}
    if parts and "config" in found:
        raise UsageError(f"'sigstore:': expected config or {', '.join(parts)}, got both")
    missing = [name for name in _NEEDED if name not in parts]
    if parts and missing:
        raise UsageError(f"'sigstore:': another instance needs {', '.join(_NEEDED)}; {', '.join(missing)} is missing")
    _one_of(found, "rekor-version", _REKOR_VERSIONS)
    _one_of(found, "ambient", ("true", "false"))
    browser = found.get("ambient") == "false"
    if browser and sources:
        raise UsageError(f"'sigstore:': ambient=false asks in a browser, so {sources[0]} is of no use")
    return KeylessURI(
        identity=found.get("identity", ""),
        issuer=found.get("issuer", ""),
        token_env=found.get("token-env", ""),
        token_fd=_descriptor(found["token-fd"]) if "token-fd" in found else None,
        token_file=found.get("token-file", ""),
        browser=browser,
        config=found.get("config", ""),
        parts=parts,
    )


def _parameters(rest: str) -> dict[str, str]:
    from urllib.parse import unquote

    before, question, query = rest.partition("?")
    if before or (question and not query):
        raise UsageError(f"'sigstore:{rest:.200}': expected sigstore:?NAME=VALUE&...; the parameters are {_listed()}")
    found: dict[str, str] = {}
    for item in query.split("&") if query else ():
        name, equals, value = item.partition("=")
        if name not in _KNOWN:
            raise UsageError(f"'sigstore:' has no parameter {name!r:.80}; there are {_listed()}")
        if not equals or not value:
            raise UsageError(f"'sigstore:': {name} has no value; write {name}=...")
        if name in found:
            raise UsageError(f"'sigstore:': {name} is given twice")
        found[name] = unquote(value)
    return found


def _listed() -> str:
    return ", ".join(_KNOWN)


def _one_of(found: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> None:
    if name in found and found[name] not in allowed:
        raise UsageError(f"'sigstore:': expected {name}={' or '.join(allowed)}, got {found[name]!r:.80}")


def _descriptor(text: str) -> int:
    if not text.isdecimal() or not text.isascii():
        raise UsageError(f"'sigstore:': expected the number of a descriptor as token-fd, got {text!r:.80}")
    return int(text)
