"""Jenkins, by the variables that it, its git plugin and its multibranch projects document.

Jenkins knows its own address only if an administrator has set it; else the user has to say who builds. Which variables
are parameters of a build nobody says, so that none of them are written.
"""

from __future__ import annotations

from collections.abc import Mapping

from custody.sources.ci.build import BUILD_TYPE, Build, Source
from custody.sources.ci.urls import remote_url
from custody.sources.ci.variables import Variables

__all__ = ["TITLE", "is_here", "read"]

TITLE = "Jenkins"


def is_here(environment: Mapping[str, str]) -> bool:
    """Return whether this runs in Jenkins; only `BUILD_TAG` is there whatever the administrator set."""
    return bool(environment.get("JENKINS_URL")) or environment.get("BUILD_TAG", "").startswith("jenkins-")


def read(environment: Mapping[str, str]) -> Build:
    """Return the build; a UsageError if a variable is missing or wrong."""
    variables = Variables(environment, TITLE)
    job, tag = variables.text("JOB_NAME"), variables.text("BUILD_TAG")
    names = {
        "branch": "BRANCH_NAME",
        "tag": "TAG_NAME",
        "change": "CHANGE_ID",
        "changeTarget": "CHANGE_TARGET",
        "changeBranch": "CHANGE_BRANCH",
    }
    source = _source(variables)
    external = {"source": source.repository, "job": variables.optional_url("JOB_URL") or job, **variables.some(names)}
    return Build(
        system="jenkins",
        title=TITLE,
        build_type=BUILD_TYPE.format("jenkins"),
        builder_id=variables.optional_url("JENKINS_URL"),
        external={name: value for name, value in external.items() if value},
        internal={"buildNumber": variables.text("BUILD_NUMBER"), **variables.some({"node": "NODE_NAME"})},
        invocation_id=variables.optional_url("BUILD_URL") or tag,
        source=source,
        entry_point=job,
    )


def _source(variables: Variables) -> Source:
    """Return what the git plugin says; a job without it has no source. With several remotes they are numbered."""
    url = variables.optional("GIT_URL") or variables.optional("GIT_URL_1")
    return Source(repository=remote_url(url), commit=variables.optional_commit("GIT_COMMIT"))
