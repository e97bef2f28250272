"""Tests of `in-toto-run`: what it does is what the reference does with the same command line, side by side."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import serialization

from custody import __version__ as engine
from tests.simulator import Actor, actor, hashed, link_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.compat.sides import Place, Ran, Reference

LINK = link_name("build", actor("alice"))


def run(place: Place, *options: str) -> Ran:
    """Return how `in-toto-run` ended, as step `build` by alice."""
    return place.command("in-toto-run", "-n", "build", "--signing-key", place.key("alice"), *options)


def link_of(path: Path) -> dict[str, Any]:
    """Return what the link in the file `path` says."""
    content: dict[str, Any] = json.loads(path.read_text())["signed"]
    return content


def write(place: Place, **files: str) -> None:
    for name, text in files.items():
        (place.final / name).write_text(text)


def encrypted_key(place: Place, password: bytes) -> str:
    """Return the path of the private key of alice, encrypted."""
    path = place.root / "alice.enc"
    path.write_bytes(
        Actor("alice")._private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(password),
        )
    )
    return str(path)


@pytest.mark.component("reference")
@pytest.mark.parametrize(
    "options",
    [
        ["-x"],
        ["-m", ".", "-p", ".", "-x"],
        ["-m", "a", "src", "-p", "made", "src/", "--", "sh", "-c", "echo out; echo é > made; printf '1\\r\\n2' >&2"],
        ["-s", "-p", "made", "--", "sh", "-c", "echo out; echo é > made; printf '1\\r\\n2\\r' >&2; exit 3"],
        ["-m", "file:a", "dir:src", "--lstrip-paths", "sr", "-x"],
        ["-m", ".", "--exclude", "*.txt", "sub", "--base-path", "src", "-x"],
        ["-m", "gone", "-p", "src", "--exclude", "src", "-x"],
        ["-m", ".", "--lstrip-paths", "src/sub/", "a.", "-x", "-v"],
        ["--", "sh", "-c", "kill -9 $$"],
        ["-s", "true"],
    ],
)
def test_the_reference_writes_the_same_link(
    here: Place, start_reference: Callable[[], Reference], options: list[str]
) -> None:
    (here.final / "src" / "sub").mkdir(parents=True)
    for name in ("a", "src/b", "src/x.txt", "src/sub/ü", "a.pyc"):
        (here.final / name).write_text(name)
    (here.final / "src" / "link").symlink_to("sub")
    words = ["-n", "build", "--signing-key", here.key("alice"), *options]
    ours = here.command("in-toto-run", *words)
    link = here.final / LINK
    written = link.read_bytes()
    link.unlink()
    (here.final / "made").unlink(missing_ok=True)
    theirs = start_reference().command("in-toto-run", *words, cwd=here.final)
    assert ours.code % 256 == theirs.code % 256
    # Ed25519 signs alike each time: the files are the same, signatures and all.
    assert written == link.read_bytes()


def test_the_link_is_written_and_signed(place: Place) -> None:
    write(place, a="1")
    ran = run(place, "-m", "a", "-p", "made", "--", "sh", "-c", "printf 2 > made")
    assert ran == (0, "", "")
    link = link_of(place.final / LINK)
    assert (link["materials"], link["products"]) == (hashed({"a": "1"}), hashed({"made": "2"}))
    check = ["in-toto-sign", "-f", LINK, "--verify", "-k", f"{place.key('alice')}.pub"]
    assert place.command(*check).code == 0
    link_file = place.final / LINK
    link_file.write_text(link_file.read_text().replace('"made"', '"evil"'))
    assert place.command(*check).code == 1


@pytest.mark.parametrize(("script", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", -9)])
def test_the_exit_code_is_the_commands(place: Place, script: str, code: int) -> None:
    assert run(place, "--", "sh", "-c", script).code in {code, code % 256}
    assert link_of(place.final / LINK)["byproducts"]["return-value"] == code


def test_a_signal_is_what_the_system_makes_of_it(tmp_path: Path) -> None:
    words = ["-n", "x", "--signing-key", "alice", "--", "sh", "-c", "kill -9 $$"]
    (tmp_path / "alice").write_bytes(
        Actor("alice")._private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    done = subprocess.run(
        [sys.executable, "-m", "in_toto.in_toto_run", *words], cwd=tmp_path, env=_paths(), check=False
    )
    assert done.returncode == 247


def _paths() -> dict[str, str]:
    """Return an environment in which a new Python finds both packages."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(os.path.abspath(path) for path in sys.path if path)}


