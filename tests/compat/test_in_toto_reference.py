"""The reference pages of the compatible commands and package are complete, and name nothing that is not there."""

from __future__ import annotations

import argparse
import inspect
import re
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from in_toto._boundary.spellings import _OPTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.compat.sides import Place, Reference

PAGES = Path(__file__).parents[2] / "docs" / "reference"

COMMANDS = ("keygen", "match-products", "mock", "record", "run", "sign", "verify")

ROW = re.compile(r"^\| (.+?) \|", re.MULTILINE)
CODE = re.compile(r"`([^`]+)`")
OPTION = re.compile(r"`(--?[a-zA-Z][a-z-]*)`")
SHARED = re.compile(r"\]\(#([a-z-]+)\)")


def sections(name: str) -> dict[str, str]:
    """Return what stands under each heading of the page."""
    parts = re.split(r"^#{2,3} (.+)$", (PAGES / name).read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


IN_COMMANDS = sections("in-toto-commands.md")
IN_PACKAGE = sections("in-toto-package.md")
MODULES = [name for name in IN_PACKAGE if name.startswith("in_toto.")]


def documented(section: str) -> set[str]:
    """Return the options in the first column of the section, and of the shared sections that it points at."""
    shared = [text for name, text in IN_COMMANDS.items() if name.lower() in SHARED.findall(section)]
    return {option for text in (section, *shared) for row in ROW.findall(text) for option in OPTION.findall(row)}


def parsers(name: str) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Yield the command `name` and its parser, or its commands and theirs."""
    module = import_module(f"in_toto.in_toto_{name.replace('-', '_')}")
    parser: argparse.ArgumentParser = module.create_parser()
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not groups:
        yield f"in-toto-{name}", parser
    for group in groups:
        for word, inner in group.choices.items():
            yield f"in-toto-{name} {word}", inner


def options(parser: argparse.ArgumentParser) -> set[str]:
    """Return the options that every page takes for granted left out."""
    shown = (action for action in parser._actions if action.help != argparse.SUPPRESS)
    return {option for action in shown for option in action.option_strings} - {"-h", "--help", "--version"}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_a_command_is_documented_and_no_other(name: str) -> None:
    for command, parser in parsers(name):
        assert documented(IN_COMMANDS[command]) == options(parser)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_default_stands_beside_its_option(name: str) -> None:
    for command, parser in parsers(name):
        for action in parser._actions:
            if isinstance(action.default, int) and not isinstance(action.default, bool):
                (row,) = re.findall(rf"^.*`{action.option_strings[-1]}`.*$", IN_COMMANDS[command], re.MULTILINE)
                assert f"(default: {action.default})" in row


def test_every_older_spelling_is_documented_and_no_other() -> None:
    rows = re.findall(r"^\| (`in-toto.+?) \| (.+?) \|", IN_COMMANDS["Older spellings"], re.MULTILINE)
    shown = {(command, old) for left, right in rows for command in CODE.findall(left) for old in OPTION.findall(right)}

    assert shown == {(command, old) for command, spellings in _OPTIONS.items() for old in spellings}


@pytest.mark.parametrize("name", MODULES)
def test_every_public_name_of_a_module_is_documented_and_no_other(name: str) -> None:
    shown = {word for row in ROW.findall(IN_PACKAGE[name]) for word in CODE.findall(row)}
    if name == "in_toto.verifylib":
        shown = {word for word in CODE.findall(IN_PACKAGE[name]) if word.isidentifier()}

    assert shown == set(public(name))


@pytest.mark.parametrize("name", [name for name in MODULES if ".models." in name])
def test_every_public_method_of_a_model_is_documented(name: str) -> None:
    words = set(CODE.findall(IN_PACKAGE[name])) | set(re.findall(r"`(\w+)\(\)`", IN_PACKAGE["Models"]))
    methods = {
        method
        for thing in public(name).values()
        if inspect.isclass(thing)
        for method, value in vars(thing).items()
        if not method.startswith("_") and callable(getattr(value, "__func__", value))
    }

    assert methods - words == set()


@pytest.mark.parametrize("name", MODULES)
def test_no_method_is_documented_that_is_not_there(name: str) -> None:
    classes = {word: thing for word, thing in public(name).items() if inspect.isclass(thing)}
    for word, cell in re.findall(r"^\| `(\w+)` \| (.+) \|$", IN_PACKAGE[name], re.MULTILINE):
        if word in classes:
            named = [method for method in CODE.findall(cell) if method.isidentifier()]
            assert [method for method in named if not hasattr(classes[word], method)] == []


def public(name: str) -> dict[str, object]:
    """Return what the module offers."""
    module = import_module(name)
    return {word: getattr(module, word) for word in module.__all__}


@pytest.mark.component("reference")
def test_no_documented_name_is_unknown_to_the_reference(
    start_reference: Callable[[], Reference], tmp_path: Path
) -> None:
    own = {
        "in_toto.exceptions": {"FormatError", "UnverifiedSignatureError", "VerificationError"},
        "in_toto.resolver": {"OCIResolver"},
    }
    lines = [
        f"from {name} import {word}" for name in MODULES for word in sorted(public(name).keys() - own.get(name, set()))
    ]
    ran = start_reference().python("\n".join(lines), "script", cwd=tmp_path)
    assert (ran.code, ran.err) == (0, "")


def test_the_example_of_the_package_runs(here: Place) -> None:
    text = (PAGES / "in-toto-package.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    here.key("bob")
    (here.root / "bob.pub").rename(here.final / "bob.pub")
    assert here.python(example).code == 0
    shown = here.custody("custody layout show root.layout")
    assert shown.code == 0
    assert "CREATE app" in shown.out
