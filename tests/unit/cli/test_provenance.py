from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from custody.cli.main import main
from custody.models.predicates import check_predicate
from custody.models.statement import read_statement
from custody.oci.descriptor import Descriptor
from custody.signing.keypair import generate, write_pair
from custody.stores.layout import open_layout
from custody.stores.registry import open_repository
from tests.attachments import layout_with_image, put_image, put_index
from tests.ci_systems import COMMIT, ENVIRONMENTS, GITHUB, SECRET
from tests.registries import debian_registry

Captured = pytest.CaptureFixture[str]


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], capture_output=True, check=True, text=True).stdout.strip()


@pytest.fixture(autouse=True)
def link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> str:
    """Return the link of a step that made `app`, in the current directory, which is no repository."""
    monkeypatch.chdir(tmp_path)
    for name in ("alice", "bob"):
        write_pair(name, generate())
    Path("app.c").write_text("int a;")
    assert main(["run", "-n", "build", "-k", "alice", "-m", "app.c", "-p", "app", "--", "cp", "app.c", "app"]) == 0
    capsys.readouterr()
    (made,) = tmp_path.glob("build.*.link")
    return made.name


@pytest.fixture
def commit() -> str:
    """Return the commit of the current directory, which is a repository."""
    Path(".gitignore").write_text("alice*\nbob*\n*.link\napp\nother/\n")
    git("init", "--quiet")
    git("add", "--all")
    git("commit", "--quiet", "--message", "sources")
    return git("rev-parse", "HEAD")


