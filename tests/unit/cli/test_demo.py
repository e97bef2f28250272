"""`custody demo`: the whole story, with the real commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from custody.cli.main import main
from custody.demo.projects import bundled_project
from custody.demo.stage import Stage
from custody.demo.story import prepare, tell_owner

pytestmark = pytest.mark.component("git")


def test_the_bundled_project_passes_and_its_tampered_wheels_are_rejected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", "--bundled", str(tmp_path / "demo")]) == 0
    output = capsys.readouterr().out
    assert output.count("The software product passed all verification.") == 1
    assert "did not pass verification: artifact-not-made." in output
    assert "did not pass verification: product-differs." in output
    assert "unpacked/greeting/__init__.py" in output
    assert len(output.splitlines()) < 60
    left = {path.name for path in (tmp_path / "demo").iterdir()}
    assert {"keys", "supply-chain.yaml", "root.layout", "work", "delivery", "tampered", "forged"} <= left


def test_a_directory_with_something_in_it_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine").write_text("x")
    assert main(["demo", str(tmp_path)]) == 2
    assert "wants an empty directory" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize("name", ["with: spaces # and hash", "qu'o\"te", "a$b {x} [y]"])
def test_directory_may_be_called_anything_that_can_be_read(name: str, tmp_path: Path) -> None:
    directory = prepare(str(tmp_path / name))
    stage = Stage(directory, lambda _: None, lambda _: None)
    project = bundled_project(directory)
    tell_owner(project, stage)
    (clone, *_) = json.loads((Path(directory) / "root.layout").read_text())["signed"]["steps"]
    assert clone["expected_command"] == ["git", "clone", "--quiet", f"{directory}/greeting", "project"]


@pytest.mark.parametrize("name", ["a\nb", "a\udcff", "mine"])
def test_directory_that_cannot_be_made_is_named(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine").write_text("x")
    assert main(["demo", str(tmp_path / name)]) == 2
    assert "demo" in capsys.readouterr().err.partition(":")[2]
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.slow
def test_custody_s_own_checkout_is_carried_through_its_chain(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", str(tmp_path / "demo")]) == 0
    output = capsys.readouterr().out
    assert "custody's own checkout" in output
    assert output.count("The software product passed all verification.") == 1
    assert "unpacked/custody/verdict.py" in output
    assert "did not pass verification: product-differs." in output


@pytest.mark.slow
def test_a_wheel_installed_elsewhere_carries_the_bundled_project(tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "dist")]
    subprocess.run(build, cwd=root, check=True, capture_output=True)
    (wheel,) = (tmp_path / "dist").iterdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    done = subprocess.run(
        [sys.executable, "-m", "custody", "demo", str(tmp_path / "demo")],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "a small project that comes with custody" in done.stdout
    assert "did not pass verification: product-differs." in done.stdout
