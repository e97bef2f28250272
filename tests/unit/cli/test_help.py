"""Help fits an 80-column terminal, at every command, and names every option's value once."""

from __future__ import annotations

import re

import pytest

from custody.cli.main import COMMANDS, main

Output = pytest.CaptureFixture[str]

ACTIONS = {
    "key": ["show", "convert"],
    "record": ["start", "stop"],
    "layout": ["new", "build", "show", "lint", "add-key", "remove-key", "rotate-key", "extend"],
}
ALL = [[], *([name] for name in COMMANDS), *([name, action] for name, actions in ACTIONS.items() for action in actions)]


def help_of(words: list[str], capsys: Output) -> str:
    with pytest.raises(SystemExit, match="0"):
        main([*words, "--help"])
    return capsys.readouterr().out


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_help_fits_a_terminal(words: list[str], capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert [line for line in help_of(words, capsys).splitlines() if len(line) > 80] == []


@pytest.mark.parametrize("words", [words for words in ALL if words], ids=" ".join)
def test_help_has_an_example_of_the_very_command(words: list[str], capsys: Output) -> None:
    examples = help_of(words, capsys).partition("Examples:\n")[2]
    assert examples.startswith(f"  custody {' '.join(words)}")


def test_prose_is_wrapped_and_examples_are_not(capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    narrow = help_of(["sign"], capsys)
    assert "  custody sign -f root.layout --signing-key second-owner --append\n" in narrow
    paragraph = narrow.partition("FILE holds")[2].partition("\n\n")[0]
    assert max(len(line) for line in paragraph.splitlines()) <= 50


def test_an_option_with_several_spellings_names_its_value_once(capsys: Output) -> None:
    listed = help_of(["sign"], capsys).partition("\noptions:")[2]
    assert re.search(r"--signing-key, -k, --key URI \[URI \.\.\.\]", listed)
    assert "-f, --file FILE" in listed
