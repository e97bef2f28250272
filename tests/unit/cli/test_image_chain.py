"""A chain whose product is an image: recorded, verified, and rejected when the image was replaced."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from custody.cli.main import main
from custody.stores.layout import open_layout
from tests.attachments import layout_with_image, put_image
from tests.registries import USER, FakeRegistry

SOURCE = """\
expires: 6 months
functionaries:
  alice: alice.pub
  bob: bob.pub
steps:
  - name: build
    functionaries: [alice]
    expected_materials: [DISALLOW *]
    expected_products: [CREATE {image}, DISALLOW *]
  - name: scan
    functionaries: [bob]
    expected_materials: [MATCH {image} WITH PRODUCTS FROM build, DISALLOW *]
    expected_products: [MATCH {image} WITH PRODUCTS FROM build, DISALLOW *]
"""


@pytest.fixture(autouse=True)
def _people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("owner", "alice", "bob"):
        assert main(["keygen", name]) == 0


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    """Return a running registry."""
    with FakeRegistry() as running:
        yield running


def layout_for(image: str) -> None:
    Path("chain.yaml").write_text(SOURCE.format(image=image))
    assert main(["layout", "build", "chain.yaml", "-o", "root.layout", "--force"]) == 0
    assert main(["sign", "-f", "root.layout", "--signing-key", "owner"]) == 0


def run(step: str, who: str, *arguments: str) -> int:
    return main(["run", "-n", step, "--signing-key", who, *arguments, "-x"])


def verify() -> int:
    return main(["verify", "-l", "root.layout", "--verification-keys", "owner.pub"])


def products(step: str) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = json.loads(next(Path().glob(f"{step}.*.link")).read_text())["signed"]["products"]
    return found


def test_a_chain_with_an_image_on_disk_is_accepted() -> None:
    _, image = layout_with_image(Path("app"))
    layout_for("oci:app:v1")
    assert run("build", "alice", "-p", "oci:app:v1") == 0
    assert products("build") == {"oci:app:v1": {"sha256": image.digest.hex}}
    assert run("scan", "bob", "-m", "oci:app:v1", "-p", "oci:app:v1") == 0

    assert verify() == 0


def test_a_chain_whose_image_was_replaced_between_steps_is_rejected(capsys: pytest.CaptureFixture[str]) -> None:
    store, _ = layout_with_image(Path("app"))
    layout_for("oci:app:v1")
    assert run("build", "alice", "-p", "oci:app:v1") == 0
    put_image(store, "v1", b"another")
    assert run("scan", "bob", "-m", "oci:app:v1", "-p", "oci:app:v1") == 0

    capsys.readouterr()
    assert verify() == 1
    assert "oci:app:v1" in capsys.readouterr().out


def test_the_digest_of_a_tag_is_printed(registry: FakeRegistry, capsys: pytest.CaptureFixture[str]) -> None:
    _, image = layout_with_image(Path("app"))
    there = f"{registry.host}/app:v1"
    assert main(["copy", "oci:app:v1", there, "--plain-http"]) == 0
    layout_for(f"oci:{there}")
    capsys.readouterr()
    assert run("build", "alice", "-p", f"oci:{there}", "--plain-http") == 0
    assert f"oci:{there} is {image.digest}\n" in capsys.readouterr().err
    start = ["record", "start", "-n", "scan", "--signing-key", "bob", "-m", f"oci:{there}", "--plain-http"]
    assert main(start) == 0
    stop = ["record", "stop", "-n", "scan", "--signing-key", "bob", "-p", f"oci:{there}", "--plain-http"]
    assert main(stop) == 0
    assert capsys.readouterr().err.count(f"oci:{there} is {image.digest}\n") == 2
    assert verify() == 0

    assert run("build", "alice", "-p", f"oci:{there}", "--plain-http", "--quiet") == 0
    assert str(image.digest) not in capsys.readouterr().err
    assert run("build", "alice", "-p", f"oci:{there}") == 2
    assert "--plain-http" in capsys.readouterr().err


def test_an_image_that_the_command_makes_need_not_be_there_before(registry: FakeRegistry) -> None:
    layout_with_image(Path("app"))
    there = f"{registry.host}/app:v1"
    command = ["custody.cli.main", "copy", "oci:app:v1", there, "--plain-http"]
    program = f"import sys; from {command[0]} import main; sys.exit(main({command[1:]!r}))"
    arguments = ["-n", "build", "--signing-key", "alice", "-p", f"oci:{there}", "--plain-http"]

    assert main(["run", *arguments, "-m", f"oci:{there}", "--", sys.executable, "-c", "pass"]) == 2
    assert main(["run", *arguments, "--", sys.executable, "-c", program]) == 0
    assert list(products("build")) == [f"oci:{there}"]


def test_an_image_that_may_be_missing_is_not_recorded(capsys: pytest.CaptureFixture[str]) -> None:
    layout_with_image(Path("app"))
    assert run("build", "alice", "-p", "oci:app:v2") == 2
    assert "allow it to be missing with --optional 'oci:app:v2'" in capsys.readouterr().err
    assert run("build", "alice", "-p", "oci:app:v2", "--optional", "oci:app:v2") == 0
    assert products("build") == {}


def test_products_of_a_link_are_compared_with_an_image(capsys: pytest.CaptureFixture[str]) -> None:
    store, _ = layout_with_image(Path("app"))
    assert run("build", "alice", "-p", "oci:app:v1") == 0
    link = str(next(Path().glob("build.*.link")))
    match = ["match-products", "-l", link, "-p", "oci:app:v1", "--verification-keys", "alice.pub"]
    assert main(match) == 0
    put_image(store, "v1", b"another")
    assert main(match) == 1
    assert "oci:app:v1" in capsys.readouterr().out


def test_the_command_does_not_inherit_the_password_of_a_registry(
    registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout_with_image(Path("app"))
    registry.behaviour.password = "opensesame"
    monkeypatch.setenv("SECRET", "opensesame")
    login = ["--plain-http", "--registry-username", USER, "--registry-password-env", "SECRET"]
    there = f"{registry.host}/app:v1"
    assert main(["copy", "oci:app:v1", there, *login]) == 0
    run_it = ["run", "-n", "build", "--signing-key", "alice", "-p", f"oci:{there}", *login, "--"]

    assert main([*run_it, "sh", "-c", 'test -z "$SECRET"']) == 0
    assert list(products("build")) == [f"oci:{there}"]
    assert open_layout("app").tags() == ("v1",)
