"""What the demo carries through the chain: custody's own checkout where there is one, else a small bundled project."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess

from custody import __version__
from custody.errors import ExecutionError
from custody.value import Value

__all__ = ["Project", "bundled_project", "find_project", "git"]

_HERE = os.path.dirname(os.path.abspath(__file__))
_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(_HERE)))


class Project(Value):
    """A git repository with the commands that test and build it, run inside a clone called `project`.

    `package` is where its modules are in the repository, `unpacked` where they are in the wheel.
    """

    title: str
    repository: str
    package: str
    unpacked: str
    wheel: str
    info: str
    test: tuple[str, ...]
    build: tuple[str, ...]
    module: str


def find_project(directory: str) -> Project:
    """Return custody's checkout if this is one that can be tested and built, else the bundled project as a repository.

    The bundled project is copied into `directory` and committed there.
    """
    has_tools = all(importlib.util.find_spec(tool) for tool in ("pytest", "hatchling"))
    if has_tools and os.path.exists(os.path.join(_ROOT, ".git")):
        return _checkout()
    return bundled_project(directory)


def git(*arguments: str, cwd: str) -> None:
    """Run git; what it complains about is an ExecutionError."""
    command = ["git", "-c", "user.name=demo", "-c", "user.email=demo@localhost", *arguments]
    try:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise ExecutionError("the demo needs git, which is not installed") from None
    if done.returncode != 0:
        raise ExecutionError(f"git {arguments[0]} failed: {done.stderr.strip()}")


def _checkout() -> Project:
    name = f"custody-{__version__}"
    return Project(
        title=f"custody's own checkout at {_ROOT}",
        repository=_ROOT,
        package="project/src/custody",
        unpacked="unpacked/custody",
        wheel=f"{name}-py3-none-any.whl",
        info=f"unpacked/{name}.dist-info",
        test=(
            *("env", "PYTHONPATH=src", "PYTHONDONTWRITEBYTECODE=1"),
            *("python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/unit/rules"),
        ),
        build=("python3", "-m", "hatchling", "build", "-t", "wheel", "-d", "../dist"),
        module="verdict.py",
    )


def bundled_project(directory: str) -> Project:
    """Return the project that comes with custody, copied into `directory` and committed there."""
    repository = os.path.join(directory, "greeting")
    shutil.copytree(os.path.join(_HERE, "project"), repository, ignore=shutil.ignore_patterns("__pycache__"))
    git("init", "--quiet", cwd=repository)
    git("add", ".", cwd=repository)
    git("commit", "--quiet", "-m", "Greet people", cwd=repository)
    return Project(
        title="a small project that comes with custody",
        repository=repository,
        package="project/greeting",
        unpacked="unpacked/greeting",
        wheel="greeting-1.0-py3-none-any.whl",
        info="unpacked/greeting-1.0.dist-info",
        test=("env", "PYTHONDONTWRITEBYTECODE=1", "python3", "-m", "unittest", "-q", "tests/test_greeting.py"),
        build=("python3", "build_wheel.py", "../dist"),
        module="__init__.py",
    )
