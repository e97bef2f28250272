"""The predicates of SLSA's provenance, versions 1 and 0.2, written from one account of a build.

Fields of which nothing is known are left out, so that nobody takes an empty one for an answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from custody.models.predicates.slsa_provenance import TYPE as PROVENANCE_V1
from custody.models.predicates.slsa_provenance_02 import TYPE as PROVENANCE_V02
from custody.models.resource_descriptor import ResourceDescriptor
from custody.rules.artifacts import has_scheme
from custody.sources.ci.build import Build
from custody.value import Value

if TYPE_CHECKING:
    from custody.workflows.provenance_links import ReadLink

__all__ = ["MAX_DEPENDENCIES", "PROVENANCE_V02", "PROVENANCE_V1", "Account", "predicate_v02", "predicate_v1"]

MAX_DEPENDENCIES = 1000
"""The most materials that a predicate lists one by one; of more of them the commit is named that they are of."""

_SHA1_DIGITS = 40


class Account(Value):
    """What is told of a build. `work_tree` is the state of the files beside the commit, '' if nobody looked.

    `dependencies` are materials; if there are too many, they are left out, and `left_out` is their number.
    """

    build: Build
    builder_id: str
    build_type: str = ""
    links: tuple[ReadLink, ...] = ()
    dependencies: tuple[ResourceDescriptor, ...] = ()
    left_out: int = 0
    work_tree: str = ""
    started_on: str = ""
    finished_on: str = ""


def predicate_v1(account: Account) -> dict[str, Any]:
    """Return the predicate of `PROVENANCE_V1`.

    The build type that a system publishes has its own parameters; the commands go where it leaves room.
    """
    build = account.build
    steps = [_step(each) for each in account.links]
    published = bool(build.published_type) and account.build_type in {"", build.published_type}
    external = build.published_external if published else build.external
    # Where a system runs the build, its own parameters say which commands; else they are all that was asked for.
    outer = {"steps": steps} if build.system == "local" else {}
    inner = {} if outer else {"custody_steps" if published else "steps": steps}
    definition = {
        "buildType": account.build_type or build.published_type or build.build_type,
        "externalParameters": {**external, **_filled(outer)},
        "internalParameters": {**build.internal, **_filled(inner)},
        "resolvedDependencies": [*_source_v1(account), *map(_written, account.dependencies)],
    }
    metadata = {
        "invocationId": build.invocation_id,
        "startedOn": account.started_on,
        "finishedOn": account.finished_on,
    }
    details = {
        "builder": {"id": account.builder_id},
        "metadata": _filled(metadata),
        "byproducts": [_byproduct(each) for each in account.links],
    }
    return {
        "buildDefinition": _filled(definition, keep=("externalParameters",)),
        "runDetails": _filled(details),
    }


def predicate_v02(account: Account) -> dict[str, Any]:
    """Return the predicate of `PROVENANCE_V02`; nothing in it is claimed to be complete."""
    build = account.build
    source = _source_v02(account)
    environment = {**build.internal, "workTree": account.work_tree, "materialsLeftOut": account.left_out}
    invocation = {
        "configSource": {**(source or {}), "entryPoint": build.entry_point} if build.entry_point else {},
        "parameters": build.external,
        "environment": _filled(environment),
    }
    metadata = {
        "buildInvocationId": build.invocation_id,
        "buildStartedOn": account.started_on,
        "buildFinishedOn": account.finished_on,
        "completeness": {"parameters": False, "environment": False, "materials": False},
        "reproducible": False,
    }
    steps = [{**_step(each), "link": _byproduct(each)} for each in account.links]
    predicate = {
        "builder": {"id": account.builder_id},
        "buildType": account.build_type or build.build_type,
        "invocation": _filled(invocation),
        "buildConfig": {"steps": steps} if steps else {},
        "metadata": {name: value for name, value in metadata.items() if value != ""},
        "materials": [*([source] if source else []), *map(_material, account.dependencies)],
    }
    return _filled(predicate)


def _step(read: ReadLink) -> dict[str, Any]:
    """Return what a step did, as its functionary says."""
    step: dict[str, Any] = {"name": read.link.name, "command": list(read.link.command)}
    value = read.link.return_value
    return step if value is None else {**step, "returnValue": value}


def _byproduct(read: ReadLink) -> dict[str, Any]:
    """Return a link as a resource, with what was found out of its signatures."""
    annotations: dict[str, Any] = {
        "step": read.link.name,
        "signatures": read.signatures,
        "materials": len(read.link.materials),
        "products": len(read.link.products),
    }
    if read.signers:
        annotations["signedBy"] = [key.keyid for key in read.signers]
    return {"name": read.file, "digest": {"sha256": read.sha256}, "annotations": annotations}


def _source_v1(account: Account) -> list[dict[str, Any]]:
    source = account.build.source
    if not source.commit:
        return []
    annotations = _filled({"workTree": account.work_tree, "materialsLeftOut": account.left_out})
    found = {"uri": source.uri, "digest": {"gitCommit": source.commit}, "annotations": annotations}
    return [_filled(found)]


def _source_v02(account: Account) -> dict[str, Any] | None:
    """Return the commit as version 0.2 writes it: before there was `gitCommit`, its SHA-1 was `sha1`."""
    source = account.build.source
    if not source.commit:
        return None
    algorithm = "sha1" if len(source.commit) == _SHA1_DIGITS else "gitCommit"
    return _filled({"uri": source.uri, "digest": {algorithm: source.commit}})


def _written(found: ResourceDescriptor) -> dict[str, Any]:
    return {"name": found.name, "digest": dict(sorted(found.digest.items()))}


def _material(found: ResourceDescriptor) -> dict[str, Any]:
    """Return a material of version 0.2, whose artifacts have no names but URIs."""
    uri = found.name if has_scheme(found.name) else f"file:{quote(found.name)}"
    return {"uri": uri, "digest": dict(sorted(found.digest.items()))}


def _filled(fields: Mapping[str, Any], keep: Sequence[str] = ()) -> dict[str, Any]:
    """Return the fields that say something."""
    return {name: value for name, value in fields.items() if value or name in keep}
