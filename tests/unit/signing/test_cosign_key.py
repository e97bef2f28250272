"""cosign's key files are opened and written; wrong passphrases, damage and dear parameters are refused."""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from nacl.secret import SecretBox

from custody.errors import CustodyError, FormatError, SignatureError, UsageError
from custody.keys.public import key_of_pem
from custody.signing import costs
from custody.signing.cosign_key import write_cosign
from custody.signing.keyfile import KeySigner
from custody.signing.keypair import generate
from custody.signing.registry import load_signer
from custody.signing.secret import MAX_PASSPHRASE_BYTES, SecretSource
from custody.signing.signer import Request

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "foreign_keys.json").read_bytes())["cosign"]
"""Written by the Go library with which cosign writes its keys."""

MESSAGE = b"what was made of what"
PASSPHRASE = "correct horse"


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COSIGN_PASSWORD", PASSPHRASE)
    return written(VECTORS[0]["private"])


def written(text: str) -> Path:
    path = Path("cosign.key")
    path.write_text(text)
    path.chmod(0o600)
    return path


def document_of(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.b64decode("".join(text.splitlines()[1:-1])))
    return found


def pem_of(document: object) -> str:
    body = base64.encodebytes(json.dumps(document).encode()).decode()
    return f"-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n{body}-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n"


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["name"]))
def test_key_of_cosign_opens_and_signs(vector: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COSIGN_PASSWORD", vector["passphrase"])
    signer = KeySigner.from_pem(vector["private"].encode(), "cosign.key", Request())
    public = key_of_pem(vector["public"], "")
    assert signer.public_key == public
    assert public.verify(signer.sign(MESSAGE), MESSAGE)
    assert not public.verify(signer.sign(MESSAGE), MESSAGE + b".")


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["name"]))
def test_another_passphrase_opens_nothing(vector: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COSIGN_PASSWORD", vector["passphrase"] + "x")
    with pytest.raises(SignatureError, match=r"the passphrase of 'cosign\.key' is wrong"):
        KeySigner.from_pem(vector["private"].encode(), "cosign.key", Request())


def test_uri_and_path_name_the_same_key(key: Path) -> None:
    signers = [load_signer(uri) for uri in ("cosign:cosign.key", "COSIGN:cosign.key", "cosign.key", f"file:{key}")]
    assert {signer.public_key for signer in signers} == {key_of_pem(VECTORS[0]["public"], "")}


def test_key_from_the_environment_opens(key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", key.read_text())
    assert load_signer("env:KEY").public_key == load_signer(str(key)).public_key


def test_uri_of_cosign_takes_no_other_key(key: Path) -> None:
    assert load_signer(f"cosign:{key}").public_key.keyid
    Path("alice").write_text("-----BEGIN PRIVATE KEY-----\nMC4=\n-----END PRIVATE KEY-----\n")
    with pytest.raises(FormatError, match="alice: expected a cosign key, got something else; leave 'cosign:' out"):
        load_signer("cosign:alice")
    with pytest.raises(UsageError, match="'cosign:' names no file"):
        load_signer("cosign:")


def test_given_passphrase_goes_before_the_variable(key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORD", PASSPHRASE)
    monkeypatch.setenv("COSIGN_PASSWORD", "another")
    assert load_signer(str(key), SecretSource(environment="WORD")).public_key.keyid
    monkeypatch.setenv("COSIGN_PASSWORD", PASSPHRASE)
    monkeypatch.setenv("WORD", "another")
    with pytest.raises(SignatureError, match="is wrong"):
        load_signer(str(key), SecretSource(environment="WORD"))


def test_without_a_passphrase_the_variable_is_named(key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COSIGN_PASSWORD")
    with pytest.raises(UsageError, match=r"'cosign\.key' is a cosign key: set COSIGN_PASSWORD, or .*--password"):
        load_signer(str(key))


def test_passphrase_in_the_variable_has_a_limit(key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COSIGN_PASSWORD", "x" * MAX_PASSPHRASE_BYTES)
    with pytest.raises(SignatureError, match="is wrong"):
        load_signer(str(key))
    monkeypatch.setenv("COSIGN_PASSWORD", "x" * (MAX_PASSPHRASE_BYTES + 1))
    with pytest.raises(UsageError, match="longer than 1023 bytes"):
        load_signer(str(key))


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("kdf", "name"), "argon2", "kdf.name"),
        (("kdf", "params", "N"), 65535, "power of 2"),
        (("kdf", "params", "N"), 2**18, "N * r * p from 1 to 1048576, got N=262144, r=8, p=1"),
        (("kdf", "params", "N"), 10**40, "got N=more than 1000000000000"),
        (("kdf", "params", "N"), 0, "kdf.params.N"),
        (("kdf", "params", "N"), True, "kdf.params.N"),
        (("kdf", "params", "r"), 2**14, "N * r * p"),
        (("kdf", "params", "p"), 2**10, "N * r * p"),
        (("kdf", "salt"), "?", "kdf.salt: expected base64"),
        (("cipher", "name"), "aes", "cipher.name"),
        (("cipher", "nonce"), "AAAA", "nonce"),
        (("ciphertext",), 7, "ciphertext: expected text"),
        (("ciphertext",), None, "ciphertext"),
    ],
)
def test_damaged_and_dear_keys_are_refused(path: tuple[str, ...], value: object, said: str, key: Path) -> None:
    document = document_of(key.read_text())
    written(pem_of(document))
    assert load_signer(str(key)).public_key.keyid
    inner = document
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    written(pem_of(document))
    with pytest.raises(FormatError) as raised:
        load_signer(str(key))
    assert str(raised.value).startswith("cosign.key: ")
    assert said in str(raised.value)


def test_changed_ciphertext_is_refused(key: Path) -> None:
    document = document_of(key.read_text())
    sealed = bytearray(base64.b64decode(document["ciphertext"]))
    for position in (0, len(sealed) // 2, len(sealed) - 1):
        changed = bytes(byte ^ (index == position) for index, byte in enumerate(sealed))
        written(pem_of({**document, "ciphertext": base64.b64encode(changed).decode()}))
        with pytest.raises(SignatureError, match="is wrong, or the file is damaged"):
            load_signer(str(key))


@pytest.mark.parametrize("text", ["", "[]", "{", "null", '{"kdf": 1}'])
def test_content_that_is_no_key_is_named(text: str, key: Path) -> None:
    body = base64.b64encode(text.encode()).decode()
    written(f"-----BEGIN ENCRYPTED COSIGN PRIVATE KEY-----\n{body}\n-----END ENCRYPTED COSIGN PRIVATE KEY-----\n")
    with pytest.raises(FormatError, match=r"cosign\.key: not a cosign key"):
        load_signer(str(key))


def test_parameters_are_judged_before_a_passphrase_is_asked_for(key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COSIGN_PASSWORD")
    monkeypatch.setattr(costs, "MAX_SCRYPT_COST", 65536 * 8)
    with pytest.raises(UsageError, match="COSIGN_PASSWORD"):
        load_signer(str(key))
    monkeypatch.setattr(costs, "MAX_SCRYPT_COST", 65536 * 8 - 1)
    with pytest.raises(FormatError, match="is this key from somebody you trust"):
        load_signer(str(key))


def test_written_key_opens_by_other_code() -> None:
    """Another implementation of the form: `hashlib` for scrypt, NaCl for the box, as cosign's own reader does it."""
    made = generate("ecdsa")
    document = document_of(write_cosign(made, PASSPHRASE.encode()).decode())
    assert document["kdf"]["params"] == {"N": 65536, "r": 8, "p": 1}
    salt = base64.b64decode(document["kdf"]["salt"])
    assert len(salt) == 32
    stretched = hashlib.scrypt(PASSPHRASE.encode(), salt=salt, n=65536, r=8, p=1, dklen=32, maxmem=2**27)
    box = SecretBox(stretched)
    der = box.decrypt(base64.b64decode(document["ciphertext"]), base64.b64decode(document["cipher"]["nonce"]))
    pem = base64.encodebytes(der).decode()
    opened = KeySigner.from_pem(
        f"-----BEGIN PRIVATE KEY-----\n{pem}-----END PRIVATE KEY-----\n".encode(), "", Request()
    )
    assert opened.public_key.verify(opened.sign(MESSAGE), MESSAGE)


def test_same_key_is_written_differently_each_time() -> None:
    made = generate("ecdsa")
    first, second = (document_of(write_cosign(made, b"x").decode()) for _ in range(2))
    assert first["kdf"]["salt"] != second["kdf"]["salt"]
    assert first["cipher"]["nonce"] != second["cipher"]["nonce"]


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa-p384", "rsa", "ml-dsa-65"])
def test_key_that_cosign_would_use_otherwise_is_not_written(kind: str) -> None:
    with pytest.raises(UsageError, match="only an ECDSA key on P-256"):
        write_cosign(generate(kind, bits=2048 if kind == "rsa" else None), b"x")


def test_without_the_extra_it_is_named(key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nacl.secret", None)
    with pytest.raises(UsageError, match=r"pip install 'custody\[cosign\]'"):
        load_signer(str(key))
    with pytest.raises(UsageError, match=r"pip install 'custody\[cosign\]'"):
        write_cosign(generate("ecdsa"), b"x")


def test_no_message_shows_a_secret(key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COSIGN_PASSWORD", "geheim")
    with pytest.raises(CustodyError) as raised:
        load_signer(str(key))
    assert "geheim" not in str(raised.value)
    monkeypatch.setenv("COSIGN_PASSWORD", PASSPHRASE)
    assert PASSPHRASE not in repr(load_signer(str(key)))
