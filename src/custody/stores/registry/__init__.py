"""Images in registries: the driver of the protocol in `custody.oci`, on httpx, which the extra `oci` brings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.errors import UsageError
from custody.oci.messages import Remote
from custody.oci.reference import DOCKER_HUB
from custody.stores.registry.options import RegistryOptions

if TYPE_CHECKING:
    from custody.oci.reference import Reference
    from custody.stores.registry.repository import RegistryRepository

__all__ = ["RegistryOptions", "open_repository"]

_DOCKER_HUB_HOST = "registry-1.docker.io"


def open_repository(reference: Reference, *, options: RegistryOptions) -> RegistryRepository:
    """Return the repository of `reference`; nothing is asked yet.

    Raises:
        UsageError: the extra `oci` is missing, or `options.ca_file` is.

    """
    try:
        from custody.stores.registry.session import Session  # slow, and an extra
    except ImportError:
        raise UsageError("images in registries need an extra: pip install 'custody[oci]'") from None
    from custody.stores.registry.credentials import find_credential
    from custody.stores.registry.repository import RegistryRepository

    host = _DOCKER_HUB_HOST if reference.registry == DOCKER_HUB else reference.registry
    base = f"{'http' if options.plain_http else 'https'}://{host}"
    at = Remote(base=base, registry=reference.registry, repository=reference.repository)
    session = Session(base, options, lambda: find_credential(reference, options))
    return RegistryRepository(at, session, options.progress)
