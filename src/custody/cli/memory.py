"""The memory of a command's process, which the system takes back whole when the process ends."""

from __future__ import annotations

import atexit
import gc

__all__ = ["free_memory_at_the_end"]

_MANY = 100_000
"""New objects after which unreachable cycles are looked for: more than a small command ever makes."""


def free_memory_at_the_end() -> None:
    """Look for unreachable cycles seldom, and not at all when the process ends.

    Python looks for them while it imports, and several times before it ends; for a small step that takes about as long
    as recording and signing it. Objects that nothing refers to go at once, as ever.
    """
    gc.set_threshold(_MANY)
    atexit.register(gc.freeze)
