"""What somebody put where custody reads or writes: no code is run, nothing outside is touched, no work is lost."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from custody.cli.main import main
from custody.workflows.keys import read_public_key

Output = pytest.CaptureFixture[str]

SHADOWED = ("argparse", "cryptography", "hashlib", "json", "pathspec", "re", "shlex", "subprocess", "yaml")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "work"
    directory.mkdir()
    monkeypatch.chdir(directory)
    assert main(["keygen", "../alice"]) == 0
    return directory


def link(name: str = "build") -> Path:
    return Path(f"{name}.{read_public_key('../alice.pub').keyid[:8]}.link")


def run(*arguments: str) -> int:
    return main(["run", "-n", "build", "-k", "../alice", *arguments])


@pytest.mark.parametrize("kind", ["directory", "FIFO"])
def test_link_that_could_not_be_written_is_found_before_the_command_runs(kind: str, capsys: Output) -> None:
    if kind == "directory":
        link().mkdir()
    else:
        os.mkfifo(link())
    assert run("--", "touch", "ran") == 2
    assert not Path("ran").exists()
    assert "it exists and is not a regular file; remove it first" in capsys.readouterr().err


def test_stop_finds_before_recording_that_the_link_could_not_be_written(capsys: Output) -> None:
    assert main(["record", "start", "-n", "build", "-k", "../alice"]) == 0
    link().mkdir()
    assert main(["record", "stop", "-n", "build", "-k", "../alice", "-p", "missing"]) == 2
    assert "it exists and is not a regular file" in capsys.readouterr().err
    link().rmdir()
    assert main(["record", "stop", "-n", "build", "-k", "../alice"]) == 0


def test_planted_symlink_gives_way_and_its_target_stays(here: Path) -> None:
    victim = here.parent / "victim"
    victim.write_text("mine")
    victim.chmod(0o644)
    planted = [link(), Path(f".{link()}-unfinished"), Path("new"), Path("new.pub"), Path("root.yaml")]
    for path in planted:
        path.symlink_to(victim)
    assert run("--", "true") == 0
    assert main(["record", "start", "-n", "build", "-k", "../alice", "--force"]) == 0
    assert main(["keygen", "new"]) == 2
    assert main(["keygen", "new", "--force"]) == 0
    assert main(["layout", "new", "-o", "root.yaml"]) == 2
    assert main(["layout", "new", "-o", "root.yaml", "--force"]) == 0
    assert victim.read_text() == "mine"
    assert [path for path in planted if path.is_symlink()] == []
    assert (here / "new").stat().st_mode & 0o777 == 0o600


def test_private_key_is_private_whatever_the_umask_and_what_was_there(here: Path) -> None:
    before = os.umask(0)
    try:
        assert main(["keygen", "new"]) == 0
        for name in ("new", "copy"):
            Path(name).touch()
            Path(name).chmod(0o666)
        assert main(["keygen", "new", "--force"]) == 0
        assert main(["key", "convert", "new", "--to", "private-pem", "--no-password", "-o", "copy", "--force"]) == 0
    finally:
        os.umask(before)
    assert [(here / name).stat().st_mode & 0o777 for name in ("new", "copy")] == [0o600, 0o600]


def test_descriptor_with_a_secret_does_not_reach_the_command(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "correct horse")
    assert main(["keygen", "locked", "--password-env", "SECRET"]) == 0
    source, sink = os.pipe()
    os.write(sink, b"correct horse\nmore\n")
    os.close(sink)
    command = ["run", "-n", "build", "-k", "locked", "--password-fd", f"{source}", "--"]
    closed = ["test", "!", "-e", f"/proc/self/fd/{source}"]
    done = subprocess.run([sys.executable, "-m", "custody", *command, *closed], pass_fds=[source], check=False)
    os.close(source)
    assert done.returncode == 0
    assert len(list(here.glob("build.*.link"))) == 1


def test_modules_in_the_current_directory_are_not_imported(here: Path) -> None:
    """`python -m custody` in a checkout that nobody trusts: its yaml.py is not the one that is meant."""
    for module in SHADOWED:
        (here / f"{module}.py").write_text(f"open('{here.parent}/owned-by-{module}', 'w')\nraise SystemExit(99)\n")
    for arguments in (
        ["layout", "new"],
        ["layout", "build", "supply-chain.yaml"],
        ["run", "-n", "build", "-k", "../alice", "-m", ".", "--exclude", "*.x/y", "--", "true"],
    ):
        done = subprocess.run([sys.executable, "-m", "custody", *arguments], capture_output=True, check=False)
        assert done.returncode == (2 if "build" in arguments[:2] else 0), done.stderr
        assert b"Traceback" not in done.stderr
    assert sorted(path.name for path in here.parent.glob("owned-by-*")) == []


def test_no_configuration_is_read_from_the_current_directory(here: Path) -> None:
    """CVE-2023-32076: a `.in_totorc` among the materials chose what was recorded."""
    for name in (".in_totorc", ".custodyrc", "custody.toml", ".gitignore", "src/.gitignore", ".custodyignore"):
        path = here / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("*\n[settings]\nARTIFACT_EXCLUDE_PATTERNS = *\nexclude = ['*']\n")
    (here / "src" / "evil.c").touch()
    assert run("-x", "-m", "src", ".gitignore") == 0
    text = link().read_text()
    assert all(f'"{name}"' in text for name in ("src/evil.c", "src/.gitignore", ".gitignore"))
