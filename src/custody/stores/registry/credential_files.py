"""The files in which docker and podman keep what registries demand: `config.json` and `auth.json`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from custody.encoding.fields import Fields, as_text, path_to
from custody.encoding.strict import read_json
from custody.encoding.text import from_base64
from custody.errors import FormatError, StoreError
from custody.files import read_file
from custody.oci.reference import DOCKER_HUB
from custody.oci.tokens import Credential
from custody.value import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custody.oci.reference import Reference

__all__ = ["DOCKER_HUB_KEY", "MAX_CREDENTIALS_BYTES", "CredentialFile", "read_credential_file"]

MAX_CREDENTIALS_BYTES = 1024 * 1024
"""The largest file of credentials."""

DOCKER_HUB_KEY = "https://index.docker.io/v1/"
"""What docker calls its hub in these files, and to helpers."""

_IDENTITY = "<token>"


class CredentialFile(Value):
    """What one file has: entries by registry, a helper for some, and one for all others."""

    path: str
    auths: Mapping[str, Any] = {}
    helpers: Mapping[str, str] = {}
    store: str = ""

    def helper(self, reference: Reference) -> str:
        """Return the name of the helper that has the credential, empty if there is none."""
        for key in _host_keys(reference):
            if key in self.helpers:
                return self.helpers[key]
        return self.store

    def find(self, reference: Reference) -> Credential | None:
        """Return the entry for the repository, its registry last; an empty one is none.

        Raises:
            StoreError: the entry cannot be understood.

        """
        entries = {_normal(key): key for key in reversed(list(self.auths))}
        for wanted in _wanted(reference):
            if wanted in entries:
                where = path_to("auths", entries[wanted])
                try:
                    found = _read_entry(self.auths[entries[wanted]], where)
                except FormatError as error:
                    raise StoreError(f"cannot use {self.path!r}: {error}") from None
                if found is not None:
                    return found
        return None


def read_credential_file(path: str) -> CredentialFile:
    """Return what the file has.

    Raises:
        StoreError: it cannot be read or understood.

    """
    data = read_file(path, what="the file of credentials", limit=MAX_CREDENTIALS_BYTES)
    try:
        fields = Fields(read_json(data, limit=MAX_CREDENTIALS_BYTES))
        helpers = fields.object("credHelpers", {})
        return CredentialFile(
            path=path,
            auths=fields.object("auths", {}),
            helpers={key: as_text(name, path_to("credHelpers", key)) for key, name in helpers.items()},
            store=fields.text("credsStore", ""),
        )
    except FormatError as error:
        raise StoreError(f"cannot use {path!r}: {error}") from None


def _host_keys(reference: Reference) -> tuple[str, ...]:
    if reference.registry == DOCKER_HUB:
        return DOCKER_HUB_KEY, "index.docker.io", DOCKER_HUB
    return (reference.registry,)


def _wanted(reference: Reference) -> tuple[str, ...]:
    """Return the names of entries, the most special one first: the repository, what it is in, the registry.

    A longer name has to match part by part: `quay.io/shop` says nothing about `quay.io/shopping`.
    """
    parts = reference.name.split("/")
    names = ["/".join(parts[:count]) for count in range(len(parts), 0, -1)]
    return (*names, "index.docker.io") if reference.registry == DOCKER_HUB else tuple(names)


def _normal(key: str) -> str:
    """Return a key without what docker puts around a registry: `https://`, and `/v1/` or `/v2/`."""
    _, scheme, rest = key.rpartition("://")
    rest = rest.rstrip("/")
    if scheme:
        return rest.partition("/")[0]
    return rest.removesuffix("/v1").removesuffix("/v2")


def _read_entry(value: object, where: str) -> Credential | None:
    fields = Fields(value, where)
    username, password = fields.text("username", ""), fields.text("password", "")
    packed = fields.text("auth", "")
    if packed:
        # docker pads what it encodes with zero bytes at times
        plain = from_base64(packed, fields.path("auth")).decode("utf-8", "surrogateescape").rstrip("\0")
        username, colon, password = plain.partition(":")
        if not colon:
            raise FormatError("expected a name, a colon and a password in base64", where=fields.path("auth"))
    identity = fields.text("identitytoken", "")
    if username == _IDENTITY:
        identity, username, password = identity or password, "", ""
    credential = Credential(
        username=username,
        password=password,
        identity_token=identity,
        registry_token=fields.text("registrytoken", ""),
    )
    return None if credential == Credential() else credential
