from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import termios
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custody.errors import ExecutionError, UsageError
from custody.workflows import processes
from custody.workflows.execute import execute
from custody.workflows.execution import Execution
from custody.workflows.streams import kept_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECONDS = 30
"""Far more than any of these processes needs; only a defect waits for it."""

# Runs a command as custody does, in a process of its own: `driver TIMEOUT RECORD COMMAND...`
DRIVER = """
import os, signal, sys
if os.environ.get("ON_TERMINAL"):
    import fcntl, termios
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
if os.environ.get("IGNORE"):
    signal.signal(int(os.environ["IGNORE"]), signal.SIG_IGN)
from custody.workflows import processes
from custody.workflows.execute import execute
from custody.workflows.execution import Execution
ended = execute(sys.argv[3:], Execution(timeout=float(sys.argv[1]) or None, record_streams=sys.argv[2] == "yes"))
foreground = os.isatty(0) and os.tcgetpgrp(0) == os.getpgrp()
print("ended", ended.return_value, ended.timed_out, foreground, *ended.warnings, file=sys.stderr)
"""

WAITS = 'echo ready; sleep 1000 & trap "echo $1; kill $!; exit 5" $1; echo waiting; wait'
"""For `sh -c`: says when it waits, and ends with 5 on the signal that is its first argument."""


def start_driver(
    *command: str,
    timeout: float = 0,
    record: str = "no",
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.PIPE,
    **environment: str,
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(timeout), record, *command],
        stdin=stdin,
        stdout=stdout,
        stderr=subprocess.PIPE,
        bufsize=0,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        start_new_session=True,
    )


def line_of(driver: subprocess.Popen[bytes]) -> bytes:
    assert driver.stdout is not None
    return driver.stdout.readline()


def end_of(driver: subprocess.Popen[bytes]) -> str:
    _, stderr = driver.communicate(timeout=SECONDS)
    return stderr.decode().splitlines()[-1]


@pytest.mark.parametrize("code", [0, 1, 3, 255])
def test_exit_code_is_returned(code: int) -> None:
    completed = execute(["sh", "-c", f"exit {code}"])
    assert (completed.return_value, completed.exit_code) == (code, code)
    assert completed.failed == (code != 0)


def test_death_by_signal_is_a_negative_value_and_128_more_for_shells() -> None:
    completed = execute(["sh", "-c", "kill -KILL $$"])
    assert (completed.return_value, completed.exit_code, completed.failed) == (-9, 137, True)


def test_times_are_aware_and_around_the_command() -> None:
    before = datetime.now(UTC)
    completed = execute(["true"])
    assert before <= completed.started <= completed.finished <= datetime.now(UTC)
    assert completed.started.utcoffset() == timedelta(0)


def test_arguments_reach_the_command_without_a_shell(capfd: pytest.CaptureFixture[str]) -> None:
    execute(["printf", "%s|", "$HOME", "a b", "*", ""])
    assert capfd.readouterr().out == "$HOME|a b|*||"


def test_streams_are_not_kept_unless_asked(capfd: pytest.CaptureFixture[str]) -> None:
    completed = execute(["sh", "-c", "echo out; echo err >&2"])
    assert (completed.stdout, completed.stderr) == ("", "")
    assert capfd.readouterr() == ("out\n", "err\n")


def test_recorded_streams_are_shown_and_kept(capfd: pytest.CaptureFixture[str]) -> None:
    completed = execute(["sh", "-c", "echo out; echo err >&2"], Execution(record_streams=True))
    assert (completed.stdout, completed.stderr) == ("out\n", "err\n")
    assert capfd.readouterr() == ("out\n", "err\n")


@pytest.mark.parametrize("record", [False, True])
def test_hidden_streams_are_not_shown(capfd: pytest.CaptureFixture[str], record: bool) -> None:
    execution = Execution(record_streams=record, show_streams=False)
    completed = execute(["sh", "-c", "echo out; echo err >&2"], execution)
    assert capfd.readouterr() == ("", "")
    assert completed.stdout == ("out\n" if record else "")


