"""An encrypted PKCS8 file that would take for ever to open is refused before a passphrase is asked for."""

from __future__ import annotations

import base64
import subprocess

import pytest

from custody.errors import CustodyError, FormatError, SignatureError, UsageError
from custody.signing import costs
from custody.signing.private_pem import read_private_key
from custody.signing.secret import SecretSource

pytestmark = pytest.mark.component("openssl")

FORMS = {
    "pbkdf2": ("-v2", "aes-256-cbc", "-iter", "70000"),
    "scrypt": ("-scrypt", "-scrypt_N", "4096", "-scrypt_r", "8", "-scrypt_p", "1"),
}
ITERATIONS = bytes.fromhex("0203011170")
"""70000 in DER, as `-iter` above."""

N, R, P = bytes.fromhex("02021000"), bytes.fromhex("020108"), bytes.fromhex("020101")


@pytest.fixture(autouse=True)
def _passphrases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORD", "geheim")
    monkeypatch.setenv("OTHER", "anderes")


def encrypted(form: str) -> bytes:
    plain = subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519"], capture_output=True, check=True).stdout
    command = ["openssl", "pkcs8", "-topk8", *FORMS[form], "-passout", "pass:geheim", "-outform", "DER"]
    return subprocess.run(command, input=plain, capture_output=True, check=True).stdout


def pem_of(der: bytes) -> bytes:
    body = base64.encodebytes(der)
    return b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n" + body + b"-----END ENCRYPTED PRIVATE KEY-----\n"


def replaced(der: bytes, old: bytes, new: bytes) -> bytes:
    """Return `der` with a number replaced, and the lengths of everything around it."""
    tag, content, rest = element(der)
    if not rest and old in content:
        if tag == 0x30:
            inner, left = b"", content
            while left:
                _, _, following = element(left)
                inner += replaced(left[: len(left) - len(following)], old, new)
                left = following
            return bytes([tag]) + length_of(inner) + inner
    elif der == old:
        return new
    return der


def element(der: bytes) -> tuple[int, bytes, bytes]:
    size, start = der[1], 2
    if size >= 0x80:
        start += size - 0x80
        size = int.from_bytes(der[2:start], "big")
    return der[0], der[start : start + size], der[start + size :]


def length_of(content: bytes) -> bytes:
    if len(content) < 0x80:
        return bytes([len(content)])
    return b"\x82" + len(content).to_bytes(2, "big") if len(content) > 255 else b"\x81" + bytes([len(content)])


def integer(number: int) -> bytes:
    content = number.to_bytes(number.bit_length() // 8 + 1, "big")
    return b"\x02" + length_of(content) + content


@pytest.mark.parametrize("form", FORMS)
def test_key_of_usual_cost_opens(form: str) -> None:
    data = pem_of(encrypted(form))
    read_private_key(data, "key", SecretSource(environment="WORD"))
    with pytest.raises(SignatureError, match="the passphrase of 'key' is wrong"):
        read_private_key(data, "key", SecretSource(environment="OTHER"))


@pytest.mark.parametrize("number", [10_000_001, 2**31 - 1, 2**63 - 1, 2**4000])
def test_dear_iterations_are_refused_at_once(number: int) -> None:
    data = pem_of(replaced(encrypted("pbkdf2"), ITERATIONS, integer(number)))
    with pytest.raises(FormatError, match="key: expected 1 to 10000000 iterations over the passphrase, got"):
        read_private_key(data, "key", SecretSource(environment="NOT_SET_AT_ALL"))


def test_iterations_of_a_negative_number_are_refused() -> None:
    data = pem_of(replaced(encrypted("pbkdf2"), ITERATIONS, b"\x02\x01\xff"))
    with pytest.raises(FormatError, match="got -1"):
        read_private_key(data, "key", SecretSource(environment="WORD"))


@pytest.mark.parametrize(("old", "new"), [(N, 2**30), (R, 2**20), (P, 2**20), (N, 2**4000)])
def test_dear_parameters_of_scrypt_are_refused_at_once(old: bytes, new: int) -> None:
    data = pem_of(replaced(encrypted("scrypt"), old, integer(new)))
    with pytest.raises(FormatError, match="parameters of scrypt with N \\* r \\* p from 1 to 1048576"):
        read_private_key(data, "key", SecretSource(environment="NOT_SET_AT_ALL"))


@pytest.mark.parametrize(("form", "limit", "cost"), [
    ("pbkdf2", "MAX_ITERATIONS", 70_000),
    ("scrypt", "MAX_SCRYPT_COST", 4096 * 8),
])  # fmt: skip
def test_limit_itself_is_taken(form: str, limit: str, cost: int, monkeypatch: pytest.MonkeyPatch) -> None:
    data = pem_of(encrypted(form))
    monkeypatch.setattr(costs, limit, cost)
    read_private_key(data, "key", SecretSource(environment="WORD"))
    monkeypatch.setattr(costs, limit, cost - 1)
    with pytest.raises(FormatError, match="is this key from somebody you trust"):
        read_private_key(data, "key", SecretSource(environment="WORD"))


@pytest.mark.parametrize("form", FORMS)
def test_what_is_cut_off_is_an_error_with_a_sentence(form: str) -> None:
    der = encrypted(form)
    for length in range(0, len(der), 5):
        with pytest.raises(CustodyError, match="key"):
            read_private_key(pem_of(der[:length]), "key", SecretSource(environment="WORD"))


def test_form_in_which_lengths_are_left_out_is_refused() -> None:
    der = encrypted("pbkdf2")
    _, content, _ = element(der)
    with pytest.raises((SignatureError, FormatError), match="key"):
        read_private_key(pem_of(b"\x30\x80" + content + b"\0\0"), "key", SecretSource(environment="WORD"))


def test_passphrase_is_asked_for_where_the_cost_is_usual() -> None:
    with pytest.raises(UsageError, match="NOT_SET_AT_ALL"):
        read_private_key(pem_of(encrypted("pbkdf2")), "key", SecretSource(environment="NOT_SET_AT_ALL"))
