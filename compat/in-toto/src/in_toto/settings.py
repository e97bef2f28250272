"""Settings that programs change by assigning to them; they are read at each call.

::

    import in_toto.settings
    in_toto.settings.ARTIFACT_BASE_PATH = "/home/user/project"
"""

from __future__ import annotations

__all__ = ["ARTIFACT_BASE_PATH", "ARTIFACT_EXCLUDE_PATTERNS", "DEBUG", "LINK_CMD_EXEC_TIMEOUT"]

DEBUG: bool = False
"""Whether messages say where they come from, and none is held back; looked at when the first one is due."""

ARTIFACT_EXCLUDE_PATTERNS: list[str] = ["*.link*", ".git", "*.pyc", "*~"]
"""Gitignore patterns of what is not recorded, unless a call says otherwise."""

ARTIFACT_BASE_PATH: str | None = None
"""The directory that recorded paths start from, unless a call says otherwise; None is the current directory."""

LINK_CMD_EXEC_TIMEOUT: float = 10
"""Seconds that the command of a step or an inspection may take, unless a call says otherwise."""
