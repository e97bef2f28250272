"""The distribution protocol for manifests, blobs and tags (distribution specification 1.1), without a socket.

Each function is an `Exchange`. What is absent is None or False; every other answer than those of the specification is
a StoreError.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.encoding.fields import Fields
from custody.encoding.strict import read_json
from custody.errors import FormatError, StoreError, UsageError
from custody.oci.digest import Digest, read_digest
from custody.oci.manifest import INDEX_TYPES, MANIFEST_TYPES, MAX_MANIFEST_BYTES, read_manifest
from custody.oci.messages import Request, failure, plain_text
from custody.oci.reference import is_tag
from custody.oci.urls import next_page, resolve_url, with_query

if TYPE_CHECKING:
    from collections.abc import Iterable

    from custody.oci.descriptor import Descriptor
    from custody.oci.manifest import Index, Manifest
    from custody.oci.messages import Exchange, Remote, Response

__all__ = [
    "MAX_PAGES",
    "MAX_TAGS",
    "check_name",
    "fetch_manifest",
    "get_blob",
    "get_manifest",
    "has",
    "list_tags",
    "mount_blob",
    "put_blob",
    "put_manifest",
]

MAX_PAGES = 1000
"""Pages of one list that are asked for."""

MAX_TAGS = 100_000
"""Tags of one repository that are listed."""

_PAGE = "1000"
_ACCEPT = ", ".join(MANIFEST_TYPES + INDEX_TYPES)
_OK, _CREATED, _ACCEPTED, _NOT_FOUND = 200, 201, 202, 404


def check_name(name: str) -> Digest | None:
    """Return the digest that `name` writes, None if it is a tag.

    Raises:
        UsageError: it is neither.

    """
    try:
        return read_digest(name)
    except FormatError:
        if is_tag(name):
            return None
    raise UsageError(f"expected a tag or a digest such as sha256:..., got {name!r:.200}")


def get_manifest(at: Remote, name: str) -> Exchange[Manifest | Index | None]:
    """Return the manifest or index called `name`, its digest verified; None if there is none."""
    found = yield from fetch_manifest(at, name)
    return found[0] if found is not None else None


def fetch_manifest(at: Remote, name: str) -> Exchange[tuple[Manifest | Index, Response] | None]:
    """Return the manifest called `name` and the answer it came in."""
    digest = check_name(name)
    doing = f"read {name} of {at.title}"
    response = yield Request(
        method="GET",
        url=at.url(f"manifests/{name}"),
        scope=at.scope("pull"),
        headers={"Accept": _ACCEPT},
        limit=MAX_MANIFEST_BYTES,
    )
    if response.status == _NOT_FOUND:
        return None
    if response.status != _OK:
        raise failure(response, doing)
    said = response.header("docker-content-digest")
    try:
        told = read_digest(said) if said else None
        manifest = read_manifest(response.body, response.media_type, digest or told)
    except FormatError as error:
        raise StoreError(f"cannot {doing}: {error}") from None
    if told not in (manifest.digest, None):
        raise StoreError(f"cannot {doing}: the registry calls it {told}")
    return manifest, response


def has(at: Remote, descriptor: Descriptor) -> Exchange[bool]:
    """Return whether a blob, or a manifest if the type says so, is there already.

    Who asks wants to push: some token services deny a repository that is still to be made to those who would only pull.
    """
    kind = "manifests" if descriptor.media_type in MANIFEST_TYPES + INDEX_TYPES else "blobs"
    response = yield Request(
        method="HEAD",
        url=at.url(f"{kind}/{descriptor.digest}"),
        scope=at.scope("pull,push"),
        headers={"Accept": _ACCEPT} if kind == "manifests" else {},
    )
    if response.status == _NOT_FOUND:
        return False
    if response.status != _OK:
        raise failure(response, f"look for {descriptor.digest} in {at.title}")
    return True


def get_blob(at: Remote, descriptor: Descriptor) -> Exchange[bool]:
    """Return whether the blob is there; if so, the answer's body is its stream, still to be verified."""
    doing = f"read {descriptor.digest} of {at.title}"
    response = yield Request(
        method="GET",
        url=at.url(f"blobs/{descriptor.digest}"),
        scope=at.scope("pull"),
        headers={"Accept": "*/*"},
        stream=True,
    )
    if response.status == _NOT_FOUND:
        return False
    if response.status != _OK:
        raise failure(response, doing)
    length = response.header("content-length")
    if length and length != str(descriptor.size):
        raise StoreError(
            f"cannot {doing}: expected {descriptor.size} bytes, the registry announces {plain_text(length)}"
        )
    return True


