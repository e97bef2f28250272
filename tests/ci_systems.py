"""The environments that CI systems document, each with secrets that such a build has, too.

Every value is one that the system's documentation gives as an example, or of the form that it describes. `SECRET`
stands wherever a token or a password does.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["COMMIT", "ENVIRONMENTS", "GITHUB", "GITLAB", "JENKINS", "SECRET", "TEKTON"]

SECRET = "s3cr3t-t0ken"
COMMIT = "ffac537e6cbbf934b08745a378932722df287a53"

GITHUB: Mapping[str, str] = {
    "CI": "true",
    "GITHUB_ACTION": "__run",
    "GITHUB_ACTIONS": "true",
    "GITHUB_ACTOR": "octocat",
    "GITHUB_ACTOR_ID": "1234567",
    "GITHUB_API_URL": "https://api.github.com",
    "GITHUB_EVENT_NAME": "push",
    "GITHUB_EVENT_PATH": "/github/workflow/event.json",
    "GITHUB_GRAPHQL_URL": "https://api.github.com/graphql",
    "GITHUB_JOB": "greeting_job",
    "GITHUB_REF": "refs/heads/my_branch",
    "GITHUB_REF_NAME": "my_branch",
    "GITHUB_REF_PROTECTED": "true",
    "GITHUB_REF_TYPE": "branch",
    "GITHUB_REPOSITORY": "octocat/hello-world",
    "GITHUB_REPOSITORY_ID": "123456789",
    "GITHUB_REPOSITORY_OWNER": "octocat",
    "GITHUB_REPOSITORY_OWNER_ID": "1234567",
    "GITHUB_RETENTION_DAYS": "90",
    "GITHUB_RUN_ATTEMPT": "3",
    "GITHUB_RUN_ID": "1658821493",
    "GITHUB_RUN_NUMBER": "3",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_SHA": COMMIT,
    "GITHUB_TRIGGERING_ACTOR": "octocat",
    "GITHUB_WORKFLOW": "My test workflow",
    "GITHUB_WORKFLOW_REF": "octocat/hello-world/.github/workflows/my-workflow.yml@refs/heads/my_branch",
    "GITHUB_WORKFLOW_SHA": COMMIT,
    "GITHUB_WORKSPACE": "/home/runner/work/my-repo-name/my-repo-name",
    "RUNNER_ARCH": "X64",
    "RUNNER_ENVIRONMENT": "github-hosted",
    "RUNNER_NAME": "Hosted Agent",
    "RUNNER_OS": "Linux",
    "RUNNER_TEMP": "/home/runner/work/_temp",
    "GITHUB_TOKEN": SECRET,
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": SECRET,
    "ACTIONS_RUNTIME_TOKEN": SECRET,
}

GITLAB: Mapping[str, str] = {
    "CI": "true",
    "GITLAB_CI": "true",
    "CI_COMMIT_BRANCH": "main",
    "CI_COMMIT_REF_NAME": "main",
    "CI_COMMIT_SHA": COMMIT,
    "CI_COMMIT_SHORT_SHA": "ffac537e",
    "CI_CONFIG_PATH": ".gitlab-ci.yml",
    "CI_DEFAULT_BRANCH": "main",
    "CI_JOB_ID": "4089072540",
    "CI_JOB_NAME": "build-job",
    "CI_JOB_STAGE": "build",
    "CI_JOB_STARTED_AT": "2022-01-31T16:47:55Z",
    "CI_JOB_URL": "https://gitlab.example.com/group-name/project-1/-/jobs/4089072540",
    "CI_PIPELINE_ID": "1000",
    "CI_PIPELINE_SOURCE": "push",
    "CI_PIPELINE_URL": "https://gitlab.example.com/group-name/project-1/-/pipelines/1000",
    "CI_PROJECT_ID": "34",
    "CI_PROJECT_PATH": "group-name/project-1",
    "CI_PROJECT_URL": "https://gitlab.example.com/group-name/project-1",
    "CI_RUNNER_DESCRIPTION": "my runner",
    "CI_RUNNER_EXECUTABLE_ARCH": "linux/amd64",
    "CI_RUNNER_ID": "10",
    "CI_SERVER_URL": "https://gitlab.example.com",
    "CI_DEPENDENCY_PROXY_PASSWORD": SECRET,
    "CI_DEPLOY_PASSWORD": SECRET,
    "CI_JOB_JWT": SECRET,
    "CI_JOB_TOKEN": SECRET,
    "CI_REGISTRY_PASSWORD": SECRET,
    "CI_REPOSITORY_URL": f"https://gitlab-ci-token:{SECRET}@gitlab.example.com/group-name/project-1.git",
}

TEKTON: Mapping[str, str] = {
    "HOME": "/tekton/home",
    "TEKTON_TASKRUN_NAME": "build-run-x7k2p",
    "TEKTON_TASKRUN_NAMESPACE": "tekton-pipelines",
    "TEKTON_TASKRUN_UID": "faea7d0c-7e43-4fb3-8f3d-7c7f3a0e8f40",
    "TEKTON_TASK_NAME": "build",
    "TEKTON_PIPELINE_NAME": "release",
    "TEKTON_PIPELINERUN_NAME": "release-run-1",
    "TEKTON_PIPELINERUN_UID": "b3f1a1c2-0000-4fb3-8f3d-7c7f3a0e8f41",
    "TEKTON_SOURCE_URL": f"https://robot:{SECRET}@git.example.com/team/app.git",
    "TEKTON_SOURCE_REVISION": "main",
    "TEKTON_SOURCE_COMMIT": COMMIT,
    "SIGNING_PASSWORD": SECRET,
}

JENKINS: Mapping[str, str] = {
    "CI": "true",
    "BRANCH_NAME": "main",
    "BUILD_DISPLAY_NAME": "#153",
    "BUILD_ID": "153",
    "BUILD_NUMBER": "153",
    "BUILD_TAG": "jenkins-foo-main-153",
    "BUILD_URL": "http://server:8080/jenkins/job/foo/job/main/153/",
    "EXECUTOR_NUMBER": "0",
    "GIT_BRANCH": "origin/main",
    "GIT_COMMIT": COMMIT,
    "GIT_URL": f"https://robot:{SECRET}@git.example.com/team/foo.git",
    "JENKINS_HOME": "/var/lib/jenkins",
    "JENKINS_URL": "http://server:8080/jenkins/",
    "JOB_NAME": "foo/main",
    "JOB_URL": "http://server:8080/jenkins/job/foo/job/main/",
    "NODE_NAME": "agent-1",
    "WORKSPACE": "/var/lib/jenkins/workspace/foo_main",
    "NEXUS_PSW": SECRET,
}

ENVIRONMENTS: Mapping[str, Mapping[str, str]] = {
    "github": GITHUB,
    "gitlab": GITLAB,
    "jenkins": JENKINS,
    "local": {"HOME": "/home/alice", "API_TOKEN": SECRET},
    "tekton": TEKTON,
}
"""All of them by the names of their systems."""
