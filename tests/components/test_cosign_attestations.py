"""cosign verifies what custody attests, and custody what cosign attests: with keys, and without asking any service."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from custody.cli.exits import ACCEPTED, REJECTED
from custody.signing.keypair import generate, write_pair
from custody.stores.registry import open_repository
from tests.attachments import put_image
from tests.attestation_files import TYPE, attest, make_keys, statement_in, verify
from tests.conftest import REFERENCE
from tests.registries import DebianRegistry, debian_registry

Capture = pytest.CaptureFixture[str]
OTHER = "https://example.com/Other/v1"
HTTP = "--allow-http-registry"

pytestmark = pytest.mark.component("docker-registry")

VERSIONS = [pytest.param(version, marks=pytest.mark.component(f"cosign-{version}")) for version in (2, 3)]


@pytest.fixture(autouse=True)
def _directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COSIGN_PASSWORD", "geheim")
    make_keys("mallory")
    write_pair("owner", generate("ecdsa"))


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[DebianRegistry]:
    with debian_registry(tmp_path / "registry") as running:
        yield running


@pytest.fixture
def image(registry: DebianRegistry) -> str:
    """An image in the registry."""
    store = open_repository(registry.reference("shop/app:v1"), options=registry.options())
    put_image(store, "v1")
    return f"{registry.host}/shop/app:v1"


def cosign(version: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [f"{REFERENCE}/cosign-{version}/cosign", *arguments]
    return subprocess.run(argv, check=False, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("key", ["owner", "mallory"])
def test_cosign_verifies_what_custody_attests(version: int, key: str, image: str) -> None:
    """A key of P-256 and one of Ed25519; each version finds what was put where it looks first."""
    assert attest(image, *(["--legacy"] if version == 2 else []), "--plain-http", key=key) == 0
    other = {"owner": "mallory", "mallory": "owner"}[key]
    given = ("verify-attestation", "--insecure-ignore-tlog", HTTP)

    found = cosign(version, *given, "--key", f"{key}.pub", "--type", TYPE, image)
    assert found.returncode == 0, found.stderr
    assert statement_in(json.loads(found.stdout.splitlines()[0]))["predicate"]["passed"] == 42
    assert cosign(version, *given, "--key", f"{key}.pub", "--type", OTHER, image).returncode != 0
    assert cosign(version, *given, "--key", f"{other}.pub", "--type", TYPE, image).returncode != 0


@pytest.mark.parametrize("version", VERSIONS)
def test_custody_verifies_what_cosign_attests(version: int, image: str, capsys: Capture) -> None:
    assert cosign(version, "generate-key-pair").returncode == 0
    offline = ["--tlog-upload=false", *(["--use-signing-config=false"] if version == 3 else [])]
    given = ("attest", "--yes", "--key", "cosign.key", *offline, HTTP, "--predicate", "predicate.json", "--type", TYPE)
    made = cosign(version, *given, image)
    assert made.returncode == 0, made.stderr
    capsys.readouterr()

    assert verify(image, "--plain-http", key="cosign.pub") == ACCEPTED
    assert statement_in(json.loads(capsys.readouterr().out))["predicate"]["passed"] == 42
    assert verify(image, "--plain-http", "--field", "predicate.passed=43", key="cosign.pub") == REJECTED
    assert verify(image, "--plain-http", "--type", OTHER, key="cosign.pub") == REJECTED
    assert verify(image, "--plain-http", key="owner.pub") == REJECTED
    assert attest(image, "--plain-http", "--legacy" if version == 2 else "--yes", key="cosign.key") == 0


@pytest.mark.component("cosign-3")
def test_cosign_verifies_the_bundle_of_a_file() -> None:
    assert attest("app", "--format", "bundle", "-o", "bundle.json", key="owner") == 0
    given = ("verify-blob-attestation", "--key", "owner.pub", "--bundle", "bundle.json", "--insecure-ignore-tlog")

    found = cosign(3, *given, "--type", TYPE, "app")
    assert found.returncode == 0, found.stderr
    assert cosign(3, *given, "--type", OTHER, "app").returncode != 0
    Path("app").write_text("changed")
    assert cosign(3, *given, "--type", TYPE, "app").returncode != 0
