"""Work on many items spread over forked processes, begun while more items are still being found.

For many files two cores read and hash twice as much as one. The processes are forked: they have what the caller has,
and start in a millisecond. That is sound in a process with a single thread only, which `how_many` makes sure of. A
process that does not come to its end makes an error, never a shorter answer. None outlives the `with` block.

Items are handed out in packets through one pipe, from which whoever is free takes the next. Whoever has spent long on
a packet hands back what is left of it, so that nobody is left with all that takes long.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from time import perf_counter
from typing import TYPE_CHECKING

from custody.errors import RecordingError

if TYPE_CHECKING:
    from types import FrameType, TracebackType
    from typing import Self

    _Handler = Callable[[int, FrameType | None], object] | int | signal.Handlers | None

__all__ = ["Crew", "Work", "how_many", "serve"]

Work = Callable[[str], bytes]
"""Does what is to be done with one item, text without a null character."""

_MOST_WORKERS = 8
"""More processes than this wait for the disk and for each other."""

_MOST_ITEMS = 128
"""In a packet: enough that handing it out costs little beside the work."""

_QUEUE_BYTES = 1 << 20
"""The largest pipe that everybody may have: the workers are busy while the caller is."""

_TURN_SECONDS = 0.005
"""For so long a worker keeps a packet to itself."""

_NUMBER_BYTES = 4
_HEADER_BYTES = 3 * _NUMBER_BYTES + 1
_DONE, _FAILED = 0, 1
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


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


class Crew:
    """Processes that do `work`, from the beginning to the end of a `with` block."""

    def __init__(self, work: Work, take: Callable[[Sequence[str], bytes], None], workers: int) -> None:
        """Prepare so many `workers`; `take` gets items and what `work` returned for them, joined, part by part."""
        self._work = work
        self._take = take
        self._number = workers
        self._workers: dict[int, _Worker] = {}
        self._waiting: deque[bytes] = deque()
        self._given: dict[int, Sequence[str]] = {}
        self._packets = 0
        self._failed: dict[str, str] = {}
        self._handlers: dict[signal.Signals, _Handler] = {}
        self._poll = select.poll()
        self._queue = self._end = -1

    def __enter__(self) -> Self:
        """Start the processes.

        Raises:
            OSError: the system lets no more of them start.

        """
        try:
            with _undisturbed() as mask:
                self._handlers = _take_signals()
                self._open_queue()
                for _ in range(self._number):
                    self._hire(mask)
                os.close(self._queue)
                self._queue = -1
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _where: TracebackType | None
    ) -> None:
        """End every process that is left, and this one too if a signal asked for it."""
        with _undisturbed():
            for worker in self._workers.values():
                worker.dismiss()
            self._workers.clear()
            self._close_queue()
            for number, handler in self._handlers.items():
                signal.signal(number, handler)
            self._handlers = {}
        if isinstance(error, _EndedError):
            os.kill(os.getpid(), error.number)

    def give(self, items: Sequence[str]) -> None:
        """Hand out `items`, at least one and each given once; never wait for anybody.

        Raises:
            RecordingError: a process ended.

        """
        self._pack(items)
        self._go_on(wait=False)

    def finish(self) -> None:
        """Wait until all that was given is done.

        Raises:
            RecordingError: one was raised by `work` (the one of the first such item), or a process did not end well.

        """
        while self._given:
            self._go_on(wait=True)
        self._close_queue()
        while self._workers:
            self._go_on(wait=True)
        if self._failed:
            raise RecordingError(self._failed[min(self._failed)])

    def _open_queue(self) -> None:
        """Make the pipe of the packets; what is written at once is read at once."""
        self._queue, self._end = os.pipe2(os.O_DIRECT | os.O_CLOEXEC)
        os.set_blocking(self._end, False)
        with suppress(OSError):  # it may be smaller, then; the workers wait sometimes
            fcntl.fcntl(self._end, fcntl.F_SETPIPE_SZ, _QUEUE_BYTES)

    def _close_queue(self) -> None:
        for descriptor in (self._queue, self._end):
            if descriptor >= 0:
                os.close(descriptor)
        self._queue = self._end = -1

    def _hire(self, mask: set[int | signal.Signals]) -> None:
        """Fork a process that works; it heeds signals as `mask` says."""
        answers, out = os.pipe()
        try:
            process = os.fork()
            if not process:
                self._live(answers, out, mask)
        except OSError:
            os.close(answers)
            raise
        finally:
            os.close(out)
        self._workers[answers] = _Worker(process, answers)
        self._poll.register(answers, select.POLLIN | select.POLLHUP)

    def _live(self, answers: int, out: int, mask: set[int | signal.Signals]) -> None:
        """Be a worker: work, and end without running anything that was the caller's."""
        code = 1
        try:
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            # Or one would wait for the end of the other, and all of them for that of a caller who is gone.
            for descriptor in (self._end, answers, *self._workers):
                os.close(descriptor)
            serve(self._work, self._queue, out)
            code = 0
        finally:
            os._exit(code)

    def _go_on(self, *, wait: bool) -> None:
        """Hand out what the pipe has room for, and take the answers that are there."""
        while self._waiting:
            try:
                os.write(self._end, self._waiting[0])
            except (BlockingIOError, BrokenPipeError):
                break  # it is full; or nobody is left to read it, and their ends say why
            self._waiting.popleft()
        for answers, _ in self._poll.poll(None if wait else 0):
            worker = self._workers[answers]
            for frame in worker.take():
                self._note(*frame)
            if worker.ended:
                self._strike_off(worker)

    def _note(self, packet: int, state: int, count: int, content: bytes) -> None:
        """Note down the answer to the first items of a packet; what is left of it is given again."""
        items = self._given.pop(packet)
        if state == _DONE:
            self._take(items[:count], content)
        else:
            self._failed[items[0]] = content.decode("utf-8", "surrogateescape")
        self._pack_halves(items[count:])

    def _pack(self, items: Sequence[str]) -> None:
        """Let `items` wait to be handed out, in as many packets as they need."""
        content = os.fsencode("\0".join(items))
        if len(items) <= _MOST_ITEMS and len(content) <= select.PIPE_BUF - _NUMBER_BYTES:
            self._given[self._packets] = items
            self._waiting.append(self._packets.to_bytes(_NUMBER_BYTES) + content)
            self._packets += 1
        elif len(items) > 1:
            self._pack_halves(items)
        else:  # too long for a packet
            self._do(items)

    def _pack_halves(self, items: Sequence[str]) -> None:
        middle = len(items) // 2
        for half in (items[:middle], items[middle:]):
            if half:
                self._pack(half)

    def _do(self, items: Sequence[str]) -> None:
        """Do here what cannot be handed out."""
        try:
            self._take(items, self._work(items[0]))
        except RecordingError as error:
            self._failed[items[0]] = str(error)

    def _strike_off(self, worker: _Worker) -> None:
        """Demand that a worker ended well, after all was done."""
        self._poll.unregister(worker.answers)
        del self._workers[worker.answers]
        status = worker.end()
        if status or worker.left or self._given:
            how = f"was ended by signal {-status}" if status < 0 else f"ended with exit code {status}"
            raise RecordingError(f"one of the processes that read files {how} before its work was done; record again")


