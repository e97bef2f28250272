"""Tests of `custody.artifacts.workers`: as if one had done it all, or an error; and nobody is left behind.

The test process may have threads, with which forking is not sound, so forks happen in a process of their own.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import custody
from custody.artifacts import workers
from custody.artifacts.workers import serve
from custody.errors import RecordingError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only there work is spread")

PREAMBLE = """
import os, signal, sys, time
from custody.artifacts.workers import how_many, spread
from custody.errors import RecordingError

def children():
    return open(f"/proc/self/task/{os.getpid()}/children").read().split()

def same(start, stop):
    return bytes(number % 251 for number in range(start, stop))

"""


def python(script: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PREAMBLE + script],
        env={"PYTHONPATH": str(Path(custody.__file__).parents[1])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def said(script: str) -> str:
    out, err = python(script).communicate(timeout=60)
    assert err == ""
    return out


@pytest.mark.parametrize("count", [0, 1, 511, 512, 513, 5000])
def test_parts_joined_are_the_whole(count: int) -> None:
    assert said(f"print(b''.join(spread(same, {count}, 3)) == same(0, {count}), children())") == "True []\n"


def test_answers_larger_than_a_pipe_arrive_whole() -> None:
    script = "print([len(part) for part in spread(lambda a, b: b'x' * 300_000, 3, 2)])"
    assert said(script) == "[300000, 300000, 300000]\n"


def test_first_error_is_raised_whoever_is_quick() -> None:
    script = """
def work(start, stop):
    if start == 3:
        time.sleep(0.2)
        raise RecordingError("third \\udc80")
    if start >= 4:
        raise RecordingError("later")
    return b""

try:
    spread(work, 100, 4)
except RecordingError as error:
    print(ascii(str(error)), children())
"""
    assert said(script) == r"'third \udc80' []" + "\n"


@pytest.mark.parametrize(
    ("end", "how"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", "was ended by signal 9"),
        ("os._exit(0)", "parts of the work"),
        ("os._exit(3)", "ended with exit code 3"),
        ("sys.exit(0)", "ended with exit code 1"),
        ("raise ZeroDivisionError", "ended with exit code 1"),
    ],
)
def test_worker_that_does_not_finish_is_an_error_not_a_shorter_answer(end: str, how: str) -> None:
    script = f"""
def work(start, stop):
    if start == 7:
        {end}
    return b"x"

sys.stderr = open(os.devnull, "w")
try:
    print(spread(work, 20, 2))
except RecordingError as error:
    print(error, children())
"""
    answer = said(script)
    assert how in answer
    assert answer.endswith(" []\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_ends_the_workers_too(number: signal.Signals, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    script = f"""
def work(start, stop):
    os.write(ready, str(os.getpid()).encode() + b" ")
    time.sleep(3600)

ready = os.open({str(fifo)!r}, os.O_WRONLY)
try:
    spread(work, 2, 2)
except KeyboardInterrupt:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGINT)
"""
    process = python(script)
    with fifo.open("rb") as ready:
        pids: list[int] = []
        while len(pids) < 2:
            pids += map(int, ready.read1().split())
        process.send_signal(number)
        assert process.wait(timeout=60) == -number
        process.communicate()
        assert ready.read() == b""  # nobody has its other end any more
    assert not [pid for pid in pids if os.path.exists(f"/proc/{pid}")]


def test_handler_that_the_program_has_stays() -> None:
    script = """
signal.signal(signal.SIGTERM, lambda *_: print("mine"))
spread(same, 10, 2)
os.kill(os.getpid(), signal.SIGTERM)
print(signal.getsignal(signal.SIGHUP) is signal.SIG_DFL)
"""
    assert said(script) == "mine\nTrue\n"


def test_ends_of_workers_that_the_system_does_not_keep_are_no_error() -> None:
    script = """
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
print(b"".join(spread(same, 2000, 2)) == same(0, 2000))

def work(start, stop):
    if start == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    return b"x"

try:
    spread(work, 20, 2)
except RecordingError as error:
    print(error)
"""
    assert said(script) == "True\nexpected 20 parts of the work to be done, got 19; record again\n"


def test_process_with_threads_does_not_fork() -> None:
    script = """
import threading
before = how_many()
stop = threading.Event()
threading.Thread(target=stop.wait).start()
print(before == min(len(os.sched_getaffinity(0)), 8), how_many())
stop.set()
"""
    assert said(script) == "True 1\n"


def test_system_without_fork_that_is_sound_works_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert workers.how_many() == 1


def pipe_with(*numbers: int) -> int:
    queue, end = os.pipe()
    os.write(end, b"".join(number.to_bytes(4) for number in numbers))
    os.close(end)
    return queue


def test_worker_that_fails_leaves_nothing_for_others() -> None:
    def work(index: int) -> bytes:
        if index == 1:
            raise RecordingError("no")
        return b"yes"

    queue = pipe_with(0, 1, 2, 3)
    answers, out = os.pipe()
    serve(work, queue, out)
    os.close(out)
    assert os.read(answers, 100) == (
        b"\0\0\0\0" + b"\0" + b"\0\0\0\x03" + b"yes" + b"\0\0\0\x01" + b"\1" + b"\0\0\0\x02" + b"no"
    )
    assert os.read(queue, 1) == b""
    os.close(answers)
    os.close(queue)


def test_many_files_read_by_several_processes_have_the_digests_that_one_finds(tmp_path: Path) -> None:
    for number in range(600):
        (tmp_path / f"f{number}").write_bytes(bytes([number % 256]) * number)
    script = f"""
os.chdir({str(tmp_path)!r})
from custody.artifacts import digest
from custody.artifacts.recording import Recording, record

assert digest.MANY_FILES <= 600
for how in (Recording(), Recording(hash_algorithms=("sha512", "sha256"), modes=True)):
    many = record(["."], how).artifacts
    limit, digest.MANY_FILES = digest.MANY_FILES, 10_000
    print(len(many), record(["."], how).artifacts == many)
    digest.MANY_FILES = limit
    print(list(many["f1"]))
"""
    assert said(script) == "600 True\n['sha256']\n600 True\n['sha512', 'sha256', 'mode']\n"


def test_file_that_one_of_several_processes_cannot_read_is_an_error(tmp_path: Path) -> None:
    script = f"""
os.chdir({str(tmp_path)!r})
from custody.artifacts.digest import digest_files
from custody.artifacts.recording import Recording

for number in range(600):
    open(f"f{{number}}", "w").close()
jobs = [(f"f{{number}}", f"f{{number}}") for number in range(600)]
print(len(digest_files(jobs, Recording())))
os.unlink("f300")
try:
    digest_files(jobs, Recording())
except RecordingError as error:
    print(error)
"""
    assert said(script) == "600\ncannot read 'f300': No such file or directory\n"
