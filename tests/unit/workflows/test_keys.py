"""Key files of every form are read to the same key, and what is none is named."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from custody.errors import FormatError, StoreError
from custody.signing.keypair import KeyPair, generate, write_pair
from custody.workflows.keys import describe_key, read_any_key, read_public_key, read_public_keys, written

Make = Callable[..., KeyPair]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def made(name: str = "alice", kind: str = "ed25519") -> KeyPair:
        bits = 2048 if kind == "rsa" else None
        return write_pair(str(tmp_path / name), generate(kind, bits=bits))

    return made


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "ecdsa-p384", "ecdsa-p521", "rsa"])
@pytest.mark.parametrize("form", ["pem", "metadata"])
def test_forms_hold_the_same_key(kind: str, form: str, make: Make, tmp_path: Path) -> None:
    pair = make(kind=kind)
    path = tmp_path / "converted"
    path.write_bytes(written(pair.public_key, form))
    assert read_public_key(str(path)) == pair.public_key
    path.write_bytes(path.read_bytes().replace(b"public", b"pUblic").replace(b"PUBLIC", b"PUBLiC"))
    with pytest.raises(FormatError, match="converted"):
        read_public_key(str(path))


def test_key_id_in_json_is_computed_anew(make: Make, tmp_path: Path) -> None:
    """D3: whoever writes the file chooses the label, so it proves nothing."""
    key = make().public_key
    document = json.loads(written(key, "metadata"))
    path = tmp_path / "key.json"
    for change in ({"keyid": "f" * 64}, {"keyid_hash_algorithms": ["sha256", "sha512"]}):
        path.write_text(json.dumps({**document, **change}))
        assert read_public_key(str(path)).keyid == key.keyid
    del document["keyid"]
    path.write_text(json.dumps(document))
    assert read_public_key(str(path)) == key


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"keyval": {"public": "00"}}, "keyval.public: expected 64 hexadecimal digits"),
        ({"keytype": "sphincs"}, "'sphincs'"),
        ({"scheme": 7}, "scheme: expected text"),
        ({"valid_until": "tomorrow"}, "valid_until: unknown field"),
        ({"keyval": {"public": "0" * 64, "private": "1" * 64}}, "expected no private key"),
    ],
)
def test_json_that_is_no_key_is_refused(change: dict[str, object], said: str, make: Make, tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    path.write_text(json.dumps({**json.loads(written(make().public_key, "metadata")), **change}))
    with pytest.raises(FormatError, match=said) as raised:
        read_public_key(str(path))
    assert str(raised.value).startswith(str(path))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", "a certificate; take its key out"),
        ("-----BEGIN RSA PUBLIC KEY-----\nMIIB\n-----END RSA PUBLIC KEY-----\n", "the older form"),
        ("-----BEGIN PGP PUBLIC KEY BLOCK-----\n", "not an OpenPGP public key"),
        ("-----BEGIN PGP PRIVATE KEY BLOCK-----\n", "a private OpenPGP key; export the public one"),
        ("ssh-ed25519 AAAA me", "not an OpenSSH public key"),
        ("---- BEGIN SSH2 PUBLIC KEY ----\n", "the form of other SSH programs"),
        ("", "expected one PEM block"),
        ("-----BEGIN PUBLIC KEY-----\nMCow", "cut off"),
        ("{", "not JSON"),
        ("{}", "keytype: missing"),
    ],
)
def test_what_is_no_public_key_is_named(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text(text)
    with pytest.raises(FormatError, match=said):
        read_public_key(str(path))


def test_private_key_is_refused_as_a_public_one(make: Make) -> None:
    pair = make()
    with pytest.raises(FormatError, match=r"alice: expected a public key.*give the \.pub file"):
        read_public_key(pair.private_path)


def test_bytes_and_missing_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "der").write_bytes(b"\x30\x82\xff")
    with pytest.raises(FormatError, match="got bytes"):
        read_public_key(str(tmp_path / "der"))
    with pytest.raises(StoreError, match="No such file"):
        read_public_key(str(tmp_path / "none"))
    (tmp_path / "large").write_bytes(b"x" * (1024 * 1024 + 1))
    with pytest.raises(StoreError, match="at most 1048576 bytes"):
        read_public_key(str(tmp_path / "large"))


def test_same_key_twice_counts_once(make: Make, tmp_path: Path) -> None:
    alice, bob = make(), make("bob")
    (tmp_path / "alice.json").write_bytes(written(alice.public_key, "metadata"))
    paths = [alice.public_path, bob.public_path, str(tmp_path / "alice.json")]
    assert read_public_keys(paths) == (alice.public_key, bob.public_key)


def test_scheme_is_for_rsa(make: Make) -> None:
    rsa, alice = make("rsa", "rsa"), make()
    assert read_public_key(rsa.public_path, scheme="rsassa-pss-sha512").scheme == "rsassa-pss-sha512"
    with pytest.raises(FormatError, match="for the scheme ed25519"):
        read_public_key(alice.public_path, scheme="rsassa-pss-sha512")


@pytest.mark.component("openssl")
def test_fingerprint_is_openssl_s(make: Make, tmp_path: Path) -> None:
    pair = make(kind="ecdsa")
    command = ["openssl", "pkey", "-pubin", "-in", pair.public_path, "-outform", "DER", "-out", str(tmp_path / "der")]
    subprocess.run(command, check=True)
    digest = subprocess.run(
        ["openssl", "dgst", "-sha256", "-r", str(tmp_path / "der")], capture_output=True, check=True
    )
    facts = describe_key(read_any_key(pair.private_path))
    assert digest.stdout.decode().split()[0] == facts["spki_sha256"]
    assert facts["kind"] == "private"
    assert facts["bits"] == 256
    assert describe_key(read_any_key(pair.public_path)) == {**facts, "kind": "public"}
