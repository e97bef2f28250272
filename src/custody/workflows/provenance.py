"""Provenance: a statement in SLSA's words about what links recorded, what git has, and what the CI says of itself.

Nothing is invented: what none of the three says is not in it. Where two of them say different things of the commit
there is no provenance at all.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from custody.artifacts.checkout import Checkout, read_checkout
from custody.artifacts.digest import digest_file
from custody.artifacts.names import normal_path, utf8_name
from custody.artifacts.options import Recording
from custody.errors import RecordingError, UsageError
from custody.models.predicates import check_predicate
from custody.models.resource_descriptor import ResourceDescriptor, is_uri
from custody.models.statement import make_statement
from custody.sources.ci.build import Build, Source
from custody.sources.ci.systems import AUTO, read_build
from custody.sources.ci.urls import has_user, remote_url
from custody.sources.ci.variables import commit_id
from custody.value import Value
from custody.workflows.provenance_links import (
    ReadLink,
    descriptor,
    finished,
    made,
    read_links,
    same,
    started,
    taken,
)
from custody.workflows.provenance_predicate import (
    MAX_DEPENDENCIES,
    PROVENANCE_V02,
    PROVENANCE_V1,
    Account,
    predicate_v02,
    predicate_v1,
)
from custody.workflows.provenance_remarks import remarks_on

if TYPE_CHECKING:
    from custody.keys.key import Key

__all__ = ["SLSA_VERSIONS", "Provenance", "ProvenanceOptions", "provenance"]

SLSA_VERSIONS = ("1", "0.2")

_STATEMENT_VERSIONS = {"1": "v1", "0.2": "v0.1"}

_OCI = "oci:"


class ProvenanceOptions(Value):
    """What provenance is written of. '' and empty is what was not asked for.

    `links` and `subjects` are files, `images` are subjects that somebody resolved already. `source` is the top of a git
    repository. `environment` is where the CI `system` is looked for; `builder_id` and `build_type` take the place of
    what it says.
    """

    links: tuple[str, ...] = ()
    keys: tuple[Key, ...] = ()
    subjects: tuple[str, ...] = ()
    images: tuple[ResourceDescriptor, ...] = ()
    source: str = ""
    environment: Mapping[str, str] = {}
    system: str = AUTO
    slsa_version: str = "1"
    builder_id: str = ""
    build_type: str = ""


class Provenance(Value):
    """A statement as JSON data, and what whoever signs it should know."""

    statement: Mapping[str, Any]
    remarks: tuple[str, ...] = ()

    @property
    def predicate(self) -> Mapping[str, Any]:
        """What the statement says, without its subjects."""
        found: Mapping[str, Any] = self.statement["predicate"]
        return found


def provenance(options: ProvenanceOptions) -> Provenance:
    """Return the statement of what happened; nobody has signed it.

    Raises:
        UsageError: the options make no sense together, or a variable of the CI is missing or wrong.
        StoreError, FormatError: a link cannot be read.
        SignatureError: none of the keys signed a link.
        RecordingError: git, the CI and the links contradict each other, or a subject cannot be read.

    """
    _check_options(options)
    # 1. What each of the three says.
    build = read_build(options.environment, options.system)
    checkout = read_checkout(options.source) if options.source else None
    links = read_links(options.links, options.keys)
    # 2. Whether it goes together.
    build = build.replace(source=_agreed(build, checkout))
    subjects = _subjects(options, links)
    if not links and not build.source.commit:
        raise UsageError(
            "there is nothing to tell of the build: neither a link (--link FILE), nor a commit of git (--source DIR)"
            " or of the CI"
        )
    # 3. What is written of it.
    account = _account(options, build, checkout, links)
    if options.slsa_version == "1":
        predicate_type, predicate = PROVENANCE_V1, predicate_v1(account)
    else:
        predicate_type, predicate = PROVENANCE_V02, predicate_v02(account)
    check_predicate(predicate_type, predicate)
    version = _STATEMENT_VERSIONS[options.slsa_version]
    statement = make_statement(subjects, predicate_type, predicate, version=version)
    return Provenance(statement=statement, remarks=remarks_on(account, has_images=bool(options.images)))


def _check_options(options: ProvenanceOptions) -> None:
    if options.slsa_version not in SLSA_VERSIONS:
        raise UsageError(f"--slsa-version: expected {' or '.join(SLSA_VERSIONS)}, got {options.slsa_version!r:.40}")
    if options.keys and not options.links:
        raise UsageError("--verification-keys check the signatures of links, and there is no --link")
    for flag, uri in (("--builder-id", options.builder_id), ("--build-type", options.build_type)):
        if not uri:
            continue
        if not is_uri(uri):
            raise UsageError(f"{flag}: expected a URI such as https://example.com/builders/1, got {uri!r:.80}")
        if has_user(uri):
            raise UsageError(f"{flag}: the URI has a user or a password in it, which everybody would read")


def _agreed(build: Build, checkout: Checkout | None) -> Source:
    """Return the source by what the CI and git say, each of what it knows better: refs and ids."""
    said = build.source
    if checkout is None:
        return said
    commit = commit_id(checkout.commit)
    if said.commit and said.commit != commit:
        raise RecordingError(
            f"{build.title} says that commit {said.commit} is built, and git has {commit} checked out; check out"
            " what is built, or name another directory with --source"
        )
    return said.replace(commit=commit, repository=said.repository or remote_url(checkout.remote))


def _subjects(options: ProvenanceOptions, links: Sequence[ReadLink]) -> tuple[ResourceDescriptor, ...]:
    products = made(links)
    if options.subjects or options.images:
        files = tuple(_file_subject(path, products, has_links=bool(links)) for path in options.subjects)
        for image in options.images:
            _check_image(image, products)
        return _once((*files, *options.images))
    if not links:
        raise UsageError("expected what was built: --subject FILE, --image REFERENCE, or --link FILE with its products")
    if not products:
        raise UsageError(
            f"the links made nothing: every product of {links[-1].link.name!r} was there before, or it has none; name"
            " what was built with --subject or --image"
        )
    return products


def _once(subjects: Sequence[ResourceDescriptor]) -> tuple[ResourceDescriptor, ...]:
    """Return `subjects` without repetitions."""
    return tuple(each for index, each in enumerate(subjects) if each not in subjects[:index])


def _file_subject(path: str, products: Sequence[ResourceDescriptor], *, has_links: bool) -> ResourceDescriptor:
    """Return the file at `path` as a subject; where there are links, one of their products, by its name there."""
    place = normal_path(path)
    algorithms = {algorithm for each in products for algorithm in each.digest} & {"sha384", "sha512"}
    digests = digest_file(place, Recording(hash_algorithms=("sha256", *sorted(algorithms))))
    if not has_links:
        name = os.path.basename(place) if place.startswith(("/", "..")) else place
        return descriptor(utf8_name(name), {"sha256": digests["sha256"]}, "--subject")
    for product in products:
        if same(product.digest, digests):
            return product
    raise RecordingError(
        f"--subject {path!r}: no step that a link is of made a file with this content, sha256:{digests['sha256']}; give"
        " the file that was built, or the link of the step that made it"
    )


def _check_image(image: ResourceDescriptor, products: Sequence[ResourceDescriptor]) -> None:
    """Refuse an image that is another one than the links made; links that made none say nothing of it."""
    images = [each for each in products if each.name.startswith(_OCI)]
    if images and not any(same(each.digest, image.digest) for each in images):
        raise RecordingError(
            f"--image {image.name!r:.200}: the links made {images[0].name!r:.200}, with another digest; give the image"
            " that was built"
        )


def _account(
    options: ProvenanceOptions, build: Build, checkout: Checkout | None, links: tuple[ReadLink, ...]
) -> Account:
    builder_id = options.builder_id or build.builder_id
    if not builder_id:
        raise UsageError(
            f"{build.title} does not say by which address it is known; say who builds with --builder-id URI, such as"
            " https://ci.example.com/"
        )
    began, ended = started(links) or ("" if links else build.started_on), finished(links)
    if began and ended and ended < began:  # both are written in one form, which sorts
        raise RecordingError(f"the links say that the build ended at {ended}, before it began at {began}")
    materials = list(taken(links))
    if len(materials) > MAX_DEPENDENCIES and not build.source.commit:
        raise UsageError(
            f"the links have {len(materials)} materials, and a predicate lists at most {MAX_DEPENDENCIES}; name the"
            " commit that they are of with --source DIR"
        )
    listed = materials if len(materials) <= MAX_DEPENDENCIES else []
    return Account(
        build=build,
        builder_id=builder_id,
        build_type=options.build_type,
        links=links,
        dependencies=tuple(descriptor(name, digests, "materials") for name, digests in listed),
        left_out=len(materials) - len(listed),
        work_tree="" if checkout is None else checkout.state,
        started_on=began,
        finished_on=ended,
    )
