"""Real links and real repositories; only the environment of the CI is made up, as its system documents it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from custody.cli.main import main
from custody.errors import FormatError, RecordingError, SignatureError, StoreError, UsageError
from custody.keys.key import Key
from custody.models.predicates import check_predicate
from custody.models.resource_descriptor import ResourceDescriptor
from custody.models.statement import read_statement
from custody.signing.keypair import generate, write_pair
from custody.workflows.keys import read_public_keys
from custody.workflows.provenance import Provenance, ProvenanceOptions, provenance
from custody.workflows.provenance_predicate import MAX_DEPENDENCIES
from tests.ci_systems import COMMIT, ENVIRONMENTS, GITHUB, JENKINS, SECRET, TEKTON

V1, V02 = "https://slsa.dev/provenance/v1", "https://slsa.dev/provenance/v0.2"
BUILDER = "https://ci.example.com/builders/1"


def digest(data: str | bytes) -> dict[str, str]:
    return {"sha256": sha256(data.encode() if isinstance(data, str) else data).hexdigest()}


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], capture_output=True, check=True, text=True).stdout.strip()


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current directory, which has sources and keys."""
    monkeypatch.chdir(tmp_path)
    Path("src").mkdir()
    Path("src/a.c").write_text("int a;")
    Path("src/b.c").write_text("int b;")
    Path("keys").mkdir()
    for name in ("alice", "bob"):
        write_pair(f"keys/{name}", generate())
    return tmp_path


@pytest.fixture
def repository(here: Path) -> str:
    """Return the commit that the sources are of."""
    (here / ".gitignore").write_text("keys\nlinks\nout\n")
    git("init", "--quiet")
    git("remote", "add", "origin", f"https://robot:{SECRET}@git.example.com/team/app.git")
    git("add", "--all")
    git("commit", "--quiet", "--message", "sources")
    return git("rev-parse", "HEAD")


def run(step: str, command: str, *more: str, who: str = "alice", into: str = "links") -> str:
    """Perform a step and return the file of its link."""
    Path(into).mkdir(exist_ok=True)
    before = set(Path(into).iterdir())
    options = ["run", "-n", step, "-k", f"keys/{who}", "-d", into, *more, "--", "sh", "-c", command]
    assert main(options) == 0
    (made,) = set(Path(into).iterdir()) - before
    return str(made)


def build(*more: str) -> str:
    return run("build", "mkdir -p out; cat src/* > out/app", "-m", "src", "-p", "out", *more)


def change(path: str, **changes: object) -> str:
    """Write a copy of a link with other fields in it, so that its signature is not good any more."""
    document = json.loads(Path(path).read_text())
    document["signed"].update(changes)
    changed = Path(f"{path}.changed")
    changed.write_text(json.dumps(document))
    return str(changed)


def key(*names: str) -> tuple[Key, ...]:
    return read_public_keys([f"keys/{name}.pub" for name in names])


def tell(*links: str, **options: Any) -> Provenance:  # noqa: ANN401  # the fields of its options
    return provenance(ProvenanceOptions(links=links, **options))


def definition(found: Provenance) -> Mapping[str, Any]:
    result: Mapping[str, Any] = found.predicate["buildDefinition"]
    return result


def source_of(found: Provenance) -> Mapping[str, Any]:
    """Return what is told of the commit."""
    (source,) = [each for each in definition(found)["resolvedDependencies"] if "gitCommit" in each["digest"]]
    return dict(source)


def names(found: Sequence[Mapping[str, Any]]) -> list[str]:
    return [each["name"] for each in found]