class _Worker:
    """A process, and the pipe that its answers come from."""

    __slots__ = ("_buffer", "_process", "answers", "ended")

    def __init__(self, process: int, answers: int) -> None:
        self._process = process
        self.answers = answers
        self.ended = False
        self._buffer = bytearray()

    @property
    def left(self) -> int:
        """How many bytes of an answer there are without its rest."""
        return len(self._buffer)

    def take(self) -> Iterator[tuple[int, int, int, bytes]]:
        """Yield what has arrived: packet, state, how many of its items, content."""
        found = os.read(self.answers, 1 << 16)
        self.ended = not found
        buffer = self._buffer
        buffer += found
        while len(buffer) >= _HEADER_BYTES:
            end = _HEADER_BYTES + int.from_bytes(buffer[9:_HEADER_BYTES])
            if len(buffer) < end:
                return
            frame = int.from_bytes(buffer[:4]), buffer[4], int.from_bytes(buffer[5:9]), bytes(buffer[_HEADER_BYTES:end])
            del buffer[:end]
            yield frame

    def end(self) -> int:
        """Return how it ended, 0 if the system does not keep it; that work is left over tells then."""
        os.close(self.answers)
        try:
            return os.waitstatus_to_exitcode(os.waitpid(self._process, 0)[1])
        except ChildProcessError:  # whoever started this process ignores SIGCHLD, and so does this process
            return 0

    def dismiss(self) -> None:
        """End it."""
        with suppress(ProcessLookupError):
            os.kill(self._process, signal.SIGKILL)
        self.end()


@contextmanager
def _undisturbed() -> Iterator[set[int | signal.Signals]]:
    """Let signals wait; the value is the mask of those that waited before."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield mask
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _take_signals() -> dict[signal.Signals, _Handler]:
    """Make signals that would end this process raise, and return what they did; what the program handles stays."""
    usual = {signal.SIG_DFL, signal.default_int_handler}
    found = {number: signal.getsignal(number) for number in _SIGNALS}
    taken = {number: handler for number, handler in found.items() if handler in usual}
    for number in taken:
        signal.signal(number, _end)
    return taken


def _end(number: int, _frame: object) -> None:
    """Raise once: whoever ends the workers is not to be interrupted."""
    for other in _SIGNALS:
        if signal.getsignal(other) is _end:
            signal.signal(other, signal.SIG_IGN)
    raise KeyboardInterrupt if number == signal.SIGINT else _EndedError(number)


def serve(work: Work, queue: int, out: int) -> None:
    """Take one packet after the other until there are none, and answer each at least for its first item."""
    while packet := os.read(queue, select.PIPE_BUF):
        items = os.fsdecode(packet[4:]).split("\0")
        try:
            results = _results(work, items)
            state, count, content = _DONE, len(results), b"".join(results)
        except RecordingError as error:
            state, count, content = _FAILED, 1, str(error).encode("utf-8", "surrogateescape")
        header = packet[:4] + state.to_bytes(1) + count.to_bytes(4) + len(content).to_bytes(4)
        left = memoryview(header + content)
        while left:
            left = left[os.write(out, left) :]


def _results(work: Work, items: Sequence[str]) -> list[bytes]:
    """Return the results for as many of the first `items` as there is time for; an error is for the first one."""
    end = perf_counter() + _TURN_SECONDS
    results: list[bytes] = []
    for item in items:
        try:
            results.append(work(item))
        except RecordingError:
            if results:
                break  # it will be the first of what is handed back
            raise
        if perf_counter() > end:
            break
    return results
