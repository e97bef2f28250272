"""The logger `in_toto`, which the loggers of this package's modules inherit from; it writes to stderr.

It shows warnings and errors, as bare messages. With `settings.DEBUG` it shows everything, and where it comes from; an
error then brings its traceback.

::

    LOG = logging.getLogger("in_toto")
    LOG.setLevelVerboseOrQuiet(args.verbose, args.quiet)
"""

from __future__ import annotations

import logging
import sys

from in_toto import settings

TYPE_CHECKING = False  # known to checkers; importing it from `typing` takes longer than this module
if TYPE_CHECKING:
    from typing import Any, TextIO

__all__ = ["FORMAT_DEBUG", "FORMAT_MESSAGE", "LOGGER", "InTotoLogger"]

FORMAT_MESSAGE = "%(message)s"
FORMAT_DEBUG = "%(name)s:%(lineno)d:%(levelname)s:%(message)s"

_BASE = logging.getLoggerClass()


class InTotoLogger(_BASE):  # type: ignore[misc, valid-type]  # a program may have chosen another class before
    """A logger whose level can be set by the two options of a command."""

    QUIET = logging.CRITICAL + 1

    def error(self, msg: object, *args: object, **options: Any) -> None:  # noqa: ANN401  # as in `logging`
        """Log an error; at the level DEBUG with the traceback of what is being handled, if anything is."""
        options.setdefault("exc_info", self.level == logging.DEBUG and sys.exc_info()[0] is not None)
        options["stacklevel"] = options.get("stacklevel", 1) + 1
        super().error(msg, *args, **options)

    def setLevelVerboseOrQuiet(self, verbose: bool, quiet: bool) -> None:  # noqa: FBT001, N802  # public
        """Show more, or nothing at all; neither changes nothing."""
        if verbose:
            self.setLevel(logging.INFO)
        elif quiet:
            self.setLevel(self.QUIET)


class _ToStderr(logging.StreamHandler):  # type: ignore[type-arg]  # generic for checkers only
    """A handler that writes to what `sys.stderr` is at the time of the message."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:
        return sys.stderr


def _configured() -> InTotoLogger:
    logging.setLoggerClass(InTotoLogger)
    try:
        logger = logging.getLogger("in_toto")
    finally:
        logging.setLoggerClass(_BASE)
    if type(logger) is _BASE:
        # Somebody asked for it before this module was imported; it is the same object for everybody.
        logger.__class__ = InTotoLogger
    handler = _ToStderr()
    handler.setFormatter(logging.Formatter(FORMAT_DEBUG if settings.DEBUG else FORMAT_MESSAGE))
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG if settings.DEBUG else logging.WARNING)
    return logger  # type: ignore[return-value]  # unless a program made it a class of its own


LOGGER = _configured()
