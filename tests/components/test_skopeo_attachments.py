"""What skopeo copies between registries and directories is found there by custody, and still judged."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from custody.cli.main import main
from custody.oci.descriptor import Descriptor
from custody.oci.documents import read_documents
from custody.oci.manifest import Index
from custody.stores.registry import open_repository
from custody.stores.registry.repository import RegistryRepository
from custody.workflows.attach import attach
from tests.attachments import TYPE, put_image
from tests.registries import DebianRegistry, debian_registry

pytestmark = [pytest.mark.component("docker-registry"), pytest.mark.component("skopeo")]

LEGACY = "https://example.com/legacy"


@pytest.fixture
def registries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[DebianRegistry, DebianRegistry]]:
    monkeypatch.chdir(tmp_path)
    for name in ("alice", "bob"):
        assert main(["keygen", name]) == 0
    Path("predicate.json").write_text('{"passed": 42}')
    with debian_registry(tmp_path / "first") as first, debian_registry(tmp_path / "second") as second:
        yield first, second


@pytest.fixture
def attested(registries: tuple[DebianRegistry, DebianRegistry]) -> Iterator[tuple[str, RegistryRepository, Descriptor]]:
    """An image with a referrer and a `.att` manifest: the name of its repository, that, and the image."""
    reference = registries[0].reference("shop/app:v1")
    store = open_repository(reference, options=registries[0].options())
    image = put_image(store, "v1")
    for predicate_type, more in ((TYPE, []), (LEGACY, ["--legacy"])):
        arguments = ["--key", "alice", "--type", predicate_type, "--predicate", "predicate.json", *more]
        assert main(["attest", "--plain-http", str(reference), *arguments]) == 0
    yield reference.name, store, image
    store.close()


def skopeo_copy(source: str, target: str) -> None:
    """Copy an image as it is; the list of referrers skopeo cannot copy without changing it."""
    options = ["--insecure-policy", "copy", "--all", *(["--preserve-digests"] if source.endswith(":v1") else [])]
    tls = ["--src-tls-verify=false", "--dest-tls-verify=false"]
    subprocess.run(["skopeo", *options, *tls, source, target], check=True, capture_output=True)


def tags_of(image: Descriptor) -> tuple[str, str, str]:
    return ("v1", f"sha256-{image.digest.hex}", f"sha256-{image.digest.hex}.att")


def verdicts(target: str, *more: str) -> dict[str, int]:
    found = {}
    for predicate_type in (TYPE, LEGACY):
        for key in ("alice", "bob"):
            arguments = ["--key", f"{key}.pub", "--type", predicate_type, target, *more]
            found[f"{key} {predicate_type}"] = main(["verify-attestation", *arguments])
    return found


EXPECTED = {f"alice {TYPE}": 0, f"bob {TYPE}": 1, f"alice {LEGACY}": 0, f"bob {LEGACY}": 1}


def test_copy_to_another_registry_is_still_attested(
    registries: tuple[DebianRegistry, DebianRegistry], attested: tuple[str, RegistryRepository, Descriptor]
) -> None:
    name, _, image = attested
    reference = registries[1].reference("copies/app:v1")
    for tag in tags_of(image):
        skopeo_copy(f"docker://{name}:{tag}", f"docker://{reference.name}:{tag}")

    store = open_repository(reference, options=registries[1].options())
    listed = store.manifest(tags_of(image)[1])
    store.close()

    assert isinstance(listed, Index)
    assert [entry.artifact_type for entry in listed.manifests] == [""]  # skopeo has lost it
    assert verdicts(f"{reference.name}@{image.digest}", "--plain-http") == EXPECTED


def test_copy_without_what_hangs_on_it_is_not_attested(
    registries: tuple[DebianRegistry, DebianRegistry], attested: tuple[str, RegistryRepository, Descriptor]
) -> None:
    name, _, image = attested
    reference = registries[1].reference("copies/app:v1")
    skopeo_copy(f"docker://{name}:v1", f"docker://{reference.name}:v1")

    assert set(verdicts(f"{reference.name}@{image.digest}", "--plain-http").values()) == {1}


def test_copy_to_a_directory_and_back_is_still_attested(
    registries: tuple[DebianRegistry, DebianRegistry], attested: tuple[str, RegistryRepository, Descriptor]
) -> None:
    name, _, image = attested
    reference = registries[1].reference("copies/app:v1")
    for tag in tags_of(image):
        skopeo_copy(f"docker://{name}:{tag}", f"oci:layout:{tag}")
    assert verdicts("oci:layout:v1") == EXPECTED

    for tag in tags_of(image):
        skopeo_copy(f"oci:layout:{tag}", f"docker://{reference.name}:{tag}")
    assert verdicts(str(reference), "--plain-http") == EXPECTED


def test_attestation_that_was_changed_in_a_directory_is_rejected(
    attested: tuple[str, RegistryRepository, Descriptor], capsys: pytest.CaptureFixture[str]
) -> None:
    name, _, image = attested
    for tag in tags_of(image):
        skopeo_copy(f"docker://{name}:{tag}", f"oci:layout:{tag}")
    for blob in Path("layout/blobs/sha256").iterdir():
        if b"dsseEnvelope" in blob.read_bytes():
            blob.write_bytes(blob.read_bytes().replace(b'"sig": "', b'"sig": "A'))

    assert verdicts("oci:layout:v1") == EXPECTED | {f"alice {TYPE}": 1}
    assert "expected" in capsys.readouterr().err  # the digest is another one now


def test_attestation_is_added_to_a_copy_and_both_are_found(
    registries: tuple[DebianRegistry, DebianRegistry],
    attested: tuple[str, RegistryRepository, Descriptor],
    capsys: pytest.CaptureFixture[str],
) -> None:
    name, _, image = attested
    reference = registries[1].reference("copies/app:v1")
    for tag in tags_of(image):
        skopeo_copy(f"docker://{name}:{tag}", f"docker://{reference.name}:{tag}")
    capsys.readouterr()
    assert main(["download", "attestation", "--plain-http", f"{name}:v1"]) == 0
    lines = capsys.readouterr().out.encode()
    store = open_repository(reference, options=registries[1].options())

    for legacy in (False, True):  # each is where the other one was, too
        attach(store, image, read_documents(lines), legacy=legacy)

    assert len(store.referrers(image.digest)) == 3  # the envelope of the copy's bundle has lost its hint
    store.close()
    assert main(["download", "attestation", "--plain-http", str(reference)]) == 0
    after = capsys.readouterr().out
    assert sorted(after.splitlines()) == sorted(lines.decode().splitlines())
    assert verdicts(str(reference), "--plain-http") == EXPECTED