class TestLocalBuild:
    def test_link_is_told_completely_and_nothing_else(self) -> None:
        link = build()
        times = json.loads(Path(link).read_text())["signed"]["environment"]

        assert tell(link).statement == {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": "out/app", "digest": digest("int a;int b;")}],
            "predicateType": V1,
            "predicate": {
                "buildDefinition": {
                    "buildType": "urn:custody:build-type:local:v1",
                    "externalParameters": {
                        "steps": [
                            {
                                "name": "build",
                                "command": ["sh", "-c", "mkdir -p out; cat src/* > out/app"],
                                "returnValue": 0,
                            }
                        ]
                    },
                    "resolvedDependencies": [
                        {"name": "src/a.c", "digest": digest("int a;")},
                        {"name": "src/b.c", "digest": digest("int b;")},
                    ],
                },
                "runDetails": {
                    "builder": {"id": "urn:custody:builder:local:v1"},
                    "metadata": times,
                    "byproducts": [
                        {
                            "name": Path(link).name,
                            "digest": digest(Path(link).read_bytes()),
                            "annotations": {
                                "step": "build",
                                "signatures": "not verified",
                                "materials": 2,
                                "products": 1,
                            },
                        }
                    ],
                },
            },
        }

    def test_the_same_in_version_02(self, repository: str) -> None:
        link = build()
        times = json.loads(Path(link).read_text())["signed"]["environment"]
        commit = {"uri": f"git+https://git.example.com/team/app.git@{repository}", "digest": {"sha1": repository}}

        found = tell(link, source=".", slsa_version="0.2", keys=key("alice"))

        (step,) = found.predicate["buildConfig"]["steps"]
        assert found.statement["_type"] == "https://in-toto.io/Statement/v0.1"
        assert found.statement["predicateType"] == V02
        assert step["link"]["annotations"]["signatures"] == "verified"
        assert {name: value for name, value in found.predicate.items() if name != "buildConfig"} == {
            "builder": {"id": "urn:custody:builder:local:v1"},
            "buildType": "urn:custody:build-type:local:v1",
            "invocation": {"environment": {"workTree": "clean"}},
            "metadata": {
                "buildStartedOn": times["startedOn"],
                "buildFinishedOn": times["finishedOn"],
                "completeness": {"parameters": False, "environment": False, "materials": False},
                "reproducible": False,
            },
            "materials": [
                commit,
                {"uri": "file:src/a.c", "digest": digest("int a;")},
                {"uri": "file:src/b.c", "digest": digest("int b;")},
            ],
        }

    def test_builder_and_build_type_can_be_said(self) -> None:
        found = tell(build(), builder_id=BUILDER, build_type="https://example.com/types/make/v1")

        assert found.predicate["runDetails"]["builder"] == {"id": BUILDER}
        assert definition(found)["buildType"] == "https://example.com/types/make/v1"

    @pytest.mark.parametrize("version", ["1", "0.2"])
    @pytest.mark.parametrize("field", ["builder_id", "build_type"])
    @pytest.mark.parametrize("uri", ["builder", "a b", f"https://u:{SECRET}@example.com/", ":x"])
    def test_what_is_no_public_uri_is_refused(self, version: str, field: str, uri: str) -> None:
        with pytest.raises(UsageError, match=f"^--{field.replace('_', '-')}: "):
            tell(build(), slsa_version=version, **{field: uri})

    def test_nothing_to_tell_is_refused(self) -> None:
        with pytest.raises(UsageError, match="there is nothing to tell of the build: neither a link"):
            tell(subjects=("src/a.c",))
        with pytest.raises(UsageError, match="expected what was built: --subject FILE"):
            tell()

    def test_version_that_does_not_exist_is_refused(self) -> None:
        with pytest.raises(UsageError, match=r"--slsa-version: expected 1 or 0.2, got '1.1'"):
            tell(build(), slsa_version="1.1")


