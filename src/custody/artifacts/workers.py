"""Work spread over forked processes: for many files two cores read and hash twice as much as one.

`b"".join(spread(work, count, workers)) == work(0, count)`, for any work that can be split so. The processes are forked:
they have what the caller has, and start in a millisecond. That is sound in a process with a single thread only, which
`how_many` makes sure of. A process that does not come to its end makes an error, never a shorter answer. None outlives
the call.
"""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress

from custody.errors import RecordingError

__all__ = ["Work", "how_many", "serve", "spread"]

Work = Callable[[int, int], bytes]
"""Does what is to be done from one place up to, and without, another."""

_MOST_WORKERS = 8
"""More processes than this wait for the disk and for each other."""

_MOST_BATCHES = 512
"""So finely is work divided that no process is left with all that takes long. Their numbers fit into any pipe."""

_TOKEN_BYTES = 4
_HEADER_BYTES = 9
_DONE, _FAILED = 0, 1
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_Worker = tuple[int, int]
"""The id of a process, and where its answers come from."""


class _EndedError(BaseException):
    """A signal asks this process to end; nobody on the way is to catch it."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(number)


def how_many() -> int:
    """Return how many processes can share the work here; 1 where forking would not be sound."""
    if sys.platform != "linux":
        return 1  # elsewhere system libraries start threads of their own
    try:
        threads = len(os.listdir("/proc/self/task"))
    except OSError:
        return 1
    return 1 if threads > 1 else min(len(os.sched_getaffinity(0)), _MOST_WORKERS)


def spread(work: Work, count: int, workers: int) -> list[bytes]:
    """Return what `work` returns for all parts of 0 to `count`, in order, done by `workers` processes at once.

    Raises:
        RecordingError: one was raised by `work` (the one of the first such part), or a process did not end well.

    """
    size = max(1, -(-count // _MOST_BATCHES))
    starts = range(0, count, size)
    queue = _queue(len(starts))
    crew: list[_Worker] = []
    handlers = {number: signal.getsignal(number) for number in _SIGNALS[1:]}
    unset = [number for number, handler in handlers.items() if handler is signal.SIG_DFL]
    try:
        for number in unset:
            signal.signal(number, _end)
        for _ in range(workers):
            _hire(lambda index: work(starts[index], min(starts[index] + size, count)), queue, crew)
        return _collect(crew, len(starts))
    except _EndedError as ended:
        _dismiss(crew)
        signal.signal(ended.number, signal.SIG_DFL)
        os.kill(os.getpid(), ended.number)
        raise
    finally:
        _dismiss(crew)
        for number in unset:
            signal.signal(number, signal.SIG_DFL)
        os.close(queue)


def _end(number: int, _frame: object) -> None:
    raise _EndedError(number)


def _queue(batches: int) -> int:
    """Return a pipe from which whoever is free reads the number of the next batch."""
    queue, end = os.pipe()
    os.write(end, b"".join(index.to_bytes(_TOKEN_BYTES) for index in range(batches)))
    os.close(end)
    return queue


def _hire(work: Callable[[int], bytes], queue: int, crew: list[_Worker]) -> None:
    """Fork a process that works, and add it to `crew`."""
    answers, out = os.pipe()
    # A signal between the fork and the `try` would run the caller's code a second time.
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        worker = os.fork()
        if not worker:
            _live(work, queue, out)
        crew.append((worker, answers))
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    os.close(out)


def _live(work: Callable[[int], bytes], queue: int, out: int) -> None:
    """Be a worker: work, and end without running anything that was the caller's."""
    code = 1
    try:
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        serve(work, queue, out)
        code = 0
    finally:
        os._exit(code)


def serve(work: Callable[[int], bytes], queue: int, out: int) -> None:
    """Do one batch after the other until there are none, or one fails; then leave none for anybody."""
    while token := os.read(queue, _TOKEN_BYTES):
        index = int.from_bytes(token)
        try:
            _answer(out, index, _DONE, work(index))
        except RecordingError as error:
            # Batches before this one have been taken already, so that the first error is found whoever is quick.
            while os.read(queue, _TOKEN_BYTES * _MOST_BATCHES):
                pass
            _answer(out, index, _FAILED, str(error).encode("utf-8", "surrogateescape"))


def _answer(out: int, index: int, state: int, content: bytes) -> None:
    left = memoryview(index.to_bytes(4) + state.to_bytes(1) + len(content).to_bytes(4) + content)
    while left:
        left = left[os.write(out, left) :]


def _collect(crew: list[_Worker], batches: int) -> list[bytes]:
    done: dict[int, bytes] = {}
    failed: dict[int, str] = {}
    for index, state, content in _answers(crew):
        if state == _DONE:
            done[index] = content
        else:
            failed[index] = content.decode("utf-8", "surrogateescape")
    if failed:
        raise RecordingError(failed[min(failed)])
    if len(done) != batches:
        raise RecordingError(f"expected {batches} parts of the work to be done, got {len(done)}; record again")
    return [done[index] for index in range(batches)]


def _answers(crew: list[_Worker]) -> Iterator[tuple[int, int, bytes]]:
    """Yield what the workers answer until each has come to its end."""
    waiting = select.poll()
    read = {answers: bytearray() for _, answers in crew}
    workers = {answers: worker for worker, answers in crew}
    for answers in read:
        waiting.register(answers, select.POLLIN | select.POLLHUP)
    while read:
        for answers, _ in waiting.poll():
            found = os.read(answers, 1 << 16)
            if not found:
                waiting.unregister(answers)
                _check_end(crew, workers[answers], answers, left=len(read.pop(answers)))
                continue
            buffer = read[answers]
            buffer += found
            yield from _frames(buffer)


def _frames(buffer: bytearray) -> Iterator[tuple[int, int, bytes]]:
    """Yield the whole answers at the start of `buffer`, and take them out."""
    while len(buffer) >= _HEADER_BYTES:
        end = _HEADER_BYTES + int.from_bytes(buffer[5:_HEADER_BYTES])
        if len(buffer) < end:
            return
        yield int.from_bytes(buffer[:4]), buffer[4], bytes(buffer[_HEADER_BYTES:end])
        del buffer[:end]


def _check_end(crew: list[_Worker], worker: int, answers: int, *, left: int) -> None:
    """Demand that a worker ended well, and strike it off."""
    status = _reap(worker)
    crew.remove((worker, answers))
    os.close(answers)
    if status or left:
        how = f"was ended by signal {-status}" if status < 0 else f"ended with exit code {status}"
        raise RecordingError(f"one of the processes that read files {how} before its work was done; record again")


def _reap(worker: int) -> int:
    """Return how a worker ended, 0 if the system does not keep it; what is missing from its answers tells then."""
    try:
        return os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1])
    except ChildProcessError:  # whoever started this process ignores SIGCHLD, and so does this process
        return 0


def _dismiss(crew: list[_Worker]) -> None:
    """End every worker that is left."""
    for worker, answers in crew:
        with suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)
        _reap(worker)
        os.close(answers)
    crew.clear()
