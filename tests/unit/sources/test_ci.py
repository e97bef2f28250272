from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from custody.errors import UsageError
from custody.sources.ci.build import Build, Source
from custody.sources.ci.systems import SYSTEMS, find_system, read_build
from custody.sources.ci.urls import has_user, public_url, remote_url
from custody.sources.ci.variables import MAX_VARIABLE
from tests.ci_systems import COMMIT, ENVIRONMENTS, GITHUB, GITLAB, JENKINS, SECRET, TEKTON

BUILDS: Mapping[str, Build] = {
    "github": Build(
        system="github",
        title="GitHub Actions",
        build_type="urn:custody:build-type:github:v1",
        builder_id="https://github.com/octocat/hello-world/.github/workflows/my-workflow.yml@refs/heads/my_branch",
        external={
            "source": "https://github.com/octocat/hello-world",
            "workflow": "octocat/hello-world/.github/workflows/my-workflow.yml@refs/heads/my_branch",
            "event": "push",
            "ref": "refs/heads/my_branch",
            "runnerEnvironment": "github-hosted",
            "workflowCommit": COMMIT,
        },
        published_type="https://actions.github.io/buildtypes/workflow/v1",
        published_external={
            "runner_environment": "github-hosted",
            "workflow": {
                "ref": "refs/heads/my_branch",
                "repository": "https://github.com/octocat/hello-world",
                "path": ".github/workflows/my-workflow.yml",
            },
        },
        internal={
            "github": {"event_name": "push", "repository_id": "123456789", "repository_owner_id": "1234567"},
        },
        invocation_id="https://github.com/octocat/hello-world/actions/runs/1658821493/attempts/3",
        source=Source(
            repository="https://github.com/octocat/hello-world",
            ref="refs/heads/my_branch",
            commit=COMMIT,
        ),
        entry_point=".github/workflows/my-workflow.yml",
    ),
    "gitlab": Build(
        system="gitlab",
        title="GitLab CI/CD",
        build_type="urn:custody:build-type:gitlab:v1",
        builder_id="https://gitlab.example.com/group-name/project-1/-/runners/10",
        external={
            "source": "https://gitlab.example.com/group-name/project-1",
            "ref": "refs/heads/main",
            "configuration": ".gitlab-ci.yml",
            "entryPoint": "build-job",
            "pipelineSource": "push",
        },
        internal={
            "jobId": "4089072540",
            "pipelineId": "1000",
            "projectId": "34",
            "runnerArchitecture": "linux/amd64",
        },
        invocation_id="https://gitlab.example.com/group-name/project-1/-/jobs/4089072540",
        source=Source(
            repository="https://gitlab.example.com/group-name/project-1", ref="refs/heads/main", commit=COMMIT
        ),
        entry_point="build-job",
        started_on="2022-01-31T16:47:55Z",
    ),
    "tekton": Build(
        system="tekton",
        title="Tekton",
        build_type="urn:custody:build-type:tekton:v1",
        external={
            "source": "https://git.example.com/team/app.git",
            "revision": "main",
            "pipeline": "release",
            "task": "build",
            "namespace": "tekton-pipelines",
        },
        internal={
            "taskRun": "build-run-x7k2p",
            "pipelineRun": "release-run-1",
            "pipelineRunUid": "b3f1a1c2-0000-4fb3-8f3d-7c7f3a0e8f41",
        },
        invocation_id="faea7d0c-7e43-4fb3-8f3d-7c7f3a0e8f40",
        source=Source(repository="https://git.example.com/team/app.git", commit=COMMIT),
        entry_point="build",
    ),
    "jenkins": Build(
        system="jenkins",
        title="Jenkins",
        build_type="urn:custody:build-type:jenkins:v1",
        builder_id="http://server:8080/jenkins/",
        external={
            "source": "https://git.example.com/team/foo.git",
            "job": "http://server:8080/jenkins/job/foo/job/main/",
            "branch": "main",
        },
        internal={"buildNumber": "153", "node": "agent-1"},
        invocation_id="http://server:8080/jenkins/job/foo/job/main/153/",
        source=Source(repository="https://git.example.com/team/foo.git", commit=COMMIT),
        entry_point="foo/main",
    ),
    "local": Build(
        system="local",
        title="a local build",
        build_type="urn:custody:build-type:local:v1",
        builder_id="urn:custody:builder:local:v1",
    ),
}


