"""`custody` itself: finding commands, errors as sentences, exit codes, what is printed where."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from argparse import Action, ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path

import pytest

import custody
from custody.cli import keygen
from custody.cli.main import COMMANDS, build_parser, main
from custody.errors import UsageError

Output = pytest.CaptureFixture[str]


def custody_process(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "custody", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_the_version_is_the_package_s(flag: str, capsys: Output) -> None:
    assert main([flag]) == 0
    assert capsys.readouterr().out == f"custody {custody.__version__}\n"


def test_help_lists_every_command(capsys: Output) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["--help"])
    assert exit_.value.code == 0
    output = capsys.readouterr().out
    assert all(command in output for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_teaches_with_an_example(command: str, capsys: Output) -> None:
    with pytest.raises(SystemExit) as exit_:
        main([command, "--help"])
    assert exit_.value.code == 0
    output = capsys.readouterr().out
    assert "Examples:" in output
    assert f"custody {command}" in output.partition("Examples:")[2]


@pytest.mark.parametrize("arguments", [[], ["no-such-command"], ["verify"], ["run", "--no-such-option"]])
def test_wrong_usage_ends_with_2(arguments: list[str], capsys: Output) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    assert "usage: custody" in capsys.readouterr().err


def _failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> int:
    def execute(_: Namespace) -> int:
        raise error

    monkeypatch.setattr(keygen, "configure", lambda parser: parser.set_defaults(execute=execute))
    return main(["keygen"])


ENDINGS = {
    "wrong use": (UsageError("no such thing"), 2, "custody keygen: no such thing"),
    "interrupted": (KeyboardInterrupt(), 130, "custody keygen: interrupted"),
    "full disk": (OSError(28, "No space left on device", "x.link"), 2, "No space left on device 'x.link'"),
    "out of memory": (MemoryError(), 2, "custody keygen: out of memory"),
    "defect": (ZeroDivisionError("division by zero"), 2, "a defect in custody: ZeroDivisionError"),
    "escape codes": (UsageError("\x1b[31mred"), 2, "\\x1b[31mred"),
}


@pytest.mark.parametrize("name", ENDINGS)
def test_no_error_ends_in_a_traceback(name: str, monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    error, code, sentence = ENDINGS[name]
    assert _failing(monkeypatch, error) == code
    printed = capsys.readouterr()
    assert sentence in printed.err
    assert printed.out == ""


def test_a_defect_shows_its_traceback_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUSTODY_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        _failing(monkeypatch, ZeroDivisionError())


def test_a_reader_who_went_away_is_no_traceback() -> None:
    command = f"{sys.executable} -m custody completion bash | head -n 1"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stderr == ""


@pytest.mark.parametrize("arguments", ["--version", "doctor", "completion bash"])
def test_a_full_disk_behind_stdout_is_a_sentence(arguments: str) -> None:
    command = f"{sys.executable} -m custody {arguments} > /dev/full"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "No space left on device" in done.stderr


def test_closed_streams_change_nothing() -> None:
    for command, code in (("doctor >&-", 0), ("verify -l / --verification-keys / 2>&-", 2), ("doctor 2>&- >&-", 0)):
        done = subprocess.run(["sh", "-c", f"{sys.executable} -m custody {command}"], capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (code, b"")


def test_an_unwritable_stderr_leaves_the_exit_code_as_it_is() -> None:
    command = f"{sys.executable} -m custody verify -l / --verification-keys / 2> /dev/full"
    assert subprocess.run(["sh", "-c", command], check=False).returncode == 2


def test_the_completion_script_is_one_that_the_shell_accepts(tmp_path: Path, capsys: Output) -> None:
    assert main(["completion", "bash"]) == 0
    script = tmp_path / "custody.bash"
    script.write_text(capsys.readouterr().out)
    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0
    complete = f'source {script}; COMP_WORDS=(custody ver); COMP_CWORD=1; _shtab_custody; echo "${{COMPREPLY[@]}}"'
    done = subprocess.run(["bash", "-c", complete], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["verify", "verify-attestation"]


def test_without_the_extra_completion_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert main(["completion", "bash"]) == 2
    assert "pip install 'custody[completion]'" in capsys.readouterr().err


def test_every_option_that_takes_a_list_takes_it_at_once_and_repeated() -> None:
    lists = [action for action in _actions(build_parser()) if action.option_strings and action.nargs in {"+", "*"}]
    assert len(lists) > 20
    for action in lists:
        assert type(action).__name__ == "_ExtendAction", action.option_strings
        assert action.default in ([], None), action.option_strings


def _actions(parser: ArgumentParser) -> Iterator[Action]:
    for action in parser._actions:
        if isinstance(action.choices, dict):
            for inner in action.choices.values():
                yield from _actions(inner)
        else:
            yield action


@pytest.mark.parametrize("shell", ["fish", "tcsh", "zsh"])
def test_every_shell_s_script_names_every_command(shell: str, capsys: Output) -> None:
    assert main(["completion", shell]) == 0
    output = capsys.readouterr().out
    assert all(command in output for command in COMMANDS)


def test_colour_is_for_terminals_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["verify", "-l", "missing", "--verification-keys", "missing.pub"]) == 2
    assert "\x1b" not in capsys.readouterr().err
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    main(["verify", "-l", "missing", "--verification-keys", "missing.pub"])
    assert "\x1b[31mcustody verify:\x1b[0m" in capsys.readouterr().err
    monkeypatch.setenv("NO_COLOR", "1")
    main(["verify", "-l", "missing", "--verification-keys", "missing.pub"])
    assert "\x1b" not in capsys.readouterr().err


def test_the_doctor_finds_what_is_there(capsys: Output) -> None:
    assert main(["doctor"]) == 0
    output = capsys.readouterr().out
    assert "python" in output
    assert "cryptography" in output
    assert main(["doctor", "--format", "json"]) == 0
    states = {entry["name"]: entry["state"] for entry in json.loads(capsys.readouterr().out)}
    assert states["cryptography"] == "ok"


def test_the_doctor_says_what_is_wrong_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    monkeypatch.setenv("PKCS11_MODULE", str(tmp_path / "none.so"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("time.time", lambda: 1000.0)
    assert main(["doctor"]) == 1
    output = capsys.readouterr().out
    assert "problem  pkcs11" in output
    assert "absent   git" in output
    assert "problem  clock" in output
    assert "1970-01-01T00:16:40Z" in output


def test_the_doctor_finds_two_distributions_of_one_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    for name in ("in_toto-3.1.0", "custody_in_toto-0.1.0"):
        info = tmp_path / f"{name}.dist-info"
        info.mkdir()
        distribution, _, version = name.replace("_", "-").rpartition("-")
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert main(["doctor"]) == 1
    assert "both in-toto 3.1.0 and custody-in-toto 0.1.0" in capsys.readouterr().out


def test_the_module_is_the_command() -> None:
    done = custody_process("--version")
    assert (done.returncode, done.stdout) == (0, f"custody {custody.__version__}\n")
    assert custody_process("verify", "-l", "/", "--verification-keys", "/").returncode == 2


def test_interruption_before_the_command_began_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(_given: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("custody.cli.main._parse", interrupt)
    assert main(["run"]) == 130
    assert capsys.readouterr().err == "custody: interrupted\n"
