"""Which Sigstore instance signs: the public one, one that a file describes, or one whose parts the URI names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from custody.encoding.fields import as_object
from custody.encoding.strict import read_json, write_json
from custody.errors import FormatError, SignatureError, UsageError
from custody.files import read_file
from custody.keys.keyless_names import NEEDS_EXTRA
from custody.keys.trusted_root import MAX_TRUSTED_ROOT_BYTES, TrustedRoot

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sigstore.models import ClientTrustConfig

    from custody.signing.keyless_uri import KeylessURI

__all__ = ["Instance", "instance_of"]

_LONG_AGO = "2000-01-01T00:00:00Z"


class Instance:
    """An instance: the library's description of it, and whom it trusts, to check what was signed."""

    __slots__ = ("config", "trusted_root")

    def __init__(self, config: ClientTrustConfig, trusted_root: TrustedRoot) -> None:
        """Keep both."""
        self.config = config
        self.trusted_root = trusted_root


def instance_of(uri: KeylessURI) -> Instance:
    """Return the instance that `uri` names; the public one is asked for its present keys, which needs the network.

    Raises:
        UsageError: the extra for keyless signing is not installed.
        StoreError, FormatError: a file cannot be read, or is not what it should be.
        SignatureError: the public instance cannot be asked.

    """
    try:
        from sigstore.models import ClientTrustConfig
    except ImportError:
        raise UsageError(f"signing with 'sigstore:' {NEEDS_EXTRA}") from None
    if not uri.config and not uri.parts:
        return _public()
    path = uri.config or uri.parts["trusted-root"]
    what = "Sigstore client trust config" if uri.config else "trusted root"
    data = read_file(path, what=what, limit=MAX_TRUSTED_ROOT_BYTES)
    try:
        document = as_object(read_json(data), "")
        if not uri.config:
            document = _document(document, uri.parts)
        root = write_json(as_object(document.get("trustedRoot"), "trustedRoot"))
        return Instance(ClientTrustConfig.from_json(write_json(document).decode()), TrustedRoot(lambda: root, path))
    except FormatError as error:
        raise error.within(path) from None
    except ValueError as error:
        raise FormatError(f"expected a {what}: {str(error).partition(chr(10))[0]}", where=path) from None


def _public() -> Instance:
    from sigstore.errors import Error
    from sigstore.models import ClientTrustConfig

    try:
        config = ClientTrustConfig.production()
    except (Error, OSError) as error:
        raise SignatureError(f"the public Sigstore instance cannot be asked for its keys: {error}") from None
    root = config._inner.trusted_root.to_json().encode()  # noqa: SLF001  # the library gives it out in no other way
    return Instance(config, TrustedRoot(lambda: root, "the public instance's trusted root"))


def _document(root: Mapping[str, Any], parts: Mapping[str, str]) -> dict[str, Any]:
    """Return the client trust config of an instance that has these parts."""

    def service(name: str, version: str = "1") -> list[dict[str, object]]:
        if name not in parts:
            return []
        valid = {"start": _LONG_AGO}
        url = parts[name].rstrip("/")
        return [{"url": url, "majorApiVersion": int(version), "validFor": valid, "operator": "URI"}]

    return {
        "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
        "trustedRoot": dict(root),
        "signingConfig": {
            "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
            "caUrls": service("fulcio"),
            "oidcUrls": service("oidc"),
            "rekorTlogUrls": service("rekor", parts.get("rekor-version", "1")),
            "tsaUrls": service("tsa"),
            "rekorTlogConfig": {"selector": "ANY"},
            "tsaConfig": {"selector": "ANY"},
        },
    }
