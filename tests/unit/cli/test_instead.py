"""What other tools and guides call something is answered with what to write instead; nothing secret is repeated."""

from __future__ import annotations

import pytest

from custody.cli.main import main

Output = pytest.CaptureFixture[str]

RUN = ["run", "-n", "build", "-k", "alice"]
IN_ARGV = "a password is not given in the command line"

OTHERS: dict[str, tuple[list[str], str]] = {
    "name": (["run", "--name", "build", "--", "make"], "there is no option --name: write --step-name (-n)"),
    "links written": ([*RUN, "--links-dir", "links", "--", "make"], "--metadata-directory (-d)"),
    "with equals": ([*RUN, "--links-dir=links", "--", "make"], "there is no option --links-dir: "),
    "gpg": (["run", "-n", "build", "--gpg", "--", "make"], "write --signing-key gpg:FINGERPRINT, or gpg:"),
    "gpg home": (
        ["record", "start", "-n", "build", "--gpg-home", "x"],
        "write --signing-key 'gpg:FINGERPRINT?home=DIR'",
    ),
    "gpg of owners": (["verify", "-l", "x", "-g", "ab"], "write --verification-keys gpg:FINGERPRINT"),
    "owner's key": (["verify", "-l", "x", "--key", "owner.pub"], "write --verification-keys"),
    "links read": (["verify", "-l", "x", "--links-dir", "links"], "write --link-dir"),
    "step as a word": (["record", "start", "build", "-k", "alice"], "the step is named with -n"),
    "options first": (["record", "--key", "alice", "start", "build"], "start or stop stands before all options"),
    "products at the start": (["record", "start", "-n", "b", "-p", "x"], "recorded by `custody record stop`"),
    "materials at the stop": (["record", "stop", "-n", "b", "-m", "x"], "recorded by `custody record start`"),
    "loud signing": (["sign", "-f", "x", "-v"], "the result is always printed"),
    "loud comparison": (["match-products", "-l", "x", "-v"], "the result is always printed"),
    "key's name": (["keygen", "-t", "rsa", "-n", "builder"], "write the name itself"),
    "old command": (["in-toto-verify"], "got 'in-toto-verify'; write 'verify'"),
    "mock": (["in-toto-mock"], "write `custody run` with any key of yours"),
    "slip in a command": (["verfy"], "got 'verfy'; write 'verify'"),
    "slip in an action": (["layout", "bulid"], "got 'bulid'; write 'build'"),
    "upper case": (["keygen", "-t", "RSA", "x"], "got 'RSA'; write 'rsa'"),
    "help": (["help"], "write `custody --help`"),
    "no dashes": ([*RUN, "-p", "a", "gcc", "-g", "a.c"], "unknown arguments: -g; the command stands after `--`"),
    "too much": (["keygen", "a", "b"], "custody keygen: error: unknown arguments: b"),
    "value of a flag": (["sign", "-f", "x", "--append=yes"], "-a/--append takes no value"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_spelling_of_others_is_answered_with_ours(name: str, capsys: Output) -> None:
    arguments, said = OTHERS[name]
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["sign", "-f", "x", "-k", "y", "-P", "hunter2"],
        ["sign", "-f", "x", "-k", "y", "--password=hunter2"],
        ["sign", "-f", "x", "-k", "y", "--prompt", "hunter2"],
        ["keygen", "-P", "hunter2", "x"],
        ["key", "show", "--password=hunter2", "x"],
    ],
)
def test_password_in_the_command_line_is_refused_and_not_repeated(arguments: list[str], capsys: Output) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    printed = capsys.readouterr().err
    assert IN_ARGV in printed
    assert "hunter2" not in printed


@pytest.mark.parametrize("rest", [["-P", "hunter2", "--", "make"], ["-P", "hunter2", "-m", "src", "--", "make"]])
def test_password_before_the_wrapped_command_is_not_repeated(rest: list[str], capsys: Output) -> None:
    assert main([*RUN, *rest]) == 2
    printed = capsys.readouterr().err
    assert IN_ARGV in printed
    assert "hunter2" not in printed


def test_options_of_the_wrapped_command_are_its_own(capsys: Output) -> None:
    assert main(["run", "-n", "build", "-k", "none", "--", "tool", "--name", "x", "--gpg"]) == 2
    assert "cannot read private key 'none'" in capsys.readouterr().err


def test_own_list_option_is_not_taken_for_a_password(capsys: Output) -> None:
    assert main(["run", "-n", "build", "-k", "none", "-p", "hunter2", "--", "make"]) == 2
    assert IN_ARGV not in capsys.readouterr().err
