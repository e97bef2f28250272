"""GitHub Actions, by its default variables (docs.github.com, "Variables reference").

The build type that GitHub publishes is for four events, whose parameters its fields hold. For other events, and for
systems that set the same variables without being GitHub, custody's own is used.
"""

from __future__ import annotations

from collections.abc import Mapping

from custody.sources.ci.build import BUILD_TYPE, Build, Source
from custody.sources.ci.variables import Variables

__all__ = ["PUBLISHED_EVENTS", "PUBLISHED_TYPE", "TITLE", "is_here", "read"]

TITLE = "GitHub Actions"

PUBLISHED_TYPE = "https://actions.github.io/buildtypes/workflow/v1"

PUBLISHED_EVENTS = frozenset({"create", "push", "release", "workflow_dispatch"})
"""The events that the published build type may be used for."""

_OTHERS = ("FORGEJO_ACTIONS", "GITEA_ACTIONS")
"""What systems set that run such workflows, too."""

_PLAIN = "/:@!$&'()*+,;=~"
"""What a URI's path may hold as it is."""


def is_here(environment: Mapping[str, str]) -> bool:
    """Return whether this runs in GitHub Actions."""
    return environment.get("GITHUB_ACTIONS") == "true"


def read(environment: Mapping[str, str]) -> Build:
    """Return the build; a UsageError if a variable is missing or wrong."""
    from urllib.parse import quote  # slow to import

    variables = Variables(environment, TITLE)
    server = variables.url("GITHUB_SERVER_URL").rstrip("/")
    repository = f"{server}/{variables.text('GITHUB_REPOSITORY')}"
    workflow = variables.text("GITHUB_WORKFLOW_REF")
    path = _published_path(variables, environment, workflow)
    attempt = f"/actions/runs/{variables.text('GITHUB_RUN_ID')}/attempts/{variables.text('GITHUB_RUN_ATTEMPT')}"
    ref = variables.optional("GITHUB_REF")
    return Build(
        system="github",
        title=TITLE,
        build_type=BUILD_TYPE.format("github"),
        builder_id=f"{server}/{quote(workflow, safe=_PLAIN)}",
        external=_own(variables, repository, workflow),
        published_type=PUBLISHED_TYPE if path else "",
        published_external=_published(variables, repository, path) if path else {},
        internal=_internal(variables),
        invocation_id=f"{repository}{attempt}",
        source=Source(repository=repository, ref=ref, commit=variables.commit("GITHUB_SHA")),
        entry_point=path or workflow,
    )


def _published_path(variables: Variables, environment: Mapping[str, str], workflow: str) -> str:
    """Return the workflow's file, '' if this is no build that the published type is for."""
    if variables.text("GITHUB_EVENT_NAME") not in PUBLISHED_EVENTS or any(name in environment for name in _OTHERS):
        return ""
    if variables.optional_commit("GITHUB_WORKFLOW_SHA") not in {"", variables.commit("GITHUB_SHA")}:
        return ""  # the type has one commit, which holds both the workflow and what is built
    # Both ends are known: between them there may be an '@' in the path and in the ref.
    start, end = f"{variables.text('GITHUB_REPOSITORY')}/", f"@{variables.text('GITHUB_REF')}"
    if not workflow.startswith(start) or not workflow.endswith(end):
        return ""
    return workflow.removeprefix(start).removesuffix(end)


def _published(variables: Variables, repository: str, path: str) -> dict[str, object]:
    return {
        "runner_environment": variables.text("RUNNER_ENVIRONMENT"),
        "workflow": {"ref": variables.text("GITHUB_REF"), "repository": repository, "path": path},
    }


def _own(variables: Variables, repository: str, workflow: str) -> dict[str, object]:
    """Return the parameters of any event; the workflow may be another repository's, at another commit."""
    names = {
        "ref": "GITHUB_REF",
        "head": "GITHUB_HEAD_REF",
        "base": "GITHUB_BASE_REF",
        "runnerEnvironment": "RUNNER_ENVIRONMENT",
        "workflowCommit": "GITHUB_WORKFLOW_SHA",
    }
    event = variables.text("GITHUB_EVENT_NAME")
    return {"source": repository, "workflow": workflow, "event": event, **variables.some(names)}


def _internal(variables: Variables) -> dict[str, object]:
    names = {
        "event_name": "GITHUB_EVENT_NAME",
        "repository_id": "GITHUB_REPOSITORY_ID",
        "repository_owner_id": "GITHUB_REPOSITORY_OWNER_ID",
    }
    return {"github": variables.some(names)}