class TestLinks:
    def test_good_signature_is_told_with_its_key(self) -> None:
        link = build()

        found = tell(link, keys=key("alice", "bob"))

        (byproduct,) = found.predicate["runDetails"]["byproducts"]
        assert byproduct["annotations"]["signatures"] == "verified"
        assert byproduct["annotations"]["signedBy"] == [key("alice")[0].keyid]
        assert found.remarks == ()

    def test_signature_that_nobody_checked_is_remarked_on(self) -> None:
        (remark,) = tell(build()).remarks

        assert remark.startswith("nothing was verified: the signatures of build.")
        assert remark.endswith("give --verification-keys to check them")

    def test_link_that_nobody_signed_is_remarked_on(self) -> None:
        link = build()
        document = json.loads(Path(link).read_text()) | {"signatures": []}
        Path(link).write_text(json.dumps(document))

        found = tell(link)

        assert found.predicate["runDetails"]["byproducts"][0]["annotations"]["signatures"] == "unsigned"
        assert found.remarks == (f"nobody signed {Path(link).name}; the provenance says so",)

    def test_link_by_another_key_is_rejected(self) -> None:
        link = build()
        with pytest.raises(SignatureError, match="none of the given keys signed it"):
            tell(link, keys=key("bob"))

    def test_link_that_was_changed_is_rejected(self) -> None:
        link = change(build(), command=["true"])
        assert definition(tell(link))["externalParameters"]["steps"][0]["command"] == ["true"]
        with pytest.raises(SignatureError, match="none of the given keys signed it"):
            tell(link, keys=key("alice"))

    def test_one_rejected_link_of_several_rejects_all(self) -> None:
        first = build()
        second = run("pack", "cp out/app out/app.zip", "-m", "out/app", "-p", "out/app.zip", who="bob")
        assert tell(first, second, keys=key("alice", "bob")).remarks == ()
        with pytest.raises(SignatureError):
            tell(first, second, keys=key("alice"))

    def test_keys_without_links_are_refused(self, repository: str) -> None:
        assert repository
        with pytest.raises(UsageError, match="there is no --link"):
            tell(keys=key("alice"), subjects=("src/a.c",), source=".")

    def test_file_that_is_no_link_is_refused(self) -> None:
        Path("file").write_text("{}")
        with pytest.raises(FormatError, match=r"^file: "):
            tell("file")
        with pytest.raises(StoreError):
            tell("missing")

    def test_link_whose_name_no_statement_can_hold_is_refused(self) -> None:
        named = os.fsdecode(b"links/\xff.link")
        Path(build()).rename(named)

        with pytest.raises(RecordingError):
            tell(named)

    def test_link_in_dsse_is_read_too(self) -> None:
        assert tell(build("--use-dsse"), keys=key("alice")).statement["subject"] == [
            {"name": "out/app", "digest": digest("int a;int b;")}
        ]

    def test_what_one_step_made_is_no_dependency_of_the_next(self) -> None:
        first = build()
        second = run("pack", "cp out/app out/app.zip", "-m", "out", "src/a.c", "-p", "out", who="bob")

        found = tell(first, second)

        assert names(definition(found)["resolvedDependencies"]) == ["src/a.c", "src/b.c"]
        assert names(definition(found)["externalParameters"]["steps"]) == ["build", "pack"]
        assert names(found.statement["subject"]) == ["out/app", "out/app.zip"]
        assert names(tell(second).statement["subject"]) == ["out/app.zip"]

    def test_what_was_changed_between_the_steps_is_a_dependency(self) -> None:
        first = build()
        Path("out/app").write_text("something else")
        second = run("pack", "cp out/app out/app.zip", "-m", "out", "-p", "out")

        dependencies = definition(tell(first, second))["resolvedDependencies"]

        assert {"name": "out/app", "digest": digest("something else")} in dependencies
        assert names(tell(first, second).statement["subject"]) == ["out/app.zip"]

    def test_what_lay_there_before_is_no_subject(self) -> None:
        link = run("build", "cp src/a.c src/a.o", "-m", "src", "-p", "src")

        assert names(tell(link).statement["subject"]) == ["src/a.o"]

    def test_step_that_made_nothing_needs_a_subject(self) -> None:
        first = build()
        second = run("test", "true", "-m", "out", "-p", "out")

        assert names(tell(first, second).statement["subject"]) == ["out/app"]
        with pytest.raises(UsageError, match="the links made nothing: every product of 'test' was there before"):
            tell(second)

    def test_links_of_one_step_have_to_agree(self) -> None:
        first = build()
        second = run("build", "cat src/* > out/app", "-m", "src", "-p", "out", who="bob")
        assert names(tell(first, second).statement["subject"]) == ["out/app"]
        third = change(second, products={"out/app": digest("another")})
        with pytest.raises(RecordingError, match="are links of the same step, 'build', with other products"):
            tell(first, third)

    def test_modes_are_no_digests_of_a_subject(self) -> None:
        found = tell(build("--modes", "--hash", "sha256", "sha512"))

        (subject,) = found.statement["subject"]
        assert set(subject["digest"]) == {"sha256", "sha512"}

    @pytest.mark.parametrize("digests", [{"mode": "0755"}, {"sha256": "abcd"}])
    def test_product_without_a_digest_is_refused(self, digests: dict[str, str]) -> None:
        with pytest.raises(FormatError, match=r"products\['out/app'\]"):
            tell(change(build(), products={"out/app": digests}))

    def test_command_that_failed_is_told_and_remarked_on(self) -> None:
        link = change(build(), byproducts={"return-value": 3})

        found = tell(link)

        assert definition(found)["externalParameters"]["steps"][0]["returnValue"] == 3
        assert "the command of 'build' returned 3, and the provenance says so" in found.remarks

    def test_times_are_those_of_all_links(self) -> None:
        first = change(build(), environment={"startedOn": "2030-01-01T00:00:00Z", "finishedOn": "2030-01-01T00:05:00Z"})
        second = change(
            run("pack", "cp out/app out/z", "-m", "out", "-p", "out"),
            environment={"startedOn": "2030-01-01T00:06:00Z", "finishedOn": "2030-01-01T00:07:00Z"},
        )

        metadata = tell(first, second).predicate["runDetails"]["metadata"]

        assert metadata == {"startedOn": "2030-01-01T00:00:00Z", "finishedOn": "2030-01-01T00:07:00Z"}

    @pytest.mark.parametrize("environment", [{}, {"startedOn": "yesterday", "finishedOn": 3}])
    def test_times_that_a_link_does_not_say_are_not_told(self, environment: dict[str, object]) -> None:
        assert "metadata" not in tell(change(build(), environment=environment)).predicate["runDetails"]

    def test_end_before_the_beginning_is_refused(self) -> None:
        times = {"startedOn": "2030-01-01T00:05:00Z", "finishedOn": "2030-01-01T00:00:00Z"}
        with pytest.raises(RecordingError, match="ended at 2030-01-01T00:00:00Z, before it began"):
            tell(change(build(), environment=times))

    def test_what_a_link_says_of_its_environment_is_not_told(self) -> None:
        found = tell(build("--environment", f"TOKEN={SECRET}"))

        assert SECRET not in json.dumps(found.statement)


