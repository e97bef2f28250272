"""A stage for each test, and registries for those that push images."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compat.guides.images import Registries, two_registries
from tests.compat.guides.stage import Stage


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


@pytest.fixture
def registries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registries]:
    with two_registries(tmp_path / "registries", monkeypatch) as found:
        yield found
