"""What tests of the digest cache share: caches whose entries have rested, and which files are read."""

from __future__ import annotations

import os

import pytest

from custody.artifacts import cache
from custody.artifacts.digest import read_record
from custody.artifacts.options import Recording
from tests.unit.artifacts.caches import RESTED


@pytest.fixture
def rested(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let entries count at once that were made a moment ago."""
    monkeypatch.setattr(cache, "_REST_NS", RESTED)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list of files that are read from now on."""
    paths: list[str] = []

    def noting(location: str, recording: Recording) -> tuple[bytes, os.stat_result]:
        paths.append(location)
        return read_record(location, recording)

    monkeypatch.setattr(cache, "read_record", noting)
    return paths
