"""Resolvers: what hashes the artifacts that URIs name.

A resolver of your own serves a scheme from the moment it is registered, in every recording of this process::

    from in_toto.resolver import RESOLVER_FOR_URI_SCHEME, Resolver

    class Image(Resolver):
        def hash_artifacts(self, uris):
            return {uri: {"sha256": digest_of(uri)} for uri in uris}

    RESOLVER_FOR_URI_SCHEME["image"] = Image()

Paths, `file:`, `dir:`, `oci:` and `ostree:` need none: what is recorded is recorded by custody.
"""

from __future__ import annotations

from in_toto.resolver._resolver import (
    RESOLVER_FOR_URI_SCHEME,
    DirectoryResolver,
    FileResolver,
    OCIResolver,
    OSTreeResolver,
    Resolver,
)

__all__ = ["RESOLVER_FOR_URI_SCHEME", "DirectoryResolver", "FileResolver", "OCIResolver", "OSTreeResolver", "Resolver"]
