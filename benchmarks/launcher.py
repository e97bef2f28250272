"""Starts one command, waits for it, and prints its seconds, CPU seconds, peak KiB and exit status.

    python -I -S launcher.py DIRECTORY OUTPUT-FILE PROGRAM ARGUMENT...

A process of its own, which imports next to nothing: Linux counts the memory of the process that starts a program
towards the peak of that program, so a harness with data in its memory would measure itself. What the program prints
goes to OUTPUT-FILE, its input is empty.
"""

from __future__ import annotations

import os
import sys
import time

__all__ = ["main"]


def main(arguments: list[str]) -> int:
    """Run the command, print what it took, and return 0."""
    directory, output, *command = arguments
    os.chdir(directory)
    files = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    begun = time.perf_counter()
    process = os.posix_spawnp(command[0], command, os.environ, file_actions=files)
    _, status, usage = os.wait4(process, 0)
    seconds = time.perf_counter() - begun
    cpu = usage.ru_utime + usage.ru_stime
    sys.stdout.write(f"{seconds} {cpu} {usage.ru_maxrss} {os.waitstatus_to_exitcode(status)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
