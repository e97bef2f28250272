"""A stream of a command on its way through custody: shown at once, byte for byte, and partly kept.

Each stream has a thread of its own, so that a reader who stalls one of them holds up the command exactly as it would
without custody, and never the other stream.
"""

from __future__ import annotations

import codecs
import os
import select
import threading

__all__ = ["Tee", "kept_text"]

_CHUNK = 64 * 1024

_LEFT_BEHIND = 1024 * 1024
"""The largest pipe that Linux gives a user: no more than this can still come from a command that has ended."""


class Tee:
    """Copies what arrives at the descriptor `source` to `sink`, if there is one, and keeps the first `limit` bytes.

    `source` is closed when it ends, and also when nobody reads `sink` any longer: the command then learns it as it
    would without custody.
    """

    def __init__(self, source: int, sink: int | None, limit: int) -> None:
        """Start copying."""
        self._source, self._sink, self._limit = source, sink, limit
        self._kept = bytearray()
        self._cut = 0
        self._end_seen, self._end = os.pipe()
        self.problem = ""
        self._thread = threading.Thread(target=self._copy, name=f"tee-{source}", daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """Show and keep what the command wrote before it ended, and stop; others may still hold the stream."""
        os.close(self._end)
        self._thread.join()
        os.close(self._end_seen)

    @property
    def text(self) -> str:
        """What was kept, as text."""
        return kept_text(bytes(self._kept), self._cut)

    def _copy(self) -> None:
        try:
            self._copy_all()
        finally:
            os.close(self._source)

    def _copy_all(self) -> None:
        poller = select.poll()
        poller.register(self._source, select.POLLIN)
        poller.register(self._end_seen, select.POLLIN)
        left = _LEFT_BEHIND
        while left > 0:
            ready = {descriptor for descriptor, _ in poller.poll()}
            if self._source not in ready:
                return  # the command has ended and all that it wrote was read
            chunk = os.read(self._source, _CHUNK)
            if not chunk or not self._show(chunk):
                return
            self._keep(chunk)
            if self._end_seen in ready:
                left -= len(chunk)

    def _keep(self, chunk: bytes) -> None:
        room = self._limit - len(self._kept)
        self._kept += chunk[:room]
        self._cut += max(0, len(chunk) - room)

    def _show(self, chunk: bytes) -> bool:
        """Return whether there still is somebody to show it to, or nobody was meant to be."""
        if self._sink is None:
            return True
        try:
            _write_all(self._sink, chunk)
        except BrokenPipeError:
            return False
        except OSError as error:
            # A full disk or a closed descriptor: the command is not to blame and goes on, unseen.
            self._sink = None
            self.problem = error.strerror or str(error)
        return True


def _write_all(sink: int, chunk: bytes) -> None:
    left = memoryview(chunk)
    while left:
        try:
            left = left[os.write(sink, left) :]
        except BlockingIOError:
            waiting = select.poll()
            waiting.register(sink, select.POLLOUT)
            waiting.poll()


def kept_text(kept: bytes, cut: int) -> str:
    r"""Return `kept` as text, bytes that are not UTF-8 as `\xff`, with a last line on the `cut` bytes after it."""
    decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
    text = decoder.decode(kept, final=not cut)
    if not cut:
        return text
    # A character whose end was cut away goes with its end.
    cut += len(decoder.getstate()[0])
    line_end = "" if not text or text.endswith("\n") else "\n"
    return f"{text}{line_end}[custody kept no more: {cut} bytes cut]\n"
