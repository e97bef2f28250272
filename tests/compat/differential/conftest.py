"""Both sides, started once a test process, and keys for both."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.compat.differential.keys import KeyRing
from tests.compat.differential.sides import Side, ours, theirs


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Side]:
    side = theirs(tmp_path_factory.mktemp("reference"))
    yield side
    side.close()


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Side]:
    side = ours(tmp_path_factory.mktemp("package"))
    yield side
    side.close()


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    return KeyRing(tmp_path_factory.mktemp("keys"))
