"""The reference is complete: nothing that a user can meet is missing in it, and nothing in it does not exist."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from importlib import import_module
from pathlib import Path

import pytest

import custody
from custody import errors
from custody.cli import exits
from custody.linting.complaints import CATALOGUE
from custody.sources.supply_chain import _INSPECTION, _SOURCE, _STEP
from custody.verdict import Reason
from custody.workflows.execution import TIMED_OUT
from tests.docs.parsers import OPTIONS

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"

ROW = re.compile(r"^\|(.+)\|$", re.MULTILINE)
CODE = re.compile(r"`([^`]+)`")
OPTION = re.compile(r"`(--?[a-zA-Z][a-z0-9-]*)`")
SHARED = re.compile(r"\]\(#([a-z-]+)\)")
ASSIGNMENT = re.compile(r"^(?:MAX|MIN|DEFAULT)_[A-Z_]+$")


def text_of(name: str) -> str:
    return (REFERENCE / f"{name}.md").read_text(encoding="utf-8")


def rows(text: str) -> Iterator[list[str]]:
    """Yield the cells of every row of every table, without the headings."""
    lines = ROW.findall(text)
    for index, line in enumerate(lines):
        is_heading = index + 1 < len(lines) and is_rule(lines[index + 1])
        if not is_heading and not is_rule(line):
            yield [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)]


def is_rule(line: str) -> bool:
    """Return whether this is the line between the heading of a table and its rows."""
    return set(line) <= set("-|")


def sections(text: str) -> dict[str, str]:
    """Return what stands under each heading of the third level."""
    parts = re.split(r"^#{2,3} (.+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


COMMANDS = sections(text_of("commands"))


def options_in(section: str) -> set[str]:
    """Return the options in the first column of a section's tables."""
    return {option for row in rows(section) for option in OPTION.findall(row[0])}


def shared_with(section: str) -> set[str]:
    """Return the options of the shared sections that `section` points at."""
    by_anchor = {name.lower().replace(" ", "-"): text for name, text in COMMANDS.items()}
    return {option for anchor in SHARED.findall(section) for option in options_in(by_anchor[anchor])}


def test_every_command_has_a_section() -> None:
    assert {name for name in COMMANDS if name.startswith("custody ")} == set(OPTIONS)


@pytest.mark.parametrize("command", sorted(OPTIONS))
def test_every_option_is_documented(command: str) -> None:
    section = COMMANDS[command]

    assert OPTIONS[command] - options_in(section) - shared_with(section) == set()


@pytest.mark.parametrize("command", sorted(OPTIONS))
def test_no_option_is_documented_that_does_not_exist(command: str) -> None:
    assert options_in(COMMANDS[command]) - OPTIONS[command] == set()


@pytest.mark.parametrize("section", [name for name in COMMANDS if not name.startswith("custody ")])
def test_shared_options_exist(section: str) -> None:
    known = set().union(*OPTIONS.values())

    assert options_in(COMMANDS[section]) - known == set()


def test_every_reason_is_documented_with_meaning_and_remedy() -> None:
    documented = {CODE.findall(row[0])[0]: row[1:] for row in rows(text_of("reason-codes"))}

    assert set(documented) == {str(reason) for reason in Reason}
    assert all(meaning and remedy for meaning, remedy in documented.values())


def test_every_lint_code_is_documented_as_the_catalogue_has_it() -> None:
    documented = {CODE.findall(row[0])[0]: row[1:] for row in rows(text_of("lint-codes")) if row[0].startswith("`")}

    assert documented == {str(code): [str(entry.severity), entry.meaning] for code, entry in CATALOGUE.items()}


def test_every_exit_code_is_documented() -> None:
    documented = {row[0] for row in rows(text_of("exit-codes"))}

    assert {str(getattr(exits, name)) for name in exits.__all__} | {str(TIMED_OUT)} <= documented


def limits() -> Iterator[tuple[str, str, object]]:
    """Yield module, name and value of every limit in the source, those that are another one's alias left out."""
    for path in sorted((ROOT / "src" / "custody").rglob("*.py")):
        module = ".".join(path.relative_to(ROOT / "src").with_suffix("").parts)
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if not isinstance(node, ast.Assign) or isinstance(node.value, ast.Name):
                continue
            for target in node.targets:
                if isinstance(target, ast.Name) and ASSIGNMENT.match(target.id):
                    value = getattr(import_module(module), target.id)
                    if isinstance(value, int | float | timedelta):
                        yield module, target.id, value


def as_written(value: object) -> set[str]:
    """Return how the page may write a limit."""
    if isinstance(value, timedelta):
        return {f"{value.total_seconds() / 60:.0f} minutes"}
    if isinstance(value, float):
        return {f"{value:.0f} seconds"}
    if not isinstance(value, int):
        raise TypeError(value)
    written = {str(value), f"at least {value}"}
    for unit, size in (("KiB", 1024), ("MiB", 1024 * 1024)):
        if value % size == 0:
            written.add(f"{value // size} {unit}")
    return written


NO_LIMITS = {"DEFAULT_RSA_BITS"}  # what `keygen` makes unless told otherwise


@pytest.mark.parametrize(
    ("module", "name", "value"),
    [pytest.param(*limit, id=f"{limit[0]}.{limit[1]}") for limit in limits() if limit[1] not in NO_LIMITS],
)
def test_every_limit_is_documented_with_its_value(module: str, name: str, value: object) -> None:
    documented = {tuple(CODE.findall(row[2])): row[1] for row in rows(text_of("limits"))}

    assert (name, module) in documented, f"add {name} of {module} to docs/reference/limits.md: {value}"
    assert documented[name, module] in as_written(value)


def test_no_limit_is_documented_that_does_not_exist() -> None:
    documented = {tuple(CODE.findall(row[2])) for row in rows(text_of("limits"))}

    assert documented - {(name, module) for module, name, _ in limits()} == set()


def test_every_public_name_is_documented() -> None:
    words = set(re.findall(r"\w+", text_of("python-api")))

    assert set(custody.__all__) - words == set()


def test_every_documented_name_is_public() -> None:
    named = {name for row in rows(text_of("python-api")) for name in CODE.findall(row[0])}

    assert named - set(custody.__all__) == set()


def test_every_error_is_documented() -> None:
    named = {name for row in rows(text_of("python-api")) for name in CODE.findall(row[0])}

    assert set(errors.__all__) - {"CustodyError"} <= named


def test_every_field_of_a_source_is_documented() -> None:
    fields = {name for row in rows(text_of("layout-source")) for name in CODE.findall(row[0])}

    assert {*_SOURCE, *_STEP, *_INSPECTION} <= fields


def test_every_json_example_is_json() -> None:
    blocks = re.findall(r"^```json\n(.*?)^```", text_of("formats"), re.MULTILINE | re.DOTALL)

    assert blocks
    for block in blocks:
        json.loads(block)
