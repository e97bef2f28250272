"""GitLab CI/CD, by its predefined variables (docs.gitlab.com, "Predefined CI/CD variables reference").

The build types that GitLab publishes list all variables of a job with their values, except those that are masked. A
job does not know which ones are, so that type cannot be written from inside without giving secrets away; custody's own
has the same `source` and `entryPoint`. `CI_REPOSITORY_URL` holds a token and is not read.
"""

from __future__ import annotations

from collections.abc import Mapping

from custody.encoding.instants import read_instant
from custody.errors import FormatError
from custody.sources.ci.build import BUILD_TYPE, Build, Source
from custody.sources.ci.urls import public_url
from custody.sources.ci.variables import Variables

__all__ = ["TITLE", "is_here", "read"]

TITLE = "GitLab CI/CD"


def is_here(environment: Mapping[str, str]) -> bool:
    """Return whether this runs in GitLab CI/CD."""
    return environment.get("GITLAB_CI") == "true"


def read(environment: Mapping[str, str]) -> Build:
    """Return the build; a UsageError if a variable is missing or wrong."""
    variables = Variables(environment, TITLE)
    project = variables.url("CI_PROJECT_URL")
    job, ref = variables.text("CI_JOB_NAME"), _ref(variables)
    external = {
        "source": project,
        "ref": ref,
        "configuration": _configuration(variables),
        "entryPoint": job,
        "pipelineSource": variables.text("CI_PIPELINE_SOURCE"),
    }
    return Build(
        system="gitlab",
        title=TITLE,
        build_type=BUILD_TYPE.format("gitlab"),
        builder_id=f"{project}/-/runners/{variables.text('CI_RUNNER_ID')}",
        external={name: value for name, value in external.items() if value},
        internal=_internal(variables),
        invocation_id=variables.url("CI_JOB_URL"),
        source=Source(repository=project, ref=ref, commit=variables.commit("CI_COMMIT_SHA")),
        entry_point=job,
        started_on=_started(variables),
    )


def _internal(variables: Variables) -> dict[str, str]:
    names = {
        "jobId": "CI_JOB_ID",
        "pipelineId": "CI_PIPELINE_ID",
        "projectId": "CI_PROJECT_ID",
        "runnerArchitecture": "CI_RUNNER_EXECUTABLE_ARCH",
    }
    return variables.some(names)


def _ref(variables: Variables) -> str:
    """Return the full ref: of a tag, of a merge request, or of a branch, which are told by different variables."""
    tag, request = variables.optional("CI_COMMIT_TAG"), variables.optional("CI_MERGE_REQUEST_REF_PATH")
    branch = variables.optional("CI_COMMIT_BRANCH")
    if tag:
        return f"refs/tags/{tag}"
    return request or (f"refs/heads/{branch}" if branch else "")


def _configuration(variables: Variables) -> str:
    """Return the file that defines the job; one from elsewhere is a URL, which may hold credentials."""
    path = variables.optional("CI_CONFIG_PATH")
    return public_url(path, f"{TITLE}: the variable CI_CONFIG_PATH") if "://" in path else path


def _started(variables: Variables) -> str:
    """Return when the job started, '' if GitLab writes its times in another zone."""
    text = variables.optional("CI_JOB_STARTED_AT")
    try:
        read_instant(text, "")
    except FormatError:
        return ""
    return text
