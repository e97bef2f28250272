"""What refers to an image: the referrers API, or the index under the tag `sha256-<hex>` where there is none.

A registry without the API keeps the list as its clients write it (distribution specification 1.1, "Referrers Tag
Schema"), so whoever pushes a manifest with a subject also maintains that index.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.errors import FormatError, StoreError
from custody.oci.manifest import (
    MANIFEST_TYPES,
    MAX_MANIFEST_BYTES,
    MAX_MANIFESTS,
    OCI_INDEX,
    Index,
    make_index,
    read_manifest,
)
from custody.oci.messages import Request, failure
from custody.oci.protocol import MAX_PAGES, fetch_manifest, get_manifest, put_manifest
from custody.oci.urls import next_page, with_query

if TYPE_CHECKING:
    from collections.abc import Iterable

    from custody.oci.descriptor import Descriptor
    from custody.oci.digest import Digest
    from custody.oci.manifest import Manifest
    from custody.oci.messages import Exchange, Remote, Response

__all__ = [
    "MAX_INDEX_TRIES",
    "MAX_LISTED_BYTES",
    "MAX_REFERRERS",
    "fallback_tag",
    "list_referrers",
    "push_manifest",
]

MAX_REFERRERS = 1000
"""Referrers of one image and one type that are looked at."""

MAX_INDEX_TRIES = 5
"""How often the index of referrers is written anew because somebody else wrote it meanwhile."""

MAX_LISTED_BYTES = 64 * 1024 * 1024
"""Bytes of one list of referrers, all pages together, and of manifests in it that are read for their types: annotations
may be of any length."""

_OK = 200
_NO_API = (400, 404, 405, 406)  # how registries say that they do not know the path


def fallback_tag(digest: Digest) -> str:
    """Return the tag of the index of referrers where there is no API."""
    return f"{digest.algorithm}-{digest.hex[:64]}"


def list_referrers(at: Remote, digest: Digest, artifact_type: str = "") -> Exchange[tuple[Descriptor, ...]]:
    """Return the referrers of `digest`, each once, of `artifact_type` if it is given.

    Some clients leave the type out when they copy the index; then the manifest is asked for it.

    Raises:
        StoreError: there are more than `MAX_REFERRERS`, or the registry answers nonsense.

    """
    found = yield from _from_api(at, digest, artifact_type)
    if found is None:
        found, _ = yield from _from_tag(at, digest)
    wanted: dict[Digest, Descriptor] = {}
    for descriptor in found:
        if artifact_type and descriptor.artifact_type not in ("", artifact_type):
            continue
        wanted.setdefault(descriptor.digest, descriptor)
        if len(wanted) > MAX_REFERRERS:
            raise StoreError(
                f"cannot list what refers to {digest} in {at.title}: expected at most {MAX_REFERRERS}, got more;"
                " remove old ones"
            )
    typed = yield from _with_types(at, wanted.values())
    return tuple(descriptor for descriptor in typed if artifact_type in ("", descriptor.artifact_type))


def push_manifest(at: Remote, manifest: Manifest | Index, name: str) -> Exchange[None]:
    """Store a manifest as `name`, a tag or its digest; with a subject it is found as its referrer afterwards."""
    response = yield from put_manifest(at, manifest, name)
    if manifest.subject is not None and response is not None and not response.header("oci-subject"):
        yield from _keep_listed(at, manifest.subject.digest, manifest.referrer)


def _keep_listed(at: Remote, subject: Digest, referrer: Descriptor) -> Exchange[None]:
    """Put `referrer` into the index of those of `subject`, and look whether it stayed there.

    Two clients that write at once overwrite each other, and few registries heed If-Match: hence the second look.
    """
    for _ in range(MAX_INDEX_TRIES):
        listed, etag = yield from _from_tag(at, subject)
        if any(_is_same(entry, referrer) for entry in listed):
            return
        others = [entry for entry in listed if entry.digest != referrer.digest]
        if len(others) >= MAX_MANIFESTS:
            raise StoreError(f"cannot list one more referrer of {subject} in {at.title}: there are {MAX_MANIFESTS}")
        yield from put_manifest(at, make_index([*others, referrer]), fallback_tag(subject), etag)
    listed, _ = yield from _from_tag(at, subject)
    if not any(_is_same(entry, referrer) for entry in listed):
        raise StoreError(
            f"cannot list {referrer.digest} as a referrer of {subject} in {at.title}: others keep writing the list;"
            " try again"
        )


def _is_same(entry: Descriptor, referrer: Descriptor) -> bool:
    return entry.digest == referrer.digest and entry.artifact_type == referrer.artifact_type


def _from_api(at: Remote, digest: Digest, artifact_type: str) -> Exchange[tuple[Descriptor, ...] | None]:
    """Return what the API lists, filtered or not; None if there is no API."""
    found: list[Descriptor] = []
    left = MAX_LISTED_BYTES
    url = at.url(f"referrers/{digest}")
    url = with_query(url, ("artifactType", artifact_type)) if artifact_type else url
    for page in range(MAX_PAGES):
        response = yield Request(
            method="GET",
            url=url,
            scope=at.scope("pull"),
            headers={"Accept": OCI_INDEX},
            limit=MAX_MANIFEST_BYTES,
        )
        if page == 0 and (response.status in _NO_API or (response.status == _OK and response.media_type != OCI_INDEX)):
            return None
        found += _read_page(at, digest, response)
        left -= len(response.body)
        if len(found) > MAX_MANIFESTS or left < 0:
            most = f"{MAX_MANIFESTS}, in {MAX_LISTED_BYTES} bytes" if left < 0 else f"{MAX_MANIFESTS}"
            raise StoreError(f"cannot list what refers to {digest} in {at.title}: expected at most {most}, got more")
        url = next_page(response.url, response.header("link"))
        if not url:
            return tuple(found)
    raise StoreError(f"cannot list what refers to {digest} in {at.title}: expected at most {MAX_PAGES} pages, got more")


def _read_page(at: Remote, digest: Digest, response: Response) -> tuple[Descriptor, ...]:
    doing = f"list what refers to {digest} in {at.title}"
    if response.status != _OK:
        raise failure(response, doing)
    try:
        page = read_manifest(response.body, response.media_type)
    except FormatError as error:
        raise StoreError(f"cannot {doing}: {error}") from None
    if not isinstance(page, Index):
        raise StoreError(f"cannot {doing}: expected an index, got a manifest")
    return page.manifests


def _from_tag(at: Remote, digest: Digest) -> Exchange[tuple[tuple[Descriptor, ...], str]]:
    """Return the entries of the index that clients maintain, and its ETag."""
    fetched = yield from fetch_manifest(at, fallback_tag(digest))
    if fetched is None:
        return (), ""
    index, response = fetched
    if not isinstance(index, Index):
        raise StoreError(
            f"cannot list what refers to {digest} in {at.title}: expected an index called {fallback_tag(digest)},"
            " got a manifest"
        )
    etag = response.header("etag")
    return index.manifests, "" if etag.startswith("W/") else etag


def _with_types(at: Remote, descriptors: Iterable[Descriptor]) -> Exchange[tuple[Descriptor, ...]]:
    """Return the descriptors with what their manifests say where they have no type of artifact.

    One whose manifest cannot be read stays as it is: it must not hide the others, and whoever reads it is told.
    """
    typed: list[Descriptor] = []
    left = MAX_LISTED_BYTES
    for descriptor in descriptors:
        if descriptor.artifact_type or descriptor.media_type not in MANIFEST_TYPES:
            typed.append(descriptor)
            continue
        try:
            manifest = yield from get_manifest(at, str(descriptor.digest))
        except StoreError:
            manifest = None
        typed.append(descriptor if manifest is None else manifest.referrer)
        left -= 0 if manifest is None else len(manifest.raw)
        if left < 0:
            raise StoreError(
                f"{at.title}: expected manifests of at most {MAX_LISTED_BYTES} bytes in a list without types"
            )
    return tuple(typed)
