"""Starts one command, waits for it, and prints its seconds, CPU seconds, peak KiB and exit status.

    python -I -S launcher.py time|weigh DIRECTORY OUTPUT-FILE PROGRAM ARGUMENT...

A process of its own, which imports next to nothing: Linux counts the memory of the process that starts a program
towards the peak of that program, so a harness with data in its memory would measure itself. What the program prints
goes to OUTPUT-FILE, its input is empty.

Under `time` the peak is of the largest process of the command. Under `weigh` it is of all its processes together, what
they share counted once: this looks at them every few milliseconds, which takes time, so such a run is not timed.
"""

from __future__ import annotations

import os
import sys
import time

TYPE_CHECKING = False  # `typing` takes longer to import than all the rest
if TYPE_CHECKING:
    from resource import struct_rusage

__all__ = ["main"]

_BETWEEN_LOOKS = 0.002


def main(arguments: list[str]) -> int:
    """Run the command, print what it took, and return 0."""
    how, directory, output, *command = arguments
    os.chdir(directory)
    files = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    begun = time.perf_counter()
    process = os.posix_spawnp(command[0], command, os.environ, file_actions=files)
    weight, status, usage = _weighed(process) if how == "weigh" else _waited(process)
    seconds = time.perf_counter() - begun
    cpu = usage.ru_utime + usage.ru_stime
    peak = max(usage.ru_maxrss, weight)
    sys.stdout.write(f"{seconds} {cpu} {peak} {os.waitstatus_to_exitcode(status)}\n")
    return 0


def _waited(process: int) -> tuple[int, int, struct_rusage]:
    _, status, usage = os.wait4(process, 0)
    return 0, status, usage


def _weighed(process: int) -> tuple[int, int, struct_rusage]:
    """Wait for the process, and return the most KiB that it and its descendants were seen to have at once."""
    weight = 0
    while True:
        ended, status, usage = os.wait4(process, os.WNOHANG)
        if ended:
            return weight, status, usage
        weight = max(weight, sum(_share(each) for each in _family(process)))
        time.sleep(_BETWEEN_LOOKS)


def _family(root: int) -> list[int]:
    """Return the process and its descendants."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc") if os.path.isdir("/proc") else ():
        if name.isdigit():
            words = _read(f"/proc/{name}/stat").rpartition(b")")[2].split()
            if words:
                children.setdefault(int(words[1]), []).append(int(name))
    family = [root]
    for each in family:  # which grows under the loop, by the children of those in it
        family += children.get(each, [])
    return family


def _share(process: int) -> int:
    """Return the KiB of a process, of those that it shares with others its part; 0 where the system does not say."""
    for line in _read(f"/proc/{process}/smaps_rollup").splitlines():
        if line.startswith(b"Pss:"):
            return int(line.split()[1])
    return 0


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:  # it has ended meanwhile, or there is no /proc
        return b""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
