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
from custody.artifacts.workers import Crew, how_many
from custody.errors import RecordingError

def children():
    return open(f"/proc/self/task/{os.getpid()}/children").read().split()

def same(item):
    return int(item).to_bytes(4)

def done(work, items, workers=2, packet=50):
    found = {}
    def take(items, content):
        size = len(content) // len(items)
        found.update((item, content[at * size : (at + 1) * size]) for at, item in enumerate(items))
    with Crew(work, take, workers) as crew:
        for at in range(0, len(items), packet):
            crew.give(items[at : at + packet])
        crew.finish()
    return found

def numbers(count):
    return [f"{number:05}" for number in range(count)]

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


@pytest.mark.parametrize("packet", [1, 7, 1000])
@pytest.mark.parametrize("count", [0, 1, 511, 5000])
def test_every_item_is_done_once(count: int, packet: int) -> None:
    script = f"print(done(same, numbers({count}), 3, {packet}) == {{i: same(i) for i in numbers({count})}}, children())"
    assert said(script) == "True []\n"


def test_answers_larger_than_a_pipe_arrive_whole() -> None:
    script = "print([len(part) for part in done(lambda item: b'x' * 300_000, numbers(3)).values()])"
    assert said(script) == "[300000, 300000, 300000]\n"


def test_more_than_the_pipe_has_room_for_is_given_without_waiting() -> None:
    script = """
items = [f"{number:01000}" for number in range(5000)]
print(done(lambda item: item[-4:].encode(), items) == {item: item[-4:].encode() for item in items})
"""
    assert said(script) == "True\n"


def test_item_too_long_for_a_packet_is_done_too() -> None:
    script = r"""
items = ["1", "2" * 5000, "3", "é" * 3000, "\udc80"]
print(done(lambda item: os.fsencode(item)[:1], items) == {item: os.fsencode(item)[:1] for item in items})

def work(item):
    raise RecordingError(f"not {len(item)}")

try:
    done(work, ["5" * 5000])
except RecordingError as error:
    print(error, children())
"""
    assert said(script) == "True\nnot 5000 []\n"


def test_what_takes_long_is_shared() -> None:
    script = """
def work(item):
    time.sleep(0.02)
    return os.getpid().to_bytes(4)

print(len(set(done(work, numbers(12)).values())))
"""
    assert said(script) == "2\n"


def test_first_error_is_raised_whoever_is_quick() -> None:
    script = r"""
def work(item):
    if item == "00003":
        time.sleep(0.2)
        raise RecordingError("third \udc80")
    if item > "00003":
        raise RecordingError("later")
    return b"x"

try:
    done(work, numbers(100)[::-1], 4, 5)
except RecordingError as error:
    print(ascii(str(error)), children())
"""
    assert said(script) == r"'third \udc80' []" + "\n"


@pytest.mark.parametrize(
    ("end", "how"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", "was ended by signal 9"),
        ("os._exit(0)", "ended with exit code 0"),
        ("os._exit(3)", "ended with exit code 3"),
        ("sys.exit(0)", "ended with exit code 1"),
        ("raise ZeroDivisionError", "ended with exit code 1"),
    ],
)
def test_worker_that_does_not_finish_is_an_error_not_a_shorter_answer(end: str, how: str) -> None:
    script = f"""
def work(item):
    if item == "00007":
        {end}
    return b"x"

sys.stderr = open(os.devnull, "w")
try:
    print(done(work, numbers(20), packet=3))
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
def work(item):
    os.write(ready, str(os.getpid()).encode() + b" ")
    time.sleep(3600)

ready = os.open({str(fifo)!r}, os.O_WRONLY)
try:
    done(work, numbers(2), packet=1)
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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_second_signal_changes_nothing(number: signal.Signals) -> None:
    script = f"""
import fcntl
numbers_of = {{}}

class Loud(Crew):
    def __exit__(self, *error):
        os.kill(os.getpid(), {int(number)})  # while the first is on its way
        numbers_of.update(left=len(children()))
        super().__exit__(*error)
        print("dismissed", children(), flush=True)

try:
    with Loud(lambda item: time.sleep(3600), lambda *_: None, 2) as crew:
        crew.give(numbers(2))
        os.kill(os.getpid(), {int(number)})
        time.sleep(3600)
except KeyboardInterrupt:
    print("interrupted", numbers_of, signal.getsignal(signal.SIGINT) is signal.default_int_handler)
"""
    process = python(script)
    out, err = process.communicate(timeout=60)
    if number == signal.SIGINT:
        assert (out, err) == ("dismissed []\ninterrupted {'left': 2} True\n", "")
    else:
        assert (process.returncode, out, err) == (-number, "", "")


def test_workers_end_when_whoever_started_them_is_killed(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    script = f"""
held = os.open({str(tmp_path / "fifo")!r}, os.O_WRONLY)
with Crew(lambda item: b"x" * 100_000, lambda *_: None, 2) as crew:
    crew.give(numbers(100))
    os.kill(os.getpid(), signal.SIGKILL)
