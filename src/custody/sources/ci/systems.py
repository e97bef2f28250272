"""The CI systems that are known, and which of them an environment is of."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from custody.errors import UsageError
from custody.sources.ci import github, gitlab, jenkins, local, tekton
from custody.sources.ci.build import Build
from custody.value import Value

__all__ = ["AUTO", "SYSTEMS", "System", "find_system", "read_build"]

AUTO = "auto"
"""What stands for the system whose variables are there."""


class System(Value):
    """A CI system: what it is called, whether an environment is of it, and what that says of the build."""

    title: str
    is_here: Callable[[Mapping[str, str]], bool]
    read: Callable[[Mapping[str, str]], Build]


SYSTEMS: Mapping[str, System] = {
    "github": System(title=github.TITLE, is_here=github.is_here, read=github.read),
    "gitlab": System(title=gitlab.TITLE, is_here=gitlab.is_here, read=gitlab.read),
    "tekton": System(title=tekton.TITLE, is_here=tekton.is_here, read=tekton.read),
    "jenkins": System(title=jenkins.TITLE, is_here=jenkins.is_here, read=jenkins.read),
    "local": System(title=local.TITLE, is_here=lambda _: False, read=local.read),
}
"""All systems by their names; `local` is none of the others."""


def find_system(environment: Mapping[str, str]) -> str:
    """Return the name of the system that `environment` is of, `local` if of none.

    Raises:
        UsageError: it is of several, as where one system runs inside of another.

    """
    found = [name for name, system in SYSTEMS.items() if system.is_here(environment)]
    if len(found) > 1:
        titles = " and ".join(SYSTEMS[name].title for name in found)
        raise UsageError(f"the environment is that of {titles}; say which one builds: --ci {' or --ci '.join(found)}")
    return found[0] if found else "local"


def read_build(environment: Mapping[str, str], name: str = AUTO) -> Build:
    """Return the build that `environment` says this is, as the system `name` writes it.

    Raises:
        UsageError: the system is unknown, or a variable of it is missing or wrong.

    """
    if name == AUTO:
        name = find_system(environment)
    if name not in SYSTEMS:
        raise UsageError(f"unknown CI system {name!r:.40}; expected {AUTO}, {', '.join(SYSTEMS)}")
    return SYSTEMS[name].read(environment)
