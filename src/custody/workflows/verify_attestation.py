"""Verifying what is attested about a file, a directory or an image.

The subject is the digest of what was named: a file's content as it is now, an image's manifest or index. An index does
not cover the images for its platforms, and they do not cover the index; whoever wants that asks for it, and is told.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from custody.errors import UsageError
from custody.keys.key import Key
from custody.keys.public import PublicKey, key_of_spki
from custody.keys.schemes import RSA_DEFAULT_SCHEME
from custody.models.digest_set import PINNED_ALGORITHM
from custody.models.fields_match import FieldDemand
from custody.models.resource_descriptor import ResourceDescriptor
from custody.value import Value
from custody.verification.attestation_case import AttestationDemands, AttestationVerdict, Covering
from custody.verification.attestations import judge_attestations
from custody.workflows.attestations import attestations_in, attestations_on

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from custody.oci.descriptor import Descriptor
    from custody.oci.digest import Digest
    from custody.verification.attestation_case import Attestation
    from custody.workflows.targets import Target

__all__ = ["Judged", "Query", "attestation_file", "in_every_padding", "verify_attestation"]

_SUFFIX = ".intoto.jsonl"
_NO_PLATFORM = "unknown"
_COSIGN_RSA = "rsa-pkcs1v15-sha256"


class Query(Value):
    """What is asked: a type of predicate, by whom, how many of them, and what it has to say.

    `files` have attestations besides those that hang on an image. `index` is the index that an image is one platform
    of; with it, what is attested about the index counts for the image. With `platforms` an index counts if each of its
    images does.
    """

    predicate_type: str
    keys: tuple[Key, ...]
    threshold: int = 1
    fields: tuple[FieldDemand, ...] = ()
    files: tuple[str, ...] = ()
    index: Digest | None = None
    platforms: bool = False


class Judged(Value):
    """The verdict on one artifact; `title` is what it is called, `covers` whom it was judged for if that is more."""

    title: str
    verdict: AttestationVerdict


def verify_attestation(target: Target, query: Query, *, at: datetime) -> tuple[Judged, ...]:
    """Return the verdict on `target`, or one for each platform of an index if those are asked for; all have to accept.

    Raises:
        UsageError: something is asked for that the target has not, or a threshold that nobody can meet.
        StoreError, FormatError: the attestations of a file cannot be read, or there is no trusted root for identities.

    """
    if target.store is None or target.descriptor is None:
        return (_judge_files(target, query, at),)
    own = _judge_image(target, target.descriptor, query, at, title=target.name)
    if own.verdict.accepted or not query.platforms:
        return (own,)
    return tuple(
        _judge_image(target, each, query.replace(index=None), at, title=f"{target.name} for {each.platform or 'any'}")
        for each in _platforms(target, target.descriptor)
    )


def in_every_padding(keys: Iterable[Key]) -> tuple[Key, ...]:
    """Return `keys`, RSA keys also with the padding that cosign signs with: their files do not say which is meant."""
    found: list[Key] = []
    for key in keys:
        found.append(key)
        if isinstance(key, PublicKey) and key.scheme == RSA_DEFAULT_SCHEME:
            found.append(key_of_spki(key.spki, "the key", scheme=_COSIGN_RSA).replace(keyid=key.keyid))
    return tuple(found)


def attestation_file(path: str) -> str:
    """Return where the attestations of the file or directory `path` are, unless somebody says otherwise."""
    return f"{path.rstrip(os.sep) or path}{_SUFFIX}"


def _judge_files(target: Target, query: Query, at: datetime) -> Judged:
    if query.index is not None or query.platforms:
        raise UsageError(f"{target.name!r} is no image, so it has no index and no platforms")
    usual = attestation_file(target.name)
    files = query.files or ((usual,) if os.path.lexists(usual) else ())
    demands = _demands(target.subjects, query, whole=target.kind == "directory")
    verdict = judge_attestations(_in_files(files), demands, at=at, title=target.name)
    return Judged(title=target.name, verdict=verdict)


def _judge_image(target: Target, image: Descriptor, query: Query, at: datetime, *, title: str) -> Judged:
    algorithm = image.digest.algorithm
    subject = ResourceDescriptor(name=title, digest={algorithm: image.digest.hex})
    covering: tuple[Covering, ...] = ()
    if query.index is not None and query.index != image.digest:
        about = f"the index {query.index}, of which this image is one platform"
        covering = (Covering(title=about, digest={query.index.algorithm: query.index.hex}, asked=True),)
    demands = _demands((subject,), query, pinned=algorithm, covering=covering)
    found = _on_image(target, image, query)
    return Judged(title=title, verdict=judge_attestations(found, demands, at=at, title=title))


def _demands(
    subjects: tuple[ResourceDescriptor, ...],
    query: Query,
    *,
    whole: bool = False,
    pinned: str = PINNED_ALGORITHM,
    covering: tuple[Covering, ...] = (),
) -> AttestationDemands:
    return AttestationDemands(
        subjects=subjects,
        predicate_type=query.predicate_type,
        keys=query.keys,
        threshold=query.threshold,
        fields=query.fields,
        whole=whole,
        pinned=pinned,
        covering=covering,
    )


def _on_image(target: Target, image: Descriptor, query: Query) -> Iterator[Attestation]:
    """Yield what was given in files first: whoever floods a registry must not hide that."""
    yield from _in_files(query.files)
    if target.store is not None:
        yield from attestations_on(target.store, image.digest)
        if query.index is not None and query.index != image.digest:
            yield from attestations_on(target.store, query.index)


def _in_files(files: tuple[str, ...]) -> Iterator[Attestation]:
    for path in files:
        yield from attestations_in(path)


def _platforms(target: Target, image: Descriptor) -> tuple[Descriptor, ...]:
    """Return the images of an index, without what some builders put beside them, which is for `unknown/unknown`.

    An entry that names no platform is an image for every one: that is how runtimes take it.
    """
    from custody.oci.manifest import Index

    found = None if target.store is None else target.store.manifest(str(image.digest))
    if not isinstance(found, Index):
        raise UsageError(f"{target.name!r} is one image, not an index, so it has no platforms")
    images = tuple(
        each for each in found.manifests if each.platform is None or each.platform.architecture != _NO_PLATFORM
    )
    if not images:
        raise UsageError(f"the index {target.name!r} has no images for any platform")
    return images
