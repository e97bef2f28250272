"""Where the command lines of a guide are carried out: a directory, a real shell, the console scripts on PATH.

The scripts are those that the distribution declares, written as an installer writes them. The programs that a guide
wraps and that no test machine has (docker, trivy and the like) are stood in for by small scripts on the same PATH: they
make the files that the guide expects of them, and nothing else.

    stage = Stage(tmp_path)
    stage.stand_in("docker", "cat Dockerfile src/* > myapp.tar")
    stage.succeeds("in-toto-run ... -- docker build .")
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import custody
import in_toto
from custody.cli.main import main as custody_main
from tests.compat.sides import Ran

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["NO_STEP_NAME", "PASSED", "Stage", "substituted"]

DISTRIBUTION = Path(__file__).parents[3] / "compat" / "in-toto" / "pyproject.toml"
LONGEST = 60.0
"""Seconds that the lines of one call may take."""

PASSED = "The software product passed all verification."
NO_STEP_NAME = "-n/--step-name"


class Stage:
    """A directory in which the jobs of a guide run, each where it likes."""

    def __init__(self, root: Path, environment: Path | None = None) -> None:
        """Put the console scripts on PATH, or those of another `environment`; `work` is where lines run."""
        self.work = root / "work"
        self.work.mkdir(parents=True)
        self._programs = root / "programs"
        self._programs.mkdir()
        self._scripts = environment / "bin" if environment else self._programs
        if environment is None:
            for name, entry in _console_scripts().items():
                self._program(name, f"#!{sys.executable}\n{_called(entry)}")
            self._program("python", f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        self._program("pip", "#!/bin/sh\n: # what it would install is there\n")

    def stand_in(self, name: str, script: str) -> None:
        """Put a program on PATH that does what `script`, a shell script, says."""
        self._program(name, f"#!/bin/sh\nset -e\n{textwrap.dedent(script)}\n")

    def _program(self, name: str, text: str) -> None:
        path = self._programs / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)

    def directory(self, name: str) -> Path:
        """Return a new directory, as a job of its own has one."""
        path = self.work / name
        path.mkdir(parents=True)
        return path

    def write(self, files: Mapping[str, str], where: Path | None = None) -> None:
        """Write `files`, by their paths in `where`."""
        for name, content in files.items():
            path = (where or self.work) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")

    def run(self, lines: str, where: Path | None = None, variables: Mapping[str, str] | None = None) -> Ran:
        """Return how `lines` ended in a shell that stops at the first failure, as CI systems start one."""
        done = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", textwrap.dedent(lines)],
            cwd=where or self.work,
            env={**self._environment(), **(variables or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LONGEST,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Ran(done.returncode, done.stdout, done.stderr)

    def succeeds(self, lines: str, where: Path | None = None, variables: Mapping[str, str] | None = None) -> Ran:
        """Carry out `lines`, which succeed."""
        ran = self.run(lines, where, variables)
        assert ran.code == 0, ran
        return ran

    def fails(self, lines: str, where: Path | None = None, *, code: int, says: Sequence[str]) -> Ran:
        """Carry out `lines`, which end with `code` and say all that `says` lists."""
        ran = self.run(lines, where)
        assert ran.code == code, ran
        for words in says:
            assert words in ran.err, ran.err
        return ran

    def keys(self, *names: str) -> None:
        """Make key pairs in the work directory, for guides that have theirs from elsewhere."""
        with contextlib.chdir(self.work):
            for name in names:
                assert custody_main(["keygen", name]) == 0

    def build_layout(self, source: str, owner: str, layout: str = "root.layout") -> None:
        """Build `layout` from `source`, a `supply-chain.yaml`, and sign it with the key of `owner`."""
        self.write({"supply-chain.yaml": textwrap.dedent(source)})
        with contextlib.chdir(self.work):
            assert custody_main(["layout", "build", "supply-chain.yaml", "-o", layout]) == 0
            assert custody_main(["sign", "-f", layout, "--signing-key", owner]) == 0

    def collect(self, where: Path, *patterns: str) -> None:
        """Copy what `patterns` match below the work directory into `where`, as a store of artifacts does."""
        where.mkdir(parents=True, exist_ok=True)
        for pattern in patterns:
            found = sorted(self.work.glob(pattern))
            assert found, pattern
            for path in found:
                shutil.copy(path, where)

    def _environment(self) -> Mapping[str, str]:
        path = (str(self._programs), str(self._scripts), os.environ.get("PATH", os.defpath))
        environment = {**os.environ, "PATH": os.pathsep.join(path), "LC_ALL": "C.UTF-8"}
        environment.pop("PYTHONPATH", None)
        if self._scripts == self._programs:
            packages = (Path(_file_of(module)).parents[1] for module in (custody, in_toto))
            environment |= {"PYTHONPATH": os.pathsep.join(map(str, packages)), "PYTHONDONTWRITEBYTECODE": "1"}
        return environment


def substituted(lines: str, values: Mapping[str, object]) -> str:
    """Return `lines` as a CI system hands them to the shell: each placeholder, of which all occur, by its value."""
    for placeholder, value in values.items():
        assert placeholder in lines, placeholder
        lines = lines.replace(placeholder, str(value))
    return lines


def _console_scripts() -> Mapping[str, str]:
    scripts: Mapping[str, str] = tomllib.loads(DISTRIBUTION.read_text(encoding="utf-8"))["project"]["scripts"]
    return scripts


def _called(entry: str) -> str:
    module, name = entry.split(":")
    return f"import sys\nfrom {module} import {name}\nif __name__ == '__main__':\n    sys.exit({name}())\n"


def _file_of(module: object) -> str:
    file = getattr(module, "__file__", None)
    assert isinstance(file, str)
    return file
