"""The page about timestamps is performed with an authority on loopback."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from tests.docs.console import run_page
from tests.sigstore_instance import SigstoreInstance

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "timestamps.md"


@pytest.mark.component("openssl")
def test_commands_of_the_page_do_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "page").mkdir()
    with SigstoreInstance(tmp_path / "instance", tsa=True) as instance:
        assert instance.tsa is not None
        pem = b"".join(one.public_bytes(Encoding.PEM) for one in instance.tsa.chain[1:])
        (tmp_path / "authority.pem").write_bytes(pem)
        monkeypatch.setenv("CERTIFICATES", str(tmp_path / "authority.pem"))
        monkeypatch.setenv("AUTHORITY", f"{instance.url}/tsa")

        assert run_page(PAGE.read_text(encoding="utf-8"), tmp_path / "page", PAGE.parent) > 0
