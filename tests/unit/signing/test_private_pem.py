"""What is a private key is opened; what is not is named, with what to do instead."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from custody.errors import FormatError, SignatureError, UsageError
from custody.signing.keyfile import KeySigner, public_key_of
from custody.signing.keypair import KINDS, generate
from custody.signing.private_pem import MAX_KEY_BYTES, read_private_key, write_private_key
from custody.signing.secret import NO_SECRET, SecretSource
from custody.signing.signer import Request

PASSPHRASE = b"correct horse"

# RFC 8410, section 10.3: the example private key, and the public key of section 10.1 that belongs to it.
RFC8410 = b"""-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
-----END PRIVATE KEY-----
"""
RFC8410_WITH_PUBLIC = b"""-----BEGIN PRIVATE KEY-----
MHICAQEwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
oB8wHQYKKoZIhvcNAQkJFDEPDA1DdXJkbGUgQ2hhaXJzgSEAGb9ECWmEzf6FQbrB
Z9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PRIVATE KEY-----
"""
RFC8410_PUBLIC = "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1"


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> SecretSource:
    monkeypatch.setenv("PASSPHRASE", PASSPHRASE.decode())
    return SecretSource(environment="PASSPHRASE")


def openssl(*arguments: str, data: bytes = b"") -> bytes:
    return subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=True).stdout


def test_the_rfc_s_key_has_the_rfc_s_public_half() -> None:
    key = read_private_key(RFC8410, "alice", NO_SECRET)
    assert public_key_of(key, "alice").public == RFC8410_PUBLIC


def test_one_changed_bit_is_another_key() -> None:
    changed = RFC8410.replace(b"MC4CAQAwBQYDK2VwBCIEINT", b"MC4CAQAwBQYDK2VwBCIEINX")
    key = read_private_key(changed, "alice", NO_SECRET)
    assert public_key_of(key, "alice").public != RFC8410_PUBLIC


@pytest.mark.parametrize("kind", [*KINDS])
def test_every_kind_survives_a_round_trip_with_and_without_passphrase(kind: str, secret: SecretSource) -> None:
    key = generate(kind, bits=2048 if kind == "rsa" else None)
    public = public_key_of(key, "k")
    plain = read_private_key(write_private_key(key, None), "k", NO_SECRET)
    encrypted = read_private_key(write_private_key(key, PASSPHRASE), "k", secret)
    assert public_key_of(plain, "k") == public_key_of(encrypted, "k") == public


def test_wrong_passphrase_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSPHRASE", "incorrect")
    data = write_private_key(generate(), PASSPHRASE)
    with pytest.raises(SignatureError, match="passphrase of 'alice' is wrong"):
        read_private_key(data, "alice", SecretSource(environment="PASSPHRASE"))


def test_encrypted_key_without_passphrase_names_the_options() -> None:
    data = write_private_key(generate(), PASSPHRASE)
    with pytest.raises(UsageError, match=r"'alice' is encrypted.*--password-env NAME"):
        read_private_key(data, "alice", NO_SECRET)


def test_key_that_is_not_encrypted_asks_for_nothing() -> None:
    nowhere = SecretSource(environment="NOT_SET_AT_ALL")
    read_private_key(RFC8410, "alice", nowhere)
    with pytest.raises(UsageError, match="NOT_SET_AT_ALL"):
        read_private_key(write_private_key(generate(), PASSPHRASE), "alice", nowhere)


@pytest.mark.component("openssl")
@pytest.mark.parametrize(
    "command",
    [
        ("genrsa", "-traditional", "2048"),
        ("ecparam", "-name", "prime256v1", "-genkey"),  # parameters first, then the key
        ("ecparam", "-name", "secp384r1", "-genkey", "-noout"),
        ("genpkey", "-algorithm", "ed25519"),
        ("genpkey", "-algorithm", "ed25519", "-text"),  # with a description around it
    ],
)
def test_keys_of_openssl_in_older_forms_are_read(command: tuple[str, ...]) -> None:
    data = openssl(*command)
    signer = KeySigner.from_pem(data, "old", Request())
    public = openssl("pkey", "-pubout", "-outform", "DER", data=data)
    assert signer.public_key.spki == public
    assert signer.public_key.verify(signer.sign(b"m"), b"m")
    assert not signer.public_key.verify(signer.sign(b"m"), b"n")


@pytest.mark.component("openssl")
@pytest.mark.parametrize("form", ["-traditional", "-v2=aes-256-cbc"])
def test_keys_that_openssl_encrypted_are_read(form: str, secret: SecretSource, monkeypatch: pytest.MonkeyPatch) -> None:
    if form == "-traditional":
        data = openssl("genrsa", "-traditional", "-aes128", "-passout", f"pass:{PASSPHRASE.decode()}", "2048")
    else:
        plain = openssl("genpkey", "-algorithm", "ed25519")
        protect = ("-topk8", "-v2", "aes-256-cbc", "-passout", f"pass:{PASSPHRASE.decode()}")
        data = openssl("pkcs8", *protect, data=plain)
    read_private_key(data, "old", secret)
    monkeypatch.setenv("OTHER", "incorrect")
    with pytest.raises(SignatureError, match="passphrase of 'old' is wrong"):
        read_private_key(data, "old", SecretSource(environment="OTHER"))


def test_version_2_of_the_form_is_read_or_refused_with_a_sentence() -> None:
    try:
        key = read_private_key(RFC8410_WITH_PUBLIC, "v2", NO_SECRET)
    except FormatError as error:
        assert str(error).startswith("v2: not a private key")  # noqa: PT017  # either way is right
    else:
        assert public_key_of(key, "v2").public == RFC8410_PUBLIC


PUBLIC = b"""-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----
"""


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (PUBLIC, "got a public key; give the private key"),
        (PUBLIC.replace(b"PUBLIC KEY", b"CERTIFICATE"), "got a certificate; sign with the private key"),
        (PUBLIC.replace(b"PUBLIC KEY", b"OPENSSH PRIVATE KEY"), "OpenSSH"),
        (PUBLIC.replace(b"PUBLIC KEY", b"ENCRYPTED SIGSTORE PRIVATE KEY"), "cosign"),
        (PUBLIC.replace(b"PUBLIC KEY", b"X509 CRL"), "got 'X509 CRL'"),
        (b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA me@here\n", "an OpenSSH public key"),
        (b'{"keytype": "ed25519"}', "JSON"),
        (b"", "an empty file"),
        (b" \n\n", "an empty file"),
        (b"hello\n", "got something else"),
        (b"\xff\xfe\x00", "got bytes"),
        (b"0.\x02\x01\x00", "DER"),
        (RFC8410[:60], "cut off"),
        (RFC8410[:-20], "cut off"),
        (b"-----BEGIN ", "cut off"),
        (b"-----BEGIN \n-----", "cut off"),
        (RFC8410.replace(b"MC4CAQAw", b"MC4CAQA"), "not a private key"),
        (RFC8410.replace(b"MC4C", b"M\xc3\xa4C"), "base64"),
        (RFC8410.replace(b"\nMC4C", b"\n"), "not a private key"),
        (RFC8410 + RFC8410, "expected one private key, got 2"),
        (RFC8410 + b"x" * MAX_KEY_BYTES, "at most 65536 bytes"),
    ],
)
def test_what_is_no_private_key_is_named(data: bytes, said: str) -> None:
    with pytest.raises(FormatError) as raised:
        read_private_key(data, "alice", NO_SECRET)
    assert str(raised.value).startswith("alice: ")
    assert said in str(raised.value)


def test_certificate_beside_the_private_key_does_not_matter() -> None:
    together = PUBLIC.replace(b"PUBLIC KEY", b"CERTIFICATE") + RFC8410
    key = read_private_key(together, "both.pem", NO_SECRET)
    assert public_key_of(key, "both.pem").public == RFC8410_PUBLIC


@pytest.mark.component("openssl")
@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("genpkey", "-algorithm", "x25519"), "X25519PrivateKey is not supported"),
        (("ecparam", "-name", "secp256k1", "-genkey", "-noout"), "curve secp256k1 is not supported"),
        (("genrsa", "1024"), "2048 to 16384 bits, got 1024"),  # A7
    ],
)
def test_keys_of_other_kinds_are_refused(command: tuple[str, ...], said: str, tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(openssl(*command))
    with pytest.raises(FormatError, match=said):
        KeySigner.from_pem((tmp_path / "key").read_bytes(), "key", Request())