class TestSubjects:
    def test_file_is_found_among_the_products_whatever_it_is_called_here(self) -> None:
        link = build()
        Path("out/app").rename("downloaded")

        assert names(tell(link, subjects=("downloaded",)).statement["subject"]) == ["out/app"]

    def test_file_that_no_step_made_is_refused(self) -> None:
        link = build()
        Path("out/app").write_text("changed afterwards")

        with pytest.raises(
            RecordingError, match="--subject 'out/app': no step that a link is of made a file with this"
        ):
            tell(link, subjects=("out/app",))

    def test_without_links_files_are_called_as_they_are_given(self, here: Path, repository: str) -> None:
        assert repository
        found = tell(subjects=("./src//a.c", str(here / "src/b.c")), source=".")

        assert found.statement["subject"] == [
            {"name": "src/a.c", "digest": digest("int a;")},
            {"name": "b.c", "digest": digest("int b;")},
        ]

    def test_file_that_is_given_twice_is_one_subject(self) -> None:
        link = build()

        assert names(tell(link, subjects=("out/app", "./out/app"), slsa_version="0.2").statement["subject"]) == [
            "out/app"
        ]

    @pytest.mark.parametrize("path", ["src", "missing", "/dev/null"])
    def test_what_is_no_file_is_refused(self, repository: str, path: str) -> None:
        assert repository
        with pytest.raises(RecordingError):
            tell(subjects=(path,), source=".")

    def test_image_is_told_by_its_digest(self) -> None:
        image = ResourceDescriptor(name="registry.example.com/app", digest=digest("manifest"))

        found = tell(build(), images=(image,))

        assert found.statement["subject"] == [{"name": "registry.example.com/app", "digest": digest("manifest")}]
        assert "no link has an image among its products" in found.remarks[-1]

    def test_image_that_the_links_made_is_told_without_a_remark(self) -> None:
        link = change(build(), products={"oci:registry.example.com/app": digest("manifest")})
        image = ResourceDescriptor(name="registry.example.com/app", digest=digest("manifest"))

        assert len(tell(link, images=(image,)).remarks) == 1

    def test_image_that_the_links_did_not_make_is_refused(self) -> None:
        link = change(build(), products={"oci:registry.example.com/app": digest("manifest")})
        image = ResourceDescriptor(name="registry.example.com/app", digest=digest("another"))

        with pytest.raises(RecordingError, match=r"--image 'registry.example.com/app': the links made"):
            tell(link, images=(image,))


