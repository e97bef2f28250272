"""A command's process: it looks for cycles seldom, and ends at once with all that was to be done at its end."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest

from custody.cli.process import collect_seldom

_PROGRAM = """\
import atexit, os, sys, threading
from custody.cli.process import run_and_end

class Loud:
    def __del__(self):
        os.write(2, b"taken apart\\n")

kept = Loud()
atexit.register(lambda: print("at the end"))

def main():
    {body}

run_and_end(main)
"""


def run(body: str, **more: object) -> subprocess.CompletedProcess[str]:
    program = _PROGRAM.format(body=body)
    return subprocess.run(  # type: ignore[call-overload, no-any-return]
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, **more
    )


@pytest.mark.parametrize(
    ("body", "code"),
    [("return 0", 0), ("return 3", 3), ("return None", 0), ("sys.exit(4)", 4), ("sys.exit()", 0)],
)
def test_what_was_registered_is_done_and_nothing_is_taken_apart(body: str, code: int) -> None:
    done = run(f"print('work'); {body}")

    assert (done.returncode, done.stdout, done.stderr) == (code, "work\nat the end\n", "")


def test_whatever_else_a_command_ends_with_is_for_python_to_say() -> None:
    done = run("sys.exit('a sentence')")
    assert (done.returncode, done.stdout) == (1, "at the end\n")
    assert "a sentence" in done.stderr

    done = run("raise ValueError('a defect')")
    assert done.returncode == 1
    assert "ValueError: a defect" in done.stderr


def test_threads_that_still_work_are_waited_for() -> None:
    waiting = "threading.Thread(target=lambda: (gone.wait(), print('done'))).start(); threading.Timer(0.05, gone.set)"
    done = run(f"gone = threading.Event(); {waiting}.start(); return 5")

    assert (done.returncode, done.stdout.splitlines()) == (5, ["done", "at the end"])


def test_threads_that_nobody_waits_for_are_left() -> None:
    done = run("threading.Thread(target=threading.Event().wait, daemon=True).start(); return 6")

    assert (done.returncode, done.stdout) == (6, "at the end\n")


def test_reader_who_has_gone_changes_no_exit_code_to_success() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM.format(body="print('x'); return 0")],
            stdout=writing,
            stderr=subprocess.PIPE,
            check=False,
        )
    finally:
        os.close(writing)
    assert done.returncode in (1, 120)  # 1 where nothing is buffered


@pytest.mark.parametrize("start", [["-m", "custody"], ["-c", "from custody.cli.main import entry; entry()"]])
def test_what_a_command_printed_and_its_exit_code_arrive(start: list[str], tmp_path: Path) -> None:
    command = [sys.executable, *start, "key", "show", "missing"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "'missing'" in done.stderr


def test_cycles_are_still_looked_for_while_a_command_runs() -> None:
    before = gc.get_threshold()
    gc.set_threshold(700)
    try:
        collect_seldom()
        assert gc.isenabled()
        assert 700 < gc.get_threshold()[0] < 1_000_000
    finally:
        gc.set_threshold(*before)