def test_streams_are_recorded_where_it_is_said(place: Place) -> None:
    for option, recorded in (("-s", "out\n"), ("--record-streams", "out\n"), ("--use-dsse", None), ("-v", "")):
        assert run(place, option, "--", "echo", "out").code == 0
        if recorded is not None:
            assert link_of(place.final / LINK)["byproducts"]["stdout"] == recorded


def test_without_a_command_none_is_run(place: Place) -> None:
    for option in ("-x", "--no-command"):
        assert run(place, option, "--", "touch", "made").code == 0
        assert not (place.final / "made").exists()
        assert link_of(place.final / LINK)["byproducts"] == {}
    assert run(place, "--", "touch", "made").code == 0
    assert (place.final / "made").exists()


def test_a_command_needs_no_dashes(place: Place) -> None:
    assert run(place, "-s", "touch", "made").code == 0
    assert link_of(place.final / LINK)["command"] == ["touch", "made"]


def test_excludes_prefixes_and_the_base_decide_what_is_recorded(place: Place) -> None:
    (place.final / "src").mkdir()
    for name in ("a", "b"):
        (place.final / "src" / name).write_text(name)
    for options, names in (
        (["-p", "src"], {"src/a", "src/b"}),
        (["-p", "src", "--exclude", "a"], {"src/b"}),
        (["-p", "src", "--lstrip-paths", "src/"], {"a", "b"}),
        (["-p", ".", "--base-path", "src"], {"a", "b"}),
    ):
        assert run(place, *options, "-x").code == 0
        assert set(link_of(place.final / LINK)["products"]) == names


def test_the_directory_decides_where_the_link_lies(place: Place) -> None:
    for option in ("-d", "--metadata-directory"):
        directory = place.final / f"links{option}"
        directory.mkdir()
        assert run(place, option, directory.name, "-x").code == 0
        assert (directory / LINK).exists()
    assert not (place.final / LINK).exists()
    ran = run(place, "-d", "gone", "--", "touch", "made")
    assert ran.code == 1
    assert "(in-toto-run) FileNotFoundError: [Errno 2] No such file or directory: 'gone" in ran.err
    assert (place.final / "made").exists() is place.side.is_reference  # here it is noticed before anything is done


def test_the_envelope_is_the_one_that_was_asked_for(place: Place) -> None:
    assert run(place, "--use-dsse", "-x").code == 0
    assert "payload" in json.loads((place.final / LINK).read_text())
    assert run(place, "-x").code == 0
    assert "signed" in json.loads((place.final / LINK).read_text())


def test_a_command_that_takes_too_long_is_ended_without_a_link(place: Place) -> None:
    ran = run(place, "--run-timeout", "1", "--", "sleep", "20")
    assert ran.code == 1
    # The reference names what was left of the second when it began to wait.
    after = "" if place.side.is_reference else "1 seconds\n"
    assert ran.err.startswith(f"(in-toto-run) TimeoutExpired: Command '['sleep', '20']' timed out after {after}")
    assert not (place.final / LINK).exists()
    assert run(place, "--run-timeout", "20", "--", "sleep", "0").code == 0


def test_a_command_that_cannot_be_started_leaves_no_link(place: Place) -> None:
    ran = run(place, "--", "no-such-program")
    assert ran == (1, "", "(in-toto-run) FileNotFoundError: [Errno 2] No such file or directory: 'no-such-program'\n")
    assert not (place.final / LINK).exists()


def test_the_password_opens_the_key(place: Place) -> None:
    key = encrypted_key(place, b"secret")
    words = ["-n", "build", "--signing-key", key, "-x"]
    for option in ("-P", "--password"):
        assert place.command("in-toto-run", *words, option, "secret").code == 0
        (place.final / LINK).unlink()
        ran = place.command("in-toto-run", *words, option, "wrong")
        assert ran.code == 1
        assert ran.err.startswith("(in-toto-run) ")
    assert place.command("in-toto-run", *words).code == 1
    assert not (place.final / LINK).exists()