class TestGit:
    def test_commit_is_told_without_the_credentials_of_its_remote(self, repository: str) -> None:
        found = tell(build(), source=".")

        assert source_of(found) == {
            "uri": f"git+https://git.example.com/team/app.git@{repository}",
            "digest": {"gitCommit": repository},
            "annotations": {"workTree": "clean"},
        }
        assert SECRET not in json.dumps(found.statement)

    def test_repository_without_a_remote_is_told_by_its_commit(self, repository: str) -> None:
        git("remote", "remove", "origin")

        assert source_of(tell(build(), source=".")) == {
            "digest": {"gitCommit": repository},
            "annotations": {"workTree": "clean"},
        }

    @pytest.mark.parametrize("version", ["1", "0.2"])
    @pytest.mark.parametrize(
        ("path", "state", "remark"),
        [
            ("src/a.c", "modified", "files differ from commit {}; the provenance says so: modified"),
            ("src/new.c", "untracked", "there are files that are not in commit {} and that git does not ignore; "),
        ],
    )
    def test_commit_of_other_files_is_not_told_silently(
        self, repository: str, version: str, path: str, state: str, remark: str
    ) -> None:
        Path(path).write_text("int c;")

        found = tell(build(), source=".", slsa_version=version, keys=key("alice"))

        told = source_of(found)["annotations"] if version == "1" else found.predicate["invocation"]["environment"]
        assert told == {"workTree": state}
        (said,) = found.remarks
        assert said.startswith(remark.format(repository))

    def test_work_tree_that_nobody_could_compare_is_not_told_silently(self, repository: str) -> None:
        git("config", "filter.x.clean", "cat")

        found = tell(build(), source=".", keys=key("alice"))

        assert source_of(found)["annotations"] == {"workTree": "unknown"}
        assert found.remarks == (
            f"nobody could compare the files with commit {repository}; the provenance says so: unknown",
        )

    def test_directory_that_is_no_repository_is_refused(self) -> None:
        with pytest.raises(RecordingError, match="it is not a git repository"):
            tell(build(), source=".")

    @pytest.mark.parametrize("version", ["1", "0.2"])
    def test_commit_by_sha256_is_told_as_what_it_is(self, version: str) -> None:
        git("init", "--quiet", "--object-format=sha256")
        git("add", "src")
        git("commit", "--quiet", "--message", "sources")
        commit = git("rev-parse", "HEAD")

        found = tell(build(), source=".", slsa_version=version)

        sources = definition(found)["resolvedDependencies"] if version == "1" else found.predicate["materials"]
        assert len(commit) == 64
        assert sources[0]["digest"] == {"gitCommit": commit}


class TestManyMaterials:
    @pytest.fixture
    def link(self) -> str:
        materials = {f"src/{number}": digest(str(number)) for number in range(MAX_DEPENDENCIES + 1)}
        return change(build(), materials=materials)

    def test_as_many_as_may_be_are_listed(self, link: str) -> None:
        materials = json.loads(Path(link).read_text())["signed"]["materials"]
        del materials["src/0"]

        assert len(definition(tell(change(link, materials=materials)))["resolvedDependencies"]) == MAX_DEPENDENCIES

    def test_commit_stands_for_more_of_them(self, repository: str, link: str) -> None:
        found = tell(link, source=".")

        assert definition(found)["resolvedDependencies"] == [
            {
                "uri": f"git+https://git.example.com/team/app.git@{repository}",
                "digest": {"gitCommit": repository},
                "annotations": {"workTree": "clean", "materialsLeftOut": MAX_DEPENDENCIES + 1},
            }
        ]
        assert found.remarks[-1].startswith(f"{MAX_DEPENDENCIES + 1} materials are not listed, more than 1000; commit")

    def test_version_02_says_so_too(self, repository: str, link: str) -> None:
        found = tell(link, source=".", slsa_version="0.2")

        assert [each["digest"] for each in found.predicate["materials"]] == [{"sha1": repository}]
        assert found.predicate["invocation"]["environment"]["materialsLeftOut"] == MAX_DEPENDENCIES + 1

    def test_without_a_commit_they_are_refused(self, link: str) -> None:
        with pytest.raises(UsageError, match="the links have 1001 materials, and a predicate lists at most 1000"):
            tell(link)


