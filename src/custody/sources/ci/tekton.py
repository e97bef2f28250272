"""Tekton, by variables that a task fills from Tekton's own (tekton.dev, "Variable Substitutions").

Tekton tells the programs of a step nothing by itself, so that a task has to pass on what it is told::

    env:
      - {name: TEKTON_TASKRUN_NAME, value: $(context.taskRun.name)}
      - {name: TEKTON_TASKRUN_NAMESPACE, value: $(context.taskRun.namespace)}
      - {name: TEKTON_TASKRUN_UID, value: $(context.taskRun.uid)}
      - {name: TEKTON_TASK_NAME, value: $(context.task.name)}

Which cluster this is nobody says; the user has to. The build type of Tekton Chains has the whole specification of a
run, which a step does not see, so that it is never written here.
"""

from __future__ import annotations

from collections.abc import Mapping

from custody.sources.ci.build import BUILD_TYPE, Build, Source
from custody.sources.ci.urls import remote_url
from custody.sources.ci.variables import Variables

__all__ = ["TITLE", "is_here", "read"]

TITLE = "Tekton"

_REQUIRED = {
    "TEKTON_TASKRUN_NAME": "context.taskRun.name",
    "TEKTON_TASKRUN_NAMESPACE": "context.taskRun.namespace",
    "TEKTON_TASKRUN_UID": "context.taskRun.uid",
}

_OPTIONAL = {
    "TEKTON_TASK_NAME": "context.task.name",
    "TEKTON_PIPELINE_NAME": "context.pipeline.name",
    "TEKTON_PIPELINERUN_NAME": "context.pipelineRun.name",
    "TEKTON_PIPELINERUN_UID": "context.pipelineRun.uid",
    "TEKTON_SOURCE_URL": "params.url, or what the task that clones returns",
    "TEKTON_SOURCE_REVISION": "params.revision",
    "TEKTON_SOURCE_COMMIT": "tasks.clone.results.commit",
}


def is_here(environment: Mapping[str, str]) -> bool:
    """Return whether this runs in a task of Tekton's that passes on what it is told."""
    return any(name in environment for name in _REQUIRED)


def read(environment: Mapping[str, str]) -> Build:
    """Return the build; a UsageError if a variable is missing, wrong, or was not filled in."""
    variables = Variables(environment, TITLE)
    given = {name: _filled(variables, name, of) for name, of in (_REQUIRED | _OPTIONAL).items()}
    source = Source(
        repository=remote_url(given["TEKTON_SOURCE_URL"]),
        commit=variables.optional_commit("TEKTON_SOURCE_COMMIT"),
    )
    external = {
        "source": source.repository,
        "revision": given["TEKTON_SOURCE_REVISION"],
        "pipeline": given["TEKTON_PIPELINE_NAME"],
        "task": given["TEKTON_TASK_NAME"],
        "namespace": given["TEKTON_TASKRUN_NAMESPACE"],
    }
    internal = {
        "taskRun": given["TEKTON_TASKRUN_NAME"],
        "pipelineRun": given["TEKTON_PIPELINERUN_NAME"],
        "pipelineRunUid": given["TEKTON_PIPELINERUN_UID"],
    }
    return Build(
        system="tekton",
        title=TITLE,
        build_type=BUILD_TYPE.format("tekton"),
        external={name: value for name, value in external.items() if value},
        internal={name: value for name, value in internal.items() if value},
        invocation_id=given["TEKTON_TASKRUN_UID"],
        source=source,
        entry_point=given["TEKTON_TASK_NAME"],
    )


def _filled(variables: Variables, name: str, of: str) -> str:
    """Return the variable; what Tekton does not know stays as it is written, and means nothing then."""
    value = variables.optional(name)
    if not value and name in _REQUIRED:
        raise variables.refusal(name, f"not set; give the step env: {{name: {name}, value: $({of})}}")
    if "$(" in value:
        raise variables.refusal(
            name,
            f"Tekton did not fill it in, it is {value!r:.80}; $(context.pipelineRun...) and $(context.pipeline...) are"
            " known to pipelines only, which pass them to a task as parameters",
        )
    return value
