"""The table of lines that call cosign and crane: every line of custody's in it is one that its command understands.

That they do what the table says is shown by the tests of the guides with images.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from custody.cli.main import build_parser

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "scripts-from-guides.md"
SECTION = re.compile(r"^## Lines that call cosign and crane$(.*?)^## ", re.MULTILINE | re.DOTALL)
LINE = re.compile(r"`(custody [a-z][^`]* (?:IMAGE|REPOSITORY)[^`]*)`")


def lines() -> list[str]:
    (section,) = SECTION.findall(PAGE.read_text(encoding="utf-8"))
    return LINE.findall(section)


@pytest.mark.parametrize("line", lines())
def test_line_is_understood(line: str) -> None:
    words = shlex.split(line.partition(" > ")[0].replace("TYPE", "https://example.com/test/v1"))
    options = build_parser().parse_args(words[1:])
    assert callable(options.execute)


def test_table_has_lines() -> None:
    assert len(lines()) == 10
    assert len({line.split()[1] for line in lines()}) == 5


def test_line_that_is_not_understood_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        build_parser().parse_args(["attest", "IMAGE", "--bundle", "links"])
    assert "--bundle" in capsys.readouterr().err