class TestCI:
    @pytest.mark.parametrize("version", ["1", "0.2"])
    @pytest.mark.parametrize("system", sorted(ENVIRONMENTS))
    @pytest.mark.parametrize("with_git", [True, False])
    def test_every_system_makes_a_statement_without_secrets(
        self, repository: str, system: str, version: str, with_git: bool
    ) -> None:
        environment = {n: v.replace(COMMIT, repository) for n, v in ENVIRONMENTS[system].items()}

        found = tell(
            build(),
            environment=environment,
            source="." if with_git else "",
            builder_id=BUILDER if system == "tekton" else "",
            slsa_version=version,
        )

        read = read_statement(found.statement)
        check_predicate(read.predicate_type, read.predicate)
        assert SECRET not in json.dumps(found.statement)
        assert (repository in json.dumps(found.statement)) == (with_git or system != "local")

    @pytest.mark.parametrize("system", sorted(set(ENVIRONMENTS) - {"local"}))
    def test_commit_of_the_ci_that_git_does_not_have_is_refused(self, repository: str, system: str) -> None:
        with pytest.raises(
            RecordingError, match=f"says that commit {COMMIT} is built, and git has {repository} checked"
        ):
            tell(build(), environment=ENVIRONMENTS[system], source=".", builder_id=BUILDER)

    def test_github_is_told_as_its_published_build_type_has_it(self, repository: str) -> None:
        environment = {n: v.replace(COMMIT, repository) for n, v in GITHUB.items()}

        found = tell(build(), environment=environment, source=".")

        assert definition(found) == {
            "buildType": "https://actions.github.io/buildtypes/workflow/v1",
            "externalParameters": {
                "runner_environment": "github-hosted",
                "workflow": {
                    "ref": "refs/heads/my_branch",
                    "repository": "https://github.com/octocat/hello-world",
                    "path": ".github/workflows/my-workflow.yml",
                },
            },
            "internalParameters": {
                "github": {"event_name": "push", "repository_id": "123456789", "repository_owner_id": "1234567"},
                "custody_steps": [
                    {"name": "build", "command": ["sh", "-c", "mkdir -p out; cat src/* > out/app"], "returnValue": 0}
                ],
            },
            "resolvedDependencies": [
                {
                    "uri": "git+https://github.com/octocat/hello-world@refs/heads/my_branch",
                    "digest": {"gitCommit": repository},
                    "annotations": {"workTree": "clean"},
                },
                {"name": "src/a.c", "digest": digest("int a;")},
                {"name": "src/b.c", "digest": digest("int b;")},
            ],
        }
        assert found.predicate["runDetails"]["metadata"]["invocationId"] == (
            "https://github.com/octocat/hello-world/actions/runs/1658821493/attempts/3"
        )

    @pytest.mark.parametrize(
        "options",
        [
            pytest.param({"build_type": "https://example.com/types/1"}, id="another-type"),
            pytest.param({"environment": {**GITHUB, "GITHUB_EVENT_NAME": "schedule"}}, id="another-event"),
            pytest.param({"slsa_version": "0.2"}, id="another-version"),
        ],
    )
    def test_published_parameters_go_with_the_published_type_only(self, options: dict[str, Any]) -> None:
        found = tell(build(), **{"environment": GITHUB, **options})

        assert "actions.github.io" not in json.dumps(found.statement)
        assert "runner_environment" not in json.dumps(found.statement)
        assert "custody_steps" not in json.dumps(found.statement)

    def test_version_02_says_where_the_configuration_is(self) -> None:
        found = tell(build(), environment=GITHUB, slsa_version="0.2")

        assert found.predicate["invocation"]["configSource"] == {
            "uri": "git+https://github.com/octocat/hello-world@refs/heads/my_branch",
            "digest": {"sha1": COMMIT},
            "entryPoint": ".github/workflows/my-workflow.yml",
        }

    def test_build_without_links_is_told_by_the_ci_alone(self) -> None:
        found = tell(subjects=("src/a.c",), environment=ENVIRONMENTS["gitlab"])

        assert found.statement["subject"] == [{"name": "src/a.c", "digest": digest("int a;")}]
        assert source_of(found)["digest"] == {"gitCommit": COMMIT}
        assert found.predicate["runDetails"]["metadata"]["startedOn"] == "2022-01-31T16:47:55Z"

    @pytest.mark.parametrize(
        "environment", [TEKTON, {name: value for name, value in JENKINS.items() if name != "JENKINS_URL"}]
    )
    def test_system_without_an_address_needs_a_builder(self, environment: Mapping[str, str]) -> None:
        link = build()
        assert BUILDER in json.dumps(tell(link, environment=environment, builder_id=BUILDER).predicate)
        with pytest.raises(
            UsageError, match="does not say by which address it is known; say who builds with --builder-"
        ):
            tell(link, environment=environment)

    def test_system_that_is_meant_can_be_said(self) -> None:
        found = tell(build(), environment=GITHUB, system="local")

        assert definition(found)["buildType"] == "urn:custody:build-type:local:v1"


