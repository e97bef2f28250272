"""Key files that securesystemslib wrote for in-toto 1.x are opened; what only looks like one is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from custody.errors import CustodyError, FormatError, SignatureError, UsageError
from custody.signing import costs
from custody.signing.registry import load_signer
from custody.signing.secret import SecretSource
from custody.workflows.keys import describe_key, read_any_key, read_public_key

VECTORS: list[dict[str, str]] = json.loads((Path(__file__).parents[2] / "vectors" / "foreign_keys.json").read_bytes())[
    "in_toto_1"
]
"""Written by securesystemslib 0.31.0."""

BY_NAME = {vector["name"]: vector for vector in VECTORS}
MESSAGE = b"what was made of what"
WORD = SecretSource(environment="WORD")
EVERY = pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["name"]))
ENCRYPTED = pytest.mark.parametrize("name", ["ed25519, encrypted", "ecdsa, encrypted"])


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WORD", "secret")
    monkeypatch.setenv("OTHER", "anderes")


def written(vector: dict[str, str], private: str | None = None) -> str:
    Path("old").write_text(vector["private"] if private is None else private)
    Path("old").chmod(0o600)
    Path("old.pub").write_text(vector["public"])
    return "old"


@EVERY
def test_key_of_in_toto_1_opens_and_signs(vector: dict[str, str]) -> None:
    signer = load_signer(written(vector), WORD)
    public = read_public_key("old.pub")
    assert public.identity == signer.public_key.identity
    assert public.verify(signer.sign(MESSAGE), MESSAGE)
    assert not public.verify(signer.sign(MESSAGE), MESSAGE + b".")


@EVERY
def test_signatures_carry_an_id_that_the_public_file_goes_by(vector: dict[str, str]) -> None:
    """Its PEM had no final newline, so the reference's id of the file is another one than that of the key (D3)."""
    signer, public = load_signer(written(vector), WORD), read_public_key("old.pub")
    assert signer.public_key.keyid in public.own_ids
    if "keyid" in vector["private"]:
        assert json.loads(vector["private"])["keyid"] in public.own_ids | {public.keyid}


@EVERY
def test_private_file_is_known_as_one(vector: dict[str, str]) -> None:
    assert describe_key(read_any_key(written(vector), secret=WORD))["kind"] == "private"
    assert describe_key(read_any_key("old.pub"))["kind"] == "public"
    with pytest.raises(FormatError, match=r"old.*private"):
        read_public_key("old")
    with pytest.raises(FormatError, match="old"):
        load_signer("old.pub")


@ENCRYPTED
def test_wrong_passphrase_is_told(name: str) -> None:
    path = written(BY_NAME[name])
    with pytest.raises(SignatureError, match="the passphrase of 'old' is wrong, or the file is damaged"):
        load_signer(path, SecretSource(environment="OTHER"))
    with pytest.raises(UsageError, match="'old' is encrypted: give its passphrase"):
        load_signer(path)
    assert load_signer(path, WORD).public_key.keyid


@ENCRYPTED
def test_changed_parts_open_nothing(name: str) -> None:
    parts = BY_NAME[name]["private"].split("@@@@")
    for index, part in enumerate(parts):
        if index == 3:
            continue  # the seal does not cover the beginning of the stream
        changed = [*parts[:index], ("1" if part[0] != "1" else "2") + part[1:], *parts[index + 1 :]]
        with pytest.raises(SignatureError):
            load_signer(written(BY_NAME[name], "@@@@".join(changed)), WORD)


@ENCRYPTED
def test_changed_beginning_of_the_stream_opens_no_other_key(name: str) -> None:
    salt, iterations, seal, iv, ciphertext = BY_NAME[name]["private"].split("@@@@")
    changed = "@@@@".join([salt, iterations, seal, iv[::-1], ciphertext])
    with pytest.raises(FormatError, match="old: expected a private key in PEM, or in JSON"):
        load_signer(written(BY_NAME[name], changed), WORD)


@pytest.mark.parametrize(
    "text",
    [
        "@@@@",
        "00@@@@1@@@@00@@@@00@@@@00",
        f"00@@@@x@@@@{'0' * 64}@@@@{'0' * 32}@@@@00",
        f"00@@@@-1@@@@{'0' * 64}@@@@{'0' * 32}@@@@00",
        f"zz@@@@1@@@@{'0' * 64}@@@@{'0' * 32}@@@@00",
        f"00@@@@1@@@@{'0' * 64}@@@@{'0' * 32}@@@@",
        f"00@@@@1@@@@{'0' * 64}@@@@{'0' * 32}@@@@00@@@@00",
        f"000@@@@1@@@@{'0' * 64}@@@@{'0' * 32}@@@@00",
        f"{'0' * 600}@@@@1@@@@{'0' * 64}@@@@{'0' * 32}@@@@00",
    ],
)
def test_encrypted_file_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(FormatError, match="old: expected an"):
        load_signer(written(VECTORS[0], text), WORD)


