"""The page about keys in clouds is performed against servers on loopback, since no test may reach a cloud."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.docs.console import run_page
from tests.kms_servers import VARIABLES, KMSServers

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "cloud-kms.md"


def test_commands_of_the_page_do_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(VARIABLES) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    (tmp_path / "servers").mkdir()
    (tmp_path / "page").mkdir()
    with KMSServers(tmp_path / "servers") as servers:
        for name, value in servers.environment.items():
            monkeypatch.setenv(name, value)
        for name in ("builder", "tester", "packer"):
            servers.put(name, "p256")
        servers.put("owner", "ed25519")

        assert run_page(PAGE.read_text(encoding="utf-8"), tmp_path / "page", PAGE.parent) > 0
        assert servers.asked.count("sign") == 4


def test_the_page_says_that_no_cloud_was_called() -> None:
    assert "**No real cloud was called to test this.**" in PAGE.read_text(encoding="utf-8")
