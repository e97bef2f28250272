"""How a command is executed, and how it ended: the values; `execute` does it."""

from __future__ import annotations

from datetime import datetime

from custody.errors import UsageError
from custody.value import Value

__all__ = ["DEFAULT_GRACE", "DEFAULT_STREAM_LIMIT", "TIMED_OUT", "Completed", "Execution"]

DEFAULT_STREAM_LIMIT = 1024 * 1024
"""Bytes kept of each stream: a link is a document that people and registries handle, not a log file."""

DEFAULT_GRACE = 2.0
"""Seconds between SIGTERM and SIGKILL at a time-out."""

TIMED_OUT = 124
"""What timeout(1) exits with when the time is over."""


_LONGEST = 366 * 24 * 3600.0
"""Longer waits overflow the system's timers, and a step of more than a year has no use for a time-out."""


class Execution(Value):
    """How a command is executed.

    `stream_limit` is the number of bytes kept of each recorded stream, `timeout` and `grace` are seconds, `directory`
    is where the command runs ("" is the current one), `withheld` are environment variables that it does not get.
    """

    record_streams: bool = False
    show_streams: bool = True
    stream_limit: int = DEFAULT_STREAM_LIMIT
    timeout: float | None = None
    grace: float = DEFAULT_GRACE
    directory: str = ""
    withheld: frozenset[str] = frozenset()

    def _validate(self) -> None:
        if self.stream_limit < 0:
            raise UsageError(f"stream limit: expected 0 or more bytes, got {self.stream_limit}")
        # Written so that a NaN, which compares false with everything, is refused too.
        if self.timeout is not None and not 0 < self.timeout <= _LONGEST:
            raise UsageError(
                f"time-out: expected more than 0 seconds and at most a year, got {self.timeout:g};"
                " leave it out for no limit"
            )
        if not 0 <= self.grace <= _LONGEST:
            raise UsageError(f"grace: expected 0 or more seconds, got {self.grace}")


class Completed(Value):
    """How a command ended. `return_value` is negative for a signal; `stdout` and `stderr` are what was kept."""

    return_value: int
    started: datetime
    finished: datetime
    stdout: str = ""
    stderr: str = ""
    timed_out: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether it ended otherwise than by itself with 0."""
        return self.timed_out or self.return_value != 0

    @property
    def claimed_value(self) -> int:
        """What a link says: a command that only exits with 0 because its time was over did not succeed."""
        return TIMED_OUT if self.timed_out and self.return_value == 0 else self.return_value

    @property
    def exit_code(self) -> int:
        """What a shell would call it: 124 for a time-out, 128 and the number of a signal, or its own code."""
        if self.timed_out:
            return TIMED_OUT
        return self.return_value if self.return_value >= 0 else 128 - self.return_value