def put_blob(at: Remote, descriptor: Descriptor, content: Iterable[bytes]) -> Exchange[None]:
    """Store a blob: an upload is begun, and the whole blob put where the registry says."""
    begun = yield Request(method="POST", url=at.url("blobs/uploads/"), scope=at.scope("pull,push"))
    if begun.status != _ACCEPTED:
        raise failure(begun, f"begin an upload to {at.title}")
    yield from _finish_upload(at, descriptor, content, begun)


def mount_blob(at: Remote, descriptor: Descriptor, source: str) -> Exchange[bool]:
    """Return whether the registry took the blob over from its repository `source`."""
    url = with_query(at.url("blobs/uploads/"), ("mount", str(descriptor.digest)), ("from", source))
    scope = f"{at.scope('pull,push')} repository:{source}:pull"
    response = yield Request(method="POST", url=url, scope=scope)
    if response.status == _ACCEPTED:  # an upload was begun instead: nobody will finish it, and it expires
        return False
    if response.status != _CREATED:
        raise failure(response, f"mount {descriptor.digest} in {at.title}")
    return True


def _finish_upload(at: Remote, descriptor: Descriptor, content: Iterable[bytes], begun: Response) -> Exchange[None]:
    location = begun.header("location")
    if not location:
        raise StoreError(f"cannot upload to {at.title}: the registry does not say where to")
    response = yield Request(
        method="PUT",
        url=with_query(resolve_url(begun.url, location), ("digest", str(descriptor.digest))),
        scope=at.scope("pull,push"),
        headers={"Content-Type": "application/octet-stream"},
        content=content,
        length=descriptor.size,
        repeatable=False,  # part of it may have been taken already
    )
    if response.status not in (_CREATED, 204):
        raise failure(response, f"upload {descriptor.digest} to {at.title}")


def put_manifest(at: Remote, manifest: Manifest | Index, name: str, match: str = "") -> Exchange[Response | None]:
    """Return the answer after storing a manifest as `name`; None if it is no longer the one with the ETag `match`."""
    doing = f"write {name} to {at.title}"
    response = yield Request(
        method="PUT",
        url=at.url(f"manifests/{name}"),
        scope=at.scope("pull,push"),
        headers={"Content-Type": manifest.media_type} | ({"If-Match": match} if match else {}),
        body=manifest.raw,
    )
    if match and response.status == 412:  # noqa: PLR2004  # precondition failed: somebody was faster
        return None
    if response.status not in (_CREATED, _OK):
        raise failure(response, doing)
    said = response.header("docker-content-digest")
    if said and said != str(manifest.digest):
        raise StoreError(f"cannot {doing}: the registry calls {manifest.digest} {plain_text(said)}")
    return response


def list_tags(at: Remote) -> Exchange[tuple[str, ...] | None]:
    """Return the tags, sorted; None if the repository does not exist."""
    tags: set[str] = set()
    url = at.url("tags/list") + f"?n={_PAGE}"
    for page in range(MAX_PAGES):
        response = yield Request(method="GET", url=url, scope=at.scope("pull"), limit=MAX_MANIFEST_BYTES)
        if response.status == _NOT_FOUND and page == 0:
            return None
        if response.status != _OK:
            raise failure(response, f"list the tags of {at.title}")
        found = _read_tags(at, response)
        known = len(tags)
        tags.update(found)
        if len(tags) > MAX_TAGS:
            raise StoreError(f"cannot list the tags of {at.title}: expected at most {MAX_TAGS}, got more")
        url = next_page(response.url, response.header("link"))
        if not url:
            return tuple(sorted(tags))
        if len(tags) == known:
            raise StoreError(f"cannot list the tags of {at.title}: the next page brings nothing new")
    raise StoreError(f"cannot list the tags of {at.title}: expected at most {MAX_PAGES} pages, got more")


def _read_tags(at: Remote, response: Response) -> tuple[str, ...]:
    try:
        fields = Fields(read_json(response.body, limit=MAX_MANIFEST_BYTES))
        tags = fields.texts("tags") if fields.any("tags") is not None else ()
    except FormatError as error:
        raise StoreError(f"cannot list the tags of {at.title}: {error}") from None
    wrong = next((tag for tag in tags if not is_tag(tag)), None)
    if wrong is not None:
        raise StoreError(f"cannot list the tags of {at.title}: expected tags, got {plain_text(wrong)!r} among them")
    return tags
