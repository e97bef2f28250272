"""A command on a terminal of its own, answered by a script: what a prompt shows, and that it hides what is typed."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
from typing import NamedTuple

__all__ = ["Session", "custody_on_terminal"]

_CHILD = """
import os, sys
os.open(sys.argv.pop(1), os.O_RDWR)  # the first terminal that a session leader opens becomes its own
"""

_CUSTODY = """
from custody.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


class Session(NamedTuple):
    """What a command left behind: its exit code, its output, and what the terminal showed."""

    code: int
    output: str
    screen: str


def custody_on_terminal(*arguments: str, cwd: str, answers: list[str], command: str = _CUSTODY) -> Session:
    """Return the outcome of `custody ARGUMENTS`, where each question on the terminal gets the next answer.

    `command` is Python code that carries out another command, whose arguments are in `sys.argv`.
    """
    master, slave = pty.openpty()
    started = subprocess.Popen(
        [sys.executable, "-c", _CHILD + command, os.ttyname(slave), *arguments],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    with started as child:
        try:
            screen = ""
            for answer in answers:
                screen += _until_question(master, child)
                os.write(master, f"{answer}\n".encode())
            output, _ = child.communicate(timeout=60)
            screen += _shown(master).decode()
        finally:
            child.kill()
            os.close(slave)  # kept until here: without any reader left a terminal fails
            os.close(master)
    return Session(code=child.returncode, output=output, screen=screen)


def _until_question(master: int, child: subprocess.Popen[str]) -> str:
    seen = b""
    while not seen.rstrip(b" ").endswith(b":"):
        ended = child.poll() is not None
        more = _shown(master)
        if ended and not more:
            break  # it ended without asking: let the test say so
        seen += more
    return seen.decode()


def _shown(master: int) -> bytes:
    """Return what the terminal has shown since the last call, waiting a moment for it."""
    ready, _, _ = select.select([master], [], [], 0.05)
    return os.read(master, 65536) if ready else b""
