"""A pair is two files: both are there, with the right modes, or neither is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from custody.errors import StoreError, UsageError
from custody.keys.public import key_of_pem
from custody.signing.keyfile import signer_of_file
from custody.signing.keypair import generate, write_pair
from custody.signing.registry import load_signer
from custody.signing.secret import SecretSource
from custody.signing.signer import Request


@pytest.fixture
def umask_0() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("umask_0")
def test_private_file_is_for_its_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    pair = write_pair(str(tmp_path / "alice"), generate())
    assert Path(pair.private_path).stat().st_mode & 0o777 == 0o600
    assert Path(pair.public_path).stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "ecdsa-p384", "ecdsa-p521"])
def test_kind_decides_the_scheme(kind: str, tmp_path: Path) -> None:
    pair = write_pair(str(tmp_path / "k"), generate(kind))
    schemes = {
        "ed25519": "ed25519",
        "ecdsa": "ecdsa-sha2-nistp256",
        "ecdsa-p384": "ecdsa-sha2-nistp384",
        "ecdsa-p521": "ecdsa-sha2-nistp521",
    }
    assert key_of_pem(Path(pair.public_path).read_text(), "").scheme == schemes[kind]


def test_size_of_rsa_is_chosen() -> None:
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = generate("rsa", bits=2048)
    assert isinstance(key, rsa.RSAPrivateKey)
    assert key.key_size == 2048


@pytest.mark.parametrize(
    ("kind", "bits", "said"),
    [
        ("rsa", 2047, "2048 to 16384 bits for RSA, got 2047"),
        ("rsa", 16385, "got 16385"),
        ("rsa", 0, "got 0"),
        ("ed25519", 256, "one size only"),
        ("dsa", None, "'dsa' is no type of key"),
    ],
)
def test_keys_that_make_no_sense_are_not_made(kind: str, bits: int | None, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        generate(kind, bits=bits)


@pytest.mark.parametrize("taken", ["alice", "alice.pub"])
def test_existing_file_is_never_overwritten(taken: str, tmp_path: Path) -> None:
    (tmp_path / taken).write_text("precious")
    with pytest.raises(StoreError, match=f"{taken}' exists already and is left as it is"):
        write_pair(str(tmp_path / "alice"), generate())
    assert [p.name for p in tmp_path.iterdir()] == [taken]
    assert (tmp_path / taken).read_text() == "precious"


def test_dangling_symlink_counts_as_existing(tmp_path: Path) -> None:
    (tmp_path / "alice").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="exists already"):
        write_pair(str(tmp_path / "alice"), generate())
    assert not (tmp_path / "elsewhere").exists()


def test_pair_is_replaced_on_request(tmp_path: Path) -> None:
    first = write_pair(str(tmp_path / "alice"), generate())
    second = write_pair(str(tmp_path / "alice"), generate(), replace=True)
    assert first.public_key != second.public_key
    assert signer_of_file(second.private_path, Request()).public_key == second.public_key
    assert key_of_pem(Path(second.public_path).read_text(), "") == second.public_key


def test_failed_second_file_takes_the_first_with_it(tmp_path: Path) -> None:
    name = "a" * 253  # a file name may have 255 bytes, and '.pub' makes it 257
    with pytest.raises(StoreError, match=r"public key .*File name too long"):
        write_pair(str(tmp_path / name), generate())
    assert list(tmp_path.iterdir()) == []
    write_pair(str(tmp_path / name[:251]), generate())
    assert len(list(tmp_path.iterdir())) == 2


def test_failed_replacement_leaves_the_old_key(tmp_path: Path) -> None:
    before = write_pair(str(tmp_path / "alice"), generate())
    content = Path(before.private_path).read_bytes()
    Path(before.public_path).unlink()
    Path(before.public_path).mkdir()
    with pytest.raises(StoreError, match="public key"):
        write_pair(str(tmp_path / "alice"), generate(), replace=True)
    assert Path(before.private_path).read_bytes() == content
    assert Path(before.private_path).stat().st_mode & 0o777 == 0o600
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("name", ["keys/", "", "alice.pub"])
def test_names_that_are_none_for_a_private_key_are_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("keys").mkdir()
    with pytest.raises(UsageError):
        write_pair(name, generate())
    assert [p.name for p in tmp_path.rglob("*")] == ["keys"]


def test_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"there is no directory '.*/keys'; make it first"):
        write_pair(str(tmp_path / "keys" / "alice"), generate())
    assert list(tmp_path.iterdir()) == []


def test_encrypted_pair_opens_with_its_passphrase_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = write_pair(str(tmp_path / "alice"), generate(), passphrase=b"geheim")
    assert b"ENCRYPTED PRIVATE KEY" in Path(pair.private_path).read_bytes()
    monkeypatch.setenv("WORD", "geheim")
    assert load_signer(pair.private_path, SecretSource(environment="WORD")).public_key == pair.public_key
    with pytest.raises(UsageError, match="is encrypted"):
        load_signer(pair.private_path)
