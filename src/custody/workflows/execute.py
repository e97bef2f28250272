"""Execution of one command: shown live, optionally recorded, and ended with all it started at a time-out.

The command is an argv list, never a line for a shell. Without `record_streams` it has custody's own stdin, stdout and
stderr; with it, stdout and stderr pass through custody byte for byte and a limited part of each is kept.

`signals` that ask custody to end while the command runs are passed on to it: what the command makes of them, its exit
status, is the answer. Values live here and the machinery in `processes`, which only a run with a command imports.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from custody.errors import UsageError
from custody.value import Value

__all__ = [
    "DEFAULT_GRACE",
    "DEFAULT_STREAM_LIMIT",
    "TIMED_OUT",
    "Completed",
    "Execution",
    "check_command",
    "execute",
    "is_unicode",
]

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


_USUAL = Execution()


def execute(command: Sequence[str], execution: Execution = _USUAL) -> Completed:
    """Return how `command` ended, after everything that a time-out had to end is gone.

    Processes that the command leaves behind are not waited for: what they write later is neither shown nor kept.

    Raises:
        ExecutionError: it could not be started.
        UsageError: it is no command.

    """
    argv = check_command(command)
    from custody.workflows.processes import run_process  # `subprocess` is slow to import

    return run_process(argv, execution)


def check_command(command: Sequence[str]) -> tuple[str, ...]:
    """Return `command` as argv, if it can be both started and written into a link; else raise a UsageError."""
    if isinstance(command, str):
        raise UsageError(
            f"command: expected a list of arguments, got the string {command!r:.80}; no shell takes it apart"
        )
    argv = tuple(command)
    if not argv or not argv[0]:
        raise UsageError("command: expected a program and its arguments, got nothing")
    for argument in argv:
        if "\0" in argument or not is_unicode(argument):
            raise UsageError(f"command: expected text, got {argument!r:.80}; links are UTF-8 and cannot hold it")
    return argv


def is_unicode(text: str) -> bool:
    """Return whether `text` has a UTF-8 form; an argument with other bytes has none and fits in no link."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