RESOURCE = {"name", "uri", "digest", "content", "downloadLocation", "mediaType", "annotations"}
SCHEMA_V1: Mapping[str, set[str]] = {
    "": {"buildDefinition", "runDetails"},
    "buildDefinition": {"buildType", "externalParameters", "internalParameters", "resolvedDependencies"},
    "buildDefinition.resolvedDependencies": RESOURCE,
    "runDetails": {"builder", "metadata", "byproducts"},
    "runDetails.builder": {"id", "version", "builderDependencies"},
    "runDetails.metadata": {"invocationId", "startedOn", "finishedOn"},
    "runDetails.byproducts": RESOURCE,
}
"""The fields of every message of the published schema (slsa.dev, provenance.proto); other objects are free."""
SCHEMA_V02: Mapping[str, set[str]] = {
    "": {"builder", "buildType", "invocation", "buildConfig", "metadata", "materials"},
    "builder": {"id"},
    "invocation": {"configSource", "parameters", "environment"},
    "invocation.configSource": {"uri", "digest", "entryPoint"},
    "metadata": {"buildInvocationId", "buildStartedOn", "buildFinishedOn", "completeness", "reproducible"},
    "metadata.completeness": {"parameters", "environment", "materials"},
    "materials": {"uri", "digest"},
}


def unknown_fields(value: object, schema: Mapping[str, set[str]], path: str = "") -> list[str]:
    """Return the fields that a reader of the schema would refuse."""
    if isinstance(value, list):
        return [field for item in value for field in unknown_fields(item, schema, path)]
    if not isinstance(value, dict) or path not in schema:
        return []
    found = [f"{path}.{name}" for name in value.keys() - schema[path]]
    inner = ((f"{path}.{name}".lstrip("."), each) for name, each in value.items())
    return found + [field for where, each in inner for field in unknown_fields(each, schema, where)]


@pytest.mark.parametrize(("version", "schema"), [("1", SCHEMA_V1), ("0.2", SCHEMA_V02)])
@pytest.mark.parametrize("system", sorted(ENVIRONMENTS))
def test_only_fields_of_the_published_schema_are_written(
    repository: str, system: str, version: str, schema: Mapping[str, set[str]]
) -> None:
    """Readers made from the schema, such as Go's, refuse a field that they do not know."""
    environment = {name: value.replace(COMMIT, repository) for name, value in ENVIRONMENTS[system].items()}

    found = tell(build(), environment=environment, source=".", builder_id=BUILDER, slsa_version=version)

    assert unknown_fields(found.predicate, schema) == []
    assert unknown_fields({**found.predicate, "more": 1}, schema) == [".more"]
