"""`in-toto-keygen`: pairs of PEM files that the reference reads, and no key is ever overwritten."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from tests.compat.sides import Place
from tests.unit.signing.terminal import custody_on_terminal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.compat.sides import Ran, Reference

COMMAND = "from in_toto.in_toto_keygen import main; main()"


def keygen(place: Place, *arguments: str) -> Ran:
    return place.command("in-toto-keygen", *arguments)


def private_key(path: Path, password: bytes | None = None) -> object:
    return serialization.load_pem_private_key(path.read_bytes(), password)


def test_without_options_it_is_an_rsa_key_of_3072_bits(here: Place) -> None:
    assert keygen(here, "build-system") == (0, "", "")
    key = private_key(here.final / "build-system")
    assert isinstance(key, rsa.RSAPrivateKey)
    assert key.key_size == 3072
    assert (here.final / "build-system").read_text().startswith("-----BEGIN PRIVATE KEY-----")
    assert (here.final / "build-system.pub").read_text().startswith("-----BEGIN PUBLIC KEY-----")
    assert stat.S_IMODE((here.final / "build-system").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("rsa", rsa.RSAPrivateKey),
        ("ed25519", ed25519.Ed25519PrivateKey),
        ("ecdsa", ec.EllipticCurvePrivateKey),
    ],
)
@pytest.mark.parametrize("flag", ["-t", "--type"])
def test_the_type_decides(here: Place, kind: str, expected: type, flag: str) -> None:
    assert keygen(here, flag, kind, "key").code == 0
    assert isinstance(private_key(here.final / "key"), expected)


@pytest.mark.parametrize("flag", ["-b", "--bits"])
def test_the_size_of_an_rsa_key_can_be_chosen(here: Place, flag: str) -> None:
    assert keygen(here, flag, "2048", "key").code == 0
    key = private_key(here.final / "key")
    assert isinstance(key, rsa.RSAPrivateKey)
    assert key.key_size == 2048
    ran = keygen(here, flag, "1024", "weak")
    assert ran.code == 1
    assert ran.err.startswith("(in-toto-keygen) ValueError: expected 2048 to 16384 bits for RSA, got 1024")
    assert not (here.final / "weak").exists()


def test_a_size_for_a_key_that_has_one_only_is_ignored_with_a_warning(here: Place) -> None:
    ran = keygen(here, "-t", "ed25519", "-b", "3072", "key")
    assert ran.code == 0
    assert "'--bits 3072' is ignored" in ran.err
    assert keygen(here, "-q", "-t", "ed25519", "-b", "3072", "other") == (0, "", "")


@pytest.mark.parametrize("flag", ["-n", "--name"])
def test_the_name_may_come_with_an_option(here: Place, flag: str) -> None:
    assert keygen(here, "-t", "ed25519", flag, "builder-2025").code == 0
    assert sorted(path.name for path in here.final.iterdir()) == ["builder-2025", "builder-2025.pub"]


def test_directories_are_made_for_the_key(here: Place) -> None:
    assert keygen(here, "--type", "ed25519", "keys/owner").code == 0
    assert (here.final / "keys" / "owner.pub").exists()
    assert stat.S_IMODE((here.final / "keys").stat().st_mode) == 0o700


@pytest.mark.parametrize("taken", ["key", "key.pub"])
def test_nothing_is_ever_overwritten(here: Place, taken: str) -> None:
    path = here.final / taken
    path.write_text("precious")
    ran = keygen(here, "-t", "ed25519", "key")
    assert ran.code == 1
    assert ran.err == (
        f"(in-toto-keygen) FileExistsError: {taken!r} exists already and is left as it is; choose another name\n"
    )
    assert path.read_text() == "precious"
    assert os.listdir(here.final) == [taken]
    path.unlink()
    assert keygen(here, "-t", "ed25519", "key").code == 0


def test_a_symlink_to_nothing_is_not_followed(here: Place) -> None:
    (here.final / "key").symlink_to(here.root / "elsewhere")
    assert keygen(here, "-t", "ed25519", "key").code == 1
    assert not (here.root / "elsewhere").exists()


@pytest.mark.parametrize("flag", ["-p", "--prompt"])
def test_a_password_is_asked_for_twice_and_encrypts_the_key(tmp_path: Path, flag: str) -> None:
    session = custody_on_terminal(
        "-t", "ed25519", flag, "key", cwd=str(tmp_path), answers=["hunter2", "hunter2"], command=COMMAND
    )
    assert session.code == 0, session
    assert "hunter2" not in session.screen
    assert isinstance(private_key(tmp_path / "key", b"hunter2"), ed25519.Ed25519PrivateKey)
    with pytest.raises(TypeError):
        private_key(tmp_path / "key")
    session = custody_on_terminal(
        "-t", "ed25519", flag, "other", cwd=str(tmp_path), answers=["hunter2", "hunter3"], command=COMMAND
    )
    assert session.code == 1
    assert not (tmp_path / "other").exists()


def test_arguments_that_make_no_sense_are_2(here: Place) -> None:
    for arguments in ((), ("-t", "dsa", "key"), ("-b", "many", "key"), ("-v", "-q", "key"), ("one", "two")):
        assert keygen(here, *arguments).code == 2, arguments
    assert os.listdir(here.final) == []


def test_verbose_says_where_the_keys_are_and_quiet_not_even_what_failed(here: Place) -> None:
    assert "Wrote 'key' and 'key.pub', key id " in keygen(here, "-v", "-t", "ed25519", "key").err
    assert keygen(here, "-q", "-t", "ed25519", "key") == (1, "", "")


def test_the_version_is_told(here: Place) -> None:
    assert keygen(here, "--version").out.startswith("in-toto-keygen 3.1.0 (custody ")


@pytest.mark.component("reference")
@pytest.mark.parametrize("kind", ["rsa", "ed25519", "ecdsa"])
def test_the_reference_signs_and_verifies_with_such_keys(
    here: Place, kind: str, start_reference: Callable[[], Reference]
) -> None:
    assert keygen(here, "-t", kind, "key").code == 0
    assert keygen(here, "-t", kind, "other").code == 0
    reference = start_reference()
    cwd = here.final
    assert reference.command("in-toto-run", "-n", "s", "--signing-key", "key", "-x", cwd=cwd).code == 0
    link = next(cwd.glob("s.*.link")).name
    for key, code in (("key.pub", 0), ("other.pub", 1)):
        assert reference.command("in-toto-sign", "-f", link, "--verify", "-k", key, cwd=cwd).code == code
        assert here.command("in-toto-sign", "-f", link, "--verify", "-k", key).code == code
