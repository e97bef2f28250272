"""A chain whose functionaries and owner have keys in clouds, for which servers on loopback stand."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from custody.cli.main import main
from tests.kms_servers import AZURE_HOST, GCP_KEYS, VARIABLES, KMSServers, new_key

Output = pytest.CaptureFixture[str]

KEYS = {
    "aws": "awskms:///alias/release",
    "gcp": f"gcpkms://{GCP_KEYS}/release/cryptoKeyVersions/1",
    "azure": f"azurekms://{AZURE_HOST}/release",
    "vault": "hashivault://vault",
}
SOURCE = """\
expires: 6 months
functionaries: {builder: builder.pub}
steps:
  - name: build
    functionaries: [builder]
    expected_materials: [DISALLOW *]
    expected_products: [CREATE app, DISALLOW *]
"""


@pytest.fixture
def servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KMSServers]:
    for name in os.environ:
        if name.startswith(VARIABLES) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "servers").mkdir()
    with KMSServers(tmp_path / "servers") as started:
        for name, value in started.environment.items():
            monkeypatch.setenv(name, value)
        started.put("release", "p256")
        started.put("vault", "ed25519")
        yield started


def run(uri: str, *more: str) -> int:
    return main(["run", "-n", "build", "-k", uri, "-p", "app", *more, "--", "sh", "-c", "echo 1 > app"])


def verify(owner: str = "owner.pub") -> int:
    return main(["verify", "-l", "root.layout", "--verification-keys", owner])


def changed(signature: str, *, is_hex: bool) -> str:
    """Return a signature of which one bit is different."""
    data = bytearray(bytes.fromhex(signature) if is_hex else base64.b64decode(signature))
    data[-1] ^= 1
    return data.hex() if is_hex else base64.b64encode(data).decode()


def prepared(uri: str) -> None:
    """Build a layout for a functionary with the key at `uri`, and let the owner sign it with that key, too."""
    assert main(["key", "export", uri, "-o", "builder.pub"]) == 0
    assert main(["key", "export", uri, "-o", "owner.pub"]) == 0
    Path("supply-chain.yaml").write_text(SOURCE)
    assert main(["layout", "build", "supply-chain.yaml"]) == 0
    assert main(["sign", "-f", "root.layout", "-k", uri]) == 0


@pytest.mark.parametrize("dsse", [(), ("--use-dsse",)])
@pytest.mark.parametrize("service", KEYS)
@pytest.mark.usefixtures("servers")
def test_links_and_layouts_signed_by_a_service_verify_until_somebody_changes_them(
    service: str, dsse: tuple[str, ...]
) -> None:
    prepared(KEYS[service])
    assert run(KEYS[service], *dsse) == 0
    assert verify() == 0
    assert verify(KEYS[service]) == 0

    link = next(Path().glob("build.*.link"))
    envelope = json.loads(link.read_bytes())
    envelope["signatures"][0]["sig"] = changed(envelope["signatures"][0]["sig"], is_hex=not dsse)
    link.write_text(json.dumps(envelope))
    assert verify() == 1

    assert run(KEYS[service]) == 0
    assert verify() == 0
    layout = Path("root.layout")
    layout.write_text(layout.read_text().replace('"CREATE"', '"ALLOW"'))
    assert verify() == 1


@pytest.mark.parametrize("service", KEYS)
def test_a_service_that_signs_something_else_leaves_no_link(servers: KMSServers, service: str, capsys: Output) -> None:
    servers.fault = "other-content"
    assert run(KEYS[service]) != 0
    assert "made a signature that is not by key" in capsys.readouterr().err
    assert list(Path().glob("*.link*")) == []


def test_a_key_that_cannot_be_reached_is_noticed_before_the_command_runs(servers: KMSServers, capsys: Output) -> None:
    servers.fault = "denied"
    assert run(KEYS["vault"]) == 2
    assert "Vault did not give the public key of 'hashivault://vault'" in capsys.readouterr().err
    assert not Path("app").exists()


@pytest.mark.parametrize("service", KEYS)
@pytest.mark.usefixtures("servers")
def test_a_key_is_shown(service: str, capsys: Output) -> None:
    assert main(["key", "show", "--format", "json", KEYS[service]]) == 0
    (shown,) = json.loads(capsys.readouterr().out)
    assert (shown["file"], shown["kind"]) == (KEYS[service], "public")


def test_a_key_with_a_new_version_takes_the_place_of_the_old_one(servers: KMSServers) -> None:
    prepared("hashivault://vault/1")
    assert run("hashivault://vault/1") == 0
    old = json.loads(next(Path().glob("build.*.link")).read_bytes())["signatures"][0]["keyid"]
    servers.keys["vault"].append(new_key("ed25519"))
    assert main(["layout", "rotate-key", "root.layout", old, "hashivault://vault", "--keep-old-until", "1 week"]) == 0
    assert main(["sign", "-f", "root.layout", "-k", "hashivault://vault/1"]) == 0
    assert verify() == 0
    next(Path().glob("build.*.link")).unlink()
    assert run("hashivault://vault") == 0
    assert verify() == 0


@pytest.mark.parametrize("service", KEYS)
def test_a_source_cannot_name_such_a_key(servers: KMSServers, service: str, capsys: Output) -> None:
    Path("supply-chain.yaml").write_text(SOURCE.replace("builder.pub", json.dumps(KEYS[service])))
    assert main(["layout", "build", "supply-chain.yaml"]) == 2
    assert "keys cannot be read from" in capsys.readouterr().err
    assert servers.asked == []


@pytest.mark.parametrize("service", KEYS)
@pytest.mark.parametrize("fault", ["", "denied", "hangs"])
def test_a_process_of_its_own_prints_one_sentence_and_ends(servers: KMSServers, service: str, fault: str) -> None:
    servers.fault = fault
    uri = f"{KEYS[service]}?timeout={1 if fault == 'hangs' else 60}"
    done = subprocess.run(
        [sys.executable, "-m", "custody", "run", "-n", "a", "-k", uri, "-p", ".", "--", "true"],
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert done.returncode == (2 if fault else 0)
    assert len(done.stderr.splitlines()) == (1 if fault else 0), done.stderr
    assert done.stderr.startswith("custody run: " if fault else "")
    assert done.stdout == ""
