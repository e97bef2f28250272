"""Progress of long pushes and pulls: one line on stderr that changes, on a terminal only.

::

    pull sha256:0123456789ab  12.3 of 45.6 MiB  27 %

What is over within half a second is not shown, and nothing of it is left at the end.
"""

from __future__ import annotations

import os
import sys
from time import monotonic

from custody.cli.output import columns, printable

TYPE_CHECKING = False  # known to checkers; `typing` is slow to import
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Progress", "progress_on_terminal"]

_DELAY = 0.5
"""Seconds until something counts as long."""

_INTERVAL = 0.1
"""Seconds between two changes of the line."""

_ERASE = "\r\033[K"
_SHOWN_DIGEST = len("push sha256:") + 12
_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")
_STEP = 1024


class Progress:
    """Shows what moves; to be called with what it is, the bytes so far, and those altogether."""

    def __init__(self, write: Callable[[str], object], clock: Callable[[], float] = monotonic) -> None:
        """Show nothing yet; `write` puts text on the terminal."""
        self._write = write
        self._clock = clock
        self._delay = _DELAY
        self._what = ""
        self._next = 0.0
        self._shown = False

    def __call__(self, what: str, done: int, total: int) -> None:
        """Show that `done` bytes of `total` have moved, unless that was said just now."""
        now = self._clock()
        if what != self._what:
            self._what, self._next = what, now + self._delay
        if done >= total:
            self.clear()
            self._what = ""
        elif now >= self._next:
            self._next = now + _INTERVAL
            self._write(_ERASE + _line(what, done, total)[: columns() - 1])
            self._shown = True

    def clear(self) -> None:
        """Take the line away, if there is one."""
        if self._shown:
            self._write(_ERASE)
            self._shown = False


def progress_on_terminal() -> Progress | None:
    """Return what shows progress on stderr, or None if nobody watches there; `clear` it before anything is printed."""
    if os.environ.get("TERM") == "dumb" or not sys.stderr.isatty():
        return None
    return Progress(_write)


def _write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


def _line(what: str, done: int, total: int) -> str:
    unit = 0
    size = float(total)
    while size >= _STEP and unit < len(_UNITS) - 1:
        size /= _STEP
        unit += 1
    digits = 1 if unit else 0
    moved = done / _STEP**unit
    return (
        f"{printable(what)[:_SHOWN_DIGEST]}  {moved:.{digits}f} of {size:.{digits}f} {_UNITS[unit]}"
        f"  {100 * done // total} %"
    )
