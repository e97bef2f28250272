r"""Processes: starting a command, passing signals on to it, and ending it with everything it started.

Who gets a signal depends on the process group of the command:

- It shares custody's group if a terminal controls custody and there is no time-out. Ctrl-C, Ctrl-\ and Ctrl-Z then
  reach it from the terminal itself, it may ask for a password, and custody ignores SIGINT and SIGQUIT meanwhile.
- Otherwise it leads a group of its own. Every signal that custody gets goes to the whole group, and so do the SIGTERM
  and the SIGKILL of a time-out. If custody's stdin is a terminal, the group gets it for as long as the command runs;
  Ctrl-Z then does nothing, because a stopped command could not be resumed from the shell.
"""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from types import FrameType, TracebackType
from typing import Self

from custody.errors import ExecutionError
from custody.workflows.execution import Completed, Execution

TYPE_CHECKING = False  # known to checkers; `typing` is slow to import
if TYPE_CHECKING:
    from custody.workflows.streams import Tee

__all__ = ["run_process"]

_FORWARDED = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)
_FROM_TERMINAL = frozenset({signal.SIGINT, signal.SIGQUIT})
_STDIN, _STDOUT, _STDERR = 0, 1, 2
_POLL = 0.01
_GONE = 1.0
"""Seconds that killed processes get to disappear; one whose parent never looks stays as a zombie."""


def run_process(argv: tuple[str, ...], execution: Execution) -> Completed:
    """Return how `argv` ended; see `custody.workflows.execute.execute`."""
    own_group = execution.timeout is not None or not _has_terminal()
    sys.stdout.flush()
    sys.stderr.flush()
    with _Forwarding(own_group=own_group) as forwarding:
        started = datetime.now(UTC)
        process = _start(argv, execution, own_group=own_group)
        try:
            forwarding.to(process)
            tees = _tees(process, execution)
            timed_out = _wait(process, execution)
        except BaseException:
            process.kill()
            process.wait()
            raise
        for tee in tees:
            tee.finish()
        finished = datetime.now(UTC)
    stdout, stderr = (tee.text for tee in tees) if tees else ("", "")
    return Completed(
        return_value=process.returncode,
        started=started,
        finished=finished,
        stdout=stdout,
        stderr=stderr,
        timed_out=timed_out,
        warnings=tuple(
            f"the command's {name} could not be shown: {tee.problem}"
            for name, tee in zip(("stdout", "stderr"), tees, strict=False)
            if tee.problem
        ),
    )


def _start(argv: tuple[str, ...], execution: Execution, *, own_group: bool) -> subprocess.Popen[bytes]:
    if execution.directory and not os.path.isdir(execution.directory):
        raise ExecutionError(f"cannot run in {execution.directory!r}: there is no such directory")
    if execution.directory and not os.access(execution.directory, os.X_OK):
        raise ExecutionError(f"cannot run in {execution.directory!r}: the directory may not be entered")
    try:
        return subprocess.Popen(
            argv,
            cwd=execution.directory or None,
            env={name: value for name, value in os.environ.items() if name not in execution.withheld},
            stdout=_stream(execution),
            stderr=_stream(execution),
            bufsize=0,
            process_group=0 if own_group else None,
        )
    except OSError as error:
        reason = _reason(argv[0], execution.directory, error)
        raise ExecutionError(f"cannot run {argv[0]!r}: {reason}") from error


def _stream(execution: Execution) -> int | None:
    """Return what becomes of a stream: custody's own, if it is only to be shown."""
    if execution.record_streams:
        return subprocess.PIPE
    return None if execution.show_streams else subprocess.DEVNULL


def _reason(program: str, directory: str, error: OSError) -> str:
    """Return why the system did not start `program`, and what to do about it."""
    path = os.path.join(directory, program)
    if error.errno == errno.ENOENT and "/" in program and os.path.exists(path):
        return "the interpreter that its first line names does not exist"
    if error.errno == errno.ENOENT:
        return "there is no such file" if "/" in program else "no such program on the PATH"
    if error.errno == errno.EACCES and os.path.isdir(path):
        return "it is a directory"
    if error.errno == errno.EACCES:
        return "it may not be executed; `chmod +x` it, or name its interpreter before it"
    if error.errno == errno.ENOEXEC:
        return "it is no program and has no #! line; name its interpreter before it, such as `sh`"
    return error.strerror or str(error)


def _tees(process: subprocess.Popen[bytes], execution: Execution) -> tuple[Tee, ...]:
    """Return the threads that show and keep the recorded streams, if any."""
    if process.stdout is None or process.stderr is None:
        return ()
    from custody.workflows.streams import Tee  # few runs record their streams

    pairs = ((process.stdout, _STDOUT), (process.stderr, _STDERR))
    # A descriptor of its own for the thread that will close it, whatever becomes of `process`.
    sources = [(os.dup(file.fileno()), sink if execution.show_streams else None) for file, sink in pairs]
    limit = execution.stream_limit
    for file, _ in pairs:
        file.close()
    return tuple(Tee(source, sink, limit) for source, sink in sources)


