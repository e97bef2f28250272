"""`python scripts/reference.py`: makes `.reference/`, what custody is compared with by tests and benchmarks.

- `venv/`: the reference implementation and what it needs, at the pinned versions, checked by hash.
- `in_toto-VERSION/`: its source distribution, checked by the same pins, for the tests that it publishes.
- `bin/in-toto-golang`: the command of in-toto-golang, where there is a Go toolchain.
- `cosign-2/cosign`, `cosign-3/cosign`: cosign of both versions, likewise. Each takes minutes and gigabytes once.

What is there already, made from these pins by this Python, stays. What cannot be made, for instance without a network,
is no failure: `made.json` says why, and so do the tests that then skip.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from functools import partial

__all__ = ["VENV", "MissingError", "install_environment", "main"]

_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_PINS = os.path.join(_ROOT, "requirements", "reference.txt")
_REFERENCE = os.path.join(_ROOT, ".reference")
VENV = os.path.join(_REFERENCE, "venv")
"""Where the environment is made; its commands are in `bin`."""
_MADE = os.path.join(_REFERENCE, "made.json")

_PEERS = {
    "bin/in-toto-golang": "github.com/in-toto/in-toto-golang@v0.11.0",
    "cosign-2/cosign": "github.com/sigstore/cosign/v2/cmd/cosign@v2.6.5",
    "cosign-3/cosign": "github.com/sigstore/cosign/v3/cmd/cosign@v3.1.3",
}
"""Programs in Go, with their modules; the last word of the path is what Go calls the program."""

_SECONDS = 900
"""Nothing takes longer; cosign, compiled for the first time by one processor, takes three minutes."""


class MissingError(Exception):
    """A part could not be made; the message says why."""


def main() -> int:
    """Make every part that can be made, say what is missing, and return 0."""
    missing = {}
    for part, make in _PARTS.items():
        try:
            make()
        except MissingError as error:
            missing[part] = str(error)
            sys.stderr.write(f".reference/{part} could not be made, tests that need it will skip: {error}\n")
    _note("missing", missing)
    return 0


def install_environment() -> None:
    """Make `.reference/venv` unless it is there.

    Raises:
        MissingError: it could not be made, for instance because there is no network.

    """
    wanted = _fingerprint(sys.version)
    if _made("venv") == wanted and _starts(os.path.join(VENV, "bin", "in-toto-run"), "--version"):
        return
    _note("venv", "")
    _remove(VENV)
    python = os.path.realpath(sys.executable)  # of no environment, so that it has pip
    inside = os.path.join(VENV, "bin", "python")
    pins = ("--quiet", "--require-hashes", "--requirement", _PINS)
    if _starts("uv", "--version"):
        _must("uv", "venv", "--quiet", "--python", python, VENV)
        _must("uv", "pip", "install", "--python", inside, *pins)
    else:
        _must(python, "-m", "venv", "--without-pip", VENV)
        _must(python, "-m", "pip", "--python", inside, "install", "--disable-pip-version-check", *pins)
    # As pip does and uv does not: or the first measurement would be the only one to compile anything.
    _must(inside, "-m", "compileall", "-q", os.path.join(VENV, "lib"))
    _note("venv", wanted)


def _unpack_source() -> None:
    """Download the source distribution with its pinned hash, and unpack it, unless that is done."""
    requirement, name = _reference_requirement()
    target, wanted = os.path.join(_REFERENCE, name), _fingerprint()
    if _made("source") == wanted and os.path.isdir(target):
        return
    _note("source", "")
    _remove(target)
    os.makedirs(_REFERENCE, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_REFERENCE) as scratch:
        _download(requirement, scratch)
        archive = os.path.join(scratch, f"{name}.tar.gz")
        try:
            with tarfile.open(archive) as file:
                file.extractall(os.path.join(scratch, "unpacked"), filter="data")  # nothing outside of it
            os.rename(os.path.join(scratch, "unpacked", name), target)
        except (OSError, tarfile.TarError) as error:
            raise MissingError(f"the source distribution is not as expected: {error}") from error
    _note("source", wanted)


def _download(requirement: str, directory: str) -> None:
    """Let pip download the source distribution; it asks the build backend for its metadata, which is in this Python."""
    wanted = os.path.join(directory, "requirement.txt")
    with open(wanted, "w", encoding="ascii") as file:
        file.write(requirement)
    choice = ("--no-deps", "--no-binary", ":all:", "--no-build-isolation", "--require-hashes")
    pip = (os.path.realpath(sys.executable), "-m", "pip", "--python", sys.executable, "download", "--quiet")
    _must(*pip, "--disable-pip-version-check", *choice, "--dest", directory, "--requirement", wanted)


def _build(part: str) -> None:
    """Build a program in Go unless it is there; Go checks the module's hash against its checksum database."""
    target, module = os.path.join(_REFERENCE, part), _PEERS[part]
    if _made(part) == module and os.access(target, os.X_OK):
        return
    if shutil.which("go") is None:
        raise MissingError("there is no Go toolchain on PATH")
    settings = {"GOFLAGS": "-mod=mod", "GOBIN": os.path.dirname(target), "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}
    _must("go", "install", "-ldflags=-s -w", module, environment=settings)
    _note(part, module)


_PARTS: dict[str, Callable[[], None]] = {
    "venv": install_environment,
    "source": _unpack_source,
    **{part: partial(_build, part) for part in _PEERS},
}


def _reference_requirement() -> tuple[str, str]:
    """Return the pin of the reference with its hashes, and the folder that its source distribution unpacks to."""
    with open(_PINS, encoding="ascii") as file:
        found = re.search(r"^in-toto==(\S+)(?: *\\\n +--hash=\S+)+$", file.read(), re.MULTILINE)
    if found is None:
        raise MissingError("requirements/reference.txt has no pin of in-toto")
    return found[0], f"in_toto-{found[1]}"


def _fingerprint(*more: str) -> str:
    """Return what changes when the pins or `more` do."""
    with open(_PINS, "rb") as file:
        return hashlib.sha256(file.read() + "".join(more).encode()).hexdigest()


def _made(part: str) -> object:
    return _notes().get(part)


def _note(part: str, value: object) -> None:
    notes = {**_notes(), part: value}
    os.makedirs(_REFERENCE, exist_ok=True)
    with open(_MADE, "w", encoding="utf-8") as file:
        json.dump(notes, file, indent=1, sort_keys=True)


def _notes() -> dict[str, object]:
    try:
        with open(_MADE, encoding="utf-8") as file:
            notes = json.load(file)
    except (OSError, ValueError):
        return {}
    return notes if isinstance(notes, dict) else {}


def _remove(path: str) -> None:
    if os.path.islink(path):
        os.unlink(path)
    else:
        shutil.rmtree(path, ignore_errors=True)


def _starts(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _must(*command: str, environment: dict[str, str] | None = None) -> None:
    try:
        done = _run(command, environment or {})
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MissingError(f"{command[0]}: {error}") from error
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["it did not say why"]
        raise MissingError(f"{os.path.basename(command[0])} failed: {lines[-1].strip()}")


def _run(command: Sequence[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS,
        env={**os.environ, **environment},
        cwd=_ROOT,
    )


if __name__ == "__main__":
    sys.exit(main())
