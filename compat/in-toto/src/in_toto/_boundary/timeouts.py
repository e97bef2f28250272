"""The time-out of whoever gives none: that of the settings, looked up at each call and never frozen as a default."""

from __future__ import annotations

TYPE_CHECKING = False  # known to checkers; importing it from `typing` takes longer than this module
if TYPE_CHECKING:
    from typing import Any

__all__ = ["FROM_SETTINGS", "seconds_of"]


class _FromSettings:
    """What stands for a setting that is looked up when it is needed."""

    def __repr__(self) -> str:
        return "in_toto.settings.LINK_CMD_EXEC_TIMEOUT"


FROM_SETTINGS: Any = _FromSettings()


def seconds_of(timeout: float | None) -> float | None:
    """Return how many seconds something may take, None without limit."""
    from in_toto import settings

    return settings.LINK_CMD_EXEC_TIMEOUT if timeout is FROM_SETTINGS else timeout