@pytest.mark.parametrize("iterations", ["0", "10000001", "999999999999"])
def test_dear_passphrase_is_refused_before_it_is_asked_for(iterations: str) -> None:
    text = BY_NAME["ed25519, encrypted"]["private"].replace("@@@@100000@@@@", f"@@@@{iterations}@@@@")
    with pytest.raises(FormatError, match=f"expected 1 to 10000000 iterations over the passphrase, got {iterations}"):
        load_signer(written(VECTORS[0], text), SecretSource(environment="NOT_SET_AT_ALL"))


def test_iterations_up_to_the_limit_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(BY_NAME["ed25519, encrypted"])
    monkeypatch.setattr(costs, "MAX_ITERATIONS", 100_000)
    assert load_signer(path, WORD).public_key.keyid
    monkeypatch.setattr(costs, "MAX_ITERATIONS", 99_999)
    with pytest.raises(FormatError, match="iterations over the passphrase, got 100000"):
        load_signer(path, WORD)


def changed_json(name: str, change: dict[str, Any]) -> str:
    document = json.loads(BY_NAME[name]["private"])
    inner = change.pop("keyval", {})
    return json.dumps({**document, **change, "keyval": {**document["keyval"], **inner}})


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("ed25519", {"keyval": {"private": "0" * 64}}, "belongs to another public key"),
        ("ed25519", {"keyval": {"public": "1" * 64}}, "belongs to another public key"),
        ("ed25519", {"keyval": {"private": "0" * 62}}, "keyval.private: expected 64 hexadecimal digits"),
        ("ed25519", {"keyval": {"private": "z" * 64}}, "keyval.private: expected 64 hexadecimal digits"),
        ("ed25519", {"keyval": {"private": ""}}, "got a public key only; give the file without '.pub'"),
        ("ed25519", {"keyval": {"private": 7}}, "keyval.private: expected text"),
        ("ed25519", {"keytype": "rsa"}, "is not supported"),
        ("ed25519", {"keytype": "sphincs", "scheme": "sphincs"}, "'sphincs'"),
        ("ecdsa", {"scheme": "ecdsa-sha2-nistp384"}, "its scheme says ecdsa-sha2-nistp384"),
        ("ecdsa", {"keyval": {"private": "{}"}}, "expected a private key in PEM"),
        ("ecdsa", {"keyval": {"private": "a@@@@b"}}, "expected a private key in PEM"),
        ("ecdsa", {"keyval": {"private": "-----BEGIN EC PRIVATE KEY-----\nMHc="}}, "cut off"),
    ],
)
def test_json_that_is_no_private_key_is_refused(name: str, change: dict[str, Any], said: str) -> None:
    with pytest.raises(FormatError) as raised:
        load_signer(written(BY_NAME[name], changed_json(name, dict(change))))
    assert str(raised.value).startswith("old: expected a private key in PEM, or in JSON as in-toto 1.x wrote it")
    assert said in str(raised.value)


def test_rsa_key_in_json_opens_with_the_scheme_that_was_asked_for() -> None:
    vector = BY_NAME["rsa"]
    keyval = {"public": vector["public"], "private": vector["private"]}
    text = json.dumps({"keytype": "rsa", "scheme": "rsassa-pss-sha256", "keyval": keyval})
    assert load_signer(written(vector, text)).public_key == read_public_key("old.pub")
    assert load_signer("old", scheme="rsassa-pss-sha512").public_key.scheme == "rsassa-pss-sha512"


@pytest.mark.parametrize("text", ["{", "{}", '{"keytype": "ed25519"}', "[1]", '{"a": 1, "a": 2}'])
def test_other_json_is_named(text: str) -> None:
    with pytest.raises(FormatError, match=r"^old: expected a private key"):
        load_signer(written(VECTORS[0], text))


@pytest.mark.parametrize("length", [63, 65])
def test_no_message_repeats_the_private_key(length: int) -> None:
    secret = (json.loads(BY_NAME["ed25519"]["private"])["keyval"]["private"] * 2)[:length]
    with pytest.raises(CustodyError) as raised:
        load_signer(written(VECTORS[0], changed_json("ed25519", {"keyval": {"private": secret}})))
    assert secret[:8] not in str(raised.value)
