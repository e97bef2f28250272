from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from hashlib import sha256, sha512
from typing import TYPE_CHECKING, Any

import pytest

from custody.cli.main import main
from custody.signing.keypair import generate, write_pair

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "keys").mkdir()
    (tmp_path / "work" / "src").mkdir(parents=True)
    write_pair(str(tmp_path / "keys" / "alice"), generate())
    monkeypatch.chdir(tmp_path / "work")
    (tmp_path / "work" / "src" / "a").write_text("one")
    return tmp_path / "work"


def custody_run(*arguments: str, name: str = "step") -> int:
    return main(["run", "-n", name, "--signing-key", "../keys/alice", *arguments])


def links(here: Path) -> list[Path]:
    return sorted(here.rglob("*.link"))


def signed(here: Path) -> dict[str, Any]:
    """Return what the only link says."""
    (path,) = links(here)
    content: dict[str, Any] = json.loads(path.read_text())["signed"]
    return content


def materials(here: Path, *arguments: str) -> dict[str, dict[str, str]]:
    """Return the materials that a run with `arguments` records."""
    assert custody_run("-x", *arguments) == 0
    recorded: dict[str, dict[str, str]] = signed(here)["materials"]
    return recorded


def test_link_is_written_silently(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code = custody_run("-m", "src", "-p", "src", "--", "sh", "-c", "printf two > src/b; echo shown")
    assert (code, capfd.readouterr()) == (0, ("shown\n", ""))
    content = signed(here)
    assert set(content["materials"]) == {"src/a"}
    assert set(content["products"]) == {"src/a", "src/b"}
    assert content["byproducts"] == {"stdout": "", "stderr": "", "return-value": 0}


@pytest.mark.parametrize(
    ("script", "code", "words"),
    [
        ("exit 3", 3, "failed with exit code 3"),
        ("exit 1", 1, "failed with exit code 1"),
        ("kill -KILL $$", 137, "was ended by signal 9"),
    ],
)
def test_commands_own_exit_code_is_passed_on_without_a_link(
    here: Path, capsys: pytest.CaptureFixture[str], script: str, code: int, words: str
) -> None:
    assert custody_run("-p", "missing", "--", "sh", "-c", script) == code
    assert capsys.readouterr().err == (
        f"custody run: the command {words}; no link was written (--record-failure writes one)\n"
    )
    assert links(here) == []


def test_record_failure_writes_the_link_and_passes_on_the_code(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert custody_run("--record-failure", "-p", "missing", "--", "sh", "-c", "exit 3") == 3
    assert signed(here)["byproducts"]["return-value"] == 3
    err = capsys.readouterr().err
    assert "missing" in err
    assert "failed with exit code 3; its link says so" in err


def test_time_out_ends_with_124(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert custody_run("--run-timeout", "0.2", "--", "sleep", "1000") == 124
    assert "was ended because its time was over" in capsys.readouterr().err
    assert links(here) == []
    assert custody_run("--run-timeout", "60", "--", "true") == 0


def test_signal_to_custody_reaches_the_command(here: Path) -> None:
    script = 'sleep 1000 & trap "echo caught > note; kill $!; exit 5" TERM; echo ready; wait'
    program = "import sys; from custody.cli.main import main; sys.exit(main())"
    process = subprocess.Popen(
        [sys.executable, "-c", program, "run", "-n", "x", "-k", "../keys/alice", "--", "sh", "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        start_new_session=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 5
    assert (here / "note").read_text() == "caught\n"
    assert links(here) == []


def test_record_streams_puts_them_into_the_link(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert custody_run("-s", "--", "sh", "-c", "echo out; echo err >&2") == 0
    assert signed(here)["byproducts"] == {"stdout": "out\n", "stderr": "err\n", "return-value": 0}
    assert capfd.readouterr() == ("out\n", "err\n")


def test_stream_limit_cuts_what_is_kept(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert custody_run("-s", "--stream-limit", "3", "--", "printf", "12345") == 0
    assert signed(here)["byproducts"]["stdout"] == "123\n[custody kept no more: 2 bytes cut]\n"
    assert capfd.readouterr().out == "12345"


def test_no_command_only_records(here: Path) -> None:
    assert custody_run("--no-command", "-p", "src") == 0
    content = signed(here)
    assert (content["command"], content["byproducts"], list(content["products"])) == ([], {}, ["src/a"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "there is no command to run; put it after `--`"),
        (["--"], "there is no command to run"),
        (["-x", "--", "touch", "ran"], "--no-command runs nothing, but there is a command: 'touch'"),
        (["touch", "ran"], "expected `--` before the command, got 'touch'"),
        (["--run-timeout", "0", "--", "touch", "ran"], "time-out: expected more than 0 seconds"),
        (["--stream-limit", "-1", "--", "touch", "ran"], "stream limit: expected 0 or more"),
        (["--hash", "md5", "--", "touch", "ran"], "md5"),
        (["--environment", "x", "--", "touch", "ran"], "--environment: expected NAME=VALUE, got 'x'"),
        (["--environment", "x=1", "x=2", "--", "touch", "ran"], "--environment: 'x' is given twice"),
        (["--environment", "startedOn=1", "--", "touch", "ran"], "'startedOn' is recorded by custody itself"),
        (["-d", "gone", "--", "touch", "ran"], "cannot write links into 'gone'"),
        (["--run-dir", "gone", "--", "touch", "ran"], "cannot run in 'gone'"),
        (["--base-path", "gone", "--", "touch", "ran"], "gone"),
        (["-m", "gone", "--", "touch", "ran"], "gone"),
        (["--", "no-such-program-anywhere"], "no such program on the PATH"),
    ],
)
def test_what_cannot_be_done_is_a_sentence_and_2_and_nothing_is_run(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert custody_run(*arguments) == 2
    err = capsys.readouterr().err
    assert err.startswith("custody run: ")
    assert words in err
    assert err.count("\n") == 1
    assert {path.name for path in here.iterdir()} == {"src"}


def test_bad_name_is_refused_before_the_command_runs(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert custody_run("--", "touch", "ran", name="../x") == 2
    assert "step name: expected a plain name, got '../x'" in capsys.readouterr().err
    assert not (here / "ran").exists()


def test_missing_product_is_2_without_a_link(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert custody_run("-p", "gone", "--", "true") == 2
    assert "gone" in capsys.readouterr().err
    assert links(here) == []


def test_command_gets_everything_after_the_first_dashes(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert custody_run("-m", "src", "--", "printf", "%s|", "-v", "--", "-x", "--help") == 0
    assert capfd.readouterr().out == "-v|--|-x|--help|"
    assert signed(here)["command"] == ["printf", "%s|", "-v", "--", "-x", "--help"]


def test_run_dir_is_where_the_command_runs_and_not_where_paths_start(here: Path) -> None:
    assert custody_run("--run-dir", "src", "-p", "src", "--", "touch", "b") == 0
    assert set(signed(here)["products"]) == {"src/a", "src/b"}


def test_metadata_directory_gets_the_link(here: Path) -> None:
    (here / "links").mkdir()
    assert custody_run("-x", "-d", "links") == 0
    assert [path.parent.name for path in links(here)] == ["links"]


def test_use_dsse_writes_dsse(here: Path) -> None:
    assert custody_run("-x", "--use-dsse") == 0
    (path,) = links(here)
    assert json.loads(path.read_text())["payloadType"] == "application/vnd.in-toto+json"


def test_environment_is_added_to_the_link(here: Path) -> None:
    assert custody_run("-x", "--environment", "a=1", "b=x=y", "--environment", "c=") == 0
    environment = signed(here)["environment"]
    assert {"startedOn", "finishedOn"} < set(environment)
    assert {name: environment[name] for name in "abc"} == {"a": "1", "b": "x=y", "c": ""}


def test_variable_with_the_passphrase_does_not_reach_the_command(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_pair("../keys/bob", generate(), passphrase=b"secret")
    monkeypatch.setenv("BOBS", "secret")
    arguments = ["-n", "x", "-k", "../keys/bob", "--password-env", "BOBS", "-s", "--"]
    assert main(["run", *arguments, "sh", "-c", "echo ${BOBS:-none}"]) == 0
    assert signed(here)["byproducts"]["stdout"] == "none\n"


def test_verbose_says_what_was_recorded(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert custody_run("-x", "-v", "-m", "src") == 0
    assert capsys.readouterr().err == f"materials: 1\n  src/a\nproducts: 0\nwrote {links(here)[0].name}\n"


@pytest.mark.parametrize("quiet", [False, True])
def test_quiet_prints_no_warnings(here: Path, capsys: pytest.CaptureFixture[str], quiet: bool) -> None:
    (here / "empty").mkdir()
    assert custody_run("-x", "-m", "empty", *(["-q"] if quiet else [])) == 0
    err = capsys.readouterr().err
    assert ("empty" in err and err.startswith("warning: ")) == (not quiet)
    assert err == "" or not quiet


def test_quiet_still_says_why_there_is_no_link(capsys: pytest.CaptureFixture[str]) -> None:
    assert custody_run("-q", "--", "false") == 1
    assert "no link was written" in capsys.readouterr().err


def test_usual_patterns_are_left_out_unless_others_are_given_or_none(here: Path) -> None:
    for name in ("m.pyc", "x.link.old", "b~", "c.o"):
        (here / "src" / name).write_text("")
    assert set(materials(here, "-m", "src")) == {"src/a", "src/c.o"}
    assert set(materials(here, "-m", "src", "--exclude", "*.o", "--exclude", "a")) == {
        "src/m.pyc",
        "src/x.link.old",
        "src/b~",
    }
    assert len(materials(here, "-m", "src", "--no-exclude")) == 5


def test_exclude_and_no_exclude_contradict_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        custody_run("-x", "--exclude", "a", "--no-exclude")
    assert "not allowed with" in capsys.readouterr().err


def test_base_path_is_where_recorded_paths_start(here: Path) -> None:
    assert set(materials(here, "-m", ".", "--base-path", "src")) == {"a"}


def test_lstrip_paths_are_cut_from_names(here: Path) -> None:
    assert set(materials(here, "-m", "src", "--lstrip-paths", "src/")) == {"a"}


def test_hash_algorithms_can_be_several(here: Path) -> None:
    digests = {"sha256": sha256(b"one").hexdigest()}
    assert materials(here, "-m", "src") == {"src/a": digests}
    digests["sha512"] = sha512(b"one").hexdigest()
    assert materials(here, "-m", "src", "--hash", "sha256", "--hash", "sha512") == {"src/a": digests}


def test_modes_are_recorded_on_request(here: Path) -> None:
    (here / "src" / "a").chmod(0o750)
    assert "mode" not in materials(here, "-m", "src")["src/a"]
    assert materials(here, "-m", "src", "--modes")["src/a"]["mode"] == "0750"


def test_line_endings_are_normalised_on_request(here: Path) -> None:
    (here / "src" / "a").write_bytes(b"x\r\ny\r")
    assert materials(here, "-m", "src")["src/a"]["sha256"] == sha256(b"x\r\ny\r").hexdigest()
    normal = materials(here, "-m", "src", "--normalize-line-endings")
    assert normal["src/a"]["sha256"] == sha256(b"x\ny\n").hexdigest()


def test_linked_directories_are_followed_unless_that_is_switched_off(here: Path) -> None:
    (here / "src" / "d").mkdir()
    (here / "src" / "d" / "f").write_text("f")
    (here / "src" / "to").symlink_to("d")
    assert "src/to/f" in materials(here, "-m", "src")
    assert "src/to/f" not in materials(here, "-m", "src", "--no-follow-symlinks")


def test_optional_paths_may_be_missing(here: Path) -> None:
    assert custody_run("-x", "-m", "src", "gone") == 2
    assert set(materials(here, "-m", "src", "gone", "--optional", "gone")) == {"src/a"}


def test_list_options_take_several_values_and_add_up(here: Path) -> None:
    for name in ("b", "c"):
        (here / name).write_text(name)
    assert set(materials(here, "-m", "src", "b", "-m", "c")) == {"src/a", "b", "c"}


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["run", "--help"])
    out = capsys.readouterr().out
    assert "Examples:\n  custody run -n build" in out
    assert "instead of the usual *.link* .git *.pyc *~" in " ".join(out.split())
