"""The two sides that a test can be run on: what is here, and the reference where it is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from in_toto import log, settings
from in_toto._boundary import talk
from in_toto.resolver import RESOLVER_FOR_URI_SCHEME
from tests.compat.sides import Here, Place, Reference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.compat.sides import Side


@pytest.fixture(autouse=True)
def _nothing_stays(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Undo after each test what commands and scripts leave behind that run here: all of them share this process."""
    level, resolvers = log.LOGGER.level, dict(RESOLVER_FOR_URI_SCHEME)
    for name in settings.__all__:
        monkeypatch.setattr(settings, name, getattr(settings, name))
    yield
    log.LOGGER.setLevel(level)
    talk._chosen.clear()
    RESOLVER_FOR_URI_SCHEME.clear()
    RESOLVER_FOR_URI_SCHEME.update(resolvers)


@pytest.fixture(scope="session")
def start_reference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Reference]]:
    """Return what starts the reference's server, once, when a test needs it."""
    started: list[Reference] = []

    def start() -> Reference:
        if not started:
            started.append(Reference(tmp_path_factory.mktemp("reference")))
        return started[0]

    yield start
    for server in started:
        server.close()


@pytest.fixture(params=["here", pytest.param("reference", marks=pytest.mark.component("reference"))])
def side(request: pytest.FixtureRequest, start_reference: Callable[[], Reference]) -> Side:
    """Return one side, then the other."""
    return start_reference() if request.param == "reference" else Here()


@pytest.fixture
def place(side: Side, tmp_path: Path) -> Place:
    """Return a directory in which the side's commands run."""
    return Place(tmp_path, side)


@pytest.fixture
def here(tmp_path: Path) -> Place:
    """Return a directory in which commands run here, for what the reference has nothing to compare with."""
    return Place(tmp_path, Here())