def test_without_a_value_the_password_is_asked_for(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["-n", "build", "--signing-key", encrypted_key(here, b"secret"), "-x", "-P"]
    monkeypatch.setattr("in_toto.in_toto_run.getpass", lambda: "secret")
    assert here.command("in-toto-run", *words).code == 0
    monkeypatch.setattr("in_toto.in_toto_run.getpass", lambda: "wrong")
    assert here.command("in-toto-run", *words).code == 1
    monkeypatch.undo()
    monkeypatch.setattr("getpass.getpass", lambda: "secret")
    assert here.command("in-toto-run", *words).code == 0


def test_loudness_is_as_asked_for(place: Place) -> None:
    assert run(place, "-x") == (0, "", "")
    for option in ("-v", "--verbose"):
        ran = run(place, option, "-x")
        assert "Running 'build'...\n" in ran.err
        assert f"Storing link metadata to '{LINK}'...\n" in ran.err
    for option in ("-q", "--quiet"):
        assert run(place, option, "--", "no-such-program") == (1, "", "")
        assert run(place, option, "-m", "gone", "-x") == (0, "", "")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "the following arguments are required: -n/--step-name"),
        (["-n", "x", "-x"], "Specify either '--signing-key <path>' or '--gpg [<keyid>]'"),
        (
            ["-n", "x", "-x", "--signing-key", "a", "--gpg"],
            "Specify either '--signing-key <path>' or '--gpg [<keyid>]'",
        ),
        (["-n", "x", "--signing-key", "a"], "No command specified. Please specify (or use the --no-command option)"),
        (["-n", "x", "--signing-key", "a", "-x", "-v", "-q"], "not allowed with argument"),
        (["-n", "x", "--signing-key", "a", "-x", "--run-timeout", "soon"], "invalid int value: 'soon'"),
        (["-n", "x", "--no-such-option"], "unrecognized arguments: --no-such-option"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(place: Place, words: list[str], says: str) -> None:
    ran = place.command("in-toto-run", *words)
    assert ran.code == 2
    assert (says in ran.err) or words == ["-n", "x", "--no-such-option"]


def test_abbreviations_are_understood(place: Place) -> None:
    write(place, a="1")
    ran = place.command("in-toto-run", "--step", "build", "--sign", place.key("alice"), "--mat", "a", "--no")
    assert ran.code == 0
    assert set(link_of(place.final / LINK)["materials"]) == {"a"}
    assert place.command("in-toto-run", "--step", "build", "--m", "a").code == 2


def test_the_version_is_that_of_the_interface_and_of_the_engine(here: Place) -> None:
    expected = (0, f"in-toto-run 3.1.0 (custody {engine})\n", "")
    assert here.command("in-toto-run", "--version") == expected
    assert here.command("in-toto-run", "-v", "--version") == expected
    ran = here.command("in-toto-run", "-n", "x", "--version", "--", "make")
    assert ran == expected


def test_a_run_needs_neither_securesystemslib_nor_logging(here: Place) -> None:
    script = (
        "import sys; sys.modules['securesystemslib'] = None\n"
        f"sys.argv = ['in-toto-run', '-n', 'build', '--signing-key', {here.key('alice')!r}, '--', 'true']\n"
        "from in_toto.in_toto_run import main\n"
        "try: main()\n"
        "except SystemExit as end: print(end.code, sorted({'logging', 'dataclasses', 'pathlib'} & {*sys.modules}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=here.final, env=_paths(), capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("0 []\n", "")
    assert (here.final / LINK).exists()


def test_the_help_shows_every_flag(here: Place) -> None:
    for option in ("-h", "--help"):
        ran = here.command("in-toto-run", option)
        assert ran.code == 0
        for flag in ("--step-name", "--record-streams", "--run-timeout", "--use-dsse", "--gpg-home", "-- <command>"):
            assert flag in ran.out


class TestOlderSpellings:
    @pytest.mark.parametrize("option", ["--key", "-k", "--key-path"])
    def test_the_signing_key_has_older_names(self, here: Place, option: str) -> None:
        assert here.command("in-toto-run", "-n", "build", option, here.key("alice"), "-x").code == 0
        assert (here.final / LINK).exists()
        ran = here.command("in-toto-run", "-n", "build", option, "gone", "-x")
        assert ran.code == 1
        assert "'gone'" in ran.err

    def test_the_step_has_an_older_name(self, here: Place) -> None:
        assert here.command("in-toto-run", "--name", "build", "-k", here.key("alice"), "-x").code == 0
        assert link_of(here.final / LINK)["name"] == "build"

    @pytest.mark.parametrize("option", ["--link-dir", "--links-dir"])
    def test_the_directory_of_links_is_made(self, here: Place, option: str) -> None:
        assert run(here, option, "some/links", "-x").code == 0
        assert (here.final / "some" / "links" / LINK).exists()
        (here.final / "file").write_text("")
        assert run(here, option, "file", "-x").code == 1

    def test_an_option_that_is_given_in_two_spellings_is_refused(self, here: Place) -> None:
        ran = run(here, "--key", "other", "-x")
        assert ran.code == 2
        assert "--signing-key and --key both stand for --signing-key" in ran.err

    def test_commas_separate_paths_that_do_not_exist(self, here: Place) -> None:
        (here.final / "src").mkdir()
        for name in ("src/a", "b", "c,d"):
            (here.final / name).write_text(name)
        ran = run(here, "-m", "src/,b", "c,d", "-p", "b,made", "--", "touch", "made")
        assert (ran.code, ran.err) == (0, "")
        assert set(link_of(here.final / LINK)["materials"]) == {"src/a", "b", "c,d"}
        assert set(link_of(here.final / LINK)["products"]) == {"b", "made"}
        (here.final / "made").unlink()
        assert run(here, "-p", "b,made", "--", "touch", "b,made").code == 0
        assert set(link_of(here.final / LINK)["products"]) == {"b,made"}

    def test_commas_start_at_the_base(self, here: Place) -> None:
        (here.final / "src").mkdir()
        for name in ("a", "b", "a,b"):
            (here.final / "src" / name).write_text(name)
        assert run(here, "-m", "a,b", "--base-path", "src", "-x").code == 0
        assert set(link_of(here.final / LINK)["materials"]) == {"a,b"}
        (here.final / "src" / "a,b").unlink()
        assert run(here, "-m", "a,b", "--base-path", "src", "-x").code == 0
        assert set(link_of(here.final / LINK)["materials"]) == {"a", "b"}

    def test_a_key_in_a_device_needs_its_module_unless_there_is_such_a_file(self, here: Place) -> None:
        ran = here.command("in-toto-run", "-n", "build", "--key-path", "hsm:builder", "-x")
        assert ran.code == 1
        assert "(in-toto-run) ValueError: which PKCS #11 module drives the token? set PKCS11_MODULE" in ran.err
        Path(here.key("alice")).rename(here.final / "hsm:builder")
        assert here.command("in-toto-run", "-n", "build", "--key-path", "hsm:builder", "-x").code == 0


def test_command_does_not_get_the_passphrase_of_a_cosign_key(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = json.loads((Path(__file__).parents[1] / "vectors" / "foreign_keys.json").read_bytes())["cosign"]
    key = here.root / "cosign.key"
    key.write_text(vectors[0]["private"])
    monkeypatch.setenv("COSIGN_PASSWORD", vectors[0]["passphrase"])
    script = "import os; print(os.environ.get('COSIGN_PASSWORD'))"
    command = ["-n", "build", "--signing-key", str(key), "-s", "--", sys.executable, "-c", script]
    assert here.command("in-toto-run", *command).code == 0
    (path,) = here.final.glob("build.*.link")
    assert link_of(path)["byproducts"]["stdout"] == "None\n"


@pytest.mark.component("gpg")
def test_a_gpg_key_signs(here: Place) -> None:
    home = here.root / "home of gpg"
    home.mkdir(mode=0o700)
    gpg = ["gpg", "--homedir", str(home), "--batch", "--passphrase", "", "--quick-generate-key"]
    subprocess.run([*gpg, "alice@example.com", "ed25519", "sign"], check=True, capture_output=True)
    listed = subprocess.run(
        ["gpg", "--homedir", str(home), "--with-colons", "-K"], check=True, capture_output=True, text=True
    )
    keyid = next(line.split(":")[9] for line in listed.stdout.splitlines() if line.startswith("fpr")).lower()
    for option in ([f"--gpg={keyid}"], ["-g", keyid], ["-g"], ["--gpg"]):
        ran = here.command("in-toto-run", "-n", "build", *option, "--gpg-home", str(home), "-x")
        assert ran.code == 0, ran.err
        link = here.final / f"build.{keyid[:8]}.link"
        assert json.loads(link.read_text())["signatures"][0]["keyid"] == keyid
        link.unlink()
    ran = here.command("in-toto-run", "-n", "build", "-g", f"{keyid} --output x", "--gpg-home", str(home), "-x")
    assert ran.code == 1
    assert "FormatError: expected hex string" in ran.err
    assert not (here.final / "x").exists()
