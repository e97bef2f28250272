"""Reading a file while what was read of it is hashed: both leave Python's lock to others, so both run at once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from queue import SimpleQueue
from threading import Thread

__all__ = ["read_ahead"]

_BUFFERS = 3
"""One is filled, one is used, one waits."""


def read_ahead(descriptor: int, size: int) -> Iterator[memoryview]:
    """Yield what `descriptor` holds, at most `size` bytes at once; each part is gone when the next is asked for.

    Raises:
        OSError: it cannot be read.

    """
    empty: SimpleQueue[bytearray | None] = SimpleQueue()
    filled: SimpleQueue[tuple[bytearray, int] | OSError] = SimpleQueue()
    for _ in range(_BUFFERS):
        empty.put(bytearray(size))
    reader = Thread(target=_fill, args=(descriptor, empty, filled), daemon=True)
    reader.start()
    try:
        while True:
            answer = filled.get()
            if isinstance(answer, OSError):
                raise answer
            buffer, count = answer
            if not count:
                return
            yield memoryview(buffer)[:count]
            empty.put(buffer)
    finally:
        empty.put(None)
        reader.join()


def _fill(
    descriptor: int, empty: SimpleQueue[bytearray | None], filled: SimpleQueue[tuple[bytearray, int] | OSError]
) -> None:
    """Fill one buffer after the other, until one stays empty or nobody wants more."""
    try:
        while (buffer := empty.get()) is not None:
            filled.put((buffer, os.readv(descriptor, [buffer])))
    except OSError as error:
        filled.put(error)