"""
    process = python(script)
    with (tmp_path / "fifo").open("rb") as fifo:
        assert process.wait(timeout=60) == -signal.SIGKILL
        process.communicate()
        assert fifo.read() == b""  # the last that had its other end has ended


def test_files_are_read_by_one_where_no_more_processes_may_start(tmp_path: Path) -> None:
    for number in range(600):
        (tmp_path / f"f{number}").write_text(str(number))
    script = f"""
from custody.artifacts.recording import record

def refuse():
    raise BlockingIOError(11, "Resource temporarily unavailable")

os.chdir({str(tmp_path)!r})
many = record(["."]).artifacts
before = os.listdir("/proc/self/fd")
os.fork = refuse
print(record(["."]).artifacts == many, os.listdir("/proc/self/fd") == before, len(many))
"""
    assert said(script) == "True True 600\n"


def test_handler_that_the_program_has_stays() -> None:
    script = """
signal.signal(signal.SIGTERM, lambda *_: print("mine"))
done(same, numbers(10))
os.kill(os.getpid(), signal.SIGTERM)
print(signal.getsignal(signal.SIGHUP) is signal.SIG_DFL)
"""
    assert said(script) == "mine\nTrue\n"


def test_ends_of_workers_that_the_system_does_not_keep_are_no_error() -> None:
    script = """
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
print(done(same, numbers(2000)) == {item: same(item) for item in numbers(2000)})

def work(item):
    if item == "00007":
        os.kill(os.getpid(), signal.SIGKILL)
    return b"x"

try:
    done(work, numbers(20))
except RecordingError as error:
    print(error)
"""
    assert said(script) == (
        "True\none of the processes that read files ended with exit code 0 before its work was done; record again\n"
    )


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


def test_worker_hands_back_what_follows_an_error() -> None:
    def work(item: str) -> bytes:
        if item == "no":
            raise RecordingError("why")
        return item.encode()

    queue, end = os.pipe2(os.O_DIRECT)
    for number, packet in enumerate([b"yes\0and\0no\0late", b"no\0late", b"late"]):
        os.write(end, number.to_bytes(4) + packet)
    os.close(end)
    answers, out = os.pipe()
    serve(work, queue, out)
    os.close(out)
    assert os.read(answers, 100) == (
        b"\0\0\0\0" + b"\0" + b"\0\0\0\x02" + b"\0\0\0\x06" + b"yesand"
        b"\0\0\0\x01" + b"\1" + b"\0\0\0\x01" + b"\0\0\0\x03" + b"why"
        b"\0\0\0\x02" + b"\0" + b"\0\0\0\x01" + b"\0\0\0\x04" + b"late"
    )
    os.close(answers)
    os.close(queue)


def test_many_files_read_by_several_processes_have_the_digests_that_one_finds(tmp_path: Path) -> None:
    for number in range(600):
        (tmp_path / f"f{number}").write_bytes(bytes([number % 256]) * number)
    script = f"""
os.chdir({str(tmp_path)!r})
from custody.artifacts import reading
from custody.artifacts.recording import Recording, record
from custody.artifacts.resolvers import file

assert reading.MANY_FILES <= 600
for how in (Recording(), Recording(hash_algorithms=("sha512", "sha256"), modes=True)):
    many = record(["."], how).artifacts
    limit, reading.MANY_FILES, file.MANY_FILES = reading.MANY_FILES, 10_000, 10_000
    print(len(many), record(["."], how).artifacts == many)
    reading.MANY_FILES = file.MANY_FILES = limit
    print(sorted(many["f1"]))
"""
    assert said(script) == "600 True\n['sha256']\n600 True\n['mode', 'sha256', 'sha512']\n"


def test_nothing_of_a_recording_waits_for_a_search_for_cycles(tmp_path: Path) -> None:
    for number in range(600):
        (tmp_path / f"f{number}").touch()
    script = f"""
import gc
os.chdir({str(tmp_path)!r})
from custody.artifacts.reading import Reader
from custody.artifacts.recording import record

def readers():
    return sum(isinstance(each, Reader | Crew) for each in gc.get_objects())

gc.disable()
print(len(record(["."]).artifacts), readers())
reader = Reader(None, lambda path: b"")
print(readers())
"""
    assert said(script) == "600 0\n1\n"


def test_file_that_one_of_several_processes_cannot_read_is_an_error(tmp_path: Path) -> None:
    script = f"""
os.chdir({str(tmp_path)!r})
from custody.artifacts.reading import Reader
from custody.artifacts.recording import Recording

def read(paths):
    with Reader(Recording()) as reader:
        reader.add(paths)
        return reader.records()

paths = [f"f{{number}}" for number in range(600)]
for path in paths:
    open(path, "w").close()
print(len(read(paths)))
os.unlink("f300")
os.unlink("f500")
try:
    read(paths)
except RecordingError as error:
    print(error)
"""
    assert said(script) == "600\ncannot read 'f300': No such file or directory\n"
