"""Which credential goes to a registry: the user's own words first, then the files of docker and podman.

`REGISTRY_AUTH_FILE` names the only file that is read, if it is set. Otherwise those are read that exist, in this order:
`config.json` in `DOCKER_CONFIG` or `~/.docker`, and podman's `containers/auth.json` in `XDG_RUNTIME_DIR` and in
`XDG_CONFIG_HOME` or `~/.config`. The first that has something for the registry counts. Nothing found means anonymous.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from custody.errors import UsageError
from custody.oci.reference import DOCKER_HUB
from custody.oci.tokens import Credential
from custody.stores.registry.credential_files import DOCKER_HUB_KEY, read_credential_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from custody.oci.reference import Reference
    from custody.stores.registry.credential_files import CredentialFile
    from custody.stores.registry.options import RegistryOptions

__all__ = ["find_credential"]


def find_credential(
    reference: Reference, options: RegistryOptions, environ: Mapping[str, str] | None = None
) -> Credential | None:
    """Return what to show the registry of `reference`, None to stay anonymous.

    Raises:
        StoreError: a file or a helper that has the answer cannot be used.
        UsageError: there is a name without a password, or a password without a name.

    """
    environ = os.environ if environ is None else environ
    if options.username or options.password is not None:
        if not options.username or options.password is None:
            raise UsageError("a registry's user name and password go together: give both, or neither")
        return Credential(username=options.username, password=options.password())
    for path in _paths(environ):
        found = _in_file(read_credential_file(path), reference, environ)
        if found is not None:
            return found
    return None


def _in_file(file: CredentialFile, reference: Reference, environ: Mapping[str, str]) -> Credential | None:
    helper = file.helper(reference)
    if helper:
        from custody.stores.registry.credential_helpers import ask_helper  # many have none

        server = DOCKER_HUB_KEY if reference.registry == DOCKER_HUB else reference.registry
        found = ask_helper(helper, server, environ)
        if found is not None:
            return found
    return file.find(reference)


def _paths(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield the files to read; one that was named must be there."""
    named = environ.get("REGISTRY_AUTH_FILE")
    if named:
        yield named
        return
    home = environ.get("HOME") or os.path.expanduser("~")
    docker = environ.get("DOCKER_CONFIG") or os.path.join(home, ".docker")
    config = environ.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")
    runtime = environ.get("XDG_RUNTIME_DIR")
    candidates = [os.path.join(docker, "config.json")]
    candidates += [os.path.join(place, "containers", "auth.json") for place in (runtime, config) if place]
    yield from (path for path in candidates if os.path.lexists(path))
