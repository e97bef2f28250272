"""Runs `custody` commands as a person would type them, shows each, and keeps their output for when one fails."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

from custody.errors import ExecutionError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Stage"]


class Stage:
    """A directory in which commands are run, and somebody who listens: `say` gets every line."""

    def __init__(self, directory: str, say: Callable[[str], None], headline: Callable[[str], None]) -> None:
        """Run in `directory`, with the `python3` of this installation found first."""
        self.directory = directory
        self.say = say
        self.headline = headline
        path = f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        self._environment = {**os.environ, "PATH": path, "NO_COLOR": "1"}
        if modules := os.environ.get("PYTHONPATH"):  # the commands run elsewhere, where relative paths lead nowhere
            absolute = (os.path.abspath(part) for part in modules.split(os.pathsep) if part)
            self._environment["PYTHONPATH"] = os.pathsep.join(absolute)

    def custody(self, *arguments: str, cwd: str = ".", shown: bool = True) -> str:
        """Run a `custody` command that has to succeed and return what it printed."""
        code, output = self._run(arguments, cwd, shown=shown)
        if code != 0:
            raise ExecutionError(f"{_line(arguments)} failed with status {code}: {output.strip()}")
        return output

    def rejected(self, *arguments: str, cwd: str = ".") -> str:
        """Run a `custody` command that has to reject and return what it printed."""
        code, output = self._run(arguments, cwd, shown=True)
        if code != 1:
            raise ExecutionError(f"{_line(arguments)} should have rejected, and ended with {code}: {output.strip()}")
        return output

    def show(self, output: str, *words: str) -> None:
        """Print the lines of `output`, or only those with one of `words`, indented."""
        for line in output.splitlines():
            if not words or any(word in line for word in words):
                self.say(f"    {line}")

    def _run(self, arguments: Sequence[str], cwd: str, *, shown: bool) -> tuple[int, str]:
        if shown:
            self.say(f"  $ {_line(arguments)}")
        done = subprocess.run(
            [sys.executable, "-m", "custody", *arguments],
            cwd=os.path.join(self.directory, cwd),
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="backslashreplace",
            check=False,
        )
        return done.returncode, done.stdout


def _line(arguments: Sequence[str]) -> str:
    return f"custody {shlex.join(arguments)}"
