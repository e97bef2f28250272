"""A signing key is named by a URI; what this installation cannot use it says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from custody.errors import StoreError, UsageError
from custody.signing.keypair import KeyPair, generate, write_pair
from custody.signing.registry import default_registry, environment_name, load_signer
from custody.signing.secret import SecretSource
from custody.signing.signer import Request, Signer


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KeyPair:
    monkeypatch.chdir(tmp_path)
    return write_pair("alice", generate())


@pytest.mark.parametrize("form", ["alice", "./alice", "file:alice", "FILE:alice", "{}/alice", "file:{}/alice"])
def test_file_is_named_by_path_or_uri(form: str, pair: KeyPair, tmp_path: Path) -> None:
    assert load_signer(form.format(tmp_path)).public_key == pair.public_key


def test_file_uri_with_authority_is_percent_decoded(pair: KeyPair, tmp_path: Path) -> None:
    (tmp_path / "a b").write_bytes(Path(pair.private_path).read_bytes())
    assert load_signer(f"file://{tmp_path}/a%20b").public_key == pair.public_key
    assert load_signer(f"file://localhost{tmp_path}/alice").public_key == pair.public_key
    with pytest.raises(UsageError, match="another machine"):
        load_signer(f"file://elsewhere{tmp_path}/alice")


def test_existing_file_with_a_colon_is_a_file(pair: KeyPair) -> None:
    Path("prod:alice").write_bytes(Path("alice").read_bytes())
    assert load_signer("prod:alice").public_key == pair.public_key
    with pytest.raises(UsageError, match="no file 'prod:bob', and 'prod:' is no kind of signing key; there are "):
        load_signer("prod:bob")


@pytest.mark.parametrize("uri", ["env:KEY", "gpg:KEY"])
def test_file_cannot_take_the_place_of_a_scheme(uri: str, pair: KeyPair) -> None:
    """A file in the working directory, which others may have written, never changes what a URI means."""
    Path(uri).write_bytes(Path("alice").read_bytes())
    with pytest.raises(UsageError):
        load_signer(uri)
    assert load_signer(f"./{uri}").public_key == pair.public_key


def test_environment_holds_a_key(pair: KeyPair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", Path("alice").read_text())
    assert load_signer("env:KEY").public_key == pair.public_key
    for uri in ("env:OTHER", "env:"):
        with pytest.raises(UsageError, match="is not set"):
            load_signer(uri)


def test_descriptor_holds_a_key(pair: KeyPair) -> None:
    descriptor = os.open("alice", os.O_RDONLY)
    assert load_signer(f"fd:{descriptor}").public_key == pair.public_key
    os.close(descriptor)
    with pytest.raises(UsageError, match="Bad file descriptor"):
        load_signer(f"fd:{descriptor}")


@pytest.mark.parametrize("uri", ["fd:", "fd:x", "fd:-1", "fd:\u0663"])
def test_descriptor_that_is_no_number_is_refused(uri: str) -> None:
    with pytest.raises(UsageError, match="names no descriptor"):
        load_signer(uri)


@pytest.mark.parametrize(
    "scheme", ["pkcs11", "awskms", "gcpkms", "azurekms", "hashivault", "cosign", "sigstore", "hsm"]
)
def test_key_elsewhere_is_named_by_its_scheme(scheme: str) -> None:
    assert default_registry().split(f"{scheme}:builder") == (scheme, "builder")
    with pytest.raises(UsageError, match=f"'{scheme}er:' is no kind of signing key; there are .*{scheme}:"):
        default_registry().split(f"{scheme}er:builder")


@pytest.mark.parametrize(("uri", "said"), [("", "is empty"), ("file:", "names no file")])
def test_nothing_is_no_key(uri: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        load_signer(uri)


def test_missing_file_is_named() -> None:
    with pytest.raises(StoreError, match="'nowhere/alice': No such file"):
        load_signer("nowhere/alice")


def test_registry_can_learn_a_scheme(pair: KeyPair) -> None:
    def load(rest: str, request: Request) -> Signer:
        return load_signer(rest, request.secret)

    known = default_registry().with_scheme("hsm", load)
    assert load_signer("hsm:alice", registry=known).public_key == pair.public_key
    with pytest.raises(UsageError):
        load_signer("hsm:alice", registry=default_registry())


def test_passphrase_and_remarks_reach_the_key(pair: KeyPair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORD", "geheim")
    locked = write_pair("locked", generate(), passphrase=b"geheim")
    Path("locked").chmod(0o644)
    remarks: list[str] = []
    signer = load_signer("locked", SecretSource(environment="WORD"), remark=remarks.append)
    assert signer.public_key == locked.public_key != pair.public_key
    assert len(remarks) == 1


def test_variable_of_a_uri_is_known() -> None:
    assert environment_name("env:KEY") == "KEY"
    assert environment_name("./env:KEY") == environment_name("alice") == ""
