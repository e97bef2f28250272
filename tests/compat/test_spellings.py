"""Tests of the older spellings: each means an option of 3.1.0, and nothing else changes."""

from __future__ import annotations

import pytest

from in_toto._boundary.spellings import modern, split_at_commas


def words(command: str, line: str) -> str:
    return " ".join(modern(command, line.split()).words)


SIGNING = [
    ("--key alice", "--signing-key alice"),
    ("-k alice", "--signing-key alice"),
    ("--key-path alice", "--signing-key alice"),
    ("--key=alice", "--signing-key=alice"),
    ("--name build", "--step-name build"),
    ("--name=build", "--step-name=build"),
]


@pytest.mark.parametrize("command", ["in-toto-run", "in-toto-record"])
@pytest.mark.parametrize(("old", "new"), SIGNING)
def test_the_signing_key_and_the_step_have_older_names(command: str, old: str, new: str) -> None:
    assert words(command, f"start {old} -v") == f"start {new} -v"
    assert words("in-toto-sign", old) == old
    assert words("in-toto-mock", old) == old


@pytest.mark.parametrize("old", ["--link-dir links", "--links-dir links", "--link-dir=links", "--links-dir=links"])
def test_the_directory_of_links_has_older_names_and_is_to_be_made(old: str) -> None:
    line = modern("in-toto-run", old.split())
    assert line.words == ("--metadata-directory", "links")
    assert line.directory == "links"
    assert modern("in-toto-run", ["-d", "links"]).directory == ""
    assert modern("in-toto-run", ["--metadata-directory", "links"]).directory == ""


def test_a_directory_of_links_without_a_name_is_left_to_the_parser() -> None:
    line = modern("in-toto-run", ["--link-dir"])
    assert (line.words, line.directory) == (("--metadata-directory",), "")


@pytest.mark.parametrize("old", ["--layout-key", "--layout-keys", "--key", "-k"])
def test_owner_keys_have_older_names(old: str) -> None:
    assert words("in-toto-verify", f"-l root {old} a b -v") == "-l root --verification-keys a b -v"
    assert words("in-toto-verify", f"{old} a {old} b") == "--verification-keys a --verification-keys b"


def test_where_links_are_read_has_an_older_name() -> None:
    assert words("in-toto-verify", "--links-dir links --link-dir links") == "--link-dir links --link-dir links"
    assert modern("in-toto-verify", ["--links-dir", "links"]).directory == ""


@pytest.mark.parametrize("old", ["-n NAME", "--name NAME", "--name=NAME"])
def test_the_name_of_a_new_key_may_be_an_option(old: str) -> None:
    assert words("in-toto-keygen", f"-t rsa {old}") == "-t rsa NAME"
    assert words("in-toto-keygen", "-t rsa NAME") == "-t rsa NAME"


def test_the_wrapped_command_is_left_alone() -> None:
    line = "-n build -k alice -- cosign sign --key k --name x --link-dir d"
    assert words("in-toto-run", line) == line.replace("-k alice", "--signing-key alice")
    assert modern("in-toto-run", line.split()).problem == ""
    assert modern("in-toto-run", line.split()).directory == ""


def test_options_of_today_are_left_alone() -> None:
    line = "-n build --signing-key alice -m --key-paths -k=x -d links -P -- make"
    assert words("in-toto-run", line) == line


@pytest.mark.parametrize(
    ("command", "line", "stands"),
    [
        ("in-toto-run", "--signing-key a --key b", "--signing-key"),
        ("in-toto-run", "--key a -k b", "--signing-key"),
        ("in-toto-run", "-n a --name b", "--step-name"),
        ("in-toto-run", "--step-name=a --name=b", "--step-name"),
        ("in-toto-run", "-d a --link-dir b", "--metadata-directory"),
        ("in-toto-record", "start --key a --signing-key b", "--signing-key"),
        ("in-toto-run", "--step build --name test", "--step-name"),
        ("in-toto-run", "-nbuild --name test", "--step-name"),
        ("in-toto-run", "--metadata-dir a --link-dir b", "--metadata-directory"),
        ("in-toto-verify", "--verification-keys a --layout-keys b", "--verification-keys"),
        ("in-toto-verify", "-k a -k b", "--verification-keys"),
        ("in-toto-verify", "--verif a --key b", "--verification-keys"),
        ("in-toto-verify", "--link-dir a --links-dir b", "--link-dir"),
    ],
)
def test_two_spellings_of_one_option_are_a_problem(command: str, line: str, stands: str) -> None:
    assert f"both stand for {stands}" in modern(command, line.split()).problem


def test_one_spelling_twice_is_as_the_parser_has_it() -> None:
    assert modern("in-toto-run", ["--signing-key", "a", "--signing-key", "b"]).problem == ""
    assert modern("in-toto-run", ["--key", "a"]).problem == ""


@pytest.mark.parametrize("subcommand", ["start", "stop"])
def test_the_step_may_follow_the_recording_command(subcommand: str) -> None:
    assert words("in-toto-record", f"{subcommand} build -v") == f"{subcommand} -v --step-name build"
    assert words("in-toto-record", f"{subcommand} -n build") == f"{subcommand} -n build"
    assert "both stand for" not in modern("in-toto-record", [subcommand, "build"]).problem


def test_options_may_stand_before_the_recording_command() -> None:
    line = modern("in-toto-record", ["--key", "alice", "--links-dir", "links/", "stop", "build"])
    assert line.words == ("stop", *["--signing-key", "alice", "--metadata-directory", "links/", "--step-name", "build"])
    assert line.directory == "links/"


def test_the_start_makes_the_directory_that_the_stop_writes_into() -> None:
    line = modern("in-toto-record", ["--key", "alice", "--links-dir", "links/", "start", "build"])
    assert line.words == ("start", *["--signing-key", "alice", "--step-name", "build"])
    assert line.directory == "links/"


@pytest.mark.parametrize("option", ["-n", "--step-name", "--name", "--key", "-k", "--signing-key"])
def test_the_value_of_an_option_is_no_recording_command(option: str) -> None:
    line = modern("in-toto-record", [option, "start", "stop", "build"])
    assert line.words[0] == "stop"


@pytest.mark.parametrize("option", ["-P", "--gpg", "-v"])
def test_an_option_that_needs_no_value_may_stand_before_the_recording_command(option: str) -> None:
    assert words("in-toto-record", f"{option} start -n build") == f"start {option} -n build"


def test_a_step_that_is_named_twice_is_a_problem() -> None:
    assert "both stand for --step-name" in modern("in-toto-record", ["start", "build", "-n", "test"]).problem


def test_a_line_without_a_recording_command_is_left_to_the_parser() -> None:
    assert words("in-toto-record", "-n build -v") == "-n build -v"
    assert words("in-toto-record", "--version") == "--version"


def test_commas_separate_paths() -> None:
    assert split_at_commas("src/,tests/") == ["src/", "tests/"]
    assert split_at_commas("src/,") == ["src/"]
