"""What this package says while it works: to Python's logging if the program uses it, else to nobody or to stderr.

`logging` takes longer to import than a small step takes to run, and a command without `-v` that goes well says
nothing. So it is imported for the first message that somebody will see.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # known to checkers; importing it from `typing` takes longer than this module
if TYPE_CHECKING:
    from logging import Logger

__all__ = ["DEBUG", "INFO", "WARNING", "enabled", "error", "info", "set_level", "warning"]

DEBUG, INFO, WARNING, ERROR = 10, 20, 30, 40
"""Levels, with the numbers that `logging` gives them."""

_CALLER = 3
"""Frames from the call of `logging` to whoever has something to say."""

_chosen: dict[str, bool] = {}


def set_level(*, verbose: bool = False, quiet: bool = False) -> None:
    """Show more from here on, or nothing at all, as the options of a command say."""
    _chosen.clear()
    _chosen.update(verbose=verbose, quiet=quiet)
    if "logging" in sys.modules:
        _logger("in_toto")


def enabled(level: int) -> bool:
    """Return whether a message of `level` is seen by anybody."""
    if "logging" in sys.modules:
        return _logger("in_toto").isEnabledFor(level)
    from in_toto import settings

    if settings.DEBUG:
        return True
    if _chosen.get("verbose"):
        return level >= INFO
    return level >= WARNING and not _chosen.get("quiet")


def info(name: str, message: str) -> None:
    """Say what is being done."""
    _say(name, INFO, message)


def warning(name: str, message: str) -> None:
    """Say what the user should look at."""
    _say(name, WARNING, message)


def error(name: str, message: str) -> None:
    """Say why it cannot go on; when debugging, with the traceback of what is being handled."""
    _say(name, ERROR, message)


def _say(name: str, level: int, message: str) -> None:
    if not enabled(level):
        return
    logger = _logger(name)
    traced = level == ERROR and logger.getEffectiveLevel() == DEBUG and sys.exc_info()[0] is not None
    # `%s`: a message may have percent signs of its own.
    logger.log(level, "%s", message, exc_info=traced, stacklevel=_CALLER)


def _logger(name: str) -> Logger:
    from logging import getLogger

    from in_toto import log  # configures the logger that all others here inherit from

    if _chosen:
        log.LOGGER.setLevelVerboseOrQuiet(_chosen.get("verbose", False), _chosen.get("quiet", False))
        _chosen.clear()
    return getLogger(name)
