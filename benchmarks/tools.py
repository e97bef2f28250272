"""What is measured: the custody of this interpreter, and the reference in an environment of its own.

All are started as a user starts them, by the console scripts beside their interpreters: `custody`, the `in-toto-*`
commands of custody-in-toto where that is installed, and those of the reference.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution

from scripts.reference import VENV, install_environment

__all__ = ["BENCH", "Custody", "Reference", "find_custody", "install_reference"]

_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BENCH = os.path.join(_ROOT, ".bench")
"""Where everything goes that a run leaves behind; git ignores it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Custody:
    """How custody is started, and which version it is; `scripts` is where its `in-toto-*` commands are, if anywhere."""

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    version: str
    started_as: str
    scripts: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """Where the reference's commands are, and which version they are."""

    scripts: str
    environment: Mapping[str, str]
    version: str

    def command(self, name: str) -> str:
        """Return the path of the command `name`."""
        return os.path.join(self.scripts, name)


def find_custody() -> Custody:
    """Return the custody that belongs to this interpreter: its console script, else `-m custody`."""
    environment = _plain_environment()
    script = os.path.join(os.path.dirname(sys.executable), "custody")
    if os.access(script, os.X_OK):
        return Custody(
            argv=(script,),
            environment=environment,
            version=_output((script, "--version"), environment),
            started_as="the console script `custody`",
            scripts=_compatible_scripts(),
        )
    argv = (sys.executable, "-m", "custody")
    if "PYTHONPATH" in os.environ:
        places = os.environ["PYTHONPATH"].split(os.pathsep)
        environment["PYTHONPATH"] = os.pathsep.join(os.path.abspath(place) for place in places)
    return Custody(
        argv=argv,
        environment=environment,
        version=_output((*argv, "--version"), environment),
        started_as="`python -m custody` (no console script is installed)",
    )


def _compatible_scripts() -> str:
    """Return where the commands of custody-in-toto are; empty if it is not installed, or without its commands."""
    try:
        distribution("custody-in-toto")
    except PackageNotFoundError:
        return ""
    scripts = os.path.dirname(sys.executable)
    return scripts if os.access(os.path.join(scripts, "in-toto-run"), os.X_OK) else ""


def install_reference() -> Reference:
    """Return the reference, installed into `.reference/venv` at the pinned versions unless it is there.

    Raises:
        MissingError: it could not be installed, for instance because there is no network.

    """
    install_environment()
    scripts = os.path.join(VENV, "bin")
    environment = _plain_environment()
    version = _output((os.path.join(scripts, "in-toto-run"), "--version"), environment)
    return Reference(scripts=scripts, environment=environment, version=version)


def _plain_environment() -> dict[str, str]:
    """Return the caller's environment without what changes how Python or custody behave."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "CUSTODY_", "COVERAGE"))
    }


def _output(command: tuple[str, ...], environment: Mapping[str, str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=dict(environment))
    return (done.stdout or done.stderr).strip()