def be_in(system: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in system.items():
        if name != "HOME":
            monkeypatch.setenv(name, value)


def told(capsys: Captured, *arguments: str) -> dict[str, Any]:
    """Return what `custody provenance` prints."""
    assert main(["provenance", *arguments]) == 0
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def build_type(document: Mapping[str, Any]) -> object:
    return document["predicate"]["buildDefinition"]["buildType"]


def dependencies(document: Mapping[str, Any]) -> list[Any]:
    found: list[Any] = document["predicate"]["buildDefinition"]["resolvedDependencies"]
    return found


def test_statement_is_printed_and_what_is_unsure_is_said(link: str, capsys: Captured) -> None:
    assert main(["provenance", "--link", link]) == 0
    out, err = capsys.readouterr()
    read = read_statement(json.loads(out))
    check_predicate(read.predicate_type, read.predicate)
    assert read.predicate_type == "https://slsa.dev/provenance/v1"
    assert [subject.name for subject in read.subject] == ["app"]
    assert err.startswith(f"warning: nothing was verified: the signatures of {link} were not checked")


def test_good_signature_leaves_nothing_to_say(link: str, capsys: Captured) -> None:
    assert main(["provenance", "--link", link, "--verification-keys", "alice.pub", "bob.pub"]) == 0
    assert capsys.readouterr().err == ""


def test_link_by_another_key_is_1(link: str, capsys: Captured) -> None:
    assert main(["provenance", "--link", link, "--verification-keys", "bob.pub"]) == 1
    assert capsys.readouterr() == ("", f"custody provenance: {link}: none of the given keys signed it\n")


def test_trusted_root_that_cannot_be_read_is_2(link: str, capsys: Captured) -> None:
    arguments = ["--link", link, "--verification-keys", "alice.pub", "--trusted-root", "missing.json"]
    assert main(["provenance", *arguments]) == 2
    assert "missing.json" in capsys.readouterr().err


@pytest.mark.parametrize("flag", ["-o", "--output"])
def test_output_is_a_file_that_says_the_same(link: str, capsys: Captured, flag: str) -> None:
    printed = told(capsys, "--link", link)
    assert main(["provenance", "--link", link, flag, "out.json"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err.endswith("wrote out.json; nobody has signed it yet\n")
    assert json.loads(Path("out.json").read_text()) == printed


def test_predicate_alone_is_what_the_statement_says(link: str, capsys: Captured) -> None:
    assert told(capsys, "--link", link, "--predicate-only") == told(capsys, "--link", link)["predicate"]


def test_older_version_is_written_on_request(link: str, capsys: Captured) -> None:
    document = told(capsys, "--link", link, "--slsa-version", "0.2")
    assert document["_type"] == "https://in-toto.io/Statement/v0.1"
    assert document["predicateType"] == "https://slsa.dev/provenance/v0.2"


def test_subject_is_told_if_the_link_made_it(link: str, capsys: Captured) -> None:
    assert [each["name"] for each in told(capsys, "--link", link, "--subject", "app")["subject"]] == ["app"]
    Path("app").write_text("changed")
    assert main(["provenance", "--link", link, "--subject", "app"]) == 2
    assert "no step that a link is of made a file with this content" in capsys.readouterr().err


def attest(*arguments: str) -> int:
    return main(["attest", "app", "--key", "alice", *arguments])


def verify(type_: str, key: str = "alice.pub") -> int:
    return main(["verify-attestation", "app", "--type", type_, "--key", key])


@pytest.mark.parametrize(("version", "type_"), [("1", "slsaprovenance1"), ("0.2", "slsaprovenance")])
class TestAttesting:
    def test_statement_is_signed_and_verified(self, link: str, version: str, type_: str) -> None:
        assert main(["provenance", "--link", link, "--slsa-version", version, "-o", "out.json"]) == 0
        assert attest("--statement", "out.json") == 0
        assert verify(type_) == 0
        assert verify(type_, "bob.pub") == 1
        assert verify("slsaprovenance" if version == "1" else "slsaprovenance1") == 1

    def test_predicate_is_signed_and_verified(self, link: str, version: str, type_: str) -> None:
        arguments = ["--link", link, "--slsa-version", version, "--predicate-only", "-o", "out.json"]
        assert main(["provenance", *arguments]) == 0
        assert attest("--type", type_, "--predicate", "out.json") == 0
        assert verify(type_) == 0
        Path("app").write_text("another")
        assert verify(type_) == 1


@pytest.mark.component("git")
class TestSource:
    def test_repository_around_is_found(self, link: str, commit: str, capsys: Captured) -> None:
        assert dependencies(told(capsys, "--link", link))[0]["digest"] == {"gitCommit": commit}

    def test_repository_elsewhere_can_be_named(self, link: str, commit: str, capsys: Captured) -> None:
        git("clone", "--quiet", ".", "other")
        git("-C", "other", "commit", "--quiet", "--allow-empty", "--message", "second")
        (found, _) = dependencies(told(capsys, "--link", link, "--source", "other"))
        assert found["digest"] == {"gitCommit": git("-C", "other", "rev-parse", "HEAD")} != {"gitCommit": commit}

    @pytest.mark.usefixtures("commit")
    def test_git_need_not_be_asked(self, link: str, capsys: Captured) -> None:
        assert [each["name"] for each in dependencies(told(capsys, "--link", link, "--no-source"))] == ["app.c"]

    @pytest.mark.usefixtures("commit")
    def test_asking_and_not_asking_contradict_each_other(self, link: str, capsys: Captured) -> None:
        assert main(["provenance", "--link", link, "--source", ".", "--no-source"]) == 2
        assert "--source and --no-source contradict each other" in capsys.readouterr().err

    def test_changed_files_are_said_and_told(self, link: str, commit: str, capsys: Captured) -> None:
        Path("app.c").write_text("int b;")
        assert main(["provenance", "--link", link]) == 0
        out, err = capsys.readouterr()
        assert f"warning: files differ from commit {commit}; the provenance says so: modified\n" in err
        assert dependencies(json.loads(out))[0]["annotations"] == {"workTree": "modified"}

    def test_ci_that_builds_something_else_is_2_and_nothing_is_written(
        self, link: str, commit: str, capsys: Captured, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        be_in(GITHUB, monkeypatch)
        assert main(["provenance", "--link", link, "-o", "out.json"]) == 2
        err = capsys.readouterr().err
        assert f"GitHub Actions says that commit {COMMIT} is built, and git has {commit} checked out" in err
        assert not Path("out.json").exists()

    def test_ci_that_builds_the_same_is_told(
        self, link: str, commit: str, capsys: Captured, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        be_in({**GITHUB, "GITHUB_SHA": commit, "GITHUB_WORKFLOW_SHA": commit}, monkeypatch)
        document = told(capsys, "--link", link)
        assert build_type(document) == "https://actions.github.io/buildtypes/workflow/v1"
        assert SECRET not in json.dumps(document)


class TestCI:
    @pytest.mark.parametrize("system", sorted(ENVIRONMENTS))
    def test_system_is_found_by_its_variables(
        self, link: str, system: str, capsys: Captured, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        be_in(ENVIRONMENTS[system], monkeypatch)
        more = ["--builder-id", "https://ci.example.com/"] if system == "tekton" else []
        document = told(capsys, "--link", link, *more, "--slsa-version", "0.2")
        assert document["predicate"]["buildType"] == f"urn:custody:build-type:{system}:v1"
        assert SECRET not in json.dumps(document)

    def test_system_can_be_chosen(self, link: str, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
        be_in(GITHUB, monkeypatch)
        assert build_type(told(capsys, "--link", link, "--ci", "local")) == "urn:custody:build-type:local:v1"
        assert main(["provenance", "--link", link, "--ci", "gitlab"]) == 2
        assert "GitLab CI/CD: the variable CI_PROJECT_URL: not set" in capsys.readouterr().err

    def test_builder_and_build_type_can_be_said(self, link: str, capsys: Captured) -> None:
        arguments = ["--builder-id", "https://ci.example.com/", "--build-type", "https://example.com/types/1"]
        document = told(capsys, "--link", link, *arguments)
        assert build_type(document) == "https://example.com/types/1"
        assert document["predicate"]["runDetails"]["builder"] == {"id": "https://ci.example.com/"}

    def test_builder_with_a_password_is_2_and_not_repeated(self, link: str, capsys: Captured) -> None:
        assert main(["provenance", "--link", link, "--builder-id", f"https://u:{SECRET}@ci.example.com/"]) == 2
        assert SECRET not in capsys.readouterr().err


@pytest.mark.parametrize("flag", ["--source", "--builder-id", "--build-type", "--output"])
def test_empty_value_is_2(link: str, capsys: Captured, flag: str) -> None:
    assert main(["provenance", "--link", link, flag, ""]) == 2
    assert f"{flag}: expected a value, got an empty one" in capsys.readouterr().err


def test_nothing_given_is_2(capsys: Captured) -> None:
    assert main(["provenance"]) == 2
    assert "expected what was built: --subject FILE, --image REFERENCE, or --link FILE" in capsys.readouterr().err


class TestImages:
    @pytest.fixture
    def image(self, tmp_path: Path) -> Descriptor:
        return layout_with_image(tmp_path / "layout")[1]

    def test_tag_is_resolved_and_its_digest_said(self, link: str, image: Descriptor, capsys: Captured) -> None:
        assert main(["provenance", "--link", link, "--image", "oci:layout:v1"]) == 0
        out, err = capsys.readouterr()
        assert json.loads(out)["subject"] == [{"name": "oci:layout", "digest": {"sha256": image.digest.hex}}]
        assert f"oci:layout:v1 is oci:layout@{image.digest}\n" in err

    def test_platform_chooses_of_an_index(self, link: str, image: Descriptor, capsys: Captured) -> None:
        store = open_layout("layout")
        other = put_image(store, content=b"other")
        index = put_index(store, "all", {"linux/amd64": image, "linux/arm64": other})
        found = told(capsys, "--link", link, "--image", "oci:layout:all", "--platform", "linux/arm64")
        assert found["subject"][0]["digest"] == {"sha256": other.digest.hex}
        assert told(capsys, "--link", link, "--image", "oci:layout:all")["subject"][0]["digest"] == {
            "sha256": index.digest.hex
        }

    def test_image_that_a_link_recorded_has_to_be_that_one(self, image: Descriptor, capsys: Captured) -> None:
        assert main(["run", "-n", "push", "-k", "alice", "-x", "-p", "oci:layout:v1"]) == 0
        (link,) = Path().glob("push.*.link")
        found = told(capsys, "--link", link.name, "--image", "oci:layout:v1")
        assert found["subject"][0]["digest"] == {"sha256": image.digest.hex}
        put_image(open_layout("layout"), "v1", b"another")
        assert main(["provenance", "--link", link.name, "--image", "oci:layout:v1"]) == 2
        assert "with another digest; give the image that was built" in capsys.readouterr().err

    def test_file_is_no_image(self, link: str, capsys: Captured) -> None:
        assert main(["provenance", "--link", link, "--image", "./app"]) == 2
        assert "--image './app': expected an image, got a file; files go to --subject" in capsys.readouterr().err

    @pytest.mark.component("docker-registry")
    @pytest.mark.component("htpasswd")
    def test_image_in_a_registry_is_asked_for_as_the_user_says(
        self, link: str, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("REGISTRY_PASSWORD", SECRET)
        with debian_registry(tmp_path / "registry", tls=True, password=SECRET) as registry:
            store = open_repository(registry.reference("app"), options=registry.options())
            image = put_image(store, "v1")
            arguments = ["--link", link, "--image", f"{registry.host}/app:v1"]
            found = told(capsys, *arguments, *registry.arguments)
            assert found["subject"] == [{"name": f"{registry.host}/app", "digest": {"sha256": image.digest.hex}}]
            assert main(["provenance", *arguments]) == 2
            assert main(["provenance", *arguments, *registry.arguments[:2]]) == 2
            assert main(["provenance", *arguments, *registry.arguments[2:]]) == 2
            assert main(["provenance", *arguments, "--plain-http", *registry.arguments[2:]]) == 2
            assert SECRET not in capsys.readouterr().err
            reading, writing = os.pipe()
            os.write(writing, f"{SECRET}\n".encode())
            os.close(writing)
            by_descriptor = [*registry.arguments[:4], "--registry-password-fd", str(reading)]
            assert told(capsys, *arguments, *by_descriptor)["subject"] == found["subject"]
