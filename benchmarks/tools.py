"""What is measured: the custody of this interpreter, and the reference in an environment of its own.

Both are started as a user starts them, by the console scripts beside their interpreters.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["BENCH", "Custody", "Reference", "ReferenceMissingError", "find_custody", "install_reference"]

_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BENCH = os.path.join(_ROOT, ".bench")
"""Where everything goes that a run leaves behind; git ignores it."""
_PINS = os.path.join(_ROOT, "requirements", "bench.txt")
_INSTALL_SECONDS = 300


class ReferenceMissingError(Exception):
    """The reference could not be installed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Custody:
    """How custody is started, and which version it is."""

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    version: str
    started_as: str


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


def install_reference() -> Reference:
    """Return the reference, installed into `.bench/venv` at the pinned versions unless it is there.

    Raises:
        ReferenceMissingError: it could not be installed, for instance because there is no network.

    """
    target = os.path.join(BENCH, "venv")
    stamp = os.path.join(target, "pins")
    with open(_PINS, "rb") as file:
        wanted = hashlib.sha256(file.read() + sys.version.encode()).hexdigest()
    scripts = os.path.join(target, "bin")
    command = (os.path.join(scripts, "in-toto-run"), "--version")
    if _read(stamp) != wanted or not _starts(*command):
        shutil.rmtree(target, ignore_errors=True)
        _install(target)
        with open(stamp, "w", encoding="ascii") as file:
            file.write(wanted)
    environment = _plain_environment()
    return Reference(scripts=scripts, environment=environment, version=_output(command, environment))


def _install(target: str) -> None:
    """Make an environment in `target` and install the pins; with uv if it starts, else with pip."""
    python = os.path.realpath(sys.executable)  # of no environment, so that it has pip
    inside = os.path.join(target, "bin", "python")
    pins = ("--quiet", "--require-hashes", "--requirement", _PINS)
    if _starts("uv", "--version"):
        _must("uv", "venv", "--quiet", "--python", python, target)
        _must("uv", "pip", "install", "--python", inside, *pins)
    else:
        _must(python, "-m", "venv", "--without-pip", target)
        _must(python, "-m", "pip", "--python", inside, "install", "--disable-pip-version-check", *pins)
    # As pip does and uv does not: or the first, discarded round would be the only one to compile anything.
    _must(inside, "-m", "compileall", "-q", os.path.join(target, "lib"))


def _starts(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _must(*command: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_INSTALL_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ReferenceMissingError(f"{command[0]}: {error}") from error
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["it did not say why"]
        raise ReferenceMissingError(f"{os.path.basename(command[0])} failed: {lines[-1].strip()}")


def _plain_environment() -> dict[str, str]:
    """Return the caller's environment without what changes how Python or custody behave."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "CUSTODY_", "COVERAGE"))
    }


def _output(command: tuple[str, ...], environment: Mapping[str, str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=dict(environment))
    return (done.stdout or done.stderr).strip()


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:
            return file.read()
    except OSError:
        return ""
