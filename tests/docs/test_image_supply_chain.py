"""The page about images is performed with two registries on loopback, of which one wants a password."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.compat.guides.images import COMPONENTS, two_registries
from tests.docs.console import run_page

PAGE = Path(__file__).parents[2] / "docs" / "tutorial" / "image-supply-chain.md"

pytestmark = COMPONENTS


def test_commands_of_the_page_do_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "page").mkdir()
    with two_registries(tmp_path / "registries", monkeypatch) as registries:
        monkeypatch.setenv("BUILDS", registries.first.host)
        monkeypatch.setenv("PRODUCTION", registries.second.host)

        assert run_page(PAGE.read_text(encoding="utf-8"), tmp_path / "page", PAGE.parent) > 0
