"""The two sides of a comparison: the reference in its environment, and our package, driven alike."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import custody
import in_toto

__all__ = ["Ran", "Side", "ours", "theirs"]

ROOT = Path(__file__).parents[3]
WORKER = Path(__file__).parents[1] / "reference_worker.py"
REFERENCE = ROOT / ".reference" / "venv" / "bin" / "python"

FAILURE = re.compile(r"^\((?:in-toto-[a-z-]+|record start|record stop)[^)]*\) (\w+): ", re.MULTILINE)
CRASH = re.compile(r"^(?:\w+\.)*([A-Z]\w+): ", re.MULTILINE)


@dataclass(frozen=True)
class Ran:
    """How a command ended, and what it printed."""

    exit: int
    out: str
    err: str

    @property
    def failure(self) -> str:
        """The class of the error in the last message of a command that failed, or in its traceback."""
        found = FAILURE.findall(self.err) + CRASH.findall(self.err)
        return found[-1] if found else ""


class Side:
    """A worker and its input and output."""

    def __init__(self, name: str, command: list[str], home: Path) -> None:
        """Start the worker, with nothing of the caller's environment but where programs are."""
        self.name = name
        environment = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", "TZ": "UTC"}
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, cwd=home
        )

    def __repr__(self) -> str:
        """Be short: failing examples show it."""
        return f"<{self.name}>"

    def run(self, command: str, *arguments: str, directory: Path) -> Ran:
        """Return what came of a command, as typed in `directory`."""
        return self._ask({"command": command, "argv": arguments, "directory": str(directory)})

    def script(self, script: str, *arguments: str, directory: Path) -> Ran:
        """Return what came of a Python program that uses the package."""
        return self._ask({"script": script, "argv": arguments, "directory": str(directory)})

    def close(self) -> None:
        """End the worker."""
        self._process.communicate()

    def _ask(self, request: Mapping[str, object]) -> Ran:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps(request).encode() + b"\n")
        stdin.flush()
        line = stdout.readline()
        assert line, f"the worker of {self.name} is gone"
        return Ran(**json.loads(line))


def theirs(home: Path) -> Side:
    """Return the reference."""
    return Side("the reference", [str(REFERENCE), "-I", str(WORKER)], home)


def ours(home: Path) -> Side:
    """Return our package, the one that the tests import."""
    folders = [str(Path(module.__file__).parents[1]) for module in (custody, in_toto) if module.__file__]
    return Side("custody", [sys.executable, "-I", str(WORKER), *folders], home)