def test_bytes_that_are_not_utf8_are_shown_as_they_are_and_kept_escaped(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    completed = execute(["printf", r"a\377\303\244\000\n"], Execution(record_streams=True))
    assert completed.stdout == "a\\xffä\0\n"
    assert capfdbinary.readouterr().out == b"a\xff\xc3\xa4\0\n"


def test_stream_beyond_the_limit_is_shown_and_not_kept(capfd: pytest.CaptureFixture[str]) -> None:
    execution = Execution(record_streams=True, stream_limit=10)
    completed = execute(["sh", "-c", "printf 0123456789abcde; printf 0123456789 >&2"], execution)
    assert completed.stdout == "0123456789\n[custody kept no more: 5 bytes cut]\n"
    assert completed.stderr == "0123456789"
    assert capfd.readouterr().out == "0123456789abcde"


def test_much_output_on_both_streams_does_not_block(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    script = "head -c 3000000 /dev/zero & head -c 3000000 /dev/zero >&2; wait"
    completed = execute(["sh", "-c", script], Execution(record_streams=True, stream_limit=4_000_000))
    assert len(completed.stdout) == len(completed.stderr) == 3_000_000
    assert [len(stream) for stream in capfdbinary.readouterr()] == [3_000_000, 3_000_000]


@given(st.binary(max_size=40))
def test_uncut_text_is_the_decoded_bytes(data: bytes) -> None:
    assert kept_text(data, 0) == data.decode("utf-8", "backslashreplace")


def test_character_that_the_limit_cuts_in_two_is_counted_as_cut() -> None:
    assert kept_text("aä".encode()[:2], 3) == "a\n[custody kept no more: 4 bytes cut]\n"


@pytest.mark.parametrize("record", ["no", "yes"])
def test_output_is_live(tmp_path: Path, record: str) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    driver = start_driver("sh", "-c", f"echo first; read go < {fifo}; echo second", record=record)
    assert line_of(driver) == b"first\n"
    fifo.write_text("go\n")  # returns once the command reads: it still runs
    assert line_of(driver) == b"second\n"
    assert end_of(driver) == "ended 0 False False"


def test_command_reads_our_stdin() -> None:
    driver = start_driver("cat", stdin=subprocess.PIPE)
    stdout, _ = driver.communicate(b"hello\n", timeout=SECONDS)
    assert stdout == b"hello\n"


@pytest.mark.parametrize("record", ["no", "yes"])
def test_command_learns_that_nobody_reads_its_output(record: str) -> None:
    driver = start_driver("yes", record=record)
    assert line_of(driver) == b"y\n"
    assert driver.stdout is not None
    driver.stdout.close()
    driver.stdout = None
    assert end_of(driver) == f"ended {-signal.SIGPIPE} False False"


def test_output_that_cannot_be_shown_is_a_warning_and_still_kept() -> None:
    with open("/dev/full", "wb") as full:
        driver = start_driver("echo", "hi", record="yes", stdout=full.fileno())
        end = end_of(driver)
    assert end.startswith("ended 0 False False the command's stdout could not be shown: No space left")


def test_stdout_that_takes_only_a_little_at_a_time_gets_everything() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    driver = start_driver("head", "-c", "300000", "/dev/zero", record="yes", stdout=writer)
    os.close(writer)
    with open(reader, "rb") as shown:
        assert len(shown.read()) == 300_000
    assert end_of(driver) == "ended 0 False False"


def test_command_does_not_outlive_a_failure_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []

    def fail(process: subprocess.Popen[bytes], _execution: Execution) -> None:
        started.append(process)
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(processes, "_tees", fail)
    with pytest.raises(OSError, match="Too many"):
        execute(["sleep", "1000"])
    assert started[0].returncode == -signal.SIGKILL


def test_process_left_behind_with_the_streams_is_not_waited_for() -> None:
    completed = execute(["sh", "-c", "sleep 1000 & echo $!"], Execution(record_streams=True))
    os.kill(int(completed.stdout), signal.SIGKILL)


@pytest.mark.parametrize("name", ["TERM", "HUP", "INT", "QUIT"])
def test_signals_are_passed_on_and_the_command_decides(name: str) -> None:
    driver = start_driver("sh", "-c", WAITS, "sh", name)
    assert [line_of(driver), line_of(driver)] == [b"ready\n", b"waiting\n"]
    driver.send_signal(signal.Signals[f"SIG{name}"])
    assert line_of(driver).decode() == f"{name}\n"
    assert end_of(driver) == "ended 5 False False"


def test_signal_reaches_the_commands_children_too(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    driver = start_driver("sh", "-c", f"sleep 1000 > {fifo} & echo ready; wait")
    assert line_of(driver) == b"ready\n"
    driver.terminate()
    assert end_of(driver) == f"ended {-signal.SIGTERM} False False"
    os.set_blocking(reader, True)
    assert os.read(reader, 1) == b""  # comes only when nobody has it open for writing
    os.close(reader)


def test_command_that_is_not_told_to_end_by_a_signal_runs_on() -> None:
    driver = start_driver("sh", "-c", 'trap "" TERM; echo ready; read line; exit 3', stdin=subprocess.PIPE)
    assert line_of(driver) == b"ready\n"
    driver.terminate()
    assert driver.stdin is not None
    driver.stdin.write(b"\n")
    assert end_of(driver) == "ended 3 False False"


@pytest.mark.parametrize(("ignore", "end"), [("0", -signal.SIGHUP), (str(int(signal.SIGHUP)), 0)])
def test_what_custody_ignores_the_command_ignores_too(ignore: str, end: int) -> None:
    driver = start_driver("sh", "-c", "kill -HUP $$", IGNORE=ignore.strip("0"))
    assert end_of(driver) == f"ended {end} False False"


def test_signal_handlers_are_restored() -> None:
    def handlers() -> list[object]:
        return [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)]

    before = handlers()
    execute(["true"])
    with pytest.raises(ExecutionError):
        execute(["./missing"])
    assert handlers() == before


def test_command_runs_from_another_thread() -> None:
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(execute(["sh", "-c", "exit 4"]).return_value))
    thread.start()
    thread.join(SECONDS)
    assert codes == [4]


@pytest.mark.parametrize("trap", ["", 'trap "" TERM;'])
def test_time_out_ends_the_command_and_its_children(tmp_path: Path, trap: str) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    script = f"exec 3>{fifo}; {trap} echo x >&3; sleep 1000 & wait; sleep 1000"
    completed = execute(["sh", "-c", script], Execution(timeout=0.5, grace=0.1))
    assert (completed.timed_out, completed.failed, completed.exit_code) == (True, True, 124)
    assert completed.return_value == -(signal.SIGKILL if trap else signal.SIGTERM)
    assert os.read(reader, 9) == b"x\n"
    assert os.read(reader, 9) == b""  # a process still there would make this a BlockingIOError
    os.close(reader)


def test_grace_is_time_to_clean_up(tmp_path: Path) -> None:
    script = f'trap "echo clean > {tmp_path}/note; exit 0" TERM; sleep 1000 & wait'
    completed = execute(["sh", "-c", script], Execution(timeout=0.5, grace=SECONDS))
    assert (tmp_path / "note").read_text() == "clean\n"
    assert (completed.return_value, completed.failed) == (0, True)
    assert (completed.claimed_value, completed.exit_code) == (124, 124)


def test_command_within_its_time_is_not_ended() -> None:
    completed = execute(["sh", "-c", "exit 3"], Execution(timeout=SECONDS))
    assert (completed.return_value, completed.timed_out) == (3, False)


def test_command_runs_in_the_given_directory(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    here = os.getcwd()
    execute(["pwd"], Execution(directory=str(tmp_path)))
    assert capfd.readouterr().out == f"{tmp_path}\n"
    assert os.getcwd() == here


def test_withheld_variables_do_not_reach_the_command(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PASSPHRASE", "secret")
    execute(["sh", "-c", "echo ${PASSPHRASE:-none}"])
    execute(["sh", "-c", "echo ${PASSPHRASE:-none}"], Execution(withheld=frozenset({"PASSPHRASE"})))
    assert capfd.readouterr().out == "secret\nnone\n"


def _file(path: Path, text: str, mode: int = 0o755) -> str:
    path.write_text(text)
    path.chmod(mode)
    assert stat.S_IMODE(path.stat().st_mode) == mode
    return str(path)


def test_command_that_cannot_be_started_is_an_error_with_the_reason(tmp_path: Path) -> None:
    cases = {
        "no-such-program-anywhere": "no such program on the PATH",
        str(tmp_path / "missing"): "there is no such file",
        str(tmp_path): "it is a directory",
        _file(tmp_path / "plain", "#!/bin/sh\n", 0o644): "it may not be executed; `chmod [+]x` it",
        _file(tmp_path / "bare", "echo hi\n"): "has no #! line",
        _file(tmp_path / "lost", "#!/no/such/shell\n"): "the interpreter that its first line names",
    }
    for command, reason in cases.items():
        with pytest.raises(ExecutionError, match=reason):
            execute([command])


def test_missing_directory_is_an_error_that_names_it() -> None:
    with pytest.raises(ExecutionError, match=r"cannot run in '\./gone': there is no such directory"):
        execute(["true"], Execution(directory="./gone"))


@pytest.mark.parametrize("command", ["make all", [], [""], ["a\0b"], ["a", "\udcff"]])
def test_what_is_no_command_is_refused(command: list[str]) -> None:
    with pytest.raises(UsageError, match="command: expected"):
        execute(command)


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_senseless_times_and_limits_are_refused(seconds: float) -> None:
    with pytest.raises(UsageError, match="time-out: expected more than 0 seconds"):
        Execution(timeout=seconds)
    with pytest.raises(UsageError, match="grace: expected 0 or more seconds"):
        Execution(grace=seconds or -1)
    with pytest.raises(UsageError, match="stream limit: expected 0 or more bytes"):
        Execution(stream_limit=-1)


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """Yield both ends of a terminal that does not echo."""
    leader, follower = os.openpty()
    settings = termios.tcgetattr(follower)
    settings[3] &= ~termios.ECHO
    termios.tcsetattr(follower, termios.TCSANOW, settings)
    yield leader, follower
    os.close(leader)
    os.close(follower)


@pytest.mark.parametrize("timeout", [0, SECONDS])
def test_command_reads_from_the_terminal_with_and_without_a_time_out(terminal: tuple[int, int], timeout: float) -> None:
    leader, follower = terminal
    driver = start_driver(
        "sh", "-c", "read line; echo got $line; exit 4", stdin=follower, timeout=timeout, ON_TERMINAL="1"
    )
    os.write(leader, b"hello\n")
    assert line_of(driver) == b"got hello\n"
    assert end_of(driver) == "ended 4 False True"  # and the terminal is custody's again


@pytest.mark.parametrize("timeout", [0, SECONDS])
def test_control_c_reaches_the_command_once_and_leaves_custody_alive(terminal: tuple[int, int], timeout: float) -> None:
    leader, follower = terminal
    driver = start_driver("sh", "-c", WAITS, "sh", "INT", stdin=follower, timeout=timeout, ON_TERMINAL="1")
    assert [line_of(driver), line_of(driver)] == [b"ready\n", b"waiting\n"]
    os.write(leader, b"\x03")
    assert line_of(driver) == b"INT\n"
    assert line_of(driver) == b""
    assert end_of(driver) == "ended 5 False True"


def test_directory_that_may_not_be_entered_is_named_and_not_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: (path, mode) != (str(tmp_path), os.X_OK))  # root may enter all
    with pytest.raises(ExecutionError, match="the directory may not be entered"):
        execute(["true"], Execution(directory=str(tmp_path)))


@pytest.fixture
def ignored_ends() -> Iterator[None]:
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGCHLD, before)


@pytest.mark.usefixtures("ignored_ends")
@pytest.mark.parametrize("code", [0, 3])
def test_exit_code_is_known_although_whoever_started_us_ignores_the_ends_of_processes(code: int) -> None:
    assert execute(["sh", "-c", f"exit {code}"]).return_value == code
    assert signal.getsignal(signal.SIGCHLD) == signal.SIG_IGN


@pytest.mark.usefixtures("ignored_ends")
def test_thread_that_could_not_know_how_a_command_ends_runs_none(tmp_path: Path) -> None:
    errors: list[ExecutionError] = []

    def run() -> None:
        try:
            execute(["touch", str(tmp_path / "ran")])
        except ExecutionError as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert "ignores SIGCHLD" in str(errors[0])
    assert not (tmp_path / "ran").exists()
