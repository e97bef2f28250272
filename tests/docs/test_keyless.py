"""The commands about keyless signatures do what their page says, with an instance of Sigstore on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.console import run_page
from tests.sigstore_instance import SigstoreInstance

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "keyless.md"

IDENTITIES = {
    "olga": "olga@example.com",
    "builder": "https://ci.example.com/acme/app/build.yml@refs/heads/main",
    "mallory": "mallory@example.com",
}


def test_commands_of_the_page_do_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with SigstoreInstance(tmp_path / "instance") as instance:
        for name, identity in IDENTITIES.items():
            (instance.directory / f"{name}.token").write_text(instance.token(identity), encoding="ascii")
        monkeypatch.setenv("INSTANCE", str(instance.directory))
        monkeypatch.setenv("ISSUER", instance.issuer)
        page = tmp_path / "page"
        page.mkdir()

        assert run_page(PAGE.read_text(encoding="utf-8"), page, PAGE.parent) > 0
