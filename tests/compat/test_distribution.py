"""What is built and installed: one package, seven commands, and nothing that custody itself installs."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

import custody
import in_toto

COMPAT = Path(__file__).parents[2] / "compat" / "in-toto"
COMMANDS = ("keygen", "match-products", "mock", "record", "run", "sign", "verify")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    directory = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(directory)]
    subprocess.run(build, cwd=COMPAT, check=True, capture_output=True)
    (path,) = directory.glob("custody_in_toto-*.whl")
    return zipfile.ZipFile(path)


def member(wheel: zipfile.ZipFile, name: str) -> str:
    (found,) = [each for each in wheel.namelist() if each.endswith(f".dist-info/{name}")]
    return wheel.read(found).decode()


def test_wheel_installs_the_package_in_toto_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    tops = {name.partition("/")[0] for name in wheel.namelist()}
    (metadata,) = [name for name in tops if name.endswith(".dist-info")]
    assert tops == {"in_toto", metadata}
    assert "in_toto/py.typed" in wheel.namelist()
    assert member(wheel, "licenses/LICENSE") == (COMPAT.parents[1] / "LICENSE").read_text()


def test_wheel_has_every_command_of_the_reference_and_keygen(wheel: zipfile.ZipFile) -> None:
    lines = member(wheel, "entry_points.txt").split()
    wanted = {f"in-toto-{name}=in_toto._boundary.entries:{name.replace('-', '_')}" for name in COMMANDS}
    assert "".join(lines).startswith("[console_scripts]")
    assert {
        "=".join(line.split(" = ")) for line in member(wheel, "entry_points.txt").splitlines()[1:] if line
    } == wanted


def test_wheel_needs_the_custody_that_it_was_built_with(wheel: zipfile.ZipFile) -> None:
    metadata = Parser().parsestr(member(wheel, "METADATA"))
    assert metadata["Version"] == custody.__version__
    needed = metadata.get_all("Requires-Dist") or []
    assert f"custody=={custody.__version__}" in needed
    assert [each for each in needed if "extra ==" not in each] == [f"custody=={custody.__version__}"]


def test_extras_go_along_with_those_of_custody() -> None:
    extras = tomllib.loads((COMPAT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    own = tomllib.loads((COMPAT.parents[1] / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for requirement in extras["gpg"]:
        assert requirement == f"custody[gpg]=={custody.__version__}"
    assert "gpg" in own


def test_unpacked_wheel_runs_beside_custody_alone(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    wheel.extractall(tmp_path / "site")
    script = "import sys; sys.argv[1:] = ['--version']; from in_toto.in_toto_verify import main; main()"
    source = Path(custody.__file__).parents[1]
    ran = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": f"{tmp_path / 'site'}:{source}", "PATH": ""},
        check=True,
        capture_output=True,
        text=True,
    )
    assert ran.stdout == f"in-toto-verify {in_toto.__version__} (custody {custody.__version__})\n"
