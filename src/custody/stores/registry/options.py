"""What a user may say about a registry, and how its client behaves."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from custody.value import Value

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    Progress: TypeAlias = Callable[[str, int, int], None]
    """Called with what moves ("pull sha256:..." or "push sha256:..."), the bytes so far, and those altogether."""

__all__ = ["DEFAULT_IDLE_SECONDS", "RegistryOptions"]

DEFAULT_IDLE_SECONDS = 30.0
"""How long a registry may be silent, and take to accept a connection."""


def _silent(what: str, done: int, total: int) -> None:
    """Show nothing."""


class RegistryOptions(Value):
    """How to reach a registry.

    Only `plain_http` makes it http, on loopback too. `ca_file` is trusted beside the system's authorities.
    `password` is asked when the registry demands one, and `username` is shown instead of what docker's files have.
    `sleep` and `clock` are the world's unless a test says otherwise.
    """

    plain_http: bool = False
    ca_file: str = ""
    username: str = ""
    password: Callable[[], str] | None = None
    idle_seconds: float = DEFAULT_IDLE_SECONDS
    progress: Progress = _silent
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
