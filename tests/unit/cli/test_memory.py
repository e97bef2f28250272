"""The memory of a command's process: looking for cycles seldom, and not at the end."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path

import pytest

from custody.cli.memory import free_memory_at_the_end

_PROGRAM = """\
import atexit, gc, sys
atexit.register(lambda: print("frozen" if gc.get_freeze_count() else "thawed"))
from custody.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize(("arguments", "ending"), [(["keygen", "alice"], "frozen"), (["--version"], "thawed")])
def test_at_the_end_everything_counts_as_reachable(arguments: list[str], ending: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *arguments], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == ending


def test_what_a_command_printed_and_its_exit_code_arrive_all_the_same(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "custody", "key", "show", "missing"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "'missing'" in done.stderr


def test_cycles_are_still_looked_for_while_a_command_runs() -> None:
    before = gc.get_threshold()
    gc.set_threshold(700)
    try:
        free_memory_at_the_end()
        assert gc.isenabled()
        assert 700 < gc.get_threshold()[0] < 1_000_000
    finally:
        gc.set_threshold(*before)
