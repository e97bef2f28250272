"""The documentation speaks only of commands, options, folders and targets that exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.console import Command, read_page
from tests.docs.parsers import GROUPS, OPTIONS, in_toto_options

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]

FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")
FIRST_CELL = re.compile(r"^\| (.*?) \|", re.MULTILINE)

GENERAL = {"--help", "--version"}
OTHERS = {"replace-in-toto.md": {"--no-deps"}}
"""Options of other tools, by the page that speaks of them."""

OTHER_PROGRAMS = ("gpg ",)
"""How code begins that speaks of other programs, whose options are not custody's."""

ABOUT_IN_TOTO = {
    "compatibility.md",
    "in-toto-commands.md",
    "in-toto-package.md",
    "migrate.md",
    "replace-in-toto.md",
}
"""Pages that speak of the options of the `in-toto-*` commands, too."""


def command_in(words: list[str]) -> str:
    """Return the longest command that the words begin with, or a group of commands."""
    for length in (3, 2, 1):
        name = " ".join(words[:length])
        if len(words) >= length and (name in OPTIONS or name in GROUPS):
            return name
    return ""


def mistakes(code: str) -> Iterator[str]:
    """Yield what is wrong with a piece of code that calls custody."""
    words = code.split(" -- ", maxsplit=1)[0].split()
    name = command_in(words)
    if name in GROUPS:
        following = words[len(name.split()) :]
        if following and not following[0].startswith("-") and not following[0].isupper():
            yield f"no such command: {code}"
        known = GENERAL | {option for other, options in OPTIONS.items() if other.startswith(name) for option in options}
    else:
        known = GENERAL | OPTIONS[name]
    for flag in FLAG.findall(" ".join(words)):
        if flag not in known:
            yield f"{name} has no {flag}: {code}"


def calls(page: Path) -> Iterator[str]:
    """Yield what calls custody in a page: inline, and in console blocks."""
    text = page.read_text(encoding="utf-8")
    for part in read_page(text):
        if isinstance(part, Command):
            for line in re.split(r"[;|\n]\s*(?:do )?", part.text.replace("\\\n", " ")):
                if line.startswith("custody "):
                    yield line
    for code in INLINE.findall(FENCE.sub("", text)):
        if code.startswith("custody "):
            yield code


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_on_a_page_exist_with_their_options(page: Path) -> None:
    assert [mistake for code in calls(page) for mistake in mistakes(code)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_options_on_a_page_exist(page: Path) -> None:
    known = GENERAL.union(*OPTIONS.values(), OTHERS.get(page.name, set()))
    if page.name in ABOUT_IN_TOTO:
        known |= in_toto_options()
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    codes = [code for code in INLINE.findall(text) if not code.startswith(OTHER_PROGRAMS)]
    flags = {flag for code in codes for flag in FLAG.findall(code)}

    assert flags - known == set()


@pytest.mark.parametrize(
    "code",
    [
        "custody frobnicate",
        "custody verify --frobnicate",
        "custody layout frobnicate x",
        "custody record --owner-threshold",
    ],
)
def test_what_does_not_exist_is_found(code: str) -> None:
    assert list(mistakes(code)) != []


@pytest.mark.parametrize("code", ["custody run -n a -- tar --verbose", "custody --version", "custody COMMAND --help"])
def test_what_exists_is_not_complained_about(code: str) -> None:
    assert list(mistakes(code)) == []


def test_index_leads_to_every_page() -> None:
    linked = {
        (DOCS / target).resolve() for target in re.findall(r"\]\(([^)#]+\.md)\)", (DOCS / "index.md").read_text())
    }

    assert {page for page in DOCS.rglob("*.md") if page.name != "index.md"} - linked == set()


def test_what_works_is_tested_where_the_readme_says() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table = readme.partition("## What works")[2].partition("\n## ")[0]
    folders = [folder for row in table.splitlines() for folder in re.findall(r"`(tests/[^`]+)`", row)]

    assert len(folders) > 5
    assert [folder for folder in folders if not list((ROOT / folder).glob("test_*.py"))] == []


def test_readme_names_targets_of_the_makefile() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z-]+)", readme)) - {"and"}

    assert {"demo", "test"} <= named
    assert named - targets == set()


def test_program_in_the_readme_is_short() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    programs = re.findall(r"^```python\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)

    assert [len(program.splitlines()) < 40 for program in programs] == [True]