def without(environment: Mapping[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name not in names}


def test_every_system_has_its_documented_environment_here() -> None:
    assert set(SYSTEMS) == set(ENVIRONMENTS) == set(BUILDS)


@pytest.mark.parametrize("system", sorted(SYSTEMS))
def test_documented_environment_is_the_system_and_says_which_build_this_is(system: str) -> None:
    assert find_system(ENVIRONMENTS[system]) == system
    assert read_build(ENVIRONMENTS[system]) == BUILDS[system]
    assert read_build(ENVIRONMENTS[system], system) == BUILDS[system]


REQUIRED = {
    "github": [
        *("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_WORKFLOW_REF", "GITHUB_SHA", "GITHUB_EVENT_NAME"),
        *("GITHUB_RUN_ID", "GITHUB_RUN_ATTEMPT", "GITHUB_REF", "RUNNER_ENVIRONMENT"),
    ],
    "gitlab": [
        *("CI_PROJECT_URL", "CI_COMMIT_SHA", "CI_JOB_NAME", "CI_JOB_URL", "CI_RUNNER_ID", "CI_PIPELINE_SOURCE"),
    ],
    "tekton": ["TEKTON_TASKRUN_NAME", "TEKTON_TASKRUN_NAMESPACE", "TEKTON_TASKRUN_UID"],
    "jenkins": ["BUILD_NUMBER", "BUILD_TAG", "JOB_NAME"],
}
VARIABLES = [(system, name) for system, names in REQUIRED.items() for name in names]


@pytest.mark.parametrize(("system", "name"), VARIABLES)
@pytest.mark.parametrize("empty", [True, False])
def test_missing_variable_is_named_with_a_remedy(system: str, name: str, empty: bool) -> None:
    environment = without(ENVIRONMENTS[system], name) | ({name: ""} if empty else {})

    with pytest.raises(UsageError, match=rf"^{re.escape(SYSTEMS[system].title)}: the variable {name}: not set.*; "):
        read_build(environment, system)


@pytest.mark.parametrize(("system", "name"), VARIABLES)
@pytest.mark.parametrize(
    ("value", "problem"),
    [
        pytest.param("x" * (MAX_VARIABLE + 1), "expected at most 4096 characters, got 4097", id="too-long"),
        pytest.param("a\nb", "expected text on one line", id="two-lines"),
        pytest.param("a\x1b[31m", "expected text on one line", id="terminal-codes"),
        pytest.param("a\udcff", "bytes that are not UTF-8", id="no-text"),
    ],
)
def test_variable_that_is_no_short_text_is_refused(system: str, name: str, value: str, problem: str) -> None:
    with pytest.raises(UsageError, match=f"the variable {name}: .*{problem}"):
        read_build(dict(ENVIRONMENTS[system]) | {name: value}, system)


@pytest.mark.parametrize(
    ("system", "name"),
    [
        ("github", "GITHUB_SHA"),
        ("github", "GITHUB_WORKFLOW_SHA"),
        ("gitlab", "CI_COMMIT_SHA"),
        ("tekton", "TEKTON_SOURCE_COMMIT"),
        ("jenkins", "GIT_COMMIT"),
    ],
)
@pytest.mark.parametrize("value", ["main", COMMIT[:-1], COMMIT + "0", "g" * 40, "--help"])
def test_commit_that_is_no_full_id_is_refused(system: str, name: str, value: str) -> None:
    with pytest.raises(UsageError, match=f"the variable {name}: expected a commit, 40 or 64 hexadecimal digits"):
        read_build(dict(ENVIRONMENTS[system]) | {name: value}, system)


@pytest.mark.parametrize("system", sorted(SYSTEMS))
def test_no_secret_is_in_what_is_read(system: str) -> None:
    """Whatever the system calls its tokens, and also if every URL holds one."""
    environment = {
        name: value.replace("://", f"://user:{SECRET}@") if "@" not in value else value
        for name, value in ENVIRONMENTS[system].items()
    }
    assert SECRET in repr(environment)

    assert SECRET not in repr(read_build(environment, system))


@pytest.mark.parametrize("system", sorted(SYSTEMS))
def test_variables_that_nobody_documents_change_nothing(system: str) -> None:
    more = {f"{prefix}_{name}": SECRET for prefix in ("CI", "GITHUB", "TEKTON", "MY") for name in ("KEY", "PASSWORD")}

    assert read_build({**more, **ENVIRONMENTS[system]}, system) == BUILDS[system]


def test_one_system_inside_of_another_has_to_be_chosen() -> None:
    with pytest.raises(UsageError, match=r"that of Tekton and Jenkins; say which one builds: --ci tekton or --ci jenk"):
        find_system({**JENKINS, **TEKTON})
    assert read_build({**JENKINS, **TEKTON}, "tekton") == BUILDS["tekton"]
    assert read_build({**JENKINS, **TEKTON}, "local") == BUILDS["local"]


def test_unknown_system_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(UsageError, match=r"unknown CI system 'travis'; expected auto, github, gitlab, tekton, jenkins"):
        read_build({}, "travis")


class TestGitHub:
    @pytest.mark.parametrize("event", ["create", "push", "release", "workflow_dispatch"])
    def test_published_build_type_is_for_its_events(self, event: str) -> None:
        build = read_build({**GITHUB, "GITHUB_EVENT_NAME": event})
        assert build.published_type == "https://actions.github.io/buildtypes/workflow/v1"

    @pytest.mark.parametrize("event", ["pull_request", "pull_request_target", "repository_dispatch", "schedule"])
    def test_published_build_type_is_not_for_others(self, event: str) -> None:
        build = read_build({**GITHUB, "GITHUB_EVENT_NAME": event})
        assert (build.published_type, build.published_external) == ("", {})
        assert build.external["event"] == event

    def test_pull_request_says_what_is_merged_into_what(self) -> None:
        more = {
            "GITHUB_EVENT_NAME": "pull_request",
            "GITHUB_REF": "refs/pull/7/merge",
            "GITHUB_HEAD_REF": "feature-branch-1",
            "GITHUB_BASE_REF": "main",
        }
        build = read_build({**GITHUB, **more})
        assert (build.external["head"], build.external["base"]) == ("feature-branch-1", "main")
        assert build.source.uri == "git+https://github.com/octocat/hello-world@refs/pull/7/merge"

    @pytest.mark.parametrize("name", ["GITEA_ACTIONS", "FORGEJO_ACTIONS"])
    def test_published_build_type_is_not_for_systems_that_set_the_same_variables(self, name: str) -> None:
        assert read_build({**GITHUB, name: "true"}).published_type == ""

    def test_published_build_type_is_not_for_a_workflow_at_another_commit(self) -> None:
        assert read_build({**GITHUB, "GITHUB_WORKFLOW_SHA": "0" * 40}).published_type == ""

    @pytest.mark.parametrize(
        "reference", ["octocat/other/.github/workflows/a.yml@refs/heads/my_branch", "octocat/hello-world/a.yml@main"]
    )
    def test_published_build_type_is_not_for_another_repository_or_ref(self, reference: str) -> None:
        build = read_build({**GITHUB, "GITHUB_WORKFLOW_REF": reference})
        assert build.published_type == ""
        assert build.external["workflow"] == reference

    def test_path_and_ref_may_hold_an_at_sign(self) -> None:
        ref = "refs/tags/v1@2"
        more = {"GITHUB_REF": ref, "GITHUB_WORKFLOW_REF": f"octocat/hello-world/.github/workflows/a@b.yml@{ref}"}
        build = read_build({**GITHUB, **more})
        assert build.published_external["workflow"] == {
            "ref": ref,
            "repository": "https://github.com/octocat/hello-world",
            "path": ".github/workflows/a@b.yml",
        }

    def test_builder_is_a_uri_whatever_the_workflow_is_called(self) -> None:
        more = {"GITHUB_WORKFLOW_REF": "octocat/hello-world/.github/workflows/mein bau.yml@refs/heads/my_branch"}
        build = read_build({**GITHUB, **more})
        assert build.builder_id.endswith("/.github/workflows/mein%20bau.yml@refs/heads/my_branch")


class TestGitLab:
    @pytest.mark.parametrize(
        ("more", "ref"),
        [
            pytest.param({"CI_COMMIT_TAG": "v1"}, "refs/tags/v1", id="tag"),
            pytest.param(
                {"CI_MERGE_REQUEST_REF_PATH": "refs/merge-requests/1/head"},
                "refs/merge-requests/1/head",
                id="merge-request",
            ),
            pytest.param({}, "", id="neither"),
        ],
    )
    def test_ref_is_told_by_the_variable_of_its_kind(self, more: dict[str, str], ref: str) -> None:
        build = read_build(without(GITLAB, "CI_COMMIT_BRANCH") | more)
        assert build.source.ref == ref
        assert build.external.get("ref", "") == ref

    def test_configuration_from_elsewhere_is_a_url_without_a_token(self) -> None:
        build = read_build(
            {**GITLAB, "CI_CONFIG_PATH": f"https://x:{SECRET}@example.com/ci.yml?private_token={SECRET}"}
        )
        assert build.external["configuration"] == "https://example.com/ci.yml"

    @pytest.mark.parametrize("text", ["", "2022-01-31T16:47:55+01:00", "yesterday"])
    def test_start_in_another_form_is_not_known(self, text: str) -> None:
        assert read_build({**GITLAB, "CI_JOB_STARTED_AT": text}).started_on == ""


class TestTekton:
    @pytest.mark.parametrize("name", ["TEKTON_TASKRUN_UID", "TEKTON_PIPELINE_NAME", "TEKTON_SOURCE_COMMIT"])
    def test_what_tekton_did_not_fill_in_is_refused(self, name: str) -> None:
        with pytest.raises(
            UsageError, match=rf"{name}: Tekton did not fill it in, it is '\$\(context.pipelineRun.uid\)'"
        ):
            read_build({**TEKTON, name: "$(context.pipelineRun.uid)"})

    def test_missing_variable_is_explained_with_what_fills_it(self) -> None:
        with pytest.raises(UsageError, match=r"value: \$\(context.taskRun.uid\)\}"):
            read_build(without(TEKTON, "TEKTON_TASKRUN_UID"), "tekton")

    def test_task_outside_of_a_pipeline_is_enough(self) -> None:
        build = read_build({name: TEKTON[name] for name in REQUIRED["tekton"]})
        assert build.external == {"namespace": "tekton-pipelines"}
        assert build.source == Source()


class TestJenkins:
    def test_without_an_address_it_is_found_and_does_not_say_who_builds(self) -> None:
        build = read_build(without(JENKINS, "JENKINS_URL", "JOB_URL", "BUILD_URL"))
        assert build.builder_id == ""
        assert build.external["job"] == "foo/main"
        assert build.invocation_id == "jenkins-foo-main-153"

    def test_first_of_several_remotes_is_the_source(self) -> None:
        more = {"GIT_URL_1": "git@git.example.com:team/foo.git", "GIT_URL_2": "https://example.com/other"}
        build = read_build(without(JENKINS, "GIT_URL") | more)
        assert build.source.repository == "ssh://git.example.com/team/foo.git"

    def test_job_without_git_has_no_source(self) -> None:
        assert read_build(without(JENKINS, "GIT_URL", "GIT_COMMIT")).source == Source()

    def test_change_request_says_what_it_is_and_where_it_goes(self) -> None:
        build = read_build({**JENKINS, "CHANGE_ID": "24", "CHANGE_TARGET": "main", "CHANGE_BRANCH": "fix"})
        assert [build.external[name] for name in ("change", "changeTarget", "changeBranch")] == ["24", "main", "fix"]


class TestURLs:
    @pytest.mark.parametrize(
        ("given", "public"),
        [
            ("https://example.com/a", "https://example.com/a"),
            (f"https://user:{SECRET}@example.com:8443/a", "https://example.com:8443/a"),
            (f"https://{SECRET}@example.com/a", "https://example.com/a"),
            (f"https://a:b@c:{SECRET}@example.com/a", "https://example.com/a"),
            (f"https://example.com/a?private_token={SECRET}", "https://example.com/a"),
            (f"https://example.com/a#{SECRET}", "https://example.com/a"),
            (f"https://user:{SECRET}@[2001:db8::1]:80/a", "https://[2001:db8::1]:80/a"),
        ],
    )
    def test_nothing_that_may_be_a_secret_stays(self, given: str, public: str) -> None:
        assert public_url(given, "URL") == public

    @pytest.mark.parametrize(
        "given",
        [
            *("", "example.com", "/path", "https://", f"https://u:{SECRET}@", "https:u@example.com", "http://[::1/a"),
            *(f"https://u:{SECRET}@host:port/", f"https://u:{SECRET}@a b/", f"https:\\\\u:{SECRET}@example.com"),
        ],
    )
    def test_what_is_no_url_is_refused_and_not_repeated(self, given: str) -> None:
        with pytest.raises(UsageError, match=r"^THE_URL: expected a URL") as caught:
            public_url(given, "THE_URL")
        assert SECRET not in str(caught.value)

    @pytest.mark.parametrize(
        ("remote", "url"),
        [
            (f"https://oauth2:{SECRET}@example.com/a.git", "https://example.com/a.git"),
            ("git@example.com:team/a.git", "ssh://example.com/team/a.git"),
            ("example.com:/srv/a.git", "ssh://example.com/srv/a.git"),
            (f"ssh://git:{SECRET}@example.com:2222/a.git", "ssh://example.com:2222/a.git"),
            ("git://example.com/a", "git://example.com/a"),
            ("/srv/git/a b.git", "file:///srv/git/a%20b.git"),
            ("file:///srv/git/a.git", "file:///srv/git/a.git"),
            (f"file://user:{SECRET}@host/a", ""),
            (f"robot:{SECRET}@example.com/a.git", ""),
            (f"//robot:{SECRET}@example.com/a.git", ""),
            (f"https:/robot:{SECRET}@example.com/a.git", ""),
            ("../a.git", ""),
            ("a/b:c", ""),
            ("", ""),
            (f"ext::sh -c {SECRET}", ""),
            (f"helper::https://u:{SECRET}@example.com/a b", ""),
        ],
    )
    def test_remotes_of_git_become_urls_without_secrets(self, remote: str, url: str) -> None:
        assert remote_url(remote) == url

    @pytest.mark.parametrize("uri", ["https://user@example.com/a", f"https://u:{SECRET}@example.com", "ssh://a@b"])
    def test_user_of_a_uri_is_found(self, uri: str) -> None:
        assert has_user(uri)

    @pytest.mark.parametrize("uri", ["https://example.com/a@b", "urn:a@b", "mailto:person@example.com"])
    def test_at_sign_elsewhere_is_no_user(self, uri: str) -> None:
        assert not has_user(uri)
