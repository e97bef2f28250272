"""How keys in clouds are named: as cosign's users write it, and as securesystemslib does.

| URI | key |
|---|---|
| `awskms:///KEY`, `awskms:KEY` | KEY is an id, an ARN, `alias/NAME` or an alias's ARN |
| `gcpkms://projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/V` | also with `versions/V` |
| `azurekms://VAULT.vault.azure.net/NAME`, with `/VERSION` or not | `/keys/NAME` and `/keys/NAME/VERSION` too |
| `hashivault://NAME`, with `/VERSION` or not | a key of Vault's Transit engine; `hv:NAME/VERSION` too |

Behind any of them `?timeout=SECONDS` says how long the service may take.
"""

from __future__ import annotations

import re

from custody.errors import UsageError
from custody.value import Value

__all__ = ["DEFAULT_KMS_SECONDS", "MAX_KMS_SECONDS", "KMSKey", "read_kms_uri"]

DEFAULT_KMS_SECONDS = 60.0
"""How long a service may take, looking for credentials included, before it is given up."""

MAX_KMS_SECONDS = 300.0
"""The longest that `?timeout=` may ask for."""

_TIMEOUT = re.compile(r"timeout=([0-9]{1,6})")
_AWS = re.compile(r"[A-Za-z0-9:/_-]{1,2048}")
_GCP = re.compile(
    r"(projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+)(?:/(?:cryptoKeyV|v)ersions/([^/]+))?"
)
_AZURE = re.compile(r"([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)/(?:keys/)?([0-9A-Za-z-]{1,127})(?:/([0-9A-Za-z]{1,64}))?")
_VAULT = re.compile(r"([A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?)(?:/([1-9][0-9]{0,8}))?")


class KMSKey(Value):
    """One key of one service. `version` is empty if the newest is meant, `seconds` is how long the service may take."""

    uri: str
    service: str
    name: str
    host: str = ""
    version: str = ""
    seconds: float = DEFAULT_KMS_SECONDS


def read_kms_uri(scheme: str, rest: str) -> KMSKey:
    """Return the key that `scheme:rest` names; `uri` is without the query.

    Raises:
        UsageError: it names none; the message says how to.

    """
    path, question, query = rest.partition("?")
    key = _READERS[scheme](f"{scheme}:{path}", path)
    return key.replace(seconds=_seconds(key.uri, query)) if question else key


def _seconds(uri: str, query: str) -> float:
    match = _TIMEOUT.fullmatch(query)
    if match is None:
        raise UsageError(f"'{uri:.200}': expected ?timeout=SECONDS or nothing, got {query!r:.80} after the '?'")
    seconds = float(match[1])
    if not 1 <= seconds <= MAX_KMS_SECONDS:
        raise UsageError(f"'{uri:.200}': expected a timeout of 1 to {MAX_KMS_SECONDS:.0f} seconds, got {match[1]}")
    return seconds


def _aws(uri: str, path: str) -> KMSKey:
    if path.startswith("//") and not path.startswith("///"):
        raise UsageError(
            f"'{uri:.200}' names a server; write awskms:///KEY with three slashes, and if the server is not Amazon's,"
            " name it in the environment: AWS_ENDPOINT_URL_KMS"
        )
    name = path.removeprefix("///")
    if not _AWS.fullmatch(name) or name.startswith("/"):
        raise _unreadable(uri, "awskms:///KEY, where KEY is a key's id or ARN, or alias/NAME")
    return KMSKey(uri=uri, service="awskms", name=name)


def _gcp(uri: str, path: str) -> KMSKey:
    form = "gcpkms://projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/V"
    match = _GCP.fullmatch(path.removeprefix("//"))
    if match is None or not path.isprintable() or " " in path:
        raise _unreadable(uri, form)
    if not match[2]:
        raise UsageError(f"'{uri:.300}' names no version, and each is another key; write {form}")
    return KMSKey(uri=uri, service="gcpkms", name=match[1], version=match[2])


def _azure(uri: str, path: str) -> KMSKey:
    match = _AZURE.fullmatch(path.removeprefix("//"))
    if match is None:
        raise _unreadable(uri, "azurekms://VAULT.vault.azure.net/NAME or azurekms://VAULT.vault.azure.net/NAME/VERSION")
    return KMSKey(uri=uri, service="azurekms", host=match[1], name=match[2], version=match[3] or "")


def _vault(uri: str, path: str) -> KMSKey:
    match = _VAULT.fullmatch(path.removeprefix("//"))
    if match is None:
        raise _unreadable(uri, "hashivault://NAME or hashivault://NAME/VERSION")
    return KMSKey(uri=uri, service="hashivault", name=match[1], version=match[2] or "")


def _unreadable(uri: str, form: str) -> UsageError:
    return UsageError(f"'{uri:.200}' names no key; expected {form}")


_READERS = {"awskms": _aws, "gcpkms": _gcp, "azurekms": _azure, "hashivault": _vault, "hv": _vault}
