"""The commands about images do what their page says, with a registry on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.console import run_page
from tests.registries import debian_registry

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "images.md"


@pytest.mark.component("docker-registry")
@pytest.mark.component("skopeo")
@pytest.mark.component("umoci")
def test_commands_of_the_page_do_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "page").mkdir()
    with debian_registry(tmp_path / "registry") as registry:
        monkeypatch.setenv("REGISTRY", registry.host)

        assert run_page(PAGE.read_text(encoding="utf-8"), tmp_path / "page", PAGE.parent) > 0
