"""`custody copy` and `custody ls`, with layouts, archives and registries."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from custody.cli.main import main
from custody.oci.descriptor import Descriptor
from custody.stores.layout import open_layout
from tests.archives import docker_save
from tests.attachments import layout_with_image, put_image, put_index, put_referrer
from tests.registries import USER, FakeRegistry, Reply, tls_files

TAG = "app:v1"


@pytest.fixture(autouse=True)
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Descriptor:
    """Return the image `v1` in the layout `app` of the current directory, with something attached."""
    monkeypatch.chdir(tmp_path)
    store, found = layout_with_image(tmp_path / "app")
    put_referrer(store, found, b"1", "application/one")
    return found


def test_copying_prints_the_digest(image: Descriptor, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["copy", "oci:app:v1", "oci:new:v2"]) == 0
    out, err = capsys.readouterr()
    assert out == f"{image.digest}\n"
    assert err.startswith("copied 2 manifests and 4 blobs (")
    assert "1 of the manifests attached to others" in err
    assert open_layout("new").resolve("v2").digest == image.digest

    assert main(["copy", "oci:app:v1", "oci:new:v3", "--only", "image"]) == 0
    assert capsys.readouterr().err == "copied 1 manifest and 0 blobs (0 bytes); 2 blobs there already\n"


def test_only_the_attestations_or_only_the_image(image: Descriptor, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["copy", "oci:app:v1", "oci:new:v1", "--only", "attestations"]) == 2
    assert not Path("new").exists()
    assert main(["copy", "oci:app:v1", "oci:new:v1", "--only", "image"]) == 0
    assert open_layout("new").referrers(image.digest) == ()
    assert main(["copy", "oci:app:v1", "oci:new:v1", "--only", "attestations"]) == 0
    assert len(open_layout("new").referrers(image.digest)) == 1
    with pytest.raises(SystemExit):
        main(["copy", "oci:app:v1", "oci:new:v1", "--only", "sbom"])
    assert "--only: expected one of attestations, image" in capsys.readouterr().err


def test_what_was_left_as_it_is_is_a_warning(image: Descriptor, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["copy", "oci:app:v1", "oci:new:v1"]) == 0
    tag = f"sha256-{image.digest.hex}.sbom"
    put_image(open_layout("app"), tag, b"x" * 2_000_000)
    put_image(open_layout("new"), tag, b"old")
    capsys.readouterr()
    assert main(["copy", "oci:app:v1", "oci:new:v1"]) == 0
    err = capsys.readouterr().err
    assert f"warning: the OCI layout 'new': {tag} is there already and differs" in err
    assert "(3.8 MiB)" in err


def test_one_platform(capsys: pytest.CaptureFixture[str]) -> None:
    store = open_layout("app")
    images = {f"linux/{name}": put_image(store, content=name.encode()) for name in ("amd64", "arm64")}
    put_index(store, "multi", images)
    assert main(["copy", "oci:app:multi", "oci:new:v1", "--platform", "linux/arm64"]) == 0
    assert capsys.readouterr().out == f"{images['linux/arm64'].digest}\n"
    assert main(["copy", "oci:app:multi", "oci:new:v1", "--platform", "arm64"]) == 2
    assert "expected a platform such as linux/amd64" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("source", "target", "problem"),
    [
        ("oci:app:v2", "oci:new:v1", "no image is called 'v2'; there is v1"),
        ("oci:nothing:v1", "oci:new:v1", "there is no such directory"),
        ("oci:app:v1", "oci-archive:new.tar", "archives are only read"),
        ("oci:app:v1", "docker-archive:new.tar", "archives are only read"),
        ("oci:app:v1", f"oci:new@sha256:{'0' * 64}", "expected the image sha256:0000"),
        ("oci:app:v1", "oci:.:v1", "other files are in it"),
        ("A", "oci:new:v1", "expected a repository"),
    ],
)
def test_what_cannot_be_copied_is_refused(
    source: str, target: str, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["copy", source, target]) == 2
    assert problem in capsys.readouterr().err
    assert not Path("new").exists()
    assert not Path("new.tar").exists()


def test_a_target_may_say_which_digest_it_is_to_have(image: Descriptor) -> None:
    assert main(["copy", "oci:app:v1", f"oci:new@{image.digest}"]) == 0
    assert open_layout("new").resolve("").digest == image.digest
    assert open_layout("new").tags() == ()


def test_a_changed_blob_is_not_copied(image: Descriptor, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = json.loads(Path("app/blobs/sha256", image.digest.hex).read_text())
    layer = manifest["layers"][0]["digest"].removeprefix("sha256:")
    Path("app/blobs/sha256", layer).write_bytes(b"y")

    assert main(["copy", "oci:app:v1", "oci:new:v1"]) == 2
    assert "other bytes than asked for" in capsys.readouterr().err
    assert open_layout("new").tags() == ()


def test_an_image_goes_from_an_archive_into_a_registry_and_back(capsys: pytest.CaptureFixture[str]) -> None:
    docker_save(Path("app.tar"))
    with FakeRegistry() as registry:
        there = f"{registry.host}/shop/app:v1"
        assert main(["copy", "docker-archive:app.tar:app:v1", there, "--plain-http"]) == 0
        digest = capsys.readouterr().out
        assert main(["copy", f"docker://{there}", "oci:back:v1", "--allow-insecure-registry"]) == 0
        assert capsys.readouterr().out == digest
        assert main(["ls", f"{registry.host}/shop/app", "--allow-http-registry"]) == 0
        assert capsys.readouterr().out == "v1\n"
        assert main(["ls", f"{registry.host}/shop/app"]) == 2
        assert "--plain-http" in capsys.readouterr().err


def test_a_login_is_given_with_a_variable_or_a_descriptor(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SECRET", "opensesame")
    with FakeRegistry() as registry:
        registry.behaviour.password = "opensesame"
        there = [f"{registry.host}/shop/app:v1", "--plain-http"]
        assert main(["copy", "oci:app:v1", *there]) == 2
        capsys.readouterr()
        login = ["--registry-username", USER]
        assert main(["copy", "oci:app:v1", *there, *login, "--registry-password-env", "SECRET"]) == 0
        reading, writing = os.pipe()
        os.write(writing, b"opensesame\n")
        os.close(writing)
        assert main(["copy", there[0], "oci:back:v1", there[1], *login, "--registry-password-fd", str(reading)]) == 0
        os.close(reading)
        monkeypatch.setenv("SECRET", "wrong")
        assert main(["ls", f"{registry.host}/shop/app", there[1], *login, "--registry-password-env", "SECRET"]) == 2
    assert "opensesame" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("login", "problem"),
    [
        (["--registry-username", "me"], "belong together"),
        (["--registry-password-env", "SECRET"], "belong together"),
        (["--registry-username", "me", "--registry-password-env", "my password"], "takes the name of a variable"),
        (["--registry-username", "me", "--registry-password-fd", "-1"], "expected a number from 0"),
    ],
)
def test_half_a_login_is_refused(login: list[str], problem: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ls", "localhost:1/app", *login]) == 2
    err = capsys.readouterr().err
    assert problem in err
    assert "my password" not in err


def test_a_login_is_not_shown_to_two_registries(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SECRET", "opensesame")
    login = ["--plain-http", "--registry-username", USER, "--registry-password-env", "SECRET"]
    with FakeRegistry() as one, FakeRegistry() as other:
        assert main(["copy", f"{one.host}/app:v1", f"{other.host}/app:v1", *login]) == 2
        assert (one.seen, other.seen) == ([], [])
        assert "--registry-username is for one registry, and there are two" in capsys.readouterr().err
        assert main(["copy", "oci:app:v1", f"{one.host}/app:v1", "--plain-http"]) == 0
        assert main(["copy", f"{one.host}/app:v1", f"{one.host}/app:v2", *login]) == 0
        assert main(["copy", f"{one.host}/app:v1", f"{other.host}/app:v1", "--plain-http"]) == 0
        assert ("app", "v1") in other.manifests


def test_an_authority_of_ones_own_is_trusted_when_given(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = tls_files(tmp_path)
    with FakeRegistry(files) as registry:
        there = f"{registry.host}/app:v1"
        assert main(["copy", "oci:app:v1", there]) == 2
        assert "certificate" in capsys.readouterr().err
        assert main(["copy", "oci:app:v1", there, "--ca-file", str(files.ca)]) == 0


def test_blobs_stay_in_a_registry_that_has_them(image: Descriptor, capsys: pytest.CaptureFixture[str]) -> None:
    with FakeRegistry() as registry:
        there = f"{registry.host}/a/app:v1"
        assert main(["copy", "oci:app:v1", there, "--plain-http"]) == 0
        registry.seen.clear()
        assert main(["copy", there, f"{registry.host}/b/app:v1", "--plain-http"]) == 0
        assert registry.asked("GET", "/blobs/") == []
        assert registry.manifests["b/app", "v1"] == registry.manifests["a/app", "v1"]
        assert ("b/app", f"sha256:{image.digest.hex}") in registry.manifests
        registry.behaviour.answer = lambda seen: Reply(403) if "mount=" in seen.path else None
        assert main(["copy", there, f"{registry.host}/c/app:v1", "--plain-http"]) == 0
        assert registry.manifests["c/app", "v1"] == registry.manifests["a/app", "v1"]
    assert (
        "and 0 blobs (0 bytes); 1 of the manifests attached to others; 4 blobs there already" in capsys.readouterr().err
    )


def test_tags_are_listed_one_a_line_or_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    put_image(open_layout("app"), "v2", b"other")
    docker_save(Path("app.tar"))
    assert main(["ls", "oci:app"]) == 0
    assert capsys.readouterr().out == "v1\nv2\n"
    assert main(["ls", "oci:app", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == ["v1", "v2"]
    assert main(["ls", "docker-archive:app.tar"]) == 0
    assert capsys.readouterr().out == f"{TAG}\n"


@pytest.mark.parametrize("text", ["oci:app:v1", "localhost:5000/app:v1", f"localhost:5000/app@sha256:{'0' * 64}"])
def test_one_image_has_no_list_of_tags(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ls", text]) == 2
    assert "expected a repository" in capsys.readouterr().err


def test_a_repository_that_is_not_there_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    with FakeRegistry() as registry:
        assert main(["ls", f"{registry.host}/nothing", "--plain-http"]) == 2
    assert "there is no repository" in capsys.readouterr().err


def test_a_long_pull_shows_progress_on_a_terminal() -> None:
    put_image(open_layout("app"), "big", b"x" * (4 * 1024 * 1024))
    program = (
        "import sys; from custody.cli import main, progress; progress._DELAY = progress._INTERVAL = 0.0;"
        " sys.exit(main.main(sys.argv[1:]))"
    )
    with FakeRegistry() as registry:
        there = f"{registry.host}/app:big"
        assert main(["copy", "oci:app:big", there, "--plain-http"]) == 0
        code, shown = on_terminal([sys.executable, "-c", program, "copy", there, "oci:new:v1", "--plain-http"])

    assert code == 0
    assert "\r\033[Kpull sha256:" in shown
    assert "of 4.0 MiB" in shown
    assert shown.rpartition("\r\033[K")[2].startswith("copied 1 manifest")


def on_terminal(command: list[str]) -> tuple[int, str]:
    """Return the exit code of `command`, and what it writes to stderr, which is a terminal."""
    leader, follower = pty.openpty()
    environment = {**os.environ, "TERM": "xterm"}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=follower, env=environment) as process:
        os.close(follower)
        shown = b""
        with contextlib.suppress(OSError):  # how a terminal ends that nobody writes to any more
            while piece := os.read(leader, 4096):
                shown += piece
    os.close(leader)
    return process.returncode, shown.decode()


def test_registry_alone_is_no_repository(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ls", "localhost:5000"]) == 2
    assert "expected a repository behind the registry, as in localhost:5000/shop/app" in capsys.readouterr().err