def _wait(process: subprocess.Popen[bytes], execution: Execution) -> bool:
    """Return whether the time was over before `process` ended; it has ended."""
    if execution.timeout is None:
        process.wait()
        return False
    with _Terminal(process.pid), _TimeLimit(process.pid, execution) as limit:
        process.wait()
    return limit.expired


class _Forwarding:
    """While entered, signals that ask custody to end go to the command instead.

    What custody ignores stays ignored, also by the command: that is what nohup and `&` ask for. Only the main thread
    may do this; in another one signals take their usual way.
    """

    def __init__(self, *, own_group: bool) -> None:
        self._own_group = own_group
        self._process: subprocess.Popen[bytes] | None = None
        self._pending: list[int] = []
        self._before: dict[int, Callable[[int, FrameType | None], object] | int | None] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in _FORWARDED:
                before = signal.getsignal(number)
                if before is not None and before != signal.SIG_IGN:
                    # A handler, unlike SIG_IGN, is not inherited: the command starts with the default.
                    signal.signal(number, self._receive)
                    self._before[number] = before
            if self._own_group and _in_foreground():
                self._before[signal.SIGTSTP] = signal.signal(signal.SIGTSTP, signal.SIG_IGN)
            if signal.getsignal(signal.SIGCHLD) == signal.SIG_IGN:
                # Inherited from a parent that wants no zombies; how the command ends would be lost, and taken for 0.
                self._before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        elif signal.getsignal(signal.SIGCHLD) == signal.SIG_IGN:
            raise ExecutionError(
                "cannot run a command: this process ignores SIGCHLD, so that nobody would know how the command ended;"
                " restore the signal's default, or call from the main thread"
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)
        if self._process is None:
            for number in self._pending:
                os.kill(os.getpid(), number)

    def to(self, process: subprocess.Popen[bytes]) -> None:
        """Pass on to `process`, also what came while it was being started."""
        self._process = process
        for number in self._pending:
            self._send(process, number)

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        if self._process is None:
            self._pending.append(number)
        elif self._own_group or number not in _FROM_TERMINAL:
            self._send(self._process, number)

    def _send(self, process: subprocess.Popen[bytes], number: int) -> None:
        if process.returncode is not None:
            return  # its number may be another process's by now
        if self._own_group:
            _signal_group(process.pid, number)
        else:
            process.send_signal(number)


class _TimeLimit:
    """While entered, the group is watched; it is ended when the time is over, and gone on leaving."""

    def __init__(self, group: int, execution: Execution) -> None:
        self._group = group
        self._seconds = execution.timeout
        self._grace = execution.grace
        self._leader_ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="time-out", daemon=True)
        self.expired = False

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._leader_ended.set()
        self._thread.join()

    def _watch(self) -> None:
        if self._leader_ended.wait(self._seconds):
            return
        self.expired = True
        _signal_group(self._group, signal.SIGTERM)
        _signal_group(self._group, signal.SIGCONT)  # a stopped process sees SIGTERM only when it goes on
        patience = time.monotonic() + self._grace
        self._leader_ended.wait(self._grace)
        _wait_until_gone(self._group, patience)
        _signal_group(self._group, signal.SIGKILL)
        _wait_until_gone(self._group, time.monotonic() + _GONE)


def _wait_until_gone(group: int, until: float) -> None:
    while _signal_group(group, 0) and time.monotonic() < until:
        time.sleep(_POLL)


def _signal_group(group: int, number: int) -> bool:
    """Return whether there was anybody to signal."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _has_terminal() -> bool:
    """Return whether a terminal controls this process."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True


class _Terminal:
    """While entered, stdin's terminal, if custody is in its foreground, belongs to `group`."""

    def __init__(self, group: int) -> None:
        self._group = group
        self._lent = False

    def __enter__(self) -> None:
        if _in_foreground():
            self._lent = True
            _set_foreground(self._group)
            # It may have asked for the terminal before it got it, and been stopped.
            _signal_group(self._group, signal.SIGCONT)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._lent:
            _set_foreground(os.getpgrp())


def _in_foreground() -> bool:
    try:
        return os.tcgetpgrp(_STDIN) == os.getpgrp()
    except OSError:
        return False  # no terminal, or not ours


def _set_foreground(group: int) -> None:
    """Make `group` the terminal's foreground, also from the background, where SIGTTOU would stop custody."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
    try:
        os.tcsetpgrp(_STDIN, group)
    except OSError:
        pass  # the terminal, or the command, has gone
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
