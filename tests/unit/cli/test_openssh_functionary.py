"""Public keys of OpenSSH name functionaries and owners wherever a key file is taken; another one does not count."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from custody.cli.main import main

Capture = pytest.CaptureFixture[str]

SOURCE = """\
expires: 6 months
functionaries:
  alice: {}.pub
steps:
  - name: build
    functionaries: [alice]
    expected_products: [CREATE app, DISALLOW *]
"""

pytestmark = pytest.mark.component("ssh-keygen")


@pytest.fixture(autouse=True)
def _keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("owner", "alice", "mallory"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", name], check=True)
    Path("app").write_text("the product\n")


def verdict(owner: str = "owner") -> int:
    return main(["verify", "-l", "root.layout", "--verification-keys", f"{owner}.pub"])


def build(signer: str) -> int:
    return main(["run", "-n", "build", "--signing-key", signer, "-p", "app", "-x"])


def layout(functionary: str = "alice", owner: str = "owner") -> None:
    Path("supply-chain.yaml").write_text(SOURCE.format(functionary))
    assert main(["layout", "build", "supply-chain.yaml", "-o", "root.layout", "--force"]) == 0
    assert main(["sign", "-f", "root.layout", "--signing-key", owner]) == 0


def test_chain_of_openssh_keys_is_accepted() -> None:
    layout()
    assert build("alice") == 0
    assert verdict() == 0


def test_keys_of_others_do_not_count() -> None:
    layout()
    assert build("mallory") == 0
    assert verdict() == 1
    assert build("alice") == 0
    assert verdict() == 0
    assert verdict("mallory") == 1
    layout(owner="mallory")
    assert verdict() == 1


def test_key_is_added_to_a_layout() -> None:
    layout()
    assert main(["layout", "add-key", "root.layout", "mallory.pub", "--step", "build"]) == 0
    assert main(["sign", "-f", "root.layout", "--signing-key", "owner"]) == 0
    assert build("mallory") == 0
    assert verdict() == 0


def test_damaged_line_names_the_file(capsys: Capture) -> None:
    Path("alice.pub").write_text(Path("alice.pub").read_text()[:40])
    Path("supply-chain.yaml").write_text(SOURCE.format("alice"))
    assert main(["layout", "build", "supply-chain.yaml", "-o", "root.layout"]) == 2
    err = capsys.readouterr().err
    assert "alice.pub" in err
    assert "not an OpenSSH public key" in err
    assert not Path("root.layout").exists()
