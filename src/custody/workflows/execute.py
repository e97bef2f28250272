"""Execution of one command: shown live, optionally recorded, and ended with all it started at a time-out.

The command is an argv list, never a line for a shell. Without `record_streams` it has custody's own stdin, stdout and
stderr; with it, stdout and stderr pass through custody byte for byte and a limited part of each is kept.

Signals that ask custody to end while the command runs are passed on to it: what the command makes of them, its exit
status, is the answer. The machinery is in `processes`, which only a run with a command imports.
"""

from __future__ import annotations

from collections.abc import Sequence

from custody.errors import UsageError
from custody.workflows.execution import Completed, Execution

__all__ = ["check_command", "execute", "is_unicode"]

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
